"""A gateway in front of fake providers: the product's own, on a free port, in a thread."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvloop

from reliant import atlas
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.clock import Clock
from reliant.gateway.process import serve_on
from reliant.gateway.worker import Settings, Worker, load
from support.gateway_provider import Provider, in_thread

PATIENCE_S = 60.0
"""So long is waited for what must come: machines that run this are shared and slow at times."""

_NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()
_BEGAN = time.monotonic()

REST = """
[[upstream]]
name = "m"
provider = "openai"
base_url = "http://127.0.0.1:1/v1"
[[key]]
name = "k"
secret = "sk-test"
[[route]]
model = "*"
upstreams = ["m"]
"""
"""What a configuration needs besides what is tried: one upstream that is never asked, one key, one route."""


def wall() -> float:
    """Return the time of a day that does not end while tests run, and whose rules stay what they are."""
    return _NOON + time.monotonic() - _BEGAN


_NO_TLS = ssl.create_default_context()
"""Making one costs more than a request; here nothing is asked over TLS."""


def post(url: str, **more: Any) -> httpx.Response:
    return httpx.post(url, verify=_NO_TLS, **{"timeout": PATIENCE_S, **more})


def get(url: str, **more: Any) -> httpx.Response:
    return httpx.get(url, verify=_NO_TLS, **{"timeout": PATIENCE_S, **more})


def until(true: Callable[[], object], what: str = "") -> None:
    """Return once `true()` is; fail if it does not become so."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not true after {PATIENCE_S} s: {what or true}"
        time.sleep(0.01)


_KNOWLEDGE: list[Knowledge] = []


def knowledge() -> Knowledge:
    """Return the real atlas, opened once."""
    if not _KNOWLEDGE:
        _KNOWLEDGE.append(Knowledge(atlas.load()))
    return _KNOWLEDGE[0]


@dataclass
class Running:
    """A gateway that serves."""

    url: str
    port: int
    worker: Worker
    loop: asyncio.AbstractEventLoop
    config: Path
    said: list[str]

    @property
    def audit(self) -> Path:
        return self.worker.audit

    def do(self, work: Any, *args: Any) -> Any:
        """Call something of the gateway in its own thread."""

        async def call() -> Any:
            return work(*args)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE_S)

    def records(self) -> list[dict[str, Any]]:
        """Return what is in the log; a line that is being written is not there yet."""
        files = [file.read_bytes() for file in sorted(self.audit.glob("*.jsonl"))]
        whole = [line for data in files for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
        return [json.loads(line)["r"] for line in whole]

    def outcomes(self) -> list[dict[str, Any]]:
        return [one for one in self.records() if one["kind"] == "outcome"]

    def decisions(self) -> list[dict[str, Any]]:
        return [one for one in self.records() if one["kind"] == "decision"]


@contextmanager
def gateway(
    folder: Path, text: str, *, env: dict[str, str] | None = None, wall: Callable[[], float] = wall
) -> Iterator[Running]:
    """Serve the configuration `text` on a free port; state and log go into `folder`."""
    config_path = folder / "gateway.toml"
    config_path.write_text(text, encoding="utf-8")
    said: list[str] = []
    settings = Settings(
        path=config_path,
        env=env or {},
        state=folder / "state",
        clock=Clock(wall=wall, steady=time.monotonic),
        say=said.append,
    )
    config = load(settings, knowledge())
    with socket.socket() as sock, in_thread(uvloop.new_event_loop) as loop:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        worker = Worker(settings, config, knowledge(), 0)
        serving = asyncio.run_coroutine_threadsafe(serve_on(worker, config, sock), loop)
        try:
            until(lambda: serving.done() or (worker.server is not None and worker.server.started))
            if serving.done():
                serving.result()
            yield Running(f"http://127.0.0.1:{port}", port, worker, loop, config_path, said)
        finally:
            loop.call_soon_threadsafe(worker.drain)
            serving.result(PATIENCE_S)


def config(
    *upstreams: Provider,
    more: str = "",
    route: str = "",
    place: str = "US",
    upstream: str = "",
    timeout_s: float = 30.0,
) -> str:
    """Return a small configuration: all upstreams in order behind every model, key `sk-test`."""
    blocks = [f'[place]\ncountry = "{place}"\n[limits]\ndrain_s = 1.0\n']
    for one in upstreams:
        blocks.append(
            f'[[upstream]]\nname = "{one.name}"\nprovider = "openai"\nbase_url = "{one.url}"\n'
            f'api_key = "sk-upstream"\ntimeout_s = {timeout_s}\n{upstream}\n'
        )
    names = ", ".join(f'"{one.name}"' for one in upstreams)
    blocks.append('[[key]]\nname = "test"\nsecret = "sk-test"\nadmin = true\n')
    blocks.append(f'[[route]]\nmodel = "*"\nupstreams = [{names}]\n{route or "retries = 0"}\n')
    return "".join(blocks) + more
