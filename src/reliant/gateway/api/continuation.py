"""Going on with a chat answer that broke off, at another provider.

The caller has half an answer and cannot be sent it again. The next provider gets
the conversation with that half as the assistant's last words and is asked to go
on. What it says is given the first stream's id, so that the caller sees one
answer; a comment in the stream and the log tell that two providers made it.

Only plain text can be continued, also where tools are offered and none was called
yet. A half tool call, a call that was demanded, several choices or a demanded format
cannot: then the stream ends with a typed error.
"""

from __future__ import annotations

import msgspec

from reliant.gateway.api.body import NOT_JSON
from reliant.gateway.api.events import Said

_ASK = (
    "Your last message was cut off. Continue it exactly where it stops: "
    "repeat nothing, add no introduction, and do not mention this."
)
_BARRED = ("functions", "response_format", "logprobs", "n", "modalities", "audio")

_PARTS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULLISH = {b"null", b"1", b"[]", b"false"}
_FREE = {b"null", b'"auto"', b'"none"'}
"""Choices of a tool that leave the answer free to be text."""


def continued_body(body: bytes, said: Said, mode: str) -> bytes | None:
    """Return the request that asks for the rest; None if it cannot be asked for.

    Args:
        body: The caller's request.
        said: What the caller has.
        mode: `prefill` ends with the half message, `instruct` also asks in words.
    """
    if not said.usable or mode == "none":
        return None
    parts = _PARTS.decode(body)
    for name in _BARRED:
        if name in parts and bytes(parts[name]).strip() not in _NULLISH:
            return None
    if "tool_choice" in parts and bytes(parts["tool_choice"]).strip() not in _FREE:
        return None
    try:
        messages = msgspec.json.decode(parts["messages"], type=list[msgspec.Raw])
    except (KeyError, *NOT_JSON):
        return None
    if said.text:
        messages.append(_message("assistant", said.text))
        if mode == "instruct":
            messages.append(_message("user", _ASK))
    parts["messages"] = msgspec.Raw(msgspec.json.encode(messages))
    return msgspec.json.encode(parts)


def _message(role: str, content: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"role": role, "content": content}))


class Joiner:
    """Makes the events of the second stream part of the first."""

    def __init__(self, said: Said, upstream: str) -> None:
        self._said = said
        self._upstream = upstream
        self._begun = False

    def feed(self, events: bytes) -> bytes:
        """Return the events as the caller gets them."""
        out: list[bytes] = []
        if not self._begun:
            self._begun = True
            out.append(b": reliant: the provider broke off; continued by another\n\n")
        for line in events.replace(b"\r\n", b"\n").split(b"\n"):
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            out.append(b"data: " + (data if data == b"[DONE]" else self._join(data)) + b"\n\n")
        return b"".join(out)

    def _join(self, data: bytes) -> bytes:
        try:
            chunk = _PARTS.decode(data)
        except NOT_JSON:
            return data
        if self._said.id and "id" in chunk:
            chunk["id"] = msgspec.Raw(msgspec.json.encode(self._said.id))
        if self._said.created and "created" in chunk:
            chunk["created"] = msgspec.Raw(msgspec.json.encode(self._said.created))
        return msgspec.json.encode(chunk)
