"""Starts a gateway: opens the log, the store and the port, and stops them in order.

One worker runs in this process. With more, this process only watches: it forks
one child per worker, all listening on the same port, hands signals on and starts
anew a child that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reliant import __version__
from reliant.errors import ConfigError, MissingExtra, ReliantError
from reliant.gateway._toml_lines import line_of, locate
from reliant.gateway.app import Gateway
from reliant.gateway.audit.folder import open_chain, signing_key
from reliant.gateway.audit.records import Change
from reliant.gateway.audit.redact import redact
from reliant.gateway.audit.replay import replay
from reliant.gateway.audit.verify import find_chains
from reliant.gateway.audit.writer import ChainWriter
from reliant.gateway.clock import DAY_S, Clock
from reliant.gateway.cold import Cold
from reliant.gateway.config import Config, read_config
from reliant.gateway.holdings import Holdings
from reliant.gateway.knowledge import Knowledge, check_ids
from reliant.gateway.metrics import Metrics
from reliant.gateway.runtime import Runtime
from reliant.gateway.state import Store
from reliant.gateway.telemetry import Exporter

if TYPE_CHECKING:
    import uvicorn

    from reliant.gateway.state.postgres import Copier

log = logging.getLogger("reliant.gateway")

_RESTART_S = 1.0
_NUMBERS_S = 1.0
_YOUNG_OBJECTS = 20_000
_RETENTION_S = 3_600.0


@dataclass(frozen=True)
class Settings:
    """What a gateway is started with.

    Attributes:
        state: Where the log and the store go if the configuration names no place.
        say: Prints a line for the operator.
    """

    path: Path
    env: Mapping[str, str]
    state: Path
    clock: Clock
    say: Callable[[str], None]


def load(settings: Settings, knowledge: Knowledge) -> Config:
    """Return the configuration, checked against the atlas as well.

    Raises:
        ConfigError: It is wrong; the line is named.
    """
    config = read_config(settings.path, settings.env)
    lines = locate(settings.path.read_text(encoding="utf-8"))

    def line(table: str, at: int, key: str) -> int:
        return line_of(lines, (table, key) if at < 0 else (table, at, key))

    check_ids(config, knowledge.atlas, settings.path, line)
    return config


class Worker:
    """One gateway process: application, log, store and what happens regularly."""

    def __init__(self, settings: Settings, config: Config, knowledge: Knowledge, number: int) -> None:
        self.settings = settings
        self.knowledge = knowledge
        self.number = number
        self.audit = Path(config.audit.path) if config.audit.path else settings.state / "audit"
        self.runtime = Runtime(config, knowledge, settings.clock, settings.env)
        self.metrics = Metrics(lambda: self.chain.next_number)
        self.chain: ChainWriter = open_chain(
            self.audit,
            f"{_node()}-{number}",
            config,
            clock=settings.clock,
            config_digest=self.runtime.digest,
            atlas_version=knowledge.atlas.version,
            version=__version__,
        )
        self.store: Store = open_store(config, settings)
        self.numbers = settings.state / f"metrics-{config.listen.port}"
        self._cold = Cold(self)
        self.gateway = Gateway(
            self.runtime,
            self.chain,
            self.metrics,
            settings.clock,
            Holdings(self.store),
            cold=self._cold.answer,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.server: uvicorn.Server | None = None
        self.exporter: Exporter | None = None
        self.watched = False

    # life
    async def start(self) -> None:
        """Open what needs a running loop, and begin the regular work."""
        await self.store.open()
        self.runtime.with_keys(await self.store.keys())
        segments = find_chains(self.audit)[self.chain.chain]
        replay(segments, self.runtime.meters, self.settings.clock.wall())
        self._tasks = [
            asyncio.create_task(self._checkpoints(), name="checkpoints"),
            asyncio.create_task(self._follow_keys(), name="keys"),
            asyncio.create_task(self.chain.follow(), name="disk"),
        ]
        if self.runtime.config.listen.workers > 1:
            self._tasks.append(asyncio.create_task(self._leave_numbers(), name="metrics"))
        copier = self.copier()
        if copier is not None:
            self._tasks.append(asyncio.create_task(self._copy(copier), name="copy"))
        self._start_shared()
        if self.runtime.config.telemetry.otlp_endpoint:
            self.exporter = Exporter(self.runtime.config.telemetry, __version__)
            self.gateway.journal.listeners.append(self.exporter.listen)
            self._tasks.append(asyncio.create_task(self.exporter.run(), name="telemetry"))
        if self.runtime.config.audit.retention_days is not None:
            self._tasks.append(asyncio.create_task(self._retain(), name="retention"))

    async def stop(self) -> None:
        """Sign the log and close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.gateway.shared is not None:
            await self.gateway.shared.stop()
        if self.exporter is not None:
            self.exporter.close()
        await self.store.close()
        self.gateway.runtime.close()
        self.chain.close()

    def copier(self) -> Copier | None:
        """Return what copies the log to the database, if there is one."""
        from reliant.gateway.state.postgres import Copier, PostgresStore  # noqa: PLC0415

        return (
            Copier(self.audit, self.chain.chain, self.store)
            if isinstance(self.store, PostgresStore)
            else None
        )

    async def _copy(self, copier: Copier) -> None:
        while True:
            try:
                if not await copier.step():
                    await asyncio.sleep(0.3)
            except Exception as error:  # whatever the database does, copying must go on
                self.settings.say(f"the log is not copied for now: {error}")
                await asyncio.sleep(1.0)

    async def _leave_numbers(self) -> None:
        """Let the other workers know what this one has counted."""
        from reliant.gateway.merged import leave  # noqa: PLC0415 - only with several workers

        while True:
            leave(self.numbers, self.number, self.metrics.text())
            await asyncio.sleep(_NUMBERS_S)

    async def _retain(self) -> None:
        """Erase kept prompts that are older than the configuration says; the newest segment waits."""
        while True:
            days = self.gateway.runtime.config.audit.retention_days
            if days is not None:
                before = self.settings.clock.wall() - days * DAY_S
                erased = 0
                for file in find_chains(self.audit)[self.chain.chain]:
                    if file != self.chain.segment:
                        erased += await asyncio.to_thread(redact, file, frozenset(), before)
                if erased:
                    self.note("prompts erased by retention", "the gateway", str(erased))
            await asyncio.sleep(_RETENTION_S)

    def _start_shared(self) -> None:
        shared = self.runtime.config.shared
        url = shared.url or (self.settings.env.get(shared.url_env) if shared.url_env else None)
        if url is None:
            return
        from reliant.gateway.state.shared import SharedState  # noqa: PLC0415

        state = self.gateway.shared = SharedState(url, lease=shared.lease, on_down=shared.on_down)
        state.start(lambda: self.gateway.runtime, self.settings.clock.steady, self.settings.clock.wall)

    def reload_all(self, by: str) -> str:
        """Reload this worker and, through the process that watches them, all others."""
        wrong = self.reload(by)
        if not wrong and self.watched:
            os.kill(os.getppid(), signal.SIGHUP)
        return wrong

    def reload(self, by: str) -> str:
        """Read the configuration again; return what is wrong with it, or nothing.

        Requests in flight end under the configuration they began with.
        """
        old = self.gateway.runtime
        try:
            config = load(self.settings, self.knowledge)
            fresh = Runtime(
                config,
                self.knowledge,
                self.settings.clock,
                self.settings.env,
                before=old,
                stored=old.stored,
            )
        except ReliantError as error:
            self.note("reload refused", by, str(error))
            return str(error)
        self.gateway.runtime = fresh
        old.close()
        self.note("reloaded", by, fresh.digest)
        return ""

    def drain(self, server: uvicorn.Server, number: int) -> None:
        """Take no new connections, let requests in flight end, then stop; at once if told twice."""
        self.gateway.draining = True
        server.handle_exit(number, None)

    def note(self, what: str, by: str, detail: str = "") -> None:
        """Write a change into the log."""
        number, moment = self.chain.take()
        self.chain.append(Change(n=number, t=moment, what=what, by=by, detail=detail))

    async def _checkpoints(self) -> None:
        every = self.runtime.config.audit.checkpoint_s
        while True:
            await asyncio.sleep(every)
            try:
                self.chain.checkpoint()
                await self.chain.durable(self.chain.next_number - 1)
            except OSError as error:
                self.settings.say(f"the decision log cannot be written: {error}")

    async def _follow_keys(self) -> None:
        """Learn keys that other workers and nodes made."""
        while True:
            await asyncio.sleep(2.0)
            try:
                stored = await self.store.keys()
            except Exception as error:  # a store that is down must not stop serving
                self.settings.say(f"keys cannot be read from the store: {error}")
                continue
            if tuple(stored) != self.gateway.runtime.stored:
                self.gateway.runtime.with_keys(stored)


def open_store(config: Config, settings: Settings) -> Store:
    """Return the store that the configuration names."""
    url = config.store.url or (settings.env.get(config.store.url_env) if config.store.url_env else None)
    if url is None:
        from reliant.gateway.state.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(settings.state / "gateway.sqlite")
    from reliant.gateway.state.postgres import PostgresStore  # noqa: PLC0415

    return PostgresStore(url)


def _node() -> str:
    return "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40] or "node"


# the port
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
    try:
        import httptools  # noqa: F401, PLC0415
        import uvicorn  # noqa: F401, PLC0415
        import uvloop  # noqa: F401, PLC0415
    except ImportError:
        raise MissingExtra("the gateway", "gateway") from None
    from reliant import atlas  # noqa: PLC0415

    knowledge = Knowledge(atlas.load())
    config = load(settings, knowledge)
    sock = _bind(config)
    folder = Path(config.audit.path) if config.audit.path else settings.state / "audit"
    signing_key(folder, config.audit.signing_key)
    host, port = sock.getsockname()[:2]
    if config.listen.workers == 1:
        settings.say(f"serving on http://{host}:{port}, log in {folder}")
        return run_worker(settings, config, knowledge, 0, sock)
    settings.say(f"serving on http://{host}:{port} with {config.listen.workers} workers, log in {folder}")
    return _supervise(settings, config, knowledge, sock)


def run_worker(
    settings: Settings,
    config: Config,
    knowledge: Knowledge,
    number: int,
    sock: socket.socket,
    *,
    watched: bool = False,
) -> int:
    """Serve in this process until a signal says to stop; `watched` if a parent hands signals on."""
    import uvloop  # noqa: PLC0415

    worker = Worker(settings, config, knowledge, number)
    worker.watched = watched
    # What is loaded now stays: looking through it for garbage again and again costs a tenth of all time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve_on(worker, config, sock, signals=True))


async def serve_on(worker: Worker, config: Config, sock: socket.socket, *, signals: bool = False) -> int:
    """Serve a worker on a socket until its server is told to exit.

    With `signals`, which only the main thread can have, SIGHUP reads the configuration
    again, and SIGTERM or SIGINT lets requests in flight end and stops.
    """
    import uvicorn  # noqa: PLC0415

    from reliant.gateway.protocol import guarded  # noqa: PLC0415

    protocol = guarded(config.limits)

    class Server(uvicorn.Server):
        """uvicorn's server would end the process by the signal again, before the log is closed."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave signals to whoever started the worker."""
            yield

    server = Server(
        uvicorn.Config(
            worker.gateway,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_keep_alive=int(config.limits.keep_alive_s),
            timeout_graceful_shutdown=int(config.limits.drain_s),
            ssl_certfile=config.listen.tls_cert,
            ssl_keyfile=config.listen.tls_key,
            backlog=4_096,
        )
    )
    loop = asyncio.get_running_loop()
    await worker.start()
    protocol.watch(loop)
    if signals:
        loop.add_signal_handler(signal.SIGHUP, worker.reload, "SIGHUP")
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, worker.drain, server, one)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    worker.server = server
    try:
        await server.serve(sockets=[sock])
    finally:
        await worker.stop()
    return 0


def _newest(settings: Settings, config: Config, knowledge: Knowledge) -> Config:
    """Return the configuration as the file has it now; where that is wrong, the one we began with."""
    try:
        return load(settings, knowledge)
    except ReliantError as error:
        settings.say(f"a worker starts with the configuration before: {error}")
        return config


def _supervise(settings: Settings, config: Config, knowledge: Knowledge, sock: socket.socket) -> int:
    """Run workers as children; start anew those that die."""
    children: dict[int, int] = {}
    stopping = False

    def spawn(number: int) -> None:
        # A reload that comes while a worker starts waits until it can be heard.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        pid = os.fork()
        if pid == 0:
            for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(one, signal.SIG_DFL)
            code = 1
            try:
                newest = _newest(settings, config, knowledge)
                code = run_worker(settings, newest, knowledge, number, sock, watched=True)
            except ReliantError as error:
                settings.say(f"error: {error}")
            finally:
                os._exit(code)
        children[pid] = number
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def pass_on(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGHUP
        for pid in children:
            os.kill(pid, number)

    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, pass_on)
    for number in range(config.listen.workers):
        spawn(number)
    while children:
        try:
            pid, status = os.wait()
        except InterruptedError:
            continue
        number = children.pop(pid)
        if not stopping:
            code = os.waitstatus_to_exitcode(status)
            settings.say(f"worker {number} ended with {code}; starting it anew")
            signal.sigtimedwait([], _RESTART_S)
            spawn(number)
    return 0
