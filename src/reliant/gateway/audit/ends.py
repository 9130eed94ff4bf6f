"""Finds records in a segment without reading all of it: the last one, or the one with a number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from reliant.gateway.audit.chain import BadLine, Line, read_line

_TAIL_BYTES = 1 << 16
_NEAR_BYTES = 1 << 16


class End(NamedTuple):
    """The last record of a segment; `torn` counts the bytes of a half-written line after it."""

    number: int
    moment: int
    digest: bytes
    torn: int


class _Place(msgspec.Struct):
    n: int
    t: int


def end_of(file: Path) -> End | int:
    """Return a segment's last record, or the bytes of a half-written line where there is none.

    Raises:
        BadLine: Its last whole line is no record.
    """
    with file.open("rb") as source:
        size = source.seek(0, os.SEEK_END)
        take = _TAIL_BYTES
        while True:
            source.seek(max(0, size - take))
            tail = source.read(take)
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
