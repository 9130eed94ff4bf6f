"""The three levels of a use and of a need, as small integers, and the way through a need.

The same logic as `Truth`, in the form that ten thousand functions are played with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.measures import Losses
from reliant.assessment.nodes import ANY, LEAF, Nodes
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


def solved(nodes: Nodes, stages: Sequence[Levels], losses: Losses) -> tuple[list[list[int]], list[int]]:
    """Return the level of each node after each stage, and its answers to the losses: all in one walk."""
    # Two bits a stage, above those of the losses: the upper is set if it is there for certain,
    # the lower if it may be.
    shifts = range(losses.every.bit_length(), losses.every.bit_length() + 2 * len(stages), 2)
    there = {
        use: losses.there[use]
        + sum([_BITS[stage[use]] << at for at, stage in zip(shifts, stages, strict=True)])
        for use in nodes.leaves
    }
    values = nodes.solve(there, (1 << shifts.stop) - 1)
    known = [value >> shifts.start for value in values]
    return [[_LEVEL[one >> at - shifts.start & 3] for one in known] for at in shifts], values


_BITS = {DOWN: 0b00, UNKNOWN: 0b01, UP: 0b11}
_LEVEL = (DOWN, UNKNOWN, UNKNOWN, UP)


def route(nodes: Nodes, number: int, level: Sequence[int]) -> tuple[int, ...]:
    """Return the leaves that meet a need, the first of each OR that is up; none if it is not met."""
    if level[number] != UP:
        return ()
    kinds, parts = nodes.kinds, nodes.parts
    while kinds[number] == ANY:
        for part in parts[number]:
            if level[part] == UP:
                number = part
                break
    if kinds[number] == LEAF:
        return (number,)
    found: list[int] = []
    for part in parts[number]:
        if kinds[part] == LEAF:
            found.append(part)
        else:
            found += route(nodes, part, level)
    return tuple(dict.fromkeys(found))


def first_of_route(nodes: Nodes, number: int, level: Sequence[int]) -> int | None:
    """Return the first leaf of the route of a need that is met; None if it needs nothing."""
    while nodes.kinds[number] == ANY:
        number = next(part for part in nodes.parts[number] if level[part] == UP)
    if nodes.kinds[number] == LEAF:
        return number
    for part in nodes.parts[number]:
        found = first_of_route(nodes, part, level)
        if found is not None:
            return found
    return None


def name_of(chain: Chain) -> str:
    """Return a short name of a use for people: who serves it, and the model."""
    model = chain.model
    who = chain.developer if chain.self_hosted and model else chain.provider
    if model is not None and chain.developer is not None:
        model = model.removeprefix(f"{chain.developer}.")
    parts = [part for part in (who, model) if part]
    return " ".join(parts) if parts else chain.called or chain.use
