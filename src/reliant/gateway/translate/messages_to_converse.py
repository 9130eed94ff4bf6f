"""A caller speaks Anthropic's messages, the upstream is Bedrock's own Converse: by way of chat."""

from __future__ import annotations

from reliant.gateway.api.surface import Endpoint
from reliant.gateway.translate.chat_to_converse import ChatToConverse
from reliant.gateway.translate.message_events import MessageEvents
from reliant.gateway.translate.messages_to_chat import MessagesToChat
from reliant.gateway.upstream.client import Exchange


class MessagesToConverse:
    """Translates one request and its answer."""

    def __init__(self, now: int) -> None:
        self._chat = MessagesToChat()
        self._converse = ChatToConverse(now)

    @property
    def spoken(self) -> Endpoint:
        """Whose format the upstream's events have."""
        return self._converse.spoken

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""
        return (*self._chat.warnings, *self._converse.warnings)

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream."""
        return self._converse.request(self._chat.request(body)[1])

    def answer(self, body: bytes) -> bytes:
        """Return the whole answer in the caller's format."""
        return self._chat.answer(self._converse.answer(body))

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error object in the caller's format."""
        return self._chat.error(status, self._converse.error(status, body))

    def opened(self, exchange: Exchange) -> Exchange:
        """Return an answer that has begun as one whose stream is chat's."""
        return self._converse.opened(exchange)

    def events(self) -> MessageEvents:
        """Return the translation of chat's events."""
        return self._chat.events()
