"""What makes an impact figure: the functions, the uses behind them, and the chain of each use.

A figure is a sum over functions. Its explanation is that sum written out: which part of each
function's weight counts, may count or does not, by which use, seen where, and along which links
(provider, owner, country, model, descent) the use comes to be counted. Links carry the sources of
the records they are read from. The parts add up to the figure; nothing is asked twice.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reliant.assessment import measures
from reliant.assessment.assess import reachable
from reliant.assessment.citing import Citations
from reliant.assessment.cuts import minimal_cut_sets
from reliant.assessment.graph import FOLLOWED, Chain, Graph, Link
from reliant.assessment.simulate_estate import estate_of
from reliant.core.need import suppliers
from reliant.core.results import Interval, Source
from reliant.core.truth import Truth
from reliant.core.verdict import Axis, Verdict
from reliant.errors import UnknownId, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.assessment.simulate_plans import Plans
    from reliant.atlas import Atlas
    from reliant.core.need import Function
    from reliant.core.results import Assessment, Model, Share
    from reliant.core.use import Use

SCHEMA = "reliant.number/1"

NUMBERS = ("stop_share", "unknown", "face_value:CC", "look_through:CC", "single_point:NAME", "hhi:LEVEL")
"""The figures that can be asked about."""

_COUNTS = {Truth.YES: "counts", Truth.UNKNOWN: "may count", Truth.NO: "does not count"}


class Step(msgspec.Struct, frozen=True):
    """One link of a chain: `says` in words; `sources` as numbers of the explanation."""

    says: str
    sources: tuple[str, ...] = ()


class UsePath(msgspec.Struct, frozen=True):
    """One use of a function, and how it comes to be counted.

    Attributes:
        share: Of the function, in [0, 1]: every part of an AND or OR the same, as nothing tells more.
        counts: `counts`, `may count` or `does not count`.
        name: What the figure counts it under (a provider, a country); None if not known.
        places: `path:line`, the first ones.
    """

    use: str
    label: str
    share: float
    counts: str
    name: str | None
    places: tuple[str, ...]
    steps: tuple[Step, ...]


class Part(msgspec.Struct, frozen=True):
    """What one function gives to the figure, as shares of all weight."""

    function: str
    name: str
    where: str
    weight: float
    known: float
    perhaps: float
    uses: tuple[UsePath, ...]


class Held(msgspec.Struct, frozen=True):
    """The share of one supplier or country, and its square."""

    id: str
    share: float
    squared: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with all that it is made of.

    Attributes:
        value: The figure as an interval; None for a concentration, which has `index`.
        weight: Of all functions.
    """

    schema: str = SCHEMA
    number: str
    means: str
    as_of: str
    place: str | None
    weight: float
    value: Interval | None
    index: float | None = None
    effective: float | None = None
    shares: tuple[Held, ...] = ()
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]
    remarks: tuple[str, ...] = ()


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
    kind, _, wanted = number.partition(":")
    kind, wanted = kind.strip().replace("-", "_"), wanted.strip()
    making = _MAKERS.get(kind)
    if making is None or (":" in next(one for one in NUMBERS if one.startswith(kind))) is not bool(wanted):
        raise UsageError(f"no figure is called {number!r}", hint=f"Figures: {', '.join(NUMBERS)}.")
    return making(_Desk.of(result, atlas, plans), wanted)


@dataclass(frozen=True)
class _Desk:
    """What the figures are read from, and the sources cited while reading."""

    result: Assessment
    atlas: Atlas
    graph: Graph
    uses: Mapping[str, Use]
    models: Mapping[str, Model]
    down: Mapping[str, Truth]
    cited: dict[Source, str] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Assessment, atlas: Atlas, plans: Plans) -> _Desk:
        estate = estate_of(result, atlas, plans)
        verdicts = {answer.use: reachable(answer) for answer in result.verdicts}
        down = {**estate.already, **measures.down_by_verdict(verdicts)}
        uses = {use.id: use for use in result.uses}
        return cls(result, atlas, estate.graph, uses, {model.id: model for model in result.models}, down)

    def numbered(self, sources: Iterable[Source]) -> tuple[str, ...]:
        """Return the numbers of these sources; a text cited before keeps its number."""
        found = []
        for source in sources:
            text = msgspec.structs.replace(source, id="")
            found.append(self.cited.setdefault(text, str(len(self.cited) + 1)))
        return tuple(dict.fromkeys(found))

    def of_result(self, ids: Iterable[str]) -> tuple[str, ...]:
        known = {source.id: source for source in self.result.sources}
        return self.numbered(known[one] for one in ids if one in known)

    def of_provider(self, provider: str | None, fact: str = "") -> tuple[str, ...]:
        """Return what a provider's record rests on; of a fact that no page was read for, only that."""
        record = self.atlas.providers.get(provider or "")
        if record is None:
            return ()
        memory = [name for name in record.sources if name == "memory"]
        unread = bool(memory) and fact in record.from_memory
        citations = Citations()
        citations.cite(record.sources, memory if unread else [n for n in record.sources if n not in memory])
        return self.numbered(citations.sources)

    def label(self, use: str) -> str:
        chain = self.graph.chain(use)
        return " ".join(one for one in (chain.provider, chain.model) if one) or use

    def places(self, use: str) -> tuple[str, ...]:
        found = self.uses.get(use)
        return tuple(f"{one.path}:{one.line}" for one in found.evidence[:5]) if found else ("reliant.toml",)

    def chain(self, chain: Chain) -> list[Step]:
        """Return the links from a use to its provider, its owner and their countries."""
        if chain.self_hosted and not chain.hosted:
            maker = chain.developer or "a developer that is not known"
            return [
                Step("its weights run on own machines"),
                Step(
                    f"made by {maker}, in {chain.developer_jurisdiction or 'a country that is not known'}",
                    self.of_provider(chain.developer),
                ),
            ]
        if chain.provider is None:
            return [Step("who serves it is not known")]
        steps = [Step(f"served by {chain.provider} ({chain.channel})", self.of_provider(chain.provider))]
        if chain.owner is not None:
            steps.append(
                Step(
                    f"owned by {chain.owner}, in {chain.owner_jurisdiction or 'a country that is not known'}",
                    self.of_provider(chain.provider, "ultimate_parent"),
                )
            )
        place = chain.jurisdiction or "a country that is not known"
        steps.append(Step(f"based in {place}", self.of_provider(chain.provider, "hq_country")))
        return steps

    def descent(self, link: Link) -> list[Step]:
        """Return the edges of a path of descent, each with its kind, status and sources."""
        steps = []
        for below, above, kind in zip(link.path, link.path[1:], link.kinds, strict=False):
            model = self.models.get(below)
            edge = next(
                (e for e in (model.descent if model else ()) if e.ancestor == above and e.kind == kind), None
            )
            said = f", {edge.status}" if edge else ""
            steps.append(
                Step(
                    f"{below} comes from {above} ({kind}{said})", self.of_result(edge.sources if edge else ())
                )
            )
        maker = link.developer or "a developer that is not known"
        place = link.jurisdiction or "a country that is not known"
        made = f"{link.ancestor} was made by {maker}, in {place}"
        steps.append(Step(made, self.of_provider(link.developer, "hq_country")))
        return steps

    def verdict(self, use: str) -> list[Step]:
        """Return the rules that decide whether a use stops."""
        answer = next((one for one in self.result.verdicts if one.use == use), None)
        if answer is None:
            return [Step("it was told and not found; nothing is decided about it")]
        if answer.combined is Verdict.BLOCKED:
            axes = [(axis, said) for axis, said in answer.axes.items() if said.verdict is Verdict.BLOCKED]
        else:
            axes = [(Axis.ACCESS, answer.axes[Axis.ACCESS])]
        steps = []
        for axis, said in axes:
            rules = [
                rule for rule in said.rules if rule.truth == "yes" and _decides(rule.effect, said.verdict)
            ]
            steps.append(Step(f"{axis.value}: {said.verdict.value}"))
            for rule in rules:
                since = f" since {rule.since}" if rule.since else ""
                steps.append(Step(f"{rule.id}{since}: {rule.summary}", self.of_result(rule.sources)))
            steps += [Step(f"to find out: {one.question}") for one in said.missing[:3] if not rules]
        return steps

    def part(
        self,
        function: Function,
        known: float,
        perhaps: float,
        say: Callable[[str, float], tuple[Truth, str | None, list[Step]]],
    ) -> Part:
        """Return what a function gives; `say` tells of each use whether it counts, as what and why."""
        paths = []
        for use, share in sorted(
            measures.use_shares(function.need).items(), key=lambda one: (-one[1], one[0])
        ):
            counts, name, steps = say(use, share)
            paths.append(
                UsePath(use, self.label(use), share, _COUNTS[counts], name, self.places(use), tuple(steps))
            )
        whole = self.graph.weight
        return Part(
            function.id,
            function.name,
            function.where,
            function.weight,
            known / whole,
            perhaps / whole,
            tuple(paths),
        )

    def explanation(
        self, number: str, means: str, value: Interval | None, parts: Iterable[Part], **more: object
    ) -> Explanation:
        """Return the finished explanation; what gives most comes first."""
        ordered = sorted(parts, key=lambda part: (-part.known, -part.perhaps, part.function))
        return Explanation(
            number=number,
            means=means,
            as_of=self.result.as_of,
            place=self.result.place,
            weight=self.graph.weight,
            value=value,
            parts=tuple(ordered),
            sources=tuple(msgspec.structs.replace(text, id=id_) for text, id_ in self.cited.items()),
            remarks=self.result.remarks,
            **more,  # type: ignore[arg-type]
        )


def _decides(effect: str, verdict: Verdict) -> bool:
    return effect != "allow" if verdict is Verdict.BLOCKED else True


def _stop_share(desk: _Desk, _: str) -> Explanation:
    parts = []
    for function in desk.graph.functions:
        stops = {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.UNKNOWN: Truth.UNKNOWN}[
            measures.works(function.need, desk.down)
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
    desk: _Desk, number: str, means: str, wanted: str | None, of: Callable[[Chain], str | None]
) -> tuple[list[Part], str, str]:
    """Return the parts of a figure that counts uses by a name; of all names if `wanted` is None."""
    parts = []
    for function in desk.graph.functions:

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            chain = desk.graph.chain(use)
            name = of(chain)
            counts = Truth.UNKNOWN if name is None else Truth.of(wanted is None or name == wanted)
            return counts, name, desk.chain(chain)

        shares = measures.use_shares(function.need)
        names = {use: of(desk.graph.chain(use)) for use in shares}
        hit = math.fsum(
            part for use, part in shares.items() if names[use] is not None and wanted in {None, names[use]}
        )
        open_ = math.fsum(part for use, part in shares.items() if names[use] is None)
        parts.append(desk.part(function, hit * function.weight, open_ * function.weight, say))
    return parts, number, means


def _face_value(desk: _Desk, country: str) -> Explanation:
    country = _country(desk, country)
    parts, number, means = _bought(
        desk,
        f"face_value:{country}",
        f"share of AI use bought directly from {country}; of open weights on own machines, made there",
        country,
        lambda chain: chain.bought_from,
    )
    return desk.explanation(number, means, _share_of(desk.result.impact.face_value, country, parts), parts)


def _unknown(desk: _Desk, _: str) -> Explanation:
    parts = []
    for function in desk.graph.functions:

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            chain = desk.graph.chain(use)
            return Truth.of(chain.bought_from is None), chain.bought_from, desk.chain(chain)

        shares = measures.use_shares(function.need)
        open_ = math.fsum(part for use, part in shares.items() if desk.graph.chain(use).bought_from is None)
        parts.append(desk.part(function, open_ * function.weight, 0.0, say))
    unknown = desk.result.impact.unknown
    means = "share of AI use of which it is not known from which country it is bought"
    return desk.explanation("unknown", means, Interval(unknown, unknown), parts)


def _look_through(desk: _Desk, country: str) -> Explanation:
    country = _country(desk, country)
    kinds = desk.result.impact.followed or FOLLOWED
    parts = []
    for function in desk.graph.functions:
        touched = {
            use: measures.touches(desk.graph.chain(use), country, kinds) for use in suppliers(function.need)
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


def _touching(desk: _Desk, use: str, country: str, kinds: tuple[str, ...]) -> list[Step]:
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


def _single_point(desk: _Desk, name: str) -> Explanation:
    of, level = _at_level(desk, name)
    name = name if level == "provider" else name.upper()
    points = {point.supplier: point for point in desk.result.impact.single_points if point.level == level}
    parts = []
    for function in desk.graph.functions:
        alone = {
            cut
            for found in minimal_cut_sets(function.need, 1, lambda use: of(desk.graph.chain(use)))
            for cut in found
        }

        def say(use: str, share: float) -> tuple[Truth, str | None, list[Step]]:
            chain = desk.graph.chain(use)
            gone = of(chain)
            return Truth.of(gone == name), gone, desk.chain(chain)

        parts.append(desk.part(function, function.weight if name in alone else 0.0, 0.0, say))
    share = points[name].stop_share if name in points else 0.0
    return desk.explanation(
        f"single_point:{name}",
        f"share of weight of the functions that stop once the {level} {name} alone is gone",
        Interval(share, share),
        parts,
    )


def _at_level(desk: _Desk, name: str) -> tuple[Callable[[Chain], str | None], str]:
    chains = [desk.graph.chain(use) for use in desk.graph.uses]
    providers = {chain.provider for chain in chains if chain.provider}
    if name in providers:
        return measures.hosted_by, "provider"
    countries = {chain.jurisdiction for chain in chains if chain.jurisdiction}
    if name.upper() in countries:
        return measures.hosted_in, "jurisdiction"
    near = difflib.get_close_matches(name, sorted(providers | countries), n=3, cutoff=0.5)
    raise UnknownId(name, tuple(near))


def _hhi(desk: _Desk, level: str) -> Explanation:
    of: dict[str, Callable[[Chain], str | None]] = {
        "provider": lambda chain: chain.served_by,
        "jurisdiction": lambda chain: chain.bought_from,
    }
    if level not in of:
        raise UsageError(
            f"no concentration is measured over {level!r}", hint="Write hhi:provider or hhi:jurisdiction."
        )
    means = f"sum of the squared shares of each {level}, of what is known; 1 is a single one"
    parts, number, means = _bought(desk, f"hhi:{level}", means, None, of[level])
    bought = measures.purchases(desk.graph, of[level])
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
        shares=tuple(sorted(held, key=lambda one: (-one.share, one.id))),
    )


def _country(desk: _Desk, code: str) -> str:
    code = code.upper()
    if not desk.atlas.is_country(code):
        raise UsageError(f"{code!r} is not a country", hint="Write an ISO 3166 code: face_value:US.")
    return code


def _share_of(shares: Iterable[Share], country: str, parts: Iterable[Part]) -> Interval:
    """Return the share that the result has for a country; of one it does not name, what may be."""
    found = next((one.share for one in shares if one.id == country), None)
    if found is not None:
        return found
    return measures.interval(0.0, math.fsum(part.perhaps for part in parts), 1.0)


_MAKERS: dict[str, Callable[[_Desk, str], Explanation]] = {
    "stop_share": _stop_share,
    "unknown": _unknown,
    "face_value": _face_value,
    "look_through": _look_through,
    "single_point": _single_point,
    "hhi": _hhi,
}

__all__ = ["NUMBERS", "Explanation", "Held", "Part", "Step", "UsePath", "explain_number"]
