"""Between the formats that callers and providers speak.

Only where a caller speaks one and the upstream another; everything else is passed
through as bytes. Text, tools, images and event streams are carried over. A parameter
the other format does not have is dropped and named in a warning; content it cannot
be given is refused. Nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from reliant.gateway.surface import CHAT, MESSAGES, Endpoint
from reliant.gateway.translate._common import Untranslatable
from reliant.gateway.upstream.client import UpstreamFailure

if TYPE_CHECKING:
    from reliant.gateway.upstream.client import Exchange

_BAD = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_ONLY_CHAT_PROVIDERS = frozenset(
    {"chat", "completions", "responses", "embeddings", "images", "audio", "moderations", "rerank"}
)


class StreamTranslation(Protocol):
    """Turns a stream of events of one format into the other, piece by piece."""

    def feed(self, events: bytes) -> bytes:
        """Return what whole events become."""

    def finish(self) -> bytes:
        """Return what is still to be said at the end."""


class Translation(Protocol):
    """One direction, for one request."""

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path after /v1 and the body for the upstream."""

    def answer(self, body: bytes) -> bytes:
        """Return the whole answer in the caller's format."""

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error object in the caller's format."""

    def stream(self) -> StreamTranslation:
        """Return the translation of an event stream."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""


def translation(endpoint: Endpoint, api: str) -> Translation | None:
    """Return the translation that is needed; None where the upstream speaks the caller's format.

    Raises:
        Untranslatable: The upstream's format has nothing like what is asked.
    """
    if api == "bedrock-converse":
        return _to_converse(endpoint)
    if api == "anthropic":
        if endpoint is CHAT:
            from reliant.gateway.translate.chat_to_messages import ChatToMessages  # noqa: PLC0415

            return Careful(ChatToMessages())
        if endpoint.name in _ONLY_CHAT_PROVIDERS:
            raise Untranslatable(f"this upstream speaks Messages, which has no {endpoint.name}")
    elif endpoint is MESSAGES:
        from reliant.gateway.translate.messages_to_chat import MessagesToChat  # noqa: PLC0415

        return Careful(MessagesToChat())
    elif endpoint.name == "messages":
        raise Untranslatable("this upstream speaks chat, which cannot count tokens beforehand")
    return None


def _to_converse(endpoint: Endpoint) -> Translation:
    from reliant.gateway.translate.chat_to_converse import ChatToConverse  # noqa: PLC0415

    if endpoint is CHAT:
        return Careful(ChatToConverse())
    if endpoint is MESSAGES:
        from reliant.gateway.translate.messages_to_chat import MessagesToChat  # noqa: PLC0415

        return Careful(Chain(MessagesToChat(), ChatToConverse()))
    raise Untranslatable(f"this upstream speaks Converse, which has no {endpoint.name}")


class Chain:
    """Two translations one after the other."""

    def __init__(self, first: Translation, second: Translation) -> None:
        self.first = first
        self.second = second

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream."""
        return self.second.request(self.first.request(body)[1])

    def answer(self, body: bytes) -> bytes:
        """Return the whole answer in the caller's format."""
        return self.first.answer(self.second.answer(body))

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error object in the caller's format."""
        return self.first.error(status, self.second.error(status, body))

    def stream(self) -> StreamTranslation:
        """Return the translation of what the second has translated already."""
        return self.first.stream()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""
        return (*self.first.warnings, *self.second.warnings)


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

    def stream(self) -> StreamTranslation:
        """Return the translation of an event stream."""
        return _CarefulStream(self.inner.stream())

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


def begun(exchange: Exchange, how: Translation) -> tuple[Exchange, Translation | None]:
    """Return an answer that has begun, and how the rest of it is translated.

    Raises:
        UpstreamFailure: What is here of it is broken.
    """
    inner = how.inner if isinstance(how, Careful) else how
    last = inner.second if isinstance(inner, Chain) else inner
    if exchange.status >= 400 or not getattr(last, "streams", False):
        return exchange, how
    from reliant.gateway.translate.chat_to_converse import ChatToConverse  # noqa: PLC0415
    from reliant.gateway.translate.converse_stream import ConverseExchange  # noqa: PLC0415

    assert isinstance(last, ChatToConverse)
    return ConverseExchange(exchange, last), Careful(inner.first) if isinstance(inner, Chain) else None
