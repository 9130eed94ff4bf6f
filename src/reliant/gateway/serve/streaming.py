"""Passes a stream on, and ends it honestly.

A stream that breaks is continued at the next permitted upstream where that is
possible, or ended with a typed error event. It is never ended as if it were whole.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reliant.gateway.api.answers import Headers, Problem, error_event
from reliant.gateway.api.body import tokens_of
from reliant.gateway.api.continuation import Joiner, continued_body
from reliant.gateway.api.events import Relay
from reliant.gateway.api.surface import CHAT
from reliant.gateway.audit.records import Attempt
from reliant.gateway.serve.forward import Reply, failure_problem
from reliant.gateway.upstream.client import Exchange, UpstreamFailure

if TYPE_CHECKING:
    from reliant.gateway.http.call import Call
    from reliant.gateway.route.routes import Candidate, Plan
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.serve.context import Context


_TAIL_BYTES = 4_096


class _CallerLeft(Exception):
    """The caller closed the connection."""


class _Broke(Exception):
    """The stream did not come to its end."""

    def __init__(self, why: str, event: bytes = b"") -> None:
        super().__init__(why)
        self.why = why
        self.event = event


class Streamer:
    """Serves streams for one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def run(
        self,
        context: Context,
        plan: Plan,
        candidates: Sequence[Candidate],
        reply: Reply,
        headers: Headers,
        call: Call,
    ) -> None:
        """Send a stream to its end, whichever that is."""
        spoken = context.endpoint
        if reply.translation is not None:
            spoken = reply.translation.spoken  # the provider's format, not the caller's
        relay = Relay(spoken, keeps=plan.route.continue_streams and len(candidates) > 1)
        exchange = reply.exchange
        if exchange is None:
            return
        await call.send({"type": "http.response.start", "status": reply.status, "headers": headers})
        end = "whole"
        current = exchange
        try:
            # A stream that is whole ends by itself; given back here, it would be waited for in vain.
            call.on_lost = lambda: None if current.complete else current.abort()
            try:
                await self._pass(context, relay, reply, exchange, call)
            except _Broke as broke:
                used = [reply.candidate] if reply.candidate is not None else []

                def now_reading(other: Exchange) -> None:
                    nonlocal current
                    current.abort()  # one that said an error may still be open
                    current = other

                end = await self._broke(context, plan, candidates, used, relay, broke, call, now_reading)
        except _CallerLeft:
            end = "caller left"
        finally:
            call.on_lost = None
            if not context.answered:
                # Also on a failure nobody thought of: the log must say that it ended.
                self._ended(context, 499 if end == "caller left" else reply.status, relay, end)
            current.release() if current.complete else current.abort()
        await call.send({"type": "http.response.body", "body": b""})

    async def _pass(
        self, context: Context, relay: Relay, reply: Reply, exchange: Exchange, call: Call
    ) -> None:
        """Pass one provider's stream on.

        Raises:
            _Broke: It broke off or said an error.
            _CallerLeft: Nobody is listening any more.
        """
        translate = reply.translation.events() if reply.translation is not None else None
        data = reply.body
        holds = context.holds
        ended = False
        while True:
            piece = relay.feed(data) if data else b""
            if piece:
                at = relay.error_at(piece)
                if at >= 0:
                    if at:
                        before = piece[:at]
                        out = translate.feed(before) if translate is not None else before
                        await call.send({"type": "http.response.body", "body": out, "more_body": True})
                    event = translate.feed(piece[at:]) if translate is not None else piece[at:]
                    raise _Broke("error event", event)
                if holds:
                    await self._gateway.holdings.seen_stream(
                        piece, reply.candidate.target.name if reply.candidate else "", context
                    )
                if not ended and relay.ends_in(piece):
                    ended = True
                    self._ended(context, reply.status, relay, "whole")
                out = translate.feed(piece) if translate is not None else piece
                if out:
                    await call.send({"type": "http.response.body", "body": out, "more_body": True})
            if call.disconnected:
                exchange.abort()
                raise _CallerLeft
            try:
                data = await exchange.more()
            except UpstreamFailure as failure:
                if failure.kind == "aborted":
                    raise _CallerLeft from None
                if ended:
                    break
                relay.forget()
                raise _Broke(failure.kind) from None
            if not data:
                break
        rest = relay.rest()
        if rest:
            out = translate.feed(rest) if translate is not None else rest
            await call.send({"type": "http.response.body", "body": out, "more_body": True})
        if not relay.complete:
            raise _Broke("ended without an end mark")
        if translate is not None:
            await call.send({"type": "http.response.body", "body": translate.finish(), "more_body": True})

    def _ended(self, context: Context, status: int, relay: Relay, end: str) -> None:
        """Let the log have the outcome of a stream, before the caller reads an end mark of it."""
        tokens_in, tokens_out = relay.tokens()
        self._gateway.journal.ended(context, status, end, tokens_in, tokens_out, streamed=True)

    async def _broke(
        self,
        context: Context,
        plan: Plan,
        candidates: Sequence[Candidate],
        used: list[Candidate],
        relay: Relay,
        broke: _Broke,
        call: Call,
        now_reading: Callable[[Exchange], None],
    ) -> str:
        """Continue elsewhere, or say that it is over; return how it ended."""
        gateway = self._gateway
        for candidate in used:
            candidate.target.health.failed(gateway.clock.steady())
        context.attempts = (*context.attempts, Attempt(context.upstream or "", f"broke: {broke.why}"))
        if plan.route.continue_streams and context.endpoint is CHAT:
            for candidate in candidates:
                if candidate in used:
                    continue
                used.append(candidate)
                if await self._go_on(context, plan, candidate, relay, call, now_reading):
                    gateway.metrics.failovers.labels("within").inc()
                    return "continued"
        if broke.event:
            # The provider's own error event says more than ours would.
            await call.send({"type": "http.response.body", "body": broke.event, "more_body": True})
            return "error event"
        problem = Problem(
            status=502,
            code="upstream_stream_cut",
            message=f"The provider broke off in the middle of its answer ({broke.why}).",
            type="server_error",
        )
        event = error_event(problem, context.dialect, context.endpoint.name)
        await call.send({"type": "http.response.body", "body": event, "more_body": True})
        return f"cut: {broke.why}"

    async def _go_on(
        self,
        context: Context,
        plan: Plan,
        candidate: Candidate,
        relay: Relay,
        call: Call,
        now_reading: Callable[[Exchange], None],
    ) -> bool:
        """Let `candidate` say the rest; False if it cannot, and nothing more was sent."""
        gateway = self._gateway
        said = relay.said()
        body = continued_body(context.body, said, candidate.target.config.continuation) if said else None
        if said is None or body is None:
            return False
        again = copy.copy(context)
        again.body = body
        reply = await gateway.forwarder.send(again, plan, [candidate])
        context.attempts = (*context.attempts, *reply.attempts)
        exchange = reply.exchange
        kind = exchange.header(b"content-type") if exchange is not None else None
        if (
            exchange is None
            or reply.problem is not None
            or not (kind or b"").startswith(b"text/event-stream")
        ):
            if exchange is not None:
                exchange.abort()
            return False
        now_reading(exchange)
        joiner = Joiner(said, candidate.target.name)
        how = reply.translation
        translate = how.events() if how is not None else None
        follow = Relay(how.spoken if how is not None else context.endpoint, keeps=False)
        context.upstream, context.served = candidate.target.name, candidate.model
        data = reply.body
        try:
            while data:
                piece = follow.feed(data)
                if piece:
                    if follow.error_at(piece) >= 0:
                        return self._broke_again(context, candidate, exchange, "error event")
                    joined = joiner.feed(translate.feed(piece) if translate is not None else piece)
                    relay.feed(joined)
                    if follow.ends_in(piece) and not context.answered:
                        self._ended(context, 200, relay, "continued")
                    await call.send({"type": "http.response.body", "body": joined, "more_body": True})
                data = await exchange.more()
        except UpstreamFailure as failure:
            return self._broke_again(context, candidate, exchange, failure.kind)
        if not follow.complete:
            return self._broke_again(context, candidate, exchange, "ended without an end mark")
        if translate is not None:
            end = joiner.feed(translate.finish())
            await call.send({"type": "http.response.body", "body": end, "more_body": True})
        return True

    def _broke_again(self, context: Context, candidate: Candidate, exchange: Exchange, why: str) -> bool:
        exchange.abort()
        candidate.target.health.failed(self._gateway.clock.steady())
        context.attempts = (*context.attempts, Attempt(candidate.target.name, f"broke: {why}"))
        return False

    async def pass_on(self, context: Context, reply: Reply, headers: Headers, call: Call) -> None:
        """Pass a long answer of known length on as it comes."""
        gateway, exchange = self._gateway, reply.exchange
        if exchange is None or reply.candidate is None:
            return
        length = exchange.header(b"content-length") or b"0"
        headers.append((b"content-length", length))
        await call.send({"type": "http.response.start", "status": reply.status, "headers": headers})
        data, end, left, tail = reply.body, "whole", int(length), b""
        try:
            while data:
                left -= len(data)
                tail = (tail + data)[-_TAIL_BYTES:]
                if left <= 0:
                    # What was used stands last in an answer.
                    tokens_in, tokens_out = tokens_of(tail)
                    gateway.journal.ended(context, reply.status, end, tokens_in, tokens_out, streamed=True)
                await call.send({"type": "http.response.body", "body": data, "more_body": True})
                data = await exchange.more()
        except UpstreamFailure as failure:
            problem = failure_problem(failure, reply.candidate.target.name)
            gateway.journal.ended(context, problem.status, f"cut: {failure.kind}", 0, 0, streamed=True)
            raise asyncio.CancelledError from None
        finally:
            if not context.answered:
                gateway.journal.ended(context, reply.status, "caller left", 0, 0, streamed=True)
            exchange.release() if exchange.complete else exchange.abort()
        await call.send({"type": "http.response.body", "body": b""})
