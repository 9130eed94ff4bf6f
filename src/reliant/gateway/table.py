"""Says in words what each key may reach today, and why not the rest."""

from __future__ import annotations

from collections.abc import Mapping

from reliant.gateway.clock import Clock
from reliant.gateway.config import Config
from reliant.gateway.knowledge import Knowledge
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
                lines += [f"      {one.axis} {one.verdict}: {one.summary}" for one in plan.refused.because]
    return "\n".join(lines)
