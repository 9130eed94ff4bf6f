"""uvicorn's HTTP/1.1 protocol with bounds on what a client may send and hold open.

Parsing stays with httptools. Added are a limit on the bytes of a request's head,
a deadline for head and body, a limit on connections, and a call when a client
leaves, so that the provider's answer to it is not paid for any longer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from reliant.gateway.config import Limits

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: 80\r\nconnection: close\r\n\r\n"
    b'{"error":{"message":"The head of the request is too large.","code":"head_size"}}'
)
_SWEEP_S = 0.5
_MOST_HEADERS = 200
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class GuardedProtocol(HttpToolsProtocol):
    """One client connection."""

    limits: ClassVar[Limits] = Limits()
    guarded: ClassVar[set[GuardedProtocol]] = set()
    _head_bytes = 0
    _in_head = True
    _deadline = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self.guarded.add(self)
        self._deadline = self.loop.time() + self.limits.header_s

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request in flight that its caller left."""
        self.guarded.discard(self)
        cycle = self.cycle
        super().connection_lost(exc)
        if cycle is not None and not cycle.response_complete:
            on_lost: Callable[[], Any] | None = getattr(cycle, "on_lost", None)
            if on_lost is not None:
                on_lost()

    def data_received(self, data: bytes) -> None:
        """Count the head's bytes, then parse."""
        if self._in_head:
            if not self._head_bytes:
                self._deadline = self.loop.time() + self.limits.header_s
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Begin the body's deadline."""
        self._in_head = False
        self._head_bytes = 0
        self._deadline = self.loop.time() + self.limits.body_s
        super().on_headers_complete()
        self.cycle.on_lost = None  # type: ignore[attr-defined]
        if len(self.headers) > _MOST_HEADERS:
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_complete(self) -> None:
        """The request is whole: from here on only the answer takes time."""
        self._in_head = True
        self._deadline = 0.0
        super().on_message_complete()

    @classmethod
    def sweep(cls, now: float) -> None:
        """Close connections whose head or body is overdue."""
        for connection in list(cls.guarded):
            if connection._deadline and now > connection._deadline:
                idle = connection._in_head and not connection._head_bytes
                if idle and connection.server_state.total_requests and connection.timeout_keep_alive_task:
                    continue  # between two requests: uvicorn's own timer counts
                connection.transport.abort()

    @classmethod
    def watch(cls, loop: asyncio.AbstractEventLoop) -> None:
        """Sweep regularly while the loop runs."""
        cls.sweep(loop.time())
        loop.call_later(_SWEEP_S, cls.watch, loop)


def write_whole(cycle: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write a whole answer at once, if nothing stands in the way.

    uvicorn checks and joins every header on its own and writes twice. A gateway's
    headers come from a parser that refuses what could break a head, so one check
    over all of them is enough.

    Args:
        cycle: What `receive` belongs to.
        status: Of the answer.
        headers: Without lengths.
        body: All of it.

    Returns:
        False if nothing was written, because this is not such a connection, it is
        being slowed down, or only a head is wanted.
    """
    if type(cycle) is not RequestResponseCycle:
        return False
    if (
        cycle.disconnected
        or cycle.response_started
        or cycle.flow.write_paused
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    lines = [b"%b: %b\r\n" % pair for pair in (*cycle.default_headers, *headers)]
    head = b"".join(lines)
    if _CONTROL.search(head) or head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        return False
    close = b"" if cycle.keep_alive else b"connection: close\r\n"
    cycle.transport.write(
        b"%b%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[status], head, close, len(body), body)
    )
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def guarded(limits: Limits) -> type[GuardedProtocol]:
    """Return a protocol with these limits and its own set of connections."""
    return type("GuardedConnection", (GuardedProtocol,), {"limits": limits, "guarded": set()})
