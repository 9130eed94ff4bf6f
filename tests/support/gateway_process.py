"""`reliant gateway serve` as a process of its own, that never outlives its test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from support.gateway_rig import PATIENCE_S, get, until

_SERVING = re.compile(r"serving on https?://\S+:(\d+)\b.*\n")


@dataclass
class Served:
    """A gateway that was started by the command."""

    process: subprocess.Popen[bytes]
    errors: Path
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return self.errors.read_text()

    def answers(self) -> bool:
        try:
            return get(f"{self.url}/health").status_code == 200
        except httpx.HTTPError:
            assert self.process.poll() is None, self.said()
            return False

    def wait(self) -> int:
        """Return the exit code once it has ended."""
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill it and all its workers, as a machine does that loses its power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; return the exit code."""
        self.process.terminate()
        return self.wait()


@contextmanager
def served(folder: Path, *, ready: bool = True) -> Iterator[Served]:
    """Run the gateway of `folder`/gateway.toml, on its port or a free one (0), until the block ends."""
    errors = folder / "errors.txt"
    command = [sys.executable, "-m", "reliant", "gateway", "serve", "--config", str(folder / "gateway.toml")]
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    with errors.open("wb") as said:
        process = subprocess.Popen(command, env=env, stderr=said, start_new_session=True)
    made = Served(process, errors)
    try:
        until(lambda: _SERVING.search(made.said()) or process.poll() is not None, "the gateway starts")
        # It may have ended since: a test may be about why.
        began = _SERVING.search(made.said())
        assert began is not None, made.said()
        made.port = int(began[1])
        if ready:
            until(made.answers, "the gateway answers")
        yield made
    finally:
        # The session holds the workers as well, also those whose watcher is gone.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
