# ruff: noqa: SIM117 - what is served stands around what is asked
"""What somebody does to a log, and what happens to it under a gateway that writes it."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.cli.gateway import gateway as command
from reliant.gateway.audit.chain import START, link, read_line, write_line
from reliant.gateway.audit.export import export_rows
from reliant.gateway.audit.heads import Head, fingerprint, public_bytes, publish
from reliant.gateway.audit.kept import read_kept
from reliant.gateway.audit.records import Change, signed_text
from reliant.gateway.audit.verify import public_keys_of, verify
from reliant.gateway.audit.writer import ChainWriter
from support.gateway_log import SIGNER, opening, problems, written
from support.gateway_process import served
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post, until

KEY = {"authorization": "Bearer sk-test"}
BODY = {"model": "gpt-4o", "messages": []}
OLD = Path(__file__).parent / "data" / "log_of_2026_11"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    written(folder, 12)
    return folder


@contextlib.contextmanager
def instead(file: Path, data: bytes) -> Iterator[None]:
    """Have other bytes in a file for a while."""
    original = file.read_bytes()
    file.write_bytes(data)
    try:
        yield
    finally:
        file.write_bytes(original)


@settings(max_examples=80)
@given(st.data())
def test_a_segment_cut_off_anywhere_is_found(sample: Path, data: st.DataObject) -> None:
    file = sample / "n-0-00001.jsonl"
    whole = file.read_bytes()
    with instead(file, whole[: data.draw(st.integers(0, len(whole) - 1))]):
        assert problems(sample)


@settings(max_examples=40)
@given(st.data())
def test_two_logs_spliced_are_found_where_they_meet(
    sample: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    other = tmp_path_factory.mktemp("other")
    written(other, 14, every=4)
    file = sample / "n-0-00001.jsonl"
    mine = file.read_bytes().splitlines(keepends=True)
    theirs = (other / file.name).read_bytes().splitlines(keepends=True)
    # The opening records of both are alike, so their histories part at the first checkpoint.
    at = data.draw(st.integers(6, min(len(mine), len(theirs)) - 1))
    with instead(file, b"".join(mine[:at] + theirs[at:])):
        assert f":{at + 1}:" in problems(sample)[0]


def signed_again(folder: Path, signer: Ed25519PrivateKey) -> None:
    """Tell another history with another key, in everything that the folder holds."""
    (file,) = folder.glob("*.jsonl")
    head, lines, last = START, [], None
    name = fingerprint(public_bytes(signer))
    for raw in file.read_bytes().splitlines(keepends=True):
        record = json.loads(read_line(raw).record)
        record = json.loads(json.dumps(record).replace("change 3", "change X"))
        if record["kind"] == "opening":
            record["public_key"] = public_bytes(signer).hex()
        if record["kind"] == "checkpoint":
            text = signed_text("n-0", record["n"], head.hex(), {})
            record |= {"head": head.hex(), "key": name, "signature": signer.sign(text).hex()}
            last = Head("n-0", record["n"], record["head"], name, record["signature"])
        body = json.dumps(record, separators=(",", ":")).encode()
        head = link(head, body)
        lines.append(write_line(head, body))
    file.write_bytes(b"".join(lines))
    assert last is not None
    publish(folder, last)
    (folder / "audit-public-key.txt").write_text(public_bytes(signer).hex() + "\n")


def test_a_log_told_anew_with_another_key_is_found_by_who_was_told_the_key_or_kept_a_head(
    tmp_path: Path,
) -> None:
    told, kept = tmp_path / "told.txt", tmp_path / "kept.json"
    folder = tmp_path / "log"
    folder.mkdir()
    written(folder)
    shutil.copy(folder / "audit-public-key.txt", told)
    shutil.copy(folder / "n-0.head", kept)
    signed_again(folder, Ed25519PrivateKey.generate())

    beside = CliRunner().invoke(command, ["audit", "verify", str(folder)])
    with_told = CliRunner().invoke(command, ["audit", "verify", str(folder), "--public-key", str(told)])
    with_kept = verify(folder, public_keys_of(folder), read_kept(kept))

    assert beside.exit_code == 0, "whoever writes log and key can write what he likes"
    assert "compare it with the one you were told" in beside.output
    assert with_told.exit_code == 1
    assert "is not signed by the key" in with_told.output
    assert "has another hash than the head kept" in str(with_kept.problems[0])


def test_the_chains_of_two_workers_are_not_exchanged(tmp_path: Path) -> None:
    for chain in ("n-0", "n-1"):
        written(tmp_path, 12, chain=chain)
    one, other = (tmp_path / f"{chain}-00001.jsonl" for chain in ("n-0", "n-1"))
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)

    assert len(problems(tmp_path)) >= 2


def test_a_key_that_was_changed_leaves_the_records_before_it_sound(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        for _ in range(2):
            with gateway(tmp_path, config(mock)) as running:
                post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
            (running.audit.parent / "audit-signing-key.txt").unlink()
    keys = public_keys_of(running.audit)

    assert len(keys) == 2
    assert verify(running.audit, keys).problems == ()
    assert verify(running.audit, keys[:1]).problems != ()


def test_a_log_of_a_version_before_is_still_sound() -> None:
    report = verify(OLD, public_keys_of(OLD))

    assert report.problems == ()
    assert [(one.chain, one.decisions, one.outcomes) for one in report.chains] == [("node-0", 5, 4)]
    assert sum(1 for _ in export_rows(OLD)) == 1 + report.chains[0].records


def test_the_table_for_auditors_has_a_row_for_every_record_and_no_formula(tmp_path: Path) -> None:
    table = tmp_path / "records.csv"
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more='[audit]\nprompts = "keep"\n')) as running:
            body = {"model": "=HYPERLINK(1)", "messages": [{"role": "user", "content": "my secret plan"}]}
            post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
    done = CliRunner().invoke(
        command, ["audit", "export", str(running.audit), "--format", "csv", "--output", str(table)]
    )
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert done.exit_code == 0, done.output
    assert [one["kind"] for one in rows] == ["opening", "decision", "outcome", "checkpoint"]
    assert rows[1]["model"] == "'=HYPERLINK(1)"
    assert rows[1]["time"].endswith("+00:00")
    assert "my secret plan" not in table.read_text()


# under a gateway that writes it
def ask(running: Running) -> httpx.Response:
    return post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)


def code(answer: httpx.Response) -> Any:
    return answer.json()["error"]["code"]


@pytest.mark.parametrize("what", ["renamed", "removed", "emptied", "written to", "folder moved"])
def test_a_segment_that_somebody_touches_stops_the_answers(tmp_path: Path, what: str) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock)) as running:
            assert ask(running).status_code == 200
            segment, folder = running.worker.chain.segment, running.audit
            whole = segment.read_bytes()
            if what == "renamed":
                segment.rename(tmp_path / "rotated.1")
            elif what == "removed":
                segment.unlink()
            elif what == "emptied":
                os.truncate(segment, 0)
            elif what == "written to":
                with segment.open("ab") as other:
                    other.write(b"x")
            else:
                folder.rename(tmp_path / "elsewhere")
            until(lambda: get(f"{running.url}/health").status_code == 503, "it is noticed")
            answer = ask(running)
            asked = len(mock.seen)
        if what == "folder moved":
            (tmp_path / "elsewhere").rename(folder)
        segment.write_bytes(whole)
        with gateway(tmp_path, config(mock)) as again:
            served_again = ask(again).status_code

    assert (answer.status_code, code(answer)) == (503, "reliant_log_unavailable")
    assert asked == len(mock.seen) - 1, "nothing went to the provider that the log does not hold"
    assert served_again == 200
    assert problems(folder) == []


def test_a_disk_that_is_full_refuses_calls_until_it_has_room_again(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more="[audit]\ncheckpoint_s = 3600.0\n")) as running:
            assert ask(running).status_code == 200
            chain = running.worker.chain
            disk = chain.disk
            until(lambda: disk.has_until >= chain.next_number - 1, "nothing more is on its way to the disk")
            kept, full = os.dup(chain.fd), os.open("/dev/full", os.O_WRONLY)
            try:
                running.do(os.dup2, full, chain.fd)
                refused = [ask(running) for _ in range(3)]
                asked = len(mock.seen)
                with chain.segment.open("ab") as torn:
                    torn.write(b'{"h":"half a li')  # what a full disk leaves
                running.do(os.dup2, kept, chain.fd)
            finally:
                os.close(kept)
                os.close(full)
            until(lambda: ask(running).status_code == 200, "it has room again")
            changes = [one for one in running.records() if one["kind"] == "change"]

    assert {(one.status_code, code(one)) for one in refused} == {(503, "reliant_log_unavailable")}
    assert asked == 1
    assert [one["what"] for one in changes] == ["the log could not be written for a time"]
    assert "No space left on device; 15 bytes of half a line" in changes[0]["detail"]
    assert problems(running.audit) == []


def test_a_new_segment_that_cannot_be_opened_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    now = [0.0]
    writer = ChainWriter(
        tmp_path,
        "n-0",
        SIGNER,
        now=lambda: now[0],
        opening=opening("n-0"),
        to_disk=False,  # type: ignore[arg-type]
    )

    def change(day: int) -> None:
        now[0] = day * 86_400.0
        number, moment = writer.take()
        writer.append(Change(n=number, t=moment, what=f"on day {day}", by="test"))
        writer.checkpoint()

    (tmp_path / "n-0-00002.jsonl").mkdir()  # as good as no room for one more file
    handle = writer.fd
    change(1)
    change(1)
    assert writer.fd == handle
    (tmp_path / "n-0-00002.jsonl").rmdir()
    change(1)
    change(1)
    writer.close()
    (tmp_path / "audit-public-key.txt").write_text(public_bytes(SIGNER).hex() + "\n")

    assert problems(tmp_path) == []
    assert (tmp_path / "n-0-00002.jsonl").stat().st_size > 0


def test_a_clock_that_is_set_back_is_in_the_log(tmp_path: Path) -> None:
    back = [0.0]
    began = time.time()

    def wall() -> float:
        return began + time.monotonic() - back[0]

    with providers("mock") as (mock,):
        text = config(mock, more="[audit]\ncheckpoint_s = 0.05\n")
        with gateway(tmp_path, text, wall=wall) as running:
            ask(running)
            back[0] = 7_200.0
            until(lambda: any(one.get("what") == "clock set back" for one in running.records()))
            ask(running)

    assert problems(running.audit) == []


def test_at_the_limit_of_open_files_nothing_is_lost_and_serving_goes_on_after_it(tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    with providers("mock") as (mock,):
        text = config(mock, more=f'[audit]\npath = "{audit}"\ncheckpoint_s = 0.05\n[listen]\nport = 0\n')
        (tmp_path / "gateway.toml").write_text(text)
        with served(tmp_path) as running, contextlib.ExitStack() as held:
            used = sum(1 for _ in Path(f"/proc/{running.process.pid}/fd").iterdir())
            _, hard = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (used + 4, hard))
            answers = []
            for _ in range(12):
                one = held.enter_context(socket.create_connection(("127.0.0.1", running.port), PATIENCE_S))
                one.settimeout(0.5)
                body = json.dumps(BODY).encode()
                head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n"
                with contextlib.suppress(OSError):
                    one.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
                    answers.append(one.recv(65_536)[:12])
            held.close()
            resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (hard, hard))

            def again() -> int:
                try:
                    return post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY).status_code
                except httpx.HTTPError:
                    return 0

            until(lambda: again() == 200, "it serves again")
            ended, said = running.stop(), running.said()

    lines = [line for file in audit.glob("*.jsonl") for line in file.read_text().splitlines()]
    records = [json.loads(line)["r"] for line in lines]
    whole = {one["id"] for one in records if one["kind"] == "outcome" and one["status"] == 200}
    assert ended == 0, said
    assert b"HTTP/1.1 200" in answers
    assert len(whole) >= answers.count(b"HTTP/1.1 200") + 1
    assert problems(audit) == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("before", [0, 3])
def test_an_answer_whose_outcome_cannot_be_written_does_not_go_out(
    tmp_path: Path, before: int, stream: bool
) -> None:
    """The disk fills while the provider thinks; `before` calls like it make it go the short way."""
    body = {"model": "slow-300", "messages": [], "stream": stream}
    with providers("mock") as (mock,):
        text = config(mock, more="[audit]\ncheckpoint_s = 3600.0\n")
        with gateway(tmp_path, text) as running, httpx.Client(headers=KEY, timeout=PATIENCE_S) as client:
            url = f"{running.url}/v1/chat/completions"
            for _ in range(before):
                assert client.post(url, json=body).status_code == 200
            chain = running.worker.chain
            kept, full = os.dup(chain.fd), os.open("/dev/full", os.O_WRONLY)
            try:
                with ThreadPoolExecutor(1) as pool:
                    asked = pool.submit(client.post, url, json=body)
                    until(lambda: len(mock.seen) == before + 1)
                    until(lambda: chain.disk.has_until >= chain.next_number - 1)
                    running.do(os.dup2, full, chain.fd)
                    error = asked.exception(PATIENCE_S)
                    answer = asked.result() if error is None else None
                running.do(os.dup2, kept, chain.fd)
            finally:
                os.close(kept)
                os.close(full)
            outcomes = running.outcomes()

    if stream:
        assert isinstance(error, httpx.HTTPError), "it is cut off rather than ended"
    else:
        assert answer is not None
        assert (answer.status_code, code(answer)) == (503, "reliant_log_unavailable")
    assert len(outcomes) == before
