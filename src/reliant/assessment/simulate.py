"""A what-if: which functions stop when names are cut, on which day, and what is left.

The estate is the graph; a scenario is a list of steps, each with a day and the names
that are gone from then on. For every function the row says whether it stops, along
which path, what takes over and whether that is proven, and how many days are missing.
Nothing here suggests a way around a cut: what is cut stays cut, and a replacement has
to stand outside of it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reliant.assessment.cuts import singles_and_pairs
from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.measures import Masks, hosted_by, hosted_in, interval, single_points
from reliant.assessment.measures_days import gap_days
from reliant.assessment.simulate_actions import best_actions
from reliant.assessment.simulate_explain import Explainer, Told
from reliant.assessment.simulate_plans import NOTHING_TOLD, Plan, Plans, Replacement
from reliant.assessment.simulate_state import DOWN, UNKNOWN, UP, Levels, levels, met_at, route
from reliant.core.need import Function, Need, Supplier
from reliant.core.results import AtlasStamp, Interval, Source, TargetStamp, Tool
from reliant.core.simulation import (
    ComparedFunction,
    Comparison,
    FunctionRow,
    Pair,
    ScenarioStamp,
    Simulation,
    Step,
)
from reliant.core.truth import Truth


@dataclass(frozen=True, slots=True)
class Stage:
    """What is cut from one day on; `on` is None if the scenario gives no day."""

    cuts: tuple[Cut, ...]
    on: dt.date | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Stages in the order of their days; a later one adds to the earlier ones."""

    name: str
    stages: tuple[Stage, ...]
    summary: str = ""
    sources: tuple[str, ...] = ()

    @classmethod
    def of(cls, *cuts: Cut, on: dt.date | None = None) -> Scenario:
        """Return the scenario that makes these cuts at once."""
        return cls(" + ".join(map(str, cuts)) or "nothing cut", (Stage(cuts, on),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a simulation is stamped with, and what is known besides the graph.

    Attributes:
        already: For each use, whether it is down before anything is cut.
        places: For each use, in how many places the target names it.
        know: Gives the chain of a replacement, so that a cut can be asked about it.
    """

    tool: Tool
    atlas: AtlasStamp
    target: TargetStamp
    as_of: dt.date
    place: str | None = None
    already: Mapping[str, Truth] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    know: Callable[[Replacement], Chain] | None = None
    sources: tuple[Source, ...] = ()
    assumptions: tuple[str, ...] = ()


_STOPS = {DOWN: True, UP: False, UNKNOWN: None}


def simulate(graph: Graph, scenario: Scenario, plans: Plans, setting: Setting) -> Simulation:
    """Play the scenario on the graph.

    Args:
        plans: What the operator told of the functions; an empty one if nothing.
    """
    stages = sorted(scenario.stages, key=lambda stage: (stage.on is None, stage.on or dt.date.max))
    uncut = _Stage.uncut(graph, plans, setting)
    played = [uncut.then(graph, stages[: count + 1], plans, setting) for count in range(len(stages))]
    last = played[-1] if played else uncut
    answers = _answers(graph, stages, played, uncut)
    rows = tuple(
        _row(function, plans.of(function.id), answers[function.need], last) for function in graph.functions
    )
    stop, unreplaced = last.shares(graph)
    already, _ = uncut.shares(graph)
    losses = [row.loss for row in rows if row.loss is not None]
    return Simulation(
        tool=setting.tool,
        atlas=setting.atlas,
        target=setting.target,
        place=setting.place,
        as_of=setting.as_of.isoformat(),
        scenario=ScenarioStamp(
            scenario.name,
            tuple(_step(stage, one, graph) for stage, one in zip(stages, played, strict=True)),
            scenario.summary,
            scenario.sources,
        ),
        functions=rows,
        stop_share=stop,
        unreplaced=unreplaced,
        already=already,
        loss=math.fsum(losses) if losses else None,
        single_points=(
            *single_points(graph, "provider", hosted_by),
            *single_points(graph, "jurisdiction", hosted_in),
        ),
        pairs=pairs(graph, "provider", hosted_by),
        actions=best_actions(
            graph, last.down, last.open_functions(graph), plans, places=setting.places, cuts=last.cuts
        ),
        assumptions=(*setting.assumptions, *_assumptions(plans, setting, last.cuts)),
        sources=setting.sources,
    )


@dataclass(frozen=True)
class _Stage:
    """The estate after the first stages of a scenario."""

    cuts: tuple[Cut, ...]
    down: Levels
    after: Mapping[Need, int]
    replaced: Mapping[str, int]

    @classmethod
    def uncut(cls, graph: Graph, plans: Plans, setting: Setting) -> _Stage:
        """Return the estate before anything is cut."""
        down = levels(graph, setting.already, ())
        after = {need: met_at(need, down) for need in graph.needs}
        return cls((), down, after, _standing(plans, (), graph, setting))

    def then(self, graph: Graph, stages: Sequence[Stage], plans: Plans, setting: Setting) -> _Stage:
        """Return the estate once the cuts of these stages are made on top of this one."""
        cuts = tuple(dict.fromkeys(cut for stage in stages for cut in stage.cuts))
        down = levels(graph, setting.already, cuts, plans.weights_kept)
        changed = {use for use, level in down.items() if level != self.down[use]}
        after = {
            need: self.after[need] if uses.isdisjoint(changed) else met_at(need, down)
            for need, uses in graph.needs.items()
        }
        return _Stage(cuts, down, after, _standing(plans, cuts, graph, setting))

    def shares(self, graph: Graph) -> tuple[Interval, Interval]:
        """Return L(S) and U(S)."""
        stopping = unknown = unreplaced = maybe = 0.0
        for function in graph.functions:
            level = self.after[function.need]
            if level == UP:
                continue
            other = self.replaced.get(function.id, DOWN)
            if level == DOWN:
                stopping += function.weight
            else:
                unknown += function.weight
            if other == UP:
                continue
            if level == DOWN and other == DOWN:
                unreplaced += function.weight
            else:
                maybe += function.weight
        return interval(stopping, unknown, graph.weight), interval(unreplaced, maybe, graph.weight)

    def open_functions(self, graph: Graph) -> list[Function]:
        """Return the functions that stop, or may, and have no proven replacement."""
        return [
            function
            for function in graph.functions
            if self.after[function.need] != UP and self.replaced.get(function.id, DOWN) != UP
        ]


def _standing(plans: Plans, cuts: Sequence[Cut], graph: Graph, setting: Setting) -> dict[str, int]:
    return {
        name: max((_stands(one, cuts, graph, setting) for one in plan.replacements), default=DOWN)
        for name, plan in plans.functions.items()
    }


def _stands(one: Replacement, cuts: Iterable[Cut], graph: Graph, setting: Setting) -> int:
    """Return UP if the replacement is proven and no cut reaches it, UNKNOWN if one may."""
    if not one.proven:
        return DOWN
    chain = setting.know(one) if setting.know else _known_from(graph, one)
    # A replacement on the operator's own machines is told with its copy: no hub is asked again.
    hit = max((cut.downs(chain, weights_kept=True).value for cut in cuts), default=0)
    return UP - hit


def _known_from(graph: Graph, one: Replacement) -> Chain:
    """Return what the graph itself knows of a replacement's provider."""
    if not one.self_hosted:
        for chain in graph.chains.values():
            if chain.provider == one.provider and one.provider is not None and not chain.self_hosted:
                return Chain(
                    "replacement",
                    provider=chain.provider,
                    jurisdiction=chain.jurisdiction,
                    owner=chain.owner,
                    owner_jurisdiction=chain.owner_jurisdiction,
                    model=one.model,
                    hidden=chain.hidden & {"owner"},
                )
    return Chain(
        "replacement", provider=one.provider, model=one.model or one.name, self_hosted=one.self_hosted
    )


def _first_day(need: Need, stages: Sequence[Stage], played: Sequence[_Stage]) -> str | None:
    for stage, result in zip(stages, played, strict=True):
        if result.after[need] == DOWN:
            return stage.on.isoformat() if stage.on else None
    return None


def _step(stage: Stage, played: _Stage, graph: Graph) -> Step:
    stop, unreplaced = played.shares(graph)
    day = stage.on.isoformat() if stage.on else None
    return Step(day, stage.label, tuple(map(str, stage.cuts)), stop, unreplaced)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What all functions with one need share."""

    level: int
    already: bool
    when: str | None
    path: tuple[str, ...]
    why: str
    fallback: str | None
    provider: str | None = None
    owner: str | None = None
    jurisdiction: str | None = None

    @classmethod
    def of(
        cls,
        level: int,
        found: Told,
        when: str | None = None,
        *,
        already: bool = False,
    ) -> _Answer:
        """Return the answer with who stands behind the use that decides it."""
        path, why, fallback, chain = found
        day = None if already else when
        if chain is None:
            return cls(level, already, day, path, why, fallback)
        if not chain.hosted:
            return cls(level, already, day, path, why, fallback, "own machines")
        behind = (chain.provider, chain.owner, chain.jurisdiction)
        return cls(level, already, day, path, why, fallback, *behind)


def _answers(
    graph: Graph, stages: Sequence[Stage], played: Sequence[_Stage], uncut: _Stage
) -> dict[Need, _Answer]:
    last = played[-1] if played else uncut
    changed = {use for use, level in last.down.items() if level != uncut.down[use]}
    stays: dict[str, _Answer] = {}
    explainer = Explainer(graph, uncut.down, last.down, last.cuts)
    answers: dict[Need, _Answer] = {}
    for need, uses in graph.needs.items():
        level = last.after[need]
        used = route(need, last.down) if level == UP and uses.isdisjoint(changed) else ()
        if used:  # untouched: every function that begins with this use says the same
            if used[0] not in stays:
                chain = graph.chain(used[0])
                stays[used[0]] = _Answer.of(level, explainer.stays(chain))
            answers[need] = stays[used[0]]
            continue
        when = _first_day(need, stages, played) if level == DOWN else None
        stopped = uncut.after[need] == DOWN
        found = explainer.explain(need, level)
        answers[need] = _Answer.of(level, found, when, already=stopped)
    return answers


def _row(function: Function, plan: Plan, answer: _Answer, last: _Stage) -> FunctionRow:
    level = answer.level
    common: dict[str, Any] = {
        "id": function.id,
        "weight": function.weight,
        "stops": _STOPS[level],
        "when": answer.when,
        "already": answer.already,
        "path": (f"function:{function.id}", *answer.path),
        "why": answer.why,
        "provider": answer.provider,
        "owner": answer.owner,
        "jurisdiction": answer.jurisdiction,
    }
    if plan is NOTHING_TOLD:
        return FunctionRow(
            name=function.name,
            fallback=answer.fallback,
            proven=None,
            survive_days=None,
            recover_days=None,
            gap_days=None,
            **common,
        )
    stands = last.replaced.get(function.id, DOWN)
    fallback, proven, missing = _taken_over(plan, answer, stands)
    survive, recover = plan.survives, plan.recover_days
    for_ever = survive is not None and math.isinf(survive)
    gap = None
    if level == DOWN and survive is not None and (recover is not None or for_ever):
        gap = gap_days(survive, recover or 0.0)
    return FunctionRow(
        name=plan.name or function.name,
        fallback=fallback,
        proven=proven,
        replaced=level == DOWN and stands == UP,
        survive_days=None if for_ever else survive,
        survives_for_ever=for_ever,
        recover_days=recover,
        gap_days=gap,
        loss=gap * plan.cost_per_day if gap is not None and plan.cost_per_day is not None else None,
        missing=missing,
        **common,
    )


def _taken_over(plan: Plan, answer: _Answer, stands: int) -> tuple[str | None, bool | None, tuple[str, ...]]:
    """Return what takes over, whether that is proven, and what is missing to prove it."""
    if answer.fallback is not None:
        proven = next((one.proven for one in plan.replacements if _is(one, answer.fallback)), None)
        return answer.fallback, proven, ()
    told = None if answer.level == UP else _told(plan, stands)
    return (told.name, told.proven, told.lacks) if told is not None else (None, None, ())


def _told(plan: Plan, stands: int) -> Replacement | None:
    """Return the replacement to name: a proven one if it stands, else the one that lacks least."""
    ranked = sorted(plan.replacements, key=lambda one: (not (one.proven and stands != DOWN), len(one.lacks)))
    return ranked[0] if ranked else None


def _is(one: Replacement, fallback: str) -> bool:
    return fallback in {one.name, one.provider, f"{one.provider} {one.model}", one.model}


def pairs(graph: Graph, level: str, of: Callable[[Chain], str | None], limit: int = 20) -> tuple[Pair, ...]:
    """Return the cut sets of two names, by the weight that only both together stop; largest first."""
    names = Masks.of(graph, of)
    weight: dict[int, float] = defaultdict(float)
    stopped: dict[int, list[str]] = defaultdict(list)
    found: dict[Need, frozenset[int]] = {
        need: singles_and_pairs(need, names.by_use)[1]
        for need in graph.needs
        if not isinstance(need, Supplier)
    }
    for function in graph.functions:
        for pair in found.get(function.need, ()):
            weight[pair] += function.weight
            stopped[pair].append(function.id)
    result = []
    for pair in sorted(weight, key=lambda pair: (-weight[pair], pair))[:limit]:
        one, other = sorted(names.named(pair))
        share = interval(weight[pair], 0.0, graph.weight).low
        result.append(Pair((one, other), level, share, tuple(stopped[pair])))
    return tuple(result)


def _assumptions(plans: Plans, setting: Setting, cuts: Sequence[Cut]) -> tuple[str, ...]:
    said = ["What is cut stays cut; suppliers that are not named in the scenario stay."]
    if not setting.already:
        said.append("No place was given, so every use counts as reachable before the cut.")
    else:
        said.append("An open question of law, licence or register stops nothing by itself here; see assess.")
    if not any(plan.weight is not None for plan in plans.functions.values()):
        said.append(
            "Functions weigh what the code shows of them (call sites): no requests or spend were given."
        )
    if not any(plan.replacements for plan in plans.functions.values()):
        said.append("No replacement was declared, so what stops counts as not replaced.")
    if any(cut.level == "hub" for cut in cuts) and plans.weights_kept is None:
        said.append("Nobody said whether copies of downloaded weights are kept.")
    if any(cut.level == "jurisdiction" for cut in cuts):
        said.append("Open weights on own machines survive the cut of a country; hosted models do not.")
    return tuple(said)


def compare(left: Simulation, right: Simulation) -> Comparison:
    """Put two simulations of one target side by side, function by function."""
    other = {row.id: row for row in right.functions}
    return Comparison(
        left=left,
        right=right,
        functions=tuple(
            ComparedFunction(row.name, row.stops, other[row.id].stops, row.gap_days, other[row.id].gap_days)
            for row in left.functions
            if row.id in other
        ),
    )
