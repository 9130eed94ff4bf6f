"""Who is bought from, how concentrated that is, and what a plain inventory misses.

Every measure is a query on one graph, and every share is an interval: what is
known, and what is known plus the weight of the functions whose answer for that
very question is not known. There is no composite score.

Here are A1 to A3 of the project's list: face value, look-through, hidden exposure. A4 is
in `concentration`, A5 in `stops`, A7 in `points`, look-through as shares that sum to 1 in
`origin`, days and loss (A8) in `days`, and what stops without a proven replacement (A6)
in `simulate`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reliant.assessment.graph import FOLLOWED, Chain, Graph
from reliant.assessment.measures.concentration import bounded, concentration
from reliant.assessment.measures.points import single_points
from reliant.assessment.measures.share import interval
from reliant.assessment.measures.stops import down_by_verdict, function_impacts, stop_share
from reliant.core.need import Need, OneOf, Supplier, in_force
from reliant.core.results import Impact, Interval, Share
from reliant.core.truth import Truth
from reliant.core.verdict import Verdict


def use_shares(need: Need) -> dict[str, float]:
    """Return how much of a function each use is, summing to 1 (or to nothing for an empty need).

    Where nothing else is said, every part of an AND or an OR counts the same: no file
    tells how often a fallback is really called. Of a choice with a default only that counts.
    """
    if isinstance(need, Supplier):
        return {need.id: 1.0}
    found: dict[str, float] = defaultdict(float)
    of = need.of[:1] if isinstance(need, OneOf) and need.default else need.of
    parts = [shares for shares in map(use_shares, of) if shares]
    for shares in parts:
        for use, share in shares.items():
            found[use] += share / len(parts)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Purchases:
    """How the weight of all functions divides over names at one level.

    Attributes:
        known: Weight per name.
        unknown: Weight bought from somebody who is not known.
        whole: The sum of both.
    """

    known: Mapping[str, float]
    unknown: float
    whole: float


def purchases(
    graph: Graph,
    of: Callable[[Chain], str | None],
    given: Mapping[str, Mapping[str, float]] | None = None,
) -> Purchases:
    """Return the weight bought from each name that `of` gives for a chain.

    Args:
        given: For a function's id, the share of each use, if it is known (from traffic
            or spend). They are scaled to sum to 1.
    """
    known: dict[str, float] = defaultdict(float)
    unknown = whole = 0.0
    by_need = {need: use_shares(need) for need in graph.needs}
    for function in graph.functions:
        shares = by_need[function.need]
        told = (given or {}).get(function.id)
        if told and math.fsum(told.values()) > 0:
            total = math.fsum(told.values())
            shares = {use: share / total for use, share in told.items()}
        for use, share in shares.items():
            name = of(graph.chain(use))
            whole += share * function.weight
            if name is None:
                unknown += share * function.weight
            else:
                known[name] += share * function.weight
    return Purchases(dict(known), unknown, whole)


def face_value(
    graph: Graph,
    of: Callable[[Chain], str | None] = lambda chain: chain.bought_from,
    given: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[Share, ...]:
    """Return A1, the share of AI use bought directly from each country; largest first."""
    bought = purchases(graph, of, given)
    return _ranked(
        (name, interval(part, bought.unknown, graph.weight)) for name, part in bought.known.items()
    )


def touches(chain: Chain, country: str, followed: Iterable[str] = FOLLOWED) -> Truth:
    """Say whether the chain of a use touches a country: directly, or by followed descent."""
    return countries_touched(chain, tuple(followed)).get(country, _elsewhere(chain, tuple(followed)))


def countries_touched(chain: Chain, followed: tuple[str, ...] = FOLLOWED) -> dict[str, Truth]:
    """Return the countries that a chain touches for certain (YES) or perhaps (UNKNOWN)."""
    found: dict[str, Truth] = {}
    if chain.bought_from is not None:
        found[chain.bought_from] = Truth.YES
    if chain.developer_jurisdiction is not None:
        found[chain.developer_jurisdiction] = Truth.YES
    for link in chain.links:
        if link.jurisdiction is None or link.truth is Truth.NO or not link.followed(followed):
            continue
        if found.get(link.jurisdiction) is not Truth.YES:
            found[link.jurisdiction] = link.truth
    return found


def _elsewhere(chain: Chain, followed: tuple[str, ...]) -> Truth:
    """Return UNKNOWN if the chain may touch a country that it does not name."""
    open_end = chain.bought_from is None or not chain.descent_known
    unnamed = any(
        link.jurisdiction is None and link.truth is not Truth.NO and link.followed(followed)
        for link in chain.links
    )
    return Truth.UNKNOWN if open_end or unnamed else Truth.NO


def look_through(graph: Graph, followed: Iterable[str] = FOLLOWED) -> tuple[Share, ...]:
    """Return A2 as reach: the weight of functions whose chain touches each country at all.

    One function can touch several countries, so these shares do not sum to 1. A share
    is never below the face value of the same country.
    """
    kinds = tuple(followed)
    touched = {use: countries_touched(graph.chain(use), kinds) for use in graph.uses}
    beyond = {use: _elsewhere(graph.chain(use), kinds) for use in graph.uses}
    countries = sorted({country for found in touched.values() for country in found})
    weight_of: dict[Need, float] = defaultdict(float)
    for function in graph.functions:
        weight_of[function.need] += function.weight
    certain: dict[str, float] = defaultdict(float)
    perhaps: dict[str, float] = defaultdict(float)
    for need in graph.needs:
        used = in_force(need)
        for country in countries:
            answers = [touched[use].get(country, beyond[use]) for use in used]
            if Truth.YES in answers:
                certain[country] += weight_of[need]
            elif Truth.UNKNOWN in answers:
                perhaps[country] += weight_of[need]
    return _ranked(
        (country, interval(certain[country], perhaps[country], graph.weight)) for country in countries
    )


def _ranked(shares: Iterable[tuple[str, Interval]]) -> tuple[Share, ...]:
    ordered = sorted(shares, key=lambda pair: (-pair[1].low, -pair[1].high, pair[0]))
    return tuple(Share(name, share) for name, share in ordered)


def hidden(face: Iterable[Share], through: Iterable[Share]) -> dict[str, float]:
    """Return A3 per country: look-through minus face value, on what is known of both."""
    direct = {share.id: share.share.low for share in face}
    return {share.id: round(share.share.low - direct.get(share.id, 0.0), 12) for share in through}


BOUGHT: Mapping[str, Callable[[Chain], str | None]] = {
    "provider": lambda chain: chain.served_by,
    "jurisdiction": lambda chain: chain.bought_from,
    "owner": lambda chain: chain.bought_from_owner,
    "model": lambda chain: chain.model,
}
"""The levels at which concentration is measured, and what a chain is counted under at each.

At all of them weights on own machines count under whoever they are from; nobody owns them here.
"""


def impact(
    graph: Graph,
    verdicts: Mapping[str, Verdict],
    *,
    followed: Iterable[str] = FOLLOWED,
    given: Mapping[str, Mapping[str, float]] | None = None,
) -> Impact:
    """Return the impact part of an assessment.

    Args:
        verdicts: The combined verdict on each use; one that is missing is UNKNOWN.
        followed: The kinds of descent that look-through follows.
        given: Measured use shares per function, if there are any.
    """
    kinds = tuple(followed)
    down = down_by_verdict(verdicts)
    bought = {level: purchases(graph, of, given) for level, of in BOUGHT.items()}
    face, through = face_value(graph, given=given), look_through(graph, kinds)
    return Impact(
        functions=function_impacts(graph, down),
        stop_share=stop_share(graph, down),
        single_points=single_points(graph),
        hhi={level: bounded(one.known.values(), one.unknown) for level, one in bought.items()},
        face_value=face,
        look_through=through,
        unknown=interval(bought["jurisdiction"].unknown, 0.0, graph.weight).low,
        followed=kinds,
        hidden=hidden(face, through),
    )


__all__ = [
    "BOUGHT",
    "Purchases",
    "concentration",
    "countries_touched",
    "face_value",
    "hidden",
    "impact",
    "interval",
    "look_through",
    "purchases",
    "touches",
    "use_shares",
]
