# ruff: noqa: SIM117 - what is served stands around what is asked
"""The decision log: what it shows, what it cannot hide, and what survives a kill."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.cli.gateway import gateway as command
from reliant.errors import UsageError
from reliant.gateway.audit.export import export_lines
from reliant.gateway.audit.heads import public_bytes
from reliant.gateway.audit.records import Change
from reliant.gateway.audit.redact import redact
from reliant.gateway.audit.verify import public_keys_of, verify
from reliant.gateway.audit.writer import ChainWriter
from support.gateway_log import SIGNER, opening, problems, written
from support.gateway_process import served
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, config, gateway, get, post, until

KEY = {"authorization": "Bearer sk-test"}


def test_a_log_as_written_is_sound(tmp_path: Path) -> None:
    written(tmp_path)

    assert problems(tmp_path) == []


def test_a_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path)

    report = verify(tmp_path, public_keys_of(tmp_path))

    assert report.sound
    assert report.chains[0].records == 2 * (1 + 12) + report.chains[0].checkpoints


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    written(folder)
    return folder


@settings(max_examples=150)
@given(st.data())
def test_any_changed_byte_is_found(sample: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(one.name for one in sample.iterdir())))
    original = (sample / name).read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != original[at]))
    if name.endswith(".txt") and chr(byte).lower() == chr(original[at]).lower():
        return  # the public key in other letters is the same key
    if name.endswith(".txt") and at == len(original) - 1 and chr(byte).isspace():
        return
    (sample / name).write_bytes(original[:at] + bytes([byte]) + original[at + 1 :])
    try:
        found = problems(sample)
    except Exception as error:
        found = [str(error)]
    finally:
        (sample / name).write_bytes(original)

    assert found


@settings(max_examples=60)
@given(st.data())
def test_a_record_left_out_moved_or_put_twice_is_found_where_it_is(sample: Path, data: st.DataObject) -> None:
    (file,) = sample.glob("*.jsonl")
    original = file.read_bytes()
    lines = original.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    what = data.draw(st.sampled_from(["drop", "swap", "double"]))
    changed = list(lines)
    if what == "drop":
        del changed[at]
    elif what == "double":
        changed.insert(at, lines[at])
    else:
        other = data.draw(st.integers(0, len(lines) - 1).filter(lambda value: value != at))
        changed[at], changed[other] = changed[other], changed[at]
        at = min(at, other)
    file.write_bytes(b"".join(changed))
    try:
        found = problems(sample)
    finally:
        file.write_bytes(original)

    assert found
    last_dropped = what == "drop" and at == len(lines) - 1
    assert ("cut off" in found[0]) if last_dropped else (f":{at + 1 + (what == 'double')}:" in found[0])


def test_cutting_off_the_end_is_found_by_the_published_head(tmp_path: Path) -> None:
    written(tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]))

    assert "its end was cut off" in problems(tmp_path)[0]


def test_a_segment_that_was_begun_and_never_written_is_gone_on_with(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "n-0-00002.jsonl").touch()
    written(tmp_path)

    assert problems(tmp_path) == []
    assert (tmp_path / "n-0-00002.jsonl").stat().st_size > 0


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    written(tmp_path, 60, segment=2_000)
    segments = sorted(tmp_path.glob("*.jsonl"))
    assert len(segments) > 3
    segments[1].unlink()

    assert "segment 2 of the chain is missing" in problems(tmp_path)[0]


def test_one_worker_vouches_for_the_others(tmp_path: Path) -> None:
    from reliant.gateway.audit.heads import other_heads

    written(tmp_path, chain="n-0")
    writer = ChainWriter(tmp_path, "n-1", SIGNER, now=lambda: 1.0, opening=opening("n-1"))  # type: ignore[arg-type]
    writer.others = lambda: other_heads(tmp_path, "n-1")
    writer.close()
    assert problems(tmp_path) == []
    (tmp_path / "n-0.head").unlink()
    file = tmp_path / "n-0-00001.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:4]))

    assert any("saw record" in one for one in problems(tmp_path))


def test_a_log_signed_with_another_key_is_not_sound(tmp_path: Path) -> None:
    written(tmp_path)
    other = tmp_path / "audit-public-key.txt"
    other.write_text(public_bytes(Ed25519PrivateKey.generate()).hex())

    assert "is not signed by the key" in problems(tmp_path)[0]


def test_a_half_written_line_is_cut_and_said_so(tmp_path: Path) -> None:
    written(tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"h":"00')
    written(tmp_path, 1)

    assert problems(tmp_path) == []
    assert any('"cut_bytes":8' in line for line in export_lines(tmp_path))


def test_the_command_exits_0_for_a_sound_log_and_1_naming_the_record(tmp_path: Path) -> None:
    written(tmp_path)
    good = CliRunner().invoke(command, ["audit", "verify", str(tmp_path)])
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"change 7", b"change 8"))
    bad = CliRunner().invoke(command, ["audit", "verify", str(tmp_path)])

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "sound" in good.output
    assert "n-0-00001.jsonl:10: record 9:" in bad.output


def test_a_kept_prompt_can_be_erased_and_the_chain_stays_valid(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more='[audit]\nprompts = "keep"\n')) as running:
            body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "my secret plan"}]}
            answer = post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
            folder = running.audit
    assert any("my secret plan" in line for line in export_lines(folder))

    erased = redact(folder, frozenset([answer.headers["x-reliant-request-id"]]))
    report = verify(folder, public_keys_of(folder))

    assert erased == 1
    assert report.sound
    assert report.chains[0].erased == 1
    assert not any("my secret plan" in line for line in export_lines(folder))


def test_a_forged_prompt_does_not_fit_its_seal(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more='[audit]\nprompts = "keep"\n')) as running:
            body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "plan A"}]}
            post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
            folder = running.audit
    (file,) = folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"plan A", b"plan B"))

    assert "not the one it was sealed with" in problems(folder)[0]


def test_prompts_are_not_kept_unless_asked_for(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "my secret plan"}]}
        post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
    text = "".join(export_lines(running.audit))

    assert "decision" in text
    assert "my secret plan" not in text


def test_a_log_that_cannot_be_written_stops_the_serving(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        running.worker.chain.fd = os.open(tmp_path / "gateway.toml", os.O_RDONLY)
        body = {"model": "gpt-4o", "messages": []}
        answer = post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
        health = get(f"{running.url}/health")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "reliant_log_unavailable")
    assert health.status_code == 503
    assert mock.seen == []


def gathering(folder: Path, act: Callable[[ChainWriter], None]) -> None:
    """Do something with a writer that writes once a turn of the event loop."""

    async def run() -> None:
        writer = ChainWriter(folder, "n-0", SIGNER, now=lambda: 1.0, opening=opening("n-0"))  # type: ignore[arg-type]
        writer.gather(asyncio.get_running_loop())
        act(writer)
        await asyncio.sleep(0)  # one turn
        await asyncio.sleep(0)
        writer.close()

    asyncio.run(run())


def test_bytes_that_follow_from_records_go_out_in_order_once_those_are_written(tmp_path: Path) -> None:
    sent: list[tuple[bytes, int]] = []

    def send(data: bytes) -> None:
        sent.append((data, (tmp_path / "n-0-00001.jsonl").read_bytes().count(b"\n")))

    def act(writer: ChainWriter) -> None:
        for name in (b"first", b"second"):
            number, moment = writer.take()
            writer.append(Change(n=number, t=moment, what=name.decode(), by="test"))
            writer.after(send, name, pytest.fail)
        assert sent == [], "nothing goes out before its record"

    gathering(tmp_path, act)

    assert sent == [(b"first", 3), (b"second", 3)]


def test_bytes_whose_record_cannot_be_written_never_go_out(tmp_path: Path) -> None:
    failed: list[OSError] = []

    def act(writer: ChainWriter) -> None:
        os.close(writer.fd)
        writer.fd = os.open(tmp_path / "n-0-00001.jsonl", os.O_RDONLY)
        number, moment = writer.take()
        writer.append(Change(n=number, t=moment, what="lost", by="test"))
        writer.after(pytest.fail, b"x", failed.append)  # type: ignore[arg-type]

    gathering(tmp_path, act)

    assert len(failed) == 1


def test_a_connection_that_is_gone_does_not_keep_the_others_from_their_answers(tmp_path: Path) -> None:
    sent: list[bytes] = []

    def gone(_data: bytes) -> None:
        raise RuntimeError("the handler is closed")

    def act(writer: ChainWriter) -> None:
        number, moment = writer.take()
        writer.append(Change(n=number, t=moment, what="one", by="test"))
        writer.after(gone, b"x", pytest.fail)
        writer.after(sent.append, b"y", pytest.fail)

    gathering(tmp_path, act)

    assert sent == [b"y"]


def test_no_answered_request_is_missing_after_kill_9(tmp_path: Path) -> None:
    """Killed three times under load, with a quota that must not be spent twice."""
    limit, answers_each_life = 150, 8
    begun_on = dt.datetime.now(dt.UTC).date()
    ports: list[int] = [0]
    answered: list[str] = []
    refused: list[int] = []
    stop = threading.Event()

    def load() -> None:
        body = {"model": "gpt-4o", "messages": []}
        with httpx.Client(headers=KEY, timeout=PATIENCE_S) as client:
            while not stop.is_set():
                try:
                    answer = client.post(f"http://127.0.0.1:{ports[0]}/v1/chat/completions", json=body)
                except httpx.HTTPError:
                    stop.wait(0.01)
                    continue
                if answer.status_code == 200:
                    answered.append(answer.headers["x-reliant-request-id"])
                else:
                    refused.append(answer.status_code)

    with providers("mock") as (mock,):
        text = config(mock, more=f'[audit]\npath = "{tmp_path / "audit"}"\n[listen]\nport = 0\n')
        quota = f"admin = true\nquota = {{ requests_per_day = {limit} }}\n"
        (tmp_path / "gateway.toml").write_text(text.replace("admin = true\n", quota))
        threads = [threading.Thread(target=load, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for life in range(4):
                with served(tmp_path) as running:
                    ports[0], begun = running.port, len(answered)
                    until(lambda begun=begun: refused or len(answered) >= begun + answers_each_life)  # type: ignore[misc]
                    ports[0] = 0 if life < 3 else ports[0]  # somebody else may get that port
                    if life < 3:
                        running.kill()
                    else:
                        stop.set()
                        running.stop()
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    report = verify(tmp_path / "audit", public_keys_of(tmp_path / "audit"))
    lines = [json.loads(line)["record"] for line in export_lines(tmp_path / "audit")]
    decided = {one["id"] for one in lines if one["kind"] == "decision"}
    ended = {one["id"] for one in lines if one["kind"] == "outcome"}
    assert report.problems == ()
    assert len(answered) > answers_each_life
    assert set(answered) <= decided & ended
    days = (dt.datetime.now(dt.UTC).date() - begun_on).days + 1
    assert len(answered) <= limit * days


def test_a_copy_without_key_or_head_is_told_what_to_copy(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        folder = running.audit
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.glob("*.jsonl"):
        (copy / file.name).write_bytes(file.read_bytes())
    alone = CliRunner().invoke(command, ["audit", "verify", str(copy)])
    key = ["--public-key", str(folder / "audit-public-key.txt")]
    headless = CliRunner().invoke(command, ["audit", "verify", str(copy), *key])

    assert "there is no public key at" in str(alone.exception)
    assert headless.exit_code == 1
    assert "belongs to the log, copy it too" in headless.output


def test_a_redaction_that_names_nothing_is_a_mistake(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        folder = running.audit
    result = CliRunner().invoke(command, ["audit", "redact", str(folder)])

    assert isinstance(result.exception, UsageError)
    assert "--before" in result.exception.hint


def test_a_folder_without_a_log_is_an_error_with_a_hint(tmp_path: Path) -> None:
    gone = CliRunner().invoke(command, ["audit", "verify", str(tmp_path / "none")])
    empty = CliRunner().invoke(command, ["audit", "verify", str(tmp_path)])

    assert "no decision log" in str(gone.exception)
    assert "public key" in str(empty.exception)
