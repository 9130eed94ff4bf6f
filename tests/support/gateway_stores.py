"""PostgreSQL and Redis as servers of their own, from the system's packages, that never outlive their test."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.gateway_rig import PATIENCE_S, until


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
            self._process = subprocess.Popen(
                self._command,
                user=self._user,
                cwd="/",
                start_new_session=True,
                **quiet,  # type: ignore[call-overload]
            )
        return bool(self._ready()) and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stop all its processes where they are; nothing it was asked is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            for pid in _family(self._process.pid):
                os.kill(pid, number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(PATIENCE_S)
            finally:
                self.kill()


def _family(pid: int) -> list[int]:
    """Return a process and all it has begun; PostgreSQL's are no group."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def postgres_binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return path


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server, and where it is."""

    server: Server
    port: int
    folder: Path

    def url(self, database: str, user: str = "reliant") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str) -> str:
        """Make a database of this name's own; return its address."""
        made = f"test_{zlib.crc32(name.encode())}"
        host = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "reliant"]
        command = [postgres_binary("createdb"), *host, "-T", "template0", made]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
        return self.url(made)

    def lock_out(self, user: str) -> None:
        """Have a user who needs a password that nobody here knows."""
        rules = self.folder / "data" / "pg_hba.conf"
        rule = f"host all {user} 127.0.0.1/32 scram-sha-256\n"
        if rule not in rules.read_text():
            rules.write_text(rule + rules.read_text())
            url = self.url("postgres")
            self.sql(url, f"create role {user} login password 'one that nobody knows'")
            self.sql(url, "select pg_reload_conf()")

    def sql(self, url: str, text: str) -> str:
        """Run commands in a database; return what they say."""
        command = [postgres_binary("psql"), url, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text]
        env = {**os.environ, "PGOPTIONS": "-c default_transaction_read_only=off"}
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=env, timeout=PATIENCE_S
        )
        return done.stdout


@contextmanager
def postgres_cluster() -> Iterator[Cluster]:
    """Run a PostgreSQL server."""
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
        subprocess.run(initdb, user=user, cwd="/", check=True, capture_output=True, timeout=PATIENCE_S)
        command = [postgres_binary("postgres"), "-D", data, "-p", str(port), "-k", str(folder)]
        # It is killed, not the machine: what it wrote is there without waiting for the disk.
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        asked = [postgres_binary("pg_isready"), "-q", "-h", str(folder), "-p", str(port)]

        def ready() -> bool:
            return subprocess.run(asked, check=False, timeout=PATIENCE_S).returncode == 0

        server = Server(command, ready, user)
        try:
            server.start()
            yield Cluster(server, port, folder)
        finally:
            server.stop()


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


def tell_redis(url: str, commands: str) -> None:
    """Send commands, and return once they are done."""
    _, _, address = url.partition("//")
    host, _, port = address.partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as sock:
        sock.sendall(commands.encode() + b"\r\n")
        until(lambda: b"\r\n" in sock.recv(4_096))
