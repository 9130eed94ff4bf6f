"""Finds all of some thousand literals in one pass over a text of bytes.

Of matches that overlap, the leftmost counts, and of those that begin together the longest.
`ahocorasick-rs` does this by itself. Hyperscan, an extra, is faster on large trees where the
processor helps it; it reports every match, and the same choice is made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

if TYPE_CHECKING:
    from collections.abc import Sequence


class Literals(Protocol):
    """A compiled set of literals."""

    def find_matches_as_indexes(self, text: bytes) -> list[tuple[int, int, int]]:
        """Return number of the literal, start and end of each match, by offset."""
        ...


HYPERSCAN_FROM_BYTES = 200_000_000
"""On less it saves less (0.7 ms a MB, shared by the workers) than it costs to compile (70 ms more)."""


def literals(patterns: Sequence[bytes], *, to_read: int = 0) -> Literals:
    """Return `patterns` compiled with the library that is fastest for so many bytes, if it is installed."""
    if to_read >= HYPERSCAN_FROM_BYTES:
        try:
            return ByHyperscan(patterns)
        except (ImportError, OSError):
            pass
    return by_ahocorasick(patterns)


def by_ahocorasick(patterns: Sequence[bytes]) -> Literals:
    """Return `patterns` compiled with the library that is always there."""
    return BytesAhoCorasick(patterns, matchkind=MatchKind.LeftmostLongest, implementation=Implementation.DFA)


class ByHyperscan:
    """A set of literals compiled with Hyperscan.

    Raises:
        ImportError: The extra `hyperscan` is not installed.
        OSError: The processor cannot run it.
    """

    def __init__(self, patterns: Sequence[bytes]) -> None:
        import hyperscan  # noqa: PLC0415 - an extra

        self._lengths = [len(pattern) for pattern in patterns]
        self._database: Any = None
        if not patterns:
            return
        try:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                expressions=list(patterns),
                ids=list(range(len(patterns))),
                elements=len(patterns),
                flags=0,
                literal=True,
            )
        except hyperscan.error as error:
            raise OSError(f"Hyperscan cannot be used here: {error}") from error

    def find_matches_as_indexes(self, text: bytes) -> list[tuple[int, int, int]]:
        """Return number of the literal, start and end of each match, by offset."""
        if self._database is None or not text:
            return []
        every: list[tuple[int, int, int]] = []
        lengths = self._lengths

        def found(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            every.append((end - lengths[number], -end, number))

        self._database.scan(text, match_event_handler=found)
        every.sort()
        kept = []
        free = 0
        for start, minus_end, number in every:
            if start >= free:
                free = -minus_end
                kept.append((number, start, free))
        return kept
