"""Starts a gateway: opens the port, then serves on it in one process or in several.

One worker runs in this process. With more, this process only watches them, and all
listen on the same port.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import os
import signal
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec

from reliant.errors import ConfigError, ReliantError
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.audit.folder import signing_key
from reliant.gateway.config import Config
from reliant.gateway.runtime import Runtime
from reliant.gateway.supervise import STOP_S, Supervisor
from reliant.gateway.worker import Settings, Worker, load

_YOUNG_OBJECTS = 20_000
_ANY_MODEL = "a-model"


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
    except OSError as error:
        sock.close()
        raise ConfigError("[listen]", 0, f"cannot listen on {host}:{port}: {error.strerror}") from None
    sock.set_inheritable(True)
    return sock


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
    if config.listen.workers == 1:
        settings.say(f"serving on http://{host}:{port}, log in {folder}")
        return run_worker(settings, config, knowledge, 0, sock)
    settings.say(f"serving on http://{host}:{port} with {config.listen.workers} workers, log in {folder}")
    return _supervise(settings, config, text, knowledge, sock)


def run_worker(
    settings: Settings,
    config: Config,
    knowledge: Knowledge,
    number: int,
    sock: socket.socket,
    *,
    watch: Watch | None = None,
) -> int:
    """Serve in this process until a signal says to stop, or until who watches it is gone."""
    import uvloop  # noqa: PLC0415

    worker = Worker(settings, config, knowledge, number)
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
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
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


def _supervise(
    settings: Settings, config: Config, text: bytes, knowledge: Knowledge, sock: socket.socket
) -> int:
    """Serve in several processes; each begins with the configuration as the file has it then.

    While that is `text`, which `config` was read from, all of them have it in common.
    """
    parent = os.getpid()

    def work(number: int, alive: int) -> int:
        # How long draining may take is the watcher's to know: that stays as it was at the start.
        newest = config if _text(settings) == text else _newest(settings, config, knowledge)
        limits = msgspec.structs.replace(newest.limits, drain_s=config.limits.drain_s)
        mine = msgspec.structs.replace(newest, limits=limits)
        return run_worker(settings, mine, knowledge, number, sock, watch=Watch(parent, alive))

    _share(settings, config, knowledge)
    drain_s = math.ceil(config.limits.drain_s)
    return Supervisor(config.listen.workers, work, drain_s, settings.say, settings.clock.steady).run()


def _share(settings: Settings, config: Config, knowledge: Knowledge) -> None:
    """Load before the workers are forked what all of them need, so that they have it in common.

    What a worker only reads stays one copy; looking for garbage would write to all of it.
    """
    import uvloop  # noqa: F401, PLC0415

    from reliant.gateway.http import connection, listen  # noqa: F401, PLC0415
    from reliant.gateway.operate import merged  # noqa: F401, PLC0415
    from reliant.gateway.state import copier, sqlite  # noqa: F401, PLC0415

    runtime = Runtime(config, knowledge, settings.clock, settings.env)
    for caller in runtime.keys.callers[:1]:
        for upstream in runtime.targets:
            # The first question makes the indexes that all questions use.
            runtime.admission.ruling(caller, upstream, _ANY_MODEL, caller.country)
    gc.collect()
    gc.freeze()


def _text(settings: Settings) -> bytes:
    """Return the configuration as it is written; nothing where it cannot be read."""
    with contextlib.suppress(OSError):
        return settings.path.read_bytes()
    return b""


def _newest(settings: Settings, config: Config, knowledge: Knowledge) -> Config:
    """Return the configuration as the file has it now; where that is wrong, the one we began with."""
    try:
        return load(settings, knowledge)
    except (ReliantError, OSError) as error:
        settings.say(f"the configuration before stays in force: {error}")
        return config
