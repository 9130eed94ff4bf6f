"""The store for many machines: PostgreSQL. Also where the log is copied to.

The file stays the log that answers wait for. Its lines are copied here soon after
and in order; while the database is away they wait in the file, and copying goes
on from the last line that arrived. Nothing is lost and nothing is written twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from reliant.errors import MissingExtra, TargetError
from reliant.gateway.audit.chain import read_line, write_line
from reliant.gateway.audit.verify import find_chains, read_lines
from reliant.gateway.keys import StoredKey

if TYPE_CHECKING:
    from collections.abc import Iterator

# Workers that begin at once would make the same table: the lock lasts as long as these commands.
_TABLES = """
select pg_advisory_xact_lock(7346203158);
create table if not exists reliant_keys (name text primary key, body text not null);
create table if not exists reliant_held (id text primary key, upstream text not null, owner text not null);
create table if not exists reliant_log (
    chain text not null, n bigint not null, line text not null, primary key (chain, n)
);
"""
_BATCH = 1_000
_TRIES = 40
_PAUSE_S = 0.25
_AWAY = ("08", "53", "57")
"""Classes of SQLSTATE that mean: no connection, no room, being shut down or started."""

_Result = TypeVar("_Result")


class PostgresStore:
    """Keys, held objects and the log's copy; every call outlives a restart of the database."""

    def __init__(self, url: str) -> None:
        """Remember where it is.

        Raises:
            MissingExtra: The driver is not installed.
        """
        try:
            import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - only for a cluster
        except ImportError:
            raise MissingExtra("PostgreSQL", "gateway-cluster") from None
        self._driver: Any = asyncpg
        self._url = url
        self._pool: Any = None

    async def open(self) -> None:
        """Connect and make the tables; wait while the database starts."""
        await self._do(lambda connection: connection.execute(_TABLES))

    async def _connected(self) -> Any:
        if self._pool is None:
            self._pool = await self._driver.create_pool(self._url, min_size=0, max_size=4, command_timeout=10)
        return self._pool

    async def _do(self, work: Callable[[Any], Awaitable[_Result]]) -> _Result:
        """Run `work` on a connection; wait while the database restarts.

        Raises:
            TargetError: It stayed away for ten seconds.
        """
        driver = self._driver
        for _ in range(_TRIES):
            try:
                pool = await self._connected()
                async with pool.acquire(timeout=5) as connection:
                    return await work(connection)
            except driver.UniqueViolationError:
                # Two workers made the same table at once: it is there now.
                await asyncio.sleep(0.05)
            except (OSError, TimeoutError, driver.InterfaceError, driver.InternalClientError):
                await asyncio.sleep(_PAUSE_S)
            except driver.PostgresError as error:
                if not str(error.sqlstate).startswith(_AWAY):
                    raise
                await asyncio.sleep(_PAUSE_S)
        raise TargetError("the database of the store does not answer", hint="See [store] url.")

    async def keys(self) -> list[StoredKey]:
        """Return all keys made at run time."""
        rows = await self._do(lambda c: c.fetch("select body from reliant_keys order by name"))
        return [msgspec.json.decode(row["body"], type=StoredKey) for row in rows]

    async def save_key(self, key: StoredKey) -> None:
        """Add a key, or replace the one of the same name."""
        sql = "insert into reliant_keys values ($1, $2) on conflict (name) do update set body = excluded.body"
        body = msgspec.json.encode(key).decode()
        await self._do(lambda c: c.execute(sql, key.name, body))

    async def hold(self, ids: list[str], upstream: str, owner: str) -> None:
        """Remember where objects are held."""
        sql = "insert into reliant_held values ($1, $2, $3) on conflict (id) do nothing"
        await self._do(lambda c: c.executemany(sql, [(one, upstream, owner) for one in ids]))

    async def holder(self, object_id: str) -> tuple[str, str] | None:
        """Return the upstream and the owner of an object."""
        sql = "select upstream, owner from reliant_held where id = $1"
        row: Any = await self._do(lambda c: c.fetchrow(sql, object_id))
        return (row["upstream"], row["owner"]) if row is not None else None

    async def close(self) -> None:
        """Disconnect."""
        if self._pool is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), 3)

    # the log's copy
    async def copied(self, chain: str) -> int:
        """Return the number of the last record of `chain` that is here; -1 if none is."""
        sql = "select max(n) as n from reliant_log where chain = $1"
        row: Any = await self._do(lambda c: c.fetchrow(sql, chain))
        return -1 if row["n"] is None else int(row["n"])

    async def copy(self, chain: str, lines: list[tuple[int, bytes]]) -> None:
        """Add lines of a chain; those that are here already stay."""
        sql = "insert into reliant_log values ($1, $2, $3) on conflict (chain, n) do nothing"
        rows = [(chain, number, line.decode()) for number, line in lines]
        await self._do(lambda c: c.executemany(sql, rows))

    async def fetch_log(self, folder: Path) -> int:
        """Write every chain into `folder`, ready to be checked; return the number of records."""
        folder.mkdir(parents=True, exist_ok=True)
        chains: Any = await self._do(lambda c: c.fetch("select distinct chain from reliant_log order by 1"))
        total = 0
        sql = "select n, line from reliant_log where chain = $1 and n >= $2 order by n limit 5000"
        for row in chains:
            chain = str(row["chain"])
            start = 0
            with (folder / f"{chain}-00001.jsonl").open("wb") as file:
                while lines := await self._page(sql, chain, start):
                    file.writelines(line["line"].encode() for line in lines)
                    start = lines[-1]["n"] + 1
                    total += len(lines)
        return total

    async def _page(self, sql: str, chain: str, start: int) -> Any:
        return await self._do(lambda c: c.fetch(sql, chain, start))


class _Number(msgspec.Struct):
    n: int


class Copier:
    """Follows one chain's file and copies it."""

    def __init__(self, folder: Path, chain: str, store: PostgresStore) -> None:
        self._folder = folder
        self._chain = chain
        self._store = store
        self._next = -1
        self._at: tuple[Path, int] | None = None

    async def step(self) -> int:
        """Copy what is new; return how many records went."""
        if self._next < 0:
            self._next = await self._store.copied(self._chain) + 1
        batch, at = self._read()
        if batch:
            await self._store.copy(self._chain, batch)
            self._next = batch[-1][0] + 1
        self._at = at  # only now: what was read and not copied is read again
        return len(batch)

    def _read(self) -> tuple[list[tuple[int, bytes]], tuple[Path, int] | None]:
        batch: list[tuple[int, bytes]] = []
        at = self._at
        segments = find_chains(self._folder).get(self._chain, [])
        if self._at is not None:
            segments = segments[segments.index(self._at[0]) :] if self._at[0] in segments else segments
        for segment in segments:
            start = self._at[1] if self._at is not None and self._at[0] == segment else 0
            for raw, end in _from(segment, start):
                line = read_line(raw)
                number = msgspec.json.decode(line.record, type=_Number).n
                at = (segment, end)
                if number >= self._next:
                    # Kept prompts stay in the file, where they can be erased.
                    batch.append((number, write_line(line.digest, line.record) if line.opened else raw))
                if len(batch) >= _BATCH:
                    return batch, at
        return batch, at


def _from(segment: Path, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield the whole lines of a segment from an offset, each with the offset after it."""
    if start == 0:
        at = 0
        for raw in read_lines(segment):
            at += len(raw)
            if raw.endswith(b"\n"):
                yield raw, at
        return
    with segment.open("rb") as file:
        file.seek(start)
        at = start
        for raw in file:
            at += len(raw)
            if raw.endswith(b"\n"):
                yield raw, at
