"""The share form of look-through for an organisation: who holds how much of what it uses.

Reach counts a function for every country its chain touches, so those shares exceed 1.
Here each use is divided: the maker of a model keeps a stated part, the rest goes to the
models it descends from in equal parts, down to where the lines begin. What is not
known stays unknown, and everything sums to 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from reliant.assessment.graph import FOLLOWED, Chain, Graph
from reliant.assessment.measures.exposure import impact, use_shares
from reliant.assessment.measures.lookthrough import UNKNOWN, Lineage, shares
from reliant.core.results import Impact, OriginShares
from reliant.core.truth import Truth
from reliant.core.verdict import Verdict

RETAINED = (0.0, 0.5)
"""The rules that are shown: all passed on to the bases, and half of it kept."""


def origin_of(chain: Chain, retained: float, followed: Iterable[str] = FOLLOWED) -> dict[str, float]:
    """Return how much of a use each country holds, with `unknown`; the values sum to 1.

    A hosted use without a model is its provider's; software on own machines its maker's.
    """
    kinds = tuple(followed)
    maker = chain.developer_jurisdiction if chain.model or chain.self_hosted else chain.jurisdiction
    top = chain.model or chain.use
    origin: dict[str, str | None] = {top: maker}
    parents: dict[str, dict[str, None]] = defaultdict(dict)
    for link in chain.links:
        if not link.followed(kinds) or link.truth is Truth.NO:
            continue
        path = link.path or (top, link.ancestor)
        sure = link.truth is Truth.YES
        # A disputed edge leads somewhere unknown: nobody can say that it leads there.
        end = link.ancestor if sure else f"{UNKNOWN} {link.ancestor}"
        origin[end] = link.jurisdiction if sure else None
        parents[path[-2] if len(path) > 1 else top][end] = None
    if chain.model and not chain.descent_known:
        parents[top][UNKNOWN] = None
    return shares(Lineage(origin, {one: tuple(over) for one, over in parents.items()}), top, retained)


def origin_shares(graph: Graph, followed: Iterable[str] = FOLLOWED) -> tuple[OriginShares, ...]:
    """Return A2 as shares over all functions, under each rule; the largest country first."""
    kinds = tuple(followed)
    by_need = {need: use_shares(need) for need in graph.needs}
    weight: dict[str, float] = defaultdict(float)
    for function in graph.functions:
        for use, share in by_need[function.need].items():
            weight[use] += share * function.weight
    whole = sum(weight.values())
    found = []
    for retained in RETAINED:
        held: dict[str, float] = defaultdict(float)
        for use, part in weight.items():
            for country, share in origin_of(graph.chain(use), retained, kinds).items():
                held[country] += part * share / whole
        ranked = sorted(held.items(), key=lambda one: (one[0] == UNKNOWN, -one[1], one[0]))
        found.append(OriginShares(retained, {country: round(share, 9) for country, share in ranked}))
    return tuple(found)


def impact_and_origin(graph: Graph, verdicts: Mapping[str, Verdict]) -> Impact:
    """Return the impact part of an assessment, with its share form."""
    return msgspec.structs.replace(impact(graph, verdicts), origin=origin_shares(graph))
