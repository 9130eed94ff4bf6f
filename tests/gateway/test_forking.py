"""Several workers, and the small program that watches them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from reliant.cli._gateway_serve import serve
from reliant.errors import UsageError
from support.gateway_process import Served, served
from support.gateway_provider import Provider, providers
from support.gateway_rig import config, post, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="it looks into /proc")

SERVING = re.compile(r":(\d+) with 2 workers.*\n")


def two_workers(mock: Provider, folder: Path) -> Path:
    """Write the configuration of two workers into `folder`; return its file."""
    file = folder / "gateway.toml"
    file.write_text(config(mock, more="[listen]\nport = 0\nworkers = 2\n"))
    return file


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def asked(running: Served) -> int:
    body = {"model": "gpt-4o", "messages": []}
    headers = {"authorization": "Bearer sk-test"}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers).status_code


def resident_kb(pid: int) -> int:
    found = re.search(r"^Rss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def replaced(running: Served) -> list[int]:
    """Kill a worker, and return both as soon as another process has its place."""
    before = children(running.process.pid)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(children(running.process.pid)) - {before[0]}) == 2, "another takes its place")
    return children(running.process.pid)


def test_what_watches_takes_little_memory(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        two_workers(mock, tmp_path)
        with served(tmp_path) as running:
            pid = running.process.pid
            until(lambda: b"supervise" in Path(f"/proc/{pid}/cmdline").read_bytes(), "it only watches")
            watcher = resident_kb(pid)
            workers = [resident_kb(worker) for worker in children(pid)]

    assert len(workers) == 2
    assert watcher < min(workers) / 2


def test_a_worker_that_is_replaced_while_the_file_is_wrong_goes_on_as_the_gateway_began(
    tmp_path: Path,
) -> None:
    with providers("mock") as (mock,):
        file = two_workers(mock, tmp_path)
        with served(tmp_path) as running:
            until(lambda: len(children(running.process.pid)) == 2)
            file.write_text("nonsense = ")
            for old in children(running.process.pid):
                os.kill(old, signal.SIGKILL)
            until(lambda: running.said().count("stays in force") == 2, "both are replaced")
            status = asked(running)
            ended = running.stop()
            said = running.said()

    assert (status, ended) == (200, 0), said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_reaches_a_worker_that_is_just_being_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    with providers("mock") as (mock,):
        two_workers(mock, tmp_path)
        with served(tmp_path) as running:
            until(lambda: len(children(running.process.pid)) == 2)
            replaced(running)
            os.kill(running.process.pid, number)
            ended = running.wait()
            said = running.said()

    assert ended == 0, said
    assert said.splitlines()[1:] == ["worker 0 ended with -9; starting it anew"]


def test_where_no_other_program_can_be_begun_the_one_that_loaded_all_watches(tmp_path: Path) -> None:
    lost = "import sys; sys.executable = ''; from reliant.cli.main import main; main()"
    with providers("mock") as (mock,):
        file = two_workers(mock, tmp_path)
        command = [sys.executable, "-c", lost, "gateway", "serve", "--config", str(file)]
        env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        errors = tmp_path / "errors.txt"
        with errors.open("wb") as said:
            process = subprocess.Popen(command, env=env, stderr=said, start_new_session=True)
        running = Served(process, errors)
        try:
            until(lambda: SERVING.search(running.said()) or process.poll() is not None, "it starts")
            began = SERVING.search(running.said())
            assert began is not None, running.said()
            running.port = int(began[1])
            until(running.answers)
            ended = running.stop()
        finally:
            with suppress(ProcessLookupError):
                running.kill()

    assert ended == 0, running.said()


@pytest.mark.parametrize("words", ["nonsense", "1,2,3,4,5,6", "900,901,902,0"])
def test_nobody_else_starts_a_worker(tmp_path: Path, words: str) -> None:
    with providers("mock") as (mock,):
        file = two_workers(mock, tmp_path)

    done = CliRunner().invoke(serve, ["--config", str(file), "--worker", words])

    assert isinstance(done.exception, UsageError)
