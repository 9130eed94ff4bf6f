"""What both directions share: content parts, tools, reasons to stop, errors."""

from __future__ import annotations

from typing import Any

import msgspec

from reliant.gateway.request.body import NOT_JSON
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
    """Return an image part for an image block's source."""
    if source.get("type") == "base64":
        url = f"data:{source.get('media_type', 'image/png')};base64,{source.get('data', '')}"
    else:
        url = source.get("url", "")
    return {"type": "image_url", "image_url": {"url": url}}
