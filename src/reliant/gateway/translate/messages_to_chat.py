"""A caller speaks Anthropic's messages, the upstream speaks chat."""

from __future__ import annotations

from typing import Any

import msgspec

from reliant.gateway.answer.answers import anthropic_type
from reliant.gateway.request.events import data_of
from reliant.gateway.request.surface import CHAT
from reliant.gateway.translate._common import (
    FINISH_TO_STOP,
    image_to_chat,
    load,
    loads_or_text,
    text_of,
)
from reliant.gateway.upstream.client import Exchange

_SAME = ("model", "temperature", "top_p", "stream")
_DROPPED = ("top_k", "thinking", "container", "mcp_servers", "context_management")


class MessagesToChat:
    """Translates one request and its answer."""

    spoken = CHAT

    def __init__(self) -> None:
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""
        return tuple(self._warnings)

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream."""
        asked = load(body)
        out: dict[str, Any] = {name: asked[name] for name in _SAME if name in asked}
        if asked.get("max_tokens"):
            out["max_tokens"] = asked["max_tokens"]
        if asked.get("stop_sequences"):
            out["stop"] = asked["stop_sequences"]
        if asked.get("stream"):
            out["stream_options"] = {"include_usage": True}
        self._warnings += [f"{name} is not carried over" for name in _DROPPED if asked.get(name) is not None]
        messages: list[dict[str, Any]] = []
        system = text_of(asked.get("system"))
        if system:
            messages.append({"role": "system", "content": system})
        for message in asked.get("messages") or []:
            messages += self._message(message)
        out["messages"] = messages
        self._tools(asked, out)
        return "/chat/completions", msgspec.json.encode(out)

    def _tools(self, asked: dict[str, Any], out: dict[str, Any]) -> None:
        tools = [tool for tool in asked.get("tools") or [] if "input_schema" in tool]
        if len(tools) < len(asked.get("tools") or []):
            self._warnings.append("tools that only the provider can run are not carried over")
        if tools:
            out["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool["name"],
                        "description": tool.get("description", ""),
                        "parameters": tool["input_schema"],
                    },
                }
                for tool in tools
            ]
        choice = asked.get("tool_choice") or {}
        kind = choice.get("type")
        if tools and kind in {"auto", "none"}:
            out["tool_choice"] = kind
        elif tools and kind == "any":
            out["tool_choice"] = "required"
        elif tools and kind == "tool":
            out["tool_choice"] = {"type": "function", "function": {"name": choice.get("name", "")}}
        if tools and choice.get("disable_parallel_tool_use"):
            out["parallel_tool_calls"] = False

    def _message(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        role, content = message.get("role", "user"), message.get("content")
        if isinstance(content, str):
            return [{"role": role, "content": content}]
        if role == "assistant":
            return [self._assistant(content or [])]
        out: list[dict[str, Any]] = []
        parts: list[dict[str, Any]] = []
        for block in content or []:
            kind = block.get("type")
            if kind == "tool_result":
                text = text_of(block.get("content"))
                out.append({"role": "tool", "tool_call_id": block.get("tool_use_id", ""), "content": text})
            elif kind == "text":
                parts.append({"type": "text", "text": block.get("text", "")})
            elif kind == "image":
                parts.append(image_to_chat(block.get("source") or {}))
            else:
                self._warnings.append(f"a block of type {kind} is not carried over")
        if parts:
            out.append({"role": "user", "content": parts})
        return out

    def _assistant(self, blocks: list[dict[str, Any]]) -> dict[str, Any]:
        text = text_of(blocks)
        calls = [
            {
                "id": block.get("id", ""),
                "type": "function",
                "function": {
                    "name": block.get("name", ""),
                    "arguments": msgspec.json.encode(block.get("input") or {}).decode(),
                },
            }
            for block in blocks
            if block.get("type") == "tool_use"
        ]
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = calls
        return message

    def answer(self, body: bytes) -> bytes:
        """Return a chat completion as a message."""
        said = load(body)
        choice = (said.get("choices") or [{}])[0]
        message = choice.get("message") or {}
        content: list[dict[str, Any]] = []
        if message.get("content"):
            content.append({"type": "text", "text": message["content"]})
        for call in message.get("tool_calls") or []:
            function = call.get("function") or {}
            content.append(
                {
                    "type": "tool_use",
                    "id": call.get("id", ""),
                    "name": function.get("name", ""),
                    "input": loads_or_text(function.get("arguments", "")),
                }
            )
        return msgspec.json.encode(
            {
                "id": said.get("id", ""),
                "type": "message",
                "role": "assistant",
                "model": said.get("model", ""),
                "content": content,
                "stop_reason": FINISH_TO_STOP.get(choice.get("finish_reason") or "", "end_turn"),
                "stop_sequence": None,
                "usage": _usage(said.get("usage") or {}),
            }
        )

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error as Anthropic's SDK reads it."""
        inner = load(body).get("error") or {}
        kind = anthropic_type(status)
        error = {"type": kind, "message": inner.get("message", ""), "code": inner.get("code")}
        return msgspec.json.encode({"type": "error", "error": error})

    def opened(self, exchange: Exchange) -> Exchange:
        """Return the answer as it is: its stream is of events."""
        return exchange

    def events(self) -> MessageEvents:
        """Return the translation of an event stream."""
        return MessageEvents()


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {
        "input_tokens": (usage.get("prompt_tokens") or 0) - cached,
        "output_tokens": usage.get("completion_tokens") or 0,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
    }


class MessageEvents:
    """Chunks of a chat completion become events of a message."""

    def __init__(self) -> None:
        self._begun = False
        self._block = -1
        self._open: str | None = None
        self._stop = "end_turn"
        self._usage: dict[str, Any] = {}

    def feed(self, events: bytes) -> bytes:
        """Return what whole events become."""
        return b"".join(self._chunk(load(data)) for data in data_of(events) if data != b"[DONE]")

    def _chunk(self, chunk: dict[str, Any]) -> bytes:
        if "error" in chunk:
            inner = chunk.get("error") or {}
            error = {"type": "api_error", "message": inner.get("message", "")}
            return _event("error", {"type": "error", "error": error})
        out: list[bytes] = []
        if not self._begun:
            self._begun = True
            out.append(self._start(chunk))
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            if delta.get("content"):
                out.append(self._text(delta["content"]))
            for call in delta.get("tool_calls") or []:
                out.append(self._call(call))
            if choice.get("finish_reason"):
                self._stop = FINISH_TO_STOP.get(choice["finish_reason"], "end_turn")
        return b"".join(out)

    def _start(self, chunk: dict[str, Any]) -> bytes:
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

    def _text(self, text: str) -> bytes:
        out = b"" if self._open == "text" else self._begin("text", {"type": "text", "text": ""})
        return out + self._delta({"type": "text_delta", "text": text})

    def _call(self, call: dict[str, Any]) -> bytes:
        function = call.get("function") or {}
        out = b""
        if call.get("id"):
            block = {"type": "tool_use", "id": call["id"], "name": function.get("name", ""), "input": {}}
            out = self._begin(f"tool {call['id']}", block)
        if function.get("arguments"):
            out += self._delta({"type": "input_json_delta", "partial_json": function["arguments"]})
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
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", {"type": "content_block_stop", "index": self._block})

    def finish(self) -> bytes:
        """Return the end of the last block and of the message."""
        delta = {"stop_reason": self._stop, "stop_sequence": None}
        last = {"type": "message_delta", "delta": delta, "usage": _usage(self._usage)}
        return self._end() + _event("message_delta", last) + _event("message_stop", {"type": "message_stop"})


def _event(name: str, value: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
