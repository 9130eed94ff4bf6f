"""Counts again, from the log, what keys have used in their present windows.

The log is written before every answer, so it knows more than any counter that a
killed process kept in memory. What was counted is kept beside the chain again and
again, with the record it was counted up to: so after a stop or a crash only what
follows that record is read. Where nothing is kept, or something else than is asked
for now, all is read since the oldest open window.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from reliant.gateway.admit.limits import Meter, Tally
from reliant.gateway.audit.ends import begin_near, record_at


class Counts(msgspec.Struct, frozen=True):
    """What was used of each window of each key.

    Attributes:
        until: By chain, the last record that is counted: its number and its hash.
        used: By key and window: the number of the span, and what was used in it.
    """

    until: dict[str, tuple[int, str]]
    used: dict[str, dict[str, tuple[int, float]]]


class _Counted(msgspec.Struct):
    """The part of a record that counts."""

    kind: str
    t: int
    key: str = ""
    action: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    microusd: int = 0


class _Line(msgspec.Struct):
    r: _Counted


_DECODE = msgspec.json.Decoder(_Line)


class _Tallies(NamedTuple):
    """Those of one key."""

    requests: list[Tally]
    tokens: list[Tally]
    money: list[Tally]

    def all(self) -> dict[str, Tally]:
        return {tally.name: tally for tally in (*self.requests, *self.tokens, *self.money)}


def chains_of(chains: Mapping[str, list[Path]], number: int, workers: int) -> list[list[Path]]:
    """Return the chains whose counts the worker `number` of so many goes on with.

    Its own and those before it: of a time with another name or with more workers.
    """

    def writer(chain: str) -> int:
        end = chain.rpartition("-")[2]
        return int(end) if end.isascii() and end.isdigit() else 0

    return [files for chain, files in chains.items() if writer(chain) % workers == number]


def keep(folder: Path, chain: str, until: Mapping[str, tuple[int, str]], meters: Mapping[str, Meter]) -> None:
    """Keep beside `chain` what was counted up to the records in `until`, instead of what was kept before.

    Raises:
        OSError: It cannot be written. Then more of the log is read at the next start.
    """
    used = {name: meter.counted() for name, meter in meters.items() if meter.bounded}
    draft = folder / f".{chain}.counts"
    draft.write_bytes(msgspec.json.encode(Counts(dict(until), used)))
    draft.replace(folder / f"{chain}.counts")


def replay(chains: Iterable[list[Path]], meters: Mapping[str, Meter], now: float) -> int:
    """Let meters go on with what the log says was used; return how many records were read for that."""
    tallies = {name: _Tallies(*meter.tallies()) for name, meter in meters.items() if meter.bounded}
    if not tallies:
        return 0
    since = int(_oldest(meters.values(), now) * 1_000_000)
    found = {_chain_of(segments): segments for segments in chains if segments}
    begin: dict[str, tuple[Path, int]] = {}
    for counts, places in _kept(found, tallies):
        begin |= places
        for key, windows in counts.used.items():
            mine = tallies[key].all() if key in tallies else {}
            for name, (number, amount) in windows.items():
                if name in mine and amount:
                    mine[name].add(number, amount)
    read = 0
    for chain, segments in found.items():
        records = _after(segments, *begin[chain]) if chain in begin else _since(segments, since)
        for record in records:
            read += 1
            _count(record, tallies)
    for name, tally in tallies.items():
        meters[name].resume(tally.all().values(), now)
    return read


def _count(record: _Counted, tallies: Mapping[str, _Tallies]) -> None:
    mine = tallies.get(record.key)
    if mine is None:
        return
    moment = record.t / 1_000_000
    if record.kind == "decision":
        if record.action != "refuse":
            for tally in mine.requests:
                tally.add(tally.number(moment), 1)
    elif record.kind == "outcome":
        for tally in mine.tokens:
            tally.add(tally.number(moment), record.tokens_in + record.tokens_out)
        for tally in mine.money:
            tally.add(tally.number(moment), record.microusd / 1_000_000)


def _chain_of(segments: list[Path]) -> str:
    return segments[0].stem.rpartition("-")[0]


def _kept(
    found: Mapping[str, list[Path]], tallies: Mapping[str, _Tallies]
) -> Iterator[tuple[Counts, dict[str, tuple[Path, int]]]]:
    """Yield what was kept beside these chains, and where in each the records begin that it does not count.

    Only what is of these chains alone, and tells all that is asked for now.
    """
    taken: set[str] = set()
    asked = {key: set(one.all()) for key, one in tallies.items()}
    for chain, segments in found.items():
        try:
            counts = msgspec.json.decode((segments[0].parent / f"{chain}.counts").read_bytes(), type=Counts)
        except (OSError, msgspec.MsgspecError):
            continue
        of = set(counts.until)
        tells = all(windows <= set(counts.used.get(key, ())) for key, windows in asked.items())
        if chain not in of or of & taken or not of <= set(found) or not tells:
            continue
        places = {one: place for one in of if (place := _place(found[one], *counts.until[one])) is not None}
        if len(places) == len(of):
            taken |= of
            yield counts, places


def _place(segments: list[Path], number: int, digest: str) -> tuple[Path, int] | None:
    """Return where in a chain the records after this one begin; None if it has no such record."""
    with contextlib.suppress(OSError):
        there = record_at(segments, number)
        if there is not None and there[0].digest.hex() == digest:
            return there[1], there[2]
    return None


def _oldest(meters: Iterable[Meter], now: float) -> float:
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    monthly = any(meter.quota.usd_per_month is not None for meter in meters)
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


def _after(segments: list[Path], segment: Path, offset: int) -> Iterator[_Counted]:
    """Yield records from a place on."""
    for later in segments[segments.index(segment) :]:
        with later.open("rb") as file:
            if later == segment:
                file.seek(offset)
            for raw in file:
                found = _read(raw)
                if found is not None:
                    yield found


def _read(raw: bytes) -> _Counted | None:
    try:
        return _DECODE.decode(raw).r
    except msgspec.MsgspecError:
        return None
