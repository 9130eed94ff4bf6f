"""Which upstreams may serve a request, in which order, and why others may not.

A plan is made once per caller profile, model and place, and kept until the day or
the configuration changes. Health is looked at only when the plan is carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reliant.core.need import AllOf, AnyOf, Need, Supplier, met
from reliant.core.truth import Truth
from reliant.gateway.admit.admission import Admission, Ruling
from reliant.gateway.admit.globs import GlobTable
from reliant.gateway.admit.keys import Caller
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.config import Config, Route
from reliant.gateway.upstream.target import Target

_PLANS = 50_000
_WARNINGS_SHOWN = 5
_LONGEST_WARNING = 400


class Candidate(NamedTuple):
    """One upstream that may serve, with the name it knows the model by."""

    target: Target
    model: str
    substitute: bool
    ruling: Ruling
    headers: tuple[tuple[bytes, bytes], ...]
    """What every answer by it says of itself: the substitute's name, and warnings."""


class Plan(NamedTuple):
    """What may happen to a request.

    Attributes:
        candidates: In order; none if the rules refuse all.
        refused: The ruling on the first upstream, if that one was refused.
        left_out: Why other upstreams are no candidates, as `name: reason`.
    """

    route: Route
    candidates: tuple[Candidate, ...]
    refused: Ruling | None
    left_out: tuple[str, ...]
    needs: Need | None


class Routes:
    """The routes of one configuration."""

    def __init__(
        self, config: Config, targets: Mapping[str, Target], admission: Admission, knowledge: Knowledge
    ) -> None:
        self._all = config.route
        self.table: GlobTable[Route] = GlobTable((route.model, route) for route in config.route)
        self._targets = targets
        self._admission = admission
        self._knowledge = knowledge
        self._plans: dict[tuple[str, int, tuple[str | None, ...]], Plan] = {}
        self._day = admission.today

    def plan(self, caller: Caller, model: str, places: tuple[str | None, ...]) -> Plan | None:
        """Return the plan for `model`; None if no route serves it."""
        mark = (model, caller.profile, places)
        if self._day is not self._admission.today:
            self._day = self._admission.today
            self._plans.clear()
        found = self._plans.get(mark)
        if found is not None:
            return found
        route = self.table.find(model)
        if route is None and not model:
            route = self._all[0] if self._all else None  # about no model in particular: a file, a list
        if route is None:
            return None
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        found = self._plans[mark] = self._make(route, caller, model, places)
        return found

    def of_any(self, route: Route, caller: Caller, places: tuple[str | None, ...]) -> Plan:
        """Return the plan of a route for no model in particular."""
        return self._make(route, caller, "", places)

    def held_at(
        self, caller: Caller, upstream: str, model: str, places: tuple[str | None, ...]
    ) -> Plan | None:
        """Return the plan for an object that `upstream` holds: there or nowhere."""
        target = self._targets.get(upstream)
        if target is None:
            return None
        named = target.config.models.get(model, model)
        ruling = self._admission.both(caller, upstream, named, places)
        route = Route(model=model or "*", upstreams=(upstream,), retries=0)
        if ruling.action == "refuse":
            return Plan(route, (), ruling, (), None)
        candidate = Candidate(target, named, False, ruling, _headers(named, False, _warnings(ruling)))
        return Plan(route, (candidate,), None, (), None)

    def within(
        self, caller: Caller, plan: Plan, models: Iterable[str], places: tuple[str | None, ...]
    ) -> Plan:
        """Return `plan` without the upstreams that one of these models may not be asked of."""
        candidates = plan.candidates
        for model in models:
            for candidate in candidates:
                name = candidate.target.name
                ruling = self._admission.both(caller, name, model, places)
                alias = candidate.target.config.models.get(model, model) != model
                if ruling.action == "refuse":
                    reason = f"{name}: {_refused(ruling)}"
                elif alias:
                    reason = f"{name}: {model} is another name there, and names inside are not replaced"
                else:
                    continue
                candidates = tuple(one for one in candidates if one is not candidate)
                refused = plan.refused or (None if alias else ruling)
                plan = plan._replace(
                    candidates=candidates, refused=refused, left_out=(*plan.left_out, reason)
                )
        return plan

    def of_format(self, caller: Caller, api: str, places: tuple[str | None, ...]) -> Plan | None:
        """Return the plan for a request about no model in a format of its own; None if nobody speaks it."""
        named = dict.fromkeys(name for route in self._all for name in route.upstreams)
        names = tuple(name for name in named if self._targets[name].config.api == api)
        if not names:
            return None
        return self._make(Route(model="*", upstreams=names), caller, "", places)

    def _make(self, route: Route, caller: Caller, model: str, places: tuple[str | None, ...]) -> Plan:
        candidates: list[Candidate] = []
        left_out: list[str] = []
        refused: Ruling | None = None
        for position, name in enumerate(route.upstreams):
            target = self._targets[name]
            swapped = name in route.substitutes and bool(model)
            named = target.config.models.get(model, model)
            if swapped:
                named = route.substitutes[name]
            ruling = self._admission.both(caller, name, named, places)
            if ruling.action == "refuse":
                left_out.append(f"{name}: {_refused(ruling)}")
                if position == 0 or refused is None:
                    refused = ruling
                continue
            warnings = _warnings(ruling)
            if position > 0:
                reason, doubt = self._descends(route, named, model if swapped else None)
                if reason:
                    left_out.append(f"{name}: {reason}")
                    continue
                warnings += doubt
            candidates.append(Candidate(target, named, swapped, ruling, _headers(named, swapped, warnings)))
        return Plan(route, tuple(candidates), refused, tuple(left_out), _need(route))

    def _descends(self, route: Route, named: str, asked: str | None) -> tuple[str, tuple[str, ...]]:
        """Return why a substitute is not independent of what it replaces, or a doubt about it."""
        if route.independent_of:
            answer, of = self._knowledge.descends(named, route.independent_of)
            if answer is Truth.YES:
                return f"{named} descends from {of}", ()
            if answer is Truth.UNKNOWN:
                return f"it is not known whether {named} descends from {of}", ()
            return "", ()
        if asked is None:
            return "", ()
        answer, of = self._knowledge.descends(named, (asked,))
        if answer is Truth.YES and named != asked:
            return f"{named} descends from {of}, which it would replace", ()
        doubt = f"whether {named} descends from {asked} is not known"
        return "", (doubt,) if answer is Truth.UNKNOWN else ()


def _refused(ruling: Ruling) -> str:
    if ruling.rules:
        return f"refused by {ruling.rules[0]}"
    return f"refused: {ruling.because[0].summary}" if ruling.because else "refused"


def _warnings(ruling: Ruling) -> tuple[str, ...]:
    first = {one.axis: one for one in reversed(ruling.because)}
    return tuple(
        f"{one.axis} {one.verdict}" + (f": {one.rule}" if one.rule else "") for one in first.values()
    )


def warning_header(text: str) -> tuple[bytes, bytes]:
    """Return a header that carries a warning."""
    plain = "".join(one if " " <= one <= "~" else "?" for one in text)  # it may hold what a caller wrote
    return b"x-reliant-warning", plain.encode()[:_LONGEST_WARNING]


def _headers(model: str, swapped: bool, warnings: tuple[str, ...]) -> tuple[tuple[bytes, bytes], ...]:
    said = tuple(warning_header(one) for one in warnings[:_WARNINGS_SHOWN])
    return ((b"x-reliant-substitute", model.encode("ascii", "replace")), *said) if swapped else said


def _need(route: Route) -> Need | None:
    if not route.needs:
        return None
    return AllOf(
        tuple(
            Supplier(part) if isinstance(part, str) else AnyOf(tuple(Supplier(one) for one in part))
            for part in route.needs
        )
    )


def unmet(need: Need, targets: Mapping[str, Target], now: float) -> list[str]:
    """Return the upstreams that are down and without which `need` is not met; empty if it is."""

    def there(name: str) -> bool:
        health = targets[name].health
        return health.state in {"closed", "half-open"} or now >= health.open_until

    if met(need, there):
        return []
    parts = need.of if isinstance(need, AllOf) else (need,)
    down = [part for part in parts if not met(part, there)]
    return [name for part in down for name in _names(part)]


def _names(need: Need) -> list[str]:
    if isinstance(need, Supplier):
        return [need.id]
    return [name for part in need.of for name in _names(part)]
