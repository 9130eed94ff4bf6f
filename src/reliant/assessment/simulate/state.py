"""The three levels of a use and of a need, as small integers, and the way through a need.

The same logic as `Truth`, in the form that ten thousand functions are played with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reliant.assessment.graph import Cut, Graph
from reliant.assessment.measures.points import Losses
from reliant.assessment.nodes import ANY, LEAF, PICK, SET, Nodes
from reliant.core.truth import Truth

DOWN, UNKNOWN, UP = 0, 1, 2

Levels = Mapping[str, int]
"""For each use: DOWN, UNKNOWN or UP."""


def levels(
    graph: Graph, already: Mapping[str, Truth], cuts: Iterable[Cut], weights_kept: bool | None = None
) -> dict[str, int]:
    """Return the level of each use once these cuts are made; `already` says what is down before."""
    found = {use: UP - already.get(use, Truth.NO).value for use in graph.uses}
    for use, down in graph.down(cuts, weights_kept=weights_kept).items():
        found[use] = min(found[use], UP - down.value)
    return found


def solved(nodes: Nodes, stages: Sequence[Levels], losses: Losses) -> tuple[list[bytes], list[int]]:
    """Return the level of each node after each stage, and its answers to the losses: all in one walk."""
    # Two bits a stage, above those of the losses: the upper is set if it is there for certain,
    # the lower if it may be.
    first = losses.every.bit_length()
    shifts = range(first, first + 2 * len(stages), 2)
    there = {
        use: losses.there[use]
        + sum([_BITS[stage[use]] << at for at, stage in zip(shifts, stages, strict=True)])
        for use in nodes.leaves
    }
    sure = sum([2 << at for at in shifts])
    values = nodes.solve(there, (1 << shifts.stop) - 1, sure)
    found: list[bytes] = []
    for at in range(first, shifts.stop, 8):  # four stages are a byte
        four = bytes([value >> at & 255 for value in values])
        found += [four.translate(level) for level in _LEVELS[: len(stages) - len(found)]]
    return found, values


_BITS = {DOWN: 0b00, UNKNOWN: 0b01, UP: 0b11}
_LEVEL = (DOWN, UNKNOWN, UNKNOWN, UP)
_LEVELS = tuple(bytes([_LEVEL[value >> at & 3] for value in range(256)]) for at in (0, 2, 4, 6))
"""For each of the four stages in a byte, the level that each value of the byte means."""


def add_route(
    kinds: Sequence[int],
    parts: Sequence[tuple[int, ...]],
    number: int,
    level: Sequence[int],
    found: list[int],
) -> None:
    """Add the leaves that meet a need that is met, the first of each OR that is up; one may come twice."""
    while kinds[number] in _ONE:
        if kinds[number] != ANY:  # the one that is set, or whichever
            number = parts[number][0]
            continue
        for number in parts[number]:  # noqa: B020 - the way goes down the tree
            if level[number] == UP:
                break
    if kinds[number] == LEAF:
        found.append(number)
        return
    for part in parts[number]:
        if kinds[part] == LEAF:
            found.append(part)
        else:
            add_route(kinds, parts, part, level, found)


_ONE = frozenset((ANY, SET, PICK))
