"""The three levels of a use and of a need, as small integers, and the way through a need.

The same logic as `Truth`, in the form that ten thousand functions are played with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.core.need import AllOf, Need, Supplier
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


def met_at(need: Need, level: Levels) -> int:
    """Return UP if the need is met, DOWN if it is not, else UNKNOWN; every use must have a level."""
    if isinstance(need, Supplier):
        return level[need.id]
    if isinstance(need, AllOf):
        worst = UP
        for part in need.of:
            found = level[part.id] if isinstance(part, Supplier) else met_at(part, level)
            if found < worst:
                if found == DOWN:
                    return DOWN
                worst = found
        return worst
    best = DOWN
    for part in need.of:
        found = level[part.id] if isinstance(part, Supplier) else met_at(part, level)
        if found > best:
            if found == UP:
                return UP
            best = found
    return best


def route(need: Need, level: Levels) -> tuple[str, ...]:
    """Return the uses that meet a need, the first of each OR that is up; none if it is not met."""
    if isinstance(need, Supplier):
        return (need.id,) if level[need.id] == UP else ()
    if isinstance(need, AllOf):
        found: dict[str, None] = {}
        for part in need.of:
            below = route(part, level)
            if not below and met_at(part, level) != UP:
                return ()
            found.update(dict.fromkeys(below))
        return tuple(found)
    for part in need.of:
        below = route(part, level)
        if below or met_at(part, level) == UP:
            return below
    return ()


def name_of(chain: Chain) -> str:
    """Return a short name of a use for people: who serves it, and the model."""
    model = chain.model
    who = chain.developer if chain.self_hosted and model else chain.provider
    if model is not None and chain.developer is not None:
        model = model.removeprefix(f"{chain.developer}.")
    parts = [part for part in (who, model) if part]
    return " ".join(parts) if parts else chain.use
