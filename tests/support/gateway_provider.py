"""A provider that fails on demand: a real server on loopback.

It reads what to do from the model's name: `fault-geo`, `slow-200` and so on.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

TOKENS = 20


def error_body(message: str, kind: str, code: str | None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


GEO = error_body(
    "Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"
)
PAGE = b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1>"

FAULTS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "fault-geo": (403, GEO, {}),
    "fault-401": (
        401,
        error_body("Incorrect API key provided", "invalid_request_error", "invalid_api_key"),
        {},
    ),
    "fault-404": (
        404,
        error_body("The model does not exist", "invalid_request_error", "model_not_found"),
        {},
    ),
    "fault-429": (
        429,
        error_body("Rate limit reached", "requests", "rate_limit_exceeded"),
        {"retry-after": "1", "retry-after-ms": "120", "x-ratelimit-remaining-requests": "0"},
    ),
    "fault-quota": (
        429,
        error_body("You exceeded your quota", "insufficient_quota", "insufficient_quota"),
        {},
    ),
    "fault-500": (500, error_body("The server had an error", "server_error", None), {}),
    "fault-503": (503, error_body("Overloaded", "server_error", None), {}),
    "fault-google-key": (
        400,
        b'[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.",'
        b'"status":"INVALID_ARGUMENT"}}]',
        {},
    ),
    "fault-google-geo": (
        400,
        b'[{"error":{"code":400,"message":"User location is not supported for the API use.",'
        b'"status":"FAILED_PRECONDITION"}}]',
        {},
    ),
    "fault-html": (403, PAGE, {"content-type": "text/html; charset=UTF-8", "cf-ray": "mock"}),
}


@dataclass
class Seen:
    """A request that reached the provider."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Provider:
    """A fake provider; `seen` holds what reached it. At `gate` waits a stream, after its first event.

    The model `gated` waits there as well.
    """

    name: str = "mock"
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    down: bool = False
    gate: threading.Event | None = None
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: dict[asyncio.StreamWriter, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def models(self) -> list[str]:
        return [one.json["model"] for one in self.seen if one.body.startswith(b"{")]

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection. A task that is cancelled before it began would not close it: `close` does."""
        self.open[writer] = asyncio.get_running_loop().create_task(self._serve(reader, writer))

    def close(self) -> None:
        """End every connection."""
        for writer, task in self.open.items():
            writer.transport.abort()
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await self._read(reader):
                self.seen.append(request)
                if not await self._answer(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self.open[writer]
            # Not `close`: that would wait for a reader who is gone, with the socket open.
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Seen | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        method, path, _ = first.split(" ")
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Seen(method, path, headers, body)

    async def _answer(self, request: Seen, writer: asyncio.StreamWriter) -> bool:
        if self.down:
            _reset(writer)
            return False
        path = request.path.partition("?")[0]
        if path.startswith(("/v1/files", "/v1/batches")):
            return await self._object(request, path, writer)
        if path.endswith("/messages"):
            return await self._messages(request, writer)
        asked = request.json if request.body.startswith(b"{") else {}
        model = str(asked.get("model", ""))
        for name, (status, body, headers) in FAULTS.items():
            if name in model:
                await _send(writer, status, body, headers)
                return True
        if "fault-reset" in model:
            _reset(writer)
            return False
        if "fault-hang" in model:
            await asyncio.sleep(60)
            return False
        if "slow-" in model:
            await asyncio.sleep(int(model.partition("slow-")[2]) / 1_000)
        while "gated" in model and self.gate is not None and not self.gate.is_set():
            await asyncio.sleep(0.01)
        if "in-two" in model:
            return await self._in_two(asked, model, writer)
        if path.endswith("/embeddings"):
            usage = {"prompt_tokens": 8, "total_tokens": 8}
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
            value = {"object": "list", "data": data, "model": model, "usage": usage}
            await _send(writer, 200, json.dumps(value).encode(), {})
            return True
        if path.endswith("/responses"):
            return await self._response(model, bool(asked.get("stream")), writer)
        if asked.get("stream"):
            return await self._stream(asked, model, writer)
        await _send(writer, 200, self._completion(asked, model), {"x-ratelimit-remaining-requests": "99"})
        return True

    async def _in_two(self, asked: dict[str, Any], model: str, writer: asyncio.StreamWriter) -> bool:
        """Send an answer in two pieces, a moment apart."""
        body = self._completion(asked, model)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:50])
        await writer.drain()
        await asyncio.sleep(0.0005)
        writer.write(body[50:])
        await writer.drain()
        return True

    def _completion(self, asked: dict[str, Any], model: str) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": f"hello from {self.name}", "refusal": None}
        finish = "stop"
        if asked.get("tools"):
            call = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"city":"Basel"}'}
            message |= {
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
            }
            finish = "tool_calls"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        usage = {"prompt_tokens": 19, "completion_tokens": 26, "total_tokens": 45}
        value = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
        return json.dumps(value).encode()

    async def _stream(self, asked: dict[str, Any], model: str, writer: asyncio.StreamWriter) -> bool:
        await _begin_stream(writer)
        if "fault-first-geo" in model:
            error = {"message": "This model is not available in your region.", "code": 403}
            await _chunk(writer, b"data: " + json.dumps({"error": error}).encode())
            writer.write(b"0\r\n\r\n")
            return True
        messages = [one for one in asked.get("messages") or [] if isinstance(one, dict)]
        continued = any(one.get("role") == "assistant" for one in messages)
        start = 0
        if continued:
            said = next(one for one in messages if one.get("role") == "assistant")["content"]
            start = len(said.split())
        for number in range(start, TOKENS):
            if "fault-midcall" in model and number == 1:
                half = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"ci'}}
                choice = {"index": 0, "delta": {"tool_calls": [half]}, "finish_reason": None}
                await _chunk(writer, b"data: " + json.dumps(self._event(model, [choice])).encode())
                _reset(writer)
                return False
            if number == TOKENS // 2 and not continued:
                if "fault-midstream" in model:
                    _reset(writer)
                    return False
                if "fault-clean-end" in model:
                    writer.write(b"0\r\n\r\n")
                    return True
                if "fault-sse-error" in model:
                    await _chunk(
                        writer, b"data: " + error_body("The server had an error", "server_error", None)
                    )
                    writer.write(b"0\r\n\r\n")
                    return True
            delta = {"content": f"w{number} "}
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
            await _chunk(writer, b"data: " + json.dumps(self._event(model, [choice])).encode())
            while self.gate is not None and not self.gate.is_set():
                await asyncio.sleep(0.01)
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        await _chunk(writer, b"data: " + json.dumps(self._event(model, [choice])).encode())
        if (asked.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": 7, "completion_tokens": TOKENS, "total_tokens": 7 + TOKENS}
            await _chunk(writer, b"data: " + json.dumps({**self._event(model, []), "usage": usage}).encode())
        await _chunk(writer, b"data: [DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _event(self, model: str, choices: list[Any]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.name}",
            "object": "chat.completion.chunk",
            "created": 1_760_000_000,
            "model": model,
            "choices": choices,
        }

    async def _response(self, model: str, stream: bool, writer: asyncio.StreamWriter) -> bool:
        output = [
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "hi", "annotations": []}],
            }
        ]
        value = {
            "id": f"resp_{self.name}0001",
            "object": "response",
            "created_at": 1_760_000_000,
            "status": "completed",
            "model": model,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        }
        if not stream:
            await _send(writer, 200, json.dumps(value).encode(), {})
            return True
        await _begin_stream(writer)
        for kind in ("response.created", "response.completed"):
            event = {"type": kind, "sequence_number": 0, "response": value}
            await _chunk(writer, f"event: {kind}\ndata: ".encode() + json.dumps(event).encode())
        writer.write(b"0\r\n\r\n")
        return True

    async def _messages(self, request: Seen, writer: asyncio.StreamWriter) -> bool:
        asked = request.json
        if "fault-529" in asked["model"]:
            body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            await _send(writer, 529, json.dumps(body).encode(), {"request-id": "req_a"})
            return True
        usage = {"input_tokens": 11, "output_tokens": 5}
        content: list[dict[str, Any]] = [{"type": "text", "text": f"hello from {self.name}"}]
        if asked.get("tools"):
            content.append(
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Basel"}}
            )
        value = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": content,
            "stop_reason": "tool_use" if asked.get("tools") else "end_turn",
            "stop_sequence": None,
            "usage": usage,
        }
        if not asked.get("stream"):
            await _send(writer, 200, json.dumps(value).encode(), {"request-id": "req_a"})
            return True
        await _begin_stream(writer)
        for event in anthropic_events(value):
            if event["type"] == "content_block_stop" and "fault-midstream" in asked["model"]:
                _reset(writer)
                return False
            await _chunk(writer, f"event: {event['type']}\ndata: ".encode() + json.dumps(event).encode())
        writer.write(b"0\r\n\r\n")
        return True

    async def _object(self, request: Seen, path: str, writer: asyncio.StreamWriter) -> bool:
        kind = path.split("/")[2]
        prefix = {"files": "file", "batches": "batch"}[kind]
        if request.method == "POST":
            made = {"id": f"{prefix}-{self.name}{len(self.objects):05d}", "object": prefix}
            self.objects[made["id"]] = made
            await _send(writer, 200, json.dumps(made).encode(), {})
            return True
        wanted = path.split("/")[3:]
        if not wanted:
            data = [one for one in self.objects.values() if one["object"] == prefix]
            await _send(writer, 200, json.dumps({"object": "list", "data": data}).encode(), {})
            return True
        found = self.objects.get(wanted[0])
        body = (
            json.dumps(found).encode()
            if found
            else error_body("No such object", "invalid_request_error", None)
        )
        await _send(writer, 200 if found else 404, body, {})
        return True


def anthropic_events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            yield {
                "type": "content_block_start",
                "index": index,
                "content_block": {"type": "text", "text": ""},
            }
            for word in block["text"].split(" "):
                delta = {"type": "text_delta", "text": word + " "}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
        else:
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {
        "type": "message_delta",
        "delta": delta,
        "usage": {"output_tokens": message["usage"]["output_tokens"]},
    }
    yield {"type": "message_stop"}


async def _begin_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        b"x-request-id: req_provider\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, event: bytes) -> None:
    data = event + b"\n\n"
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str]) -> None:
    lines = {"content-type": "application/json", "x-request-id": "req_provider", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def in_thread(
    make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> Iterator[asyncio.AbstractEventLoop]:
    """Give an event loop that runs in a thread until the block ends."""
    loop = make()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        try:
            asyncio.run_coroutine_threadsafe(_finish(), loop).result(60)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(60)
            _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop that has nothing open any more.

    uvloop warns of each connection that is still open. Where that warning is an error, it
    leaves the connection open, and waits for it without end.
    """
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        loop.close()
    open_still = [str(one.message) for one in left if issubclass(one.category, ResourceWarning)]
    assert not open_still, open_still


_TURNS = 20
"""So many turns a loop has at its end: what is closed in one is gone some turns later."""


async def _finish() -> None:
    """End every task, also those that a task's end began, and let what is closed go."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def closed(servers: list[asyncio.Server], made: Sequence[Provider]) -> None:
    """Take no new connections, and end those that are open."""
    for server in servers:
        server.close()
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    for one in made:
        one.close()


P = TypeVar("P", bound=Provider)


@contextmanager
def providers(*names: str) -> Iterator[list[Provider]]:
    """Run fake providers."""
    with listening([Provider(name) for name in names]) as made:
        yield made


@contextmanager
def listening(made: list[P]) -> Iterator[list[P]]:
    """Let providers be asked, each at a port of its own."""
    with in_thread() as loop:
        servers = []
        for one in made:
            start = asyncio.start_server(one.connected, "127.0.0.1", 0, limit=1 << 24)
            server = asyncio.run_coroutine_threadsafe(start, loop).result(60)
            one.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(closed(servers, made), loop).result(60)
