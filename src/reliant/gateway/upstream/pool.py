"""The connections to one provider: those in use, those that lie idle, and new ones.

One request at a time goes over a connection. The one used last is used first, so that
idle ones age out; one sweep looks at all deadlines.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable

from reliant.gateway.http.running import as_task, told
from reliant.gateway.upstream.client import After, Exchange, UpstreamFailure, at_once

_SWEEP_S = 0.05


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
        self.idle: deque[tuple[float, Exchange]] = deque()
        self._all: set[Exchange] = set()
        self._opening = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._all)

    async def request(
        self,
        head: bytes,
        body: bytes,
        *,
        timeout_s: float,
        idle_s: float,
        after: After = at_once,
        sent: Exchange | None = None,
    ) -> Exchange:
        """Send a request on a pooled or a new connection; return the begun answer.

        With `sent` it went out on that connection already.

        A pooled connection that the provider closed while it lay idle is replaced
        once, and only while no byte of an answer has come.

        Raises:
            UpstreamFailure: There was no answer.
        """
        idle, loop = self.idle, self.loop
        exchange = sent or (idle.pop()[1] if idle else await self._connect())
        while True:
            try:
                if exchange is not sent:
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
        self.idle.append((self.now(), exchange))

    def lost(self, exchange: Exchange) -> None:
        """Forget a connection that closed."""
        self._all.discard(exchange)
        if exchange.deadline == 0.0 and self.idle:
            self.idle = deque(item for item in self.idle if item[1] is not exchange)

    def _sweep(self) -> None:
        now = self.now()
        for exchange in list(self._all):
            if exchange.deadline:
                exchange.overdue(now)
        while self.idle and now - self.idle[0][0] > self.keep_s:
            _, old = self.idle.popleft()
            if old.transport is not None:
                old.transport.close()
        self._sweeper = self.loop.call_later(_SWEEP_S, self._sweep) if self._all else None

    def close(self) -> None:
        """Close what is idle now, and what is busy when its answer ends."""
        self._closed = True
        while self.idle:
            _, exchange = self.idle.popleft()
            if exchange.transport is not None:
                exchange.transport.close()


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a verifying context; `ca_file` replaces the platform's authorities."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
