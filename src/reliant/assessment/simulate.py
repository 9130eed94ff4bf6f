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
from reliant.assessment.simulate_explain import NOBODY, Behind, Explainer
from reliant.assessment.simulate_plans import Plan, Plans, Replacement
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
            _row(function, told[function.id], answers[number], last)
            if function.id in told
            else _plain_row(function, answers[number])
            for function, number in zip(graph.functions, graph.nodes.at, strict=True)
        ]
    )
    shares = [one.shares(weights) for one in (uncut, *played)]
    stop, unreplaced = shares[-1]
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
            tuple(_step(stage, *one) for stage, one in zip(stages, shares[1:], strict=True)),
            scenario.summary,
            scenario.sources,
        ),
        functions=rows,
        stop_share=stop,
        unreplaced=unreplaced,
        already=shares[0][0],
        loss=math.fsum(lost) if lost else None,
        single_points=losses.points(graph, stands),
        pairs=pairs(graph, *losses.levels[0], stands),
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


def _step(stage: Stage, stop: Interval, unreplaced: Interval) -> Step:
    day = stage.on.isoformat() if stage.on else None
    return Step(day, stage.label, tuple(map(str, stage.cuts)), stop, unreplaced)


class _Answer(NamedTuple):
    """What all functions with one need share."""

    stops: bool | None
    already: bool
    when: str | None
    path: tuple[str, ...]
    why: str
    fallback: str | None
    behind: Behind


def _answers(
    graph: Graph, stages: Sequence[Stage], played: Sequence[_Stage], uncut: _Stage
) -> dict[int, _Answer]:
    """Return the answer for each node that is the need of a function."""
    nodes = graph.nodes
    last = played[-1] if played else uncut
    before, after = uncut.level, last.level
    touched = nodes.touched(use for use, level in last.down.items() if level != uncut.down[use])
    explainer = Explainer(graph, before, after, last.cuts)
    dated = [
        (stage.on.isoformat() if stage.on else None, one.level)
        for stage, one in zip(stages, played, strict=True)
        if any(other.on for other in stages)
    ]
    made: dict[object, _Answer] = {}
    answers = dict.fromkeys(nodes.at, _NOT_ASKED)
    for number in answers:
        level = after[number]
        already, when = False, None
        if level == UP:
            if touched[number]:
                reason = explainer.way(number)
            else:  # every function that begins with this use says the same
                first = first_of_route(nodes, number, after)
                reason = (UP,) if first is None else (UP, first)
        else:
            reason = explainer.blame(number)
            already = before[number] == DOWN
            if level == DOWN and not already and dated:
                when = next(day for day, one in dated if one[number] == DOWN)
        key = reason if when is None and not already else (reason, when, already)
        answer = made.get(key)
        if answer is None:
            answer = made[key] = _Answer(_STOPS[level], already, when, *explainer.explain(reason))
        answers[number] = answer
    return answers


_NOT_ASKED = _Answer(None, False, None, (), "", None, NOBODY)


def _plain_row(function: Function, answer: _Answer) -> FunctionRow:
    """Return the row of a function of which nothing was told: ten thousand often are, so no names here."""
    stops, already, when, way, why, fallback, behind = answer
    name = function.id
    return FunctionRow(
        function.name,
        stops,
        when,
        (f"function:{name}", *way),
        fallback,
        None,
        None,
        None,
        None,
        name,
        function.weight,
        already,
        False,
        False,
        None,
        why,
        *behind,
    )


def _row(function: Function, plan: Plan, answer: _Answer, last: _Stage) -> FunctionRow:
    stops, already, when, way, why, fallback, behind = answer
    stands = last.replaced.get(function.id, DOWN)
    fallback, proven, missing = _taken_over(plan, answer, stands)
    survive, recover = plan.survives, plan.recover_days
    for_ever = survive is not None and math.isinf(survive)
    gap = None
    if stops and survive is not None and (recover is not None or for_ever):
        gap = gap_days(survive, recover or 0.0)
    return FunctionRow(
        id=function.id,
        weight=function.weight,
        stops=stops,
        when=when,
        already=already,
        path=(f"function:{function.id}", *way),
        why=why,
        provider=behind[0],
        owner=behind[1],
        jurisdiction=behind[2],
        name=plan.name or function.name,
        fallback=fallback,
        proven=proven,
        replaced=stops is True and stands == UP,
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
    told = None if answer.stops is False else _told(plan, stands)
    return (told.name, told.proven, told.lacks) if told is not None else (None, None, ())


def _told(plan: Plan, stands: int) -> Replacement | None:
    """Return the replacement to name: a proven one if it stands, else the one that lacks least."""
    ranked = sorted(plan.replacements, key=lambda one: (not (one.proven and stands != DOWN), len(one.lacks)))
    return ranked[0] if ranked else None


def _is(one: Replacement, fallback: str) -> bool:
    return fallback in {one.name, one.provider, f"{one.provider} {one.model}", one.model}


def pairs(graph: Graph, level: str, names: Masks, stands: Sequence[int], limit: int = 20) -> tuple[Pair, ...]:
    """Return the cut sets of two names, by the weight that only both together stop; largest first.

    Args:
        stands: For each node of the graph, its answers to the losses.
    """
    every = names.every
    found = graph.nodes.pairs([every & ~one for one in stands])
    having = [
        (function, found[number])
        for function, number in zip(graph.functions, graph.nodes.at, strict=True)
        if number in found
    ]
    weight: dict[int, float] = defaultdict(float)
    for function, several in having:
        for pair in several:
            weight[pair] += function.weight
    largest = sorted(weight, key=lambda pair: (-weight[pair], pair))[:limit]
    stopped: dict[int, list[str]] = {pair: [] for pair in largest}
    for function, several in having:
        for pair in several:
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
