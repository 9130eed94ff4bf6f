"""The records of all chains in one line of time, for other tools."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

import msgspec

from reliant.errors import TargetError
from reliant.gateway.audit.chain import BadLine, read_line
from reliant.gateway.audit.verify import find_chains, read_lines


class _Time(msgspec.Struct):
    t: int
    n: int


def export_lines(path: Path) -> Iterator[str]:
    """Yield every record as JSON with its chain, hash and, where kept, what was sealed.

    Raises:
        TargetError: There is no log, or a line cannot be read.
    """
    chains = find_chains(path)
    streams = [_records(chain, files) for chain, files in chains.items()]
    for _, _, line in heapq.merge(*streams):
        yield line


def _records(chain: str, files: list[Path]) -> Iterator[tuple[int, int, str]]:
    name = msgspec.json.encode(chain).decode()
    for file in files:
        for at, raw in enumerate(read_lines(file), start=1):
            try:
                line = read_line(raw)
                when = msgspec.json.decode(line.record, type=_Time)
            except (BadLine, msgspec.DecodeError) as error:
                raise TargetError(
                    f"{file}:{at}: {error}", hint="Check the log: reliant gateway audit verify PATH"
                ) from None
            opened = f',"opened":{msgspec.json.encode(line.opened).decode()}' if line.opened else ""
            head = f'{{"chain":{name},"hash":"{line.digest.hex()}"'
            yield when.t, when.n, f'{head},"record":{line.record.decode()}{opened}}}'
