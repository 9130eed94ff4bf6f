"""The needs of a whole estate as one list of distinct parts, so that many questions take one pass.

An estate of ten thousand functions names the same few suppliers again and again. Each
distinct part of a need becomes a node here, after the nodes it is made of, so one walk
over the list answers for every function. A question is a bit: it is set where a part
still works if something is gone. An AND of parts is then `&` and an OR is `|`, and a
number of a hundred bits asks a hundred questions at once. A choice whose default is known
is its first part; one whose default is not is an AND where it is asked what is sure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from reliant.core.need import AllOf, AnyOf, Need, OneOf, Supplier

LEAF: Final = 0
ANY: Final = 1
ALL: Final = 2
SET: Final = 3
PICK: Final = 4

Pairs: TypeAlias = tuple[int, ...]
"""Cut sets of order 2, each a number of two bits."""

NO_PAIRS: Pairs = ()


@dataclass
class Nodes:
    """Distinct parts of needs, each after those it is made of.

    Attributes:
        kinds: Of each node LEAF, ANY, ALL, SET (a choice with a default, its first part) or PICK (one
            without).
        parts: Numbers of the nodes it is made of; of a leaf, none.
        leaves: Number of the node of each use.
        at: Number of the node of each need that the list was made of, in their order.
        any_flat: Nodes of kind ANY that are made of leaves alone: parts to number.
        all_flat: The same of kind ALL.
        deep: Numbers of all other nodes, in their order; they come after those they are made of.
    """

    kinds: list[int] = field(default_factory=list)
    parts: list[tuple[int, ...]] = field(default_factory=list)
    leaves: dict[str, int] = field(default_factory=dict)
    at: tuple[int, ...] = ()
    any_flat: dict[tuple[int, ...], int] = field(default_factory=dict)
    all_flat: dict[tuple[int, ...], int] = field(default_factory=dict)
    deep: list[int] = field(default_factory=list)
    _of_leaf: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, needs: Iterable[Need]) -> Nodes:
        """Return the parts of these needs; those that are built alike become one node."""
        nodes = cls()
        kinds, parts_of, deep = nodes.kinds, nodes.parts, nodes.deep
        leaves = _Leaves(kinds, parts_of)
        flat = {AnyOf: (ANY, nodes.any_flat), AllOf: (ALL, nodes.all_flat)}
        nested: dict[int, dict[tuple[int, ...], int]] = {ANY: {}, ALL: {}, SET: {}, PICK: {}}

        def number_of(need: Need) -> int:
            if type(need) is Supplier:
                return leaves[need.id]
            several: list[int] = []
            shallow = True
            for part in need.of:
                if type(part) is Supplier:
                    several.append(leaves[part.id])
                else:
                    number = number_of(part)
                    if kinds[number] != LEAF:
                        shallow = False
                    several.append(number)
            if len(several) == 1:
                return several[0]
            parts, made_by = tuple(several), type(need)
            if shallow and (made_by is not OneOf or not parts):
                kind, same = flat[AllOf if made_by is AllOf else AnyOf]
            else:
                kind, shallow = ALL if made_by is AllOf else ANY, False
                if type(need) is OneOf:
                    kind = SET if need.default else PICK
                same = nested[kind]
            found = same.get(parts)
            if found is None:
                found = same[parts] = len(kinds)
                kinds.append(kind)
                parts_of.append(parts)
                if not shallow:
                    deep.append(found)
            return found

        nodes.at = tuple([number_of(need) for need in needs])
        nodes.leaves = dict(leaves)
        nodes._of_leaf = {number: use for use, number in leaves.items()}
        return nodes

    def use(self, leaf: int) -> str:
        """Return the use of a leaf."""
        return self._of_leaf[leaf]

    def solve(self, answers: Mapping[str, int], every: int, sure: int = 0) -> list[int]:
        """Return the answers of each node from those of the uses.

        Args:
            answers: For each use a number with one bit for each question.
            every: All bits that are asked: the answer of a need for nothing.
            sure: Of these, the questions for what works for certain.
        """
        values = [0] * len(self.kinds)
        for use, number in self.leaves.items():
            values[number] = answers[use]
        for parts, number in self.any_flat.items():
            if len(parts) == 2:  # as most have
                one, other = parts
                values[number] = values[one] | values[other]
            else:
                value = 0
                for part in parts:
                    value |= values[part]
                values[number] = value
        for parts, number in self.all_flat.items():
            if len(parts) == 2:
                one, other = parts
                values[number] = values[one] & values[other]
            else:
                value = every
                for part in parts:
                    value &= values[part]
                values[number] = value
        kinds, parts_of = self.kinds, self.parts
        for number in self.deep:
            parts = parts_of[number]
            if kinds[number] == ALL:
                value = every
                for part in parts:
                    value &= values[part]
            elif kinds[number] == SET:
                value = values[parts[0]]
            else:
                value = 0
                for part in parts:
                    value |= values[part]
                if sure and kinds[number] == PICK:
                    for part in parts:
                        value &= values[part] | ~sure
            values[number] = value
        return values

    def pairs(self, stands: Sequence[int], names: int) -> dict[int, Pairs]:
        """Return the minimal cut sets of two names, by node, of those that have any.

        Args:
            stands: For each node the names whose loss leaves it, a bit each.
            names: The bits of all names that are asked about.
        """
        together: dict[int, Pairs] = {}
        kinds, parts_of = self.kinds, self.parts
        alone = [names & ~stand for stand in stands]
        # With one name each, as providers are: a pair is two of them.
        single = all(alone[leaf].bit_count() <= 1 for leaf in self.leaves.values())
        for parts, number in self.any_flat.items():
            if single and len(parts) == 2:
                one, other = alone[parts[0]], alone[parts[1]]
                if one and other and one != other:
                    together[number] = (one | other,)
            elif single:
                both = 0
                for part in parts:
                    if not alone[part]:
                        break
                    both |= alone[part]
                else:
                    if both.bit_count() == 2:
                        together[number] = (both,)
            elif pairs := _of_any([(alone[part], None) for part in parts]):
                together[number] = pairs
        of = together.get
        for number in self.deep:
            parts, kind = parts_of[number], kinds[number]
            if kind == ALL:
                left: Pairs = ()
                for part in parts:
                    for pair in of(part, NO_PAIRS):
                        if not pair & alone[number] and pair not in left:
                            left = (*left, pair)
                if left:
                    together[number] = left
            elif kind == SET:
                if parts[0] in together:
                    together[number] = together[parts[0]]
            else:
                for part in parts:
                    if not alone[part]:
                        # Only pairs cut this part, so of these those that cut each other part, too.
                        several = of(part, NO_PAIRS)
                        for other in parts:
                            if several and other != part:
                                ones, twos = alone[other], of(other, NO_PAIRS)
                                several = tuple([pair for pair in several if pair & ones or pair in twos])
                        break
                else:
                    several = _of_any([(alone[part], of(part)) for part in parts]) or NO_PAIRS
                if several:
                    together[number] = several
        return together


class _Leaves(dict[str, int]):
    """The number of the node of each use; a use that is asked for first gets the next one."""

    def __init__(self, kinds: list[int], parts: list[tuple[int, ...]]) -> None:
        super().__init__()
        self._kinds, self._parts = kinds, parts

    def __missing__(self, use: str) -> int:
        number = self[use] = len(self._kinds)
        self._kinds.append(LEAF)
        self._parts.append(())
        return number


def _of_any(parts: Sequence[tuple[int, Pairs | None]]) -> Pairs | None:
    """Return the pairs that cut an OR: each cuts all of its parts, and no name of it does so alone.

    Args:
        parts: Of each, the names that cut it alone and the pairs that do together.
    """
    if not parts or (0, None) in parts:  # nothing cuts it, or no two names do
        return None
    ones, twos = parts[0]
    for other, more in parts[1:]:
        if twos is None and more is None:
            if ones == other:
                continue
            ones, twos = _crossed(ones, other)
        elif ones or more:
            ones, twos = _both(ones, twos or NO_PAIRS, other, more or NO_PAIRS)
        elif twos:  # pairs of which this part has a name, too
            twos = tuple([pair for pair in twos if pair & other])
        if not ones and not twos:
            break
    return twos


def _crossed(one: int, other: int) -> tuple[int, Pairs | None]:
    """Return the cut sets of an OR of two parts without pairs of their own."""
    ones = one & other
    left, right = one ^ ones, other ^ ones
    if not left or not right:
        return ones, None
    if left & left - 1 or right & right - 1:
        seconds = split(right)
        return ones, tuple([first | second for first in split(left) for second in seconds])
    return ones, (left | right,)


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
