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

    def get(self, name: str) -> Fingerprint | None:
        """Return the sound fingerprint of this name, if there is one."""
        path = self.path_for(name)
        return self._entry(path).fingerprint if path.exists() else None

    def add(self, one: Fingerprint) -> Path:
        """Write a fingerprint, replacing one of the same name."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.path_for(one.name)
        fresh = path.with_suffix(f".{os.getpid()}.part")
        fresh.write_bytes(encode(one))
        fresh.replace(path)
        return path

    def build(
        self, names: list[str], make: Callable[[str, tuple[str, ...]], Fingerprint], paths: tuple[str, ...]
    ) -> Iterator[tuple[str, str]]:
        """Add what is not there yet, path by path; yields each name with what became of it.

        A path that was asked for before and that the model cannot have is not tried again.
        """
        for name in names:
            held = self.get(name)
            wanted = tuple(path for path in paths if held is None or path not in held.asked)
            if not wanted:
                yield name, "kept"
                continue
            try:
                made = make(name, wanted)
            except WeightsError as error:
                yield name, str(error)
                continue
            one = made if held is None else held.with_parts(made)
            self.add(one)
            lacking = [path for path in wanted if path not in one.parts]
            yield name, "added" + (f" without {', '.join(lacking)}" if lacking else "")

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
