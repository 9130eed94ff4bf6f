"""A pooled HTTP/1.1 client that adds as little as possible between two sockets.

General clients cost ten to fifty times as much per request as everything else
the gateway does. This one knows only what a gateway needs: one request at a time
per connection, bytes passed on as they come, one clock check for all timeouts,
and a stop to reading while the caller cannot keep up. Parsing is httptools', as
on the server side; TLS is the standard library's, always verified.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import httptools

from reliant.gateway.api.answers import Headers
from reliant.gateway.http.running import Teller, told
from reliant.gateway.upstream.alike import Alike

if TYPE_CHECKING:
    from reliant.gateway.upstream.pool import Pool

HIGH_WATER = 262_144
"""Bytes held for a caller before reading from the provider stops."""

_JOINED = 65_536
"""Beyond this, a copy of the body costs more than the operating system's being told of two pieces."""

_MAX_HEADER_BYTES = 65_536
_MAX_HEADERS = 256

_KIND = b"content-type"
_NAMES = {_KIND: _KIND, b"Content-Type": _KIND}
_NAMES_KEPT = 1_000


def _small(name: bytes) -> bytes:
    """Return the name of a header in small letters; those seen before need not be made again."""
    small = name.lower()
    small = _NAMES.get(small, small)
    if len(_NAMES) < _NAMES_KEPT:
        _NAMES[name] = small
    return small


class UpstreamFailure(Exception):
    """The provider gave no usable answer.

    Attributes:
        kind: `connect`, `reset`, `timeout`, `idle`, `protocol`, `busy` or `aborted`.
        sent: False if it is certain that no byte of the request left.
    """

    def __init__(self, kind: str, text: str, *, sent: bool = True) -> None:
        super().__init__(text)
        self.kind = kind
        self.sent = sent


After = Callable[[Callable[[bytes], object], bytes, Callable[[OSError], object]], None]
"""Calls the first with the bytes once they may go out, or the last with why they never may."""


def at_once(send: Callable[[bytes], object], data: bytes, failed: Callable[[OSError], object]) -> None:
    """Send without waiting for anything."""
    del failed
    send(data)


class Exchange(Teller, asyncio.Protocol):
    """One connection, and the answer now being read on it."""

    __slots__ = (
        "_alike",
        "_buffered",
        "_chunks",
        "_failure",
        "_found",
        "_header_bytes",
        "_headers",
        "_idle_s",
        "_paused",
        "_pool",
        "complete",
        "deadline",
        "got_bytes",
        "headers_done",
        "keep_alive",
        "kind",
        "parser",
        "reused",
        "status",
        "transport",
    )

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.transport: asyncio.Transport | None = None
        self.tell = None
        self._chunks: list[bytes] = []
        self.reused = False
        self.deadline = 0.0
        self._idle_s = 0.0
        self.parser = httptools.HttpResponseParser(self)
        self._alike = Alike()
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.kind = b""
        self._headers: Headers = []
        self._found: re.Match[bytes] | None = None
        self.headers_done = False
        self.complete = False
        self.keep_alive = False
        self.got_bytes = False
        self._header_bytes = 0
        self._buffered = 0
        self._paused = False
        self._failure: UpstreamFailure | OSError | None = None
        if self._chunks:
            self._chunks = []

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes that nobody asked for end the connection."""
        if self.complete or not self.deadline:
            # Bytes after the end, or without a request: nothing more may be trusted here.
            self.keep_alive = False
            self._close()
            return
        first, self.got_bytes = not self.got_bytes, True
        if first:
            found = self._alike.match(data)
            if found is not None:
                self._found = found
                self.status = 200
                self.kind = self._alike.kind
                self.headers_done = self.complete = self.keep_alive = True
                self.deadline = 0.0
                self._chunks.append(data[found.end() :])
                self.tell_now()
                return
        elif self._idle_s:
            self.deadline = self._pool.now() + self._idle_s
        if self._parse(data) and first and self.keep_alive:
            self._alike.learn(data, self._headers)
        if self.tell is not None and self._begun():
            # Not from within the parser: who goes on may send the next request.
            self.tell_now()

    def _begun(self) -> bool:
        return self.complete or (self.headers_done and bool(self._chunks))

    def _parse(self, data: bytes) -> bool:
        """Feed the parser; say whether the answer is whole."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(UpstreamFailure("protocol", f"not HTTP: {error}"))
        except httptools.HttpParserUpgrade:
            self._fail(UpstreamFailure("protocol", "an upgrade nobody asked for"))
        if not self.headers_done:
            self._header_bytes += len(data)
            if self._header_bytes > _MAX_HEADER_BYTES:
                self._fail(UpstreamFailure("protocol", "headers too large"))
        return self.complete

    def eof_received(self) -> None:
        """Let the transport close itself."""
        return

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer, whole or broken."""
        self._pool.lost(self)
        self.transport = None
        del self.parser  # it holds this: without it both go at once
        if self.complete or not self.deadline:
            return
        if self.headers_done and not self._framed():
            # Without a length the end of the connection is the end of the body.
            self.complete = True
            self.keep_alive = False
            self.tell_now()
            return
        self._fail(UpstreamFailure("reset", "the provider closed the connection"))

    def _framed(self) -> bool:
        return any(
            name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower())
            for name, value in self._headers
        )

    # httptools callbacks
    def on_message_begin(self) -> None:
        """Refuse a second answer to one request: it must not become a part of the first."""
        if self.complete:
            raise UpstreamFailure("protocol", "more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header, its name in small letters."""
        known = _NAMES.get(name) or _small(name)
        if known is _KIND:
            self.kind = value
        self._headers.append((known, value))

    def on_headers_complete(self) -> None:
        """Note the status; an interim answer is passed over."""
        self.status = self.parser.get_status_code()
        if 100 <= self.status < 200:
            self._headers = []
            return
        self.headers_done = True
        if len(self._headers) > _MAX_HEADERS:
            self._fail(UpstreamFailure("protocol", "too many headers"))
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; stop reading when the caller is far behind."""
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > HIGH_WATER and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """Note that the answer is whole."""
        if not self.headers_done:  # an interim answer ended; the real one follows
            return
        self.complete = True
        self.deadline = 0.0

    # the reader's side
    def _fail(self, failure: UpstreamFailure | OSError) -> None:
        if self._failure is None:
            self._failure = failure
        self.keep_alive = False
        self.deadline = 0.0
        self._close()
        if self.tell is not None:
            self._pool.loop.call_soon(self.tell_now)

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def ask(self, head: bytes, body: bytes, *, timeout_s: float, after: After) -> None:
        """Send a request; `begun` tells when there is an answer, or that the connection is gone."""
        transport = self.transport
        if transport is None:
            self._fail(UpstreamFailure("reset", "the connection is gone", sent=False))
            return
        self.deadline = self._pool.now() + timeout_s
        self._idle_s = 0.0
        if len(body) < _JOINED:
            after(transport.write, head + body, self._fail)
        else:
            after(lambda head: transport.writelines((head, body)), head, self._fail)

    def begun(self, idle_s: float) -> bool:
        """Say whether the head and the first bytes of the answer, or its end, are here.

        Raises:
            UpstreamFailure: There was no answer, or none in time.
            OSError: It may never be sent, because it cannot be written down that it was.
        """
        if self.complete:
            return True
        if not (self.headers_done and self._chunks):
            if self._failure is not None:
                raise self._failure
            return False
        self._idle_s = idle_s
        self.deadline = self._pool.now() + idle_s
        return True

    @property
    def headers(self) -> Headers:
        """The headers of the answer, their names in small letters."""
        if self._found is not None:
            return self._alike.headers(self._found)
        return self._headers

    def lines(self) -> bytes | None:
        """Return the headers that the caller gets as sound lines, where the answer is like one before."""
        return self._alike.lines(self._found) if self._found is not None else None

    def taken(self) -> bytes:
        """Return the bytes of the body that are here now."""
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._buffered = 0
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def more(self) -> bytes:
        """Return further bytes of the body, or none at its end.

        Raises:
            UpstreamFailure: The body broke off.
        """
        while True:
            if self._chunks:
                return self.taken()
            if self.complete:
                return b""
            if self._failure is not None:
                raise self._failure
            await told(self, self._pool.loop)

    async def rest(self, limit: int) -> bytes:
        """Return the whole remaining body.

        Raises:
            UpstreamFailure: It broke off, or is larger than `limit`.
        """
        if self.complete:
            return self.taken()
        parts, size = [], 0
        while data := await self.more():
            parts.append(data)
            size += len(data)
            if size > limit:
                self.abort()
                raise UpstreamFailure("protocol", f"the answer is larger than {limit} bytes")
        return b"".join(parts)

    def header(self, name: bytes) -> bytes | None:
        """Return the first header called `name`, in small letters."""
        for known, value in self.headers:
            if known == name:
                return value
        return None

    def abort(self) -> None:
        """Stop reading and close: the rest of the answer is not wanted."""
        if self.complete:
            self.release()
        elif self._failure is None:
            self._fail(UpstreamFailure("aborted", "the caller left"))

    def discard(self) -> None:
        """Close the connection."""
        self._close()

    def release(self) -> None:
        """Give the connection back once its answer was read whole; else close it."""
        if self.complete and self.keep_alive and not self._chunks and self.transport is not None:
            self._pool.give_back(self)
        else:
            self._close()

    def overdue(self, now: float) -> None:
        """Fail if the deadline has passed, unless it is our caller who is slow."""
        if not self.deadline or now < self.deadline:
            return
        if self._paused:
            self.deadline = now + self._idle_s
            return
        if self._idle_s:
            self._fail(UpstreamFailure("idle", f"nothing came for {self._idle_s:g} s"))
        else:
            self._fail(UpstreamFailure("timeout", "no answer in time"))

    def renew(self) -> None:
        """Make ready for the next request."""
        self.reused = True
        self._reset()
