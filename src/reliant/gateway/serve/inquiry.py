"""A question the gateway asks a provider itself for a caller: which models there are, what is in a file.

It goes the same way as a caller's request: it is written down first, faults and
refusals of the place are recognised, and it carries no header of the caller.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from reliant.gateway.http.running import as_task
from reliant.gateway.serve.context import Context
from reliant.gateway.serve.intake import Picked
from reliant.gateway.upstream.client import UpstreamFailure

if TYPE_CHECKING:
    from reliant.gateway.api.answers import Headers
    from reliant.gateway.api.surface import Endpoint
    from reliant.gateway.route.routes import Candidate
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.serve.intake import Passage
    from reliant.gateway.serve.lists import More


class Inquiry(Context):
    """One question to one upstream, on behalf of a request."""

    method = b"GET"
    suffix = ""
    query = b""

    def __init__(
        self, about: Context, passage: Passage, endpoint: Endpoint, suffix: str, number: int
    ) -> None:
        """Make it.

        Args:
            about: The request.
            passage: Its plan has the upstream as its only candidate.
            endpoint: What is asked for.
            suffix: The path after /v1.
            number: Tells it from other questions about the same request.
        """
        super().__init__(about.runtime, endpoint, about.call, b"%b-%d" % (about.id, number), about.began)
        self.caller, self.client, self.owner = about.caller, about.client, about.owner
        self.picked = Picked([], b"")
        self.passage = passage
        self.suffix = suffix
        (self.candidate,) = passage.plan.candidates

    @property
    def headers(self) -> Headers:
        """None of the caller's: the answer may serve others too."""
        return []


async def ask(gateway: Gateway, question: Inquiry, *, limit: int, seconds: float) -> bytes | None:
    """Return what a provider answers; None if it has no good answer in time.

    Args:
        gateway: Who asks.
        question: What is asked, and whom.
        limit: The most bytes an answer may have.
        seconds: The longest it may take.
    """
    await as_task()
    journal, candidate = gateway.journal, question.candidate
    journal.decided(question, question.passage.placement, candidate, b"")
    body: bytes | None = None
    status = 504
    try:
        async with asyncio.timeout(seconds):
            reply = await gateway.forwarder.send(question, question.passage.plan, [candidate])
            status = reply.problem.status if reply.problem is not None else reply.status
            question.upstream, question.attempts = candidate.target.name, tuple(reply.attempts)
            if reply.exchange is not None:
                try:
                    found = reply.body + await reply.exchange.rest(limit)
                finally:
                    reply.exchange.abort()
                body = found if status < 300 else None
            elif reply.problem is None and status < 300:
                body = reply.body
    except TimeoutError:
        pass
    except UpstreamFailure:
        status, body = 502, None
    finally:
        question.status = status
        journal.ended(question, status, "whole" if body is not None else "cut", 0, 0, streamed=False)
    return body


_PAGE_BYTES = 8 << 20
_PAGE_S = 10.0
_PAGE_ENTRIES = 100
"""As many as OpenAI gives at most."""


def further_pages(gateway: Gateway, about: Context, candidate: Candidate) -> More | None:
    """Return what asks an upstream for further pages of a list; None where it is read backwards."""
    asked = parse_qs(about.query.decode("latin-1"), keep_blank_values=True)
    if "before" in asked or "before_id" in asked:
        return None
    cursor = "after_id" if about.dialect == "anthropic" else "after"
    passage = about.passage._replace(plan=about.passage.plan._replace(candidates=(candidate,)))

    async def more(last: str | None) -> tuple[int, bytes | None]:
        about.asked += 1
        question = Inquiry(about, passage, about.endpoint, about.suffix, about.asked)
        query = {**asked, cursor: [last] if last is not None else [], "limit": [str(_PAGE_ENTRIES)]}
        question.query = urlencode(query, doseq=True).encode()
        body = await ask(gateway, question, limit=_PAGE_BYTES, seconds=_PAGE_S)
        return question.status, body

    return more
