"""A caller speaks chat, the upstream is Bedrock's own Converse.

For models and regions that have no OpenAI-compatible endpoint. The shapes are those
of the service's published model, which comes with the vendor's library; the tests
hold every request and answer against it.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote

import msgspec

from reliant.gateway.api.surface import CHAT
from reliant.gateway.translate._common import (
    Untranslatable,
    Warned,
    call_id,
    chat_completion,
    chat_usage,
    finish_of,
    function_called,
    load,
    loads_or_text,
    text_of,
)
from reliant.gateway.upstream.client import Exchange

_CARRIED = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "response_format",
        "service_tier",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
_IMAGES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_DOCUMENTS = frozenset({"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"})
_TIERS = frozenset({"default", "priority", "flex"})
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9\-()\[\] ]+| {2,}")
_LONGEST_NAME = 200

_ERRORS = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout",
    424: "model_error",
    429: "rate_limit_error",
}


class ChatToConverse(Warned):
    """Translates one request and its answer."""

    spoken = CHAT

    def __init__(self, now: int) -> None:
        """Make it; answers of Converse state no time, so that they get `now`."""
        super().__init__()
        self.created = now
        self.model = ""
        self.streams = False
        self.usage_wanted = False

    def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body for the upstream.

        Raises:
            Untranslatable: It holds what Converse cannot be given.
        """
        asked = load(body)
        self.model = str(asked.get("model") or "")
        self.streams = bool(asked.get("stream"))
        self.usage_wanted = bool((asked.get("stream_options") or {}).get("include_usage"))
        self.drop(asked, _CARRIED)
        system, messages = self._messages(asked.get("messages") or [])
        out: dict[str, Any] = {"messages": messages}
        if system:
            out["system"] = [{"text": text} for text in system]
        bounds = self._bounds(asked)
        if bounds:
            out["inferenceConfig"] = bounds
        tools = self._tools(asked, messages)
        if tools:
            out["toolConfig"] = tools
        if asked.get("service_tier") in _TIERS:
            out["serviceTier"] = {"type": asked["service_tier"]}
        shape = self._format(asked.get("response_format"))
        if shape:
            out["outputConfig"] = {"textFormat": shape}
        verb = "converse-stream" if self.streams else "converse"
        return f"/model/{quote(self.model, safe='')}/{verb}", msgspec.json.encode(out)

    def _bounds(self, asked: dict[str, Any]) -> dict[str, Any]:
        bounds: dict[str, Any] = {}
        most = asked.get("max_completion_tokens") or asked.get("max_tokens")
        if most:
            bounds["maxTokens"] = most
        if asked.get("temperature") is not None:
            bounds["temperature"] = min(asked["temperature"], 1.0)
            if asked["temperature"] > 1.0:
                self.warn("a temperature above 1 is not carried over; 1 is asked for")
        if asked.get("top_p") is not None:
            bounds["topP"] = asked["top_p"]
        stop = asked.get("stop")
        if stop:
            bounds["stopSequences"] = [stop] if isinstance(stop, str) else stop
        return bounds

    def _format(self, wanted: Any) -> dict[str, Any] | None:
        if not isinstance(wanted, dict) or wanted.get("type") in {None, "text"}:
            return None
        given = wanted.get("json_schema") or {}
        if wanted["type"] != "json_schema" or "schema" not in given:
            self.warn(f"response_format {wanted['type']} is not carried over")
            return None
        schema = {"schema": msgspec.json.encode(given["schema"]).decode()}
        schema |= {name: given[name] for name in ("name", "description") if given.get(name)}
        return {"type": "json_schema", "structure": {"jsonSchema": schema}}

    def _tools(self, asked: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any] | None:
        tools = []
        for tool in asked.get("tools") or []:
            if tool.get("type") != "function":
                self.warn(f"a tool of type {tool.get('type')} is not carried over")
                continue
            function = tool["function"]
            schema = function.get("parameters") or {"type": "object", "properties": {}}
            spec: dict[str, Any] = {"name": function["name"], "inputSchema": {"json": schema}}
            if function.get("description"):
                spec["description"] = function["description"]
            if function.get("strict") is not None:
                spec["strict"] = function["strict"]
            tools.append({"toolSpec": spec})
        if not tools:
            return None
        choice = asked.get("tool_choice")
        if choice == "none":
            if not any("toolUse" in block for message in messages for block in message["content"]):
                return None
            self.warn("tool_choice none is not carried over")
        out: dict[str, Any] = {"tools": tools}
        if choice == "required":
            out["toolChoice"] = {"any": {}}
        elif choice == "auto":
            out["toolChoice"] = {"auto": {}}
        elif isinstance(choice, dict):
            out["toolChoice"] = {"tool": {"name": choice["function"]["name"]}}
        if asked.get("parallel_tool_calls") is False:
            self.warn("parallel_tool_calls is not carried over")
        return out

    def _messages(self, messages: list[dict[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
        system: list[str] = []
        out: list[dict[str, Any]] = []
        for message in messages:
            role = message.get("role")
            if role in {"system", "developer"}:
                text = text_of(message.get("content"))
                system += [text] if text else []
                continue
            if role == "tool":
                said = {
                    "toolUseId": call_id(message["tool_call_id"]),
                    "content": self._result(message.get("content")),
                }
                blocks = [{"toolResult": said}]
            elif role == "assistant":
                blocks = self._assistant(message)
            else:
                blocks = self._parts(message.get("content"))
            role = "assistant" if role == "assistant" else "user"
            if out and out[-1]["role"] == role:
                out[-1]["content"] += blocks
            elif blocks:
                out.append({"role": role, "content": blocks})
        return system, out

    def _result(self, content: Any) -> list[dict[str, Any]]:
        return self._parts(content) or [{"text": ""}]

    def _assistant(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        text = text_of(message.get("content"))
        blocks: list[dict[str, Any]] = [{"text": text}] if text else []
        for call in message.get("tool_calls") or []:
            function = call["function"]
            arguments = loads_or_text(function.get("arguments") or "")
            use = {"toolUseId": call_id(call["id"]), "name": function["name"], "input": arguments}
            blocks.append({"toolUse": use})
        return blocks

    def _parts(self, content: Any) -> list[dict[str, Any]]:
        if isinstance(content, str):
            return [{"text": content}] if content else []
        blocks: list[dict[str, Any]] = []
        for part in content or []:
            kind = part.get("type")
            if kind == "text":
                blocks.append({"text": part.get("text") or ""})
            elif kind == "image_url":
                blocks.append(_image(part["image_url"]["url"]))
            elif kind == "file":
                blocks.append(_document(part["file"]))
            else:
                raise Untranslatable(f"a part of type {kind} cannot be given to Bedrock")
        return blocks

    def answer(self, body: bytes) -> bytes:
        """Return an answer of Converse as a chat completion."""
        said = load(body)
        text, thought, calls = "", "", []
        for block in said["output"]["message"].get("content") or []:
            if "text" in block:
                text += block["text"]
            elif "reasoningContent" in block:
                thought += (block["reasoningContent"].get("reasoningText") or {}).get("text") or ""
            elif "toolUse" in block:
                use = block["toolUse"]
                calls.append(function_called(use["toolUseId"], use["name"], use.get("input")))
        return chat_completion(
            answer_id=new_id(),
            created=self.created,
            model=self.model,
            text=text,
            calls=calls,
            finish=finish_of(said.get("stopReason")),
            usage=usage_of(said.get("usage") or {}),
            thought=thought,
        )

    def error(self, status: int, body: bytes) -> bytes:
        """Return an error as OpenAI's SDK reads it."""
        said = load(body)
        message = said.get("message") or said.get("Message") or ""
        kind = _ERRORS.get(status, "server_error")
        return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": kind}})

    def opened(self, exchange: Exchange) -> Exchange:
        """Return a stream of frames as one of chat's events; everything else as it is.

        Raises:
            UpstreamFailure: What is here of it is broken.
        """
        if exchange.status >= 400 or not self.streams:
            return exchange
        from reliant.gateway.translate.converse_stream import ConverseExchange  # noqa: PLC0415 - botocore

        return ConverseExchange(exchange, self)

    def events(self) -> None:
        """Return nothing: a stream that is opened is chat's."""


def new_id() -> str:
    """Return an id for an answer; Converse gives none."""
    return f"chatcmpl-{os.urandom(12).hex()}"


def usage_of(usage: dict[str, Any]) -> dict[str, Any]:
    """Return Converse's counts as chat has them."""
    cached = usage.get("cacheReadInputTokens") or 0
    tokens_in = (usage.get("inputTokens") or 0) + cached + (usage.get("cacheWriteInputTokens") or 0)
    tokens_out = usage.get("outputTokens") or 0
    return chat_usage(tokens_in, tokens_out, cached)


def _image(url: str) -> dict[str, Any]:
    media, data = _data_of(url)
    if media not in _IMAGES:
        raise Untranslatable(f"an image of type {media!r} cannot be given to Bedrock")
    return {"image": {"format": _IMAGES[media], "source": {"bytes": data}}}


def _document(file: dict[str, Any]) -> dict[str, Any]:
    if not file.get("file_data"):
        raise Untranslatable("a file can be given to Bedrock only as data, not by its id")
    _, data = _data_of(file["file_data"])
    name, _, ending = str(file.get("filename") or "document.pdf").rpartition(".")
    if ending.lower() not in _DOCUMENTS:
        raise Untranslatable(f"a file that ends in .{ending} cannot be given to Bedrock")
    clean = _NOT_IN_NAMES.sub(" ", name).strip()[:_LONGEST_NAME] or "document"
    return {"document": {"format": ending.lower(), "name": clean, "source": {"bytes": data}}}


def _data_of(url: str) -> tuple[str, str]:
    if not url.startswith("data:"):
        raise Untranslatable(
            "Bedrock takes images and files only as data (data:...;base64,...), not by address"
        )
    media, _, data = url[5:].partition(";base64,")
    return media.lower(), data
