"""Copies the log to PostgreSQL, one chain each, and keeps two writers from one chain there.

The file stays the log that answers wait for. Its lines are copied soon after and in
order; while the database is away they wait in the file, and copying goes on from the
last line that arrived. Nothing is lost and nothing is written twice.

Before a chain is gone on with, the database is asked: another gateway may be writing
it, or the database may have records of it that the folder has not. Both happen where
a folder is copied or restored to an earlier state. Then a new chain is begun.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.errors import TargetError
from reliant.gateway.audit.chain import read_line, write_line
from reliant.gateway.audit.ends import record_at
from reliant.gateway.audit.verify import find_chains
from reliant.gateway.state.postgres import TAKEN_HINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.gateway.state.postgres import PostgresStore

_BATCH = 1_000
RENEW_S = 3.0
"""How often a writer says that it still writes; the database forgets it after `postgres.LEASE_S`."""


class Copier:
    """Follows one chain's file and copies it.

    Attributes:
        copied: The number of the last record that is in the database.
    """

    def __init__(self, folder: Path, chain: str, store: PostgresStore, place: str) -> None:
        """Make it.

        Args:
            folder: Of the log.
            chain: Its name.
            store: The database.
            place: What tells this folder from every copy of it, on this machine or another.
        """
        self.copied = -1
        self._folder = folder
        self._chain = chain
        self._store = store
        self._place = place
        self._at: tuple[Path, int] | None = None
        self._renewed = -RENEW_S

    async def claim(self, last: int) -> str:
        """Return why this chain must not be gone on with after its record `last`; empty if it may.

        Raises:
            TargetError: The database does not answer.
        """
        other = await self._store.claim(self._chain, self._place)
        if other:
            return f"another gateway writes it ({other})"
        there = await self._store.last_copied(self._chain)
        if there is None:
            return ""
        number, line = there
        here = record_at(find_chains(self._folder).get(self._chain, []), number) if number <= last else None
        if number > last:
            because = f"it ends here at record {last}, but the database has it up to {number}"
        elif here is not None and here[0].digest != read_line(line).digest:
            because = f"the database has another record {number}"
        else:
            self.copied = number
            self._at = (here[1], here[2]) if here is not None else None
            return ""
        await self._store.give_up(self._chain, self._place)
        return because

    async def step(self, now: float) -> int:
        """Copy what is new; return how many records went.

        Raises:
            TargetError: The database does not answer, or somebody else writes this chain there.
        """
        if now - self._renewed >= RENEW_S:
            other = await self._store.claim(self._chain, self._place)
            if other:
                raise TargetError(
                    f"another gateway ({other}) writes the chain {self._chain} of this log",
                    hint=TAKEN_HINT,
                )
            self._renewed = now
        batch, at = await asyncio.to_thread(self._read)
        if batch:
            await self._store.copy(self._chain, batch)
            self.copied = batch[-1][0]
        self._at = at  # only now: what was read and not copied is read again
        return len(batch)

    async def close(self) -> None:
        """Let go of the chain, so that somebody else may go on with it at once."""
        await self._store.give_up(self._chain, self._place)

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
                if number > self.copied:
                    # Kept prompts stay in the file, where they can be erased.
                    batch.append((number, write_line(line.digest, line.record) if line.opened else raw))
                if len(batch) >= _BATCH:
                    return batch, at
        return batch, at


class _Number(msgspec.Struct):
    n: int


def _from(segment: Path, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield the whole lines of a segment from an offset, each with the offset after it."""
    with segment.open("rb") as file:
        file.seek(start)
        while raw := file.readline():
            if raw.endswith(b"\n"):
                yield raw, file.tell()
