"""Bedrock's stream of binary frames, read as the chat stream it stands for.

The vendor's library takes the frames apart and checks their sums. What comes out
is what a chat provider would have sent, so that everything behind it (whole events,
the end mark, continuation at another provider) works as with any other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reliant.errors import MissingExtra
from reliant.gateway.api.answers import Headers
from reliant.gateway.translate._common import chat_chunk, finish_of, load
from reliant.gateway.translate.chat_to_converse import ChatToConverse, new_id, usage_of
from reliant.gateway.upstream.client import Exchange, UpstreamFailure

_KIND = b"text/event-stream; charset=utf-8"


class ChatEvents:
    """Turns events of Converse into chunks of a chat completion."""

    def __init__(self, model: str, created: int, *, usage_wanted: bool) -> None:
        self._id = new_id()
        self._created = created
        self._model = model
        self._usage_wanted = usage_wanted
        self._calls: dict[int, int] = {}
        self._finish: str | None = None
        self._ended = False

    def event(self, kind: str, value: dict[str, Any]) -> bytes:
        """Return what one event becomes."""
        if kind == "messageStart":
            return self._chunk({"role": "assistant", "content": ""})
        if kind == "contentBlockStart":
            use = (value.get("start") or {}).get("toolUse")
            return self._call(value.get("contentBlockIndex") or 0, use) if use else b""
        if kind == "contentBlockDelta":
            return self._delta(value.get("contentBlockIndex") or 0, value.get("delta") or {})
        if kind == "messageStop":
            self._finish = finish_of(value.get("stopReason"))
        elif kind == "metadata":
            return self.end(usage_of(value.get("usage") or {}))
        return b""

    def _call(self, block: int, use: dict[str, Any]) -> bytes:
        number = self._calls[block] = len(self._calls)
        function = {"name": use.get("name", ""), "arguments": ""}
        call = {"index": number, "id": use.get("toolUseId", ""), "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _delta(self, block: int, delta: dict[str, Any]) -> bytes:
        if "text" in delta:
            return self._chunk({"content": delta["text"]})
        if "toolUse" in delta:
            function = {"arguments": delta["toolUse"].get("input") or ""}
            return self._chunk({"tool_calls": [{"index": self._calls.get(block, 0), "function": function}]})
        thought = (delta.get("reasoningContent") or {}).get("text")
        return self._chunk({"reasoning_content": thought}) if thought else b""

    def end(self, usage: dict[str, Any] | None = None) -> bytes:
        """Return the last chunks and the end mark, if the answer came to its end."""
        if self._finish is None or self._ended:
            return b""
        self._ended = True
        # The counts stand in the last chunk also where nobody asked for them: budgets need them.
        own = {} if usage is None or self._usage_wanted else {"usage": usage}
        last = self._chunk({}, self._finish, **own)
        if usage is not None and self._usage_wanted:
            last += self._data([], usage=usage)
        return last + b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        return self._data([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **more)

    def _data(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return chat_chunk(self._id, self._created, self._model, choices, **more)


class Frames:
    """Takes frames apart, however they are cut."""

    def __init__(self) -> None:
        """Make a buffer.

        Raises:
            MissingExtra: botocore is not installed.
        """
        try:
            from botocore.eventstream import (  # type: ignore[import-untyped]  # noqa: PLC0415 - only for Bedrock
                EventStreamBuffer,
                ParserError,
            )
        except ImportError:
            raise MissingExtra("reading streams of Bedrock", "gateway-bedrock") from None
        self._buffer: Any = EventStreamBuffer()
        self._wrong: Any = ParserError

    def feed(self, data: bytes) -> list[tuple[str, str, bytes]]:
        """Return kind of message, kind of event and payload of each whole frame.

        Raises:
            UpstreamFailure: A frame is broken.
        """
        self._buffer.add_data(data)
        found = []
        try:
            for message in self._buffer:
                headers = message.headers
                kind = str(headers.get(":message-type", "event"))
                name = headers.get(":event-type") or headers.get(":exception-type")
                found.append((kind, str(name or headers.get(":error-code") or ""), bytes(message.payload)))
        except (self._wrong, KeyError, ValueError) as error:
            raise UpstreamFailure("protocol", f"a broken frame: {error}") from None
        return found


class ConverseExchange(Exchange):
    """An answer in frames that reads like one in events; the connection is the one behind it."""

    __slots__ = ("_events", "_frames", "_inner", "_ready")

    def __init__(self, inner: Exchange, how: ChatToConverse) -> None:
        """Read what is here already.

        Raises:
            UpstreamFailure: It is broken.
        """
        self._inner = inner
        self._frames = Frames()
        self._events = ChatEvents(how.model, how.created, usage_wanted=how.usage_wanted)
        self._ready = self._decode(inner.taken())

    def _decode(self, data: bytes) -> bytes:
        out: list[bytes] = []
        try:
            for kind, name, payload in self._frames.feed(data):
                value = load(payload)
                if kind == "event":
                    out.append(self._events.event(name, value))
                    continue
                message = value.get("message") or value.get("originalMessage") or name
                error = {"message": message, "type": name, "param": None, "code": name}
                out.append(b"data: " + msgspec.json.encode({"error": error}) + b"\n\n")
        except (AttributeError, TypeError) as error:
            self._inner.abort()
            raise UpstreamFailure("protocol", f"an event of another shape: {error}") from None
        except UpstreamFailure:
            self._inner.abort()
            raise
        return b"".join(out)

    @property
    def status(self) -> int:  # type: ignore[override]
        """As of the answer behind it."""
        return self._inner.status

    @property
    def kind(self) -> bytes:  # type: ignore[override]
        """An event stream."""
        return _KIND

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """Whether the answer behind it is whole."""
        return self._inner.complete

    @property
    def headers(self) -> Headers:
        """Those of the answer behind it."""
        kept = [pair for pair in self._inner.headers if pair[0] != b"content-type"]
        return [*kept, (b"content-type", _KIND)]

    def taken(self) -> bytes:
        """Return what is ready."""
        ready, self._ready = self._ready, b""
        return ready

    async def more(self) -> bytes:
        """Return further events, or none at the end.

        Raises:
            UpstreamFailure: The stream broke off.
        """
        while True:
            if self._ready:
                return self.taken()
            data = await self._inner.more()
            if not data:
                return self._events.end()
            self._ready = self._decode(data)

    def abort(self) -> None:
        """Close the connection: the rest is not wanted."""
        self._inner.abort()

    def release(self) -> None:
        """Give the connection back."""
        self._inner.release()
