"""Between OpenAI's chat format and Anthropic's messages, both ways.

Only where a caller speaks one and the upstream the other; everything else is
passed through as bytes. Text, tools, images and event streams are carried over.
What the other format cannot say is dropped and named in a warning, never guessed.
"""

from __future__ import annotations

from typing import Protocol

from reliant.gateway.surface import CHAT, MESSAGES, Endpoint


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
    """Return the translation that is needed; None where the upstream speaks the caller's format."""
    if endpoint is CHAT and api == "anthropic":
        from reliant.gateway.translate.chat_to_messages import ChatToMessages  # noqa: PLC0415

        return ChatToMessages()
    if endpoint is MESSAGES and api != "anthropic":
        from reliant.gateway.translate.messages_to_chat import MessagesToChat  # noqa: PLC0415

        return MessagesToChat()
    return None
