"""A fast fake provider in Python: JSON, event streams, TLS. Loopback only, stops when it is told to.

python provider.py PORT [--tls CERT KEY] [--chunks 100] [--gap-ms 0]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl

import httptools
import uvloop

CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"m",'
    b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
)
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * 60, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 19, "completion_tokens": 26, "total_tokens": 45},
    }
).encode()
JSON = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
)
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider(asyncio.Protocol):
    chunks = 100
    gap_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self.body)
        self.body.clear()
        if b'"stream": true' in body or b'"stream":true' in body:
            asyncio.get_running_loop().create_task(self.stream())
        else:
            self.transport.write(JSON)  # type: ignore[attr-defined]

    async def stream(self) -> None:
        write = self.transport.write  # type: ignore[attr-defined]
        write(SSE)
        for _ in range(self.chunks):
            if self.transport.is_closing():
                return
            write(framed(CHUNK))
            if self.gap_s:
                await asyncio.sleep(self.gap_s)
        write(framed(LAST) + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--chunks", type=int, default=100)
    parser.add_argument("--gap-ms", type=float, default=0.0)
    given = parser.parse_args()
    Provider.chunks, Provider.gap_s = given.chunks, given.gap_ms / 1_000
    context = None
    if given.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*given.tls)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", given.port, ssl=context, backlog=4_096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
