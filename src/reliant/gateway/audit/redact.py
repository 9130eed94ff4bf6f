"""Erases kept prompts. The chain stays valid, because it only ever held their digests.

Also what `retention_days` does. Taking whole segments away is another matter: see
`removal`.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from reliant.errors import TargetError
from reliant.gateway.audit.chain import BadLine, read_line, write_line
from reliant.gateway.audit.folder import hold
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
    out: list[bytes] = []
    for at, raw in enumerate(read_lines(file), start=1):
        try:
            line = read_line(raw)
            who = msgspec.json.decode(line.record, type=_Who)
        except (BadLine, msgspec.DecodeError) as error:
            raise TargetError(
                f"{file}:{at}: {error}", hint="Check the log: reliant gateway audit verify PATH"
            ) from None
        wanted = who.id in requests or (before_s is not None and who.t < before_s * 1_000_000)
        if line.opened and wanted:
            out.append(write_line(line.digest, line.record))
            erased += 1
        else:
            out.append(raw)
        size += len(raw)
    if erased:
        _replace(file, out, size)
    return erased


def _replace(file: Path, lines: list[bytes], size: int) -> None:
    """Put `lines` in the place of a segment, unless a gateway is writing it or it has grown beyond `size`."""
    chain, _, _ = file.stem.rpartition("-")
    newest = max(file.parent.glob(f"{chain}-[0-9]*.jsonl"), default=file)
    held = hold(file.parent, chain) if newest == file else None
    if file.stat().st_size != size or (newest == file and held is None):
        raise TargetError(
            f"{file} is being written by a gateway",
            hint="Wait for its next segment, which begins every day, or stop the gateway.",
        )
    try:
        draft = file.with_suffix(".redacting")
        with draft.open("wb") as target:
            target.writelines(lines)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(file)
    finally:
        if held is not None:
            os.close(held)
