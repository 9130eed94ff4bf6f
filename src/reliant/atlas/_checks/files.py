"""Checks that nothing under the folder is left unread by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.atlas.records import kinds
from reliant.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.atlas._read import Folder

_NO_RECORDS = {"schema"}


def every_file_is_read(folder: Folder) -> Iterator[RecordError]:
    """Refuse a folder that is no kind of record, and a file with another suffix than .yaml."""
    for path in sorted(folder.root.iterdir()):
        if path.is_dir() and path.name not in kinds() and path.name not in _NO_RECORDS:
            yield RecordError(
                path, 0, "is no kind of record", hint=f"The folders are: {', '.join(sorted(kinds()))}."
            )
    for name in kinds():
        for path in sorted((folder.root / name).rglob("*")):
            if path.is_file() and path.suffix != ".yaml":
                yield RecordError(path, 0, "is not read", hint="Name it .yaml, or move it elsewhere.")
