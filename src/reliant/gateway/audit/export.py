"""The records of all chains in one line of time, for other tools: as JSON lines or as a table."""

from __future__ import annotations

import csv
import datetime as dt
import heapq
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


_COLUMNS = (
    *("time", "chain", "n", "kind", "id", "key", "tenant", "client", "endpoint", "model", "upstream"),
    *("place", "verdict", "action", "rules", "code", "status", "end", "tokens_in", "tokens_out", "usd"),
    *("unpriced", "estimated", "what", "by", "detail", "hash"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Exported(msgspec.Struct):
    chain: str
    hash: str
    record: dict[str, Any]


def export_rows(path: Path) -> Iterator[str]:
    """Yield the lines of a CSV table, one record each, its head first; kept prompts stay out.

    Raises:
        TargetError: There is no log, or a line cannot be read.
    """
    yield _row(_COLUMNS)
    for line in export_lines(path):
        found = msgspec.json.decode(line, type=_Exported)
        record = found.record
        moment = dt.datetime.fromtimestamp(record["t"] / 1_000_000, dt.UTC)
        known = {**record, "chain": found.chain, "hash": found.hash, "time": moment.isoformat()}
        if "microusd" in record and not record.get("unpriced"):
            known["usd"] = record["microusd"] / 1_000_000
        yield _row([_cell(known.get(name, "")) for name in _COLUMNS])


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value  # callers choose names, and a table program would run a formula
    return value


def _row(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()
