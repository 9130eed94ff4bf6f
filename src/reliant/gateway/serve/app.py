"""One request, from its first byte to the last of its answer.

The order is the point: who is it, what is asked, from where, what do the rules
say, write that down, and only then send anything to a provider. The outcome is
written before the caller can know that the answer is over.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from reliant.errors import StoreAway
from reliant.gateway.api import answers
from reliant.gateway.api.answers import Problem, bad_request, error_answer
from reliant.gateway.api.body import BadBody, Head
from reliant.gateway.api.named_objects import like_another
from reliant.gateway.api.refusals import Refusals, load_shapes
from reliant.gateway.api.surface import MODELS, SESSION, UNKNOWN, Endpoint
from reliant.gateway.http.heads import AHEAD
from reliant.gateway.http.running import as_task
from reliant.gateway.route.prices import within_budget
from reliant.gateway.route.routes import Candidate, Plan, unmet
from reliant.gateway.serve.catalogue import Catalogue
from reliant.gateway.serve.context import Context
from reliant.gateway.serve.destination import Destinations
from reliant.gateway.serve.forward import Forwarder
from reliant.gateway.serve.holdings import Holdings
from reliant.gateway.serve.intake import (
    Passage,
    Picked,
    drain,
    endpoint_of,
    pick,
    read_head,
    rtt_ms,
)
from reliant.gateway.serve.journal import Journal
from reliant.gateway.serve.lane import FEW, lane_for
from reliant.gateway.serve.problems import (
    not_served,
    place_problem,
    quota_exceeded,
    refusal,
    scope_problem,
    too_large,
    unmet_need,
)
from reliant.gateway.serve.replies import Replier

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.audit.writer import ChainWriter
    from reliant.gateway.clock import Clock
    from reliant.gateway.http.call import Call
    from reliant.gateway.metrics import Metrics
    from reliant.gateway.runtime import Runtime
    from reliant.gateway.state.shared import SharedState
    from reliant.gateway.upstream.client import Exchange

_REMEMBERED_S = 1.0
_PASSAGES = 8

_UNREAD = 65_536
"""So much of a body is read for somebody without a key; after that the connection closes."""


class Gone(Exception):
    """The caller left before its request was whole."""


class Gateway:
    """What one worker does with each request."""

    def __init__(
        self,
        runtime: Runtime,
        log: ChainWriter,
        metrics: Metrics,
        clock: Clock,
        holdings: Holdings,
        *,
        cold: Callable[[Gateway, Call], Awaitable[None]],
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
        self._prefix = b"req_" + os.urandom(6).hex().encode()
        self._count = 0
        self.active = 0
        self.forwarder = Forwarder(
            Refusals(load_shapes()),
            now=clock.steady,
            wall=clock.wall,
            observed=self.journal.observed,
            passes_alone=runtime.config.breaker.alone == "pass",
            after=log.after,
        )
        self.replier = Replier(self)
        self.catalogue = Catalogue(self)
        self._destinations = Destinations(self)
        self._day = int(clock.wall()) // 86_400

    async def serve(self, call: Call) -> None:
        """Serve one request."""
        endpoint = endpoint_of(call)
        if endpoint is None:
            await as_task()
            await self._cold(self, call)
            return
        clock = self.clock
        runtime = self.runtime
        now = clock.wall()
        day = int(now) // 86_400
        if day != self._day:
            self._day = day
            runtime.admission.advance(clock.today())
        context = Context(runtime, endpoint, call, self.new_id(), clock.steady())
        self.active += 1
        if endpoint.name == UNKNOWN.name:
            self.answer(context, call, not_served(call.method, call.path, session=endpoint is SESSION))
            self.active -= 1
        else:
            await self._to_its_end(context, call, self._serve(context, endpoint, call, now))

    async def go_on(self, context: Context, call: Call, number: int, sent: Exchange) -> None:
        """Serve a request on that was let in, written down as `number` and sent already."""
        plan = context.passage.plan
        work = self._carry_out(context, call, plan, plan.candidates, number, sent)
        await self._to_its_end(context, call, work)

    async def _to_its_end(self, context: Context, call: Call, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of a request, and what must be done however that ends."""
        try:
            await work
        except Gone:
            context.status = 499
        except OSError:
            # The log cannot be written; nothing may be answered as if it had been.
            self.answer(context, call, answers.LOG_BROKEN)
        except StoreAway:
            self.journal.broke_off(context, answers.STORE_AWAY.status, "the store is away")
            self.answer(context, call, answers.STORE_AWAY)
        finally:
            self.active -= 1
            meter = context.meter
            if meter is not None and not context.answered:
                meter.leave(self.clock.wall(), 0, 0.0)

    def new_id(self) -> bytes:
        """Return the id of the next request."""
        self._count += 1
        return b"%b%08x" % (self._prefix, self._count)

    # the way of a request
    async def _serve(self, context: Context, endpoint: Endpoint, call: Call, now: float) -> None:
        runtime = context.runtime
        picked = context.picked = pick(call, runtime.proxies.header)
        caller = runtime.keys.find(picked.secret, now) if picked.secret is not None else None
        call.head.known = caller is not None
        if caller is None:
            if call.length > _UNREAD or not await drain(call, _UNREAD):
                call.keep_alive = False
            self.answer(context, call, answers.NO_KEY)
            return
        context.caller = caller
        address, direct = call.client, True
        if picked.forwarded:
            address, direct = runtime.proxies.client(address, picked.forwarded)
        context.client = address
        if call.whole and len(call.body) <= runtime.config.limits.body_bytes:
            body = call.body
        else:
            begun = await self._body(context, call)
            if begun is None:
                return
            body = begun
        context.body = body
        if body and endpoint.body == "none":
            self.answer(context, call, bad_request(f"A {call.method} of this path has no body."))
            return
        if endpoint.name == MODELS.name:
            await self.catalogue.answer(context, call, direct=direct)
            return
        try:
            head = read_head(endpoint, body, picked.content_type)
        except BadBody as error:
            self.answer(context, call, bad_request(str(error), param=error.param))
            return
        model = context.model = head.model or ""
        passage = picked.passages.get((call.method, call.path, call.query, model))
        if passage is not None and not (
            passage.holds(runtime, caller, address, now) and body and like_another(endpoint, head, body)
        ):
            passage = None
        if passage is None:
            problem = scope_problem(caller, endpoint, model, head)
            if problem is not None:
                self.answer(context, call, problem)
                return
        meter = runtime.meters[caller.name]
        if meter.bounded:
            exceeded = meter.enter(now)
            if exceeded is None and self.shared is not None:
                exceeded = await self.shared.take(caller.name, meter, now)
                if exceeded is not None:
                    meter.undo()
            if exceeded is not None:
                self.answer(context, call, quota_exceeded(exceeded, caller.quota))
                return
            context.meter = meter
        if passage is None:
            passage = await self._decide(context, endpoint, head, picked, call, body, direct=direct)
            if passage is None:
                return
        context.passage = passage
        placement, plan = passage.placement, passage.plan
        candidates: Sequence[Candidate] = plan.candidates
        if plan.needs is not None:
            down = unmet(plan.needs, runtime.targets, self.clock.steady())
            if down:
                await self._refuse(context, call, placement, plan, unmet_need(down), body)
                return
        if caller.sticky:
            candidates = self._stay(caller, plan, candidates)
        said = passage.said
        if said is not None and body and candidates is plan.candidates:
            context.action = said.action
            number = self.journal.decided_alike(said, context.id, body)
        else:
            number = self.journal.decided(context, placement, candidates[0], body)
        if call.head.learnt and passage.heads:
            # It is the second of its kind: the third need not come this way.
            call.head.lane = lane_for(self, context, call)
        log = self.log
        if self.active <= FEW:
            log.flush()
        if log.to_disk:
            log.start_sync(alone=self.active <= FEW)
        context.holds = endpoint.holds or head.keeps()
        if context.holds or endpoint.listing:
            context.owner = caller.owner
        if call.disconnected:
            self.journal.ended(context, 499, "caller left", 0, 0, streamed=False)
            return
        await self._carry_out(context, call, plan, candidates, number)

    async def _carry_out(
        self,
        context: Context,
        call: Call,
        plan: Plan,
        candidates: Sequence[Candidate],
        number: int,
        sent: Exchange | None = None,
    ) -> None:
        """Ask the candidates, or wait for the first that was asked, and answer."""
        log = self.log
        call.on_lost = call.cancel
        try:
            reply = await self.forwarder.send(context, plan, candidates, sent)
            call.on_lost = None
            if log.to_disk:
                await log.durable(number)
            await self.replier.send(context, plan, candidates, reply, call)
        except asyncio.CancelledError:
            # Nobody waits for the answer any more, so nobody is asked any more; and where the
            # caller left just when the answer began, it is the rest of it that nobody reads.
            if not call.uncancel():
                raise
            if not context.answered:
                self.journal.ended(context, 499, "caller left", 0, 0, streamed=False)
            raise Gone from None
        finally:
            call.on_lost = None

    async def _decide(
        self,
        context: Context,
        endpoint: Endpoint,
        head: Head,
        picked: Picked,
        call: Call,
        body: bytes,
        *,
        direct: bool,
    ) -> Passage | None:
        """Return where a request may go, and remember it; None if it may not, which was then answered."""
        runtime, caller, now = context.runtime, context.caller, self.clock.wall()
        assert caller is not None
        day = runtime.admission.today
        placement = runtime.placer.place(
            address=context.client,
            declared=caller.country,
            key=caller.name,
            now=now,
            headers=picked.hints,
            direct=direct,
            rtt=(lambda: rtt_ms(call)) if direct else None,
        )
        plan = await self._destinations.find(context, head, placement)
        if isinstance(plan, Problem):
            await self._refuse(context, call, placement, None, plan, body)
            return None
        if placement.action == "block":
            await self._refuse(context, call, placement, plan, place_problem(placement), body)
            return None
        if not plan.candidates:
            await self._refuse(context, call, placement, plan, refusal(plan, placement), body)
            return None
        paid = within_budget(runtime.prices, caller.quota, endpoint, call.method, plan)
        if isinstance(paid, Problem):
            await self._refuse(context, call, placement, plan, paid, body)
            return None
        plan = paid
        said = self.journal.always_says(context, placement, plan.candidates[0])
        until = now + _REMEMBERED_S
        passage = Passage(until, runtime, caller, context.client, day, placement, plan, said, {})
        if not endpoint.model_optional and like_another(endpoint, head, body):
            if len(picked.passages) >= _PASSAGES:
                picked.passages.clear()
            picked.passages[call.method, call.path, call.query, context.model] = passage
        return passage

    async def _body(self, context: Context, call: Call) -> bytes | None:
        """Return the whole body; None if it is too large, which was then answered."""
        limit = context.runtime.config.limits.body_bytes
        if call.length > limit:
            self.answer(context, call, too_large(limit))
            return None
        if 0 <= call.length <= AHEAD:
            whole = await call.gathered()
            if whole is None:
                raise Gone
            return whole
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await call.receive()
            if message["type"] == "http.disconnect":
                raise Gone
            more = message["more_body"]
            parts.append(message["body"])
            size += len(parts[-1])
            if size > limit:
                self.answer(context, call, too_large(limit))
                return None
        return b"".join(parts)

    def _stay(self, caller: Caller, plan: Plan, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
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
        call: Call,
        placement: Placement,
        plan: Plan | None,
        problem: Problem,
        body: bytes,
    ) -> None:
        """Write a refusal down, then tell the caller."""
        number = self.journal.refused(context, placement, plan, problem, body)
        await self.log.durable(number)
        self.answer(context, call, problem)

    def answer(self, context: Context, call: Call, problem: Problem) -> None:
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
        call.answer(status, headers, body)
