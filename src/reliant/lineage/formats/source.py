"""Bytes at an offset: from a local file, from memory, or (in `lineage.remote`) by range request.

A `Meter` counts every byte and range of one model against its budget, so that a report can
say what was read, and so that a hostile header cannot make us fetch a whole file.
"""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reliant.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Span(NamedTuple):
    """A stretch of bytes."""

    offset: int
    length: int


class BudgetSpent(WeightsError):
    """The next read would pass the byte budget of this model."""

    def __init__(self, path: str, wanted: int, left: int) -> None:
        super().__init__(
            path,
            f"{wanted:,} bytes wanted and {left:,} left in the byte budget",
            hint="Allow more with --budget.",
        )


class Meter:
    """What was read of one model, against its budget."""

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget
        self.bytes_read = 0
        self.ranges = 0

    @property
    def left(self) -> int | None:
        """Return the bytes that may still be read; None if there is no budget."""
        return None if self.budget is None else max(0, self.budget - self.bytes_read)

    def count(self, name: str, length: int) -> None:
        """Note one range of `length` bytes.

        Raises:
            BudgetSpent: It does not fit; nothing is counted then.
        """
        if self.budget is not None and self.bytes_read + length > self.budget:
            raise BudgetSpent(name, length, self.budget - self.bytes_read)
        self.bytes_read += length
        self.ranges += 1


class Source(Protocol):
    """Bytes that can be read at any offset."""

    @property
    def name(self) -> str:
        """Return the name for messages: a path relative to the model."""

    @property
    def size(self) -> int:
        """Return the length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises:
            WeightsError: They are not all there, or the budget is spent.
        """

    def read_many(self, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span, in the order asked for; near spans may share one read."""


def check_inside(name: str, size: int, offset: int, length: int) -> None:
    """Raise WeightsError unless `length` bytes from `offset` lie in a file of `size` bytes."""
    if offset < 0 or length < 0 or offset + length > size:
        raise WeightsError(
            name,
            f"{length:,} bytes at byte {offset:,} are outside its {size:,} bytes",
            hint="The file is cut short or damaged: fetch it again.",
        )


class _Joined:
    """Reads many spans by joining those that lie near each other."""

    gap = 64 * 1024

    def read(self, offset: int, length: int) -> bytes:
        raise NotImplementedError

    def read_many(self, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span; spans less than `gap` apart are read as one range."""
        found: dict[Span, bytes] = {}
        run: list[Span] = []
        end = 0
        for span in [*sorted(set(spans)), None]:
            if run and (span is None or span.offset > end + self.gap):
                start = run[0].offset
                block = self.read(start, end - start)
                for part in run:
                    found[part] = block[part.offset - start : part.offset - start + part.length]
                run = []
            if span is not None:
                end = span.offset + span.length if not run else max(end, span.offset + span.length)
                run.append(span)
        return [found[span] for span in spans]


class MemoryFile(_Joined):
    """Bytes already in memory, such as a member of a zip that had to be inflated."""

    gap = 0

    def __init__(self, name: str, data: bytes, meter: Meter | None = None) -> None:
        self.name = name
        self.size = len(data)
        self._data = data
        self._meter = meter

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        check_inside(self.name, self.size, offset, length)
        if self._meter is not None:
            self._meter.count(self.name, length)
        return self._data[offset : offset + length]


class LocalFile(_Joined):
    """A regular file on disk, read by position; a device, FIFO or folder is refused."""

    gap = 4096

    def __init__(self, path: Path, meter: Meter, *, name: str | None = None) -> None:
        self.name = name or path.name
        self._meter = meter
        self._file = -1
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
            status = os.fstat(self._file)
        except OSError as error:
            raise WeightsError(self.name, error.strerror or "it cannot be opened") from error
        if not stat.S_ISREG(status.st_mode):
            raise WeightsError(self.name, "it is not a regular file")
        self.size = status.st_size

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        check_inside(self.name, self.size, offset, length)
        self._meter.count(self.name, length)
        parts = []
        while length:
            try:
                part = os.pread(self._file, min(length, 1 << 28), offset)
            except OSError as error:
                raise WeightsError(self.name, error.strerror or "it cannot be read") from error
            if not part:
                raise WeightsError(self.name, f"it ends at byte {offset:,} while being read")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Window:
    """Reads forward in a source through a buffer, so that small fields cost no read each."""

    def __init__(self, source: Source, start: int = 0, end: int | None = None, chunk: int = 1 << 16) -> None:
        self._source = source
        self._at = start
        self.end = source.size if end is None else end
        self._chunk = self._step = chunk
        self._buffer = b""
        self._base = start

    @property
    def at(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    @property
    def left(self) -> int:
        """Return the bytes up to the end of the window."""
        return self.end - self._at

    def skip(self, length: int) -> None:
        """Move past `length` bytes without reading them."""
        if length < 0 or length > self.left:
            raise WeightsError(
                self._source.name,
                f"a field at byte {self._at:,} claims {length:,} bytes; {self.left:,} are left",
            )
        self._at += length

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        start = self._at
        self.skip(length)
        low = start - self._base
        if low < 0 or low + length > len(self._buffer):
            # Grow only while reading on without a gap: after a skip the next field may be the last.
            on = low == len(self._buffer) or 0 <= low < len(self._buffer)
            self._step = min(self._step * 2, self._chunk * 16) if on else self._chunk
            want = max(length, min(self._step, self.end - start))
            self._buffer = self._source.read(start, want)
            self._base = start
            low = 0
        return self._buffer[low : low + length]


class AsFile(io.RawIOBase):
    """A source as a seekable binary file, for `zipfile`."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise OSError(22, "negative seek position")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from the position on."""
        length = max(0, min(len(buffer), self._source.size - self._at))
        buffer[:length] = self._source.read(self._at, length)
        self._at += length
        return length
