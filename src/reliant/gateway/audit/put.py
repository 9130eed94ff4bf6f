"""Puts a small file where one was: after a loss of power there is the one or the other, whole."""

from __future__ import annotations

import os
from pathlib import Path


def put(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `data` to `path`, once the disk has it.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
    draft.replace(path)


def settle(folder: Path) -> None:
    """Return once the disk has the names of the files that are in a folder.

    Raises:
        OSError: The disk refused.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
