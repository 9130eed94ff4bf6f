"""The short way of a request that is like one served a moment ago on its connection.

Nearly all requests are: the same head byte for byte, the same model, the same key.
Whatever the general way (`Gateway.serve`) looked up, parsed and decided for the one
before holds for the next as well, until something it rests on changes. So a lane
keeps all of it in one place, and a request in it runs in two plain calls:

`Lane.take`, within the call that brought the request's last byte, looks at what may
have changed, counts the quota, writes the decision down and sends the request.

`Passing.answered`, within the call that brought the answer's last byte, writes the
outcome down, counts it and sends the answer.

A lane decides nothing and knows one ending only: a provider that answers 200 in one
piece. Whatever else comes, before or after the request was sent (a body that names
an object, a quota that is used up, a stream, an error, a caller who leaves), goes
the general way from where it stands. The order is the same on both: no byte leaves
before the record it rests on is with the operating system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.gateway.api.answers import LOG_BROKEN
from reliant.gateway.api.body import BadBody, read_json, tokens_of
from reliant.gateway.api.named_objects import like_another
from reliant.gateway.audit.records import Attempt
from reliant.gateway.http.call import BadAnswer
from reliant.gateway.http.running import Running
from reliant.gateway.serve.context import Context
from reliant.gateway.upstream.target import passed_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.gateway.http.call import Call
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.serve.journal import Said
    from reliant.gateway.upstream.client import Exchange

FEW = 2
"""With so few requests at once, gathering their records would only cost time."""


def lane_for(gateway: Gateway, context: Context, call: Call) -> Callable[[Call], bool] | None:
    """Return what takes requests like this one, which is on its way; None if each must be looked at anew."""
    passage, endpoint = context.passage, context.endpoint
    plan, said = passage.plan, passage.said
    candidate = plan.candidates[0]
    target = candidate.target
    head = passage.heads.get(target.name)
    each = (
        endpoint.body != "json"
        or endpoint.holds
        or endpoint.listing
        or candidate.model != context.model
        or plan.needs is not None
        or plan.route.hedge_ms is not None
        or target.signs
        or target.config.ignores
        or target.config.requests_per_minute is not None
    )
    if each or said is None or head is None or call.method != "POST":
        return None
    return Lane(gateway, context, said, head).take


class Lane:
    """What requests like one another have in common."""

    def __init__(self, gateway: Gateway, context: Context, said: Said, head: bytes) -> None:
        """Take what was decided about the request of `context`, and the `head` that is sent for it."""
        passage, runtime, secret = context.passage, context.runtime, context.picked.secret
        candidate = passage.plan.candidates[0]
        self.gateway = gateway
        self.passage = passage
        self.runtime = runtime
        self.endpoint = context.endpoint
        self.picked = context.picked
        self.client = context.client
        self.model = context.model
        self.keys = runtime.keys
        self.meter = runtime.meters[passage.caller.name]
        self.until = min(passage.until, runtime.keys.until(secret) if secret is not None else 0.0)
        self.body_bytes = runtime.config.limits.body_bytes
        self.target = candidate.target
        self.served = candidate.model
        self.pool = candidate.target.pool
        self.said = said
        self.head = head
        self.lines = b"".join([b"%b: %b\r\n" % pair for pair in candidate.headers])
        self.count = gateway.journal.counter(context, said, candidate)
        self.wall = gateway.clock.wall
        self.steady = gateway.clock.steady

    def take(self, call: Call) -> bool:
        """Let a request in and send it; False, with nothing done, if it must go the general way."""
        gateway, runtime, pool = self.gateway, self.runtime, self.pool
        log, body, now = gateway.log, call.body, self.wall()
        if (
            now >= self.until
            or gateway.runtime is not runtime
            or runtime.keys is not self.keys
            or runtime.admission.today is not self.passage.day
            or self.target.health.state != "closed"
            or self.passage.caller.sticky
            or gateway.forwarder.faults
            or gateway.journal.listeners
            or gateway.shared is not None
            or log.broken
            or len(body) > self.body_bytes
            or not pool.idle
        ):
            return False
        try:
            asked = read_json(body)
        except BadBody:
            return False
        if asked.model != self.model or asked.keeps() or not like_another(self.endpoint, asked, body):
            return False
        meter = self.meter
        if meter.bounded and meter.enter(now) is not None:
            return False
        request_id = gateway.new_id()
        try:
            number = gateway.journal.decided_alike(self.said, request_id, body)
        except OSError:
            if meter.bounded:
                meter.undo()
            return False
        gateway.active += 1
        if gateway.active <= FEW:
            log.flush()
        if log.to_disk:
            log.start_sync(alone=gateway.active <= FEW)
        exchange = pool.idle.pop()[1]
        passing = Passing(self, call, exchange, request_id, self.steady(), number)
        call.running = passing
        call.on_lost = passing.cancel
        call.connection.state.waiting.add(passing)
        exchange.tell = passing.answered
        head = b"%b%d\r\n\r\n" % (self.head, len(body))
        exchange.ask(head, body, timeout_s=self.target.config.timeout_s, after=log.after)
        return True


class Passing:
    """One request in a lane, while its provider thinks."""

    __slots__ = ("began", "call", "exchange", "id", "lane", "number")

    def __init__(
        self, lane: Lane, call: Call, exchange: Exchange, request_id: bytes, began: float, number: int
    ) -> None:
        self.lane = lane
        self.call = call
        self.exchange = exchange
        self.id = request_id
        self.began = began
        self.number = number

    def answered(self) -> None:
        """Pass a whole answer on; with anything else, go the general way."""
        lane, call, exchange = self.lane, self.call, self.exchange
        gateway = lane.gateway
        log = gateway.log
        if (
            not exchange.complete
            or exchange.status != 200
            or exchange.kind.startswith(b"text/event-stream")
            or log.broken
            or (log.to_disk and not self._durable())
        ):
            self._go_on()
            return
        call.connection.state.waiting.discard(self)
        lane.target.health.succeeded()
        lines, body = exchange.lines(), exchange.taken()
        headers = passed_on(exchange.headers) if lines is None else []
        exchange.release()
        tokens_in, tokens_out = tokens_of(body)
        try:
            if tokens_in:
                lane.count(self.id, tokens_in, tokens_out, lane.steady() - self.began)
            else:
                self._estimate(tokens_out)
            if gateway.active <= FEW:
                log.flush_or_fail()
            if lines is not None:
                call.answer_ok(b"%bx-reliant-request-id: %b\r\n%b" % (lines, self.id, lane.lines), body)
            else:
                headers.append((b"x-reliant-request-id", self.id))
                headers += lane.passage.plan.candidates[0].headers
                call.answer(200, headers, body)
        except OSError:
            gateway.answer(self._context(), call, LOG_BROKEN)
        except BadAnswer as error:
            call.served(error)
        gateway.active -= 1
        call.running = None  # it holds this: without it both go at once

    def _durable(self) -> bool:
        try:
            return self.lane.gateway.log.is_durable(self.number)
        except OSError:
            return False  # the general way asks again, and says so

    def _estimate(self, tokens_out: int) -> None:
        """Write the outcome of an answer that does not say what was read."""
        target, context = self.lane.target, self._context()
        context.upstream, context.served = target.name, self.lane.served
        context.attempts = (Attempt(target.name, "answered", 200),)
        self.lane.gateway.journal.ended(context, 200, "whole", 0, tokens_out, streamed=False)

    def cancel(self) -> None:
        """Stop it: its caller left, or the gateway stops."""
        self._go_on()
        self.call.cancel()

    def uncancel(self) -> None:
        """Note that it goes on although it was cancelled."""

    def _go_on(self) -> None:
        """Let the general way have it from here on."""
        call, gateway = self.call, self.lane.gateway
        state = call.connection.state
        state.waiting.discard(self)
        self.exchange.tell = None
        work = gateway.go_on(self._context(), call, self.number, self.exchange)
        call.running = running = Running(state.loop, work, call.served, state.waiting)
        running.step()

    def _context(self) -> Context:
        lane = self.lane
        context = Context(lane.runtime, lane.endpoint, self.call, self.id, self.began)
        context.picked = lane.picked
        context.passage = lane.passage
        context.caller = lane.passage.caller
        context.client = lane.client
        context.model = lane.model
        context.body = self.call.body
        context.action = lane.said.action
        context.meter = lane.meter if lane.meter.bounded else None
        return context
