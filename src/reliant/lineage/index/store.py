"""The folder of an index: one file per fingerprint, and a list that is rebuilt from them.

Building goes model by model, each file written whole and renamed into place, so a broken
build is taken up where it stopped.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from reliant.errors import WeightsError
from reliant.lineage.index.fingerprint import MAX_FILE, Fingerprint, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_END = ".rfp"


class Entry(NamedTuple):
    """One file of the index; `problem` is empty if it is sound."""

    path: Path
    size: int
    fingerprint: Fingerprint | None
    problem: str = ""


class Store:
    """An index on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_for(self, name: str) -> Path:
        """Return the file of a model by its name."""
        return self.root / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}{_END}"

    def has(self, name: str) -> bool:
        """Return True if a sound fingerprint of this name is there."""
        path = self.path_for(name)
        return path.exists() and not self._entry(path).problem

    def add(self, one: Fingerprint) -> Path:
        """Write a fingerprint, replacing one of the same name."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.path_for(one.name)
        fresh = path.with_suffix(f".{os.getpid()}.part")
        fresh.write_bytes(encode(one))
        fresh.replace(path)
        return path

    def build(self, names: list[str], make: Callable[[str], Fingerprint]) -> Iterator[tuple[str, str]]:
        """Add the models that are not there yet; yields each name with `added`, `kept` or what went wrong."""
        for name in names:
            if self.has(name):
                yield name, "kept"
                continue
            try:
                self.add(make(name))
            except WeightsError as error:
                yield name, str(error)
                continue
            yield name, "added"

    def entries(self) -> Iterator[Entry]:
        """Yield every file of the index, sound or not, in a fixed order."""
        for path in sorted(self.root.glob(f"*{_END}")):
            yield self._entry(path)

    @staticmethod
    def _entry(path: Path) -> Entry:
        size = path.stat().st_size
        if size > MAX_FILE or not path.is_file():
            return Entry(path, size, None, f"{size:,} bytes is no fingerprint's size")
        try:
            return Entry(path, size, decode(path.read_bytes(), path.name))
        except WeightsError as error:
            return Entry(path, size, None, error.problem)
