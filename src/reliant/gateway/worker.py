"""One gateway process: application, log, store, and what happens regularly beside the requests."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reliant import __version__
from reliant.errors import ReliantError, TargetError
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.audit.ends import End, end_of, where_it_ended
from reliant.gateway.audit.folder import begin_anew, open_chain
from reliant.gateway.audit.records import Change
from reliant.gateway.audit.redact import redact
from reliant.gateway.audit.removal import removable, remove
from reliant.gateway.audit.replay import chains_of, keep, replay
from reliant.gateway.audit.verify import find_chains
from reliant.gateway.audit.writer import ChainWriter
from reliant.gateway.clock import DAY_S, Clock
from reliant.gateway.config import Config, line_of, locate, read_config, with_start_of
from reliant.gateway.metrics import Metrics
from reliant.gateway.names import check_names
from reliant.gateway.operate import LEARN_S
from reliant.gateway.operate.cold import Cold
from reliant.gateway.operate.telemetry import Exporter
from reliant.gateway.runtime import Runtime
from reliant.gateway.serve.app import Gateway
from reliant.gateway.serve.holdings import Holdings
from reliant.gateway.state import Store

if TYPE_CHECKING:
    from reliant.gateway.http.listen import Server
    from reliant.gateway.state.copier import Copier

_NUMBERS_S = 1.0
_GIVE_BACK_S = 2.0
_COUNTS_S = 2.0
_COUNTS_SHARE = 500
"""Keeping the counts of very many keys takes no more than this part of the time."""

_RETENTION_S = 3_600.0
_NAMES_TRIED = 3
_SET_BACK_S = 1.0
"""A clock that is set back by more is a change: the times of the records go back with it."""

_CLOSE_S = 1.5
"""How long a database or a cache may take to say goodbye when the worker stops."""


@dataclass(frozen=True)
class Settings:
    """What a gateway is started with.

    Attributes:
        state: Where the log and the store go if the configuration names no place.
        say: Prints a line for the operator.
        again: The command that serves as one of several workers, but for the end of its last word:
            what such a worker is handed.
    """

    path: Path
    env: Mapping[str, str]
    state: Path
    clock: Clock
    say: Callable[[str], None]
    again: tuple[str, ...] = ()


def load(settings: Settings, knowledge: Knowledge) -> Config:
    """Return the configuration, checked against the atlas as well.

    Raises:
        ConfigError: It is wrong; the line is named.
    """
    config = read_config(settings.path, settings.env)
    lines = locate(settings.path.read_text(encoding="utf-8-sig"))

    def line(table: str, at: int, key: str) -> int:
        return line_of(lines, (table, key) if at < 0 else (table, at, key))

    check_names(config, knowledge, settings.path, line)
    return config


class Worker:
    """One gateway process: application, log, store and what happens regularly."""

    def __init__(
        self,
        settings: Settings,
        config: Config,
        knowledge: Knowledge,
        number: int,
        *,
        runtime: Runtime | None = None,
    ) -> None:
        """Open the log; nothing is written yet.

        Args:
            settings: What the gateway was started with.
            config: What it serves.
            knowledge: The atlas.
            number: Of this worker, from 0.
            runtime: Made of these already, and used by nobody else in this process.
        """
        self.settings = settings
        self.knowledge = knowledge
        self.number = number
        self.audit = Path(config.audit.path) if config.audit.path else settings.state / "audit"
        self.runtime = runtime or Runtime(config, knowledge, settings.clock, settings.env)
        self.metrics = Metrics(lambda: self.chain.next_number)
        self.chain: ChainWriter = open_chain(
            self.audit,
            number,
            config,
            host=socket.gethostname(),
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
        self._learning = asyncio.Lock()
        self.server: Server | None = None
        self.exporter: Exporter | None = None
        self.copier: Copier | None = None
        self._erased: set[Path] = set()
        self._counted: dict[str, tuple[int, str]] = {}
        self._kept_until = -1
        self.parent: int | None = None

    # life
    async def start(self) -> None:
        """Open what needs a running loop, and begin the regular work."""
        self.chain.gather(asyncio.get_running_loop())
        await self.store.open()
        self.copier = await self._claim()
        self.chain.begin()
        self.runtime.with_keys(await self.store.keys())
        self._count_again()
        self._tasks = [
            asyncio.create_task(self._checkpoints(), name="checkpoints"),
            asyncio.create_task(self._follow_keys(), name="keys"),
            asyncio.create_task(self._keep_counts(), name="counts"),
            asyncio.create_task(self._give_back(), name="memory"),
            asyncio.create_task(self.chain.disk.follow(), name="disk"),
        ]
        if self.runtime.config.listen.workers > 1:
            self._tasks.append(asyncio.create_task(self._leave_numbers(), name="metrics"))
        copier = self.copier
        if copier is not None:
            words = "Records of the log that the database has not yet."
            uncopied = "reliant_gateway_log_uncopied_records"
            self.metrics.watch(uncopied, words, lambda: self.chain.next_number - 1 - copier.copied)
            self._tasks.append(asyncio.create_task(self._copy(copier), name="copy"))
        self._start_shared()
        if self.runtime.config.telemetry.otlp_endpoint:
            exporter = self.exporter = Exporter(self.runtime.config.telemetry, __version__)
            words = "Spans that the collector did not get."
            self.metrics.watch("reliant_gateway_spans_dropped_total", words, lambda: exporter.dropped)
            self.gateway.journal.listeners.append(self.exporter.listen)
            self._tasks.append(asyncio.create_task(self.exporter.run(), name="telemetry"))
        self._tasks.append(asyncio.create_task(self._retain(), name="retention"))

    async def stop(self) -> None:
        """Sign the log and close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            self.chain.checkpoint()
            self.chain.settle()
            self._keep()
        if self.exporter is not None:
            self.exporter.close()
        closing = [self._close("store", self._leave_store())]
        if self.gateway.shared is not None:
            closing.append(self._close("shared counts", self.gateway.shared.stop()))
        await asyncio.gather(*closing)
        self.gateway.runtime.close()
        self.chain.close()

    async def _leave_store(self) -> None:
        """Copy what is left of the log, let go of the chain, and disconnect."""
        try:
            if self.copier is not None:
                while await self.copier.step(self.settings.clock.steady()):
                    pass
                await self.copier.close()
        finally:
            await self.store.close()

    async def _close(self, what: str, closing: Awaitable[None]) -> None:
        """Wait for a service to be closed, but never for long: the log must still be signed."""
        try:
            await asyncio.wait_for(closing, _CLOSE_S)
        except Exception as error:  # whatever it is, the log comes after it
            self.settings.say(f"the {what} did not close: {str(error) or type(error).__name__}")

    async def _claim(self) -> Copier | None:
        """Return what copies the log to the database, if one is configured; the chain is then ours alone."""
        if _database(self.runtime.config, self.settings) is None:
            return None
        from reliant.gateway.state.copier import Copier  # noqa: PLC0415 - only with a database
        from reliant.gateway.state.postgres import PostgresStore  # noqa: PLC0415

        assert isinstance(self.store, PostgresStore)
        for _ in range(_NAMES_TRIED):
            chain = self.chain
            copier = Copier(self.audit, chain.chain, self.store, place_of(self.audit))
            because = await copier.claim(chain.next_number - 1)
            if not because:
                return copier
            self.settings.say(f"the chain {chain.chain} is not gone on with: {because}; a new one begins")
            begin_anew(chain, self.number, socket.gethostname(), because=because)
        raise TargetError("no chain of the log is free", hint="Look at reliant_writers in the database.")

    async def _copy(self, copier: Copier) -> None:
        said = ""
        while True:
            try:
                if not await copier.step(self.settings.clock.steady()):
                    await asyncio.sleep(0.3)
                said = ""
            except Exception as error:  # whatever the database does, copying must go on
                if str(error) != said:
                    said = str(error)
                    self.settings.say(f"the log is not copied for now: {error}")
                await asyncio.sleep(1.0)

    def _count_again(self) -> None:
        """Go on with what keys have used, as the log tells it."""
        found = chains_of(find_chains(self.audit), self.number, self.runtime.config.listen.workers)
        replay(found, self.runtime.meters, self.settings.clock.wall())
        for segments in found:
            chain = segments[0].stem.rpartition("-")[0]
            ended = where_it_ended(self.audit, chain)
            if chain != self.chain.chain and ended.records:
                self._counted[chain] = (ended.records - 1, ended.digest.hex())

    async def _keep_counts(self) -> None:
        """Keep what keys have used: so the next start reads no more of the log than what follows."""
        steady, every = self.settings.clock.steady, _COUNTS_S
        while True:
            await asyncio.sleep(every)
            began = steady()
            with contextlib.suppress(OSError):  # the next start reads more then
                self._keep()
            every = max(_COUNTS_S, _COUNTS_SHARE * (steady() - began))

    def _keep(self) -> None:
        chain, meters = self.chain, self.gateway.runtime.meters
        last = chain.next_number - 1
        if last > self._kept_until and any(meter.bounded for meter in meters.values()):
            chain.flush_or_fail()  # a record is counted only where it is in the log
            keep(self.audit, chain.chain, {**self._counted, chain.chain: (last, chain.head)}, meters)
            self._kept_until = last

    async def _give_back(self) -> None:
        """Give memory that is free back to the system, at moments when nobody is served.

        Large bodies leave megabytes of it, in pieces the C library keeps by itself.
        """
        trim = free_memory_trimmer()
        before = self.chain.next_number
        while trim is not None:
            await asyncio.sleep(_GIVE_BACK_S)
            now = self.chain.next_number
            if now != before and not self.gateway.active:
                trim(0)
                before = now

    async def _leave_numbers(self) -> None:
        """Let the other workers know what this one has counted."""
        from reliant.gateway.operate.merged import leave  # noqa: PLC0415 - only with several workers

        while True:
            leave(self.numbers, self.number, self.metrics.text())
            await asyncio.sleep(_NUMBERS_S)

    async def _retain(self) -> None:
        """Erase kept prompts and take segments away as the configuration says; the newest segment waits."""
        while True:
            try:
                await self._retain_once()
            except (OSError, ReliantError) as error:
                self.settings.say(f"what is older than the log keeps is still there: {error}")
            await asyncio.sleep(_RETENTION_S)

    async def _retain_once(self) -> None:
        audit, now = self.gateway.runtime.config.audit, self.settings.clock.wall()
        if audit.delete_days is not None:
            old = [file for file in find_chains(self.audit)[self.chain.chain] if file != self.chain.segment]
            until = self.copier.copied if self.copier is not None else math.inf
            before = now - audit.delete_days * DAY_S
            gone, said = await asyncio.to_thread(removable, old, before, until)
            if said is not None:
                remove(self.chain, gone, said)
        if audit.retention_days is not None:
            erased = await self._erase(now - audit.retention_days * DAY_S)
            if erased:
                self.note("prompts erased by retention", "the gateway", str(erased))

    async def _erase(self, before: float) -> int:
        """Erase kept prompts, also in chains of a time with another name; return how many."""
        count, erased = self.runtime.config.listen.workers, 0
        for files in chains_of(find_chains(self.audit), self.number, count):
            for file in files:
                if file != self.chain.segment and file not in self._erased:
                    erased += await asyncio.to_thread(redact, file, frozenset(), before)
                    end = end_of(file)
                    if isinstance(end, End) and end.moment < before * 1_000_000:
                        self._erased.add(file)  # nothing in it is younger
        return erased

    def _start_shared(self) -> None:
        shared = self.runtime.config.shared
        url = shared.url or (self.settings.env.get(shared.url_env) if shared.url_env else None)
        if url is None:
            return
        from reliant.gateway.state.shared import SharedState  # noqa: PLC0415

        state = self.gateway.shared = SharedState(
            url,
            who=self.chain.chain,
            before=self._counted,
            lease=shared.lease,
            on_down=shared.on_down,
            timeout_s=shared.timeout_s,
        )
        away = "reliant_gateway_shared_counts_away"
        self.metrics.watch(away, "1 while the shared counts do not answer.", lambda: float(state.down))
        clock = self.settings.clock
        state.start(lambda: self.gateway.runtime, clock.steady, clock.wall, self.settings.say)

    def reload_all(self, by: str) -> str:
        """Reload this worker and, through the process that watches them, all others."""
        wrong = self.reload(by)
        if not wrong and self.parent is not None and os.getppid() == self.parent:
            os.kill(self.parent, signal.SIGHUP)
        return wrong

    def reload(self, by: str) -> str:
        """Read the configuration again; return what is wrong with it, or nothing.

        Requests in flight end under the configuration they began with.
        """
        old = self.gateway.runtime
        try:
            config, waiting = with_start_of(load(self.settings, self.knowledge), old.config)
            if self.server is not None:
                self.server.renew(config.listen)
            fresh = Runtime(
                config,
                self.knowledge,
                self.settings.clock,
                self.settings.env,
                before=old,
                stored=old.stored,
            )
        except (ReliantError, OSError) as error:
            self.note("reload refused", by, str(error))
            wrong = f"{error}. {getattr(error, 'hint', '')}".strip()
            self._tell(f"the configuration before stays in force: {wrong}")
            return wrong
        self.gateway.runtime = fresh
        old.close()
        self.note("reloaded", by, fresh.digest)
        if self.number == 0:
            self._tell(f"the configuration was read again: {fresh.digest[:16]}")
            if waiting:
                self._tell(f"what only a start reads stays as it was: {', '.join(waiting)}")
        return ""

    def _tell(self, words: str) -> None:
        """Tell the operator which worker says something, where there are several."""
        several = self.gateway.runtime.config.listen.workers > 1
        self.settings.say(f"worker {self.number}: {words}" if several else words)

    def drain(self) -> None:
        """Take no new connections, let requests in flight end, then stop; at once if told twice."""
        self.gateway.draining = True
        if self.server is not None:
            self.server.exit()

    def note(self, what: str, by: str, detail: str = "") -> None:
        """Write a change into the log."""
        number, moment = self.chain.take()
        self.chain.append(Change(n=number, t=moment, what=what, by=by, detail=detail))

    async def _checkpoints(self) -> None:
        every = self.runtime.config.audit.checkpoint_s
        clock = self.settings.clock
        apart = clock.wall() - clock.steady()
        while True:
            await asyncio.sleep(every)
            try:
                now_apart = clock.wall() - clock.steady()
                if now_apart < apart - _SET_BACK_S:
                    self.note("clock set back", "the gateway", f"{apart - now_apart:.1f} s")
                apart = now_apart
                self.chain.checkpoint()
                await self.chain.durable(self.chain.next_number - 1)
            except OSError as error:
                self.settings.say(f"the decision log cannot be written: {error}")

    async def _follow_keys(self) -> None:
        """Learn keys that other workers and nodes made."""
        said = ""
        while True:
            await asyncio.sleep(LEARN_S)
            try:
                await self.learn_keys()
                said = ""
            except Exception as error:  # a store that is down must not stop serving
                if str(error) != said:
                    said = str(error)
                    self._tell(f"keys cannot be read from the store: {error}")

    @property
    def has_others(self) -> bool:
        """Whether other workers or nodes serve the same keys."""
        config = self.gateway.runtime.config
        return config.listen.workers > 1 or bool(config.store.url or config.store.url_env)

    async def learn_keys(self) -> None:
        """Take over the keys that are in the store; one at a time: an older list must not come later."""
        async with self._learning:
            stored = await self.store.keys()
            if tuple(stored) != self.gateway.runtime.stored:
                self.gateway.runtime.with_keys(stored)


def free_memory_trimmer() -> Callable[[int], object] | None:
    """Return what gives free memory back to the system, if the C library has such a thing (glibc has)."""
    import ctypes  # noqa: PLC0415 - loaded once, before workers are forked

    trim: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


def _database(config: Config, settings: Settings) -> str | None:
    """Return the address of the database for keys and log, if one is configured."""
    return config.store.url or (settings.env.get(config.store.url_env) if config.store.url_env else None)


def open_store(config: Config, settings: Settings) -> Store:
    """Return the store that the configuration names."""
    url = _database(config, settings)
    if url is None:
        from reliant.gateway.state.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(settings.state / "gateway.sqlite")
    from reliant.gateway.state.postgres import PostgresStore  # noqa: PLC0415

    return PostgresStore(url)


def place_of(folder: Path) -> str:
    """Return what tells a folder from every copy of it: the machine since its start, and the place there."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    machine = boot.read_text(encoding="ascii").strip() if boot.exists() else socket.gethostname()
    there = folder.stat()
    return f"{socket.gethostname()} {machine} {there.st_dev}:{there.st_ino}"
