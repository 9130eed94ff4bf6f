"""The table of a what-if: a row for each function, with its days where they were told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from reliant.assessment.measures.days import gap_days
from reliant.assessment.simulate.explain import Explainer, Told
from reliant.assessment.simulate.plans import Plan, Plans, Replacement
from reliant.assessment.simulate.state import DOWN, UNKNOWN, UP
from reliant.core.need import Function
from reliant.core.simulation import FunctionRow

Dated: TypeAlias = Sequence[tuple[str | None, Sequence[int]]]
"""The day of each stage of a scenario, and the level of each node after it."""

_STOPS = {DOWN: True, UP: False, UNKNOWN: None}


def function_rows(
    explainer: Explainer, dated: Dated, plans: Plans, replaced: Mapping[str, int]
) -> tuple[FunctionRow, ...]:
    """Return the row of each function, in the order of the graph.

    Args:
        dated: Nothing if the scenario has no days.
        replaced: For each function that was told of, how far a proven replacement stands.
    """
    graph, before, after = explainer.graph, explainer.before, explainer.after
    plan_of, tell = plans.functions, explainer.told
    every = [tell(number) for number in graph.nodes.at]
    rows: list[FunctionRow] = []
    add = rows.append
    for function, name, weight, number, told in zip(
        graph.functions, graph.ids, graph.weights, graph.nodes.at, every, strict=True
    ):
        level, already, when = after[number], False, None
        if level != UP:
            already = before[number] == DOWN
            if dated and level == DOWN and not already:
                when = next(day for day, one in dated if one[number] == DOWN)
        if plan_of and name in plan_of:
            add(_row(function, plan_of[name], told, level, already, when, replaced.get(name, DOWN)))
            continue
        # Ten thousand functions are often of this kind, so the fields go by their places.
        path, why, fallback, called, (provider, owner, country) = told
        add(
            FunctionRow(
                function.name,
                _STOPS[level],
                when,
                (f"function:{name}",) + path,  # noqa: RUF005 - in half the time
                fallback,
                None,
                None,
                None,
                None,
                name,
                weight,
                already,
                False,
                False,
                None,
                why,
                provider,
                owner,
                country,
                (),
                called,
            )
        )
    return tuple(rows)


def _row(
    function: Function, plan: Plan, told: Told, level: int, already: bool, when: str | None, stands: int
) -> FunctionRow:
    path, why, _, _, (provider, owner, country) = told
    stops = _STOPS[level]
    fallback, called, proven, missing = _taken_over(plan, told, stops, stands)
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
        path=(f"function:{function.id}", *path),
        why=why,
        provider=provider,
        owner=owner,
        jurisdiction=country,
        name=plan.name or function.name,
        fallback=fallback,
        fallback_name=called,
        proven=proven,
        replaced=stops is True and stands == UP,
        survive_days=None if for_ever else survive,
        survives_for_ever=for_ever,
        recover_days=recover,
        gap_days=gap,
        loss=gap * plan.cost_per_day if gap is not None and plan.cost_per_day is not None else None,
        missing=missing,
    )


def _taken_over(
    plan: Plan, told: Told, stops: bool | None, stands: int
) -> tuple[str | None, str | None, bool | None, tuple[str, ...]]:
    """Return what takes over by id and by name, whether that is proven, and what is missing to prove it."""
    fallback = told[2]
    if fallback is not None and (stops is False or not plan.replacements):
        proven = next((one.proven for one in plan.replacements if _is(one, fallback)), None)
        return fallback, told[3], proven, ()
    other = None if stops is False else _best(plan, stands)
    if other is None:
        return None, None, None, ()
    return other.name, other.name, other.proven, other.lacks


def _best(plan: Plan, stands: int) -> Replacement | None:
    """Return the replacement to name: a proven one if it stands, else the one that lacks least."""
    ranked = sorted(plan.replacements, key=lambda one: (not (one.proven and stands != DOWN), len(one.lacks)))
    return ranked[0] if ranked else None


def _is(one: Replacement, fallback: str) -> bool:
    return fallback in {one.name, one.provider, f"{one.provider} {one.model}", one.model}
