"""What is left of the log after kill -9 and after a loss of power, at every moment of a gateway's work.

A real gateway is watched from outside while it answers: every write, every sync, every
byte to a caller. Then each moment is taken as the last one.
"""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from reliant.gateway.audit.folder import PUBLIC_KEY, WRITER, open_chain
from reliant.gateway.audit.verify import verify
from reliant.gateway.clock import Clock
from reliant.gateway.config import Audit, Config
from support.gateway_disk import Disk, calls, under_strace
from support.gateway_log import problems, written
from support.gateway_process import Served
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, config, post, until

KEY = {"authorization": "Bearer sk-test"}


class Watched(NamedTuple):
    """A gateway's work, as the kernel saw it, and where its files were."""

    trace: Path
    folder: Path


def watched(folder: Path, durability: str) -> Watched:
    """Let a gateway answer some requests at once, some in parts, and end it without a word."""
    state = folder / "log"
    state.mkdir()
    audit = f'[audit]\npath = "{state / "audit"}"\ndurability = "{durability}"\ncheckpoint_records = 7\n'
    with providers("mock") as (mock,):
        file, errors = folder / "gateway.toml", folder / "errors.txt"
        file.write_text(config(mock, more=f"[listen]\nport = 0\n{audit}"))
        serve = [sys.executable, "-m", "reliant", "gateway", "serve", "--config", str(file)]
        env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
        with errors.open("wb") as said:
            process = subprocess.Popen(
                [*under_strace(folder / "trace"), *serve], env=env, stderr=said, start_new_session=True
            )
        running = Served(process, errors)
        try:
            until(lambda: "serving on" in running.said() and running.said().endswith("\n"))
            running.port = int(running.said().partition("127.0.0.1:")[2].partition(",")[0])
            until(running.answers)

            def ask(number: int) -> None:
                body = {"model": "gpt-4o", "messages": [], "stream": number % 2 == 0}
                assert post(f"{running.url}/v1/chat/completions", json=body, headers=KEY).status_code == 200

            for number in range(6):
                ask(number)
            together = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
            for thread in together:
                thread.start()
            for thread in together:
                thread.join()
            # Who watches writes down the rest of what it saw once the watched one is gone.
            (gateway,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(gateway), signal.SIGKILL)
            process.wait(PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Watched(folder / "trace", state)


@pytest.fixture(scope="module")
def work_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Watched]:
    """Return a function that gives the work of a gateway with a durability, done once."""
    return functools.cache(lambda durability: watched(tmp_path_factory.mktemp(durability), durability))


def put_back(left: dict[str, bytes], work: Watched, place: Path) -> Path:
    """Write what is left into another folder; return its log."""
    for name, data in left.items():
        file = place / Path(name).relative_to(work.folder)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return place / "audit"


def started_again(folder: Path) -> None:
    """Go on with a log as a gateway does that starts, and end."""
    writer = open_chain(
        folder,
        0,
        Config(audit=Audit(path=str(folder))),
        host="host",
        clock=Clock(wall=lambda: 2e9, steady=lambda: 0.0),
        config_digest="",
        atlas_version="",
        version="",
    )
    writer.begin()
    writer.close()


def records(folder: Path) -> list[dict[str, object]]:
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
    return [json.loads(line)["r"] for line in lines]


def ids(folder: Path, kind: str) -> set[object]:
    return {one["id"] for one in records(folder) if one["kind"] == kind}


def sound(folder: Path) -> list[str]:
    public = bytes.fromhex((folder / PUBLIC_KEY).read_text().split()[0])
    return [str(one) for one in verify(folder, [public]).problems]


def test_after_kill_9_at_any_moment_what_was_answered_is_in_the_log(
    tmp_path: Path, work_with: Callable[[str], Watched]
) -> None:
    work = work_with("process")
    disk, moments = Disk(str(work.folder)), 0
    for call in calls(work.trace):
        before = len(disk.answered)
        disk.do(call)
        if len(disk.answered) > before:
            folder = put_back(disk.all(), work, tmp_path / f"left-{moments}")
            started_again(folder)
            assert disk.answered <= ids(folder, "decision")
            assert sound(folder) == []
            moments += 1

    assert moments >= 10
    assert len(disk.answered) >= 14


@pytest.mark.parametrize("durability", ["disk", "process"])
def test_after_a_loss_of_power_at_any_moment_the_log_is_sound_and_has_what_is_promised(
    tmp_path: Path, work_with: Callable[[str], Watched], durability: str
) -> None:
    work = work_with(durability)
    chance = random.Random(durability)
    disk, moments, less = Disk(str(work.folder)), 0, 0
    for call in calls(work.trace):
        if not disk.do(call) or not any(name.endswith(".jsonl") for name in disk.names):
            continue
        for _ in range(2):
            folder = put_back(disk.left(chance), work, tmp_path / f"left-{moments}")
            moments += 1
            started_again(folder)
            there = ids(folder, "decision")
            assert sound(folder) == [], f"call {call}"
            less += not disk.answered <= there
            if durability == "disk":
                assert disk.answered <= there, f"call {call}"

    assert moments > 60
    # The check can fail: where nobody waits for the disk, something is missing at times.
    assert (less > 0) == (durability == "process")


def test_what_never_reached_the_disk_ends_the_log_also_where_more_follows_it(tmp_path: Path) -> None:
    written(tmp_path, 40)
    (file,) = tmp_path.glob("*.jsonl")
    (tmp_path / "n-0.head").unlink()
    data = bytearray(file.read_bytes())
    data[4_096:4_608] = bytes(512)
    file.write_bytes(data)

    assert problems(tmp_path) != []
    written(tmp_path, 3)

    assert problems(tmp_path) == []
    opened = [one for one in records(tmp_path) if one["kind"] == "opening"]
    assert opened[-1]["cut_bytes"] == len(data) - data.rindex(b"\n", 0, 4_096) - 1


def test_a_changed_record_at_the_end_is_not_cut_off_as_if_the_power_had_gone(tmp_path: Path) -> None:
    written(tmp_path, 12)
    (file,) = tmp_path.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if b'"change"' in line][-1]
    lines[at] = lines[at].replace(b'"test"', b'"TEST"')
    file.write_bytes(b"".join(lines))

    written(tmp_path, 3)

    assert "does not follow" in problems(tmp_path)[0]


def test_a_line_that_a_gateway_is_just_writing_is_no_fault(tmp_path: Path) -> None:
    from reliant.gateway.audit.holding import hold

    written(tmp_path, 5)
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as half:
        half.write(b'{"h":"00')
    (before,) = problems(tmp_path)
    held = hold(tmp_path, "n-0")
    assert held is not None
    meanwhile = problems(tmp_path)
    os.close(held)

    assert "cut off in the middle" in before
    assert meanwhile == []


def test_a_writers_name_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    started_again(tmp_path / "audit")

    assert (tmp_path / "audit" / WRITER).read_text().startswith("host-")
    assert [file.name for file in (tmp_path / "audit").iterdir() if file.name == f".{WRITER}"] == []
