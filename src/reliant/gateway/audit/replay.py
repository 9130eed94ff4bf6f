"""Counts again, from the log, what keys have used in their present windows.

The log is written before every answer, so it knows more than any counter that a
killed process kept in memory. Only the part since the oldest open window is read.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from reliant.gateway.admit.limits import Meter
from reliant.gateway.audit.chain import BadLine, read_line
from reliant.gateway.audit.ends import begin_near


class _Counted(msgspec.Struct):
    """The part of a record that counts."""

    kind: str
    t: int
    key: str = ""
    action: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    microusd: int = 0


_DECODE = msgspec.json.Decoder(_Counted)


def chains_of(chains: Mapping[str, list[Path]], number: int, workers: int) -> list[list[Path]]:
    """Return the chains whose counts the worker `number` of so many goes on with.

    Its own and those before it: of a time with another name or with more workers.
    """

    def writer(chain: str) -> int:
        end = chain.rpartition("-")[2]
        return int(end) if end.isascii() and end.isdigit() else 0

    return [files for chain, files in chains.items() if writer(chain) % workers == number]


def replay(chains: Iterable[list[Path]], meters: Mapping[str, Meter], now: float) -> int:
    """Add what the log says was used since the oldest open window; return how many records counted."""
    bounded = {name: meter for name, meter in meters.items() if meter.bounded}
    if not bounded:
        return 0
    since = _oldest(bounded.values(), now)
    counted = 0
    streams = (_since(segments, int(since * 1_000_000)) for segments in chains)
    for record in heapq.merge(*streams, key=lambda record: record.t):
        meter = bounded.get(record.key)
        if meter is None:
            continue
        moment = record.t / 1_000_000
        if record.kind == "decision" and record.action != "refuse":
            meter.count(moment, 1, 0, 0.0)
            counted += 1
        elif record.kind == "outcome":
            meter.count(moment, 0, record.tokens_in + record.tokens_out, record.microusd / 1_000_000)
            counted += 1
    return counted


def _oldest(meters: object, now: float) -> float:
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    monthly = any(meter.quota.usd_per_month is not None for meter in meters)  # type: ignore[attr-defined]
    return (day.replace(day=1) if monthly else day).timestamp()


def _since(segments: list[Path], since: int) -> Iterator[_Counted]:
    """Yield records from `since` on; the place to begin is found by halving."""

    def earlier(raw: bytes) -> bool:
        found = _read(raw)
        return found is not None and found.t < since

    for segment in segments:
        with segment.open("rb") as file:
            begin_near(file, earlier)
            for raw in file:
                found = _read(raw)
                if found is not None and found.t >= since:
                    yield found


def _read(raw: bytes) -> _Counted | None:
    try:
        return _DECODE.decode(read_line(raw).record)
    except (BadLine, msgspec.MsgspecError):
        return None
