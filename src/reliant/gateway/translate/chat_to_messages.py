"""A caller speaks chat, the upstream speaks Anthropic's messages."""

from __future__ import annotations

from typing import Any

import msgspec

from reliant.gateway.api.events import data_of
from reliant.gateway.api.surface import MESSAGES
from reliant.gateway.translate._common import (
    Untranslatable,
    Warned,
    call_id,
    chat_chunk,
    chat_completion,
    chat_usage,
    document_to_messages,
    finish_of,
    function_called,
    image_to_messages,
    load,
    loads_or_text,
    text_of,
)
from reliant.gateway.upstream.client import Exchange

_DEFAULT_MAX_TOKENS = 4_096
"""Messages demands a bound; chat does not. What the format's own examples use."""

_SAME = ("model", "top_p", "stream")
_CARRIED = frozenset(
    {
        *_SAME,
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "parallel_tool_calls",
        "response_format",
        "stop",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "user",
    }
)


class ChatToMessages(Warned):
    """Translates one request and its answer."""

    spoken = MESSAGES

    def __init__(self, now: int) -> None:
        """Make it; answers of messages state no time, so that they get `now`."""
        super().__init__()
        self._created = now
        self._usage_wanted = False

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream."""
        asked = load(body)
        out: dict[str, Any] = {name: asked[name] for name in _SAME if name in asked}
        out["max_tokens"] = (
            asked.get("max_completion_tokens") or asked.get("max_tokens") or _DEFAULT_MAX_TOKENS
        )
        temperature = asked.get("temperature")
        if temperature is not None:
            out["temperature"] = min(temperature, 1.0)
            if temperature > 1.0:
                self.warn("a temperature above 1 is not carried over; 1 is asked for")
        if asked.get("user"):
            out["metadata"] = {"user_id": str(asked["user"])}
        stop = asked.get("stop")
        if stop:
            out["stop_sequences"] = [stop] if isinstance(stop, str) else stop
        options = asked.get("stream_options") or {}
        self._usage_wanted = bool(options.get("include_usage"))
        self.drop(asked, _CARRIED)
        self._format(asked.get("response_format"), out)
        system, messages = self._messages(asked.get("messages") or [])
        if system:
            out["system"] = system
        out["messages"] = messages
        self._tools(asked, out)
        return "/messages", msgspec.json.encode(out)

    def _format(self, wanted: Any, out: dict[str, Any]) -> None:
        if not isinstance(wanted, dict) or wanted.get("type") in {None, "text"}:
            return
        schema = (wanted.get("json_schema") or {}).get("schema")
        if wanted["type"] == "json_schema" and isinstance(schema, dict):
            out["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        else:
            self.warn(f"response_format {wanted['type']} is not carried over")

    def _tools(self, asked: dict[str, Any], out: dict[str, Any]) -> None:
        tools = [tool for tool in asked.get("tools") or [] if tool.get("type") == "function"]
        if len(tools) < len(asked.get("tools") or []):
            self.warn("tools that are no functions are not carried over")
        choice = asked.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
            allowed = choice["allowed_tools"]
            names = {(tool.get("function") or {}).get("name") for tool in allowed["tools"]}
            tools = [tool for tool in tools if tool["function"]["name"] in names]
            choice = allowed.get("mode", "auto")
        if tools:
            out["tools"] = [
                {
                    "name": tool["function"]["name"],
                    "description": tool["function"].get("description", ""),
                    "input_schema": tool["function"].get("parameters")
                    or {"type": "object", "properties": {}},
                    **({"strict": True} if tool["function"].get("strict") else {}),
                }
                for tool in tools
            ]
        chosen: dict[str, Any] | None = None
        if choice in ("auto", "none"):
            chosen = {"type": choice}
        elif choice == "required":
            chosen = {"type": "any"}
        elif isinstance(choice, dict):
            name = (choice.get("function") or {}).get("name")
            if name is None:
                raise Untranslatable("the tool that must be called is no function")
            chosen = {"type": "tool", "name": name}
        if asked.get("parallel_tool_calls") is False and choice != "none":
            chosen = {**(chosen or {"type": "auto"}), "disable_parallel_tool_use": True}
        if chosen is not None and tools:
            out["tool_choice"] = chosen

    def _messages(self, messages: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
        system: list[str] = []
        out: list[dict[str, Any]] = []
        for message in messages:
            role = message.get("role")
            if role in {"system", "developer"}:
                system.append(text_of(message.get("content")))
                continue
            if role == "tool":
                block = {
                    "type": "tool_result",
                    "tool_use_id": call_id(message.get("tool_call_id")),
                    "content": text_of(message.get("content")),
                }
                _append(out, "user", [block])
            elif role == "assistant":
                _append(out, "assistant", self._assistant(message))
            elif role == "function" or message.get("function_call"):
                raise Untranslatable("calls of functions in their old form cannot be given to Messages")
            else:
                _append(out, "user", self._parts(message.get("content")))
        return "\n\n".join(system), out

    def _assistant(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if message.get("function_call"):
            raise Untranslatable("calls of functions in their old form cannot be given to Messages")
        text = text_of(message.get("content")) or _refused(message)
        if text:
            blocks.append({"type": "text", "text": text})
        for call in message.get("tool_calls") or []:
            function = call.get("function") or {}
            blocks.append(
                {
                    "type": "tool_use",
                    "id": call_id(call.get("id")),
                    "name": function.get("name", ""),
                    "input": loads_or_text(function.get("arguments", "")),
                }
            )
        return blocks

    def _parts(self, content: Any) -> list[dict[str, Any]]:
        if isinstance(content, str):
            return [{"type": "text", "text": content}]
        blocks: list[dict[str, Any]] = []
        for part in content or []:
            kind = part.get("type")
            if kind == "text":
                blocks.append({"type": "text", "text": part.get("text", "")})
            elif kind == "image_url":
                blocks.append(image_to_messages((part.get("image_url") or {}).get("url", "")))
            elif kind == "file":
                blocks.append(document_to_messages(part.get("file") or {}))
            else:
                raise Untranslatable(f"a part of type {kind} cannot be given to Messages")
        return blocks

    def answer(self, body: bytes) -> bytes:
        """Return a message as a chat completion."""
        said = load(body)
        text, thought, calls = "", "", []
        for block in said.get("content") or []:
            if block.get("type") == "text":
                text += block.get("text", "")
            elif block.get("type") == "thinking":
                thought += block.get("thinking", "")
            elif block.get("type") == "tool_use":
                calls.append(function_called(block.get("id", ""), block.get("name", ""), block.get("input")))
        return chat_completion(
            answer_id=said.get("id", ""),
            created=self._created,
            model=said.get("model", ""),
            text=text,
            calls=calls,
            finish=finish_of(said.get("stop_reason")),
            usage=_usage(said.get("usage") or {}),
            thought=thought,
        )

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error as OpenAI's SDK reads it."""
        inner = load(body).get("error") or {}
        kind = inner.get("type") or "api_error"
        return msgspec.json.encode(
            {"error": {"message": inner.get("message", ""), "type": kind, "param": None, "code": kind}}
        )

    def opened(self, exchange: Exchange) -> Exchange:
        """Return the answer as it is: its stream is of events."""
        return exchange

    def events(self) -> _ChatStream:
        """Return the translation of an event stream."""
        return _ChatStream(self._created, usage_wanted=self._usage_wanted)


def _refused(message: dict[str, Any]) -> str:
    """Return the words with which the assistant refused, wherever they stand."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    said = [part.get("refusal") or "" for part in parts if isinstance(part, dict)]
    return "".join(said) or message.get("refusal") or ""


def _append(out: list[dict[str, Any]], role: str, blocks: list[dict[str, Any]]) -> None:
    """Add blocks; neighbours of one role become one message, as messages demands, and an empty one none."""
    if not blocks:
        return
    if out and out[-1]["role"] == role:
        out[-1]["content"] += blocks
    else:
        out.append({"role": role, "content": blocks})


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    cached = usage.get("cache_read_input_tokens") or 0
    tokens_in = (usage.get("input_tokens") or 0) + cached + (usage.get("cache_creation_input_tokens") or 0)
    tokens_out = usage.get("output_tokens") or 0
    return chat_usage(tokens_in, tokens_out, cached)


class _ChatStream:
    """Events of a message become chunks of a chat completion."""

    def __init__(self, created: int, *, usage_wanted: bool) -> None:
        self._created = created
        self._id = ""
        self._model = ""
        self._calls = -1
        self._calling = False
        self._usage: dict[str, Any] = {}
        self._usage_wanted = usage_wanted

    def feed(self, events: bytes) -> bytes:
        """Return what whole events become."""
        return b"".join(self._event(load(data)) for data in data_of(events))

    def _event(self, event: dict[str, Any]) -> bytes:
        kind = event.get("type")
        if kind == "message_start":
            message = event.get("message") or {}
            self._id, self._model = message.get("id", ""), message.get("model", "")
            self._usage = dict(message.get("usage") or {})
            return self._chunk({"role": "assistant", "content": ""})
        if kind == "content_block_start":
            block = event.get("content_block") or {}
            self._calling = block.get("type") == "tool_use"
            if not self._calling:
                return b""
            self._calls += 1
            function = {"name": block.get("name", ""), "arguments": ""}
            call = {"index": self._calls, "id": block.get("id", ""), "type": "function", "function": function}
            return self._chunk({"tool_calls": [call]})
        if kind == "content_block_delta":
            delta = event.get("delta") or {}
            if delta.get("type") == "text_delta":
                return self._chunk({"content": delta.get("text", "")})
            if delta.get("type") == "thinking_delta":
                return self._chunk({"reasoning_content": delta.get("thinking", "")})
            if delta.get("type") == "input_json_delta" and self._calling:
                part = {"index": self._calls, "function": {"arguments": delta.get("partial_json", "")}}
                return self._chunk({"tool_calls": [part]})
            return b""
        if kind == "message_delta":
            self._usage |= event.get("usage") or {}
            reason = (event.get("delta") or {}).get("stop_reason")
            return self._chunk({}, finish_of(reason))
        if kind == "error":
            inner = event.get("error") or {}
            error = {
                "message": inner.get("message", ""),
                "type": inner.get("type"),
                "param": None,
                "code": None,
            }
            return b"data: " + msgspec.json.encode({"error": error}) + b"\n\n"
        return b""

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._data([choice])

    def _data(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return chat_chunk(self._id, self._created, self._model, choices, **more)

    def finish(self) -> bytes:
        """Return the usage, if it was asked for, and the end mark."""
        usage = self._data([], usage=_usage(self._usage)) if self._usage_wanted else b""
        return usage + b"data: [DONE]\n\n"
