"""Erases kept prompts. The chain stays valid, because it only ever held their digests.

Also what retention does: after so many days kept prompts are erased, and after
that many days again whole old segments may be moved away by the operator. The
first record of the next segment still names the hash they ended with.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from reliant.errors import TargetError
from reliant.gateway.audit.chain import BadLine, read_line, write_line
from reliant.gateway.audit.verify import find_chains, read_lines


class _Who(msgspec.Struct):
    t: int
    id: str = ""


def redact(path: Path, requests: frozenset[str] = frozenset(), before_s: float | None = None) -> int:
    """Erase what was kept of these requests, or of everything before a moment; return how many.

    Do this while no gateway writes the segment: the newest one of a chain is
    replaced as a whole.

    Raises:
        TargetError: There is no log, or a line cannot be read.
    """
    return sum(_segment(file, requests, before_s) for files in find_chains(path).values() for file in files)


def _segment(file: Path, requests: frozenset[str], before_s: float | None) -> int:
    erased = 0
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
    if erased:
        draft = file.with_suffix(".redacting")
        with draft.open("wb") as target:
            target.writelines(out)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(file)
    return erased
