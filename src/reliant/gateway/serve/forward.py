"""Carries out a plan: one upstream after the other until one answers.

Up to here nothing has been sent to the caller, so everything may still be tried
again. What may be: nothing after a refusal of the place or of our key at the same
upstream; anything that is the upstream's own fault, within a retry budget. If all
fail, the caller gets the last provider's answer as it was, or a typed error.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reliant.gateway.api.answers import Headers, Problem
from reliant.gateway.api.body import form_with_model, with_model
from reliant.gateway.api.refusals import Refusals, Shape
from reliant.gateway.audit.records import Attempt
from reliant.gateway.serve.problems import failure_problem, nobody, our_key
from reliant.gateway.translate import Translation, translation
from reliant.gateway.upstream.client import After, Exchange, UpstreamFailure, at_once
from reliant.gateway.upstream.target import Target, passed_on

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from reliant.gateway.faults import Fault
    from reliant.gateway.route.routes import Candidate, Plan
    from reliant.gateway.serve.context import Context

_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_OWN_FAULT = frozenset({500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_ERROR_LIMIT = 1 << 20
_LONGEST_WAIT_S = 2.0
_OUR_KEY = re.compile(
    rb"invalid_api_key|incorrect api key|invalid x-api-key|authentication_error|account_deactivated"
    rb"|access_terminated|insufficient_permissions|invalid_authentication"
    rb"|security token included in the request is|signature we calculated does not match",
    re.IGNORECASE,
)
_OUR_KEY_IN_400 = re.compile(rb"API_KEY_INVALID|API key not valid\.|API key expired\.")
"""Google says 400 where others say 401."""
_QUOTA = re.compile(rb"insufficient_quota|billing_hard_limit|credit balance is too low", re.IGNORECASE)
_STREAM_ERROR = re.compile(rb"\A(?:event: ?error\r?\n|data: ?\{\s*\"error\"\s*:\s*(?!null))")


@dataclass(slots=True)
class Reply:
    """What the caller will get: a begun answer of a provider, a whole one, or a problem of ours.

    Attributes:
        exchange: The rest of the body comes from here, if it is set.
        body: The first bytes, or all of them.
    """

    attempts: list[Attempt]
    candidate: Candidate | None = None
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    exchange: Exchange | None = None
    translation: Translation | None = None
    problem: Problem | None = None


class Forwarder:
    """Sends requests to upstreams; one for each configuration."""

    def __init__(
        self,
        refusals: Refusals,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        observed: Callable[[Target, Shape, Context, int, str | None], None],
        faults: Sequence[Fault] = (),
        passes_alone: bool = True,
        after: After = at_once,
    ) -> None:
        """Make it; `after` sends bytes once what was decided about them is written down."""
        self._refusals = refusals
        self._passes_alone = passes_alone
        self._now = now
        self._wall = wall
        self._observed = observed
        self._after = after
        self.faults = list(faults)

    async def send(
        self, request: Context, plan: Plan, candidates: Sequence[Candidate], sent: Exchange | None = None
    ) -> Reply:
        """Try the candidates in order; return the first answer that is one, or the last failure.

        With `sent` the first candidate was asked already, on that connection.
        """
        reply = Reply([])
        waiting = 0
        for position, candidate in enumerate(candidates):
            target = candidate.target
            if sent is None:
                now = self._now()
                if not target.health.allows(now) and not (self._passes_alone and len(candidates) == 1):
                    reply.attempts.append(Attempt(target.name, f"skipped: {target.health.state}"))
                    waiting = max(waiting, target.health.retry_after_s(now))
                    continue
                if not target.has_room(self._wall()):
                    reply.attempts.append(Attempt(target.name, "skipped: own rate used up"))
                    waiting = max(waiting, 1)
                    continue
            following = candidates[position + 1] if position + 1 < len(candidates) else None
            done = await self._upstream(request, plan, candidate, following, reply, sent)
            sent = None
            if done:
                return reply
        if reply.candidate is None and reply.problem is None:
            reply.problem = nobody(reply.attempts, waiting)
        return reply

    async def _upstream(
        self,
        request: Context,
        plan: Plan,
        candidate: Candidate,
        following: Candidate | None,
        reply: Reply,
        sent: Exchange | None = None,
    ) -> bool:
        """Ask one upstream, and again where that makes sense; True if `reply` holds the answer."""
        retries = plan.route.retries
        while True:
            chosen = candidate
            try:
                if plan.route.hedge_ms is not None and following is not None:
                    chosen, exchange, how = await self._hedged(
                        request, candidate, following, plan.route.hedge_ms / 1_000, reply
                    )
                else:
                    answer, how = self._ask(request, candidate, sent)
                    sent = None
                    exchange = await answer
                    if how is not None and isinstance(exchange, Exchange):
                        exchange = how.opened(exchange)
            except UpstreamFailure as failure:
                self._failed(candidate.target, failure, reply)
                again = failure.kind in {"connect", "reset"} and retries > 0
                if again and self._may_ask_again(candidate.target):
                    retries -= 1
                    await asyncio.sleep(0.05 * (1 + random.random()))  # noqa: S311 - jitter
                    continue
                return False
            if isinstance(exchange, _Staged):
                self._staged(exchange, chosen, reply)
                return exchange.status < 400 and exchange.status > 0
            if exchange.status < 400:
                return self._good(request, chosen, exchange, how, reply)
            wait = await self._bad(request, chosen, exchange, how, reply)
            if wait is None:
                return True
            if wait < 0 or retries <= 0 or wait > _LONGEST_WAIT_S or not self._may_ask_again(chosen.target):
                return False
            retries -= 1
            await asyncio.sleep(wait or 0.05 * (1 + random.random()))  # noqa: S311 - jitter

    def _may_ask_again(self, target: Target) -> bool:
        """Take a retry from the upstream's budget, and from what may be asked of it in a minute."""
        return target.health.may_retry() and target.has_room(self._wall())

    async def _one(
        self, request: Context, candidate: Candidate
    ) -> tuple[Exchange | _Staged, Translation | None]:
        answer, how = self._ask(request, candidate)
        exchange = await answer
        if how is not None and isinstance(exchange, Exchange):
            exchange = how.opened(exchange)
        return exchange, how

    def _ask(
        self, request: Context, candidate: Candidate, sent: Exchange | None = None
    ) -> tuple[Coroutine[Any, Any, Exchange | _Staged], Translation | None]:
        """Return what sends a request and waits for the begun answer, and how that must be translated."""
        target, endpoint = candidate.target, request.endpoint
        for fault in self.faults if sent is None else ():
            staged = fault.before(
                upstream=target.name, provider=target.config.provider, model=candidate.model, key=request.key
            )
            if staged is not None:
                return _at_once(_Staged(fault.id, staged.status, staged.headers, staged.body)), None
        how = translation(endpoint, target.config.api, int(self._wall()), target.config.provider)
        body = request.body
        suffix, content_type = request.suffix, request.picked.content_type
        if candidate.model != request.model and body:
            if endpoint.body == "form":
                body = form_with_model(body, content_type, candidate.model)
            elif endpoint.body == "json" and request.model:
                body = with_model(body, candidate.model)
        if how is not None:
            suffix, body = how.request(body)
            content_type = b"application/json"
        # Bytes without a stated length would be read as the next request.
        if body or request.method == b"POST":
            # A translated path may differ between requests that are alike: whole, or as a stream.
            heads = request.passage.heads if how is None else {}
            begin = heads.get(target.name)
            if begin is None:
                begin = heads[target.name] = self._begin(request, candidate, suffix, content_type)
            head = b"%b%d\r\n\r\n" % (begin, len(body))
        else:
            head = self._begin(request, candidate, suffix, None) + b"\r\n"
        if target.signs:
            path = target.path(endpoint, suffix, candidate.model, request.query)
            head = target.signed(head, request.method, path, content_type, body)
        config = target.config
        return target.pool.request(
            head, body, timeout_s=config.timeout_s, idle_s=config.idle_s, after=self._after, sent=sent
        ), how

    def _begin(
        self, request: Context, candidate: Candidate, suffix: str, content_type: bytes | None
    ) -> bytes:
        """Return the head for a provider, up to the digits of the body's length if there is a body."""
        target, picked = candidate.target, request.picked
        lines = picked.lines.get(target.name)
        if lines is None:
            lines = picked.lines[target.name] = target.lines(request.headers)
        path = target.path(request.endpoint, suffix, candidate.model, request.query)
        return target.head(request.method, path, lines, content_type)

    async def _hedged(
        self, request: Context, first: Candidate, second: Candidate, after_s: float, reply: Reply
    ) -> tuple[Candidate, Exchange | _Staged, Translation | None]:
        """Ask the first; if nothing came after a while ask the second too, and take who answers first."""
        one = asyncio.ensure_future(self._one(request, first))
        try:
            done, _ = await asyncio.wait({one}, timeout=after_s)
        except BaseException:
            _discard(one)
            raise
        ready = second.target.health.allows(self._now()) and second.target.has_room(self._wall())
        if done or not ready:
            exchange, how = await one
            return first, exchange, how
        two = asyncio.ensure_future(self._one(request, second))
        reply.attempts.append(Attempt(second.target.name, "hedged"))
        by_task = {one: first, two: second}
        pending = {one, two}
        failure: UpstreamFailure | None = None
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    error = task.exception()
                    if error is None:
                        exchange, how = task.result()
                        if exchange.status < 500 or not pending:
                            return by_task[task], exchange, how
                        _discard(task)
                        by_task[task].target.health.failed(self._now())
                    elif isinstance(error, UpstreamFailure):
                        failure = error
                    else:
                        raise error
        finally:
            for task in pending:
                _discard(task)
        raise failure or UpstreamFailure("reset", "both upstreams failed")

    def _good(
        self,
        request: Context,
        candidate: Candidate,
        exchange: Exchange,
        how: Translation | None,
        reply: Reply,
    ) -> bool:
        first = exchange.taken()
        streamed = exchange.kind.startswith(b"text/event-stream")
        if streamed and _STREAM_ERROR.match(first):
            # The stream begins with an error: as good as an error status, and nothing was sent yet.
            status, headers = exchange.status, exchange.headers
            exchange.abort()  # a connection that is given back knows them no more
            shape = self._refusals.in_stream(first)
            if shape is not None:
                candidate.target.health.cut(self._now(), shape.id)
                self._observed(candidate.target, shape, request, status, _request_id(headers))
                headers = [*headers, (b"x-reliant-cut", shape.id.encode())]
                reply.attempts.append(Attempt(candidate.target.name, f"place refused: {shape.id}", status))
            else:
                candidate.target.health.failed(self._now())
                reply.attempts.append(Attempt(candidate.target.name, "error event", status))
            reply.candidate, reply.status, reply.translation = candidate, status, how
            reply.headers, reply.body, reply.exchange, reply.problem = headers, first, None, None
            return False
        candidate.target.health.succeeded()
        reply.attempts.append(Attempt(candidate.target.name, "answered", exchange.status))
        reply.candidate = candidate
        reply.status = exchange.status
        reply.headers = exchange.headers
        reply.body = first
        reply.exchange = exchange
        reply.translation = how
        reply.problem = None
        return True

    async def _bad(
        self,
        request: Context,
        candidate: Candidate,
        exchange: Exchange,
        how: Translation | None,
        reply: Reply,
    ) -> float | None:
        """Judge an error answer.

        Returns:
            Seconds to wait before asking again, negative to go on to the next
            upstream, None if this is the answer.
        """
        target, status = candidate.target, exchange.status
        headers = exchange.headers
        try:
            body = await exchange.rest(_ERROR_LIMIT)
        except UpstreamFailure as failure:
            self._failed(target, failure, reply)
            return -1.0
        exchange.release()
        reply.candidate, reply.status, reply.headers = candidate, status, headers
        reply.body, reply.exchange, reply.problem, reply.translation = body, None, None, how
        shape = self._refusals.recognise(status, headers, body)
        if shape is not None:
            target.health.cut(self._now(), shape.id)
            reply.attempts.append(Attempt(target.name, f"place refused: {shape.id}", status))
            self._observed(target, shape, request, status, _request_id(headers))
            _shape_answer(reply, shape, target)
            return -1.0
        named = _OUR_KEY if status == 403 else _OUR_KEY_IN_400 if status == 400 else None
        if status == 401 or (named is not None and named.search(body)):
            target.health.failed(self._now())
            reply.attempts.append(Attempt(target.name, "our key refused", status))
            reply.problem = our_key(status, body)
            return -1.0
        if status in _RETRYABLE:
            if status in _OWN_FAULT:
                target.health.failed(self._now())
            else:
                target.health.released()
            reply.attempts.append(Attempt(target.name, "failed", status))
            _as_error_object(reply)
            if status == 429 and _QUOTA.search(body):
                reply.headers = [*headers, (b"x-should-retry", b"false")]
                return -1.0
            return _wait_s(headers)
        target.health.succeeded()
        reply.attempts.append(Attempt(target.name, "answered", status))
        _as_error_object(reply)
        return None

    def _failed(self, target: Target, failure: UpstreamFailure, reply: Reply) -> None:
        reply.attempts.append(Attempt(target.name, failure.kind))
        if failure.kind in {"aborted", "busy", "untranslatable"}:
            target.health.released()
        else:
            target.health.failed(self._now())
        reply.candidate = None
        reply.problem = failure_problem(failure, target.name)

    def _staged(self, staged: _Staged, candidate: Candidate, reply: Reply) -> None:
        reply.attempts.append(Attempt(candidate.target.name, f"fault:{staged.fault}", staged.status))
        if staged.status == 0:
            reply.problem = failure_problem(UpstreamFailure("reset", "a staged fault"), candidate.target.name)
            return
        reply.candidate, reply.status, reply.problem = candidate, staged.status, None
        reply.headers, reply.body, reply.exchange = staged.headers, staged.body, None


@dataclass(slots=True)
class _Staged:
    """An answer that a fault gave in the provider's place."""

    fault: str
    status: int
    headers: Headers
    body: bytes


async def _at_once(staged: _Staged) -> _Staged:
    return staged


def _discard(task: asyncio.Future[tuple[Exchange | _Staged, Translation | None]]) -> None:
    """Close the connection of a task nobody waits for any more."""

    def close(done: asyncio.Future[tuple[Exchange | _Staged, Translation | None]]) -> None:
        if not done.cancelled() and done.exception() is None:
            exchange = done.result()[0]
            if isinstance(exchange, Exchange):
                exchange.abort()

    if task.done():
        close(task)
    else:
        task.add_done_callback(close)
        task.cancel()


def _shape_answer(reply: Reply, shape: Shape, target: Target) -> None:
    """Keep a refusal of the place as the provider wrote it; a page for people becomes an error object."""
    reply.headers = [*reply.headers, (b"x-should-retry", b"false"), (b"x-reliant-cut", shape.id.encode())]
    if not _is_json(reply.body):
        reply.problem = Problem(
            status=403 if reply.status != 451 else 451,
            code="upstream_place_refused",
            message=f"The provider behind {target.name!r} refuses requests from this place.",
            type="request_forbidden",
            retry=False,
            headers=((b"x-reliant-cut", shape.id.encode()),),
            detail={"upstream_status": reply.status, "shape": shape.id},
        )


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] in {b"{", b"["}


def _as_error_object(reply: Reply) -> None:
    """Turn an HTML error page into an error object of the same status."""
    kind = next((value for name, value in reply.headers if name == b"content-type"), b"")
    if not kind.lower().startswith(b"text/html"):
        return
    reply.problem = Problem(
        status=reply.status,
        code="upstream_error_page",
        message=f"The provider answered {reply.status} with a page for people.",
        type="server_error" if reply.status >= 500 else "invalid_request_error",
        headers=tuple((name, value) for name, value in reply.headers if name == b"retry-after"),
    )


def _wait_s(headers: Headers) -> float:
    for name, scale in ((b"retry-after-ms", 0.001), (b"retry-after", 1.0)):
        for key, value in headers:
            if key == name:
                try:
                    return max(0.0, float(value) * scale)
                except ValueError:
                    continue
    return 0.0


def _request_id(headers: Headers) -> str | None:
    for name, value in headers:
        if name in {b"x-request-id", b"request-id", b"cf-ray"}:
            return value.decode("latin-1")
    return None


__all__ = ["Forwarder", "Reply", "failure_problem", "passed_on"]
