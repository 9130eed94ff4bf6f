"""The rules of one day, indexed so that a question looks at a few of them.

To each rule leads one of its conditions of the form "this fact is one of these
values", which must hold for it to fire. A rule whose condition fails for sure is
never looked at; one whose fact is missing always is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from reliant.atlas.records.rule import Rule, RuleEffect, Step
from reliant.core.facts import Value
from reliant.policy.conditions import MAYBE_MORE, NO, UNKNOWN, YES, All, Decide, Is, Node, Values, is_place


@dataclass(frozen=True, slots=True)
class Variant:
    """A rule under one of its readings; `reading` is None where the text has only one."""

    reading: str | None
    effect: RuleEffect
    node: Node
    force: int
    since: str | None
    applies: bool
    decide: Decide


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule in a snapshot.

    Attributes:
        position: In the book, for a stable order.
        choice: Name of the fact that picks a reading.
    """

    rule: Rule
    origin: str
    position: int
    variants: tuple[Variant, ...]
    choice: str

    def chosen(self, values: Values) -> tuple[Variant, ...]:
        """Return the variants that count: the operator's choice, or all of them."""
        if len(self.variants) > 1:
            wanted = values.get(self.choice)
            picked = tuple(one for one in self.variants if one.reading == wanted)
            return picked or self.variants
        return self.variants

    def answer(self, values: Values) -> int:
        """Say whether the rule fires: YES or NO if all readings agree on it and on the effect."""
        chosen = self.chosen(values)
        if len(chosen) == 1:
            one = chosen[0]
            return one.decide(values) if one.applies else NO
        answers = {(one.decide(values) if one.applies else NO, one.effect) for one in chosen}
        if all(answer == NO for answer, _ in answers):
            return NO
        return next(iter(answers))[0] if len(answers) == 1 else UNKNOWN


@dataclass(frozen=True, slots=True)
class Coming:
    """A rule that is announced, proposed or adopted and not in force yet, with its last step."""

    rule: Rule
    step: Step
    decide: Decide


_Ready: TypeAlias = tuple[Decide, Entry]
"""A rule and the function that answers it."""


class _ByFact(NamedTuple):
    """The rules that are found by one fact: all of them, and by value."""

    fact: str
    places: bool
    all: list[_Ready]
    buckets: dict[Value, list[_Ready]]


class Snapshot:
    """The rules that may be in force on one day, indexed.

    Attributes:
        exempt: The exemptions that rules name, by id.
        coming: What is on its way on that day.
        kept: What answers have worked out for this day, for the next question to use.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        day: dt.date,
        *,
        exempt: Mapping[str, Variant] | None = None,
        coming: Iterable[Coming] = (),
    ) -> None:
        self.day = day
        self.entries = tuple(entries)
        self.exempt = dict(exempt or {})
        self.coming = tuple(coming)
        self.kept: dict[object, Any] = {}
        self._rest: list[_Ready] = []
        self._indexes: list[_ByFact] = []
        by_fact: dict[str, _ByFact] = {}
        for entry in self.entries:
            leaf = _index_leaf(entry)
            ready = (entry.variants[0].decide if len(entry.variants) == 1 else entry.answer, entry)
            if leaf is None:
                self._rest.append(ready)
                continue
            if leaf.fact not in by_fact:
                by_fact[leaf.fact] = _ByFact(leaf.fact, is_place(leaf.fact), [], {})
                self._indexes.append(by_fact[leaf.fact])
            index = by_fact[leaf.fact]
            index.all.append(ready)
            for key in _keys(leaf):
                index.buckets.setdefault(key, []).append(ready)

    def candidates(self, values: Values) -> list[Entry]:
        """Return every rule that may fire; those left out are a sure NO."""
        return [entry for _, entry in self._ready(values)]

    def _ready(self, values: Values) -> list[_Ready]:
        found = list(self._rest)
        for fact, places, everything, buckets in self._indexes:
            value = values.get(fact)
            if value is None or value == MAYBE_MORE:
                found += everything
            elif value.__class__ is tuple:
                many = value
                if MAYBE_MORE in many:
                    found += everything
                else:
                    each = (ready for one in many for ready in _bucket(buckets, one, places=places))
                    found += {id(ready): ready for ready in each}.values()
            else:
                found += _bucket(buckets, value, places=places)  # type: ignore[arg-type]
        return found

    def fire(self, values: Values) -> tuple[list[Entry], list[Entry]]:
        """Return all rules that fire, and all of which that is not known."""
        fired: list[Entry] = []
        open_: list[Entry] = []
        for decide, entry in self._ready(values):
            answer = decide(values)
            if answer == YES:
                fired.append(entry)
            elif answer == UNKNOWN:
                open_.append(entry)
        return fired, open_


def _bucket(buckets: Mapping[Value, list[_Ready]], value: Value, *, places: bool) -> list[_Ready]:
    """Return the rules that a value may fire; a part of a country also fires those of the whole."""
    hit = buckets.get(value, [])
    if places and "-" in str(value):
        return hit + buckets.get(str(value).partition("-")[0], [])
    return hit


def _index_leaf(entry: Entry) -> Is | None:
    """Return a leaf that must hold for the rule to fire and names its values, or None."""
    node = entry.variants[0].node
    if len(entry.variants) > 1:
        first = [_top(one.node) for one in entry.variants if one.applies]
        shared = [leaf for leaf in (first[0] if first else ()) if all(leaf in other for other in first[1:])]
    else:
        shared = list(_top(node))
    return next((leaf for leaf in shared if not leaf.outside and not leaf.left_out), None)


def _top(node: Node) -> tuple[Is, ...]:
    """Return the membership leaves that are joined by "and" at the top."""
    if isinstance(node, Is):
        return (node,)
    if isinstance(node, All):
        return tuple(leaf for part in node.parts for leaf in _top(part))
    return ()


def _keys(leaf: Is) -> frozenset[Value]:
    """Return the values of a fact for which the leaf is not a sure NO."""
    keys = leaf.values | leaf.maybe
    if is_place(leaf.fact):
        keys |= frozenset[Value](str(key).partition("-")[0] for key in keys)
    return keys
