"""Taking whole old segments away, in a way that the rest can still be checked.

Before the files go, the chain says so: up to which record, and the hash they ended
with. A checkpoint signs that. Who checks the rest later begins there, and knows
that it was the gateway, and not somebody else, who took the beginning away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.gateway.audit.chain import BadLine, read_line
from reliant.gateway.audit.ends import End, end_of
from reliant.gateway.audit.records import Change

if TYPE_CHECKING:
    from reliant.gateway.audit.writer import ChainWriter

WHAT = "segments removed"


class Removed(msgspec.Struct, frozen=True):
    """The last of the segments that were taken away, and the last record in it."""

    segment: int
    record: int
    hash: str


def _end(file: Path) -> End | None:
    try:
        end = end_of(file)
    except BadLine:
        return None
    return end if isinstance(end, End) and not end.torn else None


def removable(
    segments: Iterable[Path], before_s: float, until: float = math.inf
) -> tuple[list[Path], Removed | None]:
    """Return the oldest segments that hold nothing newer, and what is to be said of them.

    None that holds a record after the one numbered `until`: those are to be copied first.
    """
    gone: list[Path] = []
    said: Removed | None = None
    for file in segments:
        last = _end(file)
        if last is None or last.moment >= before_s * 1_000_000 or last.number > until:
            break
        gone.append(file)
        segment = int(file.stem.rpartition("-")[2])
        said = Removed(segment=segment, record=last.number, hash=last.digest.hex())
    return gone, said


def remove(writer: ChainWriter, gone: Iterable[Path], said: Removed) -> None:
    """Say in the chain that segments go, sign that, and only then take them away.

    Raises:
        OSError: The log cannot be written, or a file cannot be taken away.
    """
    number, moment = writer.take()
    detail = msgspec.json.encode(said).decode()
    writer.append(Change(n=number, t=moment, what=WHAT, by="the gateway", detail=detail))
    writer.checkpoint()
    writer.settle()
    for file in gone:
        file.unlink()


def removal_of(change: Change) -> Removed | None:
    """Return what a change says was taken away, if it says that."""
    if change.what != WHAT:
        return None
    try:
        return msgspec.json.decode(change.detail, type=Removed)
    except msgspec.MsgspecError:
        return None


def find_removal(files: Iterable[Path], least: int) -> Removed | None:
    """Return the last word of the chain on segments that were removed, `least` or more of them.

    What it says is still to be checked.
    """
    mark = WHAT.encode()
    found: Removed | None = None
    for file in files:
        with file.open("rb") as lines:
            for raw in lines:
                if mark not in raw:
                    continue
                try:
                    change = msgspec.json.decode(read_line(raw).record, type=Change)
                except (BadLine, msgspec.MsgspecError):
                    continue
                removed = removal_of(change)
                if removed is not None and removed.segment >= max(least, found.segment if found else 0):
                    found = removed
    return found
