"""The desk at which a figure is explained: the graph it is read from, and the sources cited while reading.

Every link from a use to its provider, owner and country, each edge of descent and each rule
becomes a step in words, with the numbers of the texts it rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reliant.assessment.assess import reachable
from reliant.assessment.citing import Citations
from reliant.assessment.graph import Chain, Graph, Link
from reliant.assessment.measures.exposure import use_shares
from reliant.assessment.measures.stops import down_by_verdict
from reliant.assessment.simulate.estate import estate_of
from reliant.core.results import Interval, Source
from reliant.core.truth import Truth
from reliant.core.verdict import Axis, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.assessment.simulate.plans import Plans
    from reliant.atlas import Atlas
    from reliant.core.need import Function
    from reliant.core.results import Assessment, Model
    from reliant.core.use import Use

SCHEMA = "reliant.number/1"

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
        bounds: Of a concentration: the index over all shares, whoever the unknown part is bought from.
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
    bounds: Interval | None = None
    shares: tuple[Held, ...] = ()
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """What the figures are read from, and the sources cited while reading."""

    result: Assessment
    atlas: Atlas
    graph: Graph
    uses: Mapping[str, Use]
    models: Mapping[str, Model]
    down: Mapping[str, Truth]
    cited: dict[Source, str] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Assessment, atlas: Atlas, plans: Plans) -> Desk:
        """Return the desk for an assessment."""
        estate = estate_of(result, atlas, plans)
        verdicts = {answer.use: reachable(answer) for answer in result.verdicts}
        down = {**estate.already, **down_by_verdict(verdicts)}
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
        """Return the numbers of sources of the result."""
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
        """Return what a use is called."""
        chain = self.graph.chain(use)
        return " ".join(one for one in (chain.provider, chain.model) if one) or use

    def places(self, use: str) -> tuple[str, ...]:
        """Return where a use stands: the first places."""
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
        for use, share in sorted(use_shares(function.need).items(), key=lambda one: (-one[1], one[0])):
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
