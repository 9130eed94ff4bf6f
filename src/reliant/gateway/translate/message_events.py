"""Chunks of a chat stream become the events of a message.

A message's blocks come one after the other, each whole; chat may mix the pieces of
several calls. So the first call goes out as it comes, and what else comes before it
is whole waits.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reliant.gateway.api.events import data_of
from reliant.gateway.translate._common import FINISH_TO_STOP, load


def message_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Return counts as messages has them."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {
        "input_tokens": (usage.get("prompt_tokens") or 0) - cached,
        "output_tokens": usage.get("completion_tokens") or 0,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
    }


class _Call:
    """One call of a tool, as far as it has come; `waiting` are its arguments that did not go out."""

    def __init__(self, index: int, call_id: str) -> None:
        self.index = index
        self.id = call_id
        self.name = ""
        self.waiting: list[str] = []


class MessageEvents:
    """Turns one stream."""

    def __init__(self, *, thinks: bool = False) -> None:
        """Make it; with `thinks` thoughts go out as well."""
        self._thinks = thinks
        self._begun = False
        self._block = -1
        self._open = ""
        self._calls: list[_Call] = []
        self._late: list[str] = []
        self._stop = "end_turn"
        self._refused = False
        self._usage: dict[str, Any] = {}

    def feed(self, events: bytes) -> bytes:
        """Return what whole events become."""
        return b"".join(self._chunk(load(data)) for data in data_of(events) if data != b"[DONE]")

    def _chunk(self, chunk: dict[str, Any]) -> bytes:
        if "error" in chunk:
            inner = chunk.get("error") or {}
            error = {"type": "api_error", "message": inner.get("message", "")}
            return _event("error", {"type": "error", "error": error})
        out = [] if self._begun else [self._start(chunk)]
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if self._thinks and isinstance(thought, str) and thought:
                out.append(self._thought(thought))
            self._refused = self._refused or bool(delta.get("refusal"))
            text = delta.get("content") or delta.get("refusal")
            if text:
                out.append(self._text(text))
            for call in delta.get("tool_calls") or []:
                out.append(self._call(call))
            if choice.get("finish_reason"):
                self._stop = FINISH_TO_STOP.get(choice["finish_reason"], "end_turn")
        return b"".join(out)

    def _start(self, chunk: dict[str, Any]) -> bytes:
        self._begun = True
        message = {
            "id": chunk.get("id", ""),
            "type": "message",
            "role": "assistant",
            "model": chunk.get("model", ""),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return _event("message_start", {"type": "message_start", "message": message})

    def _thought(self, text: str) -> bytes:
        if self._calls:
            return b""  # nobody may say so late what was thought before
        block = {"type": "thinking", "thinking": "", "signature": ""}
        out = b"" if self._open == "thinking" else self._begin("thinking", block)
        return out + self._delta({"type": "thinking_delta", "thinking": text})

    def _text(self, text: str) -> bytes:
        if self._calls:
            self._late.append(text)
            return b""
        out = b"" if self._open == "text" else self._begin("text", {"type": "text", "text": ""})
        return out + self._delta({"type": "text_delta", "text": text})

    def _call(self, piece: dict[str, Any]) -> bytes:
        function = piece.get("function") or {}
        index, call_id = piece.get("index") or 0, piece.get("id") or ""
        call = next((one for one in reversed(self._calls) if one.index == index), None)
        out = b""
        if call is None or (call_id and call.id != call_id):
            # Some number each of their calls 0 and give each an id; some repeat the id in every piece.
            call = _Call(index, call_id)
            self._calls.append(call)
            call.name = function.get("name") or ""
            if len(self._calls) == 1:
                out = self._begin("call", _use(call))
        arguments = function.get("arguments") or ""
        if call is not self._calls[0]:
            call.waiting.append(arguments)
        elif arguments:
            out += self._delta({"type": "input_json_delta", "partial_json": arguments})
        return out

    def _begin(self, name: str, block: dict[str, Any]) -> bytes:
        out = self._end()
        self._block += 1
        self._open = name
        start = {"type": "content_block_start", "index": self._block, "content_block": block}
        return out + _event("content_block_start", start)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        event = {"type": "content_block_delta", "index": self._block, "delta": delta}
        return _event("content_block_delta", event)

    def _end(self) -> bytes:
        if not self._open:
            return b""
        self._open = ""
        return _event("content_block_stop", {"type": "content_block_stop", "index": self._block})

    def finish(self) -> bytes:
        """Return what waited, and the end of the last block and of the message."""
        out = [] if self._begun else [self._start({})]
        for call in self._calls[1:]:
            out.append(self._begin("call", _use(call)))
            arguments = "".join(call.waiting)
            if arguments:
                out.append(self._delta({"type": "input_json_delta", "partial_json": arguments}))
        if self._late:
            out.append(self._begin("text", {"type": "text", "text": ""}))
            out.append(self._delta({"type": "text_delta", "text": "".join(self._late)}))
        out.append(self._end())
        delta = {"stop_reason": "refusal" if self._refused else self._stop, "stop_sequence": None}
        last = {"type": "message_delta", "delta": delta, "usage": message_usage(self._usage)}
        out += [_event("message_delta", last), _event("message_stop", {"type": "message_stop"})]
        return b"".join(out)


def _use(call: _Call) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}


def _event(name: str, value: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
