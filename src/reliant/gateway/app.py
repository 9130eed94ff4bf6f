"""One request, from its first byte to the last of its answer.

The order is the point: who is it, what is asked, from where, what do the rules
say, write that down, and only then send anything to a provider. The outcome is
written before the caller can know that the answer is over.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from reliant.gateway import answers
from reliant.gateway.answers import Headers, Problem, bad_request, error_answer
from reliant.gateway.body import BadBody, Head, tokens_of
from reliant.gateway.context import Context
from reliant.gateway.forward import Forwarder, Reply, Request
from reliant.gateway.holdings import Holdings, named_in
from reliant.gateway.intake import Picked, Receive, Scope, Send, drain, pick, read_head, rtt_ms
from reliant.gateway.journal import Journal
from reliant.gateway.problems import (
    broken_off,
    not_served,
    place_problem,
    quota_exceeded,
    refusal,
    scope_problem,
    too_large,
    unknown_object,
    unmet_need,
)
from reliant.gateway.protocol import write_whole
from reliant.gateway.refusals import Refusals, load_shapes
from reliant.gateway.routes import Candidate, Plan, unmet, warning_header
from reliant.gateway.streaming import Streamer
from reliant.gateway.surface import Endpoint, find, object_ids
from reliant.gateway.upstream.client import UpstreamFailure
from reliant.gateway.upstream.target import passed_on

if TYPE_CHECKING:
    from reliant.gateway.audit.writer import ChainWriter
    from reliant.gateway.clock import Clock
    from reliant.gateway.keys import Caller
    from reliant.gateway.metrics import Metrics
    from reliant.gateway.placement import Placement
    from reliant.gateway.runtime import Runtime
    from reliant.gateway.state.shared import SharedState

_WHOLE_LIMIT = 256 << 20
_LONG_ANSWER = 65_536
_UNREAD = 65_536
"""So much of a body is read for somebody without a key; after that the connection closes."""


class Gone(Exception):
    """The caller left before its request was whole."""


class Gateway:
    """The ASGI application of one worker."""

    def __init__(
        self,
        runtime: Runtime,
        log: ChainWriter,
        metrics: Metrics,
        clock: Clock,
        holdings: Holdings,
        *,
        cold: Callable[[Gateway, Scope, Receive, Send], Awaitable[None]],
    ) -> None:
        """Make it.

        Args:
            runtime: The first configuration.
            log: The decision log of this worker.
            metrics: Its counts.
            clock: The clocks.
            holdings: Which upstream holds which object.
            cold: Answers everything that is not a call to a model: health, metrics, admin.
        """
        self.runtime = runtime
        self.log = log
        self.metrics = metrics
        self.clock = clock
        self.holdings = holdings
        self.draining = False
        self.shared: SharedState | None = None
        self.journal = Journal(log, metrics, clock)
        self._cold = cold
        self._prefix = "req_" + os.urandom(6).hex()
        self._count = 0
        self._active = 0
        self.forwarder = Forwarder(
            Refusals(load_shapes()),
            now=clock.steady,
            wall=clock.wall,
            observed=self.journal.observed,
            passes_alone=runtime.config.breaker.alone == "pass",
        )
        self.streamer = Streamer(self)
        self._day = int(clock.wall()) // 86_400

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await _lifespan(receive, send)
            return
        path = scope["path"]
        if not path.startswith("/v1/"):
            await self._cold(self, scope, receive, send)
            return
        clock = self.clock
        runtime = self.runtime
        day = int(clock.wall()) // 86_400
        if day != self._day:
            self._day = day
            runtime.admission.advance(clock.today())
        endpoint = (
            find(scope["method"], path) if scope["raw_path"] == path.encode("latin-1", "replace") else None
        )
        self._count += 1
        context = Context(runtime, endpoint or _UNKNOWN, f"{self._prefix}{self._count:08x}", clock.steady())
        if path == "/v1/models" or path.startswith("/v1/models/"):
            endpoint = context.endpoint = _MODELS
        self._active += 1
        try:
            if endpoint is None:
                await self._answer(context, send, not_served(scope["method"], path))
            else:
                await self._serve(context, endpoint, scope, receive, send)
        except Gone:
            context.status = 499
        except OSError:
            # The log cannot be written; nothing may be answered as if it had been.
            await self._answer(context, send, answers.LOG_BROKEN)
        finally:
            self._active -= 1
            meter = context.meter
            if meter is not None and not context.answered:
                meter.leave(clock.wall(), 0, 0.0)

    # the way of a request
    async def _serve(
        self, context: Context, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send
    ) -> None:
        runtime = context.runtime
        now = self.clock.wall()
        picked = pick(scope["headers"], runtime.proxies.header)
        caller = runtime.keys.find(picked.secret, now) if picked.secret else None
        if caller is None:
            whole = picked.length <= _UNREAD and await drain(receive, _UNREAD)
            await self._answer(context, send, answers.NO_KEY if whole else answers.NO_KEY_CLOSED)
            return
        context.caller = caller
        peer = scope["client"]
        address, direct = runtime.proxies.client(peer[0] if peer else "", picked.forwarded)
        context.client = address
        context.traceparent = picked.traceparent
        body = await self._body(context, picked, receive, send)
        if body is None:
            return
        if endpoint is _MODELS:
            await self._models(context, scope, send, address, direct)
            return
        try:
            head = read_head(endpoint, body, picked.content_type)
        except BadBody as error:
            await self._answer(context, send, bad_request(str(error), param=error.param))
            return
        model = head.model or ""
        context.model = model
        problem = scope_problem(caller, endpoint, model, head)
        if problem is not None:
            await self._answer(context, send, problem)
            return
        meter = runtime.meters[caller.name]
        exceeded = meter.enter(now) if meter.bounded else None
        if exceeded is not None:
            await self._answer(context, send, quota_exceeded(exceeded))
            return
        if meter.bounded:
            if self.shared is not None:
                exceeded = await self.shared.take(caller.name, meter, now)
                if exceeded is not None:
                    meter.undo()
                    await self._answer(context, send, quota_exceeded(exceeded))
                    return
            context.meter = meter
        placement = runtime.placer.place(
            address=address,
            declared=caller.country,
            key=caller.name,
            now=now,
            headers=picked.hints,
            direct=direct,
            rtt=(lambda: rtt_ms(receive)) if direct else None,
        )
        plan = await self._plan(context, endpoint, scope["path"], head, caller, placement, body)
        if isinstance(plan, Problem):
            await self._refuse(context, send, placement, None, plan, body)
            return
        candidates: tuple[Candidate, ...] | list[Candidate] = plan.candidates
        if placement.action == "block":
            await self._refuse(context, send, placement, plan, place_problem(placement), body)
            return
        if not candidates:
            await self._refuse(context, send, placement, plan, refusal(plan), body)
            return
        if plan.needs is not None:
            down = unmet(plan.needs, runtime.targets, self.clock.steady())
            if down:
                await self._refuse(context, send, placement, plan, unmet_need(down), body)
                return
        if caller.sticky:
            candidates = self._stay(caller, plan, candidates)
        number = self.journal.decided(context, placement, plan, candidates[0], body)
        self.log.start_sync()
        request = Request(
            id=context.id,
            endpoint=endpoint,
            method=scope["method"].encode(),
            suffix=scope["path"][3:],
            query=scope["query_string"],
            headers=scope["headers"],
            content_type=picked.content_type,
            body=body,
            model=model,
            stream=bool(head.stream),
            key=caller.name,
            place=placement.places[0],
            owner=caller.owner if endpoint.holds else "",
        )
        reply = await self._forward(context, request, plan, candidates, receive)
        await self.log.durable(number)
        await self._reply(context, request, plan, candidates, reply, receive, send)

    async def _forward(
        self,
        context: Context,
        request: Request,
        plan: Plan,
        candidates: tuple[Candidate, ...] | list[Candidate],
        receive: Receive,
    ) -> Reply:
        """Ask the upstreams, and stop asking when the caller leaves."""
        cycle = getattr(receive, "__self__", None)
        task = asyncio.current_task()
        if cycle is not None and task is not None and hasattr(cycle, "on_lost"):
            cycle.on_lost = task.cancel
        try:
            return await self.forwarder.send(request, plan, candidates)
        except asyncio.CancelledError:
            if cycle is None or not cycle.disconnected:
                raise
            if task is not None:
                task.uncancel()
            self.journal.ended(context, 499, "caller left", 0, 0, streamed=False)
            raise Gone from None
        finally:
            if cycle is not None:
                cycle.on_lost = None

    async def _body(self, context: Context, picked: Picked, receive: Receive, send: Send) -> bytes | None:
        limit = context.runtime.config.limits.body_bytes
        if picked.length > limit:
            await self._answer(context, send, too_large(limit))
            return None
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body"):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    await self._answer(context, send, too_large(limit))
                    return None
            body = b"".join(parts)
        return body

    async def _plan(
        self,
        context: Context,
        endpoint: Endpoint,
        path: str,
        head: Head,
        caller: Caller,
        placement: Placement,
        body: bytes,
    ) -> Plan | Problem:
        """Return where the request may go: where its objects are held, else along its route."""
        routes = context.runtime.routes
        refers = object_ids(path) if endpoint.model_optional else []
        refers += head.refers_to()
        named = {*refers, *named_in(body)}
        stranger = await self.holdings.foreign(named, caller.owner) if named else None
        if stranger is not None:
            return unknown_object(stranger)
        for object_id in refers:
            upstream = await self.holdings.find(object_id, caller.owner)
            if upstream is None:
                continue
            plan = routes.held_at(caller, upstream, context.model, placement.places)
            return plan if plan is not None else unknown_object(object_id)
        if refers:
            return unknown_object(refers[0])
        plan = routes.plan(caller, context.model, placement.places)
        if plan is None:
            return Problem(
                status=404,
                code="model_not_found",
                message=f"No route of this gateway serves the model {context.model!r}.",
                param="model",
                retry=False,
            )
        return plan

    def _stay(
        self, caller: Caller, plan: Plan, candidates: tuple[Candidate, ...] | list[Candidate]
    ) -> tuple[Candidate, ...] | list[Candidate]:
        """Put the upstream first that this caller was moved to a moment ago."""
        kept = caller.sticky.get(plan.route.model)
        if kept is None:
            return candidates
        if self.clock.steady() >= kept[1]:
            del caller.sticky[plan.route.model]
            return candidates
        return sorted(candidates, key=lambda one: one.target.name != kept[0])

    # answering
    async def _refuse(
        self,
        context: Context,
        send: Send,
        placement: Placement,
        plan: Plan | None,
        problem: Problem,
        body: bytes,
    ) -> None:
        """Write a refusal down, then tell the caller."""
        number = self.journal.refused(context, placement, plan, problem, body)
        await self.log.durable(number)
        await self._answer(context, send, problem)

    async def _answer(self, context: Context, send: Send, problem: Problem) -> None:
        """Send an answer of our own."""
        status, headers, body = error_answer(problem, context.dialect, context.id)
        context.status = status
        self.metrics.answered(
            context.endpoint.name,
            context.upstream or "",
            context.action,
            status,
            self.clock.steady() - context.began,
        )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _reply(
        self,
        context: Context,
        request: Request,
        plan: Plan,
        candidates: tuple[Candidate, ...] | list[Candidate],
        reply: Reply,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send what the upstreams gave."""
        context.attempts = tuple(reply.attempts)
        candidate = reply.candidate
        if candidate is not None:
            context.upstream = candidate.target.name
            context.served = candidate.model
        if reply.problem is not None or candidate is None:
            problem = reply.problem or answers.LOG_BROKEN
            self.journal.ended(context, problem.status, problem.code, 0, 0, streamed=False)
            await self._send_problem(context, problem, send)
            return
        if candidate is not candidates[0]:
            self._moved(context, plan, candidate)
        headers = self._headers(context, request, candidate, reply)
        exchange = reply.exchange
        if exchange is not None and not exchange.complete:
            kind = exchange.header(b"content-type") or b""
            if kind.startswith(b"text/event-stream"):
                await self.streamer.run(context, request, plan, candidates, reply, headers, receive, send)
                return
            if int(exchange.header(b"content-length") or 0) > _LONG_ANSWER and not request.endpoint.listing:
                await self.streamer.pass_on(context, reply, headers, send)
                return
        body = reply.body
        if exchange is not None:
            if not exchange.complete:
                try:
                    body += await exchange.rest(_WHOLE_LIMIT)
                except UpstreamFailure:
                    problem = broken_off(candidate.target.name)
                    self.journal.ended(context, problem.status, "cut", 0, 0, streamed=False)
                    await self._send_problem(context, problem, send)
                    return
            if (exchange.header(b"content-type") or b"").startswith(b"text/event-stream"):
                reply.body = body
                await self.streamer.run(context, request, plan, candidates, reply, headers, receive, send)
                return
            exchange.release()
        tokens_in, tokens_out = tokens_of(body) if reply.status < 400 else (0, 0)
        how = reply.translation
        if how is not None:
            body = how.answer(body) if reply.status < 400 else how.error(reply.status, body)
        if request.endpoint.holds or request.endpoint.listing:
            caller = context.caller
            owner = caller.owner if caller is not None else ""
            body = await self.holdings.seen(request, reply.status, body, candidate.target.name, owner)
        self.journal.ended(context, reply.status, "whole", tokens_in, tokens_out, streamed=False)
        if write_whole(getattr(receive, "__self__", None), reply.status, headers, body):
            return
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _send_problem(self, context: Context, problem: Problem, send: Send) -> None:
        status, headers, body = error_answer(problem, context.dialect, context.id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _moved(self, context: Context, plan: Plan, candidate: Candidate) -> None:
        self.metrics.failovers.labels("before").inc()
        if plan.route.sticky_s and context.caller is not None:
            until = self.clock.steady() + plan.route.sticky_s
            context.caller.sticky[plan.route.model] = (candidate.target.name, until)

    def _headers(self, context: Context, request: Request, candidate: Candidate, reply: Reply) -> Headers:
        headers = passed_on(reply.headers)
        headers.append((b"x-reliant-request-id", context.id))
        headers += candidate.headers
        if candidate.target.config.ignores:
            headers += [
                warning_header(one) for one in _ignored(request.body, candidate.target.config.ignores)
            ]
        if reply.translation is not None:
            headers += [warning_header(one) for one in reply.translation.warnings]
        return headers

    async def _models(self, context: Context, scope: Scope, send: Send, address: str, direct: bool) -> None:
        """List the names this caller may use here and now."""
        runtime, caller = context.runtime, context.caller
        if caller is None:
            return
        placement = runtime.placer.place(
            address=address,
            declared=caller.country,
            key=caller.name,
            now=self.clock.wall(),
            headers={},
            direct=direct,
            rtt=None,
        )
        listed = []
        for name in runtime.model_names():
            plan = runtime.routes.plan(caller, name, placement.places) if name in caller.models else None
            if plan is not None and plan.candidates:
                owner = plan.candidates[0].target.config.provider
                listed.append({"id": name, "object": "model", "created": 0, "owned_by": owner})
        wanted = scope["path"].removeprefix("/v1/models").strip("/")
        result: dict[str, object] = {"object": "list", "data": listed, "has_more": False}
        if wanted:
            one = next((entry for entry in listed if entry["id"] == wanted), None)
            if one is None:
                problem = Problem(
                    status=404, code="model_not_found", message=f"There is no model {wanted!r}.", retry=False
                )
                await self._answer(context, send, problem)
                return
            result = dict(one)
        body = msgspec.json.encode(result)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers.append((b"x-request-id", context.id))
        self.metrics.answered("models", "", "allow", 200, self.clock.steady() - context.began)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @property
    def active(self) -> int:
        """How many requests are being served."""
        return self._active


_UNKNOWN = Endpoint("unknown", "none")
_MODELS = Endpoint("models", "none")


def _ignored(body: bytes, ignores: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"the parameter {name} is ignored by this upstream"
        for name in ignores
        if b'"' + name.encode() + b'"' in body
    )


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
