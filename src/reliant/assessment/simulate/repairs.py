"""What would have to come back so that a function that is lost works again.

A repair is a set of uses, those that touch the fewest places of the target. It is kept
as the bits of one number, with the suppliers of these uses below them: an AND of needs
is then an OR of numbers, and ten thousand functions are asked in a few loops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reliant.assessment.graph import Graph
from reliant.assessment.nodes import ALL, split
from reliant.assessment.simulate.state import UNKNOWN, UP


class Repairs:
    """The repairs of one estate after a cut.

    Attributes:
        unsure: The uses of which it is not known whether they are down.
    """

    def __init__(self, graph: Graph, level: Sequence[int], places: Mapping[str, int]) -> None:
        nodes = graph.nodes
        lost = {use: leaf for use, leaf in nodes.leaves.items() if level[leaf] != UP}
        self._uses = tuple(lost)
        self._places = [max(1, places.get(use, 1)) for use in lost]
        self._counted = any(one > 1 for one in self._places)
        self._names: dict[str, int] = {}
        supplier = [self._names.setdefault(_supplier(graph, use), 1 << len(self._names)) for use in lost]
        self._first = len(self._names)
        self._keys = (1 << self._first) - 1
        repairs = {leaf: 1 << at + self._first | supplier[at] for at, leaf in enumerate(lost.values())}
        self.unsure = sum([1 << at for at, leaf in enumerate(lost.values()) if level[leaf] == UNKNOWN])
        self._repairs = repairs
        for parts, number in nodes.any_flat.items():
            if level[number] != UP:
                several = [repairs[part] for part in parts]  # none is up
                repairs[number] = (
                    min(several, key=self._cost, default=0) if self._counted else next(iter(several), 0)
                )
        for parts, number in nodes.all_flat.items():
            if level[number] != UP:
                uses = 0
                for part in parts:
                    if level[part] != UP:
                        uses |= repairs[part]
                repairs[number] = uses
        kinds, parts_of = nodes.kinds, nodes.parts
        for number in nodes.deep:
            if level[number] == UP:
                continue
            if kinds[number] == ALL:
                uses = 0
                for part in parts_of[number]:
                    if level[part] != UP:
                        uses |= repairs[part]
                repairs[number] = uses
            else:  # of an OR, its first part that costs least
                repairs[number] = min([repairs[part] for part in parts_of[number]], key=self._cost)

    def _cost(self, repair: int) -> int:
        return self.places(repair >> self._first)

    def of(self, number: int) -> int:
        """Return the repair of a node; 0 for one that is met, or that nothing could ever meet."""
        return self._repairs.get(number, 0)

    def uses(self, repair: int) -> int:
        """Return the uses of a repair."""
        return repair >> self._first

    def suppliers(self, repair: int) -> int:
        """Return who is replaced with a repair: providers, or a use itself if nobody knows."""
        return repair & self._keys

    def places(self, uses: int) -> int:
        """Return in how many places of the target these uses stand, at least one each."""
        if not self._counted:
            return uses.bit_count()
        return sum([self._places[bit.bit_length() - 1] for bit in split(uses)])

    def names(self, uses: int) -> list[str]:
        """Return the uses by name."""
        return [self._uses[bit.bit_length() - 1] for bit in split(uses)]

    def named(self, suppliers: int) -> list[str]:
        """Return the suppliers by name, sorted."""
        return sorted(name for name, bit in self._names.items() if bit & suppliers)


def _supplier(graph: Graph, use: str) -> str:
    provider = graph.chain(use).provider
    return f"provider:{provider}" if provider else f"use:{use}"
