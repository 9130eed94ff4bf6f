"""One pass over the bytes of a file for every literal that any detector cares about.

An automaton over some thousand literals reads a file once, at the speed of memory. What it
finds is checked at its place (a word inside a longer word is no hit), so that only files
with something in them are ever parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from reliant.inventory.view import FileView, Hit

if TYPE_CHECKING:
    from reliant.inventory.signals import Detector
    from reliant.inventory.vendors import Vendors

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")
_QUOTES = (b'"', b"'", b"`")
_MOST_MODULES = 2_000
_MOST_HITS = 20_000
"""Per file. A price table of 40,000 ids needs no more to be worth parsing."""


class Prefilter:
    """The automaton, and the kind of each of its patterns."""

    def __init__(self, vendors: Vendors, detectors: tuple[Detector, ...]) -> None:
        kinds: dict[bytes, str] = {}
        for stem in vendors.id_stems:
            for quote in _QUOTES:
                kinds.setdefault(quote + stem.encode(), "id")
            kinds.setdefault(b"/" + stem.encode(), "id")
        for detector in detectors:
            for pattern in detector.wants.patterns:
                kinds[pattern.encode()] = "pattern"
        for module in vendors.module_patterns:
            kinds[module.encode()] = "module"
        for name in vendors.env_patterns:
            kinds[name.encode()] = "env"
        for host in vendors.host_patterns:
            kinds[host.encode()] = "host"
        self._patterns = sorted(kinds)
        self._kinds = [kinds[pattern] for pattern in self._patterns]
        self._automaton = BytesAhoCorasick(self._patterns, matchkind=MatchKind.LeftmostLongest)

    def hits(self, data: bytes) -> list[Hit]:
        """Return what is found in `data`, by offset."""
        low = data.lower()
        found = []
        modules = 0
        for index, start, end in self._automaton.find_matches_as_indexes(low):
            kind = self._kinds[index]
            if kind in {"module", "env"} and (
                (start and low[start - 1] in _WORD) or (end < len(low) and low[end] in _WORD)
            ):
                continue
            if kind == "module":
                modules += 1
                if modules > _MOST_MODULES:
                    continue
            found.append(Hit(kind, start, self._patterns[index].decode()))
            if len(found) >= _MOST_HITS:
                break
        return found


def again(file: FileView, text: str) -> FileView:
    """Return a view of a text that stands inside of a file, with the file's hits as a whole.

    The hits of the file are enough to say that the text is worth reading, but not where.
    """
    data = text.encode("utf-8", "replace")
    low = data.lower()
    hits = [
        Hit(hit.kind, max(low.find(hit.key.encode()), 0), hit.key)
        for hit in {hit.key: hit for hit in file.hits}.values()
    ]
    return FileView(
        file.path, data, file.scope, vendors=file.vendors, hits=sorted(hits, key=lambda h: h.start)
    )
