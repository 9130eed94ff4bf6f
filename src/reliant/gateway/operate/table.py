"""Says in words what each key may reach today, and why not the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.clock import Clock
from reliant.gateway.config import Config
from reliant.gateway.runtime import Runtime


def permissions(config: Config, knowledge: Knowledge, clock: Clock, env: Mapping[str, str]) -> str:
    """Return one paragraph per key, with a line per route and upstream."""
    runtime = Runtime(config, knowledge, clock, env)
    lines: list[str] = []
    for caller in runtime.keys.callers:
        lines.append(f"key {caller.name}, in {caller.country or 'no stated place'}, on {clock.today()}")
        for route in config.route:
            model = route.model if not set(route.model) & set("*?[") else ""
            plan = runtime.routes.plan(caller, model or route.model, (caller.country,))
            if plan is None:
                continue
            lines.append(f"  {route.model}")
            for candidate in plan.candidates:
                lines.append(
                    f"    {candidate.target.name}: {candidate.ruling.action} ({candidate.ruling.verdict})"
                )
                lines += [f"      {value.decode()}" for _, value in candidate.headers]
            for reason in plan.left_out:
                lines.append(f"    left out: {reason}")
            if not plan.candidates and plan.refused is not None:
                for one in plan.refused.because:
                    lines.append(f"      {one.axis} {one.verdict}: {one.summary}")
                    if plan.refused.verdict == "UNKNOWN" and one is plan.refused.because[0]:
                        lines += [f"        would decide it: {question}" for question in one.missing]
                        lines += [f"        say it in [[tenant]]: {key}" for key in _keys(one.missing)]
    return "\n".join(lines)


_TENANT_KEYS = {
    "owner.share": 'owner_country = ".."',
    "company.country": 'country = ".."',
    "sector": 'sector = ".."',
    "user.nationality": 'nationality = "..", where you may lawfully ask',
}


def _keys(missing: Iterable[str]) -> list[str]:
    """Return how the configuration says what is missing."""
    found: dict[str, None] = {}
    for question in missing:
        fact = question.partition(":")[0].partition("[")[0]
        found[_TENANT_KEYS.get(fact, f'facts = {{ "{fact}" = .. }}')] = None
    return list(found)
