"""Event streams: whole events only, their proper end, and what was already said.

Pieces are passed on as they come, cut at the end of an event, so that a broken
stream never leaves half an event with the caller. Nothing is parsed on the way;
what was sent is kept only where a cut stream may be continued.
"""

from __future__ import annotations

import re
from collections import deque

import msgspec

from reliant.gateway.api.body import NOT_JSON, tokens_of
from reliant.gateway.api.surface import CHAT, COMPLETIONS, MESSAGES, RESPONSES, Endpoint

_HELD_LIMIT = 4 << 20
_KEPT_LIMIT = 2 << 20
_RECENT = 12
"""Pieces kept to see how a stream ended: the last event, the usage and the end mark may each be one."""

_MARKS: dict[Endpoint, tuple[bytes, ...]] = {
    CHAT: (b"[DONE]",),
    COMPLETIONS: (b"[DONE]",),
    MESSAGES: (b"message_stop",),
    RESPONSES: (b"response.completed", b"response.incomplete", b"response.failed", b"response.cancelled"),
}
_BEFORE_MARK = (b"data: ", b"data:", b"event: ", b"event:")
_NAMED = (b'"type": "', b'"type":"')
_AFTER_MARK = (b"", b'"', b"\n", b"\r")
_FINISH = (b'"finish_reason":"', b'"finish_reason": "')
_ERROR = re.compile(rb'(?:\A|\n)(?:event: ?error\r?\n|data: ?\{\s*"error"\s*:\s*(?!null))')


class Relay:
    """Follows one stream from a provider to a caller."""

    __slots__ = ("_held", "_kept", "_kept_bytes", "_recent", "endpoint", "events", "keeps")

    def __init__(self, endpoint: Endpoint, *, keeps: bool) -> None:
        self.endpoint = endpoint
        self.keeps = keeps
        self.events = 0
        self._held = b""
        self._recent: deque[bytes] = deque(maxlen=_RECENT)
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Return the whole events that may go out now; the rest is held until its end comes."""
        if self._held:
            data = self._held + data
        cut = data.rfind(b"\n\n") + 2
        if cut == 1:
            cut = data.rfind(b"\r\n\r\n") + 4
            if cut == 3:
                if len(data) > _HELD_LIMIT:
                    self._held = b""
                    return self._out(data)
                self._held = data
                return b""
        if cut == len(data):
            self._held = b""
            return self._out(data)
        self._held = data[cut:]
        return self._out(data[:cut])

    def _out(self, piece: bytes) -> bytes:
        self.events += piece.count(b"data:")
        self._recent.append(piece)
        if self.keeps:
            self._kept.append(piece)
            self._kept_bytes += len(piece)
            if self._kept_bytes > _KEPT_LIMIT:
                self.keeps = False
                self._kept.clear()
        return piece

    def rest(self) -> bytes:
        """Return what is held when the provider's answer ended properly."""
        held, self._held = self._held, b""
        return self._out(held) if held else b""

    def forget(self) -> None:
        """Drop half an event of a stream that broke."""
        self._held = b""

    @property
    def complete(self) -> bool:
        """Whether the stream said that it is at its end; kinds of streams without such a word always have."""
        if self.endpoint not in _MARKS:
            return True
        tail = self.tail
        if self.ends_in(tail):
            return True
        return self.endpoint in {CHAT, COMPLETIONS} and any(one in tail for one in _FINISH)

    def ends_in(self, piece: bytes) -> bool:
        """Whether the end mark stands in `piece`: what happens to the connection later does not matter."""
        return any(_has_mark(piece, mark) for mark in _MARKS.get(self.endpoint, ()))

    @property
    def tail(self) -> bytes:
        """The last pieces that went out."""
        return b"".join(self._recent)

    def error_at(self, piece: bytes) -> int:
        """Return where an error event begins in `piece`; -1 if there is none."""
        if b'"error"' not in piece and b"event: error" not in piece:
            return -1
        match = _ERROR.search(piece)
        return -1 if match is None else match.start() + (piece[match.start() : match.start() + 1] == b"\n")

    def tokens(self) -> tuple[int, int]:
        """Return the tokens in and out that the stream reported; else its events, as a bound on those out."""
        tail = self.tail
        counted_in, counted_out = tokens_of(tail.rpartition(b"\ndata: [DONE]")[0] or tail)
        if counted_in or counted_out:
            return counted_in, counted_out
        for line in reversed(tail.split(b"\n")):
            if line.startswith(b"data:") and b'"usage"' in line:
                counted_in, counted_out = tokens_of(line[5:])
                if counted_in or counted_out:
                    return counted_in, counted_out
        return 0, max(0, self.events - 2)

    def said(self) -> Said | None:
        """Return what the caller has so far, if another provider could go on from there."""
        if not self.keeps or self.endpoint not in {CHAT, MESSAGES}:
            return None
        return read_said(b"".join(self._kept))


class Said(msgspec.Struct):
    """A half chat answer: its text and the marks that its continuation must carry."""

    text: str
    id: str
    created: int
    usable: bool


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: msgspec.Raw | None = None
    function_call: msgspec.Raw | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Message(msgspec.Struct):
    id: str = ""


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Said(msgspec.Struct):
    text: str | None = None
    stop_reason: str | None = None


class _Chunk(msgspec.Struct):
    """An event of a stream, of chat (`choices`) or of messages (`type` and what follows it)."""

    id: str = ""
    created: int = 0
    choices: list[_Choice] = []
    type: str = ""
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Said | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


def _has_mark(data: bytes, mark: bytes) -> bool:
    """Whether `mark` is said by the provider: it begins a line or names the event's type.

    What a model says can do neither, for JSON escapes line feeds and quotes.
    """
    at = data.rfind(mark)
    while at >= 0:
        end = at + len(mark)
        if data[end : end + 1] in _AFTER_MARK:
            begin = data.rfind(b"\n", 0, at) + 1
            if data[begin:at] in _BEFORE_MARK or data.endswith(_NAMED, begin, at):
                return True
        at = data.rfind(mark, 0, at)
    return False


def data_of(stream: bytes) -> list[bytes]:
    """Return the data of the events in `stream`."""
    return [
        line[5:].strip() for line in stream.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data:")
    ]


_SPOKEN = frozenset({"text", "thinking", "redacted_thinking"})


def read_said(stream: bytes) -> Said:
    """Return what the events of a stream have said, in the format of chat or of messages."""
    said = Said("", "", 0, usable=True)
    parts: list[str] = []
    for data in data_of(stream):
        if data == b"[DONE]":
            continue
        try:
            chunk = _CHUNK.decode(data)
        except NOT_JSON:
            said.usable = False
            break
        said.id = said.id or chunk.id
        said.created = said.created or chunk.created
        for choice in chunk.choices:
            delta = choice.delta
            if choice.index or choice.finish_reason or delta.tool_calls or delta.function_call:
                said.usable = False
            if delta.content:
                parts.append(delta.content)
        if chunk.type:
            said.id = said.id or (chunk.message.id if chunk.message is not None else "")
            block, told = chunk.content_block, chunk.delta
            if (block is not None and block.type not in _SPOKEN) or (told is not None and told.stop_reason):
                said.usable = False
            if told is not None and told.text:
                parts.append(told.text)
    said.text = "".join(parts)
    return said
