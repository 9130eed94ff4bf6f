"""The store for many machines: PostgreSQL. Also where the log is copied to (see `copier`)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from reliant.errors import MissingExtra, StoreAway, TargetError
from reliant.gateway.admit.keys import StoredKey
from reliant.gateway.audit.chain import BadLine, read_line
from reliant.gateway.audit.heads import Head, publish
from reliant.gateway.audit.records import Checkpoint

# Workers that begin at once would make the same table: the lock lasts as long as these commands.
_TABLES = """
select pg_advisory_xact_lock(7346203158);
create table if not exists reliant_keys (name text primary key, body text not null);
create table if not exists reliant_held (id text primary key, upstream text not null, owner text not null);
create index if not exists reliant_held_of on reliant_held (owner, upstream);
create table if not exists reliant_log (
    chain text not null, n bigint not null, line text not null, primary key (chain, n)
);
create table if not exists reliant_writers (
    chain text primary key, place text not null, seen timestamptz not null
);
"""
_ALL_THERE = """
select count(*) from unnest($1::text[]) as wanted where to_regclass(wanted) is not null
"""
_UPSTREAMS_OF = """
with recursive here (name) as (
    select min(upstream) from reliant_held where owner = $1
    union all
    select (select min(upstream) from reliant_held where owner = $1 and upstream > here.name)
    from here where here.name is not null
)
select name from here where name is not null
"""
_NAMES = ["reliant_keys", "reliant_held", "reliant_log", "reliant_writers"]

TAKEN_HINT = "Its records stay in the folder. Started anew, this gateway begins a chain of its own."

LEASE_S = 10
"""A writer that said nothing for so long writes no more."""

_CLAIM = """
insert into reliant_writers values ($1, $2, now())
on conflict (chain) do update set place = excluded.place, seen = excluded.seen
where reliant_writers.place = excluded.place or reliant_writers.seen < now() - $3 * interval '1 s'
returning place
"""

PATIENCE_S = 10.0
_CONNECT_S = 5.0
_CLOSE_S = 1.0
_PAUSE_S = 0.25
_AWAY = ("08", "53", "57")
"""Classes of SQLSTATE that mean: no connection, no room, being shut down or started."""

_READ_ONLY = "25006"
"""A replica that has not taken over yet."""

_CHAIN = re.compile(r"\w[\w-]{0,99}")

_Result = TypeVar("_Result")


class PostgresStore:
    """Keys, held objects and the log's copy; every call outlives a restart of the database.

    Attributes:
        patience_s: How long a call waits for a database that is away.
    """

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
        self._bodies: list[str] = []
        self._keys: list[StoredKey] = []
        self._pool: Any = None
        self.patience_s = PATIENCE_S

    async def open(self) -> None:
        """Connect and make the tables that are not there; wait while the database starts."""
        await self._do(self._make_tables)

    @staticmethod
    async def _make_tables(connection: Any) -> None:
        # Where all are there, nobody needs the right to make tables.
        if await connection.fetchval(_ALL_THERE, _NAMES) < len(_NAMES):
            await connection.execute(_TABLES)

    async def _connected(self) -> Any:
        if self._pool is None:
            self._pool = await self._driver.create_pool(
                self._url, min_size=0, max_size=4, command_timeout=_CONNECT_S, timeout=_CONNECT_S
            )
        return self._pool

    async def _do(self, work: Callable[[Any], Awaitable[_Result]]) -> _Result:
        """Run `work` on a connection; wait while the database restarts.

        Raises:
            StoreAway: It stayed away for ten seconds, or it refuses.
        """
        driver = self._driver
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience_s
        while True:
            try:
                pool = await self._connected()
                async with pool.acquire(timeout=min(_CONNECT_S, self.patience_s)) as connection:
                    return await work(connection)
            except driver.UniqueViolationError:
                why = "two workers made the same table at once"  # it is there now
            except (OSError, TimeoutError, driver.InterfaceError, driver.InternalClientError) as error:
                why = str(error) or type(error).__name__
            except driver.PostgresError as error:
                if not str(error.sqlstate).startswith(_AWAY) and error.sqlstate != _READ_ONLY:
                    raise StoreAway(
                        f"the database of the store refuses: {error}", hint="See [store] url."
                    ) from None
                why = str(error)
            except ValueError as error:
                raise StoreAway(
                    f"the address of the store cannot be used: {error}", hint="See [store] url."
                ) from None
            if loop.time() >= end:
                raise StoreAway(f"the database of the store does not answer: {why}", hint="See [store] url.")
            await asyncio.sleep(_PAUSE_S)

    async def keys(self) -> list[StoredKey]:
        """Return all keys made at run time."""
        rows = await self._do(lambda c: c.fetch("select body from reliant_keys order by name"))
        bodies = [row["body"] for row in rows]
        if bodies != self._bodies:
            # Asked for again and again, and almost never other than before.
            self._keys = [msgspec.json.decode(body, type=StoredKey) for body in bodies]
            self._bodies = bodies
        return self._keys

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

    async def holders(self, ids: list[str]) -> dict[str, tuple[str, str]]:
        """Return the upstream and the owner of each of these objects that is known."""
        sql = "select id, upstream, owner from reliant_held where id = any($1::text[])"
        rows: Any = await self._do(lambda c: c.fetch(sql, ids))
        return {row["id"]: (row["upstream"], row["owner"]) for row in rows}

    async def upstreams_of(self, owner: str) -> list[str]:
        """Return the upstreams that hold something of an owner."""
        rows: Any = await self._do(lambda c: c.fetch(_UPSTREAMS_OF, owner))
        return [row["name"] for row in rows]

    async def close(self) -> None:
        """Disconnect."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), _CLOSE_S)
            except (TimeoutError, asyncio.CancelledError):
                self._pool.terminate()

    # the log's copy
    async def claim(self, chain: str, place: str) -> str:
        """Say that `place` writes a chain; return who does, where that is somebody else."""
        if await self._do(lambda c: c.fetchval(_CLAIM, chain, place, LEASE_S)) is not None:
            return ""
        sql = "select place from reliant_writers where chain = $1"
        return str(await self._do(lambda c: c.fetchval(sql, chain)))

    async def give_up(self, chain: str, place: str) -> None:
        """Say that `place` writes a chain no more."""
        sql = "delete from reliant_writers where chain = $1 and place = $2"
        await self._do(lambda c: c.execute(sql, chain, place))

    async def last_copied(self, chain: str) -> tuple[int, bytes] | None:
        """Return number and line of the last record of `chain` that is here; None if none is."""
        sql = "select n, line from reliant_log where chain = $1 order by n desc limit 1"
        row: Any = await self._do(lambda c: c.fetchrow(sql, chain))
        return None if row is None else (int(row["n"]), row["line"].encode())

    async def copy(self, chain: str, lines: list[tuple[int, bytes]]) -> None:
        """Add lines of a chain; those that are here already stay.

        Raises:
            TargetError: What is here already is another history of it.
        """
        sql = "insert into reliant_log values ($1, $2, $3) on conflict (chain, n) do nothing"
        rows = [(chain, number, line.decode()) for number, line in lines]
        await self._do(lambda c: c.executemany(sql, rows))
        # Each hash covers all before it: if the last line is the same, all are.
        number, line = lines[-1]
        sql_line = "select line from reliant_log where chain = $1 and n = $2"
        if await self._do(lambda c: c.fetchval(sql_line, chain, number)) != line.decode():
            raise TargetError(
                f"the database holds another record {number} of the chain {chain}",
                hint=TAKEN_HINT,
            )

    async def fetch_log(self, folder: Path) -> int:
        """Write every chain into `folder`, ready to be checked; return the number of records.

        The last checkpoint of each becomes its head: a copy that was cut off at its end
        can be seen with a head that was kept elsewhere only.

        Raises:
            TargetError: A chain in the database has a name that is none.
        """
        folder.mkdir(parents=True, exist_ok=True)
        chains: Any = await self._do(lambda c: c.fetch("select distinct chain from reliant_log order by 1"))
        total = 0
        sql = "select n, line from reliant_log where chain = $1 and n >= $2 order by n limit 5000"
        for row in chains:
            chain = str(row["chain"])
            if not _CHAIN.fullmatch(chain):
                raise TargetError(f"the database holds a chain whose name is none: {chain[:100]!r}")
            start, head = 0, None
            with (folder / f"{chain}-00001.jsonl").open("wb") as file:
                while lines := await self._page(sql, chain, start):
                    for line in lines:
                        file.write(line["line"].encode())
                        head = _head_in(chain, line["line"]) or head
                    start = lines[-1]["n"] + 1
                    total += len(lines)
            if head is not None:
                publish(folder, head)
        return total

    async def _page(self, sql: str, chain: str, start: int) -> Any:
        return await self._do(lambda c: c.fetch(sql, chain, start))


def _head_in(chain: str, line: str) -> Head | None:
    """Return the head that a line is, if it is a checkpoint."""
    if '"kind":"checkpoint"' not in line:
        return None
    try:
        found = msgspec.json.decode(read_line(line.encode()).record, type=Checkpoint)
    except (BadLine, msgspec.MsgspecError):
        return None
    return Head(chain, found.n, found.head, found.key, found.signature, found.others)
