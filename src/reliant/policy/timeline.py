"""When a rule is in force, what of that was known on a day, and what is still to come.

Announced, in force and over are different dates. A start that is only the first
dated evidence says nothing of the days before it, so these are UNKNOWN, not free.
"""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass

from reliant.atlas.records.common import Record
from reliant.atlas.records.rule import Force, Rule, Step
from reliant.core.dates import PartialDate
from reliant.policy.conditions import NO, UNKNOWN, YES

_NEVER = sys.maxsize
_ALWAYS = -1

ENDS = frozenset({"suspended", "superseded", "rescinded", "lapsed", "withdrawn", "ended"})
"""Steps after which a rule decides nothing."""

_COMING = frozenset({"announced", "proposed", "adopted", "signed", "published"})


@dataclass(frozen=True, slots=True)
class Window:
    """From the earliest and latest day of a start to those of an end, as ordinals of days.

    Attributes:
        since: The start as the record writes it.
    """

    start_earliest: int
    start_latest: int
    end_earliest: int
    end_latest: int
    since: str | None = None

    def covers(self, day: int) -> int:
        """Say whether the day lies within: YES, NO or UNKNOWN."""
        if day < self.start_earliest or day >= self.end_latest:
            return NO
        return YES if self.start_latest <= day < self.end_earliest else UNKNOWN


def window(force: Force | None) -> Window | None:
    """Return the days on which it holds, or None for what never held."""
    if force is None:
        return None
    if force.from_ is None:
        earliest, latest = _ALWAYS, _NEVER
    else:
        start = PartialDate.parse(force.from_)
        earliest, latest = start.earliest.toordinal(), start.latest.toordinal()
        if force.from_precision in ("first_known", "placeholder", "not_later_than"):
            earliest = _ALWAYS
        elif force.from_precision == "not_earlier_than":
            latest = _NEVER
    if force.by is not None:
        latest = PartialDate.parse(force.by).latest.toordinal()
    end_earliest = end_latest = _NEVER
    if force.to is not None:
        end = PartialDate.parse(force.to)
        end_earliest, end_latest = end.earliest.toordinal(), end.latest.toordinal()
        if force.to_precision == "placeholder":
            end_earliest = min(latest, end_earliest)
    if force.last_known is not None:
        end_earliest = min(end_earliest, PartialDate.parse(force.last_known).latest.toordinal() + 1)
    since = None if force.from_precision == "placeholder" else force.from_
    return Window(earliest, latest, end_earliest, end_latest, since)


def public_by(record: Record, day: dt.date) -> bool:
    """Say whether one source of the record was public by `day`; a month counts from its last day."""
    return any(_public(record, name) <= day for name in record.sources)


def known_by(rule: Rule, day: dt.date) -> bool:
    """Say whether one could know of the rule by `day`.

    A licence is public as soon as somebody can be bound by it. That an axis was searched
    is no news of the world, so it hides nothing.
    """
    if rule.kind == "search":
        return True
    if rule.kind == "licence-clause" and rule.force is not None and rule.force.from_ is not None:
        return PartialDate.parse(rule.force.from_).earliest <= day
    return public_by(rule, day)


def _public(record: Record, name: str) -> dt.date:
    """Return the day from which a source counts as known; an undated page from when we looked."""
    source = record.sources[name]
    text = source.published or source.retrieved or record.reviewed.on
    return PartialDate.parse(text).latest


def newest(record: Record) -> dt.date | None:
    """Return the latest publication among the sources of the record."""
    dates = [
        PartialDate.parse(source.published).earliest for source in record.sources.values() if source.published
    ]
    return max(dates, default=None)


def as_known(rule: Rule, force: Force | None, known_on: dt.date | None) -> Force | None:
    """Return the dates without an end that was not public by `known_on`."""
    if force is None or force.to is None or known_on is None:
        return force
    ends = [step for step in rule.timeline if step.status in ENDS]
    told = [_public(rule, step.source) for step in ends if step.source]
    public = min(told) <= known_on if told else known_on >= PartialDate.parse(force.to).earliest
    return force if public else Force(from_=force.from_, from_precision=force.from_precision, by=force.by)


def coming(rule: Rule, day: dt.date, known_on: dt.date | None) -> Step | None:
    """Return the last step of a rule that is on its way on `day`, or None.

    On its way means: something announced, proposed or adopted it by then, nothing
    took it back by then, and it is not in force yet.
    """
    last: Step | None = None
    for step in rule.timeline:
        if step.status == "note" or step.on is None or PartialDate.parse(step.on).latest > day:
            continue
        if known_on is not None and step.source and _public(rule, step.source) > known_on:
            continue
        last = (
            step
            if last is None or PartialDate.parse(last.on or step.on) <= PartialDate.parse(step.on)
            else last
        )
    if last is None or last.status not in _COMING:
        return None
    span = window(rule.force)
    if span is not None and span.covers(day.toordinal()) != NO:
        return None
    if span is not None and day.toordinal() >= span.end_latest:
        return None
    return last
