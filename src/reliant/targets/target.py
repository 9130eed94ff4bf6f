"""What was opened: files that can be read, and what was not looked at."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import msgspec

from reliant.core.results import TargetStamp
from reliant.targets.file import File, Skipped, shown
from reliant.targets.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from reliant.core.use import NotLookedAt
    from reliant.targets.limits import Limits


class Target:
    """Something opened for reading. Use it in a `with` block: what was unpacked is removed at its end.

    Attributes:
        root: The folder that paths are relative to; of a single file, the folder it lies in.
    """

    def __init__(
        self,
        stamp: TargetStamp,
        root: Path,
        limits: Limits,
        *,
        skipped: Skipped | None = None,
        only: Path | None = None,
        closing: ExitStack | None = None,
    ) -> None:
        self._stamp = stamp
        self.root = root
        self.limits = limits
        self._only = only
        self._opened = skipped or Skipped(limits.listed)
        self._walked = Skipped(limits.listed)
        self._files = 0
        self._bytes = 0
        self._closing = closing or ExitStack()

    @property
    def stamp(self) -> TargetStamp:
        """What was opened, with the number and size of the files walked so far."""
        return msgspec.structs.replace(self._stamp, files=self._files, bytes=self._bytes)

    @property
    def not_looked_at(self) -> tuple[NotLookedAt, ...]:
        """What was skipped on opening and on the last walk; complete when the walk is."""
        both = Skipped(self.limits.listed)
        both.merge(self._opened)
        both.merge(self._walked)
        return both.all()

    def files(self) -> Iterator[File]:
        """Yield the files in a fixed order; each call walks anew."""
        self._walked = Skipped(self.limits.listed)
        self._files = self._bytes = 0
        for file in self._found():
            self._files += 1
            self._bytes += file.size
            yield file

    def _found(self) -> Iterator[File]:
        if self._only is None:
            yield from walk(str(self.root), self.limits, self._walked)
            return
        found = self._only.stat()
        yield File(shown(self._only.name), found.st_size, os.fspath(self._only), found.st_mtime_ns)

    def close(self) -> None:
        """Remove what was unpacked."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
