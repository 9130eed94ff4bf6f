"""Remembers what files of the same content gave, so that a second run reads only what changed.

An entry is keyed by path, size and time of change, and the whole cache by the version of the
vendor knowledge, of reliant and of this format: new rules make old answers worthless. Where no file
has changed, what they gave together is remembered too; of an archive, only that.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant import __version__
from reliant.core.need import Function
from reliant.core.results import TargetStamp
from reliant.core.use import NotLookedAt, Scope, Use
from reliant.inventory.engine import Inventory, Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.targets.file import File

_FORMAT = 12


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    size: int
    mtime_ns: int
    seen: msgspec.Raw


class _Whole(msgspec.Struct, frozen=True, array_like=True):
    """What all files together gave, and which files those were."""

    files: str
    found: msgspec.Raw


class Found(msgspec.Struct, frozen=True, array_like=True):
    """What a target uses, without what was left out on the way to its files."""

    uses: tuple[Use, ...]
    functions: tuple[Function, ...]
    notes: tuple[NotLookedAt, ...]


class Cache:
    """A file per target in a folder that the caller names.

    What cannot be read or written is as if there were no cache.
    """

    def __init__(self, folder: Path, target: str) -> None:
        name = hashlib.sha256(target.encode()).hexdigest()[:24]
        self._file = folder / f"inventory-{name}.msgpack"
        self._entries: dict[str, _Entry] = {}
        self._whole: _Whole | None = None
        self._version = ""

    def has(self, file: File, version: str) -> bool:
        """Say whether `file` is as it was when it was last read."""
        self._load(version)
        entry = self._entries.get(file.path)
        return (
            entry is not None
            and file.mtime_ns != 0
            and (entry.size, entry.mtime_ns) == (file.size, file.mtime_ns)
        )

    def get(self, file: File) -> Seen:
        """Return what a file gave that is as it was."""
        seen = msgspec.msgpack.decode(self._entries[file.path].seen, type=Seen | None)
        return seen or Seen(file.path, Scope.CODE, ())

    def whole(self, files: Sequence[File], version: str) -> Found | None:
        """Return what all files of a target gave, if they are those of the last time and all as they were."""
        self._load(version)
        if self._whole is None or not all(file.mtime_ns for file in files):
            return None
        if self._whole.files != _state(files):
            return None
        return msgspec.msgpack.decode(self._whole.found, type=Found)

    def put(self, files: Sequence[File], seen: Sequence[Seen], version: str) -> None:
        """Remember what `files` gave; a file without an answer had nothing to say."""
        self._load(version)
        found = {entry.path: entry for entry in seen}
        for file in files:
            entry = found.get(file.path)
            empty = entry is None or not (entry.signals or entry.skipped or entry.failed or entry.facts)
            kept = msgspec.Raw(msgspec.msgpack.encode(None if empty else entry))
            self._entries[file.path] = _Entry(file.size, file.mtime_ns, kept)

    def keep(self, files: Sequence[File] | None, found: Found) -> None:
        """Write down what was put, and what all files gave; None if not all were looked at."""
        self._whole = (
            None if files is None else _Whole(_state(files), msgspec.Raw(msgspec.msgpack.encode(found)))
        )
        _write(self._file, msgspec.msgpack.encode((_header(self._version), self._entries, self._whole)))

    def _load(self, version: str) -> None:
        if self._version == version:
            return
        self._version = version
        self._entries = {}
        self._whole = None
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            header, entries, whole = msgspec.msgpack.decode(
                self._file.read_bytes(), type=tuple[str, dict[str, _Entry], _Whole | None]
            )
            if header == _header(version):
                self._entries = entries
                self._whole = whole


class Packed:
    """What an archive gave when it was last opened; it need not be unpacked again while it is the same.

    Args:
        folder: Of the cache.
        path: Of the archive.
        version: Of what is known of vendors.
    """

    def __init__(self, folder: Path, path: Path, version: str) -> None:
        seen = path.stat()
        self._key = (_header(version), seen.st_size, seen.st_mtime_ns)
        name = hashlib.sha256(f"{path.resolve()}\0{path}".encode()).hexdigest()[:24]
        self._file = folder / f"archive-{name}.msgpack"

    def get(self) -> tuple[Inventory, TargetStamp] | None:
        """Return what was found in it and its stamp, if nothing has changed since."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            key, found, stamp = msgspec.msgpack.decode(
                self._file.read_bytes(), type=tuple[tuple[str, int, int], Inventory, TargetStamp]
            )
            if key == self._key:
                return found, stamp
        return None

    def put(self, found: Inventory, stamp: TargetStamp) -> None:
        """Remember what was found."""
        _write(self._file, msgspec.msgpack.encode((self._key, found, stamp)))


def _state(files: Sequence[File]) -> str:
    lines = sorted(f"{file.path}\0{file.size}\0{file.mtime_ns}" for file in files)
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _write(path: Path, data: bytes) -> None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)


def _header(version: str) -> str:
    return f"{_FORMAT}:{__version__}:{version}"
