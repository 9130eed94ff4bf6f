"""The store for one machine: one SQLite file, shared by the workers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from reliant.errors import StoreAway
from reliant.gateway.admit.keys import StoredKey

_TABLES = """
create table if not exists keys (name text primary key, body blob not null) strict;
create table if not exists held (id text primary key, upstream text not null, owner text not null) strict;
create index if not exists held_of on held (owner, upstream);
"""
_UPSTREAMS_OF = """
with recursive here (name) as (
    select min(upstream) from held where owner = ?1
    union all
    select (select min(upstream) from held where owner = ?1 and upstream > here.name)
    from here where here.name is not null
)
select name from here where name is not null
"""

_Result = TypeVar("_Result")
_TRIES = 1_000
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def _opened(path: Path) -> sqlite3.Connection:
    """Return a connection to the file, with its tables.

    Whoever opens a new file first turns it into one with a write-ahead log. For the
    others that is an error SQLite does not wait out, so we do.
    """
    for left in range(_TRIES, -1, -1):
        connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.executescript(_TABLES)
        except sqlite3.Error as error:
            connection.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY or not left:
                raise
            time.sleep(0.01 + random.random() / 50)  # noqa: S311 - so that they do not meet again
        else:
            return connection
    raise AssertionError


class SqliteStore:
    """Writes are committed to the disk before they return."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[tuple[object, ...]] = []
        self._keys: list[StoredKey] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reliant-store")
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = _opened(self._path)
        return found

    async def _do(self, sql: str, rows: list[tuple[object, ...]] | None = None) -> list[tuple[object, ...]]:
        def work() -> list[tuple[object, ...]]:
            connection = self._connection()
            if rows is None:
                return connection.execute(sql).fetchall()
            if len(rows) == 1:
                return connection.execute(sql, rows[0]).fetchall()
            connection.execute("begin immediate")
            try:
                connection.executemany(sql, rows)
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")
            return []

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StoreAway(
                f"the store {self._path} cannot be used: {error}", hint="Look at its disk and its rights."
            ) from None

    async def open(self) -> None:
        """Make the file and its tables."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # what is wrong with it, opening says
            # Before anything is in it: the files that SQLite puts beside it take over its rights.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        await self._do("select 1")
        self._path.chmod(0o600)

    async def keys(self) -> list[StoredKey]:
        """Return all keys made at run time."""
        rows = await self._do("select body from keys order by name")
        if rows != self._rows:
            # Asked for again and again, and almost never other than before.
            self._keys = [msgspec.json.decode(row[0], type=StoredKey) for row in rows]  # type: ignore[call-overload]
            self._rows = rows
        return self._keys

    async def save_key(self, key: StoredKey) -> None:
        """Add a key, or replace the one of the same name."""
        await self._do(
            "insert into keys values (?, ?) on conflict (name) do update set body = excluded.body",
            [(key.name, msgspec.json.encode(key))],
        )

    async def hold(self, ids: list[str], upstream: str, owner: str) -> None:
        """Remember where objects are held."""
        await self._do(
            "insert into held values (?, ?, ?) on conflict (id) do nothing",
            [(one, upstream, owner) for one in ids],
        )

    async def holder(self, object_id: str) -> tuple[str, str] | None:
        """Return the upstream and the owner of an object."""
        rows = await self._do("select upstream, owner from held where id = ?", [(object_id,)])
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    async def holders(self, ids: list[str]) -> dict[str, tuple[str, str]]:
        """Return the upstream and the owner of each of these objects that is known."""
        sql = "select id, upstream, owner from held where id in (select value from json_each(?))"
        rows = await self._do(sql, [(msgspec.json.encode(ids).decode(),)])
        return {str(name): (str(upstream), str(owner)) for name, upstream, owner in rows}

    async def upstreams_of(self, owner: str) -> list[str]:
        """Return the upstreams that hold something of an owner."""
        return [str(row[0]) for row in await self._do(_UPSTREAMS_OF, [(owner,)])]

    async def close(self) -> None:
        """Close the file."""

        def work() -> None:
            connection = getattr(self._local, "connection", None)
            if connection is not None:
                connection.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._thread.shutdown(wait=True)
