"""A fake Bedrock that holds everything against the service's published model.

The model (every shape, every bound) comes with the vendor's library, so what is
asked and what is answered here does not rest on anybody's memory of it.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.session import Session
from botocore.validate import ParamValidator

from support.gateway_provider import Provider, Seen, _send, closed, in_thread

_SERVICE = Session().get_service_model("bedrock-runtime")
CONVERSE = _SERVICE.operation_model("Converse")
STREAM = _SERVICE.operation_model("ConverseStream")

USAGE = {"inputTokens": 11, "outputTokens": 5, "totalTokens": 16}


def wrong(value: Any, shape: Any) -> str:
    """Return what is wrong with a value by the service's model; nothing if it fits."""
    report = ParamValidator().validate(value, shape)
    return str(report.generate_report()) if report.has_errors() else ""


def frame(kind: str, value: dict[str, Any], message_type: str = "event") -> bytes:
    """Return one frame of an event stream (vnd.amazon.eventstream)."""
    name = ":event-type" if message_type == "event" else ":exception-type"
    headers = b""
    for key, text in ((name, kind), (":content-type", "application/json"), (":message-type", message_type)):
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
    payload = json.dumps(value).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return start + struct.pack(">I", binascii.crc32(start))


def events_of(content: list[dict[str, Any]], stop: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events that stand for an answer."""
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(content):
        if "toolUse" in block:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield "contentBlockStart", {"start": start, "contentBlockIndex": index}
            text = json.dumps(use["input"])
            for part in (text[:4], text[4:]):
                yield "contentBlockDelta", {"delta": {"toolUse": {"input": part}}, "contentBlockIndex": index}
        elif "reasoningContent" in block:
            delta = {"reasoningContent": {"text": block["reasoningContent"]["reasoningText"]["text"]}}
            yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}
        else:
            for word in block["text"].split(" "):
                yield "contentBlockDelta", {"delta": {"text": word + " "}, "contentBlockIndex": index}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": stop}
    yield "metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}}


@dataclass
class Bedrock(Provider):
    """The fake; `complaints` holds what it was sent that the model of the service does not allow."""

    complaints: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _answer(self, request: Seen, writer: asyncio.StreamWriter) -> bool:
        _, _, model, verb = request.path.split("/")
        asked = request.json
        self.complaints.append(wrong({"modelId": unquote(model), **asked}, CONVERSE.input_shape))
        if "fault-geo" in model:
            message = "Access to Anthropic models is not allowed from unsupported countries, regions, or "
            message += "territories."
            kind = {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/"}
            await _send(writer, 400, json.dumps({"message": message}).encode(), kind)
            return True
        if "fault-throttled" in model:
            await _send(writer, 429, b'{"message":"Too many tokens, please wait"}', {})
            return True
        if "fault-key" in model:
            message = "The security token included in the request is invalid."
            await _send(writer, 403, json.dumps({"message": message}).encode(), {})
            return True
        content, stop = self.content(asked)
        if verb == "converse":
            await _send(
                writer, 200, json.dumps(self.whole(content, stop)).encode(), {"x-amzn-requestid": "r-1"}
            )
            return True
        return await self._frames(model, content, stop, writer)

    def content(self, asked: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
        thought = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
        content: list[dict[str, Any]] = [thought, {"text": "hello from bedrock"}]
        if asked.get("toolConfig"):
            name = asked["toolConfig"]["tools"][0]["toolSpec"]["name"]
            for number in (1, 2):
                use = {
                    "toolUseId": f"tooluse_{number}",
                    "name": name,
                    "input": {"city": "Basel", "n": number},
                }
                content.append({"toolUse": use})
        return content, "tool_use" if asked.get("toolConfig") else "end_turn"

    def whole(self, content: list[dict[str, Any]], stop: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": content}
        value = {
            "output": {"message": message},
            "stopReason": stop,
            "usage": USAGE,
            "metrics": {"latencyMs": 7},
        }
        self.complaints.append(wrong(value, CONVERSE.output_shape))
        return value

    async def _frames(
        self, model: str, content: list[dict[str, Any]], stop: str, writer: asyncio.StreamWriter
    ) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        sent = b""
        for number, (kind, value) in enumerate(events_of(content, stop)):
            self.complaints.append(wrong({"stream": {kind: value}}, STREAM.output_shape))
            if number == 4 and "fault-midstream" in model:
                sent += frame("throttlingException", {"message": "Too many tokens"}, "exception")
                break
            if number == 0 and "fault-first" in model:
                sent += frame("serviceUnavailableException", {"message": "Try later"}, "exception")
                break
            if number == 4 and "fault-cut" in model:
                break
            if number == 4 and "fault-bytes" in model:
                sent += frame(kind, value)[:-1] + b"\x00"
                break
            sent += frame(kind, value)
        for at in range(0, len(sent), 37):  # frames are cut anywhere
            piece = sent[at : at + 37]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def signature(seen_headers: dict[str, str], path: str, body: bytes, secret: str) -> str:
    """AWS Signature Version 4 by its specification, in twelve lines."""
    given = seen_headers["authorization"]
    names = given.partition("SignedHeaders=")[2].partition(",")[0]
    scope = given.partition("Credential=")[2].partition(",")[0].partition("/")[2]
    lines = "".join(f"{name}:{seen_headers[name]}\n" for name in names.split(";"))
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n{path}\n\n{lines}\n{names}\n{digest}"
    moment = seen_headers["x-amz-date"]
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}".encode(), "sha256").hex()


@contextmanager
def bedrock() -> Iterator[Bedrock]:
    """Run one."""
    with in_thread() as loop:
        made = Bedrock("bedrock")
        start = asyncio.start_server(made.connected, "127.0.0.1", 0, limit=1 << 24)
        server = asyncio.run_coroutine_threadsafe(start, loop).result(60)
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(closed([server], [made]), loop).result(60)


__all__ = ["CONVERSE", "STREAM", "USAGE", "Bedrock", "bedrock", "events_of", "frame", "signature", "wrong"]
