"""Starts a gateway: opens the port, then serves on it in one process or in several.

One worker runs in this process. With more, this process only watches them, and all
listen on the same port.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from reliant.errors import ConfigError
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.audit.folder import signing_key
from reliant.gateway.config import Config
from reliant.gateway.runtime import Runtime
from reliant.gateway.supervise import HANDED_ON, STOP_S
from reliant.gateway.worker import Settings, Worker, load

_YOUNG_OBJECTS = 20_000
_BACKLOG = 4_096


@dataclass(frozen=True)
class Watch:
    """The process that watches a worker: its id, and what becomes readable once it is gone."""

    parent: int
    alive: int


def _bind(config: Config) -> socket.socket:
    host, port = config.listen.host, config.listen.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        # Who comes before the first worker is ready waits, and is not told that nobody is here.
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        problem = f"cannot listen on {_at(host, port)}: {error.strerror}"
        hint = "Choose another host or port in [listen], or stop what listens there."
        raise ConfigError("[listen]", 0, problem, hint=hint) from None
    sock.set_inheritable(True)
    return sock


def _at(host: str, port: int) -> str:
    """Return host and port as an address has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(settings: Settings) -> int:
    """Serve until told to stop; return the exit code.

    Raises:
        ReliantError: The configuration is wrong, or the port is taken.
    """
    from reliant import atlas  # noqa: PLC0415

    # Read the configuration again: nobody can do that yet, so the wish waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    knowledge = Knowledge(atlas.load())
    text = _text(settings)
    config = load(settings, knowledge)
    sock = _bind(config)
    folder = Path(config.audit.path) if config.audit.path else settings.state / "audit"
    signing_key(folder, config.audit.signing_key)
    host, port = sock.getsockname()[:2]
    where = f"{'https' if config.listen.tls_cert else 'http'}://{_at(host, port)}"
    if config.listen.workers == 1:
        settings.say(f"serving on {where}, log in {folder}")
        return run_worker(settings, config, knowledge, 0, sock)
    settings.say(f"serving on {where} with {config.listen.workers} workers, log in {folder}")
    from reliant.gateway.forking import serve_forked  # noqa: PLC0415 - only with several workers

    return serve_forked(settings, config, text, knowledge, sock)


def run_worker(
    settings: Settings,
    config: Config,
    knowledge: Knowledge,
    number: int,
    sock: socket.socket,
    *,
    watch: Watch | None = None,
    runtime: Runtime | None = None,
) -> int:
    """Serve in this process until a signal says to stop, or until who watches it is gone.

    `runtime` is what was made of the rest before this process was forked.
    """
    import uvloop  # noqa: PLC0415

    worker = Worker(settings, config, knowledge, number, runtime=runtime)
    worker.parent = watch.parent if watch is not None else None
    # What is loaded now stays: looking through it for garbage again and again costs a tenth of all time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_heeding(worker, config, sock, watch))


async def _heeding(worker: Worker, config: Config, sock: socket.socket, watch: Watch | None) -> int:
    """Serve, and do what signals say: this is the main thread of its process."""
    loop = asyncio.get_running_loop()
    stop = _Stop(worker, config.limits.drain_s)
    loop.add_signal_handler(signal.SIGHUP, worker.reload, "SIGHUP")
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.told)
    if watch is not None:
        loop.add_reader(watch.alive, stop.orphaned, loop, watch.alive)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_ON)
    return await serve_on(worker, config, sock)


class _Stop:
    """Stops a worker, and ends its process if that takes longer than it may."""

    def __init__(self, worker: Worker, drain_s: float) -> None:
        self._worker = worker
        self._seconds = drain_s + STOP_S - 1.0
        self._overdue: threading.Timer | None = None

    def told(self) -> None:
        """Stop taking connections; a second time, stop at once."""
        if self._overdue is None:
            self._overdue = threading.Timer(self._seconds, self._end)
            self._overdue.daemon = True
            self._overdue.start()
        self._worker.drain()

    def orphaned(self, loop: asyncio.AbstractEventLoop, alive: int) -> None:
        """Stop because nobody would start this worker anew or hand signals on."""
        loop.remove_reader(alive)
        self._worker.settings.say(f"worker {self._worker.number} stops: the process that watched it is gone")
        self.told()

    def _end(self) -> None:
        self._worker.settings.say(f"worker {self._worker.number} did not stop in time; it ends now")
        os._exit(1)


async def serve_on(worker: Worker, config: Config, sock: socket.socket) -> int:
    """Serve a worker on a socket until it is drained."""
    from reliant.gateway.http.connection import Listening  # noqa: PLC0415 - it needs the extra
    from reliant.gateway.http.listen import Server  # noqa: PLC0415

    try:
        state = Listening(config.limits, worker.gateway.serve, worker.chain)
        server = worker.server = Server(state, worker.settings.clock, config.listen, config.limits.drain_s)
        if worker.gateway.draining:
            server.exit()
        await worker.start()
        await server.serve(sock)
    finally:
        await worker.stop()
    return 0


def _text(settings: Settings) -> bytes:
    """Return the configuration as it is written; nothing where it cannot be read."""
    with contextlib.suppress(OSError):
        return settings.path.read_bytes()
    return b""
