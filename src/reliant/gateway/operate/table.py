"""Says in words what each key may reach today, and why not the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reliant.gateway.admit.admission import Because, Ruling
from reliant.gateway.admit.keys import Caller
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.clock import Clock
from reliant.gateway.config import Config, Route
from reliant.gateway.route.routes import Plan
from reliant.gateway.runtime import Runtime

_SHOWN = 3
_WARNED = {"warn": "with warnings", "allow": "yes"}


def permissions(config: Config, knowledge: Knowledge, clock: Clock, env: Mapping[str, str]) -> str:
    """Return one paragraph per kind of key, with a line per route and upstream."""
    runtime = Runtime(config, knowledge, clock, env)
    models = {key.name: key.models for key in config.key}
    alike: dict[tuple[int, tuple[str, ...]], list[Caller]] = {}
    for caller in runtime.keys.callers:
        alike.setdefault((caller.profile, models[caller.name]), []).append(caller)
    lines: list[str] = []
    for (_, scope), callers in alike.items():
        first = callers[0]
        keys = ", ".join(one.name for one in callers)
        lines.append(f"key {keys}, in {first.country or 'no stated place'}, on {clock.today()}")
        if "*" not in scope:
            lines.append(f"  may ask for {', '.join(scope) or 'nothing'}")
        for route in config.route:
            if _may_ask(first, route):
                lines += _route(runtime, first, route)
    return "\n".join(lines)


def _may_ask(caller: Caller, route: Route) -> bool:
    return bool(set(route.model) & set("*?[")) or route.model in caller.models


def _route(runtime: Runtime, caller: Caller, route: Route) -> Iterator[str]:
    places = (caller.country,)
    if set(route.model) & set("*?["):
        yield f"  {route.model} (of a model in particular more may be known)"
        plan: Plan | None = runtime.routes.of_any(route, caller, places)
    else:
        yield f"  {route.model}"
        plan = runtime.routes.plan(caller, route.model, places)
    if plan is None:
        return
    for candidate in plan.candidates:
        ruling = candidate.ruling
        yield f"    {candidate.target.name}: {_WARNED[ruling.action]} ({ruling.verdict})"
        yield from _reasons(ruling)
    for reason in plan.left_out:
        yield f"    {reason}"
        name = reason.partition(": ")[0]
        ruling = runtime.admission.ruling(caller, name, _served_as(runtime, route, name), caller.country)
        if ruling.action == "refuse":
            yield from _reasons(ruling)


def _served_as(runtime: Runtime, route: Route, upstream: str) -> str:
    """Return the name that an upstream knows a route's model by; nothing for those behind a glob."""
    if set(route.model) & set("*?["):
        return ""
    models = runtime.targets[upstream].config.models
    return route.substitutes.get(upstream) or models.get(route.model, route.model)


def _reasons(ruling: Ruling) -> Iterator[str]:
    """Yield the first reasons on each axis; what they rest on, and what would decide them."""
    count: dict[str, int] = {}
    for one in ruling.because:
        count[one.axis] = count.get(one.axis, 0) + 1
        if count[one.axis] > _SHOWN:
            continue
        since = f", since {one.since}" if one.since else ""
        yield f"      {one.axis} {one.verdict}: {one.summary} [{one.rule or 'no rule'}{since}]"
        yield from _details(one)
    for axis, number in count.items():
        if number > _SHOWN:
            yield f"      {axis}: {number - _SHOWN} more"


def _details(one: Because) -> Iterator[str]:
    if one.source_url or one.source:
        yield f"        source: {', '.join(part for part in (one.source, one.source_url) if part)}"
    if one.rests_on:
        yield f"        rests on: {'; '.join(one.rests_on)}"
    for question in one.missing:
        yield f"        would decide it: {question}"
    for key in _keys(one.missing):
        yield f"        say it in [[tenant]]: {key}"


_TENANT_KEYS = {
    "user.region": 'country = ".."; for everybody: [place] country = ".."',
    "owner.share": 'owner_country = ".."',
    "company.country": 'country = ".."',
    "sector": 'sector = ".."',
    "user.nationality": 'nationality = "..", where you may lawfully ask',
}


def _keys(missing: Iterable[str]) -> list[str]:
    """Return how the configuration says what is missing."""
    found: dict[str, None] = {}
    for question in missing:
        fact = question.partition(": ")[0].partition("[")[0]
        if fact != "model":  # the request names it
            found[_TENANT_KEYS.get(fact, f'facts = {{ "{fact}" = .. }}')] = None
    return list(found)
