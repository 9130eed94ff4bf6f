"""What stops: of each function, and as a share of all weight (A5)."""

from __future__ import annotations

from collections.abc import Mapping

from reliant.assessment.graph import Graph, state
from reliant.assessment.measures.share import interval
from reliant.core.need import Need, in_force
from reliant.core.results import FunctionImpact, Interval
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
