"""One regular file of a target, and the list of what was not looked at."""

from __future__ import annotations

import os
import stat
from collections import Counter

import msgspec

from reliant.core.use import NotLookedAt

_OPEN = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


class File(msgspec.Struct, frozen=True, gc=False):
    r"""A file that can be read; small enough to be sent to a worker process.

    Attributes:
        path: Relative to the target, with forward slashes; bytes that are no UTF-8 are shown as `\xNN`.
        size: In bytes, in the target: of a cut member of an archive, more than can be read.
        local: Where it lies on this machine.
        mtime_ns: When it last changed; together with the size it tells a cache whether it is the same file.
    """

    path: str
    size: int
    local: str
    mtime_ns: int = 0

    def read(self, limit: int) -> bytes:
        """Return the first `limit` bytes, or all if there are fewer.

        Raises:
            OSError: It cannot be read, or is no regular file any more. For the caller
                that is a finding: `why` puts it in words.
        """
        handle = os.open(self.local, _OPEN)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(0, "no regular file any more")
            wanted = min(limit, self.size) if self.size else limit
            data = os.read(handle, wanted)
            if len(data) < wanted:
                parts = [data]
                while data and sum(map(len, parts)) < wanted:
                    data = os.read(handle, wanted - sum(map(len, parts)))
                    parts.append(data)
                data = b"".join(parts)
            return data
        finally:
            os.close(handle)


def shown(name: str) -> str:
    r"""Return a file name as it can be printed and put into JSON.

    Examples:
        >>> shown("caf\udce9.py")
        'caf\\xe9.py'
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def why(error: OSError) -> str:
    """Return in words why a file could not be read."""
    return f"could not be read: {(error.strerror or str(error)).lower()}"


class Skipped:
    """What was not looked at: the first paths per reason, and how many more there are."""

    def __init__(self, listed: int) -> None:
        self._listed = listed
        self._paths: set[NotLookedAt] = set()
        self._count: Counter[tuple[str, bool]] = Counter()

    def add(self, path: str, reason: str, *, incomplete: bool = False) -> None:
        """Note that `path` was skipped; `incomplete` if it should have been read and could not be."""
        self._count[reason, incomplete] += 1
        if self._count[reason, incomplete] <= self._listed:
            self._paths.add(NotLookedAt(path, reason, incomplete))

    def merge(self, other: Skipped) -> None:
        """Take over what `other` noted."""
        self._paths |= other._paths
        self._count.update(other._count)

    def all(self) -> tuple[NotLookedAt, ...]:
        """Return the skipped paths in order, and one line per reason that has more than are listed."""
        more = [
            NotLookedAt(f"({count - self._listed:,} more)", reason, incomplete)
            for (reason, incomplete), count in self._count.items()
            if count > self._listed
        ]
        return (*sorted(self._paths), *sorted(more))
