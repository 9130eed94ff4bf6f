"""Single points of failure (A7): the names whose loss alone stops functions.

Each name at each level is a question, and a question is a bit of a number: what a need
answers to all of them is found in one walk over the estate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reliant.assessment.graph import Chain, Graph
from reliant.assessment.measures.share import share_of
from reliant.assessment.nodes import split
from reliant.core.results import SinglePoint

Names: TypeAlias = Callable[[Chain], "str | tuple[str, ...] | None"]
"""What a chain is called at a level: one name, several, or none."""


@dataclass(frozen=True, slots=True)
class Masks:
    """Names at one level as bits of a number, so that sets of names are numbers.

    Attributes:
        by_use: The bit of each use's name, or bits if it has several; 0 if it has none at this level.
        names: In the order of their bits.
        first: The place of the bit of the first name.
    """

    by_use: Mapping[str, int]
    names: tuple[str, ...]
    first: int = 0

    @classmethod
    def of(cls, graph: Graph, names_of: Names, first: int = 0) -> Masks:
        """Return the masks of all uses of a graph, from the bit `first` on."""
        bits: dict[str, int] = {}
        by_use: dict[str, int] = {}
        for use in graph.uses:
            called = names_of(graph.chain(use))
            by_use[use] = 0
            for name in (called,) if isinstance(called, str) else called or ():
                by_use[use] |= bits.setdefault(name, 1 << (len(bits) + first))
        return cls(by_use, tuple(bits), first)

    @property
    def every(self) -> int:
        """All bits."""
        return ((1 << len(self.names)) - 1) << self.first

    def named(self, mask: int) -> tuple[str, ...]:
        """Return the names in a mask."""
        return tuple(self.names[bit.bit_length() - 1 - self.first] for bit in split(mask))


@dataclass(frozen=True, slots=True)
class Losses:
    """The question of each name at some levels: what stops once it alone is gone?

    Attributes:
        levels: The name of each level, with the bits of the names at it.
        every: All bits.
        there: For each use the names whose loss leaves it.
    """

    levels: tuple[tuple[str, Masks], ...]
    every: int
    there: Mapping[str, int]

    @classmethod
    def of(cls, graph: Graph, *levels: tuple[str, Names]) -> Losses:
        """Return the questions of levels, each with what a chain is called at it."""
        found: list[tuple[str, Masks]] = []
        first = 0
        for level, names_of in levels or SINGLE_POINTS:
            masks = Masks.of(graph, names_of, first)
            for _, asked in found:
                if asked.names == masks.names and _moved(masks, asked) == asked.by_use:
                    masks = asked  # nobody owns across borders here: the question is asked already
            first = max(first, masks.first + len(masks.names))
            found.append((level, masks))
        every = (1 << first) - 1
        there = dict.fromkeys(graph.uses, every)
        for _, masks in found:
            for use, bits in masks.by_use.items():
                there[use] &= ~bits
        return cls(tuple(found), every, there)

    def points(self, graph: Graph, stands: Sequence[int], at_least: float = 0.0) -> tuple[SinglePoint, ...]:
        """Return the names that stop functions, level by level, the largest first.

        Args:
            stands: For each node of the graph, the answers to the questions.
            at_least: Leave out names that stop a smaller share than this.
        """
        every = self.every
        stopped = _Stopped(every.bit_length())
        for at, number in enumerate(graph.nodes.at):
            lost = every & ~stands[number]
            if lost:
                for several in stopped[lost]:
                    several.append(at)
        names, weights = graph.ids, graph.weights
        found: list[SinglePoint] = []
        for level, masks in self.levels:
            points = []
            for at, name in enumerate(masks.names, start=masks.first):
                several = stopped.by_bit[at]
                share = share_of(sum([weights[one] for one in several]), graph.weight) if several else 0.0
                if several and share >= at_least:
                    points.append(SinglePoint(name, level, share, tuple([names[one] for one in several])))
            found += sorted(points, key=lambda point: (-point.stop_share, point.supplier))
        return tuple(found)


class _Stopped(dict[int, list[list[int]]]):
    """For a set of lost names, a bit each, the lists of what each of them stops."""

    def __init__(self, names: int) -> None:
        super().__init__()
        self.by_bit: list[list[int]] = [[] for _ in range(names)]
        # Long numbers are slow to take apart bit by bit: for each of their bytes, the lists of each value.
        self._by_byte: list[list[list[list[int]]]] = []
        for at in range(0, names, 8):
            of_byte: list[list[list[int]]] = [[]]
            for several in self.by_bit[at : at + 8]:
                of_byte += [[*one, several] for one in of_byte]
            self._by_byte.append(of_byte)

    def __missing__(self, lost: int) -> list[list[int]]:
        found: list[list[int]] = []
        for at, byte in enumerate(lost.to_bytes(len(self._by_byte), "little")):
            if byte:
                found += self._by_byte[at][byte]
        self[lost] = found
        return found


def _moved(masks: Masks, to: Masks) -> dict[str, int]:
    """Return the bits of masks as they were if they began where others do."""
    return {use: bits >> masks.first << to.first for use, bits in masks.by_use.items()}


def single_points(graph: Graph, *levels: tuple[str, Names], at_least: float = 0.0) -> tuple[SinglePoint, ...]:
    """Return A7: the names whose loss alone stops functions, level by level; the largest first.

    Uses whose name at a level is not known cut nothing there: they can only add.

    Args:
        levels: The name of each level, and what a chain is called at it; SINGLE_POINTS if none is given.
    """
    losses = Losses.of(graph, *levels)
    return losses.points(graph, graph.nodes.solve(losses.there, losses.every), at_least)


def hosted_by(chain: Chain) -> str | None:
    """Return the provider that can be cut; None for weights that the operator runs."""
    return chain.provider if chain.hosted else None


def hosted_in(chain: Chain) -> str | None:
    """Return the country of the provider that can be cut; None for weights that the operator runs."""
    return chain.jurisdiction if chain.hosted else None


def reached_from(chain: Chain) -> tuple[str, ...]:
    """Return the countries whose cut takes a use away: of provider, owner, and maker of closed weights."""
    if not chain.hosted:
        return ()
    maker = chain.developer_jurisdiction if chain.weights == "closed" else None
    found = dict.fromkeys((chain.jurisdiction, chain.owner_jurisdiction, maker))
    return tuple(country for country in found if country is not None)


SINGLE_POINTS: tuple[tuple[str, Names], ...] = (
    ("provider", hosted_by),
    ("jurisdiction", hosted_in),
    ("reach", reached_from),
)
"""The levels of single points: the provider, its country, and all countries whose cut reaches a use."""
