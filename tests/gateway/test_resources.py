"""Every method of the official SDKs: it works, at the provider that holds its object, or is refused in words.

The table in docs/gateway/index.md is what came out of it:
python tests/gateway/test_resources.py prints it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import anthropic
import openai
import pytest

from reliant.gateway.api.surface import find
from support.gateway_keeper import Keeper, keepers
from support.gateway_rig import PATIENCE_S, Running, config, gateway
from support.sdk_methods import Method, methods

OTHER = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
WARN = '[policy]\non_unknown = { access = "warn" }\n'
LINE = b'{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o"}}\n'
KNOWN: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hi"}],
    "input": "x",
    "purpose": "user_data",
    "training_file": "file-two00001",
    "input_file_id": "file-two00001",
    "file_ids": ["file-two00001"],
    "assistant_id": "asst_two00001",
    "requests": [{"custom_id": "1", "params": {"model": "gpt-4o", "max_tokens": 5, "messages": []}}],
    "max_tokens": 5,
    "fine_tuned_model_checkpoint": "ft:gpt-4o:two::00001",
    "model_id": "gpt-4o",
    "image": ("a.png", b"\x89PNG", "image/png"),
    "video": ("a.mp4", b"\x00"),
    "audio_sample": ("a.wav", b"\x00"),
    "recording": ("a.wav", b"\x00"),
    "file": ("a.jsonl", b"stored"),
    "data": ("a.bin", b"stored"),
    "size": 1,
    "bytes": 1,
    "metadata": {},
}
STICKY, SERVED = "served, where the object is", "served"


class Rig(NamedTuple):
    running: Running
    one: Keeper
    two: Keeper

    def seen(self) -> list[tuple[str, str, str]]:
        """Return name of the provider, verb and path of what reached one, and forget it."""
        found = [
            (keeper.name, seen.method, seen.path.partition("?")[0])
            for keeper in (self.one, self.two)
            for seen in keeper.seen
        ]
        self.one.seen.clear()
        self.two.seen.clear()
        return found


def ids_of(method: Method) -> dict[str, str]:
    """Return ids for the places in a path: the outermost is held by the second provider."""
    return {
        name: "gpt-4o" if name in {"model", "model_id"} else f"thing-{'two' if at == 0 else 'inner'}00001"
        for at, name in enumerate(method.places)
    }


@contextmanager
def serving(folder: Path, api: str) -> Iterator[Rig]:
    with keepers("one", "two") as (one, two):
        one.listed = two.listed = [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "x"}]
        two.content = {"file-two00001": LINE}
        text = config(one, two, more=OTHER + WARN)
        if api == "anthropic":
            text = text.replace('provider = "openai"', 'provider = "anthropic"\napi = "anthropic"')
        with gateway(folder, text) as running:
            held = ["thing-two00001", "file-two00001", "asst_two00001"]
            work = running.worker.gateway.holdings.hold(held, "two", "key:test")
            asyncio.run_coroutine_threadsafe(work, running.loop).result(PATIENCE_S)
            yield Rig(running, one, two)


def verdict(method: Method, client: Any, rig: Rig) -> str:
    """Call a method through its SDK; return what a reader of the table is told."""
    rig.seen()
    try:
        method.call(client, ids_of(method), KNOWN)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        assert rig.seen() == [], f"{method} was refused, but reached a provider"
        body = error.response.json()["error"]
        assert body["message"]
        return f"{error.status_code} `{body['code']}`"
    seen = rig.seen()
    if method.path.startswith("/models"):
        return SERVED
    wanted = "/v1" + method.path.format(**ids_of(method))
    assert (method.verb, wanted) in [(verb, path) for _, verb, path in seen], f"{method}: {seen}"
    if not method.places:
        return SERVED
    assert {name for name, _, _ in seen} == {"two"}, f"{method} left the provider that holds its object"
    return STICKY


def openai_client(rig: Rig, secret: str = "sk-test") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{rig.running.url}/v1", api_key=secret, admin_api_key=secret, max_retries=0
    )


def anthropic_client(rig: Rig, secret: str = "sk-test") -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=rig.running.url, api_key=secret, max_retries=0)


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what the SDK says of its own methods

CLIENTS = {"openai": (openai_client, ""), "anthropic": (anthropic_client, "/v1")}


def verdicts(folder: Path, api: str) -> dict[Method, str]:
    make, version = CLIENTS[api]
    with serving(folder, api) as rig, make(rig) as client:
        return {one: verdict(one, client, rig) for one in methods(client, version)}


@pytest.mark.parametrize("api", CLIENTS)
def test_every_method_of_the_sdk_works_or_is_refused_in_words(tmp_path: Path, root: Path, api: str) -> None:
    found = verdicts(tmp_path, api)
    page = (root / "docs" / "gateway" / "index.md").read_text(encoding="utf-8")

    assert len(found) > 300
    if title(api) in page:  # with another version of the SDK, what works or is refused still must
        missing = [line for line in rows(found) if line not in page]
        assert missing == [], "python tests/gateway/test_resources.py prints the table"


@pytest.mark.parametrize("api", CLIENTS)
def test_to_others_an_object_does_not_exist_whatever_is_asked_of_it(tmp_path: Path, api: str) -> None:
    make, version = CLIENTS[api]
    wrong, tried = [], 0
    with serving(tmp_path, api) as rig, make(rig, "sk-other") as client:
        for method in methods(client, version):
            if not method.places or method.path.startswith("/models"):
                continue
            if find(method.verb, "/v1" + method.path.format(**ids_of(method))) is None:
                continue  # refused to everybody
            tried += 1
            try:
                method.call(client, ids_of(method), KNOWN)
            except (openai.NotFoundError, anthropic.NotFoundError):
                continue
            wrong.append(method)
        reached = rig.seen()

    assert wrong == []
    assert reached == []
    assert tried > 10


def rows(found: dict[Method, str]) -> Iterable[str]:
    """Return the lines of the table: one for each part of the SDK, and what of it is otherwise."""
    parts: dict[str, dict[str, list[str]]] = {}
    for method, said in found.items():
        steps = method.name.split(".")
        top = 2 if steps[0] == "beta" else 1
        parts.setdefault(".".join(steps[:top]), {}).setdefault(said, []).append(".".join(steps[top:]))
    for part, by_verdict in parts.items():
        good = [said for said in (SERVED, STICKY) if said in by_verdict]
        what = []
        if good:
            what.append("served" + (", where the object is" if STICKY in good else ""))
        for said, names in by_verdict.items():
            if said not in good:
                which = "refused" if len(by_verdict) == 1 else ", ".join(f"`{one}`" for one in names)
                what.append(f"{which}: {said}")
        yield f"| `{part}` | {'; '.join(what)} |"


def title(api: str) -> str:
    return f"| `{api}` {sys.modules[api].__version__} | |"


def table() -> str:
    lines = []
    for api in CLIENTS:
        with TemporaryDirectory() as folder:
            lines += [title(api), "|---|---|"]
            lines += [*rows(verdicts(Path(folder), api)), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table())
