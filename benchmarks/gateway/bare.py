"""A proxy of the gateway's own connection and client, and nothing else: what the parts cost by themselves.

python bare.py PORT UPSTREAM_PORT
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import time

import uvloop

from reliant.gateway.clock import Clock
from reliant.gateway.config import Limits, Listen
from reliant.gateway.http.call import Call
from reliant.gateway.http.connection import Listening, Serve
from reliant.gateway.http.listen import Server
from reliant.gateway.upstream.pool import Pool

_OWN = frozenset({b"host", b"connection"})
_FRAMING = frozenset({b"content-length", b"connection", b"transfer-encoding", b"date"})


class NoLog:
    """Stands where the decision log would: nothing is written."""

    pending = False

    def after(self, send, data, failed) -> None:
        send(data)

    def flush(self) -> None:
        pass


def bare(pool: Pool) -> Serve:
    """Return what passes every request on to one provider."""

    async def serve(call: Call) -> None:
        call.head.known = True
        lines = b"".join([b"%b: %b\r\n" % pair for pair in call.headers if pair[0] not in _OWN])
        body = call.body if call.whole else await call.gathered() or b""
        head = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n%b\r\n"
        head %= (call.raw_path, len(body), lines)
        exchange = await pool.request(head, body, timeout_s=30, idle_s=30)
        headers = [pair for pair in exchange.headers if pair[0] not in _FRAMING]
        if exchange.kind.startswith(b"text/event-stream"):
            await call.send({"type": "http.response.start", "status": exchange.status, "headers": headers})
            data = exchange.taken()
            while data:
                await call.send({"type": "http.response.body", "body": data, "more_body": True})
                data = await exchange.more()
            await call.send({"type": "http.response.body", "body": b""})
            exchange.release()
            return
        answer, status = await exchange.rest(1 << 24), exchange.status
        exchange.release()
        call.answer(status, headers, answer)

    return serve


async def main(port: int, upstream: int) -> None:
    pool = Pool("127.0.0.1", upstream, tls=None, connect_s=5, limit=1_000)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        clock = Clock(wall=time.time, steady=time.monotonic)
        limits = Limits(body_bytes=1 << 24)
        server = Server(Listening(limits, bare(pool), NoLog()), clock, Listen(), 1.0)  # type: ignore[arg-type]
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.exit)
        await server.serve(sock)


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
