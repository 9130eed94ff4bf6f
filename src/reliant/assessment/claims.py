"""Tests a quantified claim against data, under each of its readings.

A reading holds, does not hold, or cannot be told from the data at hand. The claim is
borne out if every reading that can be told holds; if they differ, the answer is that
it depends on the reading, with the figures of each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from reliant.assessment.citing import Citations
from reliant.assessment.country.models import Made, Models, from_rows
from reliant.atlas.records.claim import (
    AnyReading,
    Claim,
    EventReading,
    ModelsReading,
    NotTestable,
    PlacesReading,
    RegisterReading,
    ScoresReading,
)
from reliant.core.country import ClaimResult, Reading
from reliant.core.dates import PartialDate
from reliant.errors import UnknownId

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.atlas.importers import ModelRow


class Scored(NamedTuple):
    """One cell of a table of scores."""

    section: str
    model: str
    area: str
    value: float


@dataclass(frozen=True)
class Evidence:
    """The data a claim is tested against.

    Attributes:
        rows: By format, the rows of each file, by its name.
        scores: By file name.
    """

    rows: Mapping[str, Mapping[str, Sequence[ModelRow]]] = field(default_factory=dict)
    scores: Mapping[str, Sequence[Scored]] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return the names of all files."""
        return (*(name for files in self.rows.values() for name in files), *self.scores)


class _Count(NamedTuple):
    """What was counted; None if the data to count are not at hand."""

    part: int
    whole: int
    note: str = ""


def test_claim(claim: Claim, evidence: Evidence, atlas: Atlas) -> ClaimResult:
    """Return the claim with the figure of each reading."""
    tester = _Tester(evidence, atlas)
    readings = tuple(_judged(one, tester.count(one)) for one in claim.readings)
    citations = Citations()
    citations.cite(claim.sources)
    return ClaimResult(
        id=claim.id,
        claim=claim.says,
        said_by=claim.said_by,
        said_on=claim.said_on,
        readings=readings,
        verdict=verdict(readings),
        data=evidence.names(),
        remarks=(claim.note,) if claim.note else (),
        sources=citations.sources,
    )


test_claim.__test__ = False  # type: ignore[attr-defined]  # its name begins like that of a test


def verdict(readings: Iterable[Reading]) -> str:
    """Return what the readings come to."""
    told = {one.holds for one in readings if one.holds is not None}
    if not told:
        return "not testable"
    if told == {True}:
        return "borne out"
    return "not borne out" if told == {False} else "depends on the reading"


def _judged(reading: AnyReading, count: _Count | None) -> Reading:
    note = reading.note or ""
    if count is None:
        said = note if isinstance(reading, NotTestable) else f"no data at hand{'; ' + note if note else ''}"
        return Reading(reading.name, 0, 0, None, None, said)
    share = count.part / count.whole if count.whole else None
    holds: bool | None = None
    if reading.more_than is not None:
        holds = None if share is None else share > reading.more_than
    elif reading.at_least is not None:
        holds = count.part >= reading.at_least
    elif reading.exactly is not None:
        holds = count.part == reading.exactly
    if holds is False and reading.a_sample:
        holds = None
    said = "; ".join(filter(None, (count.note, note)))
    is_count = reading.more_than is None and (reading.at_least is not None or reading.exactly is not None)
    return Reading(reading.name, count.part, count.whole, share, holds, said, is_count)


@dataclass
class _Tester:
    evidence: Evidence
    atlas: Atlas
    _models: dict[tuple[str, ...], Models] = field(default_factory=dict)

    def count(self, reading: AnyReading) -> _Count | None:
        match reading:
            case ModelsReading():
                return self._count_models(reading)
            case RegisterReading():
                found = self.atlas.registers.get(reading.record)
                if found is None:
                    raise UnknownId(reading.record)
                return _Count(found.count, found.count, f"{found.count_is} {found.count} on {found.as_of}")
            case PlacesReading():
                places = self._copy(reading)
                return _Count(len(places), len(places))
            case EventReading():
                return self._event(reading)
            case ScoresReading():
                return self._scores(reading)
            case NotTestable():
                return None

    def _copy(self, reading: PlacesReading) -> tuple[str, ...]:
        found = self.atlas.lists.get(reading.record)
        copy = next((one for one in found.copies if one.id == reading.copy), None) if found else None
        if copy is None:
            raise UnknownId(f"{reading.record} {reading.copy}")
        return copy.places

    def _event(self, reading: EventReading) -> _Count:
        event = self.atlas.events.get(reading.record)
        if event is None:
            raise UnknownId(reading.record)
        right = [True]
        if reading.date is not None:
            asked, had = PartialDate.parse(reading.date), PartialDate.parse(event.date)
            right.append(asked.earliest <= had.earliest and had.latest <= asked.latest)
        if reading.countries:
            right.append(set(reading.countries) == set(event.countries))
        return _Count(int(all(right)), 1, f"{event.name}, {event.date} ({event.confidence})")

    def _scores(self, reading: ScoresReading) -> _Count | None:
        table = self.evidence.scores.get(reading.table)
        if table is None:
            return None
        best: dict[str, float] = {}
        other: dict[str, float] = {}
        for cell in table:
            if reading.section not in cell.section or cell.area in reading.leave_out:
                continue
            if cell.model in reading.models:
                best[cell.area] = max(cell.value, best.get(cell.area, cell.value))
            elif cell.model == reading.against:
                other[cell.area] = cell.value
        areas = sorted(set(best) & set(other))
        if not areas:
            return None
        ahead = [area for area in areas if best[area] >= other[area]]
        shown = ", ".join(f"{area} {best[area]:g} to {other[area]:g}" for area in areas[:3])
        return _Count(len(ahead), len(areas), f"for example {shown}")

    def _count_models(self, reading: ModelsReading) -> _Count | None:
        files = {
            name: rows for kind in reading.data for name, rows in self.evidence.rows.get(kind, {}).items()
        }
        if not files:
            return None
        if reading.architectures:
            return self._by_class(reading, [row for rows in files.values() for row in rows])
        models = self._models.get(reading.data)
        if models is None:
            models = self._models[reading.data] = from_rows(list(files.items()), self.atlas)
        chosen = [made for made in models.rows.values() if _is_asked(made, reading)]
        known = [made for made in chosen if made.recorded]
        if not reading.ancestors:
            return _Count(len(chosen), len(chosen))
        part = sum(_descends(made, reading.ancestors, models) for made in known)
        whole = known if reading.of == "known" else chosen
        return _Count(part, len(whole), f"base recorded for {len(known)} of {len(chosen)}")

    def _by_class(self, reading: ModelsReading, rows: Sequence[ModelRow]) -> _Count:
        organisations = {one.casefold() for one in reading.organisations}
        for provider in self.atlas.providers.values():
            if provider.hq_country in reading.organisations_of:
                organisations |= {one.casefold() for one in provider.hf_orgs}
        chosen = [
            row
            for row in rows
            if (not organisations or any(one.casefold() in organisations for one in row.organisations))
            and (not reading.labels or any(word in (row.note or "") for word in reading.labels))
            and _within(row.submitted if reading.dated == "submitted" else row.released, reading)
        ]
        known = [row for row in chosen if row.architecture]
        part = sum(row.architecture in reading.architectures for row in known)
        whole = known if reading.of == "known" else chosen
        return _Count(part, len(whole), f"class known for {len(known)} of {len(chosen)}")


def _is_asked(made: Made, reading: ModelsReading) -> bool:
    return (
        (not reading.countries or bool(made.countries & set(reading.countries)))
        and not made.countries & set(reading.without)
        and (not reading.domains or bool(set(made.domains) & set(reading.domains)))
        and _within(str(made.day) if made.day else None, reading)
    )


def _descends(made: Made, words: tuple[str, ...], models: Models) -> bool:
    names = [origin.name.casefold() for origin in models.ancestors(made)]
    return any(word.casefold() in name for word in words for name in names)


def _within(date: str | None, reading: ModelsReading) -> bool:
    if reading.first is None and reading.last is None:
        return True
    if date is None:
        return False
    day = PartialDate.parse(date)
    first = PartialDate.parse(reading.first).earliest if reading.first else dt.date.min
    last = PartialDate.parse(reading.last).latest if reading.last else dt.date.max
    return first <= day.earliest and day.latest <= last
