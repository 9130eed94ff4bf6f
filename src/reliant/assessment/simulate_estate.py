"""The estate that a simulation is played on: an assessment, its chains, and what the operator told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.assessment.chains import chain_of
from reliant.assessment.graph import LEVELS, Chain, Cut, Graph
from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.truth import Truth
from reliant.core.use import Channel, Kind, Role, Scope, Use
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.assessment.simulate_plans import Plans, Replacement
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment

_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Estate:
    """A graph with what belongs to it.

    Attributes:
        places: For each use, in how many places of the target it stands.
        remarks: What was told and does not fit what was found.
    """

    graph: Graph
    places: Mapping[str, int]
    remarks: tuple[str, ...] = ()


def estate_of(assessment: Assessment, atlas: Atlas, plans: Plans) -> Estate:
    """Return the graph of an assessment, with the operator's weights and needs put in.

    Raises:
        ConfigError: A need in the plans cannot be read, or names nothing that can be known.
    """
    chains = {use.id: chain_of(use, atlas) for use in assessment.uses}
    functions: list[Function] = []
    known = set()
    for impact in assessment.impact.functions:
        function = impact.function
        known.add(function.id)
        plan = plans.of(function.id)
        if plan.needs is not None:
            need = _need(plan.needs, function.id, chains, atlas)
            function = msgspec.structs.replace(function, need=need)
        if plan.weight is not None:
            function = msgspec.structs.replace(function, weight=plan.weight)
        functions.append(function)
    remarks = []
    for name, plan in plans.functions.items():
        if name in known:
            continue
        if plan.needs is None:
            remarks.append(
                f"reliant.toml tells of a function {name!r} that was not found, and not what it needs."
            )
            continue
        need = _need(plan.needs, name, chains, atlas)
        functions.append(Function(name, plan.name or name, plan.weight or 1.0, need, "reliant.toml"))
    places = {use.id: len(use.evidence) for use in assessment.uses}
    return Estate(Graph(tuple(functions), chains), places, tuple(remarks))


def already_down(assessment: Assessment) -> dict[str, Truth]:
    """Return which uses are down before any cut; nothing if no place was given to ask from."""
    if assessment.place is None:
        return {}
    blocked = {"BLOCKED": Truth.YES, "UNKNOWN": Truth.UNKNOWN}
    return {answer.use: blocked.get(answer.combined.value, Truth.NO) for answer in assessment.verdicts}


def knows(atlas: Atlas) -> Callable[[Replacement], Chain]:
    """Return what gives the chain of a replacement from the atlas."""

    def chain(one: Replacement) -> Chain:
        return chain_of(_declared("replacement", one.provider, one.model, self_hosted=one.self_hosted), atlas)

    return chain


def _declared(name: str, provider: str | None, model: str | None, *, self_hosted: bool = False) -> Use:
    return Use(
        id=name,
        provider=provider,
        sdk=None,
        developer=None,
        model=model,
        kind=Kind.OPEN_WEIGHTS if self_hosted else Kind.HOSTED_API,
        channel=Channel.SELF_HOSTED if self_hosted else Channel.DIRECT,
        role=Role.DEFAULT,
        scope=Scope.CONFIG,
        confidence=1.0,
        functions=(),
        evidence=(),
    )


def _need(told: Any, function: str, chains: dict[str, Chain], atlas: Atlas, depth: int = 0) -> Need:
    """Read a need: a use's id, `level:id`, or a table with one key, `all` or `any`, and a list."""
    if depth > _DEEPEST:
        raise ConfigError("reliant.toml", 0, f"the needs of {function!r} are nested too deep")
    if isinstance(told, str):
        return _named(told, function, chains, atlas)
    if isinstance(told, dict) and len(told) == 1:
        ((word, parts),) = told.items()
        if word in {"all", "any"} and isinstance(parts, list) and parts:
            below = tuple(_need(part, function, chains, atlas, depth + 1) for part in parts)
            return AllOf(below) if word == "all" else AnyOf(below)
    raise ConfigError(
        "reliant.toml",
        0,
        f"the needs of {function!r} cannot be read",
        hint='Write a name, { all = [...] } or { any = [...] }, for example { any = ["provider:openai"] }.',
    )


def _named(name: str, function: str, chains: dict[str, Chain], atlas: Atlas) -> Need:
    if name in chains:
        return Supplier(name)
    level, colon, wanted = name.partition(":")
    if not colon or level not in LEVELS:
        raise ConfigError(
            "reliant.toml",
            0,
            f"{function!r} needs {name!r}, which is neither a use that was found nor LEVEL:ID",
            hint=f"Levels: {', '.join(LEVELS)}. The ids of uses stand in: reliant assess PATH --format json",
        )
    if level == "provider":
        wanted = atlas.provider(wanted).id
    cut = Cut(level, wanted)
    matching = tuple(Supplier(use) for use, chain in chains.items() if _is(chain, cut))
    if matching:
        return matching[0] if len(matching) == 1 else AllOf(matching)
    if level == "provider":
        chains[name] = chain_of(_declared(name, wanted, None), atlas)
    elif level == "model":
        chains[name] = chain_of(_declared(name, None, wanted), atlas)
    else:
        raise ConfigError(
            "reliant.toml", 0, f"{function!r} needs {name!r}, and no use that was found is of it"
        )
    return Supplier(name)


def _is(chain: Chain, cut: Cut) -> bool:
    """Say whether a chain is of this name, wherever it runs."""
    return bool(getattr(chain, cut.level) == cut.id)
