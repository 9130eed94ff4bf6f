"""Serves with one worker in this process, until a signal says to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from dataclasses import dataclass

from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.config import Config
from reliant.gateway.runtime import Runtime
from reliant.gateway.supervise import HANDED_ON, STOP_S
from reliant.gateway.worker import Settings, Worker

_YOUNG_OBJECTS = 20_000


@dataclass(frozen=True)
class Watch:
    """The process that watches a worker: its id, and what becomes readable once it is gone."""

    parent: int
    alive: int


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
