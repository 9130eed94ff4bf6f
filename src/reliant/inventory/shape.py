"""Which parts of a file exclude each other: the arms of its switches, and what each of them calls.

A file is read for its *forks*: an `if` with its `else`, a `match`, a ternary, a table of classes, a
`try` with what it does instead. A place of the file then lies on *ways*: through which arm of which
fork the program comes there, outermost first. What a function of the file holds lies on the ways to
the calls of that function, so a client that is made in `_azure()` lies in the arm that calls it.

Readers of a language say where forks, functions and names are; the rest is the same for all.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.inventory.signals import Signal

Way: TypeAlias = tuple[int, ...]
"""Fork, arm, fork, arm ...: outermost first; empty where nothing is excluded."""

Place: TypeAlias = tuple[int, int]
"""Line and column, from 1; column 0 for the line as a whole."""

_MOST_WAYS = 8
"""More ways than this to one place are as good as no choice."""
_DEEPEST = 6


class Fork(msgspec.Struct, frozen=True, array_like=True):
    """Arms of which one is gone through.

    Attributes:
        tries: The next arm runs when the one before it fails; else a test decides.
        holds: Of each arm, whether its test holds where nobody sets anything; None if that is
            not known. An arm counts only where all before it do not hold.
    """

    tries: bool
    holds: tuple[bool | None, ...]


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """The forks of a file, and the ways to those places of it that signals stand at.

    Attributes:
        unread: The file was too large to be parsed: what excludes what is not known.
    """

    forks: tuple[Fork, ...] = ()
    ways: dict[str, tuple[Way, ...]] = {}
    unread: bool = False

    def ways_to(self, line: int, column: int = 0) -> tuple[Way, ...]:
        """Return the ways to a place; nothing for one that is always gone through."""
        return self.ways.get(f"{line}:{column}", ())


class Part:
    """A stretch of a file: an arm of a fork, a function, a class; the outermost is the file.

    Attributes:
        way: From the function it lies in to here.
        scope: The function or class it lies in, itself if it is one.
    """

    __slots__ = ("called", "first", "inner", "kind", "last", "name", "outer", "scope", "way")

    def __init__(
        self, first: Place, last: Place, outer: Part | None, way: Way, kind: str = "", name: str = ""
    ) -> None:
        self.first, self.last, self.outer, self.way = first, last, outer, way
        self.kind, self.name = kind, name
        self.scope: Part = self if kind or outer is None else outer.scope
        self.inner: list[Part] = []
        self.called: list[Place] | None = None


class Sketch:
    """The parts of a file, while it is read."""

    def __init__(self) -> None:
        self.file = Part((0, 0), (1 << 30, 0), None, ())
        self.forks: list[Fork] = []
        self.names: dict[str, list[Place]] = {}
        """Where each name is used; of a method, under `.name`."""
        self.instead: list[Part] = []
        """Statements that an arm further down replaces."""
        self._ways: dict[int, tuple[Way, ...]] = {}

    def fork(self, holds: Iterable[bool | None], *, tries: bool = False) -> int:
        """Return the number of a new fork."""
        self.forks.append(Fork(tries, tuple(holds)))
        return len(self.forks) - 1

    def part(
        self,
        outer: Part,
        first: Place,
        last: Place,
        *,
        arm: Way = (),
        kind: str = "",
        name: str = "",
    ) -> Part:
        """Return a new part of `outer`; an arm of a fork, or a function or class if it has a kind."""
        found = Part(first, last, outer, () if kind else (*outer.way, *arm), kind, name)
        outer.inner.append(found)
        return found

    def replaced(self, outer: Part, first: Place, last: Place, arm: Way) -> None:
        """Note a statement whose value an arm of a later fork puts another in the place of."""
        self.instead.append(Part(first, last, outer, (*outer.way, *arm)))

    def used(self, name: str, place: Place) -> None:
        """Note a use of a name."""
        self.names.setdefault(name, []).append(place)

    def at(self, place: Place) -> Part:
        """Return the innermost part that a place lies in."""
        part = self.file
        while True:
            inner = part.inner
            at = bisect_right(inner, place, key=lambda one: one.first)
            nearest = next((one for one in reversed(inner[:at]) if place <= one.last), None)
            if nearest is None:
                break
            part = nearest
        for one in self.instead:
            if one.first <= place <= one.last and one.outer is part:
                return one
        return part

    def ways(self, place: Place) -> tuple[Way, ...]:
        """Return the ways to a place from where the file is entered."""
        part = self.at(place)
        return self._from(part.scope, part.way, 0)

    def _from(self, scope: Part, way: Way, depth: int) -> tuple[Way, ...]:
        found = dict.fromkeys((*head, *way) for head in self._to(scope, depth))
        return tuple(found) if len(found) <= _MOST_WAYS else ()

    def _to(self, scope: Part, depth: int) -> tuple[Way, ...]:
        """Return the ways to a function or class: to where it is called, else to where it stands."""
        if scope.outer is None:
            return ((),)
        known = self._ways.get(id(scope))
        if known is not None:
            return known
        self._ways[id(scope)] = ((),)  # one that calls itself
        if depth > _DEEPEST:
            return ((),)
        method = scope.outer.scope.kind == "class" and scope.kind == "def"
        found: dict[Way, None] = {}
        for place in self.names.get(f".{scope.name}" if method else scope.name, ()):
            part = self.at(place)
            if not _within(part, scope) and (not method or _within(part, scope.outer.scope)):
                found.update(dict.fromkeys(self._from(part.scope, part.way, depth + 1)))
        if not found:
            outer = scope.outer
            found.update(dict.fromkeys(self._from(outer.scope, outer.way, depth + 1)))
        ways = tuple(found) if found and () not in found and len(found) <= _MOST_WAYS else ((),)
        self._ways[id(scope)] = ways
        return ways

    def shape(self, path: str, signals: Iterable[Signal]) -> Shape | None:
        """Return the forks with the ways to the signals of a file; None if none of them excludes another."""
        _sort(self.file)
        ways: dict[str, tuple[Way, ...]] = {}
        for signal in signals:
            places = {(signal.line, signal.column)}
            file, _, line = signal.where.rpartition(":")
            if file == path:
                places.add((int(line), 0))
            for place in places:
                key = f"{place[0]}:{place[1]}"
                if key not in ways:
                    ways[key] = self.ways(place)
        ways = {key: found for key, found in ways.items() if found and found != ((),)}
        arms: dict[int, set[int]] = {}
        for found in ways.values():
            for way in found:
                for fork, arm in zip(way[::2], way[1::2], strict=True):
                    arms.setdefault(fork, set()).add(arm)
        if not any(len(several) > 1 for several in arms.values()):
            return None
        numbers = {fork: at for at, fork in enumerate(sorted(arms))}
        return Shape(
            tuple(self.forks[fork] for fork in numbers),
            {
                key: tuple(
                    tuple(numbers[part] if at % 2 == 0 else part for at, part in enumerate(way))
                    for way in found
                )
                for key, found in ways.items()
            },
        )


def _sort(part: Part) -> None:
    part.inner.sort(key=lambda one: one.first)
    for one in part.inner:
        _sort(one)


def _within(part: Part | None, scope: Part) -> bool:
    while part is not None:
        if part is scope:
            return True
        part = part.outer
    return False


def worth_a_look(signals: Iterable[Signal]) -> bool:
    """Say whether a file names two things that a fork could choose between."""
    return len({(s.provider, s.model, s.asks, s.endpoint) for s in signals if s.what in _CALLED}) > 1


_CALLED = frozenset({"endpoint", "model", "env"})
