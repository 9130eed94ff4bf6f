"""The answer to one question as it is printed: the shape of `reliant.check/1`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas.citing import cited
from reliant.atlas.records.observation import Observation
from reliant.core.dates import PartialDate
from reliant.core.facts import Facts
from reliant.core.results import Source
from reliant.core.verdict import Axis, AxisAnswer, Verdict, VerdictChange
from reliant.policy.scenario import differences
from reliant.policy.verdict import shown

if TYPE_CHECKING:
    from reliant.policy.rulebook import RuleBook

CHECK_SCHEMA = "reliant.check/1"


class Asked(msgspec.Struct, frozen=True):
    """One fact that the answer rests on, and where it came from."""

    value: str
    origin: str


class Seen(msgspec.Struct, frozen=True):
    """A dated report of what could or could not be reached; evidence, never a rule."""

    id: str
    saw: str
    says: str
    on: str
    places: tuple[str, ...]
    confidence: str
    sources: tuple[str, ...]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer.

    Attributes:
        id: Of the line of a batch; empty for a single question.
        facts: What the answer rests on, by name.
        observations: What was reported of this provider by the day; kept apart from rules.
        changes: What the scenario changes, axis by axis.
        atlas_ends: The day of the newest source of each axis.
    """

    schema: str = CHECK_SCHEMA
    id: str = ""
    as_of: str
    known_on: str | None = None
    scenario: str | None = None
    combined: Verdict
    axes: dict[Axis, AxisAnswer]
    facts: dict[str, Asked]
    unknown: dict[str, str] = {}
    observations: tuple[Seen, ...] = ()
    changes: tuple[VerdictChange, ...] = ()
    sources: tuple[Source, ...] = ()
    atlas_ends: dict[Axis, str] = {}


@dataclass
class _Numbers:
    """Gives each source a number in the order of citing; one text has one number."""

    book: RuleBook
    ids: dict[tuple[str | None, ...], str] = field(default_factory=dict)
    cited: list[Source] = field(default_factory=list)

    def of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.one(source) for source in self.book.sources(names)))

    def one(self, source: Source) -> str:
        key = (source.title, source.url, source.quote, source.published)
        if key not in self.ids:
            self.ids[key] = str(len(self.cited) + 1)
            self.cited.append(msgspec.structs.replace(source, id=self.ids[key]))
        return self.ids[key]


def check(
    book: RuleBook,
    facts: Facts,
    as_of: dt.date,
    known_on: dt.date | None = None,
    *,
    key: str = "",
    scenario: str | None = None,
    before: RuleBook | None = None,
) -> Checked:
    """Return the printed answer; with `before`, also what the scenario in `book` changes."""
    answer = book.decide(facts, as_of, known_on)
    numbers = _Numbers(book)
    axes = {axis: _cited(one, numbers) for axis, one in answer.axes.items()}
    seen = tuple(_seen(one, numbers) for one in observed(book, facts, as_of, known_on))
    changes = differences(before.decide(facts, as_of, known_on), answer) if before else ()
    known = facts | book.assumed if book.assumed else facts
    ends = {axis: str(book.newest(axis)) for axis in Axis if book.newest(axis)}
    return Checked(
        id=key,
        as_of=as_of.isoformat(),
        known_on=known_on.isoformat() if known_on else None,
        scenario=scenario,
        combined=answer.combined,
        axes=axes,
        facts={name: Asked(shown(fact.value), str(fact.origin)) for name, fact in sorted(known.items())},
        unknown=dict(known.unknown),
        observations=seen,
        changes=changes,
        sources=tuple(numbers.cited),
        atlas_ends=ends,
    )


def observed(
    book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None = None
) -> list[Observation]:
    """Return what was reported of the provider, for this place, up to a day; the newest first."""
    provider = facts["provider"].value if "provider" in facts else None
    place = str(facts["user.region"].value) if "user.region" in facts else None
    found = []
    for one in book.observations:
        public = [PartialDate.parse(s.published).latest for s in one.sources.values() if s.published]
        hidden = known_on is not None and not any(day <= known_on for day in public)
        here = not one.places or place is None or place.partition("-")[0] in one.places
        if one.about == provider and here and not hidden and PartialDate.parse(one.on).earliest <= as_of:
            found.append(one)
    return sorted(found, key=lambda one: (one.on, one.id), reverse=True)


def _cited(answer: AxisAnswer, numbers: _Numbers) -> AxisAnswer:
    rules = tuple(msgspec.structs.replace(rule, sources=numbers.of(rule.sources)) for rule in answer.rules)
    pending = tuple(msgspec.structs.replace(one, sources=numbers.of(one.sources)) for one in answer.pending)
    return msgspec.structs.replace(answer, rules=rules, pending=pending)


def _seen(one: Observation, numbers: _Numbers) -> Seen:
    sources = tuple(numbers.one(cited(source, "")) for source in one.sources.values())
    return Seen(one.id, one.saw, one.says, one.on, one.places, one.confidence, sources)
