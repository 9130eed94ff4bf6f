"""One request of a client, and the way its answer goes back."""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from reliant.gateway.api.answers import Headers
from reliant.gateway.http.heads import AHEAD, Head

if TYPE_CHECKING:
    from reliant.gateway.http.connection import Connection
    from reliant.gateway.http.running import Served

Message = MutableMapping[str, Any]

_BODYLESS = frozenset({204, 304})
_CONTROLS = bytes(set(range(32)) - {9}) + b"\x7f"
STATUS = {
    code: b"HTTP/1.1 %d %b\r\n"
    % (code, http.HTTPStatus(code).phrase.encode() if code in set(http.HTTPStatus) else b"")
    for code in range(100, 1_000)
}
"""The first line of an answer, by status."""


class BadAnswer(ValueError):
    """An answer that would break the connection: a control character, or a wrong length."""


class Call:
    """One request, and the way its answer goes back.

    Attributes:
        body: The whole body, if it was here before the request began to be served; else `receive` has it.
        whole: Whether `body` is all.
        length: As the request states it; -1 if the body comes in chunks.
        on_lost: Called once if the caller leaves before the answer is complete.
    """

    body = b""
    length = 0
    expects = False
    whole = False
    begun = False
    disconnected = False
    started = False
    done = False
    on_lost: Callable[[], Any] | None = None
    running: Served | None = None
    _ahead = 0
    _gathers = False
    _given = False
    _waiter: asyncio.Future[None] | None = None
    _chunked = False
    _left: int | None = 0
    """Of the answer's body; None where the end of the connection is its end."""

    def __init__(self, connection: Connection, head: Head) -> None:
        self.connection = connection
        self.head = head
        self.keep_alive = head.keep_alive
        self._parts: list[bytes | memoryview] = []

    @property
    def method(self) -> str:
        """What is asked for, in capitals."""
        return self.head.method

    @property
    def path(self) -> str:
        """Where, decoded."""
        return self.head.path

    @property
    def raw_path(self) -> bytes:
        """Where, as it was written."""
        return self.head.raw_path

    @property
    def query(self) -> bytes:
        """What stood after the question mark."""
        return self.head.query

    @property
    def headers(self) -> Headers:
        """All headers but the length of the body, their names in small letters."""
        return self.head.headers

    @property
    def client(self) -> str:
        """The address at the other end."""
        return self.connection.client[0]

    def scope(self) -> dict[str, Any]:
        """Return the request as ASGI describes it."""
        connection = self.connection
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self.head.http_version,
            "server": connection.transport.get_extra_info("sockname")[:2],
            "client": connection.client,
            "scheme": "https" if connection.transport.get_extra_info("sslcontext") else "http",
            "root_path": "",
            "headers": [*self.headers, (b"content-length", b"%d" % self.length)]
            if self.length > 0
            else self.headers,
            "method": self.method,
            "path": self.path,
            "raw_path": self.raw_path,
            "query_string": self.query,
            "state": {},
        }

    # the request
    def took(self, data: bytes | memoryview) -> bool:
        """Keep a piece of the body; say whether enough is here for now."""
        self._parts.append(data)
        self._ahead += len(data)
        if not self._gathers:
            self._wake()
        return self.begun and self._ahead > AHEAD

    def ended(self) -> None:
        """Note that the body is whole."""
        if self.running is None:
            # Nobody has begun to read it, so it can be had in one piece.
            self.body = self._joined()
        self.whole = True
        self._wake()

    def lost(self) -> None:
        """Note that the caller left."""
        self.disconnected = True
        self._wake()
        on_lost, self.on_lost = self.on_lost, None
        if on_lost is not None:
            on_lost()

    def served(self, error: BaseException | None) -> None:
        """Note that nobody serves it any more, and what went wrong."""
        if error is not None or not (self.done or self.disconnected):
            self.connection.served(self, error)

    def cancel(self) -> None:
        """Stop serving it."""
        if self.running is not None:
            self.running.cancel()

    def uncancel(self) -> bool:
        """Say whether it was cancelled because the caller left; then serving may go on to its end."""
        if not self.disconnected or self.running is None:
            return False
        self.running.uncancel()
        return True

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _joined(self) -> bytes:
        parts = self._parts
        return parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else b"".join(parts)

    def _ask_for_body(self) -> None:
        if self.expects and not self.started and not self.connection.transport.is_closing():
            self.expects = False
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def gathered(self) -> bytes | None:
        """Return the whole body, which is stated to be no longer than `AHEAD`; None if the caller left.

        Who waits so is told once, and the body is put together once.
        """
        self._ask_for_body()
        self._gathers = True
        while not (self.disconnected or self.whole):
            self.connection.read_on()
            self._waiter = self.connection.loop.create_future()
            await self._waiter
        if self.disconnected:
            return None
        self.body = self._joined() if self._parts else self.body
        self._parts.clear()
        self._given = True
        return self.body

    async def receive(self) -> Message:
        """Return the next part of the body, as ASGI does."""
        self._ask_for_body()
        while not (self.disconnected or self.done or self._parts or (self.whole and not self._given)):
            self.connection.read_on()
            self._waiter = self.connection.loop.create_future()
            await self._waiter
        if self.disconnected or self.done:
            return {"type": "http.disconnect"}
        # A request that repeats a known head has its body and no parts.
        data = b"".join(self._parts) if self._parts else self.body
        self._parts.clear()
        self._ahead = 0
        self._given = self.whole
        return {"type": "http.request", "body": data, "more_body": not self.whole}

    # the answer
    def _head(self, status: int, headers: Headers) -> bytes:
        """Return the head of an answer, but for its length and the empty line.

        Raises:
            BadAnswer: A header would break the connection.
        """
        lines = [b"%b: %b\r\n" % pair for pair in headers]
        block = b"".join(lines)
        if len(block.translate(None, _CONTROLS)) != len(block) - 2 * len(lines):
            raise BadAnswer("a header of the answer holds a control character")
        self.started = True
        self.expects = False
        end = b"" if self.keep_alive else b"connection: close\r\n"
        return b"%b%b%b%b" % (STATUS[status], self.connection.state.date, block, end)

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Write a whole answer; `headers` hold no length.

        Raises:
            BadAnswer: A header would break the connection.
        """
        if self.disconnected:
            return
        head = self._head(status, headers)
        if status in _BODYLESS:
            data = head + b"\r\n"
        elif self.head.method == "HEAD":
            data = b"%bcontent-length: %d\r\n\r\n" % (head, len(body))
        else:
            data = b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        self.connection.write(data)
        self._finish()

    def answer_ok(self, lines: bytes, body: bytes) -> None:
        """Write a whole answer of status 200 to anything but HEAD; `lines` are headers known to be sound."""
        connection = self.connection
        connection.write(
            b"HTTP/1.1 200 OK\r\n%b%b%bcontent-length: %d\r\n\r\n%b"
            % (
                connection.state.date,
                lines,
                b"" if self.keep_alive else b"connection: close\r\n",
                len(body),
                body,
            )
        )
        self._finish()

    async def send(self, message: Message) -> None:
        """Send a part of an answer, as ASGI describes it.

        Raises:
            BadAnswer: A header would break the connection, or the body has not the stated length.
        """
        connection = self.connection
        if connection.slow is not None and not self.disconnected:
            await connection.slow
            if connection.chain.broken:
                # What the bytes rest on may have been lost while they waited.
                connection.transport.abort()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], list(message.get("headers", ())))
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.method == "HEAD":
            self._left = 0
        elif self._chunked:
            framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                framed += b"0\r\n\r\n"
            if framed:
                connection.write(framed)
        else:
            if self._left is not None:
                self._left -= len(body)
                if self._left < 0 or (self._left and not more):
                    raise BadAnswer("the body has not the stated length")
            if body:
                connection.write(body)
        if not more:
            self._finish()

    def _start(self, status: int, headers: Headers) -> None:
        self._chunked = self.method != "HEAD" and status not in _BODYLESS
        for name, value in headers:
            if name == b"content-length":
                self._chunked = False
                self._left = int(value)
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive = False
        headers = [pair for pair in headers if pair[0] != b"connection"]
        if self._chunked and self.head.http_version == "1.0":
            self._chunked, self._left = False, None
        elif self._chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        self.connection.write(self._head(status, headers) + b"\r\n")

    def _finish(self) -> None:
        self.done = True
        self.on_lost = None
        if self._waiter is not None:
            self._wake()
        self.connection.answered(self)
