"""Sends on what an upstream answered, after it was written down how the request ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from reliant.gateway.api import answers
from reliant.gateway.api.answers import Headers, Problem, error_answer
from reliant.gateway.api.body import NOT_JSON, tokens_of
from reliant.gateway.route.routes import Candidate, Plan, warning_header
from reliant.gateway.serve.forward import Reply, failure_problem
from reliant.gateway.serve.inquiry import further_pages
from reliant.gateway.serve.lane import FEW
from reliant.gateway.serve.lists import ListBroken, Source, own_page
from reliant.gateway.serve.problems import broken_off, list_broken
from reliant.gateway.serve.streaming import Streamer
from reliant.gateway.upstream.client import UpstreamFailure
from reliant.gateway.upstream.target import passed_on

if TYPE_CHECKING:
    from reliant.gateway.http.call import Call
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.serve.context import Context

_WHOLE_LIMIT = 256 << 20
_LONG_ANSWER = 65_536
_MOST_WARNINGS = 20
_TOP: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Replier:
    """Answers the callers of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._journal = gateway.journal
        self._streamer = Streamer(gateway)

    async def send(
        self,
        context: Context,
        plan: Plan,
        candidates: Sequence[Candidate],
        reply: Reply,
        call: Call,
    ) -> None:
        """Send what the upstreams gave."""
        context.attempts = tuple(reply.attempts)
        candidate = reply.candidate
        if candidate is not None:
            context.upstream = candidate.target.name
            context.served = candidate.model
        if reply.problem is not None or candidate is None:
            problem = reply.problem or answers.LOG_BROKEN
            self._journal.ended(context, problem.status, problem.code, 0, 0, streamed=False)
            _problem(context, problem, call)
            return
        if candidate is not candidates[0]:
            self._moved(context, plan, candidate)
        headers = self._headers(context, candidate, reply)
        exchange = reply.exchange
        if exchange is not None and not exchange.complete:
            if exchange.kind.startswith(b"text/event-stream"):
                await self._streamer.run(context, plan, candidates, reply, headers, call)
                return
            long = int(exchange.header(b"content-length") or 0) > _LONG_ANSWER
            if long and not (context.holds or context.endpoint.listing) and reply.translation is None:
                await self._streamer.pass_on(context, reply, headers, call)
                return
        body = reply.body
        if exchange is not None:
            if not exchange.complete:
                try:
                    body += await exchange.rest(_WHOLE_LIMIT)
                except UpstreamFailure:
                    problem = broken_off(candidate.target.name)
                    self._journal.ended(context, problem.status, "cut", 0, 0, streamed=False)
                    _problem(context, problem, call)
                    return
                except asyncio.CancelledError:
                    exchange.abort()
                    raise
            elif self._gateway.log.to_disk:
                # While the disk was waited for, the rest may have come.
                body += exchange.taken()
            if exchange.kind.startswith(b"text/event-stream"):
                reply.body = body
                await self._streamer.run(context, plan, candidates, reply, headers, call)
                return
            exchange.release()
        how = reply.translation
        if how is not None:
            try:
                body = how.answer(body) if reply.status < 400 else how.error(reply.status, body)
            except UpstreamFailure as failure:
                problem = failure_problem(failure, candidate.target.name)
                self._journal.ended(context, problem.status, failure.kind, 0, 0, streamed=False)
                _problem(context, problem, call)
                return
        tokens_in, tokens_out = tokens_of(body) if reply.status < 400 else (0, 0)
        status = reply.status
        if context.endpoint.listing:
            try:
                status, body = await self._listed(context, candidate, status, body)
            except ListBroken as broken:
                problem = list_broken(broken.upstream)
                self._journal.ended(context, problem.status, problem.code, 0, 0, streamed=False)
                _problem(context, problem, call)
                return
        if context.holds or context.endpoint.listing:
            body = await self._gateway.holdings.seen(context, status, body, candidate.target.name)
        self._journal.ended(context, status, "whole", tokens_in, tokens_out, streamed=False)
        if self._gateway.active <= FEW:
            self._gateway.log.flush_or_fail()
        call.answer(status, headers, body)

    async def _listed(
        self, context: Context, candidate: Candidate, status: int, body: bytes
    ) -> tuple[int, bytes]:
        """Return the list that the caller gets: its own objects, wherever they are."""
        gateway = self._gateway
        sources = [
            Source(one.target.name, further_pages(gateway, context, one))
            for one in (candidate, *context.further)
        ]
        return await own_page(gateway.holdings, context, status, body, sources)

    def _moved(self, context: Context, plan: Plan, candidate: Candidate) -> None:
        self._gateway.metrics.failovers.labels("before").inc()
        if plan.route.sticky_s and context.caller is not None:
            until = self._gateway.clock.steady() + plan.route.sticky_s
            context.caller.sticky[plan.route.model] = (candidate.target.name, until)

    def _headers(self, context: Context, candidate: Candidate, reply: Reply) -> Headers:
        headers = passed_on(reply.headers)
        headers.append((b"x-reliant-request-id", context.id))
        headers += candidate.headers
        if candidate.target.config.ignores:
            headers += [
                warning_header(one) for one in _ignored(context.body, candidate.target.config.ignores)
            ]
        if reply.translation is not None:
            headers += _named_as_here(headers, anthropic=context.dialect == "anthropic")
            headers += [warning_header(one) for one in reply.translation.warnings[:_MOST_WARNINGS]]
        return headers


_REQUEST_IDS = (b"x-request-id", b"request-id", b"x-amzn-requestid")


def _named_as_here(headers: Headers, *, anthropic: bool) -> Headers:
    """Return the provider's id of a request under the name by which the caller's SDK looks for it."""
    here = b"request-id" if anthropic else b"x-request-id"
    if any(name == here for name, _ in headers):
        return []
    return [(here, value) for name, value in headers if name in _REQUEST_IDS][:1]


def _problem(context: Context, problem: Problem, call: Call) -> None:
    status, headers, body = error_answer(problem, context.dialect, context.id)
    call.answer(status, headers, body)


def _ignored(body: bytes, ignores: tuple[str, ...]) -> tuple[str, ...]:
    try:
        given = set(_TOP.decode(body))
    except NOT_JSON:  # a form
        given = {name for name in ignores if b'name="%b"' % name.encode() in body}
    return tuple(f"the parameter {name} is ignored by this upstream" for name in ignores if name in given)
