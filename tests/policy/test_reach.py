"""Every rule of the atlas can be reached: there are facts and a day on which it fires."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from reliant.atlas import Atlas
from reliant.core.facts import Value
from reliant.policy import RuleBook, timeline
from reliant.policy.analysis import Limits, boxes
from reliant.policy.conditions import YES
from reliant.policy.snapshot import Entry, Variant


def _witness(fact: str, limits: Limits) -> Value:
    """Return one value that the limits leave."""
    if limits.prefixes:
        return limits.prefixes[0]
    if limits.allowed is not None:
        left = limits.allowed - limits.forbidden
        # Copies of a list may disagree on a place; on this one they never do.
        return "US" if "US" in left else min(left, key=str)
    if limits.low > float("-inf"):
        return limits.low + 1
    if limits.high < float("inf"):
        return limits.high - 1
    return "ZZ" if limits.forbidden else "anything"


def _days(book: RuleBook, rule_id: str) -> Iterator[dt.date]:
    """Yield a day on which each of the rule's dates holds for sure."""
    rule = book.rules[rule_id]
    for force in (rule.force, *(one.force for one in rule.readings)):
        span = timeline.window(force)
        if span is not None and span.start_latest < span.end_earliest:
            last = min(span.end_earliest - 1, dt.date(2027, 12, 31).toordinal())
            yield dt.date.fromordinal(max(span.start_latest, min(last, dt.date(2026, 10, 31).toordinal())))


def _fires(entry: Entry, variant: Variant) -> bool:
    for box in boxes(variant.node):
        known: dict[str, Any] = {fact: _witness(fact, limits) for fact, limits in box.items()}
        known |= {entry.choice: variant.reading} if variant.reading else {}
        if variant.decide(known) == YES and entry.answer(known) == YES:
            return True
    return False


def test_every_rule_that_was_ever_in_force_fires_for_some_facts_on_some_day(atlas: Atlas) -> None:
    book = RuleBook.from_atlas(atlas)
    reached = set()
    for rule in book.rules.values():
        if any(
            _fires(entry, variant)
            for day in _days(book, rule.id)
            for entry in book.at(day).entries
            if entry.rule.id == rule.id
            for variant in entry.variants
            if variant.applies
        ):
            reached.add(rule.id)
    held = {rule.id for rule in book.rules.values() if any(True for _ in _days(book, rule.id))}
    assert held - reached - _DEFEATED == set()
    assert len(held) > 180


_DEFEATED = {"cz.nukib.deepseek"}
"""Has an exception on a fact that its conditions leave open, so a witness must name it too."""


def test_a_rule_with_an_exception_fires_where_the_exception_does_not_hold(atlas: Atlas) -> None:
    book = RuleBook.from_atlas(atlas)
    known = {"sector": "critical-infrastructure", "user.region": "CZ", "provider": "deepseek"}
    (entry,) = [one for one in book.at(dt.date(2026, 1, 1)).entries if one.rule.id == "cz.nukib.deepseek"]
    assert entry.answer({**known, "channel": "direct", "model.weights": "open"}) == YES
    assert entry.answer({**known, "channel": "self-hosted", "model.weights": "open"}) != YES
