"""Heads of a log that were kept elsewhere: what shows that its end was cut off.

A log can be shortened by whoever holds all of it, the published heads included.
Somebody who asked for the head before, and kept the answer, sees that.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from reliant.errors import TargetError


class Kept(NamedTuple):
    """At some time the chain had this record, with this hash if one is given.

    `said_by` names where that was kept.
    """

    chain: str
    record: int
    hash: str
    said_by: str


class _Said(msgspec.Struct):
    """An answer of `/audit/head`, a published head, or both."""

    chain: str
    hash: str
    n: int | None = None
    record: int | None = None
    heads: list[_Said] = []

    def all(self, said_by: str) -> list[Kept]:
        mine = []
        if self.record is not None:
            mine.append(Kept(self.chain, self.record, self.hash, said_by))
        elif self.n:
            # A published head is that of the record before the checkpoint numbered `n`.
            mine = [Kept(self.chain, self.n - 1, self.hash, said_by), Kept(self.chain, self.n, "", said_by)]
        return mine + [kept for head in self.heads for kept in head.all(said_by)]


def read_kept(path: Path) -> list[Kept]:
    """Return the heads that a file keeps, one answer of `/audit/head` or published head a line.

    Raises:
        TargetError: It holds something else.
    """
    kept: list[Kept] = []
    try:
        for line in path.read_bytes().splitlines():
            if line.strip():
                kept += msgspec.json.decode(line, type=_Said).all(path.name)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TargetError(
            f"{path} holds no head of a log: {error}", hint="Keep what GET /audit/head answers, one a line."
        ) from None
    if not kept:
        raise TargetError(f"{path} holds no head of a log", hint="Keep what GET /audit/head answers.")
    return kept
