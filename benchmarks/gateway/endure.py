"""What the gateway must stand: kill -9 under load, a thousand slow streams, a million requests.

    python benchmarks/gateway/endure.py kill --times 50 [--workers 2] [--durability disk] [--one] [--mixed]
    python benchmarks/gateway/endure.py streams --count 1000
    python benchmarks/gateway/endure.py memory --requests 1000000

Uses the same tools as run.py. Everything goes to 127.0.0.1, is bounded, and stops by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from run import TOOLS, Target, config, memory_mb

from reliant.gateway.audit.export import export_lines
from reliant.gateway.audit.verify import public_keys_of, verify

HERE = Path(__file__).parent
PORT = 8121
LIMIT = 1_000_000_000
LIVED_S = 10.5
"""A worker that served so long is started anew within a second."""


@contextlib.contextmanager
def provider(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command)
    time.sleep(0.7)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def mock(scratch: Path) -> list[str]:
    subprocess.run(["cc", "-O2", "-o", scratch / "mock", TOOLS / "mock.c"], check=True)
    subprocess.run(["cc", "-O2", "-o", scratch / "load", TOOLS / "load.c"], check=True)
    return [str(scratch / "mock"), "9009"]


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "reliant", "gateway", "serve", "--config", str(folder / "gateway.toml")]
    env = {**os.environ, "XDG_STATE_HOME": str(folder)}
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(1_000):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", PORT), 0.2).close()
            return process
        time.sleep(0.01)
    raise RuntimeError("the gateway did not start")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


class Client(threading.Thread):
    """Asks on one connection, and remembers the id of every answer it has read whole."""

    def __init__(self, body: bytes) -> None:
        super().__init__(daemon=True)
        self.answered: list[bytes] = []
        self.stopping = False
        self._request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )

    def run(self) -> None:
        while not self.stopping:
            try:
                with socket.create_connection(("127.0.0.1", PORT), 1) as sock:
                    sock.settimeout(2)
                    while not self.stopping:
                        self._one(sock)
            except OSError:
                time.sleep(0.005)

    def _one(self, sock: socket.socket) -> None:
        sock.sendall(self._request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._some(sock)
        head, _, body = got.partition(b"\r\n\r\n")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(b":") for line in head.split(b"\r\n"))}
        if b"content-length" in fields:
            left = int(fields[b"content-length"]) - len(body)
            while left > 0:
                left -= len(self._some(sock))
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body += self._some(sock)
        if head.startswith(b"HTTP/1.1 200"):
            self.answered.append(fields[b"x-reliant-request-id"])

    def _some(self, sock: socket.socket) -> bytes:
        data = sock.recv(65_536)
        if not data:
            raise ConnectionError("closed")
        return data


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that serve: the children, or the process itself where it has none."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children] or [process.pid]


def kill_all(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_one(process: subprocess.Popen[bytes], number: int) -> None:
    """Kill one worker, and return once another has its place."""
    before = workers_of(process)
    os.kill(before[number % len(before)], signal.SIGKILL)
    end = time.monotonic() + 60
    while len(set(workers_of(process)) - {before[number % len(before)]}) < len(before):
        if time.monotonic() > end:
            raise RuntimeError("the worker was not replaced")
        time.sleep(0.02)


def bodies(*, mixed: bool) -> list[bytes]:
    """Return what each of eight clients asks: small questions, or half of them streams and 400 kB too."""
    small = (TOOLS / "body.json").read_bytes()
    if not mixed:
        return [small] * 8
    large = {**json.loads(small), "messages": [{"role": "user", "content": "word " * 80_000}]}
    return [small] * 4 + [json.dumps(large).encode()] * 2 + [(TOOLS / "body_stream.json").read_bytes()] * 2


def kill(scratch: Path, times: int, workers: int, durability: str, *, one: bool, mixed: bool) -> None:
    audit = scratch / "audit"
    quota = 150 * times
    more, top = f'durability = "{durability}"', f"workers = {workers}"
    text = config(PORT, "http://127.0.0.1:9009/v1", audit, more=more, top=top).replace("CA\n", "")
    (scratch / "gateway.toml").write_text(text.replace(str(LIMIT), str(quota)))
    clients = [Client(body) for body in bodies(mixed=mixed)]
    with provider(mock(scratch)):
        for client in clients:
            client.start()
        process = start(scratch)
        for number in range(times):
            time.sleep(0.15)
            if one:
                # One that falls too often would be started later and later.
                time.sleep(LIVED_S / workers)
                kill_one(process, number)
            else:
                kill_all(process)
                process = start(scratch)
        time.sleep(3)  # one that is stopped before it has begun signs nothing
        for client in clients:
            client.stopping = True
        for client in clients:
            client.join(5)
        stop(process)
    answered = {one.decode() for client in clients for one in client.answered}
    report = verify(audit, public_keys_of(audit))
    records = [json.loads(line)["record"] for line in export_lines(audit)]
    decided = {one["id"] for one in records if one["kind"] == "decision"}
    ended = {one["id"] for one in records if one["kind"] == "outcome"}
    allowed = sum(one["kind"] == "decision" and one["action"] != "refuse" for one in records)
    unsigned = [chain.unsigned for chain in report.chains]
    print(
        f"killed {times} times ({workers} workers, {durability}): {len(answered)} answers read, "
        f"{len(answered - (decided & ended))} of them missing from the log, {len(report.problems)} problems "
        f"in {sum(chain.records for chain in report.chains)} records of {len(report.chains)} chains, "
        f"{unsigned} unsigned; bound {quota}, let through {allowed}"
    )
    for problem in report.problems:
        print(f"  {problem}")
    sys.exit(bool(answered - (decided & ended) or report.problems or allowed > quota or any(unsigned)))


async def one_stream(body: bytes, done: list[int], first: list[float]) -> None:
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n"
    writer.write(head + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    tail = b""
    while b"[DONE]" not in tail:
        data = await asyncio.wait_for(reader.read(65_536), 60)
        if not data:
            break
        if not tail:
            first.append(time.monotonic() - began)
        tail = (tail + data)[-64:]
    done.append(b"[DONE]" in tail)
    writer.close()


async def all_streams(count: int) -> tuple[list[int], list[float]]:
    body = (TOOLS / "body_stream.json").read_bytes()
    done: list[int] = []
    first: list[float] = []
    await asyncio.gather(*(one_stream(body, done, first) for _ in range(count)))
    return done, first


def streams(scratch: Path, count: int) -> None:
    text = config(PORT, "http://127.0.0.1:9011/v1", scratch / "audit").replace(
        "CA\n", "max_connections = 2000\n"
    )
    (scratch / "gateway.toml").write_text(text)
    command = [sys.executable, str(HERE / "provider.py"), "9011", "--chunks", "50", "--gap-ms", "200"]
    with provider(command):
        process = start(scratch)
        before = memory_mb(process.pid)
        began = time.monotonic()
        done, first = asyncio.run(all_streams(count))
        took = time.monotonic() - began
        after = memory_mb(process.pid)
        stop(process)
    print(
        f"{sum(done)} of {count} streams whole, each 50 events 200 ms apart (10 s), in {took:.1f} s; "
        f"first byte {sorted(first)[len(first) // 2]:.2f} s (median), {before:.0f} to {after:.0f} MB"
    )
    sys.exit(sum(done) != count)


def memory(scratch: Path, requests: int) -> None:
    text = config(PORT, "http://127.0.0.1:9009/v1", scratch / "audit").replace("CA\n", "")
    (scratch / "gateway.toml").write_text(text)
    target = Target("gateway", PORT)
    with provider(mock(scratch)):
        process = start(scratch)
        served, seen = 0, []
        while served < requests:
            load = [str(scratch / "load"), str(target.port), "/v1/chat/completions", str(TOOLS / "body.json")]
            done = subprocess.run([*load, "-c", "64", "-d", "10", "-w", "0"], capture_output=True, check=True)
            answer = json.loads(done.stdout)
            served += answer["ok"]
            seen.append((served, memory_mb(process.pid)))
            print(f"{served} requests, {seen[-1][1]:.1f} MB, {answer['rps']:.0f}/s", file=sys.stderr)
        stop(process)
    half = seen[len(seen) // 2]
    print(
        f"{served} requests: {seen[0][1]:.1f} MB after {seen[0][0]}, {half[1]:.1f} after {half[0]}, "
        f"{seen[-1][1]:.1f} at the end"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("kill", "streams", "memory"))
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--durability", choices=("process", "disk"), default="process")
    parser.add_argument("--one", action="store_true", help="Kill one worker instead of all processes.")
    parser.add_argument("--mixed", action="store_true", help="Ask for streams and with 400 kB as well.")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=1_000_000)
    given = parser.parse_args()
    os.nice(2)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if given.what == "kill":
            kill(scratch, given.times, given.workers, given.durability, one=given.one, mixed=given.mixed)
        elif given.what == "streams":
            streams(scratch, given.count)
        else:
            memory(scratch, given.requests)


if __name__ == "__main__":
    main()
