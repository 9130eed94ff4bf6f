"""Both ends of a log: what was cut off, what was taken away rightly, and who may write it."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from reliant.cli.gateway import gateway as command
from reliant.errors import ConfigError, TargetError
from reliant.gateway.audit.heads import other_heads
from reliant.gateway.audit.holding import hold
from reliant.gateway.audit.kept import read_kept
from reliant.gateway.audit.records import Change
from reliant.gateway.audit.redact import redact
from reliant.gateway.audit.removal import removable, remove
from reliant.gateway.audit.verify import find_chains, public_keys_of, verify
from reliant.gateway.audit.writer import ChainWriter
from support.gateway_log import SIGNER, opening, problems, written
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, get, post, until

KEY = {"authorization": "Bearer sk-test"}
BODY = {"model": "gpt-4o", "messages": []}
DAY = 86_400.0


def cut(folder: Path, records: int) -> None:
    """Shorten the log by its last records, and the published head with it."""
    (file,) = folder.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)[:-records]
    file.write_bytes(b"".join(lines))
    signed = [json.loads(line)["r"] for line in lines if b'"kind":"checkpoint"' in line]
    (head,) = folder.glob("*.head")
    last = signed[-1]
    value = {"chain": "n-0", "n": last["n"], "hash": last["head"], "key": last["key"]}
    value |= {"signature": last["signature"], "others": {}}
    head.write_text(json.dumps(value, separators=(",", ":")) + "\n")


@pytest.mark.parametrize("records", [1, 3, 6])
def test_a_log_cut_off_with_all_it_published_is_found_by_a_head_kept_elsewhere(
    tmp_path: Path, records: int
) -> None:
    folder, kept = tmp_path / "log", tmp_path / "kept.json"
    folder.mkdir()
    written(folder, 12)
    shutil.copy(next(folder.glob("*.head")), kept)
    before = verify(folder, public_keys_of(folder), read_kept(kept))
    cut(folder, records)

    alone = verify(folder, public_keys_of(folder))
    (found,) = verify(folder, public_keys_of(folder), read_kept(kept)).problems

    assert before.sound
    assert alone.sound, "by itself no log can show this"
    assert "its end was cut off" in found.what


def test_another_history_does_not_have_the_head_that_was_kept(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    written(tmp_path / "one", 12)
    written(tmp_path / "two", 12, every=4)
    kept = read_kept(next((tmp_path / "one").glob("*.head")))

    (found,) = verify(tmp_path / "two", public_keys_of(tmp_path / "two"), kept).problems

    assert found.record == kept[0].record
    assert "has another hash than the head kept" in found.what


def test_the_head_that_is_served_can_be_kept_and_checked_with(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
        first = get(f"{running.url}/audit/head").text
        running.do(running.worker.chain.checkpoint)
        until(lambda: get(f"{running.url}/audit/head").json()["heads"], "the disk has it, so it is published")
        second = get(f"{running.url}/audit/head").json()
        kept.write_text(first + "\n" + json.dumps(second) + "\n")
        folder = running.audit
    done = CliRunner().invoke(command, ["audit", "verify", str(folder), "--head", str(kept)])
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"chain": "elsewhere-0", "record": 3, "hash": "0" * 64}))
    strange = CliRunner().invoke(command, ["audit", "verify", str(folder), "--head", str(other)])

    assert [one["chain"] for one in second["heads"]] == [second["chain"]]
    assert done.exit_code == 0, done.output
    assert strange.exit_code == 1
    assert "of a chain that is not here" in strange.output


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("nothing")

    with pytest.raises(TargetError, match="holds no head"):
        read_kept(tmp_path / "kept")


def test_two_gateways_do_not_write_one_chain(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        other = tmp_path / "other"
        other.mkdir()
        audit = f'[audit]\npath = "{tmp_path / "log"}"\n'
        with gateway(tmp_path, config(mock, more=audit)) as running:
            with (
                pytest.raises(ConfigError, match="another gateway is writing") as caught,
                gateway(other, config(mock, more=audit)),
            ):
                pass
            post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
        with gateway(other, config(mock, more=audit)):
            pass

    assert "[audit] path" in caught.value.hint
    assert problems(tmp_path / "log") == []


def test_a_segment_that_is_being_written_is_not_redacted(tmp_path: Path) -> None:
    keep = '[audit]\nprompts = "keep"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=keep)) as running:
        answer = post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
        asked = frozenset([answer.headers["x-reliant-request-id"]])
        with pytest.raises(TargetError, match="being written by a gateway"):
            redact(running.audit, asked)
        folder = running.audit

    assert redact(folder, asked) == 1
    assert problems(folder) == []


def segments(folder: Path, days: int) -> ChainWriter:
    """Write a log with a segment a day; the writer is still open."""
    now = [0.0]
    writer = ChainWriter(
        folder, "n-0", SIGNER, now=lambda: now[0], opening=opening("n-0"), to_disk=False, every_records=5
    )
    (folder / "audit-public-key.txt").write_text(writer._key.public_key().public_bytes_raw().hex() + "\n")
    for day in range(days):
        now[0] = day * DAY
        for number in range(6):
            at, moment = writer.take()
            writer.append(Change(n=at, t=moment, what=f"change {number}", by="test"))
    return writer


def removed(folder: Path, before_s: float) -> int:
    writer = segments(folder, 6)
    gone, said = removable(find_chains(folder)["n-0"], before_s)
    assert said is not None
    remove(writer, gone, said)
    writer.close()
    return len(gone)


def test_old_segments_are_taken_away_and_the_rest_can_still_be_checked(tmp_path: Path) -> None:
    count = removed(tmp_path, 3 * DAY)

    report = verify(tmp_path, public_keys_of(tmp_path))

    assert count > 0
    assert report.sound, report.problems
    assert report.chains[0].removed > 0
    assert not (tmp_path / "n-0-00001.jsonl").exists()


def test_a_removal_that_broke_off_half_way_is_no_fault(tmp_path: Path) -> None:
    writer = segments(tmp_path, 6)
    gone, said = removable(find_chains(tmp_path)["n-0"], 4 * DAY)
    assert said is not None
    assert len(gone) > 1
    remove(writer, gone[:-1], said)
    writer.close()

    assert gone[-1].exists()
    assert problems(tmp_path) == []


def test_segments_taken_away_by_somebody_else_are_missed(tmp_path: Path) -> None:
    removed(tmp_path, 3 * DAY)
    files = find_chains(tmp_path)["n-0"]
    files[0].unlink()

    assert "is missing" in problems(tmp_path)[0]


def test_a_removal_that_no_signature_covers_is_not_believed(tmp_path: Path) -> None:
    from reliant.gateway.audit.chain import link, read_line, write_line

    written(tmp_path, 12, segment=900)
    first, *rest = find_chains(tmp_path)["n-0"]
    end = read_line(first.read_bytes().splitlines(keepends=True)[-1])
    last = rest[-1]
    before = read_line(last.read_bytes().splitlines(keepends=True)[-1])
    detail = {"segment": 1, "record": json.loads(end.record)["n"], "hash": end.digest.hex()}
    forged = json.dumps(
        {
            "kind": "change",
            "n": json.loads(before.record)["n"] + 1,
            "t": 9,
            "what": "segments removed",
            "by": "x",
            "detail": json.dumps(detail),
        },
        separators=(",", ":"),
    ).encode()
    with last.open("ab") as file:
        file.write(write_line(link(before.digest, forged), forged))
    first.unlink()

    assert "no signature covers" in problems(tmp_path)[0]


def test_the_gateway_takes_segments_away_by_itself(tmp_path: Path) -> None:
    now = [time.time()]
    audit = "[audit]\ndelete_days = 7\ncheckpoint_s = 0.05\n"
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=audit), wall=lambda: now[0]) as running:
            post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
            folder = running.audit
            now[0] += 8 * DAY
            post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
            until(lambda: len(list(folder.glob("*.jsonl"))) > 1, "a new day begins a new file")
        first = min(folder.glob("*.jsonl"))
        now[0] += 8 * DAY
        with gateway(tmp_path, config(mock, more=audit), wall=lambda: now[0]):
            until(lambda: not first.exists(), "it is taken away")

    assert problems(folder) == []


def test_who_writes_a_chain_holds_it_until_it_ends(tmp_path: Path) -> None:
    held = hold(tmp_path, "n-0")
    assert held is not None
    assert hold(tmp_path, "n-0") is None
    os.close(held)
    again = hold(tmp_path, "n-0")
    assert again is not None
    os.close(again)


def test_a_log_is_sound_also_while_it_is_written(tmp_path: Path) -> None:
    """Two workers that vouch for each other, each at any moment of the other and of the reader."""
    stop = threading.Event()
    for name in ("n-0", "n-1"):
        written(tmp_path, 2, chain=name, every=2)

    def write(chain: str, other: str) -> None:
        # Bounded: a slow reader of a log that grows for ever would never come to its end.
        for _ in range(40):
            if stop.is_set():
                return
            writer = ChainWriter(
                tmp_path, chain, SIGNER, now=time.time, opening=opening(chain), to_disk=False, every_records=2
            )
            writer.others = lambda: other_heads(tmp_path, chain)
            for number in range(20):
                at, moment = writer.take()
                writer.append(Change(n=at, t=moment, what=f"change {number} beside {other}", by="test"))
                writer.checkpoint()
            writer.close()

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write, one, other) for one, other in (("n-0", "n-1"), ("n-1", "n-0"))]
        found = [problem for _ in range(15) for problem in problems(tmp_path)]
        stop.set()
        for one in writing:
            one.result()

    assert found == []
    assert problems(tmp_path) == []
