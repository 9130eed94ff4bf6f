"""Between the formats that callers and providers speak.

Only where a caller speaks one and the upstream another; everything else is passed
through as bytes. Text, tools, images and event streams are carried over. A parameter
the other format does not have is dropped and named in a warning; content it cannot
be given is refused. Nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from reliant.gateway.api.surface import CHAT, MESSAGES, Endpoint
from reliant.gateway.translate._common import Untranslatable
from reliant.gateway.upstream.client import UpstreamFailure

if TYPE_CHECKING:
    from reliant.gateway.upstream.client import Exchange

_BAD = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
_BOTH_HAVE = frozenset({"files", "skills", "models"})
"""What both formats know, under the same paths."""


class StreamTranslation(Protocol):
    """Turns a stream of events of one format into the other, piece by piece."""

    def feed(self, events: bytes) -> bytes:
        """Return what whole events become."""

    def finish(self) -> bytes:
        """Return what is still to be said at the end."""


class Translation(Protocol):
    """One direction, for one request."""

    @property
    def spoken(self) -> Endpoint:
        """Whose format the upstream's events have, once they are `opened`."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path after /v1 and the body for the upstream."""

    def answer(self, body: bytes) -> bytes:
        """Return the whole answer in the caller's format."""

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error object in the caller's format."""

    def opened(self, exchange: Exchange) -> Exchange:
        """Return an answer that has begun as one whose stream, if it is one, is of events.

        Raises:
            UpstreamFailure: What is here of it is broken.
        """

    def events(self) -> StreamTranslation | None:
        """Return the translation of an event stream; None if it has the caller's format once it is opened."""


def translation(endpoint: Endpoint, api: str, now: int, provider: str = "") -> Translation | None:
    """Return the translation that is needed; None where the upstream speaks the caller's format.

    Args:
        endpoint: What is asked for.
        api: What the upstream speaks, as in the configuration.
        now: Seconds since 1970, for answers that state their time where the upstream's do not.
        provider: Who serves it, as in the configuration: makers of one format differ in a name.

    Raises:
        Untranslatable: The upstream's format has nothing like what is asked.
    """
    if api == "bedrock-converse":
        return _to_converse(endpoint, now)
    if api == "anthropic":
        if endpoint is CHAT:
            from reliant.gateway.translate.chat_to_messages import ChatToMessages  # noqa: PLC0415

            return Careful(ChatToMessages(now))
        if endpoint.dialect != "anthropic" and endpoint.name not in _BOTH_HAVE:
            raise Untranslatable(f"this upstream speaks Messages, which has no {endpoint.name}")
    elif endpoint is MESSAGES:
        from reliant.gateway.translate.messages_to_chat import MessagesToChat  # noqa: PLC0415

        # OpenAI's newer models refuse the name that everybody else takes.
        own = api == "azure" or provider == "openai"
        return Careful(MessagesToChat("max_completion_tokens" if own else "max_tokens"))
    elif endpoint.dialect == "anthropic":
        raise Untranslatable("this upstream speaks chat, which has no batches of messages and no token count")
    return None


def _to_converse(endpoint: Endpoint, now: int) -> Translation:
    if endpoint is CHAT:
        from reliant.gateway.translate.chat_to_converse import ChatToConverse  # noqa: PLC0415

        return Careful(ChatToConverse(now))
    if endpoint is MESSAGES:
        from reliant.gateway.translate.messages_to_converse import MessagesToConverse  # noqa: PLC0415

        return Careful(MessagesToConverse(now))
    raise Untranslatable(f"this upstream speaks Converse, which has no {endpoint.name}")


class Careful:
    """A translation of what others wrote: what is not as its format says ends in a clear error."""

    def __init__(self, inner: Translation) -> None:
        self.inner = inner

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream.

        Raises:
            Untranslatable: The body cannot be carried over.
        """
        try:
            return self.inner.request(body)
        except _BAD as error:
            text = f"the body is not as its format asks ({type(error).__name__}: {error})"
            raise Untranslatable(text) from None

    def answer(self, body: bytes) -> bytes:
        """Return the whole answer in the caller's format.

        Raises:
            UpstreamFailure: It is no answer of the upstream's format.
        """
        try:
            return self.inner.answer(body)
        except _BAD as error:
            raise UpstreamFailure("protocol", f"an answer of another shape: {error}") from None

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error object in the caller's format; without words if the upstream's cannot be read."""
        try:
            return self.inner.error(status, body)
        except _BAD:
            return self.inner.error(status, b"{}")

    def opened(self, exchange: Exchange) -> Exchange:
        """Return an answer that has begun as one whose stream is of events."""
        return self.inner.opened(exchange)

    def events(self) -> StreamTranslation | None:
        """Return the translation of an event stream."""
        events = self.inner.events()
        return _CarefulStream(events) if events is not None else None

    @property
    def spoken(self) -> Endpoint:
        """Whose format the upstream's events have."""
        return self.inner.spoken

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""
        return self.inner.warnings


class _CarefulStream:
    """Ends a stream with an error event where an event is not as its format says."""

    def __init__(self, inner: StreamTranslation) -> None:
        self._inner = inner
        self._broken = False

    def feed(self, events: bytes) -> bytes:
        """Return what whole events become."""
        if self._broken:
            return b""
        try:
            return self._inner.feed(events)
        except _BAD as error:
            self._broken = True
            said = {"type": "api_error", "message": f"The provider sent an event of another shape: {error}"}
            return b"event: error\ndata: " + msgspec.json.encode({"type": "error", "error": said}) + b"\n\n"

    def finish(self) -> bytes:
        """Return what is still to be said at the end."""
        return b"" if self._broken else self._inner.finish()
