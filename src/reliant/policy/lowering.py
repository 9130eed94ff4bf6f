"""From the conditions of a record to nodes, with the place lists as they stood on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from reliant.atlas.records.place_list import PlaceList
from reliant.atlas.records.rule import Condition, FactTest, When
from reliant.core.facts import Value
from reliant.policy.conditions import All, Any, Compare, Is, Node, Not, Starts
from reliant.policy.places import Places, named, places_on

BUILT_ON = "model.built_on"
"""Asks the descent graph: does the model carry weights that this developer made?"""


def built_on_fact(developer: str) -> str:
    """Return the name of the fact that answers it for one developer; yes or no, or missing if not known.

    Examples:
        >>> built_on_fact("deepseek")
        'model.built_on[deepseek]'
    """
    return f"{BUILT_ON}[{developer}]"


def share_fact(test: FactTest) -> str:
    """Return the name of the fact that answers a test on shares.

    It is worked out from the ownership graph before rules are asked, so that to
    rules it is a plain yes or no.

    Examples:
        >>> share_fact(FactTest(not_in="acme.supported", share_above=50, counted="chain"))
        'owner.share[chain, not in acme.supported, above 50]'
    """
    where = f"in {_ids(test.in_)}" if test.in_ else f"not in {_ids(test.not_in)}"
    return f"owner.share[{test.counted or 'multiplied'}, {where}, above {test.share_above:g}]"


def _ids(ids: str | tuple[str, ...] | None) -> str:
    return ids if isinstance(ids, str) else " + ".join(ids or ())


class Lowering:
    """Turns the conditions of records into nodes, with the place lists of one day."""

    def __init__(self, lists: Mapping[str, PlaceList], day: dt.date, known_on: dt.date | None = None) -> None:
        self._lists = lists
        self._day = day
        self._known_on = known_on

    def when(self, when: When, *, every: bool) -> Node:
        """Return the conditions joined by "and"; `every`: of a fact with many values, all must fit."""
        parts = tuple(part for fact, condition in when.items() for part in self._one(fact, condition, every))
        return parts[0] if len(parts) == 1 else All(parts)

    def _one(self, fact: str, condition: Condition, every: bool) -> tuple[Node, ...]:
        if not isinstance(condition, FactTest):
            values = condition if isinstance(condition, tuple) else (condition,)
            if fact == BUILT_ON:
                each = tuple(Is(built_on_fact(str(value)), frozenset({True})) for value in values)
                return each if len(each) == 1 else (Any(each),)
            return (Is(fact, frozenset(values), every=every),)
        if condition.share_above is not None:
            return (Is(share_fact(condition), frozenset({True}), said=""),)
        parts: list[Node] = []
        for ids, outside in ((condition.in_, False), (condition.not_in, True)):
            if ids is not None:
                held = places_on(self._day, named(self._lists, ids), self._known_on)
                parts.append(
                    Is(
                        fact,
                        frozenset[Value](held.listed),
                        outside=outside,
                        maybe=frozenset[Value](held.maybe),
                        left_out=frozenset[Value](held.left_out),
                        every=every,
                        said=f"{_ids(ids)} ({_counted(held)})",
                    )
                )
        if condition.is_not is not None:
            parts.append(Is(fact, frozenset(condition.is_not), outside=True, every=every))
        if condition.starts is not None:
            parts.append(Starts(fact, condition.starts, every=every))
        for relation in ("above", "at_least", "below"):
            limit = getattr(condition, relation)
            if limit is not None:
                parts.append(Compare(fact, relation, limit))
        return tuple(parts)

    def body(self, when: When, any_of: tuple[When, ...], unless: tuple[When, ...], *, every: bool) -> Node:
        """Return all of `when`, one of `any_of` if there are any, and none of `unless`."""
        parts: list[Node] = [self.when(when, every=every)] if when else []
        if any_of:
            parts.append(Any(tuple(self.when(one, every=every) for one in any_of)))
        parts += [Not(self.when(one, every=False)) for one in unless]
        return parts[0] if len(parts) == 1 else All(tuple(parts))


def _counted(held: Places) -> str:
    doubt = f", {len(held.maybe)} not sure" if held.maybe else ""
    return f"{len(held.listed)} listed{doubt}"
