"""Remembers what files of the same content gave, so that a second run reads only what changed.

An entry is keyed by path, size and time of change, and the whole cache by the version of the
vendor knowledge, of reliant and of this format: new rules make old answers worthless.
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
from reliant.core.use import Scope
from reliant.inventory.engine import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.targets.file import File

_FORMAT = 3


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    size: int
    mtime_ns: int
    seen: Seen | None


class Cache:
    """A file per target in a folder that the caller names.

    What cannot be read or written is as if there were no cache.
    """

    def __init__(self, folder: Path, target: str) -> None:
        name = hashlib.sha256(target.encode()).hexdigest()[:24]
        self._file = folder / f"inventory-{name}.msgpack"
        self._entries: dict[str, _Entry] = {}
        self._version = ""

    def get(self, file: File, version: str) -> Seen | None:
        """Return what `file` gave when it was last read, if it has not changed since."""
        self._load(version)
        entry = self._entries.get(file.path)
        if entry is None or not file.mtime_ns or (entry.size, entry.mtime_ns) != (file.size, file.mtime_ns):
            return None
        return entry.seen or Seen(file.path, Scope.CODE, ())

    def put(self, files: Sequence[File], seen: Sequence[Seen], version: str) -> None:
        """Remember what `files` gave; a file without an answer had nothing to say."""
        if not files:
            return
        self._load(version)
        found = {entry.path: entry for entry in seen}
        for file in files:
            entry = found.get(file.path)
            empty = entry is None or not (entry.signals or entry.skipped or entry.failed or entry.facts)
            self._entries[file.path] = _Entry(file.size, file.mtime_ns, None if empty else entry)
        self._save()

    def _load(self, version: str) -> None:
        if self._version == version:
            return
        self._version = version
        self._entries = {}
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            header, entries = msgspec.msgpack.decode(
                self._file.read_bytes(), type=tuple[str, dict[str, _Entry]]
            )
            if header == _header(version):
                self._entries = entries

    def _save(self) -> None:
        data = msgspec.msgpack.encode((_header(self._version), self._entries))
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(temporary).replace(self._file)


def _header(version: str) -> str:
    return f"{_FORMAT}:{__version__}:{version}"
