"""A caller speaks Anthropic's messages, the upstream speaks chat."""

from __future__ import annotations

from typing import Any

import msgspec

from reliant.gateway.api.answers import anthropic_type
from reliant.gateway.api.surface import CHAT
from reliant.gateway.translate._common import (
    FINISH_TO_STOP,
    Untranslatable,
    Warned,
    document_to_chat,
    image_to_chat,
    load,
    loads_or_text,
    text_of,
)
from reliant.gateway.translate.message_events import MessageEvents, message_usage
from reliant.gateway.upstream.client import Exchange

_SAME = ("model", "temperature", "top_p", "stream")
_CARRIED = frozenset(
    {
        *_SAME,
        "max_tokens",
        "messages",
        "output_config",
        "stop_sequences",
        "system",
        "tool_choice",
        "tools",
    }
)
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


class MessagesToChat(Warned):
    """Translates one request and its answer."""

    spoken = CHAT

    def __init__(self, bound: str = "max_tokens") -> None:
        """Make it; `bound` is what the upstream calls the bound on an answer's tokens."""
        super().__init__()
        self._bound = bound
        self._thinks = False

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream."""
        asked = load(body)
        out: dict[str, Any] = {name: asked[name] for name in _SAME if name in asked}
        if asked.get("max_tokens"):
            out[self._bound] = asked["max_tokens"]
        if asked.get("stop_sequences"):
            out["stop"] = asked["stop_sequences"]
        if asked.get("stream"):
            out["stream_options"] = {"include_usage": True}
        self._thinks = (asked.get("thinking") or {}).get("type") in {"enabled", "adaptive"}
        user = (asked.get("metadata") or {}).get("user_id")
        if user:
            out["user"] = user
        self.drop(asked, _CARRIED | {"metadata"} if user else _CARRIED)
        self._output(asked.get("output_config") or {}, out)
        messages: list[dict[str, Any]] = []
        system = text_of(asked.get("system"))
        if system:
            messages.append({"role": "system", "content": system})
        for message in asked.get("messages") or []:
            messages += self._message(message)
        out["messages"] = messages
        self._tools(asked, out)
        return "/chat/completions", msgspec.json.encode(out)

    def _output(self, wanted: dict[str, Any], out: dict[str, Any]) -> None:
        shape = wanted.get("format") or {}
        if shape.get("type") == "json_schema":
            schema = {"name": "answer", "schema": shape.get("schema"), "strict": True}
            out["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif shape:
            self.warn("output_config.format is not carried over")
        if wanted.get("effort"):
            self.warn("output_config.effort is not carried over")

    def _tools(self, asked: dict[str, Any], out: dict[str, Any]) -> None:
        tools = [tool for tool in asked.get("tools") or [] if "input_schema" in tool]
        if len(tools) < len(asked.get("tools") or []):
            self.warn("tools that only the provider can run are not carried over")
        if tools:
            out["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool["name"],
                        "description": tool.get("description", ""),
                        "parameters": tool["input_schema"],
                        **({"strict": True} if tool.get("strict") else {}),
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
        if role == "system":
            return [{"role": role, "content": text_of(content)}]
        out: list[dict[str, Any]] = []
        parts: list[dict[str, Any]] = []
        for block in content or []:
            kind = block.get("type")
            if kind == "tool_result":
                said = block.get("content")
                text = text_of(said)
                out.append({"role": "tool", "tool_call_id": block.get("tool_use_id", ""), "content": text})
                # A tool's message holds text only: what it shows comes right after it.
                shown = [one for one in said if one.get("type") != "text"] if isinstance(said, list) else []
                parts += [part for one in shown for part in self._part(one)]
            else:
                parts += self._part(block)
        if parts:
            out.append({"role": "user", "content": parts})
        return out

    def _part(self, block: dict[str, Any]) -> list[dict[str, Any]]:
        kind = block.get("type")
        if kind == "text":
            return [{"type": "text", "text": block.get("text", "")}]
        if kind == "image":
            return [image_to_chat(block.get("source") or {})]
        if kind == "document":
            return document_to_chat(block)
        if kind == "search_result":
            return [{"type": "text", "text": text_of(block.get("content"))}]
        raise Untranslatable(f"a block of type {kind} cannot be given to chat")

    def _assistant(self, blocks: list[dict[str, Any]]) -> dict[str, Any]:
        for kind in {block.get("type") for block in blocks} - {"text", "tool_use"}:
            what = "a thought" if kind in _THOUGHTS else f"a block of type {kind}"
            self.warn(f"{what} of an earlier answer is not carried over")
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
        thought = message.get("reasoning_content") or message.get("reasoning")
        if self._thinks and isinstance(thought, str):
            content.append({"type": "thinking", "thinking": thought, "signature": ""})
        if message.get("content") or message.get("refusal"):
            content.append({"type": "text", "text": message.get("content") or message["refusal"]})
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
                "stop_reason": "refusal"
                if message.get("refusal")
                else FINISH_TO_STOP.get(choice.get("finish_reason") or "", "end_turn"),
                "stop_sequence": None,
                "usage": message_usage(said.get("usage") or {}),
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
        return MessageEvents(thinks=self._thinks)
