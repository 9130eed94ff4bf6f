"""A what-if: which functions stop when names are cut, on which day, and what is left.

The estate is the graph; a scenario is a list of steps, each with a day and the names
that are gone from then on. For every function the row says whether it stops, along
which path, what takes over and whether that is proven, and how many days are missing.
Nothing here suggests a way around a cut: what is cut stays cut, and a replacement has
to stand outside of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.measures.points import Losses, Masks
from reliant.assessment.measures.share import interval
from reliant.assessment.simulate.actions import best_actions
from reliant.assessment.simulate.chances import ordinary_day
from reliant.assessment.simulate.explain import Explainer
from reliant.assessment.simulate.plans import Plans, Replacement
from reliant.assessment.simulate.rows import Dated, function_rows
from reliant.assessment.simulate.state import DOWN, UNKNOWN, UP, levels, solved
from reliant.assessment.simulate.words import Words
from reliant.core.need import Function
from reliant.core.results import AtlasStamp, Interval, Source, TargetStamp, Tool
from reliant.core.simulation import (
    ComparedFunction,
    Comparison,
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

    @property
    def in_order(self) -> tuple[Stage, ...]:
        """The stages in the order in which they are played: those without a day come last."""
        return tuple(sorted(self.stages, key=lambda stage: (stage.on is None, stage.on or dt.date.max)))

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
        names: What people call providers, developers, models, licences and countries, by their ids.
    """

    tool: Tool
    atlas: AtlasStamp
    target: TargetStamp
    as_of: dt.date
    place: str | None = None
    already: Mapping[str, Truth] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    know: Callable[[Replacement], Chain] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    assumptions: tuple[str, ...] = ()


def simulate(graph: Graph, scenario: Scenario, plans: Plans, setting: Setting) -> Simulation:
    """Play the scenario on the graph.

    Args:
        plans: What the operator told of the functions; an empty one if nothing.
    """
    with _no_search_for_cycles():
        return _simulated(graph, scenario, plans, setting)


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Keep Python from looking for cycles meanwhile, and in what was made, which has none.

    A what-if makes so many tuples that the searches took a sixth of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if not gc.get_freeze_count():  # all that is young becomes old, unsearched
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _simulated(graph: Graph, scenario: Scenario, plans: Plans, setting: Setting) -> Simulation:
    stages = scenario.in_order
    losses = Losses.of(graph)
    (uncut, *played), stands = _played(graph, stages, plans, setting, losses)
    last = played[-1] if played else uncut
    explainer = Explainer(graph, uncut.level, last.level, last.cuts, setting.names)
    rows = function_rows(explainer, _dated(stages, played), plans, last.replaced)
    shares = [one.shares(graph, plans) for one in (uncut, *played)]
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
            graph,
            last.level,
            last.open_functions(graph),
            plans,
            places=setting.places,
            cuts=last.cuts,
            words=Words(setting.names),
        ),
        assumptions=(*setting.assumptions, *_assumptions(plans, setting, last.cuts)),
        sources=setting.sources,
        expected=expected,
        importance=importance,
        names=dict(setting.names),
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """The estate after the first stages of a scenario.

    Attributes:
        level: The level of each node of the graph.
        states: The level of the need of each function.
        replaced: For each function that was told of, how far a proven replacement stands.
    """

    cuts: tuple[Cut, ...]
    level: Sequence[int]
    states: bytes
    replaced: Mapping[str, int]

    def shares(self, graph: Graph, plans: Plans) -> tuple[Interval, Interval]:
        """Return L(S) and U(S)."""
        weights, whole = graph.weights, graph.weight
        stopping = sum(compress(weights, self.states.translate(_IS_DOWN)))
        unknown = sum(compress(weights, self.states.translate(_IS_UNKNOWN)))
        stop = interval(stopping, unknown, whole)
        if not plans.functions:
            return stop, stop
        unreplaced = maybe = 0.0
        for name, weight, level in zip(graph.ids, weights, self.states, strict=True):
            other = self.replaced.get(name, DOWN)
            if level == DOWN and other == DOWN:
                unreplaced += weight
            elif UP not in (level, other):
                maybe += weight
        return stop, interval(unreplaced, maybe, whole)

    def open_functions(self, graph: Graph) -> list[tuple[Function, int]]:
        """Return the functions that stop, or may, and have no proven replacement, with their nodes."""
        every = compress(zip(graph.functions, graph.nodes.at, strict=True), self.states.translate(_IS_OPEN))
        replaced = self.replaced
        return [one for one in every if replaced.get(one[0].id) != UP] if replaced else list(every)


def _marks(*levels: int) -> bytes:
    """Return what marks these levels, for `bytes.translate`."""
    return bytes([level in levels for level in range(256)])


_IS_DOWN, _IS_UNKNOWN, _IS_OPEN = _marks(DOWN), _marks(UNKNOWN), _marks(DOWN, UNKNOWN)


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
        _Stage(
            made, level, bytes([level[at] for at in graph.nodes.at]), standing(plans, made, graph, setting)
        )
        for made, level in zip(cuts, found, strict=True)
    ]
    return played, stands


def standing(plans: Plans, cuts: Sequence[Cut], graph: Graph, setting: Setting) -> dict[str, int]:
    """Return, for each function that was told of, how far a proven replacement stands after these cuts."""
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


def _dated(stages: Sequence[Stage], played: Sequence[_Stage]) -> Dated:
    """Return the day of each stage and its levels; nothing if the scenario has no days."""
    if not any(stage.on for stage in stages):
        return ()
    return [
        (stage.on.isoformat() if stage.on else None, one.level)
        for stage, one in zip(stages, played, strict=True)
    ]


def _step(stage: Stage, stop: Interval, unreplaced: Interval) -> Step:
    day = stage.on.isoformat() if stage.on else None
    return Step(day, stage.label, tuple(map(str, stage.cuts)), stop, unreplaced)


def pairs(graph: Graph, level: str, names: Masks, stands: Sequence[int], limit: int = 20) -> tuple[Pair, ...]:
    """Return the cut sets of two names, by the weight that only both together stop; largest first.

    Args:
        stands: For each node of the graph, its answers to the losses.
    """
    found = graph.nodes.pairs(stands, names.every)
    of = list(map(found.get, graph.nodes.at))
    having = [
        (function, weight, several)
        for function, weight, several in zip(graph.ids, graph.weights, of, strict=True)
        if several is not None
    ]
    together: dict[int, float] = defaultdict(float)
    for _, weight, several in having:
        for pair in several:
            together[pair] += weight
    largest = sorted(together, key=lambda pair: (-together[pair], pair))[:limit]
    stopped: dict[int, list[str]] = {pair: [] for pair in largest}
    for function, _, several in having:
        for pair in several:
            if pair in stopped:
                stopped[pair].append(function)
    result = []
    for pair in largest:
        one, other = sorted(names.named(pair))
        share = interval(together[pair], 0.0, graph.weight).low
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
