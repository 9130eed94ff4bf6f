"""Conditions over named facts, decided with three values.

A condition is a small tree of leaves. Each leaf asks one fact, and a fact that is
not there answers UNKNOWN, never no. The tree is data: it can be walked to
explain itself, compared with other trees, printed in other languages, and
compiled to closures that decide tens of thousands of times a second.

Inside, the three answers are the numbers 0, 1 and 2 (`Truth` outside): the minimum
is "and", the maximum is "or", and 2 minus the answer is "not".
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reliant.core.facts import Value

NO, UNKNOWN, YES = 0, 1, 2

_PLACES = (".region", ".country", ".nationality", ".controlled_from")
"""Names of facts whose values are places end in one of these."""

MAYBE_MORE = "?"
"""Among the values of a fact: there may be more of them than are known."""


class OneOf(str):
    """A value that is not known, but is one of a few: what all of these answer alike is decided.

    Examples:
        >>> maker = OneOf(["acme", "zed"])
        >>> compiled(Is("developer", frozenset({"other"})))({"developer": maker})
        0
        >>> str(maker)
        'one of acme, zed'
    """

    __slots__ = ("options",)

    options: tuple[Value, ...]

    def __new__(cls, options: Iterable[Value]) -> OneOf:
        """Return the value; to whoever does not look closer it is one that is not known."""
        made = super().__new__(cls, MAYBE_MORE)
        made.options = tuple(options)
        return made

    def __str__(self) -> str:
        """Return the options, the first few of many."""
        first = ", ".join(str(one) for one in self.options[:_SHOWN])
        more = len(self.options) - _SHOWN
        return f"one of {first}" + (f" and {more} more" if more > 0 else "")


_SHOWN = 8


def _open(value: object, test: Callable[[Value], int]) -> int:
    """Return the answer to a value that is not known: that of its options, if they agree."""
    if not isinstance(value, OneOf):
        return UNKNOWN
    answers = {test(one) for one in value.options}
    return answers.pop() if len(answers) == 1 else UNKNOWN


Values: TypeAlias = Mapping[str, Value | tuple[Value, ...]]
"""The values of the facts by name, without where they came from."""

Decide: TypeAlias = Callable[[Values], int]


def is_place(fact: str) -> bool:
    """Say by its name whether the values of a fact are places."""
    return fact.endswith(_PLACES)


@dataclass(frozen=True, slots=True)
class Is:
    """One of the fact's values is among these, or, if `outside`, is not among them.

    Attributes:
        maybe: Values of which it is not known whether they are among them.
        left_out: Places that are not among them although their country is.
        every: All values of the fact must be so, not one of them.
        said: How the values are called in an explanation; the values themselves if empty.
    """

    fact: str
    values: frozenset[Value]
    outside: bool = False
    maybe: frozenset[Value] = frozenset()
    left_out: frozenset[Value] = frozenset()
    every: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Starts:
    """One of the fact's values starts with one of these, in any letter case."""

    fact: str
    prefixes: tuple[str, ...]
    every: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """The fact is a number in this relation to `limit`: above, at_least or below."""

    fact: str
    relation: str
    limit: float


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Some part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


Leaf: TypeAlias = Is | Starts | Compare
Node: TypeAlias = Leaf | All | Any | Not

ALWAYS = All(())
NEVER = Any(())


def _member(leaf: Is) -> Callable[[Value], int]:
    """Return the answer to: is this one value among those of the leaf?"""
    values, maybe, left_out = leaf.values, leaf.maybe, leaf.left_out
    if not is_place(leaf.fact):
        if not maybe:
            return lambda value: YES if value in values else NO
        return lambda value: YES if value in values else UNKNOWN if value in maybe else NO
    # A rule may name a part of a country (US-TX) or a whole one, and so may the fact.
    wholes = frozenset(str(value).partition("-")[0] for value in values | maybe if "-" in str(value))

    def place(value: Value) -> int:
        if value in left_out:
            return NO
        if value in values:
            return YES
        whole, _, part = str(value).partition("-")
        if part and whole in values:
            return YES
        if value in maybe or whole in maybe or (not part and value in wholes):
            return UNKNOWN
        return NO

    return place


def _each(fact: str, test: Callable[[Value], int], *, every: bool) -> Decide:
    """Ask `test` of each value of the fact: one YES is enough, or all must be YES."""

    def decide(values: Values) -> int:
        value = values.get(fact)
        if value is None:
            return UNKNOWN
        if value.__class__ is not tuple:
            return _open(value, test) if value == MAYBE_MORE else test(value)  # type: ignore[arg-type]
        answers = [UNKNOWN if one == MAYBE_MORE else test(one) for one in value]
        if every:
            return min(answers, default=UNKNOWN)
        return max(answers, default=NO)

    return decide


def _compare(leaf: Compare) -> Callable[[Value], int]:
    limit = leaf.limit

    def number(value: Value) -> int:
        if isinstance(value, (str, bool)):
            return UNKNOWN
        if leaf.relation == "above":
            return YES if value > limit else NO
        if leaf.relation == "at_least":
            return YES if value >= limit else NO
        return YES if value < limit else NO

    return number


@functools.lru_cache(maxsize=8192)
def compiled(node: Node) -> Decide:
    """Return a function that decides the node; a leaf whose fact is missing is UNKNOWN."""
    match node:
        case Is(fact=fact, every=every):
            inner = _member(node)
            if not is_place(fact) and not node.maybe and not every:
                return _plain(node)
            test = (lambda value: YES - inner(value)) if node.outside else inner
            return _each(fact, test, every=every)
        case Starts(fact=fact, prefixes=prefixes, every=every):
            lower = tuple(prefix.lower() for prefix in prefixes)
            return _each(
                fact,
                lambda value: YES if str(value).lower().startswith(lower) else NO,
                every=every,
            )
        case Compare(fact=fact):
            return _each(fact, _compare(node), every=False)
        case All(parts=parts):
            return _all([compiled(part) for part in parts])
        case Any(parts=parts):
            return _any([compiled(part) for part in parts])
        case Not(part=part):
            inverse = compiled(part)
            return lambda values: YES - inverse(values)


def _plain(leaf: Is) -> Decide:
    """Return the fast form of the commonest leaf: membership without places or doubt."""
    fact, wanted = leaf.fact, leaf.values
    inside, outside = (NO, YES) if leaf.outside else (YES, NO)
    best = YES

    def decide(values: Values) -> int:
        value = values.get(fact)
        if value is None:
            return UNKNOWN
        if value.__class__ is tuple:
            answer = NO
            for one in value:
                this = UNKNOWN if one == MAYBE_MORE else inside if one in wanted else outside
                if this == best:
                    return this
                answer = max(answer, this)
            return answer
        if value == MAYBE_MORE:
            return _open(value, lambda one: inside if one in wanted else outside)
        return inside if value in wanted else outside

    return decide


def _all(parts: list[Decide]) -> Decide:
    def decide(values: Values) -> int:
        answer = YES
        for part in parts:
            this = part(values)
            if this == NO:
                return NO
            answer = min(answer, this)
        return answer

    return parts[0] if len(parts) == 1 else decide


def _any(parts: list[Decide]) -> Decide:
    def decide(values: Values) -> int:
        answer = NO
        for part in parts:
            this = part(values)
            if this == YES:
                return YES
            answer = max(answer, this)
        return answer

    return parts[0] if len(parts) == 1 else decide


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the leaves, left to right."""
    match node:
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not(part=part):
            yield from leaves(part)
        case _:
            yield node


def undecided(node: Node, values: Values) -> Iterator[Leaf]:
    """Yield the leaves that could still change the answer of an undecided node.

    A leaf beside a NO in an `All`, or beside a YES in an `Any`, can change nothing.
    """
    if compiled(node)(values) != UNKNOWN:
        return
    match node:
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from undecided(part, values)
        case Not(part=part):
            yield from undecided(part, values)
        case _:
            yield node


def deciding(node: Node, values: Values) -> Iterator[Leaf]:
    """Yield the leaves that made the answer what it is.

    For a YES these are all leaves on the way; for a NO the first part that fails is
    enough; for UNKNOWN both what holds and what is open are shown.
    """
    answer = compiled(node)(values)
    match node:
        case All(parts=parts):
            if answer == NO:
                failing = next(part for part in parts if compiled(part)(values) == NO)
                yield from deciding(failing, values)
            else:
                for part in parts:
                    yield from deciding(part, values)
        case Any(parts=parts):
            if answer == YES:
                holding = next(part for part in parts if compiled(part)(values) == YES)
                yield from deciding(holding, values)
            else:
                for part in parts:
                    if answer == NO or compiled(part)(values) != NO:
                        yield from deciding(part, values)
        case Not(part=part):
            yield from deciding(part, values)
        case _:
            yield node


@functools.lru_cache(maxsize=8192)
def says(leaf: Leaf) -> str:
    """Return the condition of a leaf in words.

    Examples:
        >>> says(Is("provider", frozenset({"openai"})))
        'is openai'
        >>> says(Compare("users.monthly_million", "above", 700))
        'is above 700'
    """
    match leaf:
        case Is(said=said, outside=outside) if said:
            return f"{'not in' if outside else 'in'} {said}"
        case Is(values=values, outside=outside):
            named = [_word(value) for value in sorted(values, key=str)]
            shown = ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")
            if len(named) == 1:
                return f"is not {shown}" if outside else f"is {shown}"
            return f"is none of {shown}" if outside else f"is one of {shown}"
        case Starts(prefixes=prefixes):
            return f"starts with {' or '.join(prefixes)}"
        case Compare(relation=relation, limit=limit):
            return f"is {relation.replace('_', ' ')} {limit:g}"


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
