"""Finds records without reading all of a log: the last one, the one with a number, where a chain ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from reliant.gateway.audit.chain import START, BadLine, Line, read_line
from reliant.gateway.audit.heads import head_of

_TAIL_BYTES = 1 << 16
_NEAR_BYTES = 1 << 16
_PIECE_BYTES = 1 << 20
_BEHIND_BYTES = 64 << 20
"""More than this is not written while the disk is behind: two seconds of the fastest worker."""


class End(NamedTuple):
    """The last record of a segment; `torn` counts the bytes of a half-written line after it."""

    number: int
    moment: int
    digest: bytes
    torn: int


class _Place(msgspec.Struct):
    n: int
    t: int


def end_of(file: Path, size: int | None = None) -> End | int:
    """Return a segment's last record, or the bytes of a half-written line where there is none.

    With `size`, nothing behind so many bytes is looked at.

    Raises:
        BadLine: Its last whole line is no record.
    """
    with file.open("rb") as source:
        if size is None:
            size = source.seek(0, os.SEEK_END)
        take = _TAIL_BYTES
        while True:
            began = source.seek(max(0, size - take))
            tail = source.read(size - began)
            end = tail.rfind(b"\n")
            before = tail.rfind(b"\n", 0, end) if end > 0 else -1
            if before >= 0 or take >= size:
                break
            take *= 8
    torn = len(tail) - (end + 1)
    if end < 0:
        return torn
    line = read_line(tail[before + 1 : end + 1])
    place = place_of(line)
    return End(place[0], place[1], line.digest, torn)


def place_of(line: Line) -> tuple[int, int]:
    """Return number and time of a record.

    Raises:
        BadLine: It has none.
    """
    try:
        place = msgspec.json.decode(line.record, type=_Place)
    except msgspec.MsgspecError as error:
        raise BadLine(f"has no number or time: {error}") from None
    return place.n, place.t


def begin_near(file: BinaryIO, earlier: Callable[[bytes], bool]) -> int:
    """Go to the start of a line before which all lines are `earlier`; return where that is.

    Found by halving, so `earlier` must first be true and then false. A few lines
    that are earlier may follow.
    """
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > _NEAR_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        line = file.readline()
        if line and earlier(line):
            low = middle
        else:
            high = middle
    file.seek(low)
    if low:
        file.readline()
    return file.tell()


def record_at(segments: Iterable[Path], number: int) -> tuple[Line, Path, int] | None:
    """Return the record with a number, its segment, and where there the next one begins; None if gone."""

    def earlier(raw: bytes) -> bool:
        try:
            return place_of(read_line(raw))[0] < number
        except BadLine:
            return False

    for segment in reversed(list(segments)):
        with segment.open("rb") as file:
            begin_near(file, earlier)
            for raw in file:
                try:
                    line = read_line(raw)
                    found = place_of(line)[0]
                except BadLine:
                    break
                if found == number:
                    return line, segment, file.tell()
                if found > number:
                    break
    return None


class Ended(NamedTuple):
    """Where a chain ended.

    Attributes:
        segment: The number of its newest segment.
        records: How many there are, from the first; the number of the next.
        digest: Of the last one.
        torn: Bytes that a crash left and that are no lines.
        cuts: The segments that have such bytes, and how long each is without them.
        lost: What its published head names and it has no more; empty if it has it all.
    """

    segment: int
    records: int
    digest: bytes
    torn: int
    cuts: tuple[tuple[Path, int], ...]
    lost: str


def where_it_ended(folder: Path, chain: str) -> Ended:
    """Return where a chain ended; of one that is not there, where it will begin.

    Raises:
        OSError: It does not end in a record.
    """
    mine = sorted(folder.glob(f"{chain}-{'[0-9]' * 5}.jsonl"))
    segment = int(mine[-1].stem.rsplit("-", 1)[1]) if mine else 1
    records, digest, torn = 0, START, 0
    cuts = []
    for last in reversed(mine):  # the newest may be empty: a crash came right after it was begun
        size = last.stat().st_size
        there = _written(last, size)
        try:
            found = end_of(last, there)
        except BadLine as error:
            raise OSError(
                f"the log {last} does not end in a record ({error}); move it away to begin anew"
            ) from None
        whole = there - (found.torn if isinstance(found, End) else found)
        if whole < size:
            torn += size - whole
            cuts.append((last, whole))
        if isinstance(found, End):
            records, digest = found.number + 1, found.digest
            break
    return Ended(segment, records, digest, torn, tuple(cuts), _lost(folder, chain, mine, records))


def _written(segment: Path, size: int) -> int:
    """Return how much of a segment the disk got, from its start.

    After a loss of power, what did not reach the disk reads as zeros, which are in no line,
    and what was written after it may be there.
    """
    with segment.open("rb") as file:
        at = file.seek(max(0, size - _BEHIND_BYTES))
        while piece := file.read(_PIECE_BYTES):
            hole = piece.find(0)
            if hole >= 0:
                return at + hole
            at += len(piece)
    return size


def _lost(folder: Path, chain: str, mine: list[Path], records: int) -> str:
    head = head_of(folder, chain)
    if head is None:
        return ""
    if head.n >= records:
        return f"it ends at record {records - 1}, but its published head names record {head.n}"
    before = record_at(mine, head.n - 1)
    if before is not None and before[0].digest.hex() != head.hash:
        return f"its record {head.n - 1} is not the one its published head names"
    return ""


def cut_off(cuts: Iterable[tuple[Path, int]]) -> None:
    """Cut off what a crash left behind so many bytes of segments."""
    for segment, whole in cuts:
        with segment.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
