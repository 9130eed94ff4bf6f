"""A pooled HTTP/1.1 client that adds as little as possible between two sockets.

General clients cost ten to fifty times as much per request as everything else
the gateway does. This one knows only what a gateway needs: one request at a time
per connection, bytes passed on as they come, one clock check for all timeouts,
and a stop to reading while the caller cannot keep up. Parsing is httptools', as
on the server side; TLS is the standard library's, always verified.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from reliant.gateway.running import Teller, as_task, told

HIGH_WATER = 262_144
"""Bytes held for a caller before reading from the provider stops."""

_MAX_HEADER_BYTES = 65_536
_MAX_HEADERS = 256
_SWEEP_S = 0.05

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
        "_buffered",
        "_chunks",
        "_failure",
        "_header_bytes",
        "_idle_s",
        "_paused",
        "_pool",
        "complete",
        "deadline",
        "got_bytes",
        "headers",
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
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.kind = b""
        self.headers: list[tuple[bytes, bytes]] = []
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
        self.got_bytes = True
        if self.complete or not self.deadline:
            # Bytes after the end, or without a request: nothing more may be trusted here.
            self.keep_alive = False
            self._close()
            return
        if self._idle_s:
            self.deadline = self._pool.now() + self._idle_s
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
        if self.tell is not None and (self.complete or (self.headers_done and self._chunks)):
            # Not from within the parser: who goes on may send the next request.
            self.tell_now()

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
            for name, value in self.headers
        )

    # httptools callbacks
    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header, its name in small letters."""
        known = _NAMES.get(name) or _small(name)
        if known is _KIND:
            self.kind = value
        self.headers.append((known, value))

    def on_headers_complete(self) -> None:
        """Note the status; an interim answer is passed over."""
        self.status = self.parser.get_status_code()
        if 100 <= self.status < 200:
            self.headers = []
            return
        self.headers_done = True
        if len(self.headers) > _MAX_HEADERS:
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
        """Send a request; `begun` tells when there is an answer.

        Raises:
            UpstreamFailure: The connection is gone.
        """
        transport = self.transport
        if transport is None:
            raise UpstreamFailure("reset", "the connection is gone", sent=False)
        self.deadline = self._pool.now() + timeout_s
        self._idle_s = 0.0
        if len(body) < 65_536:
            after(transport.write, head + body, self._fail)
        else:
            after(transport.write, head, self._fail)
            after(transport.write, body, self._fail)

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


class Pool:
    """Connections to one origin; the one used last is used first, so that idle ones age out."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        connect_s: float,
        limit: int,
        keep_s: float = 55.0,
    ) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.connect_s = connect_s
        self.limit = limit
        self.keep_s = keep_s
        self.loop = asyncio.get_running_loop()
        self.now: Callable[[], float] = self.loop.time
        self._idle: deque[tuple[float, Exchange]] = deque()
        self._all: set[Exchange] = set()
        self._opening = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._all)

    async def request(
        self, head: bytes, body: bytes, *, timeout_s: float, idle_s: float, after: After = at_once
    ) -> Exchange:
        """Send a request on a pooled or a new connection; return the begun answer.

        A pooled connection that the provider closed while it lay idle is replaced
        once, and only while no byte of an answer has come.

        Raises:
            UpstreamFailure: There was no answer.
        """
        idle, loop = self._idle, self.loop
        exchange = idle.pop()[1] if idle else await self._connect()
        while True:
            try:
                exchange.ask(head, body, timeout_s=timeout_s, after=after)
                while not exchange.begun(idle_s):
                    await told(exchange, loop)
            except UpstreamFailure as failure:
                exchange.abort()
                if not exchange.reused or failure.kind != "reset" or exchange.got_bytes:
                    raise
            except BaseException:
                exchange.abort()
                raise
            else:
                return exchange
            exchange = await self._connect()

    async def _connect(self) -> Exchange:
        if len(self._all) + self._opening >= self.limit:
            raise UpstreamFailure("busy", f"all {self.limit} connections are in use", sent=False)
        self._opening += 1
        try:
            await as_task()
            async with asyncio.timeout(self.connect_s):
                _, exchange = await self.loop.create_connection(
                    lambda: Exchange(self),
                    self.host,
                    self.port,
                    ssl=self.tls,
                    server_hostname=self.host if self.tls else None,
                )
        except TimeoutError:
            raise UpstreamFailure(
                "connect", f"no connection within {self.connect_s:g} s", sent=False
            ) from None
        except (OSError, ssl.SSLError) as error:
            raise UpstreamFailure("connect", f"no connection: {error}", sent=False) from None
        finally:
            self._opening -= 1
        self._all.add(exchange)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(_SWEEP_S, self._sweep)
        return exchange

    def give_back(self, exchange: Exchange) -> None:
        """Keep a connection for the next request."""
        if self._closed:
            exchange.discard()
            return
        exchange.renew()
        self._idle.append((self.now(), exchange))

    def lost(self, exchange: Exchange) -> None:
        """Forget a connection that closed."""
        self._all.discard(exchange)
        if exchange.deadline == 0.0 and self._idle:
            self._idle = deque(item for item in self._idle if item[1] is not exchange)

    def _sweep(self) -> None:
        now = self.now()
        for exchange in list(self._all):
            if exchange.deadline:
                exchange.overdue(now)
        while self._idle and now - self._idle[0][0] > self.keep_s:
            _, old = self._idle.popleft()
            if old.transport is not None:
                old.transport.close()
        self._sweeper = self.loop.call_later(_SWEEP_S, self._sweep) if self._all else None

    def close(self) -> None:
        """Close what is idle now, and what is busy when its answer ends."""
        self._closed = True
        while self._idle:
            _, exchange = self._idle.popleft()
            if exchange.transport is not None:
                exchange.transport.close()


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a verifying context; `ca_file` replaces the platform's authorities."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
