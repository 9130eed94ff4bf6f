"""What would have to come back so that a function that is lost works again.

A repair is a set of uses, those that touch the fewest places of the target. It is kept
as the bits of one number, with the suppliers of these uses below them: an AND of needs
is then an OR of numbers, and ten thousand functions are asked in a few loops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reliant.assessment.graph import Graph
from reliant.assessment.nodes import ANY, SET, split
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
        repairs = self._repairs = [0] * len(level)  # of what is met, none
        for at, leaf in enumerate(lost.values()):
            repairs[leaf] = 1 << at + self._first | supplier[at]
        self.unsure = sum([1 << at for at, leaf in enumerate(lost.values()) if level[leaf] == UNKNOWN])
        for parts, number in nodes.any_flat.items():
            if level[number] != UP and parts:  # none of its parts is met
                repairs[number] = self._cheapest(parts) if self._counted else repairs[parts[0]]
        for parts, number in nodes.all_flat.items():
            if level[number] != UP:
                uses = 0
                for part in parts:
                    uses |= repairs[part]
                repairs[number] = uses
        kinds, parts_of = nodes.kinds, nodes.parts
        for number in nodes.deep:
            if level[number] == UP:
                continue
            parts = parts_of[number]
            if kinds[number] == SET:
                repairs[number] = repairs[parts[0]]
            elif kinds[number] == ANY:
                repairs[number] = self._cheapest(parts)
            else:  # of a choice that nobody knows, each part that may be set
                uses = 0
                for part in parts:
                    uses |= repairs[part]
                repairs[number] = uses

    def _cheapest(self, parts: Sequence[int]) -> int:
        """Return the repair of the first part that costs least."""
        repairs, first = self._repairs, self._first
        if not self._counted:
            found = repairs[parts[0]]
            least = (found >> first).bit_count()
            for part in parts[1:]:
                repair = repairs[part]
                cost = (repair >> first).bit_count()
                if cost < least:
                    found, least = repair, cost
            return found
        return min([repairs[part] for part in parts], key=self._cost)

    def _cost(self, repair: int) -> int:
        return self.places(repair >> self._first)

    def of(self, number: int) -> int:
        """Return the repair of a node; 0 for one that is met, or that nothing could ever meet."""
        return self._repairs[number]

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
