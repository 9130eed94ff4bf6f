"""What makes an impact figure: the functions, the uses behind them, and the chain of each use.

A figure is a sum over functions. Its explanation is that sum written out: which part of each
function's weight counts, may count or does not, by which use, seen where, and along which links
(provider, owner, country, model, descent) the use comes to be counted. Links carry the sources of
the records they are read from. The parts add up to the figure; nothing is asked twice.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from reliant.assessment.explain.desk import Desk, Explanation, Held, Part, Step, UsePath
from reliant.assessment.graph import FOLLOWED, Chain
from reliant.assessment.measures import exposure, points
from reliant.assessment.measures.cuts import minimal_cut_sets
from reliant.assessment.measures.lookthrough import UNKNOWN
from reliant.assessment.measures.origin import origin_of
from reliant.assessment.measures.share import interval
from reliant.assessment.measures.stops import works
from reliant.core.need import suppliers
from reliant.core.results import Interval
from reliant.core.truth import Truth
from reliant.errors import UnknownId, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.assessment.simulate.plans import Plans
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment, Share

NUMBERS = (
    "stop_share",
    "unknown",
    "face_value:CC",
    "look_through:CC",
    "hidden:CC",
    "origin:CC",
    "single_point:NAME",
    "reach:CC",
    "hhi:LEVEL",
)
"""The figures that can be asked about."""


def explain_number(number: str, result: Assessment, atlas: Atlas, plans: Plans) -> Explanation:
    """Return what makes a figure of `result`.

    Args:
        number: One of NUMBERS, with the name in place of the word in capitals.
        result: The assessment that printed the figure.
        plans: What the operator told of the functions, as `result` was made with.

    Raises:
        UsageError: There is no such figure.
        UnknownId: The name after the colon is nowhere in the result.
    """
    kind, wanted = _parts(number)
    if not is_figure(number):
        raise UsageError(f"no figure is called {number!r}", hint=f"Figures: {', '.join(NUMBERS)}.")
    return _MAKERS[kind](Desk.of(result, atlas, plans), wanted)


def is_figure(number: str) -> bool:
    """Say whether this is the name of an impact figure, with what it is of if it has to say so."""
    kind, wanted = _parts(number)
    named = next((one for one in NUMBERS if one.partition(":")[0] == kind), None)
    return named is not None and (":" in named) is bool(wanted)


def _parts(number: str) -> tuple[str, str]:
    kind, _, wanted = number.partition(":")
    return kind.strip().replace("-", "_"), wanted.strip()


def _stop_share(desk: Desk, _: str) -> Explanation:
    parts = []
    for function in desk.graph.functions:
        stops = {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.UNKNOWN: Truth.UNKNOWN}[
            works(function.need, desk.down)
        ]

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            return desk.down.get(use, Truth.UNKNOWN), desk.graph.chain(use).provider, desk.verdict(use)

        parts.append(desk.part(function, *_split(stops, function.weight), say))
    return desk.explanation(
        "stop_share",
        "share of weight of the functions that stop under the verdicts of the day",
        desk.result.impact.stop_share,
        parts,
    )


def _split(truth: Truth, weight: float) -> tuple[float, float]:
    return (weight if truth is Truth.YES else 0.0), (weight if truth is Truth.UNKNOWN else 0.0)


def _bought(
    desk: Desk, number: str, means: str, wanted: str | None, of: Callable[[Chain], str | None]
) -> tuple[list[Part], str, str]:
    """Return the parts of a figure that counts uses by a name; of all names if `wanted` is None."""
    parts = []
    for function in desk.graph.functions:

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            chain = desk.graph.chain(use)
            name = of(chain)
            counts = Truth.UNKNOWN if name is None else Truth.of(wanted is None or name == wanted)
            return counts, name, desk.chain(chain)

        shares = exposure.use_shares(function.need)
        names = {use: of(desk.graph.chain(use)) for use in shares}
        hit = math.fsum(
            part for use, part in shares.items() if names[use] is not None and wanted in {None, names[use]}
        )
        open_ = math.fsum(part for use, part in shares.items() if names[use] is None)
        parts.append(desk.part(function, hit * function.weight, open_ * function.weight, say))
    return parts, number, means


def _face_value(desk: Desk, country: str) -> Explanation:
    country = _country(desk, country)
    parts, number, means = _bought(
        desk,
        f"face_value:{country}",
        f"share of AI use bought directly from {country}; of open weights on own machines, made there",
        country,
        lambda chain: chain.bought_from,
    )
    return desk.explanation(number, means, _share_of(desk.result.impact.face_value, country, parts), parts)


def _unknown(desk: Desk, _: str) -> Explanation:
    parts = []
    for function in desk.graph.functions:

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            chain = desk.graph.chain(use)
            return Truth.of(chain.bought_from is None), chain.bought_from, desk.chain(chain)

        shares = exposure.use_shares(function.need)
        open_ = math.fsum(part for use, part in shares.items() if desk.graph.chain(use).bought_from is None)
        parts.append(desk.part(function, open_ * function.weight, 0.0, say))
    unknown = desk.result.impact.unknown
    means = "share of AI use of which it is not known from which country it is bought"
    return desk.explanation("unknown", means, Interval(unknown, unknown), parts)


def _look_through(desk: Desk, country: str) -> Explanation:
    country = _country(desk, country)
    kinds = desk.result.impact.followed or FOLLOWED
    parts = []
    for function in desk.graph.functions:
        touched = {
            use: exposure.touches(desk.graph.chain(use), country, kinds) for use in suppliers(function.need)
        }
        answers = set(touched.values())
        best = next(one for one in (Truth.YES, Truth.UNKNOWN, Truth.NO) if one in answers or one is Truth.NO)

        def say(
            use: str, share: float, touched: Mapping[str, Truth] = touched
        ) -> tuple[Truth, str | None, list[Step]]:
            return (
                touched[use],
                country if touched[use] is Truth.YES else None,
                _touching(desk, use, country, kinds),
            )

        parts.append(desk.part(function, *_split(best, function.weight), say))
    return desk.explanation(
        f"look_through:{country}",
        f"share of weight of the functions whose chain touches {country}: provider, developer, or an "
        f"ancestor along {', '.join(kinds)}",
        _share_of(desk.result.impact.look_through, country, parts),
        parts,
    )


def _touching(desk: Desk, use: str, country: str, kinds: tuple[str, ...]) -> list[Step]:
    """Return the links by which a chain touches a country; if it does not for certain, what it is."""
    chain = desk.graph.chain(use)
    steps: list[Step] = []
    if chain.bought_from == country:
        steps += desk.chain(chain)
    elif chain.developer_jurisdiction == country:
        made = f"{chain.model or use} was made by {chain.developer}, in {country}"
        steps.append(Step(made, desk.of_provider(chain.developer)))
    for link in chain.links:
        if link.jurisdiction == country and link.followed(kinds) and link.truth is not Truth.NO:
            steps += desk.descent(link)
    if steps:
        return steps
    open_end = [] if chain.descent_known else [Step("what its model descends from is not recorded")]
    return [*desk.chain(chain), *open_end]


def _single_point(desk: Desk, name: str) -> Explanation:
    of, level = _at_level(desk, name)
    name = name if level == "provider" else name.upper()
    if level == "provider":
        means = f"share of weight of the functions that stop once the provider {name} alone is gone"
    else:
        means = (
            f"share of weight of the functions that stop once the providers in {name} alone are gone; "
            f"what the cut of {name} takes away besides is in reach:{name}"
        )
    return _point(desk, f"single_point:{name}", means, name, level, of)


def _reach(desk: Desk, country: str) -> Explanation:
    country = _country(desk, country)
    means = (
        f"share of weight of the functions that stop once {country} alone is cut: providers there, "
        "providers owned from there, and closed weights made there"
    )
    return _point(desk, f"reach:{country}", means, country, "reach", points.reached_from)


def _point(desk: Desk, number: str, means: str, name: str, level: str, of: points.Names) -> Explanation:
    points = {point.supplier: point for point in desk.result.impact.single_points if point.level == level}

    def called(use: str) -> tuple[str, ...]:
        names = of(desk.graph.chain(use))
        return (names,) if isinstance(names, str) else names or ()

    parts = []
    for function in desk.graph.functions:
        alone = minimal_cut_sets(function.need, 1, lambda use: name if name in called(use) else None)

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            names = called(use)
            chain = desk.graph.chain(use)
            steps = desk.chain(chain)
            if (
                level == "reach"
                and name in names
                and name not in {chain.jurisdiction, chain.owner_jurisdiction}
            ):
                said = f"its closed weights were made by {chain.developer}, in {name}"
                steps.append(Step(said, desk.of_provider(chain.developer, "hq_country")))
            return Truth.of(name in names), name if name in names else next(iter(names), None), steps

        parts.append(desk.part(function, function.weight if alone else 0.0, 0.0, say))
    share = points[name].stop_share if name in points else 0.0
    return desk.explanation(number, means, Interval(share, share), parts)


def _at_level(desk: Desk, name: str) -> tuple[Callable[[Chain], str | None], str]:
    chains = [desk.graph.chain(use) for use in desk.graph.uses]
    providers = {chain.provider for chain in chains if chain.provider}
    if name in providers:
        return points.hosted_by, "provider"
    countries = {chain.jurisdiction for chain in chains if chain.jurisdiction}
    if name.upper() in countries:
        return points.hosted_in, "jurisdiction"
    near = difflib.get_close_matches(name, sorted(providers | countries), n=3, cutoff=0.5)
    raise UnknownId(name, tuple(near))


def _hidden(desk: Desk, country: str) -> Explanation:
    """Return what touches a country and is not bought there: the part of each function that a list misses."""
    country = _country(desk, country)
    through, face = _look_through(desk, country), _face_value(desk, country)
    direct = {part.function: part.known for part in face.parts}
    parts = tuple(
        msgspec.structs.replace(part, known=part.known - direct[part.function], perhaps=0.0)
        for part in through.parts
    )
    value = desk.result.impact.hidden.get(country, 0.0)
    return msgspec.structs.replace(
        through,
        number=f"hidden:{country}",
        means=f"share whose chain touches {country} and is not bought there: look-through minus face value",
        value=Interval(value, value),
        parts=tuple(sorted(parts, key=lambda part: (-part.known, part.function))),
    )


def _origin(desk: Desk, asked: str) -> Explanation:
    """Return how much of each function a country holds, under a rule of the share form."""
    country, _, rule = asked.partition("@")
    country = country if country == UNKNOWN else _country(desk, country)
    rules = {f"{one.retained:g}": one for one in desk.result.impact.origin}
    told = rules.get(rule or "0")
    if told is None and (rule or rules):
        raise UsageError(
            f"no rule keeps {rule or '0'!r}", hint=f"Write origin:{country}@ and one of {', '.join(rules)}."
        )
    retained = told.retained if told else 0.0
    parts = []
    for function in desk.graph.functions:
        shares = exposure.use_shares(function.need)
        held = {use: origin_of(desk.graph.chain(use), retained) for use in shares}

        def say(
            use: str, share: float, held: Mapping[str, Mapping[str, float]] = held
        ) -> tuple[Truth, str | None, list[Step]]:
            counts = Truth.of(held[use].get(country, 0.0) > 0)
            return counts, country if counts is Truth.YES else None, _touching(desk, use, country, FOLLOWED)

        part = math.fsum(share * held[use].get(country, 0.0) for use, share in shares.items())
        parts.append(desk.part(function, part * function.weight, 0.0, say))
    value = told.shares.get(country, 0.0) if told else 0.0
    place = "a country that is not known" if country == UNKNOWN else country
    kept = f"its maker keeps {retained:.0%}, the rest goes" if retained else "each use goes"
    return desk.explanation(
        f"origin:{country}" + (f"@{rule}" if rule else ""),
        f"share of what is used that lies in {place} if descent is followed: {kept} to where its lines begin",
        Interval(value, value),
        parts,
    )


def _hhi(desk: Desk, level: str) -> Explanation:
    of = exposure.BOUGHT
    if level not in of:
        raise UsageError(
            f"no concentration is measured over {level!r}", hint=f"Write hhi: and one of {', '.join(of)}."
        )
    means = f"sum of the squared shares of each {level}, of what is known; 1 is a single one"
    parts, number, means = _bought(desk, f"hhi:{level}", means, None, of[level])
    bought = exposure.purchases(desk.graph, of[level])
    known = math.fsum(bought.known.values())
    held = [Held(name, part / known, (part / known) ** 2) for name, part in bought.known.items() if part > 0]
    told = desk.result.impact.hhi[level]
    return desk.explanation(
        number,
        means,
        None,
        parts,
        index=told.index,
        effective=told.effective,
        bounds=_bounds(held, math.fsum(bought.known.values()), bought.unknown),
        shares=tuple(sorted(held, key=lambda one: (-one.share, one.id))),
    )


def _bounds(held: Sequence[Held], known: float, unknown: float) -> Interval:
    """Return the index over all shares, if what is not known is bought from ever so many, and from one."""
    of_all = known / (known + unknown) if known + unknown > 0 else 0.0
    rest = math.fsum(one.squared for one in held) * of_all**2
    first = max((one.share for one in held), default=0.0) * of_all
    return Interval(rest, min(1.0, rest - first**2 + (first + 1 - of_all) ** 2))


def _country(desk: Desk, code: str) -> str:
    code = code.upper()
    if not desk.atlas.is_country(code):
        raise UsageError(f"{code!r} is not a country", hint="Write an ISO 3166 code: face_value:US.")
    return code


def _share_of(shares: Iterable[Share], country: str, parts: Iterable[Part]) -> Interval:
    """Return the share that the result has for a country; of one it does not name, what may be."""
    found = next((one.share for one in shares if one.id == country), None)
    if found is not None:
        return found
    return interval(0.0, math.fsum(part.perhaps for part in parts), 1.0)


_MAKERS: dict[str, Callable[[Desk, str], Explanation]] = {
    "stop_share": _stop_share,
    "unknown": _unknown,
    "face_value": _face_value,
    "look_through": _look_through,
    "hidden": _hidden,
    "origin": _origin,
    "single_point": _single_point,
    "reach": _reach,
    "hhi": _hhi,
}

__all__ = ["NUMBERS", "Explanation", "Held", "Part", "Step", "UsePath", "explain_number"]
