"""What stops, how concentrated it is, and what a plain inventory misses.

Every measure is a query on one graph, and every share is an interval: what is
known, and what is known plus the weight of the functions whose answer for that
very question is not known. There is no composite score.

The measures are A1 to A5 and A7 of the project's list: face value, look-through,
hidden exposure, concentration, stop share, single points of failure. Look-through as
shares that sum to 1 is in `measures_origin`, days and loss (A8) in `measures_days`, and
what stops without a proven replacement (A6) in `simulate`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reliant.assessment.graph import FOLLOWED, Chain, Cut, Graph, state
from reliant.assessment.nodes import split
from reliant.core.need import Need, OneOf, Supplier, in_force
from reliant.core.results import Concentration, FunctionImpact, Impact, Interval, Share, SinglePoint
from reliant.core.truth import Truth, negate
from reliant.core.verdict import Verdict

Down = Mapping[str, Truth]
"""For each use, whether it is down. A use that is not named is not known."""

_STOPPED = {
    Verdict.BLOCKED: Truth.YES,
    Verdict.UNKNOWN: Truth.UNKNOWN,
    Verdict.CONDITIONAL: Truth.NO,
    Verdict.OPEN: Truth.NO,
}
_WORDS = {Truth.YES: "works", Truth.NO: "stops", Truth.UNKNOWN: "unknown"}


def down_by_verdict(verdicts: Mapping[str, Verdict]) -> dict[str, Truth]:
    """Return which uses are down under their combined verdicts: BLOCKED is, UNKNOWN may be."""
    return {use: _STOPPED[verdict] for use, verdict in verdicts.items()}


def works(need: Need, down: Down) -> Truth:
    """Say whether a need is met when these uses are down."""
    return state(need, lambda use: negate(down.get(use, Truth.UNKNOWN)))


def function_impacts(graph: Graph, down: Down) -> tuple[FunctionImpact, ...]:
    """Return the state of each function and the uses that decide it, in the order of the graph."""
    decided: dict[Need, tuple[str, tuple[str, ...]]] = {}
    for need in graph.needs:
        uses = in_force(need)
        answer = works(need, down)
        wanted = {
            Truth.YES: (Truth.NO,),
            Truth.NO: (Truth.YES,),
            Truth.UNKNOWN: (Truth.UNKNOWN,),
        }[answer]
        because = sorted(use for use in uses if down.get(use, Truth.UNKNOWN) in wanted)
        if not because:  # a choice that nobody knows: some of its settings are down
            because = sorted(use for use in uses if down.get(use) is Truth.YES)
        decided[need] = (_WORDS[answer], tuple(because))
    return tuple(FunctionImpact(function, *decided[function.need]) for function in graph.functions)


def stop_share(graph: Graph, down: Down) -> Interval:
    """Return L(S), the share of weight that stops: known to stop, and known or unknown to."""
    stopping = unknown = 0.0
    answers = {need: works(need, down) for need in graph.needs}
    for function in graph.functions:
        answer = answers[function.need]
        if answer is Truth.NO:
            stopping += function.weight
        elif answer is Truth.UNKNOWN:
            unknown += function.weight
    return interval(stopping, unknown, graph.weight)


def interval(known: float, unknown: float, whole: float) -> Interval:
    """Return `known / whole` to `(known + unknown) / whole`; 0 to 0 if there is nothing at all."""
    if whole <= 0:
        return Interval(0.0, 0.0)
    return Interval(_share(known, whole), _share(known + unknown, whole))


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, round(part / whole, 12)))


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


def concentration(weights: Iterable[float], unknown: float = 0.0) -> Concentration:
    """Return A4, the Herfindahl-Hirschman index of `weights` and its effective number.

    Args:
        weights: Of the known suppliers, in any unit; zeros are left out.
        unknown: The weight bought from nobody knows whom, in the same unit.
    """
    parts = [part for part in weights if part > 0]
    known = math.fsum(parts)
    share = _share(unknown, known + unknown) if known + unknown > 0 else 0.0
    if not parts:
        return Concentration(index=None, effective=None, unknown=share)
    index = min(1.0, math.fsum((part / known) ** 2 for part in parts))
    return Concentration(index=index, effective=1 / index, unknown=share)


def normalised(index: float, suppliers: int) -> float | None:
    """Return H*, the index scaled to [0, 1] for that many suppliers; None for a single one."""
    if suppliers <= 1:
        return None
    return (index - 1 / suppliers) / (1 - 1 / suppliers)


def entropy_number(weights: Iterable[float]) -> float:
    """Return exp of the Shannon entropy of the shares: the other effective number of suppliers."""
    parts = [part for part in weights if part > 0]
    whole = math.fsum(parts)
    return math.exp(-math.fsum(part / whole * math.log(part / whole) for part in parts))


Names: TypeAlias = Callable[[Chain], "str | tuple[str, ...] | None"]
"""What a chain is called at a level: one name, several, or none."""


@dataclass(frozen=True, slots=True)
class Masks:
    """Names at one level as bits of a number, so that sets of names are numbers.

    Attributes:
        by_use: The bit of each use's name, or bits if it has several; 0 if it has none at this level.
        names: In the order of their bits.
        first: The place of the bit of the first name.
    """

    by_use: Mapping[str, int]
    names: tuple[str, ...]
    first: int = 0

    @classmethod
    def of(cls, graph: Graph, names_of: Names, first: int = 0) -> Masks:
        """Return the masks of all uses of a graph, from the bit `first` on."""
        bits: dict[str, int] = {}
        by_use: dict[str, int] = {}
        for use in graph.uses:
            called = names_of(graph.chain(use))
            by_use[use] = 0
            for name in (called,) if isinstance(called, str) else called or ():
                by_use[use] |= bits.setdefault(name, 1 << (len(bits) + first))
        return cls(by_use, tuple(bits), first)

    @property
    def every(self) -> int:
        """All bits."""
        return ((1 << len(self.names)) - 1) << self.first

    def named(self, mask: int) -> tuple[str, ...]:
        """Return the names in a mask."""
        return tuple(self.names[bit.bit_length() - 1 - self.first] for bit in split(mask))


@dataclass(frozen=True, slots=True)
class Losses:
    """The question of each name at some levels: what stops once it alone is gone?

    Attributes:
        levels: The name of each level, with the bits of the names at it.
        every: All bits.
        there: For each use the names whose loss leaves it.
    """

    levels: tuple[tuple[str, Masks], ...]
    every: int
    there: Mapping[str, int]

    @classmethod
    def of(cls, graph: Graph, *levels: tuple[str, Names]) -> Losses:
        """Return the questions of levels, each with what a chain is called at it."""
        found: list[tuple[str, Masks]] = []
        first = 0
        for level, names_of in levels or SINGLE_POINTS:
            masks = Masks.of(graph, names_of, first)
            for _, asked in found:
                if asked.names == masks.names and _moved(masks, asked) == asked.by_use:
                    masks = asked  # nobody owns across borders here: the question is asked already
            first = max(first, masks.first + len(masks.names))
            found.append((level, masks))
        every = (1 << first) - 1
        there = dict.fromkeys(graph.uses, every)
        for _, masks in found:
            for use, bits in masks.by_use.items():
                there[use] &= ~bits
        return cls(tuple(found), every, there)

    def points(self, graph: Graph, stands: Sequence[int], at_least: float = 0.0) -> tuple[SinglePoint, ...]:
        """Return the names that stop functions, level by level, the largest first.

        Args:
            stands: For each node of the graph, the answers to the questions.
            at_least: Leave out names that stop a smaller share than this.
        """
        every = self.every
        stopped = _Stopped(every.bit_length())
        for at, number in enumerate(graph.nodes.at):
            lost = every & ~stands[number]
            if lost:
                for several in stopped[lost]:
                    several.append(at)
        names, weights = graph.ids, graph.weights
        found: list[SinglePoint] = []
        for level, masks in self.levels:
            points = []
            for at, name in enumerate(masks.names, start=masks.first):
                several = stopped.by_bit[at]
                share = _share(sum([weights[one] for one in several]), graph.weight) if several else 0.0
                if several and share >= at_least:
                    points.append(SinglePoint(name, level, share, tuple([names[one] for one in several])))
            found += sorted(points, key=lambda point: (-point.stop_share, point.supplier))
        return tuple(found)


class _Stopped(dict[int, list[list[int]]]):
    """For a set of lost names, a bit each, the lists of what each of them stops."""

    def __init__(self, names: int) -> None:
        super().__init__()
        self.by_bit: list[list[int]] = [[] for _ in range(names)]
        # Long numbers are slow to take apart bit by bit: for each of their bytes, the lists of each value.
        self._by_byte: list[list[list[list[int]]]] = []
        for at in range(0, names, 8):
            of_byte: list[list[list[int]]] = [[]]
            for several in self.by_bit[at : at + 8]:
                of_byte += [[*one, several] for one in of_byte]
            self._by_byte.append(of_byte)

    def __missing__(self, lost: int) -> list[list[int]]:
        found: list[list[int]] = []
        for at, byte in enumerate(lost.to_bytes(len(self._by_byte), "little")):
            if byte:
                found += self._by_byte[at][byte]
        self[lost] = found
        return found


def _moved(masks: Masks, to: Masks) -> dict[str, int]:
    """Return the bits of masks as they were if they began where others do."""
    return {use: bits >> masks.first << to.first for use, bits in masks.by_use.items()}


def single_points(graph: Graph, *levels: tuple[str, Names], at_least: float = 0.0) -> tuple[SinglePoint, ...]:
    """Return A7: the names whose loss alone stops functions, level by level; the largest first.

    Uses whose name at a level is not known cut nothing there: they can only add.

    Args:
        levels: The name of each level, and what a chain is called at it; SINGLE_POINTS if none is given.
    """
    losses = Losses.of(graph, *levels)
    return losses.points(graph, graph.nodes.solve(losses.there, losses.every), at_least)


def hosted_by(chain: Chain) -> str | None:
    """Return the provider that can be cut; None for weights that the operator runs."""
    return chain.provider if chain.hosted else None


def hosted_in(chain: Chain) -> str | None:
    """Return the country of the provider that can be cut; None for weights that the operator runs."""
    return chain.jurisdiction if chain.hosted else None


def reached_from(chain: Chain) -> tuple[str, ...]:
    """Return the countries whose cut takes a use away: of provider, owner, and maker of closed weights."""
    if not chain.hosted:
        return ()
    maker = chain.developer_jurisdiction if chain.weights == "closed" else None
    found = dict.fromkeys((chain.jurisdiction, chain.owner_jurisdiction, maker))
    return tuple(country for country in found if country is not None)


SINGLE_POINTS: tuple[tuple[str, Names], ...] = (
    ("provider", hosted_by),
    ("jurisdiction", hosted_in),
    ("reach", reached_from),
)
"""The levels of single points: the provider, its country, and all countries whose cut reaches a use."""

BOUGHT: Mapping[str, Callable[[Chain], str | None]] = {
    "provider": lambda chain: chain.served_by,
    "jurisdiction": lambda chain: chain.bought_from,
    "owner": lambda chain: chain.owner if chain.hosted else "own machines",
    "model": lambda chain: chain.model,
}
"""The levels at which concentration is measured, and what a chain is counted under at each."""


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
        hhi={level: concentration(one.known.values(), one.unknown) for level, one in bought.items()},
        face_value=face,
        look_through=through,
        unknown=interval(bought["jurisdiction"].unknown, 0.0, graph.weight).low,
        followed=kinds,
        hidden=hidden(face, through),
    )


__all__ = [
    "Cut",
    "Graph",
    "Losses",
    "Masks",
    "Purchases",
    "concentration",
    "countries_touched",
    "down_by_verdict",
    "entropy_number",
    "face_value",
    "function_impacts",
    "hidden",
    "hosted_by",
    "hosted_in",
    "impact",
    "interval",
    "look_through",
    "normalised",
    "purchases",
    "single_points",
    "stop_share",
    "touches",
    "use_shares",
    "works",
]
