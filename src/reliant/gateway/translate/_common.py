"""What both directions share: content parts, tools, reasons to stop, errors."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from reliant.gateway.api.body import NOT_JSON
from reliant.gateway.upstream.client import UpstreamFailure

_STOP_TO_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "pause_turn": "stop",
}
"""Messages and Converse share their words for why an answer ended."""

FINISH_TO_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_DROPPED_SHOWN = 40
_LONGEST_SHOWN = 64


class Warned:
    """Gathers what could not be carried over; what is said twice is said once."""

    def __init__(self) -> None:
        self._warnings: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over."""
        return tuple(self._warnings)

    def warn(self, text: str) -> None:
        """Say that something could not be."""
        self._warnings[text] = None

    def drop(self, asked: dict[str, Any], carried: frozenset[str]) -> None:
        """Say of each parameter that was given and is not among those carried over that it is not."""
        dropped = [name for name, value in asked.items() if value is not None and name not in carried]
        for name in sorted(dropped)[:_DROPPED_SHOWN]:
            self.warn(f"{name[:_LONGEST_SHOWN]} is not carried over")


def call_id(value: object) -> str:
    """Return the id of a call with the signs that every format takes; another maker may have given it."""
    return _NOT_IN_IDS.sub("_", str(value or ""))


class Untranslatable(UpstreamFailure):
    """A request that this upstream cannot be asked in its own format; another may be."""

    def __init__(self, text: str) -> None:
        super().__init__("untranslatable", text, sent=False)


def load(body: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one if it is none."""
    try:
        value = msgspec.json.decode(body)
    except NOT_JSON:
        return {}
    return value if isinstance(value, dict) else {}


def finish_of(reason: object) -> str:
    """Return what chat calls the reason for which an answer of Messages or Converse ended."""
    return _STOP_TO_FINISH.get(str(reason), "stop")


def function_called(call_id: str, name: str, given: Any) -> dict[str, Any]:
    """Return a call of a function as chat has it; `given` are its arguments."""
    arguments = msgspec.json.encode(given or {}).decode()
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def chat_completion(
    *,
    answer_id: str,
    created: int,
    model: str,
    text: str,
    calls: list[dict[str, Any]],
    finish: str,
    usage: dict[str, Any],
    thought: str = "",
) -> bytes:
    """Return a whole answer of chat."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    return msgspec.json.encode(
        {
            "id": answer_id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
            "usage": usage,
        }
    )


def chat_chunk(answer_id: str, created: int, model: str, choices: list[dict[str, Any]], **more: Any) -> bytes:
    """Return an event of a chat stream."""
    chunk = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": model}
    return b"data: " + msgspec.json.encode({**chunk, "choices": choices, **more}) + b"\n\n"


def chat_usage(tokens_in: int, tokens_out: int, cached: int) -> dict[str, Any]:
    """Return counts as chat has them; tokens read from a cache count as tokens in."""
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def loads_or_text(text: str) -> Any:
    """Return the JSON value in `text`, or an object that holds the text where it is none."""
    try:
        return msgspec.json.decode(text or "{}")
    except NOT_JSON:
        return {"_text": text}


def text_of(content: Any) -> str:
    """Return the text in a message's content, whichever form it has."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(
        part.get("text") or "" for part in content if isinstance(part, dict) and part.get("type") == "text"
    )


def image_to_messages(url: str) -> dict[str, Any]:
    """Return an image block for a data or https address."""
    if url.startswith("data:"):
        kind, _, data = url[5:].partition(";base64,")
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def image_to_chat(source: dict[str, Any]) -> dict[str, Any]:
    """Return an image part for an image block's source.

    Raises:
        Untranslatable: It is kept at a provider.
    """
    if source.get("type") == "base64":
        url = f"data:{source.get('media_type', 'image/png')};base64,{source.get('data', '')}"
    elif source.get("url"):
        url = source["url"]
    else:
        raise Untranslatable("an image that is kept at a provider cannot be given to another")
    return {"type": "image_url", "image_url": {"url": url}}


def document_to_messages(file: dict[str, Any]) -> dict[str, Any]:
    """Return a document block for a file part.

    Raises:
        Untranslatable: It is kept at a provider, or is no PDF and no text.
    """
    kind, _, data = str(file.get("file_data") or "").removeprefix("data:").partition(";base64,")
    if not data:
        raise Untranslatable("a file that is kept at a provider cannot be given to another")
    if kind != "application/pdf":
        raise Untranslatable(f"a file of type {kind[:_LONGEST_SHOWN]!r} cannot be given to Messages")
    source = {"type": "base64", "media_type": kind, "data": data}
    titled = {"title": file["filename"]} if file.get("filename") else {}
    return {"type": "document", "source": source, **titled}


def document_to_chat(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts for a document block.

    Raises:
        Untranslatable: It is kept at a provider or stands at an address.
    """
    source = block.get("source") or {}
    kind = source.get("type")
    if kind == "text":
        return [{"type": "text", "text": source.get("data", "")}]
    if kind == "content":
        return [{"type": "text", "text": text_of(source.get("content"))}]
    if kind != "base64":
        raise Untranslatable(f"a document by {kind} cannot be given to chat")
    data = f"data:{source.get('media_type')};base64,{source.get('data', '')}"
    return [{"type": "file", "file": {"filename": block.get("title") or "document.pdf", "file_data": data}}]
