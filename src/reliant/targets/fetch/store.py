"""What was fetched before: files by what was asked for, with the hash they must still have."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

import msgspec

from reliant.errors import FetchError
from reliant.targets.open import Fetched

_RECORD = "fetched.json"


class _Record(msgspec.Struct, frozen=True):
    name: str
    kind: str
    file: str
    digest: str


class Store:
    """A folder per name asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, asked: str) -> Path:
        """Return the folder for what was asked for; made if it is not there.

        Raises:
            FetchError: It cannot be made.
        """
        # A long name is cut, and its hash keeps it apart from others.
        safe = quote(asked, safe="@=+")[:100]
        folder = self._root / f"{safe}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FetchError(
                f"the cache folder {self._root} cannot be written: {error.strerror}",
                hint="Set XDG_CACHE_HOME to a folder that can be.",
            ) from error
        return folder

    def get(self, asked: str) -> Fetched | None:
        """Return what is kept for `asked`, if it still has its hash."""
        folder = self.folder(asked)
        try:
            record = msgspec.json.decode((folder / _RECORD).read_bytes(), type=_Record)
            path = folder / Path(record.file).name
            if record.digest.startswith("sha256:") and path.is_file():
                with path.open("rb") as content:
                    if hashlib.file_digest(content, "sha256").hexdigest() != record.digest[7:]:
                        return None
            elif not path.exists():
                return None
        except (OSError, msgspec.MsgspecError):
            return None
        return Fetched(path=path, kind=record.kind, name=record.name, digest=record.digest)

    def put(self, asked: str, fetched: Fetched) -> Fetched:
        """Note that `fetched`, which lies in the folder for `asked`, is what was asked for."""
        folder = self.folder(asked)
        record = _Record(fetched.name, fetched.kind, fetched.path.name, fetched.digest or "")
        handle, new = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(record))
        Path(new).replace(folder / _RECORD)
        return fetched
