"""One client connection: HTTP/1.1 with bounds on what a client may send and hold open.

Parsing is httptools'. What is here knows only what a gateway needs: a small request
is handed over whole, an answer is written at once, one sweep looks at all deadlines,
and nothing is answered before the record of it is with the operating system.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

import httptools

from reliant.gateway.api.answers import Headers
from reliant.gateway.config import Limits
from reliant.gateway.http.call import STATUS, Call
from reliant.gateway.http.heads import SMALL_BODY, Head, Repeated
from reliant.gateway.http.running import Running, Served

if TYPE_CHECKING:
    from reliant.gateway.audit.writer import ChainWriter
    from reliant.gateway.serve.intake import Picked

log = logging.getLogger("reliant.gateway")

Serve = Callable[[Call], Coroutine[Any, None, None]]

_MOST_HEADERS = 200


def _short(status: int, code: str, message: str) -> bytes:
    body = b'{"error":{"message":"%b","code":"%b"}}' % (message.encode(), code.encode())
    head = b"%bcontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (STATUS[status], len(body)) + body


_TOO_LARGE = _short(431, "head_size", "The head of the request is too large.")
_NOT_HTTP = _short(400, "not_http", "This is not a request that HTTP permits.")
_FAILED = _short(500, "internal", "The gateway failed; the operator's log says why.")


class Listening:
    """What the connections of one server have in common.

    Attributes:
        date: The lines that every answer has.
        waiting: The requests that wait for something, also those whose caller has left.
        chain: The decision log that must have a record before bytes follow it.
    """

    def __init__(self, limits: Limits, serve: Serve, chain: ChainWriter) -> None:
        self.limits = limits
        self.serve = serve
        self.chain = chain
        self.loop = asyncio.get_running_loop()
        self.date = b""
        self.connections: set[Connection] = set()
        self.waiting: set[Served] = set()

    def sweep(self) -> None:
        """Close connections whose head or body is overdue, or that lie idle."""
        now = self.loop.time()
        for connection in [one for one in self.connections if one.deadline and now > one.deadline]:
            connection.overdue()


class Connection(asyncio.Protocol):
    """Reads requests from one client."""

    def __init__(self, state: Listening) -> None:
        self.state = state
        self.loop = state.loop
        self.limits = state.limits
        self.chain = state.chain
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport
        self.client: tuple[str, int] = ("", 0)
        self.slow: asyncio.Future[None] | None = None
        self.deadline = 0.0
        self.kept: Picked | None = None
        self._calls: deque[Call] = deque()
        self._reading: Call | None = None
        self._headers: Headers = []
        self._url = b""
        self._length = 0
        self._left = 0
        """Of a large body whose length is stated: these bytes are only counted, not parsed."""
        self._repeated = Repeated()
        self._messages = 0
        self._between = True
        self._in_head = True
        self._head_bytes = 0
        self._paused = False
        self._broken = False
        self._last = False

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or close it if there are too many."""
        self.transport = cast("asyncio.Transport", transport)
        self.state.connections.add(self)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.client = (str(peer[0]), int(peer[1]))
        if len(self.state.connections) > self.limits.connections:
            self.transport.abort()
            return
        self.deadline = self.loop.time() + self.limits.header_s

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the requests in flight that their caller left."""
        del exc
        self.state.connections.discard(self)
        del self.parser  # it holds this: without it both go at once
        self.resume_writing()
        calls, self._calls = list(self._calls), deque()
        reading, self._reading = self._reading, None  # a body that nobody read goes with it
        if reading is not None and reading not in calls:
            calls.append(reading)
        for call in calls:
            if not call.done:
                call.lost()

    def pause_writing(self) -> None:
        """Let answers wait: the client is slow."""
        if self.slow is None:
            self.slow = self.loop.create_future()

    def resume_writing(self) -> None:
        """Let answers go on."""
        slow, self.slow = self.slow, None
        if slow is not None and not slow.done():
            slow.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take a request whose head is known, or parse."""
        if self._broken:
            return
        if self._left:
            data = self._count(data)
        if not self._between:
            if data:
                self._parse(data)
        elif data:
            repeated = self._repeated
            head = repeated.match(data)
            if head is None:
                self._parse_whole(data)
            elif len(data) - repeated.start == repeated.length:
                call = Call(self, head)
                call.body = data[repeated.start :]
                call.length = repeated.length
                call.whole = True
                self.deadline = 0.0
                self._begin(call)
            else:
                self._read_on(head, data)
        if self._calls and self._calls[0].running is None:
            self._start()

    def _read_on(self, head: Head, data: bytes) -> None:
        """Take the beginning of a request with a large body and a known head; the rest is read at once."""
        call = self._reading = Call(self, head)
        start, call.length = self._repeated.start, self._repeated.length
        self._between = self._in_head = False
        self.deadline = self.loop.time() + self.limits.body_s
        self._left = call.length - (len(data) - start)
        self._keep(memoryview(data)[start:])

    def _count(self, data: bytes) -> bytes:
        """Take what belongs to a large body; return what follows it."""
        left = self._left
        self._left = max(0, left - len(data))
        self._keep(data if len(data) <= left else data[:left])
        if self._left:
            return b""
        # The parser that read the head, if it did, still waits for this body.
        self.parser = httptools.HttpRequestParser(self)
        self.on_message_complete()
        return data[left:]

    def _parse_whole(self, data: bytes) -> None:
        """Parse what begins with a request; remember its head if nothing follows it."""
        self._messages = 0
        self._parse(data)
        if self._messages != 1 or self._broken:
            return
        if self._between and self._calls:
            call = self._calls[-1]
            if call.keep_alive and call.whole and call.length == len(call.body) > 0:
                self._repeated.learn(call.head, data, call.length, call.length)
        elif self._left and self._reading is not None and self._reading.keep_alive:
            call = self._reading
            self._repeated.learn(call.head, data, call.length - self._left, call.length)

    def _parse(self, data: bytes) -> None:
        """Count the head's bytes, then parse."""
        if self._in_head:
            if not self._head_bytes:
                self.deadline = self.loop.time() + self.limits.header_s
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last, self._between = True, False
        except httptools.HttpParserError:
            self._refuse(_NOT_HTTP)
        if self._in_head and self._head_bytes > self.limits.header_bytes:
            self._refuse(_TOO_LARGE)

    def eof_received(self) -> None:
        """Let the transport close itself."""
        return

    def _refuse(self, answer: bytes) -> None:
        """End a connection whose bytes make no sense, after what was asked before on it."""
        self._broken = self._last = True
        if self._reading is not None and not self._reading.whole and self._reading not in self._calls:
            self._reading = None
        if not self._calls:
            if not self.transport.is_closing():
                self.transport.write(answer)
                self.transport.close()
        elif not self._calls[-1].whole:
            # The body of a request that is being served cannot be read to its end.
            self.transport.abort()

    # httptools callbacks
    def on_message_begin(self) -> None:
        """Begin a request."""
        self._between = False
        self._messages += 1
        self._url = b""
        self._headers = []
        self._length = 0

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header, its name in small letters; the length, which differs most, stands apart."""
        if not self._in_head:
            return  # after a body in chunks; nothing there says who asks, or goes on
        name = name.lower()
        if name == b"content-length":
            self._length = int(value)
        else:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Make the request; one with a large body is served from here on."""
        self._in_head = False
        self._head_bytes = 0
        self.deadline = self.loop.time() + self.limits.body_s
        parser, headers = self.parser, self._headers
        head = Head(headers)
        if self._broken or len(headers) > _MOST_HEADERS:
            self._reading = Call(self, head)
            self._refuse(_TOO_LARGE)
            return
        head.method = parser.get_method().decode("ascii")
        head.http_version = parser.get_http_version()
        head.keep_alive = (
            not self._last
            and head.http_version == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )
        url = self._url
        if url[:1] != b"/" or b"%" in url or b"#" in url:
            parsed = httptools.parse_url(url)
            head.raw_path, head.query = parsed.path or b"/", parsed.query or b""
            head.path = urllib.parse.unquote(head.raw_path.decode("ascii", "replace"))
        else:
            head.raw_path, _, head.query = url.partition(b"?")
            head.path = head.raw_path.decode("latin-1")
        call = self._reading = Call(self, head)
        call.length = self._length
        for name, value in headers:
            if name == b"transfer-encoding":
                call.length = -1
            elif name == b"expect" and value.lower() == b"100-continue":
                call.expects = True
        if call.expects or not 0 <= call.length <= SMALL_BODY:
            self._begin(call)
            if head.keep_alive and call.length > 0:
                self._left = call.length

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body that came with its head, or has no stated length, or is small."""
        if self._left:
            self._left -= len(body)
        self._keep(body)

    def _keep(self, body: bytes | memoryview) -> None:
        """Keep a piece of the body; stop reading when nobody takes it."""
        call = self._reading
        if call is None or call.done:
            return
        if call.took(body):
            self._pause()

    def on_message_complete(self) -> None:
        """The request is whole: from here on only the answer takes time."""
        self._in_head = True
        self.deadline = 0.0
        call, self._reading = self._reading, None
        self._between = call is not None and call.keep_alive
        if call is None or self._broken:
            return
        call.ended()
        if not call.begun:
            self._begin(call)

    # serving
    def _begin(self, call: Call) -> None:
        """Let a request be served, after those before it."""
        call.begun = True
        self._calls.append(call)
        if len(self._calls) > 1:
            self._pause()

    def _start(self) -> None:
        """Serve the request that is first in line; never within the parser, nor within another request."""
        if self._calls and self._calls[0].running is None:
            call = self._calls[0]
            lane = call.head.lane
            if lane is not None and lane(call):
                return
            call.running = Running(self.loop, self.state.serve(call), call.served, self.state.waiting)
            call.running.step()

    def served(self, call: Call, error: BaseException | None) -> None:
        """Look after a request that nobody serves any more."""
        if error is None or isinstance(error, asyncio.CancelledError):
            self.transport.abort()
        else:
            # One request that fails must not end the others.
            log.error("a request failed", exc_info=error)
            if not call.started and not self.transport.is_closing():
                self.transport.write(_FAILED)
                self.transport.close()
            else:
                self.transport.abort()

    def answered(self, call: Call) -> None:
        """Go on to the next request, or close."""
        if self._calls and self._calls[0] is call:
            self._calls.popleft()
        if not call.keep_alive or not call.whole or (self._broken and not self._calls):
            # What follows an unread body cannot be told from a request.
            self._broken = True
            for other in self._calls:
                other.disconnected = other.done = True
            self._calls.clear()
            self.chain.after(self._close, b"", self._close)
            return
        if self._calls:
            self.loop.call_soon(self._start)
            return
        if self._paused:
            self.read_on()
        if not self._head_bytes and self._in_head:
            self.deadline = self.loop.time() + self.limits.keep_alive_s

    def _close(self, _nothing: object = None) -> None:
        self.transport.close()

    def _abort(self, _error: object = None) -> None:
        self.transport.abort()

    def write(self, data: bytes) -> None:
        """Write, once the records that came before are with the operating system."""
        if self.chain.pending:
            self.chain.after(self.transport.write, data, self._abort)
        else:
            # Also where the log is broken: then this says so.
            self.transport.write(data)

    def _pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        """Read again, if reading was stopped."""
        if self._paused and len(self._calls) <= 1:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def shutdown(self) -> None:
        """Close, after the answer in flight."""
        if not self._calls and not self._left:
            self.transport.close()
        for call in self._calls:
            call.keep_alive = False
        if self._reading is not None:
            self._reading.keep_alive = False

    def overdue(self) -> None:
        """Close: what the client owes did not come in time, or it was idle for long."""
        if self._calls or self._head_bytes or not self._in_head:
            self.transport.abort()
        else:
            self.transport.close()
