"""Static analysis of a set of rules: which can never fire, which overlap, which contradict.

A condition is brought to a list of boxes: in each, every fact is limited to some
values or to an interval of numbers. Two rules can fire together if one box of the
first and one of the second leave something for every fact. The vocabulary of
facts is finite and conditions are data, so this is arithmetic on sets.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from reliant.atlas.records.place_list import PlaceList
from reliant.atlas.records.rule import Rule
from reliant.core.facts import Value
from reliant.policy import timeline
from reliant.policy.conditions import All, Any, Compare, Is, Node, Not, Starts, is_place
from reliant.policy.lowering import Lowering

MAX_BOXES = 2000
"""A rule with more alternatives than this is not analysed; none of the atlas comes near."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a box leaves of one fact; `allowed` None means everything but `forbidden`."""

    allowed: frozenset[Value] | None = None
    forbidden: frozenset[Value] = frozenset()
    low: float = -math.inf
    high: float = math.inf
    prefixes: tuple[str, ...] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        if self.low > self.high:
            return True
        if self.allowed is None:
            return False
        left = self.allowed - self.forbidden
        if self.prefixes is not None:
            left = frozenset(one for one in left if str(one).lower().startswith(self.prefixes))
        numbers = [one for one in left if isinstance(one, (int, float)) and not isinstance(one, bool)]
        if numbers and (self.low > -math.inf or self.high < math.inf):
            return not any(self.low <= one <= self.high for one in numbers)
        return not left


Box: TypeAlias = Mapping[str, Limits]


def boxes(node: Node) -> list[dict[str, Limits]]:
    """Return the alternatives under which a node can hold, each fact having one value."""
    found = _boxes(node, holds=True)
    return [box for box in found if not any(limits.empty for limits in box.values())]


def _boxes(node: Node, *, holds: bool) -> list[dict[str, Limits]]:
    match node:
        case Not(part=part):
            return _boxes(part, holds=not holds)
        case All(parts=parts) | Any(parts=parts):
            if isinstance(node, All) is holds:
                product: list[dict[str, Limits]] = [{}]
                for part in parts:
                    alternatives = _boxes(part, holds=holds)
                    product = [
                        both
                        for one, other in itertools.product(product, alternatives)
                        if (both := meet(one, other)) is not None
                    ][:MAX_BOXES]
                return product
            return [box for part in parts for box in _boxes(part, holds=holds)][:MAX_BOXES]
        case Is(fact=fact, values=values, maybe=maybe, left_out=left_out):
            if node.outside is holds:
                # Places of which the list is not sure may be outside as well.
                return [{fact: Limits(forbidden=values - left_out)}]
            return [{fact: Limits(allowed=values | maybe, forbidden=left_out)}]
        case Starts(fact=fact, prefixes=prefixes):
            lower = tuple(prefix.lower() for prefix in prefixes)
            return [{fact: Limits(prefixes=lower)}] if holds else [{}]
        case Compare(fact=fact, relation=relation, limit=limit):
            above = (relation != "below") is holds
            nudge = math.nextafter(limit, math.inf if above else -math.inf)
            edge = nudge if (relation == "at_least") is not holds else limit
            return [{fact: Limits(low=edge) if above else Limits(high=edge)}]


def meet(one: Box, other: Box) -> dict[str, Limits] | None:
    """Return the box that both leave, or None if nothing is left of some fact."""
    both = dict(one)
    for fact, limits in other.items():
        mine = both.get(fact)
        if mine is None:
            both[fact] = limits
            continue
        merged = _merge(fact, mine, limits)
        if merged.empty:
            return None
        both[fact] = merged
    return both


def _merge(fact: str, one: Limits, other: Limits) -> Limits:
    if one.allowed is None or other.allowed is None:
        allowed = other.allowed if one.allowed is None else one.allowed
    elif is_place(fact):
        allowed = _places(one.allowed, other.allowed) | _places(other.allowed, one.allowed)
    else:
        allowed = one.allowed & other.allowed
    forbidden = one.forbidden | other.forbidden
    if allowed is not None and is_place(fact):
        allowed = frozenset(
            place
            for place in allowed
            if str(place).partition("-")[0] not in forbidden and place not in forbidden
        )
    prefixes = one.prefixes if other.prefixes is None else other.prefixes
    if one.prefixes is not None and other.prefixes is not None:
        prefixes = tuple(
            max(a, b, key=len)
            for a, b in itertools.product(one.prefixes, other.prefixes)
            if a.startswith(b) or b.startswith(a)
        )
        if not prefixes:
            allowed = frozenset()
    return replace(
        one,
        allowed=allowed,
        forbidden=forbidden,
        low=max(one.low, other.low),
        high=min(one.high, other.high),
        prefixes=prefixes,
    )


def _places(some: frozenset[Value], others: frozenset[Value]) -> frozenset[Value]:
    """Return those that are, or lie within, one of the others."""
    return frozenset(one for one in some if one in others or str(one).partition("-")[0] in others)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rules that can fire together, the one that permits first where one does."""

    one: str
    other: str


class Analysis:
    """What can be said of a set of rules without asking it anything."""

    def __init__(self, rules: Mapping[str, Rule], lists: Mapping[str, PlaceList], day: dt.date) -> None:
        self.rules = rules
        lower = Lowering(lists, day)
        self._boxes: dict[str, list[dict[str, Limits]]] = {}
        for rule in rules.values():
            base = lower.body(rule.when, rule.any_of, rule.unless, every=False)
            ways = [base]
            if rule.readings:
                ways = [
                    All((base, lower.body(one.when, one.any_of, (), every=False)))
                    for one in rule.readings
                    if one.applies
                ]
            self._boxes[rule.id] = [box for way in ways for box in boxes(way)]

    def dead(self) -> list[str]:
        """Return the rules that can never fire, whatever the facts."""
        return [key for key, held in self._boxes.items() if not held]

    def overlaps(self) -> list[Pair]:
        """Return the pairs that can fire together on one day and have different effects."""
        return list(self._pairs(lambda one, other: one.effect != other.effect))

    def conflicts(self) -> list[Pair]:
        """Return the pairs of one issuer and axis where one permits what the other forbids, unsaid.

        Said means: one names the other in `overrides` or `exceptions`, or both stand on
        one copy of the same list, inside and outside, and so cannot meet.
        """

        def opposed(one: Rule, other: Rule) -> bool:
            return (
                one.axis == other.axis
                and one.issuer == other.issuer
                and (one.effect, other.effect) == ("allow", "deny")
            )

        return [
            pair
            for pair in self._pairs(opposed)
            if pair.one not in self.rules[pair.other].overrides
            and pair.one not in self.rules[pair.other].exceptions
            and not self._same_list(self.rules[pair.one], self.rules[pair.other])
        ]

    def _same_list(self, one: Rule, other: Rule) -> bool:
        """Say whether the two are the inside and the outside of one list."""
        for fact, test in one.when.items():
            against = other.when.get(fact)
            inside, outside = getattr(test, "in_", None), getattr(against, "not_in", None)
            if inside is not None and inside == outside:
                return True
        return False

    def _pairs(self, wanted: Callable[[Rule, Rule], bool]) -> Iterator[Pair]:
        held = [rule for rule in self.rules.values() if rule.force is not None]
        for one, other in itertools.combinations(held, 2):
            for first, second in ((one, other), (other, one)):
                if wanted(first, second) and _same_days(first, second) and self._meet(first, second):
                    yield Pair(first.id, second.id)
                    break

    def _meet(self, one: Rule, other: Rule) -> bool:
        return any(
            meet(a, b) is not None for a, b in itertools.product(self._boxes[one.id], self._boxes[other.id])
        )


def _same_days(one: Rule, other: Rule) -> bool:
    a, b = timeline.window(one.force), timeline.window(other.force)
    if a is None or b is None:
        return False
    return a.start_earliest < b.end_latest and b.start_earliest < a.end_latest
