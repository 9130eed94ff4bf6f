"""Counts again, from the log, what keys have used in their present windows.

The log is written before every answer, so it knows more than any counter that a
killed process kept in memory. Only the part since the oldest open window is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from reliant.gateway.audit.chain import BadLine, read_line
from reliant.gateway.limits import Meter


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


def replay(segments: list[Path], meters: Mapping[str, Meter], now: float) -> int:
    """Add what the log says was used since the oldest open window; return how many records counted."""
    bounded = {name: meter for name, meter in meters.items() if meter.bounded}
    if not bounded:
        return 0
    since = _oldest(bounded.values(), now)
    counted = 0
    for record in _since(segments, int(since * 1_000_000)):
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
    for segment in segments:
        with segment.open("rb") as file:
            size = file.seek(0, 2)
            low, high = 0, size
            while high - low > 65_536:
                middle = (low + high) // 2
                file.seek(middle)
                file.readline()
                found = _read(file.readline())
                if found is not None and found.t < since:
                    low = middle
                else:
                    high = middle
            file.seek(low)
            if low:
                file.readline()
            for raw in file:
                found = _read(raw)
                if found is not None and found.t >= since:
                    yield found


def _read(raw: bytes) -> _Counted | None:
    try:
        return _DECODE.decode(read_line(raw).record)
    except (BadLine, msgspec.MsgspecError):
        return None
