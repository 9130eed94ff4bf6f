"""An ordinary day: what is expected to work if providers fail by chance, and which of them decides most.

Birnbaum's importance of a provider is the expected share with it there minus that with it
gone. The chances are the operator's (from a status page, a contract); nothing here guesses one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reliant.assessment.measures.cuts import availability, repeated
from reliant.assessment.measures.points import hosted_by
from reliant.core.need import AllOf, AnyOf, Function, Need, OneOf, Supplier, suppliers
from reliant.core.simulation import Importance

if TYPE_CHECKING:
    from reliant.assessment.graph import Graph

_MOST_REPEATED = 12
"""Providers that one need names twice or more: each doubles the work."""

ALWAYS = "(always there)"
"""Stands in a need for a use of which no chance was told."""


def ordinary_day(graph: Graph, up: Mapping[str, float]) -> tuple[float | None, tuple[Importance, ...]]:
    """Return the share of weight that is expected to work, and what each provider decides.

    Uses of one provider fail together; what has no chance told counts as always there. A need that
    names too many providers again and again is left out, on both sides of the share.
    """
    if not up or not graph.functions:
        return None, ()
    weight: dict[Need, float] = {}
    for function, need in considered(graph, up):
        weight[need] = weight.get(need, 0.0) + function.weight
    whole = sum(weight.values())
    if not whole:
        return None, ()
    chance = {**up, ALWAYS: 1.0}

    def expected(told: Mapping[str, float]) -> float:
        return sum(part * availability(need, told) for need, part in weight.items()) / whole

    named = sorted(set().union(*map(suppliers, weight)) - {ALWAYS})
    found = [
        Importance(one, up[one], round(expected({**chance, one: 1.0}) - expected({**chance, one: 0.0}), 12))
        for one in named
    ]
    return round(expected(chance), 12), tuple(sorted(found, key=lambda one: (-one.importance, one.provider)))


def considered(graph: Graph, up: Mapping[str, float]) -> Iterator[tuple[Function, Need]]:
    """Return the functions of the share, each with its need over providers instead of uses."""
    for function in graph.functions:
        need = _by_provider(function.need, graph, up)
        if len(repeated(need)) <= _MOST_REPEATED:
            yield function, need


def _by_provider(need: Need, graph: Graph, up: Mapping[str, float]) -> Need:
    """Return a need with the provider of each use in its place."""
    if isinstance(need, Supplier):
        provider = hosted_by(graph.chain(need.id))
        return Supplier(provider if provider in up and provider else ALWAYS)
    parts = tuple(_by_provider(part, graph, up) for part in need.of)
    if isinstance(need, OneOf):
        return OneOf(parts, need.default)
    return AllOf(parts) if isinstance(need, AllOf) else AnyOf(parts)
