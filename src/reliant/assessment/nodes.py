"""The needs of a whole estate as one list of distinct parts, so that many questions take one pass.

An estate of ten thousand functions names the same few suppliers again and again. Each
distinct part of a need becomes a node here, after the nodes it is made of, so one walk
over the list answers for every function. A question is a bit: it is set where a part
still works if something is gone. An AND of parts is then `&` and an OR is `|`, and a
number of a hundred bits asks a hundred questions at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from reliant.core.need import AllOf, AnyOf, Need, Supplier

LEAF: Final = 0
ANY: Final = 1
ALL: Final = 2

Pairs: TypeAlias = tuple[int, ...]
"""Cut sets of order 2, each a number of two bits."""

NO_PAIRS: Pairs = ()


@dataclass
class Nodes:
    """Distinct parts of needs, each after those it is made of.

    Attributes:
        kinds: LEAF, ANY or ALL of each node.
        parts: Numbers of the nodes it is made of; of a leaf, none.
        leaves: Number of the node of each use.
        at: Number of the node of each need that the list was made of, in their order.
    """

    kinds: list[int] = field(default_factory=list)
    parts: list[tuple[int, ...]] = field(default_factory=list)
    leaves: dict[str, int] = field(default_factory=dict)
    at: tuple[int, ...] = ()
    _of_leaf: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, needs: Iterable[Need]) -> Nodes:
        """Return the parts of these needs; those that are built alike become one node."""
        nodes = cls()
        kinds, parts_of, leaves = nodes.kinds, nodes.parts, nodes.leaves
        known: dict[type, dict[tuple[int, ...], int]] = {AnyOf: {}, AllOf: {}}
        leaf_of = leaves.get

        def leaf(use: str) -> int:
            number = leaves[use] = len(kinds)
            nodes._of_leaf[number] = use
            kinds.append(LEAF)
            parts_of.append(())
            return number

        def number_of(need: Need) -> int:
            if isinstance(need, Supplier):
                found = leaf_of(need.id)
                return leaf(need.id) if found is None else found
            several = []
            for part in need.of:
                found = leaf_of(part.id) if type(part) is Supplier else None
                several.append(number_of(part) if found is None else found)
            if len(several) == 1:
                return several[0]
            same, parts = known[type(need)], tuple(several)
            found = same.get(parts)
            if found is None:
                found = same[parts] = len(kinds)
                kinds.append(ALL if type(need) is AllOf else ANY)
                parts_of.append(parts)
            return found

        nodes.at = tuple([number_of(need) for need in needs])
        return nodes

    def use(self, leaf: int) -> str:
        """Return the use of a leaf."""
        return self._of_leaf[leaf]

    def solve(self, answers: Mapping[str, int], every: int) -> list[int]:
        """Return the answers of each node from those of the uses.

        Args:
            answers: For each use a number with one bit for each question.
            every: All bits that are asked: the answer of a need for nothing.
        """
        values: list[int] = []
        add = values.append
        for number, (kind, parts) in enumerate(zip(self.kinds, self.parts, strict=True)):
            if kind == ALL:
                value = every
                for part in parts:
                    value &= values[part]
            elif kind == ANY:
                value = 0
                for part in parts:
                    value |= values[part]
            else:
                value = answers[self._of_leaf[number]]
            add(value)
        return values

    def touched(self, uses: Iterable[str]) -> list[bool]:
        """Return for each node whether it names one of these uses."""
        found = [False] * len(self.kinds)
        for use in uses:
            if use in self.leaves:
                found[self.leaves[use]] = True
        for number, parts in enumerate(self.parts):
            for part in parts:
                if found[part]:
                    found[number] = True
                    break
        return found

    def pairs(self, alone: Sequence[int]) -> dict[int, Pairs]:
        """Return the minimal cut sets of two names, by node, of those that have any.

        Args:
            alone: For each node the names whose loss alone stops it, a bit each.
        """
        together: dict[int, Pairs] = {}
        of = together.get
        for number, (kind, parts) in enumerate(zip(self.kinds, self.parts, strict=True)):
            if kind == ANY and parts:
                ones, twos = alone[parts[0]], of(parts[0])
                for part in parts[1:]:
                    other, more = alone[part], of(part)
                    if twos is None and more is None:
                        if ones == other:
                            continue
                        if ones & (ones - 1) or other & (other - 1):
                            ones, twos = _crossed(ones, other)
                        else:  # a name each, as most alternatives have
                            ones, twos = 0, (ones | other,) if ones and other else None
                    elif ones or more:
                        ones, twos = _both(ones, twos or NO_PAIRS, other, more or NO_PAIRS)
                    elif twos:  # pairs of which this part has a name, too
                        twos = tuple([pair for pair in twos if pair & other])
                    if not ones and not twos:
                        break
                if twos:
                    together[number] = twos
            elif kind == ALL:
                found = NO_PAIRS
                for part in parts:
                    if part in together:
                        found += together[part]
                if found:
                    ones = alone[number]
                    left = {pair for pair in found if not pair & ones}
                    if left:
                        together[number] = tuple(left)
        return together


def _crossed(one: int, other: int) -> tuple[int, Pairs | None]:
    """Return the cut sets of an OR of two parts without pairs of their own."""
    ones = one & other
    left, right = one ^ ones, other ^ ones
    if not left or not right:
        return ones, None
    seconds = split(right)
    return ones, tuple([first | second for first in split(left) for second in seconds])


def _both(one: int, one_pairs: Pairs, other: int, other_pairs: Pairs) -> tuple[int, Pairs]:
    """Return the cut sets of an OR of two parts from theirs: what cuts both.

    No pair comes up twice: one name of each is in `one` and not in `other`, or the pair
    was a pair of a part already.
    """
    ones, crossed = _crossed(one, other)
    found = [*crossed] if crossed else []
    if one_pairs:
        found += [pair for pair in one_pairs if pair & other or pair in other_pairs]
    if other_pairs:
        found += [pair for pair in other_pairs if pair & one]
    return ones, tuple(found)


def split(mask: int) -> list[int]:
    """Return the bits of a number, each as a number.

    Examples:
        >>> split(0b1010)
        [2, 8]
    """
    found = []
    while mask:
        low = mask & -mask
        found.append(low)
        mask ^= low
    return found
