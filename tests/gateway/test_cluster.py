"""Real PostgreSQL and Redis, started here, killed and started again under load."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from reliant.gateway.audit.verify import public_key_of, verify
from reliant.gateway.state.postgres import PostgresStore
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post, until

KEY = {"authorization": "Bearer sk-test"}


def free_port() -> int:
    """Return a port that nobody has, of those the system gives to nobody by itself.

    One of the others could be gone before the server has it: to any connection that
    is made meanwhile, also while the server is down.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(max(1_024, first - 16_000), first)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """A database server that can be killed and started again on the same data."""

    def __init__(self, command: list[str], ready: Callable[[], object], user: str | None = None) -> None:
        self._command, self._ready, self._user = command, ready, user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it serves; begun anew where what was killed still holds its data."""
        until(self._begun, "the server starts")

    def _begun(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(self._command, user=self._user, cwd="/", **quiet)  # type: ignore[call-overload]
        return bool(self._ready()) and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(PATIENCE_S)
            finally:
                self.kill()


def postgres_binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return path


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Server, int]]:
    """A PostgreSQL server, and its port."""
    user = "postgres" if os.getuid() == 0 else None
    if user is not None and user not in {one.pw_name for one in pwd.getpwall()}:
        pytest.skip("as root, PostgreSQL needs a user postgres")
    # Its socket's path must be short, and `user` must be able to come there.
    with tempfile.TemporaryDirectory(prefix="reliant-", dir="/tmp") as made:
        folder, port = Path(made), free_port()
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        initdb = [postgres_binary("initdb"), "-D", data, "-A", "trust", "-U", "reliant", "--no-sync"]
        subprocess.run(initdb, user=user, cwd="/", check=True, capture_output=True)
        command = [postgres_binary("postgres"), "-D", data, "-p", str(port), "-k", str(folder)]
        # It is killed, not the machine: what it wrote is there without waiting for the disk.
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        asked = [postgres_binary("pg_isready"), "-q", "-h", str(folder), "-p", str(port)]
        server = Server(command, lambda: subprocess.run(asked, check=False).returncode == 0, user)
        try:
            server.start()
            yield server, port
        finally:
            server.stop()


@pytest.fixture
def postgres(cluster: tuple[Server, int], request: pytest.FixtureRequest) -> tuple[Server, str]:
    """The server, and the address of a database of this test's own."""
    server, port = cluster
    name = f"test_{zlib.crc32(request.node.name.encode())}"
    host = ["-h", "127.0.0.1", "-p", str(port), "-U", "reliant"]
    made = [postgres_binary("createdb"), *host, "-T", "template0", name]
    subprocess.run(made, check=True, capture_output=True)
    return server, f"postgresql://reliant@127.0.0.1:{port}/{name}"


@contextmanager
def redis(folder: Path) -> Iterator[tuple[Server, str]]:
    binary = shutil.which("valkey-server") or shutil.which("redis-server")
    if binary is None:
        pytest.skip("neither Valkey nor Redis is installed: apt-get install redis-server")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def ready() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as asking:
                asking.sendall(b"PING\r\n")
                return asking.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    server = Server([binary, *options, "--dir", str(folder)], ready)
    try:
        server.start()
        yield server, f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()


def shared(url: str, more: str = "") -> str:
    """Counts are shared at `url`; a machine that is slow is not taken for a server that is away."""
    return f'[shared]\nurl = "{url}"\ntimeout_s = {PATIENCE_S}\n{more}'


def ask(running: Running, key: str = "sk-test", model: str = "gpt-4o") -> httpx.Response:
    body = {"model": model, "messages": []}
    headers = {"authorization": f"Bearer {key}"}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers)


def in_loop(running: Running, work: Any) -> Any:
    import asyncio

    return asyncio.run_coroutine_threadsafe(work, running.loop).result(PATIENCE_S)


def test_the_log_reaches_postgres_whole_although_it_is_killed_under_load(
    tmp_path: Path, postgres: tuple[Server, str]
) -> None:
    server, url = postgres
    with providers("mock") as (mock,):
        text = config(mock, more=f'[store]\nurl = "{url}"\n')
        with gateway(tmp_path, text) as running:
            statuses: list[int] = []
            stop = threading.Event()

            def load() -> None:
                while not stop.is_set():
                    statuses.append(ask(running).status_code)

            thread = threading.Thread(target=load, daemon=True)
            thread.start()
            try:
                until(lambda: len(statuses) > 10)
                server.kill()
                killed = len(statuses)
                until(lambda: len(statuses) > killed + 10, "it serves while the database is away")
                server.start()
                again = len(statuses)
                until(lambda: len(statuses) > again + 5)
            finally:
                stop.set()
                thread.join()
            made = post(f"{running.url}/admin/keys", json={"name": "late"}, headers=KEY)
            store = running.worker.store
            assert isinstance(store, PostgresStore)
            chain = running.worker.chain
            until(lambda: in_loop(running, store.copied(chain.chain)) >= chain.next_number - 1)
            pulled = tmp_path / "pulled"
            in_loop(running, store.fetch_log(pulled))
            works = ask(running, made.json()["secret"]).status_code
            public = public_key_of(running.audit, None)
            answered = len(running.outcomes())

    report = verify(pulled / f"{running.worker.chain.chain}-00001.jsonl", public)
    assert set(statuses) == {200}
    assert len(statuses) > 20
    assert works == 200
    assert report.problems == ()
    assert report.chains[0].outcomes >= len(statuses)
    assert answered >= len(statuses)


def test_keys_and_objects_are_common_to_nodes_on_one_postgres(
    tmp_path: Path, postgres: tuple[Server, str]
) -> None:
    _, url = postgres
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with providers("mock") as (mock,):
        text = config(mock, more=f'[store]\nurl = "{url}"\n')
        with gateway(tmp_path / "a", text) as one, gateway(tmp_path / "b", text) as other:
            made = post(f"{one.url}/admin/keys", json={"name": "common"}, headers=KEY).json()["secret"]
            headers = {"authorization": f"Bearer {made}"}
            files = {"file": ("x", b"{}"), "purpose": (None, "batch")}
            held = post(f"{one.url}/v1/files", files=files, headers=headers).json()["id"]
            until(lambda: get(f"{other.url}/v1/files/{held}", headers=headers).status_code != 401)
            found = get(f"{other.url}/v1/files/{held}", headers=headers)

    assert (found.status_code, found.json()["id"]) == (200, held)


def test_two_nodes_on_one_redis_never_exceed_a_keys_bound(tmp_path: Path) -> None:
    limit = 40
    key = f'[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = {{ requests_per_day = {limit} }}\n'
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with providers("mock") as (mock,), redis(tmp_path) as (_, url):
        text = config(mock, more=key + shared(url))
        with gateway(tmp_path / "a", text) as one, gateway(tmp_path / "b", text) as other:
            statuses = [ask(node, "sk-quota").status_code for _ in range(limit) for node in (one, other)]

    # A node may still hold a few permits when the other has none left.
    assert limit - 4 <= statuses.count(200) <= limit
    assert set(statuses) == {200, 429}


@pytest.mark.parametrize(("on_down", "expected"), [("local", 200), ("refuse", 503)])
def test_while_redis_is_away_the_chosen_behaviour_holds_and_then_counting_goes_on(
    tmp_path: Path, on_down: str, expected: int
) -> None:
    key = '[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = { requests_per_minute = 1000 }\n'
    with providers("mock") as (mock,), redis(tmp_path) as (server, url):
        text = config(mock, more=key + shared(url, f'lease = 1\non_down = "{on_down}"\n'))
        with gateway(tmp_path, text) as running:
            before = ask(running, "sk-quota").status_code
            server.kill()
            during = ask(running, "sk-quota").status_code
            unbounded = ask(running).status_code
            server.start()
            until(lambda: ask(running, "sk-quota").status_code == 200, "it counts again")

    assert (before, during) == (200, expected)
    assert unbounded == 200


def test_a_provider_cut_seen_by_one_node_is_known_to_the_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with providers("one", "other") as (first, second), redis(tmp_path) as (_, url):
        text = config(first, second, more=shared(url))
        with gateway(tmp_path / "a", text) as one, gateway(tmp_path / "b", text) as other:
            ask(one, model="fault-geo")
            # Each upstream is told of by itself: the second may be known a moment after the first.
            cut = {"one": "cut", "other": "cut"}
            until(lambda: get(f"{other.url}/health").json()["upstreams"] == cut)
            answer = ask(other)

    assert answer.json()["error"]["code"] == "no_upstream_available"
