"""Where a request may go: to the provider that holds its objects, else along its route.

Everything it lets run is judged, not only the model that it names first: the lines of
a batch, a provider's own fallbacks, a tool that is a model, and what a stored object
runs. That is read at the provider before it is run, for who stored it may have been
permitted more than who runs it now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.gateway.api.answers import Problem, bad_request
from reliant.gateway.api.body import BadBody
from reliant.gateway.api.named_models import Inside, inside, inside_lines, others
from reliant.gateway.api.named_objects import named_in, references
from reliant.gateway.api.surface import object_ids
from reliant.gateway.serve.inquiry import Inquiry, ask
from reliant.gateway.serve.intake import Passage
from reliant.gateway.serve.lists import listed
from reliant.gateway.serve.problems import (
    endpoint_problem,
    held_apart,
    held_elsewhere,
    model_problem,
    no_messages,
    no_route,
    not_judged,
    unknown_object,
)

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.api.body import Head
    from reliant.gateway.route.routes import Plan
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.serve.context import Context

_LONG = 1 << 18
"""A body of this size is looked through beside the loop, where it must be looked through at all."""

_READ_S = 30.0
_ITEMS = frozenset({"responses", "conversations"})
"""What is asked for with items, of which one may only refer to another."""

_RUNS = {"threads": ("asst", "assistants"), "evals": ("eval", "evals"), "videos": ("video", "videos")}
"""What is run there: how its ids begin, and where it can be read."""


class Destinations:
    """Finds out for one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def find(self, context: Context, head: Head, placement: Placement) -> Plan | Problem:
        """Return where a request may go; its candidates are none if the rules refuse all."""
        caller, body = context.caller, context.body
        assert caller is not None
        endpoint, path = context.endpoint, context.call.path
        # Where no form is asked for, the body was read as JSON, whatever it is said to be.
        kind = context.picked.content_type if endpoint.body == "form" else b"application/json"
        if endpoint.listing:
            return await self._list(context, caller, placement)
        try:
            named = named_in(body, kind, endpoint, hidden=head.hidden)
            more = others(head, body, kind) if body else []
            within = await self._inside(context, kind) if endpoint.objects and body else Inside([], [])
        except BadBody as error:
            return bad_request(str(error), param=error.param)
        if context.model.startswith("ft:"):
            named.add(context.model)  # made by somebody here, perhaps
        refers = (object_ids(path) if endpoint.objects else []) + head.refers_to()
        needed = references(body) if endpoint.name in _ITEMS else []
        named |= {*needed, *within.objects}
        plan = await self._first(context, caller, refers, named, needed, placement)
        if isinstance(plan, Problem):
            return plan
        if endpoint.runs_stored:
            read = await self._stored(context, placement, plan, head, {*refers, *named})
            if isinstance(read, Problem):
                return read
            stranger = await self._gateway.holdings.foreign(read.objects, caller.owner)
            if stranger is not None:
                return unknown_object(stranger)
            within = within.and_also(read)
        return self._judged(context, caller, plan, more, within, placement)

    async def _list(self, context: Context, caller: Caller, placement: Placement) -> Plan | Problem:
        """Return where the first page of a list comes from."""
        routes = context.runtime.routes
        plan = await listed(context, self._gateway.holdings, caller, placement)
        if plan is not None:
            return plan
        if context.dialect == "anthropic":
            return routes.of_format(caller, "anthropic", placement.places) or no_messages()
        return routes.plan(caller, "", placement.places) or no_route("")

    async def _first(
        self,
        context: Context,
        caller: Caller,
        refers: list[str],
        named: set[str],
        needed: list[str],
        placement: Placement,
    ) -> Plan | Problem:
        """Return where the request may go as far as its objects and its own model say.

        Args:
            context: The request.
            caller: Who asks.
            refers: The ids that it is about.
            named: What else in it may be an id.
            needed: Those of them that mean nothing if they are not known.
            placement: Where it comes from.
        """
        routes = context.runtime.routes
        ids = [*refers, *sorted(named)]
        held = await self._gateway.holdings.known(ids) if ids else {}
        holders: dict[str, str] = {}
        for object_id, (upstream, owner) in held.items():
            if owner != caller.owner:
                return no_route(object_id) if object_id == context.model else unknown_object(object_id)
            holders.setdefault(upstream, object_id)
        for object_id in needed:
            if object_id not in held:
                return unknown_object(object_id)
        if len(holders) > 1:
            return held_apart(holders)
        if holders:
            ((upstream, object_id),) = holders.items()
            return self._held(context, caller, upstream, object_id, placement)
        if refers:
            return unknown_object(refers[0])
        if not context.model and context.dialect == "anthropic":
            return routes.of_format(caller, "anthropic", placement.places) or no_messages()
        return routes.plan(caller, context.model, placement.places) or no_route(context.model)

    def _held(
        self, context: Context, caller: Caller, upstream: str, object_id: str, placement: Placement
    ) -> Plan | Problem:
        """Return the plan for what is held at `upstream`: there or nowhere."""
        routes, model = context.runtime.routes, context.model
        there = routes.held_at(caller, upstream, model, placement.places)
        if there is None:
            return unknown_object(object_id)
        if not model or not there.candidates or model == object_id:
            return there
        routed = routes.plan(caller, model, placement.places)
        if routed is None or upstream not in routed.route.upstreams:
            return held_elsewhere(object_id, upstream, model)
        return routed._replace(
            candidates=tuple(one for one in routed.candidates if one.target.name == upstream)
        )

    async def _inside(self, context: Context, kind: bytes) -> Inside:
        endpoint, body = context.endpoint, context.body
        if len(body) > _LONG:
            return await asyncio.to_thread(inside, endpoint, body, kind)
        return inside(endpoint, body, kind)

    async def _stored(
        self, context: Context, placement: Placement, plan: Plan, head: Head, ids: Iterable[str]
    ) -> Inside | Problem:
        """Return what runs that was stored before: a batch's file, an assistant, an evaluation, a video."""
        if not plan.candidates:
            return Inside([], [])
        kind, found = context.endpoint.name, Inside([], [])
        if kind == "batches":
            places = [f"/files/{head.input_file_id}/content"] if head.input_file_id else []
        else:
            begins, where = _RUNS[kind]
            places = [f"/{where}/{one}" for one in sorted(ids) if one.startswith(begins + "_")]
        for number, place in enumerate(places):
            text = await self._read(context, placement, plan, place, number)
            if text is None:
                return not_judged(place)
            try:
                if kind == "batches":
                    read = await asyncio.to_thread(inside_lines, text)
                else:
                    read = inside(context.endpoint, text, b"application/json")
            except BadBody as error:
                return bad_request(str(error), param=error.param)
            found = found.and_also(read)
        return found

    async def _read(
        self, context: Context, placement: Placement, plan: Plan, place: str, number: int
    ) -> bytes | None:
        """Return what the provider has at a place; None if it does not say."""
        runtime, caller = context.runtime, context.caller
        assert caller is not None
        day = runtime.admission.today
        only = plan._replace(candidates=plan.candidates[:1])
        passage = Passage(0.0, runtime, caller, context.client, day, placement, only, None, {})
        endpoint = context.endpoint._replace(body="none", holds=False)
        question = Inquiry(context, passage, endpoint, place, number)
        limit = runtime.config.limits.body_bytes
        return await ask(self._gateway, question, limit=limit, seconds=_READ_S)

    def _judged(
        self,
        context: Context,
        caller: Caller,
        plan: Plan,
        others: list[str],
        within: Inside,
        placement: Placement,
    ) -> Plan | Problem:
        """Return the plan as far as everything that runs is in the key's scope and permitted."""
        routes, endpoint = context.runtime.routes, context.endpoint
        for kind in within.endpoints:
            if kind not in caller.endpoints:
                return endpoint_problem(kind)
        for model in (*others, *within.models):
            if model not in caller.models:
                return model_problem(model)
        models = [model for model in (*others, *within.models) if model]
        if models and endpoint.name in {"files", "message_batches"}:
            # A batch belongs where its models are served.
            routed = routes.plan(caller, models[0], placement.places)
            if routed is None:
                return no_route(models[0])
            plan = routed
        return routes.within(caller, plan, models, placement.places)
