"""Marks a chain as being written: the mark goes with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_LOCKS = Path("/proc/locks")


def _mark(folder: Path, chain: str) -> Path:
    return folder / f".{chain}.lock"


def hold(folder: Path, chain: str) -> int | None:
    """Return an open file that marks `chain` as being written; None if somebody else writes it."""
    handle = os.open(_mark(folder, chain), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def is_held(folder: Path, chain: str) -> bool:
    """Say whether a process of this machine is known to write `chain`, without getting in its way."""
    try:
        there = _mark(folder, chain).stat()
        locks = _LOCKS.read_text(encoding="ascii")
    except OSError:
        return False
    place = f" {os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}:{there.st_ino} "
    return any(" FLOCK " in line and place in line for line in locks.splitlines())
