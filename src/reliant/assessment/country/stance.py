"""What a country rules and registers: each text as it stood on the day, in force or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.core.country import Stance
from reliant.core.dates import PartialDate, Span
from reliant.core.truth import Truth
from reliant.policy import timeline

if TYPE_CHECKING:
    import datetime as dt

    from reliant.assessment.citing import Citations
    from reliant.atlas import Atlas
    from reliant.atlas.records.rule import Rule

_WORDS = {Truth.YES: "in force", Truth.NO: "not in force", Truth.UNKNOWN: "not known whether in force"}
_RANK = ("in force", "not known whether in force", "pending", "statement", "over", "not in force")


def stance(
    atlas: Atlas,
    home: Iterable[str],
    as_of: dt.date,
    citations: Citations,
    known_on: dt.date | None = None,
) -> tuple[Stance, ...]:
    """Return the rules and register counts of the country that were public by the day.

    Args:
        atlas: As known on `known_on`, for the counts.
        home: Codes of those whose rules hold there, blocs among them.
        known_on: Hide rules, and ends of rules, that were published later.
    """
    codes = {code.upper() for code in home}
    rows = [
        row
        for rule in atlas.rules.values()
        if rule.replaced_by is None
        and rule.issuer.partition(".")[0].upper() in codes
        and (known_on is None or timeline.known_by(rule, known_on))
        and (row := _row(rule, as_of, citations, known_on)) is not None
    ]
    rows.sort(key=lambda row: (_RANK.index(row.state), row.since or "9999", row.id))
    return (*rows, *_counts(atlas, codes, as_of, citations))


def _row(rule: Rule, as_of: dt.date, citations: Citations, known_on: dt.date | None) -> Stance | None:
    first = min((PartialDate.parse(step.on) for step in rule.timeline if step.on), default=None)
    begins = PartialDate.parse(rule.force.from_) if rule.force and rule.force.from_ else None
    known_from = min((day for day in (first, begins) if day is not None), default=None)
    if known_from is not None and known_from.earliest > as_of:
        return None
    return Stance(
        id=rule.id,
        kind=rule.kind,
        issuer=rule.issuer,
        summary=rule.summary,
        state=_state(rule, as_of, known_on),
        since=str(begins or first) if begins or first else None,
        sources=citations.cite(rule.sources),
    )


def _state(rule: Rule, as_of: dt.date, known_on: dt.date | None) -> str:
    force = timeline.as_known(rule, rule.force, known_on)
    if force is None:
        if _ended(rule, as_of):
            return "over"
        return "statement" if rule.kind == "statement" else "pending"
    begins = PartialDate.parse(force.from_) if force.from_ else None
    ends = PartialDate.parse(force.to) if force.to else None
    if ends is not None and ends.reached(as_of) is Truth.YES:
        return "over"
    exact = force.from_precision in {"exact", "not_later_than"}
    answer = Span(begins, ends, exact_start=exact).covers(as_of)
    if answer is Truth.NO and begins is not None and begins.earliest > as_of:
        return "pending"
    return _WORDS[answer]


def _ended(rule: Rule, as_of: dt.date) -> bool:
    over = {"lapsed", "withdrawn", "rescinded", "superseded", "ended"}
    return any(
        step.status in over and step.on and PartialDate.parse(step.on).latest <= as_of
        for step in rule.timeline
    )


def _counts(atlas: Atlas, codes: set[str], as_of: dt.date, citations: Citations) -> list[Stance]:
    """Return what the registers of the country held, count by count, oldest first."""
    rows = []
    counts = [one for one in atlas.registers.values() if one.country in codes]
    for one in sorted(counts, key=lambda one: PartialDate.parse(one.as_of)):
        if PartialDate.parse(one.as_of).latest > as_of:
            continue
        at_least = "at least " if one.count_is == "at-least" else ""
        rows.append(
            Stance(
                id=one.id,
                kind="register-count",
                issuer=one.issuer,
                summary=one.covers,
                state=f"{at_least}{one.count}",
                since=one.as_of,
                sources=citations.cite(one.sources),
                count=one.count,
                count_is=one.count_is,
            )
        )
    return rows
