"""Checks of rules that only their own layer can make; the atlas linter is given them.

Each yields mistakes with file and line: a fact that is not in the vocabulary, a list
that does not exist, a rule that can never fire, two rules of one issuer that
contradict each other without saying so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.atlas.compile import country_names
from reliant.atlas.records.place_list import PlaceList
from reliant.atlas.records.rule import Condition, FactTest, Rule, When
from reliant.core.dates import PartialDate
from reliant.policy.analysis import Analysis
from reliant.policy.conditions import is_place
from reliant.policy.vocabulary import VocabularyFact

if TYPE_CHECKING:
    from reliant.atlas.lint import Check, Folder, Found
    from reliant.errors import RecordError

ANALYSED_ON = (dt.date(2023, 12, 31), dt.date(2024, 7, 10), dt.date(2026, 10, 31))
"""Days for which lists of places are filled in; a rule must be able to fire on one of them."""

_NEVER_IN_FORCE = frozenset({"bill", "plan", "statement"})


def _rules(folder: Folder) -> list[tuple[Found, Rule]]:
    return [
        (found, found.record)
        for found in folder.records.get("rules", {}).values()
        if isinstance(found.record, Rule)
    ]


def _lists(folder: Folder) -> dict[str, PlaceList]:
    held = folder.records.get("lists", {})
    return {key: found.record for key, found in held.items() if isinstance(found.record, PlaceList)}


def facts_are_in_the_vocabulary(folder: Folder) -> Iterator[RecordError]:
    """A rule asks only for facts that somebody can be asked for, and compares them with what they may be."""
    document = folder.documents.get("vocabulary")
    if document is None:
        return
    try:
        known = {name: msgspec.convert(fact, VocabularyFact) for name, fact in document.data["facts"].items()}
    except (KeyError, TypeError, msgspec.ValidationError):
        return
    for found, rule in _rules(folder):
        for place, when in _whens(rule):
            for fact, condition in when.items():
                if fact not in known:
                    yield found.error((*place, fact), f"there is no fact {fact!r} in the vocabulary")
                elif known[fact].values and not isinstance(condition, FactTest):
                    for value in condition if isinstance(condition, tuple) else (condition,):
                        if value not in known[fact].values:
                            yield found.error((*place, fact), f"{fact}: {value!r} is none of its values")


def _whens(rule: Rule) -> Iterator[tuple[tuple[Any, ...], When]]:
    yield ("when",), rule.when
    for name in ("any_of", "unless"):
        for index, when in enumerate(getattr(rule, name)):
            yield (name, index), when
    for index, reading in enumerate(rule.readings):
        yield ("readings", index, "when"), reading.when
        for inner, when in enumerate(reading.any_of):
            yield ("readings", index, "any_of", inner), when
    for index, obligation in enumerate(rule.obligations):
        yield ("obligations", index, "met_when"), obligation.met_when


def what_rules_name_exists(folder: Folder) -> Iterator[RecordError]:
    """Lists, exceptions, overridden permissions and the sources of dates are there."""
    rules, lists = {rule.id: rule for _, rule in _rules(folder)}, _lists(folder)
    for found, rule in _rules(folder):
        for place, when in _whens(rule):
            for fact, condition in when.items():
                if isinstance(condition, FactTest):
                    for ids in (condition.in_, condition.not_in):
                        for one in (ids,) if isinstance(ids, str) else ids or ():
                            if one not in lists:
                                yield found.error((*place, fact), f"{fact}: there is no list {one!r}")
        for name, effect in (("exceptions", "exempt"), ("overrides", "allow")):
            for index, one in enumerate(getattr(rule, name)):
                if one not in rules:
                    yield found.error((name, index), f"{name}: there is no rule {one!r}")
                elif rules[one].effect != effect:
                    yield found.error((name, index), f"{name}: {one} has not the effect {effect!r}")
        for index, one in enumerate(rule.related):
            if one not in rules:
                yield found.error(("related", index), f"related: there is no rule {one!r}")
        for index, step in enumerate(rule.timeline):
            if step.source is not None and step.source not in rule.sources:
                yield found.error(
                    ("timeline", index, "source"), f"timeline: there is no source {step.source!r}"
                )


def rules_are_whole(folder: Folder) -> Iterator[RecordError]:
    """A gate has a keeper, a bill has no force, a text that is open has two readings."""
    for found, rule in _rules(folder):
        if (rule.by is None) is (rule.axis == "access" and rule.effect != "exempt"):
            yield found.error(("by",), "by: a rule on access, and no other, says who holds the gate")
        if rule.enforcement is not None and rule.effect != "deny":
            yield found.error(("enforcement",), "enforcement: only a block is enforced")
        if rule.axis == "access" and rule.effect == "deny" and rule.enforcement is None:
            yield found.error(("effect",), "enforcement: a block on access is `terms` or `enforced`")
        if rule.kind in _NEVER_IN_FORCE and rule.force is not None:
            yield found.error(("force",), f"force: a {rule.kind} was never in force", "Leave `force` out.")
        if rule.kind not in _NEVER_IN_FORCE and rule.force is None:
            yield found.error((), "force: says nothing of when it is in force")
        if len(rule.readings) == 1:
            yield found.error(("readings",), "readings: one reading is no choice")
        if not rule.when and not rule.any_of and not rule.readings:
            yield found.error(("when",), "when: the rule would hold of everything")


def places_are_places(folder: Folder) -> Iterator[RecordError]:
    """A place that a rule names is a country of ISO 3166-1 or a part of one."""
    document = folder.documents.get("countries")
    known = country_names((document.data if document else {}).get("not_countries", ()))
    for found, rule in _rules(folder):
        for place, when in _whens(rule):
            for fact, condition in when.items():
                if is_place(fact):
                    for value in _named_values(condition):
                        if str(value).partition("-")[0] not in known:
                            yield found.error((*place, fact), f"{fact}: {value!r} is the code of no country")


def _named_values(condition: Condition) -> tuple[Any, ...]:
    """Return the values that a condition spells out."""
    if isinstance(condition, FactTest):
        return condition.is_not or ()
    return condition if isinstance(condition, tuple) else (condition,)


def copies_are_in_order(folder: Folder) -> Iterator[RecordError]:
    """The copies of a list stand oldest first."""
    for found in folder.records.get("lists", {}).values():
        record = found.record
        if not isinstance(record, PlaceList):
            continue
        ends = [PartialDate.parse(copy.not_after).latest for copy in record.copies]
        if not ends or ends != sorted(ends):
            yield found.error(("copies",), "copies: there are none, or they do not stand oldest first")


def rules_can_fire(folder: Folder) -> Iterator[RecordError]:
    """A rule whose conditions exclude each other never fires."""
    rules, lists = {rule.id: rule for _, rule in _rules(folder)}, _lists(folder)
    if any(True for _ in what_rules_name_exists(folder)):
        return
    dead = set.intersection(*(set(Analysis(rules, lists, day).dead()) for day in ANALYSED_ON))
    for found, rule in _rules(folder):
        if rule.id in dead:
            yield found.error(("when",), "when: the conditions exclude each other, so it can never fire")


def rules_agree(folder: Folder) -> Iterator[RecordError]:
    """Two rules of one issuer that contradict each other say which of them yields."""
    rules, lists = {rule.id: rule for _, rule in _rules(folder)}, _lists(folder)
    if any(True for _ in what_rules_name_exists(folder)):
        return
    by_id = {rule.id: found for found, rule in _rules(folder)}
    pairs = {pair for day in ANALYSED_ON for pair in Analysis(rules, lists, day).conflicts()}
    for pair in sorted(pairs, key=lambda pair: (pair.other, pair.one)):
        yield by_id[pair.other].error(
            ("effect",),
            f"contradicts {pair.one}, which permits what this forbids",
            f"Name it: overrides: [{pair.one}]; or write an exception.",
        )


CHECKS: tuple[Check, ...] = (
    facts_are_in_the_vocabulary,
    what_rules_name_exists,
    rules_are_whole,
    places_are_places,
    copies_are_in_order,
    rules_can_fire,
    rules_agree,
)
"""What the atlas linter is given on top of its own checks."""


def problems(folder: Folder) -> Iterable[RecordError]:
    """Yield all that these checks find."""
    for check in CHECKS:
        yield from check(folder)
