"""Erases kept prompts. The chain stays valid, because it only ever held their digests.

Also what `retention_days` does. Taking whole segments away is another matter: see
`removal`.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from reliant.errors import TargetError
from reliant.gateway.audit.chain import BadLine, Line, read_line, write_line
from reliant.gateway.audit.holding import hold
from reliant.gateway.audit.verify import find_chains, read_lines


class _Who(msgspec.Struct):
    t: int
    id: str = ""


def redact(path: Path, requests: frozenset[str] = frozenset(), before_s: float | None = None) -> int:
    """Erase what was kept of these requests, or of everything before a moment; return how many.

    A segment is replaced as a whole, so the newest one of a chain must wait until no
    gateway writes it.

    Raises:
        TargetError: There is no log, a line cannot be read, or a gateway writes the segment.
    """
    return sum(_segment(file, requests, before_s) for files in find_chains(path).values() for file in files)


def _segment(file: Path, requests: frozenset[str], before_s: float | None) -> int:
    erased = size = 0
    draft = file.with_suffix(".redacting")
    try:
        with draft.open("wb") as target:
            for at, raw in enumerate(read_lines(file), start=1):
                line = _read(raw, file, at)
                size += len(raw)
                if line.opened and _wanted(line, requests, before_s):
                    raw = write_line(line.digest, line.record)  # noqa: PLW2901 - the same line, without it
                    erased += 1
                target.write(raw)
            target.flush()
            os.fsync(target.fileno())
        if erased:
            _replace(file, draft, size)
    finally:
        draft.unlink(missing_ok=True)
    return erased


def _read(raw: bytes, file: Path, at: int) -> Line:
    try:
        return read_line(raw)
    except BadLine as error:
        raise TargetError(
            f"{file}:{at}: {error}", hint="Check the log: reliant gateway audit verify PATH"
        ) from None


def _wanted(line: Line, requests: frozenset[str], before_s: float | None) -> bool:
    who = msgspec.json.decode(line.record, type=_Who)
    return who.id in requests or (before_s is not None and who.t < before_s * 1_000_000)


def _replace(file: Path, draft: Path, size: int) -> None:
    """Put `draft` in the place of a segment, unless a gateway is writing it or it has grown beyond `size`."""
    chain, _, _ = file.stem.rpartition("-")
    newest = max(file.parent.glob(f"{chain}-{'[0-9]' * 5}.jsonl"), default=file)
    held = hold(file.parent, chain) if newest == file else None
    try:
        if file.stat().st_size != size or (newest == file and held is None):
            raise TargetError(
                f"{file} is being written by a gateway",
                hint="Wait for its next segment, which begins every day, or stop the gateway.",
            )
        draft.replace(file)
    finally:
        if held is not None:
            os.close(held)
