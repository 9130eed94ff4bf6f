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
from typing import NamedTuple

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.measures import Losses, Masks, interval
from reliant.assessment.measures_days import gap_days
from reliant.assessment.simulate_actions import best_actions
from reliant.assessment.simulate_chances import ordinary_day
from reliant.assessment.simulate_explain import Explainer, Reason, Told
from reliant.assessment.simulate_plans import NOTHING_TOLD, Plan, Plans, Replacement
from reliant.assessment.simulate_state import DOWN, UNKNOWN, UP, Levels, first_of_route, levels, solved
from reliant.core.need import Function
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
    losses = Losses.of(graph)
    (uncut, *played), stands = _played(graph, stages, plans, setting, losses)
    last = played[-1] if played else uncut
    weights = _Weights.of(graph, plans)
    answers = _answers(graph, stages, played, uncut)
    told = plans.functions
    rows = tuple(
        [
            _row(function, told.get(function.id, NOTHING_TOLD), answers[number], last)
            for function, number in zip(graph.functions, graph.nodes.at, strict=True)
        ]
    )
    stop, unreplaced = last.shares(weights)
    already, _ = uncut.shares(weights)
    expected, importance = ordinary_day(graph, plans.availability)
    lost = [row.loss for row in rows if row.loss is not None]
    return Simulation(
        tool=setting.tool,
        atlas=setting.atlas,
        target=setting.target,
        place=setting.place,
        as_of=setting.as_of.isoformat(),
        scenario=ScenarioStamp(
            scenario.name,
            tuple(_step(stage, one, weights) for stage, one in zip(stages, played, strict=True)),
            scenario.summary,
            scenario.sources,
        ),
        functions=rows,
        stop_share=stop,
        unreplaced=unreplaced,
        already=already,
        loss=math.fsum(lost) if lost else None,
        single_points=losses.points(graph, stands),
        pairs=pairs(graph, *losses.levels[0]),
        actions=best_actions(
            graph, last.level, last.open_functions(graph), plans, places=setting.places, cuts=last.cuts
        ),
        assumptions=(*setting.assumptions, *_assumptions(plans, setting, last.cuts)),
        sources=setting.sources,
        expected=expected,
        importance=importance,
    )


@dataclass(frozen=True, slots=True)
class _Weights:
    """The weight of the functions at each node; those that the operator told of stand apart."""

    whole: float
    at: Mapping[int, float]
    told: Sequence[tuple[Function, int]]

    @classmethod
    def of(cls, graph: Graph, plans: Plans) -> _Weights:
        at: dict[int, float] = {}
        told = []
        for function, number in zip(graph.functions, graph.nodes.at, strict=True):
            if function.id in plans.functions:
                told.append((function, number))
            else:
                at[number] = at.get(number, 0.0) + function.weight
        return cls(graph.weight, at, told)


@dataclass(frozen=True, slots=True)
class _Stage:
    """The estate after the first stages of a scenario.

    Attributes:
        down: The level of each use.
        level: The level of each node of the graph.
        replaced: For each function that was told of, how far a proven replacement stands.
    """

    cuts: tuple[Cut, ...]
    down: Levels
    level: Sequence[int]
    replaced: Mapping[str, int]

    def shares(self, weights: _Weights) -> tuple[Interval, Interval]:
        """Return L(S) and U(S)."""
        by_level = [0.0, 0.0, 0.0]
        for number, weight in weights.at.items():
            by_level[self.level[number]] += weight
        stopping, unknown = by_level[DOWN], by_level[UNKNOWN]
        unreplaced, maybe = stopping, unknown
        for function, number in weights.told:
            level, other = self.level[number], self.replaced[function.id]
            if level == UP:
                continue
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
        return interval(stopping, unknown, weights.whole), interval(unreplaced, maybe, weights.whole)

    def open_functions(self, graph: Graph) -> list[tuple[Function, int]]:
        """Return the functions that stop, or may, and have no proven replacement, with their nodes."""
        return [
            (function, number)
            for function, number in zip(graph.functions, graph.nodes.at, strict=True)
            if self.level[number] != UP and self.replaced.get(function.id, DOWN) != UP
        ]


def _played(
    graph: Graph, stages: Sequence[Stage], plans: Plans, setting: Setting, losses: Losses
) -> tuple[list[_Stage], list[int]]:
    """Return the estate before anything is cut and after each stage, and what the losses leave."""
    cuts: list[tuple[Cut, ...]] = [()]
    for stage in stages:
        cuts.append(tuple(dict.fromkeys((*cuts[-1], *stage.cuts))))
    downs = [levels(graph, setting.already, made, plans.weights_kept) for made in cuts]
    found, stands = solved(graph.nodes, downs, losses)
    played = [
        _Stage(made, down, level, _standing(plans, made, graph, setting))
        for made, down, level in zip(cuts, downs, found, strict=True)
    ]
    return played, stands


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


def _first_day(number: int, stages: Sequence[Stage], played: Sequence[_Stage]) -> str | None:
    for stage, result in zip(stages, played, strict=True):
        if result.level[number] == DOWN:
            return stage.on.isoformat() if stage.on else None
    return None


def _step(stage: Stage, played: _Stage, weights: _Weights) -> Step:
    stop, unreplaced = played.shares(weights)
    day = stage.on.isoformat() if stage.on else None
    return Step(day, stage.label, tuple(map(str, stage.cuts)), stop, unreplaced)


class _Answer(NamedTuple):
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
) -> dict[int, _Answer]:
    """Return the answer for each node that is the need of a function."""
    nodes = graph.nodes
    last = played[-1] if played else uncut
    touched = nodes.touched(use for use, level in last.down.items() if level != uncut.down[use])
    explainer = Explainer(graph, uncut.level, last.level, last.down, last.cuts)
    made: dict[tuple[Reason, str | None, bool], _Answer] = {}
    answers: dict[int, _Answer] = {}
    for number in nodes.at:
        if number in answers:
            continue
        level = last.level[number]
        if level == UP and not touched[number]:  # every function that begins with this use says the same
            first = first_of_route(nodes, number, last.level)
            reason: Reason = (UP,) if first is None else (UP, first)
        else:
            reason = explainer.reason(number)
        when = _first_day(number, stages, played) if level == DOWN else None
        key = (reason, when, uncut.level[number] == DOWN)
        answer = made.get(key)
        if answer is None:
            answer = made[key] = _Answer.of(level, explainer.explain(reason), when, already=key[2])
        answers[number] = answer
    return answers


def _row(function: Function, plan: Plan, answer: _Answer, last: _Stage) -> FunctionRow:
    level = answer.level
    path = (f"function:{function.id}", *answer.path)
    if plan is NOTHING_TOLD:  # as ten thousand rows often are: in the order of the fields
        return FunctionRow(
            function.name,
            _STOPS[level],
            answer.when,
            path,
            answer.fallback,
            None,
            None,
            None,
            None,
            function.id,
            function.weight,
            answer.already,
            False,
            False,
            None,
            answer.why,
            answer.provider,
            answer.owner,
            answer.jurisdiction,
        )
    stands = last.replaced.get(function.id, DOWN)
    fallback, proven, missing = _taken_over(plan, answer, stands)
    survive, recover = plan.survives, plan.recover_days
    for_ever = survive is not None and math.isinf(survive)
    gap = None
    if level == DOWN and survive is not None and (recover is not None or for_ever):
        gap = gap_days(survive, recover or 0.0)
    return FunctionRow(
        id=function.id,
        weight=function.weight,
        stops=_STOPS[level],
        when=answer.when,
        already=answer.already,
        path=path,
        why=answer.why,
        provider=answer.provider,
        owner=answer.owner,
        jurisdiction=answer.jurisdiction,
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


def pairs(graph: Graph, level: str, names: Masks, limit: int = 20) -> tuple[Pair, ...]:
    """Return the cut sets of two names, by the weight that only both together stop; largest first."""
    found = graph.nodes.pairs(names.by_use)
    weight: dict[int, float] = defaultdict(float)
    for function, number in zip(graph.functions, graph.nodes.at, strict=True):
        if number in found:
            for pair in found[number]:
                weight[pair] += function.weight
    largest = sorted(weight, key=lambda pair: (-weight[pair], pair))[:limit]
    stopped: dict[int, list[str]] = {pair: [] for pair in largest}
    for function, number in zip(graph.functions, graph.nodes.at, strict=True):
        for pair in found.get(number, ()):
            if pair in stopped:
                stopped[pair].append(function.id)
    result = []
    for pair in largest:
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
