"""Listens on a socket until told to stop, then lets what is in flight end."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import ssl

from reliant.errors import ConfigError
from reliant.gateway.clock import Clock
from reliant.gateway.config import Listen
from reliant.gateway.http.connection import Connection, Listening

_BACKLOG = 4_096
_TICK_S = 0.5
_LAST_WORDS_S = 0.2
_KEPT_BYTES = 4 << 20


class Server:
    """The open port of one worker.

    Attributes:
        started: Whether it accepts connections.
    """

    def __init__(self, state: Listening, clock: Clock, listen: Listen, drain_s: float) -> None:
        self.state = state
        self.started = False
        self._clock = clock
        self._tls = _tls(listen)
        self._drain_s = drain_s
        self._exit = asyncio.Event()
        self._at_once = False

    def renew(self, listen: Listen) -> None:
        """Read the certificate again: connections from now on get the one that is in the file.

        Raises:
            ConfigError: It is no usable certificate; the one before stays.
        """
        if self._tls is not None and listen.tls_cert is not None:
            _tls(listen)  # to look at it: half of a wrong one must not get into the one in use
            self._tls.load_cert_chain(listen.tls_cert, listen.tls_key)

    def exit(self) -> None:
        """Stop accepting, and let requests in flight end; a second time, do not wait for them."""
        self._at_once = self._exit.is_set()
        self._exit.set()

    async def serve(self, sock: socket.socket) -> None:
        """Accept connections until told to exit."""
        state = self.state
        keep_freed()
        self._tick()
        server = await state.loop.create_server(
            lambda: Connection(state),
            sock=sock,
            ssl=self._tls,
            backlog=_BACKLOG,
            ssl_handshake_timeout=state.limits.header_s if self._tls is not None else None,
        )
        self.started = True
        try:
            while not await self._told(_TICK_S):
                self._tick()
        finally:
            server.close()
        # Answers that wait for their record go out before anything is closed.
        state.chain.flush()
        for connection in list(state.connections):
            connection.shutdown()
        end = state.loop.time() + self._drain_s
        while state.connections and not self._at_once and state.loop.time() < end:
            await asyncio.sleep(0.02)
            state.sweep()
        for running in list(state.waiting):
            running.cancel()
        end = state.loop.time() + _LAST_WORDS_S
        while state.waiting and state.loop.time() < end:
            await asyncio.sleep(0.01)
        state.chain.flush()
        for connection in list(state.connections):
            connection.transport.abort()

    def _tick(self) -> None:
        self.state.sweep()
        now = email.utils.formatdate(self._clock.wall(), usegmt=True)
        self.state.date = b"date: %b\r\n" % now.encode()

    async def _told(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._exit.wait(), seconds)
        except TimeoutError:
            return False
        return True


def keep_freed() -> None:
    """Let the C library keep a few megabytes of what is freed.

    It asks the system for each large body anew, and gives it back after, page by page.
    Where something larger was freed before, glibc takes that for the program's habit.
    """
    bytes(_KEPT_BYTES)  # of zeros nobody looks at, so that no page of it is touched


def _tls(listen: Listen) -> ssl.SSLContext | None:
    if listen.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(listen.tls_cert, listen.tls_key)
    except (OSError, ssl.SSLError) as error:
        hint = f"tls_cert and tls_key ({listen.tls_key}) must belong together, in PEM."
        raise ConfigError(listen.tls_cert, 0, f"is no usable certificate: {error}", hint=hint) from None
    return context
