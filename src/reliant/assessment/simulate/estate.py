"""The estate that a simulation is played on: an assessment, its chains, and what the operator told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reliant.assessment.chains import chain_of, with_found
from reliant.assessment.graph import LEVELS, Chain, Cut, Graph
from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.truth import Truth
from reliant.core.use import Channel, Kind, Role, Scope, Use
from reliant.core.verdict import Axis, Verdict
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.assessment.simulate.plans import Plans, Replacement
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment

_DEEPEST = 20
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Estate:
    """A graph with what belongs to it.

    Attributes:
        already: For each use, whether it is down before any cut; empty if no place was asked from.
        places: For each use, in how many places of the target it stands.
        remarks: What was told and does not fit what was found.
    """

    graph: Graph
    already: Mapping[str, Truth]
    places: Mapping[str, int]
    remarks: tuple[str, ...] = ()


def estate_of(assessment: Assessment, atlas: Atlas, plans: Plans) -> Estate:
    """Return the graph of an assessment, with the operator's weights and needs put in.

    A function of the plans is a function that was found if it has its id, or the last
    part of it. Once the operator says what functions need, its list is the whole list:
    what was found besides is left out, and named in a remark.

    Raises:
        ConfigError: A need in the plans cannot be read, or names nothing that can be known.
    """
    chains = {use.id: chain_of(use, atlas) for use in assessment.uses}
    for file in assessment.model_files:
        chains |= {use: with_found(chains[use], file.descent, atlas) for use in file.uses if use in chains}
    reading = _Reading(atlas, chains)
    found = {impact.function.id: impact.function for impact in assessment.impact.functions}
    called: dict[str, list[Function]] = {}
    for one in found.values():
        for name in {one.id, one.id.rpartition("/")[2]}:
            called.setdefault(name, []).append(one)
    whole = any(plan.needs is not None for plan in plans.functions.values())
    functions: list[Function] = []
    remarks: list[str] = []
    matched: set[str] = set()
    for name, plan in plans.functions.items():
        same = called.get(name, [])
        matched |= {one.id for one in same}
        if plan.needs is None and len(same) != 1:
            told = "fits several functions that were found" if same else "fits no function that was found"
            remarks.append(f"The function {name!r} of reliant.toml {told}, and says not what it needs.")
            matched -= {one.id for one in same}
            continue
        need = same[0].need if plan.needs is None else reading.need(plan.needs, name)
        weight = plan.weight or sum(one.weight for one in same) or 1.0
        shown = plan.name or (same[0].name if same else name)
        functions.append(Function(name, shown, weight, need, same[0].where if same else "reliant.toml"))
    rest = [one for key, one in found.items() if key not in matched]
    if whole and rest:
        shown = ", ".join(one.id for one in rest[:_NAMED_AT_MOST])
        more = f" and {len(rest) - _NAMED_AT_MOST} more" if len(rest) > _NAMED_AT_MOST else ""
        remarks.append(f"reliant.toml says what functions need; left out, found besides: {shown}{more}.")
    elif not whole:
        functions.extend(rest)
    return Estate(
        Graph(tuple(functions), reading.chains),
        _already(assessment, reading),
        {use.id: len(use.evidence) for use in assessment.uses},
        tuple(remarks),
    )


def _already(assessment: Assessment, reading: _Reading) -> dict[str, Truth]:
    """Return what is down before any cut; a use that was only told is judged as those found like it.

    Down is what is BLOCKED on any axis. What is unknown is whether a hosted service can be
    reached; an open question of law, licence or register stops nothing by itself.
    """
    if assessment.place is None:
        return {}
    down = {}
    for answer in assessment.verdicts:
        access = answer.axes.get(Axis.ACCESS)
        if answer.combined is Verdict.BLOCKED:
            down[answer.use] = Truth.YES
        elif reading.chains[answer.use].hosted and (access is None or access.verdict is Verdict.UNKNOWN):
            down[answer.use] = Truth.UNKNOWN
        else:
            down[answer.use] = Truth.NO
    for name in reading.declared:
        chain = reading.chains[name]
        alike = [
            down[use]
            for use, other in reading.chains.items()
            if use in down and other.provider == chain.provider and other.channel == chain.channel
        ]
        unseen = Truth.UNKNOWN if chain.hosted else Truth.NO
        down[name] = max(alike, key=lambda answer: answer.value, default=unseen)
    return down


def names_of(graph: Graph, cuts: Iterable[Cut], atlas: Atlas) -> dict[str, str]:
    """Return what people call whoever and whatever stands in a graph or is cut, by id."""
    parties: set[str | None] = set()
    models: set[str | None] = set()
    places: set[str | None] = set()
    licences: set[str | None] = set()
    for chain in graph.chains.values():
        parties |= {chain.provider, chain.developer, chain.hub}
        models.add(chain.model)
        places |= {chain.jurisdiction, chain.owner_jurisdiction, chain.developer_jurisdiction}
    for cut in cuts:
        match cut.level:
            case "jurisdiction":
                places.add(cut.id)
            case "licence":
                licences.add(cut.id)
            case "model":
                models.add(cut.id)
            case _:
                parties.add(cut.id)
    names = {one: atlas.country_name(one) for one in places if one}
    names |= {one: model.name for one in models if one and (model := atlas.models.get(one))}
    names |= {one: party.name for one in parties if one and (party := atlas.providers.get(one))}
    for licence in atlas.licences.values():
        named = {licence.spdx, f"LicenseRef-{licence.id}"}
        names |= {one: licence.name for one in licences & named if one}
    return names


def knows(atlas: Atlas) -> Callable[[Replacement], Chain]:
    """Return what gives the chain of a replacement from the atlas."""

    def chain(one: Replacement) -> Chain:
        return chain_of(
            _told("replacement", one.provider, one.model, atlas, self_hosted=one.self_hosted), atlas
        )

    return chain


def _told(
    name: str, provider: str | None, model: str | None, atlas: Atlas, *, self_hosted: bool = False
) -> Use:
    """Return a use that nobody found and the operator told of."""
    roles = atlas.providers[provider].roles if provider and provider in atlas.providers else ()
    channel = Channel.PARTNER if "partner-cloud" in roles else Channel.DIRECT
    local = self_hosted or "local-runtime" in roles
    return Use(
        id=name,
        provider=provider,
        sdk=None,
        developer=None,
        model=model,
        kind=Kind.OPEN_WEIGHTS if local else Kind.HOSTED_API,
        channel=Channel.SELF_HOSTED if local else channel,
        role=Role.DEFAULT,
        scope=Scope.CONFIG,
        confidence=1.0,
        functions=(),
        evidence=(),
    )


@dataclass
class _Reading:
    """Reads needs; a supplier that was not found is added to the chains."""

    atlas: Atlas
    chains: dict[str, Chain]
    declared: list[str] = field(default_factory=list)

    def need(self, told: Any, function: str, depth: int = 0) -> Need:
        """Read a use's id, `level:id`, or a table with one key, `all` or `any`, and a list."""
        if depth > _DEEPEST:
            raise ConfigError("reliant.toml", 0, f"the needs of {function!r} are nested too deep")
        if isinstance(told, str):
            return self._named(told, function)
        if isinstance(told, dict) and len(told) == 1:
            ((word, parts),) = told.items()
            if word in {"all", "any"} and isinstance(parts, list) and parts:
                below = tuple(self.need(part, function, depth + 1) for part in parts)
                return AllOf(below) if word == "all" else AnyOf(below)
        raise ConfigError(
            "reliant.toml",
            0,
            f"the needs of {function!r} cannot be read",
            hint="Write a name, or a table with one list of them: { all = [...] } or { any = [...] }.",
        )

    def _named(self, name: str, function: str) -> Need:
        if name in self.chains:
            return Supplier(name)
        level, colon, wanted = name.partition(":")
        if not colon or level not in LEVELS:
            raise ConfigError(
                "reliant.toml",
                0,
                f"{function!r} needs {name!r}, which is neither a use that was found nor LEVEL:ID",
                hint=f"Levels: {', '.join(LEVELS)}. The ids of uses: reliant assess PATH --format json",
            )
        if level == "provider":
            return self._provider(name, self.atlas.provider(wanted).id)
        if level == "model":
            return self._model(name, wanted)
        alike = tuple(Supplier(use) for use, one in self.chains.items() if getattr(one, level) == wanted)
        if not alike:
            raise ConfigError("reliant.toml", 0, f"{function!r} needs {name!r}, and no use found is of it")
        return alike[0] if len(alike) == 1 else AllOf(alike)

    def _provider(self, name: str, provider: str) -> Need:
        """Return the one model that was found of a provider; itself alone if there are more, or none."""
        models: dict[str, str] = {}
        for use, chain in self.chains.items():
            if chain.provider == provider and chain.model is not None:
                models.setdefault(chain.model, use)
        if len(models) == 1:
            return Supplier(next(iter(models.values())))
        return self._add(name, provider, None)

    def _model(self, name: str, wanted: str) -> Need:
        """Return the model from whoever serves it here: one supplier for each way it was found."""
        hit = self.atlas.find_model(wanted)
        ids = {wanted, hit.model.id if hit.model else wanted}
        ways: dict[tuple[str | None, str | None], str] = {}
        for use, chain in self.chains.items():
            if chain.model in ids and chain.hosted is not chain.self_hosted:
                ways.setdefault((chain.provider, chain.channel), use)
        if not ways:
            return self._add(name, None, wanted)
        own_first = sorted(ways.items(), key=lambda way: (way[0][1] != Channel.DIRECT.value, way[1]))
        found = tuple(Supplier(use) for _, use in own_first)
        return found[0] if len(found) == 1 else AnyOf(found)

    def _add(self, name: str, provider: str | None, model: str | None) -> Supplier:
        if name not in self.chains:
            self.chains[name] = chain_of(_told(name, provider, model, self.atlas), self.atlas)
            self.declared.append(name)
        return Supplier(name)
