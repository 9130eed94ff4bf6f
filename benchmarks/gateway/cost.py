"""What a request costs in the gateway's own code: no socket, no other process, so that little noise gets in.

    python benchmarks/gateway/cost.py [--rounds 30] [--connections 64] [--bare] [--profile]
    python benchmarks/gateway/cost.py --large            # bodies of 400 kB, each shape of shapes.py

Everything is on as in run.py: 300 rules, keys with a quota, signals, the decision log, metrics. Client and
provider are two objects that stand where the transports would. The smallest round counts: what other
programs on the machine do only makes rounds longer. Under valgrind, --instructions marks the rounds off:

    valgrind --tool=callgrind --instr-atstart=no python benchmarks/gateway/cost.py --instructions
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import itertools
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import uvloop
from bare import NoLog, bare
from run import PATH, config
from shapes import shapes

from reliant import atlas
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.clock import Clock
from reliant.gateway.config import Limits
from reliant.gateway.http.connection import Connection, Listening
from reliant.gateway.http.listen import keep_freed
from reliant.gateway.upstream.client import Exchange
from reliant.gateway.upstream.pool import Pool
from reliant.gateway.worker import Settings, Worker, load

QUESTION = json.dumps(
    {
        "model": "mock-model",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Explain how a dependency on foreign models is measured. " * 16},
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    }
).encode()
HEAD = (
    b"POST %b HTTP/1.1\r\nhost: 127.0.0.1:8089\r\nauthorization: Bearer sk-test\r\n"
    b"content-type: application/json\r\naccept: application/json\r\nuser-agent: OpenAI/Python 3.54.0\r\n"
    b"content-length: %d\r\n\r\n"
)
PIECE = 131_072
"""So much of a large request comes at once, about."""
ANSWER = json.dumps(
    {
        "id": "chatcmpl-mock0000000000000000000000001",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "mock-model-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "A short and useful answer. " * 6,
                    "refusal": None,
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 19, "completion_tokens": 26, "total_tokens": 45},
    }
).encode()
REPLY = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: req_mock%b\r\n"
    b"openai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\n\r\n"
)


class Wire(asyncio.Transport):
    """Stands where a transport would; what is written goes to `write`."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8_089)})
        self.write = write  # type: ignore[method-assign,assignment]

    def writelines(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.write(piece)

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def abort(self) -> None:
        pass

    close = abort


class Provider:
    """Answers every request whole in the next turn of the loop, as a socket would."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asked = 0
        self.size = 0

    def connect(self) -> Exchange:
        exchange = Exchange(self._pool)
        loop = asyncio.get_running_loop()
        got = 0

        def write(data: bytes) -> None:
            nonlocal got
            got += len(data)
            if got >= self.size:
                got = 0
                self._asked += 1
                reply = REPLY % (len(ANSWER), b"%d" % self._asked) + ANSWER
                loop.call_soon(exchange.data_received, reply)

        exchange.connection_made(Wire(write))
        self._pool._all.add(exchange)
        return exchange


class Caller:
    """Asks, and asks again when the answer is here."""

    def __init__(self, state: Listening, round_: Round) -> None:
        self._connection = Connection(state)
        self._round = round_
        self._connection.connection_made(Wire(self.answered))
        self.pieces: list[bytes] = []

    def ask(self) -> None:
        first, *others = self.pieces
        for piece in others:
            asyncio.get_running_loop().call_soon(self._connection.data_received, piece)
        self._connection.data_received(first)

    def answered(self, data: bytes) -> None:
        assert data.startswith(b"HTTP/1.1 200"), data
        self._round.one_more(self)


class Round:
    """So many requests."""

    def __init__(self) -> None:
        self._left = self._open = 0
        self.over: asyncio.Future[None]

    async def run(self, callers: list[Caller], count: int) -> None:
        loop = asyncio.get_running_loop()
        self._left, self._open = count - len(callers), count
        self.over = loop.create_future()
        for caller in callers:
            loop.call_soon(caller.ask)
        await self.over

    def one_more(self, caller: Caller) -> None:
        self._open -= 1
        if self._left > 0:
            self._left -= 1
            asyncio.get_running_loop().call_soon(caller.ask)
        elif self._open == 0:
            self.over.set_result(None)


async def measure(given: argparse.Namespace, folder: Path) -> None:
    # Under valgrind a second has few requests, and what is kept for a second would count too much.
    wall = itertools.repeat(time.time()).__next__ if given.instructions else time.time
    clock = Clock(wall=wall, steady=time.monotonic)
    if given.bare:
        pool = Pool("127.0.0.1", 9, tls=None, connect_s=5, limit=1_000)
        state = Listening(Limits(), bare(pool), NoLog())  # type: ignore[arg-type]
    else:
        path = folder / "gateway.toml"
        path.write_text(config(8_089, "http://127.0.0.1:9/v1", folder / "audit").replace("CA\n", "\n"))
        settings = Settings(path, os.environ, folder, clock, print)
        knowledge = Knowledge(atlas.load())
        parsed = load(settings, knowledge)
        worker = Worker(settings, parsed, knowledge, 0)
        await worker.start()
        pool = worker.runtime.targets["provider"].pool
        state = Listening(parsed.limits, worker.gateway.serve, worker.chain)
    state.date = b"date: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
    provider = Provider(pool)
    for _ in range(given.connections):
        pool.idle.append((pool.now(), provider.connect()))
    round_ = Round()
    callers = [Caller(state, round_) for _ in range(given.connections)]
    bodies = {f"{name:18}": body for name, body in shapes().items()} if given.large else {"": QUESTION}

    def ask(body: bytes) -> None:
        provider.size = len(body)
        request = HEAD % (PATH.encode(), len(body)) + body
        for caller in callers:
            caller.pieces = [request[at : at + PIECE] for at in range(0, len(request), PIECE)]

    ask(next(iter(bodies.values())))
    keep_freed()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await round_.run(callers, 100 if given.large else 1_000)
    if given.instructions:
        subprocess.run(["callgrind_control", "-i", "on", str(os.getpid())], check=True, capture_output=True)
    profile = cProfile.Profile() if given.profile else None
    if profile:
        profile.enable()
    for name, body in bodies.items():
        ask(body)
        took = []
        for _ in range(given.rounds):
            began = time.process_time()
            await round_.run(callers, given.requests)
            took.append((time.process_time() - began) / given.requests * 1e6)
        took.sort()
        print(f"{name}{took[0]:.1f} us a request at best, {took[len(took) // 2]:.1f} in the median round")
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(70)
    if given.instructions:
        subprocess.run(["callgrind_control", "-i", "off", str(os.getpid())], check=True, capture_output=True)
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--large", action="store_true")
    given = parser.parse_args()
    if given.large:
        given.rounds, given.requests, given.connections = 8, 40, 4
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(given, Path(folder)))


if __name__ == "__main__":
    main()
