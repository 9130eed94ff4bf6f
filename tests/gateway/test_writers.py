"""Who writes a chain: one gateway at a time, under a name that goes with its folder."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reliant.cli.gateway import gateway as command
from reliant.errors import ConfigError
from reliant.gateway.audit.folder import WRITER, writer_name
from reliant.gateway.audit.replay import chains_of
from reliant.gateway.audit.verify import find_chains, public_keys_of, verify
from support.gateway_log import problems, written
from support.gateway_provider import providers
from support.gateway_rig import Running, config, gateway, post, until
from support.gateway_stores import Cluster, postgres_cluster

KEY = {"authorization": "Bearer sk-test"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres_cluster() as made:
        yield made


def ask(running: Running) -> int:
    body = {"model": "gpt-4o", "messages": []}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=KEY).status_code


def chain(running: Running) -> str:
    return running.worker.chain.chain


def opening(running: Running) -> dict[str, Any]:
    mine = running.worker.chain.chain
    return [one for one in running.records() if one["kind"] == "opening" and one["chain"] == mine][-1]


def copied(running: Running) -> None:
    """Return once the database has all of the log."""
    copier = running.worker.copier
    assert copier is not None
    until(lambda: copier.copied >= running.worker.chain.next_number - 1, "the log is copied")


def test_a_name_is_made_once_and_stays_when_the_host_is_called_otherwise(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda host: writer_name(tmp_path, host), [f"host-{n}" for n in range(8)]))

    assert len(names) == 1
    assert writer_name(tmp_path, "another") in names
    assert writer_name(tmp_path / "other", "host-0") != writer_name(tmp_path, "host-0")


def test_what_is_no_name_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / WRITER).write_text("../../etc\n")

    with pytest.raises(ConfigError, match="no name of a writer") as caught:
        writer_name(tmp_path, "host")

    assert "Take it away" in caught.value.hint


def test_two_nodes_of_one_host_name_have_chains_of_their_own_in_one_database(
    tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.database("two nodes")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with providers("mock") as (mock,):
        text = config(mock, more=f'[store]\nurl = "{url}"\n')
        for _ in range(2):  # and the same again after a restart
            with gateway(tmp_path / "a", text) as one, gateway(tmp_path / "b", text) as other:
                assert [ask(node) for node in (one, other, one, one)] == [200] * 4
                names = {chain(one), chain(other)}
                assert {opening(one)["node"], opening(other)["node"]} == {socket.gethostname()}
    pulled = tmp_path / "pulled"
    keys = [
        option for node in (one, other) for option in ("--public-key", node.audit / "audit-public-key.txt")
    ]
    fetched = CliRunner().invoke(command, ["audit", "pull", url, str(pulled)])
    checked = CliRunner().invoke(command, ["audit", "verify", str(pulled), *keys, "--format", "json"])
    half = CliRunner().invoke(command, ["audit", "verify", str(pulled), *keys[:2]])
    report = json.loads(checked.output)

    assert len(names) == 2
    assert fetched.exit_code == 0, fetched.output
    assert checked.exit_code == 0, checked.output
    assert half.exit_code == 1
    assert {found["chain"] for found in report["chains"]} == names
    assert sorted(found["outcomes"] for found in report["chains"]) == [2, 6]


def test_a_copy_of_a_folder_begins_a_chain_of_its_own_while_the_other_is_written(
    tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.database("a copy")
    (tmp_path / "a").mkdir()
    with providers("mock") as (mock,):
        text = config(mock, more=f'[store]\nurl = "{url}"\n')
        with gateway(tmp_path / "a", text) as running:
            ask(running)
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        with gateway(tmp_path / "a", text) as one, gateway(tmp_path / "b", text) as other:
            assert [ask(one), ask(other)] == [200, 200]
            copied(one)
            copied(other)
            begun, said = opening(other), other.said
            assert chain(one) == chain(running)

    assert begun["instead_of"] == chain(one) != chain(other)
    assert "another gateway writes it" in begun["because"]
    assert "is not gone on with" in said[0]
    assert problems(tmp_path / "b" / "state" / "audit") == []
    pulled = tmp_path / "pulled"
    CliRunner().invoke(command, ["audit", "pull", url, str(pulled)])
    assert verify(pulled, public_keys_of(one.audit)).problems == ()


def test_a_folder_restored_to_an_earlier_state_begins_a_new_chain(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database("an earlier state")
    now, before = tmp_path / "now", tmp_path / "before"
    now.mkdir()
    with providers("mock") as (mock,):
        text = config(mock, more=f'[store]\nurl = "{url}"\n')
        with gateway(now, text) as running:
            ask(running)
        shutil.copytree(now, before)
        with gateway(now, text) as running:
            ask(running)
            copied(running)
        shutil.rmtree(now)
        before.rename(now)
        with gateway(now, text) as restored:
            assert ask(restored) == 200
            begun = opening(restored)

    assert begun["instead_of"] == chain(running)
    assert "but the database has it up to" in begun["because"]
    assert problems(restored.audit) == []


def test_a_chain_whose_end_is_gone_is_left_as_it_is_and_another_begins(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock)) as running:
            ask(running)
        (segment,) = running.audit.glob("*.jsonl")
        whole = segment.read_bytes()
        segment.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
        shortened = segment.read_bytes()
        with gateway(tmp_path, config(mock)) as again:
            assert ask(again) == 200
            begun = opening(again)

    assert begun["instead_of"] == chain(running)
    assert "its published head names record" in begun["because"]
    assert segment.read_bytes() == shortened
    assert ["its end was cut off" in one for one in problems(again.audit)] == [True]
    segment.write_bytes(whole)
    assert problems(again.audit) == []


def test_a_history_put_in_the_place_of_a_chain_is_not_gone_on_with(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock)) as running:
            ask(running)
        (segment,) = running.audit.glob("*.jsonl")
        head = (running.audit / f"{chain(running)}.head").read_bytes()
        other = tmp_path / "other"
        other.mkdir()
        written(other, 20, chain=chain(running))
        segment.write_bytes((other / segment.name).read_bytes())
        (running.audit / f"{chain(running)}.head").write_bytes(head)
        with gateway(tmp_path, config(mock)) as again:
            begun = opening(again)

    assert begun["instead_of"] == chain(running)
    assert "is not the one its published head names" in begun["because"]


def test_a_log_of_an_older_version_stays_sound_and_counts(tmp_path: Path) -> None:
    """Its chains were named by the host alone."""
    quota = "admin = true\nquota = { requests_per_day = 3 }\n"
    with providers("mock") as (mock,):
        text = config(mock).replace("admin = true\n", quota)
        with gateway(tmp_path, text) as running:
            assert [ask(running), ask(running)] == [200, 200]
        # The same chain under such a name: every record but the openings stays as it is.
        written(running.audit, chain="host-1")
        (running.audit / WRITER).unlink()
        with gateway(tmp_path, text) as again:
            assert [ask(again), ask(again)] == [200, 429]
            assert chain(again) != chain(running)

    found = {one.chain for one in verify(running.audit, public_keys_of(running.audit)).chains}
    assert found == {chain(running), chain(again), "host-1"}


def test_every_chain_is_gone_on_with_by_one_worker(tmp_path: Path) -> None:
    for name in ("host-0", "host-1", "host-2", "host-ab12cd34-0", "odd"):
        written(tmp_path, 1, chain=name)
    chains = find_chains(tmp_path)

    for workers in (1, 2, 3):
        shared_out = [chains_of(chains, number, workers) for number in range(workers)]
        assert sum(map(len, shared_out)) == len(chains)
    assert chains_of(chains, 1, 2) == [chains["host-1"]]


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_served(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        (tmp_path / "log").write_text("a file, not a folder")
    else:
        (tmp_path / "log").mkdir(0o500)
    audit = f'[audit]\npath = "{tmp_path / "log"}"\n'
    with (
        providers("mock") as (mock,),
        pytest.raises(ConfigError, match=r"cannot be kept: .*/log"),
        gateway(tmp_path, config(mock, more=audit)),
    ):
        pass
