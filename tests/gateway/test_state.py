"""The store of one machine: what is kept, and who may begin it at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from reliant.errors import StoreAway
from reliant.gateway.admit.keys import StoredKey
from reliant.gateway.state.sqlite import SqliteStore
from support.gateway_rig import PATIENCE_S


def kept(path: Path, *, begun: Callable[[], object] = int) -> list[StoredKey]:
    """Open a store as a worker does, keep a key in it, and return what it holds."""

    async def run() -> list[StoredKey]:
        store = SqliteStore(path)
        try:
            begun()
            await store.open()
            await store.save_key(StoredKey(name=f"of-{threading.get_ident()}", digests=("00",)))
            return await store.keys()
        finally:
            await store.close()

    return asyncio.run(run())


def test_workers_that_begin_a_new_store_at_once_all_get_it(tmp_path: Path) -> None:
    workers = 6
    together = threading.Barrier(workers)

    def work(path: Path) -> int:
        return len(kept(path, begun=lambda: together.wait(PATIENCE_S)))

    for number in range(10):
        path = tmp_path / str(number) / "gateway.sqlite"
        with ThreadPoolExecutor(workers) as pool:
            counts = list(pool.map(work, [path] * workers))
        assert max(counts) == workers


def test_a_worker_waits_while_another_gives_a_new_store_its_form(tmp_path: Path) -> None:
    """SQLite does not wait here by itself: it says at once that the file is locked."""
    path = tmp_path / "gateway.sqlite"
    with ThreadPoolExecutor(1) as pool, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with closing(sqlite3.connect(path)) as hasty, pytest.raises(sqlite3.OperationalError, match="locked"):
            hasty.execute("pragma journal_mode=wal")
        waiting = pool.submit(kept, path)
        done, _ = wait([waiting], timeout=0.5)
        other.execute("rollback")

        assert not done
        assert len(waiting.result(PATIENCE_S)) == 1


def test_a_file_that_is_no_store_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    path.write_bytes(b"not a database" * 1_000)

    with pytest.raises(StoreAway, match="not a database"):
        kept(path)

    assert path.read_bytes() == b"not a database" * 1_000


def test_nobody_else_can_read_a_store_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    modes: dict[str, int] = {}

    async def run() -> None:
        store = SqliteStore(path)
        try:
            await store.open()
            await store.save_key(StoredKey(name="k", digests=("00",)))
            modes.update({file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()})
        finally:
            await store.close()

    asyncio.run(run())

    assert "gateway.sqlite-wal" in modes
    assert set(modes.values()) == {0o600}, modes


def test_keys_are_as_they_were_saved_last(tmp_path: Path) -> None:
    one, other = SqliteStore(tmp_path / "s"), SqliteStore(tmp_path / "s")

    async def run() -> list[list[str]]:
        found = []
        try:
            await one.open()
            await other.open()
            for digest in ("00", "11"):
                await one.save_key(StoredKey(name="k", digests=(digest,)))
                found += [[key.digests[0] for key in await store.keys()] for store in (one, other)]
        finally:
            await one.close()
            await other.close()
        return found

    assert asyncio.run(run()) == [["00"], ["00"], ["11"], ["11"]]
