"""One file as a detector sees it: its bytes once read, its text once decoded, its hits."""

from __future__ import annotations

import bisect
import functools
import posixpath
from typing import TYPE_CHECKING, NamedTuple

from reliant.core.use import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.inventory.across import FileFacts
    from reliant.inventory.vendors import Vendors


class Hit(NamedTuple):
    """Where the prefilter pass found something.

    Attributes:
        kind: host, env, module, id or pattern.
        start: Byte offset.
        key: The pattern that was found, lower case.
    """

    kind: str
    start: int
    key: str


class FileView:
    """A file of the target in memory.

    Attributes:
        path: Relative to the target, with forward slashes.
        scope: What its path says about it.
        data: Its bytes, at most as many as the detectors that want it allow.
        hits: What the prefilter pass found, by offset.
        own: Names of the packages that the target itself is: importing them is no dependency.
        skipped: Reasons why a part of it was left out by design.
        failed: Reasons why a part of it that should have been read could not be.
        facts: What other files may need to be understood (constants of a module, keys of a
            configuration): picklable values, read by the cross-file step.
    """

    def __init__(
        self,
        path: str,
        data: bytes,
        scope: Scope,
        *,
        vendors: Vendors,
        hits: Sequence[Hit] = (),
        own: frozenset[str] = frozenset(),
    ) -> None:
        self.path = path
        self.data = data
        self.scope = scope
        self.vendors = vendors
        self.hits = hits
        self.own = own
        self.skipped: list[str] = []
        self.failed: list[str] = []
        self.facts: list[FileFacts] = []

    @property
    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(self.path)

    @functools.cached_property
    def text(self) -> str:
        """Its text; UTF-8, UTF-16 with a mark, else bytes that are no UTF-8 replaced."""
        if self.data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return self.data.decode("utf-16", errors="replace")
        return self.data.decode("utf-8-sig", errors="replace")

    @functools.cached_property
    def lines(self) -> list[str]:
        """Its lines without their ends."""
        return self.text.split("\n")

    @functools.cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def line_of(self, offset: int) -> int:
        """Return the line, from 1, of a character offset into `text`."""
        return bisect.bisect_right(self._starts, offset)

    def place_of(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of a character offset into `text`."""
        line = self.line_of(offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return one line as it stands, trimmed and cut at 200 characters; empty if there is none."""
        if not 1 <= number <= len(self.lines):
            return ""
        return self.lines[number - 1].strip()[:200]

    def skip(self, reason: str) -> None:
        """Note that a part of it was left out by design."""
        self.skipped.append(reason)

    def fail(self, reason: str) -> None:
        """Note that a part of it should have been read and could not be: the result is incomplete."""
        self.failed.append(reason)
