# ruff: noqa: SIM117 - what is served stands around what is asked
"""Real PostgreSQL and Redis, started here, killed and started again under load."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reliant.errors import StoreAway
from reliant.gateway.audit.verify import public_keys_of, verify
from reliant.gateway.state.postgres import PostgresStore
from reliant.gateway.state.shared import SharedState
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post, until
from support.gateway_stores import Cluster, Server, postgres_cluster, redis, tell_redis

KEY = {"authorization": "Bearer sk-test"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres_cluster() as made:
        yield made


@pytest.fixture
def postgres(cluster: Cluster, request: pytest.FixtureRequest) -> tuple[Server, str]:
    """The server, and the address of a database of this test's own."""
    return cluster.server, cluster.database(request.node.name)


def shared(url: str, more: str = "") -> str:
    """Counts are shared at `url`; a machine that is slow is not taken for a server that is away."""
    return f'[shared]\nurl = "{url}"\ntimeout_s = {PATIENCE_S}\n{more}'


def ask(running: Running, key: str = "sk-test", model: str = "gpt-4o") -> httpx.Response:
    body = {"model": model, "messages": []}
    headers = {"authorization": f"Bearer {key}"}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers)


def in_loop(running: Running, work: Any) -> Any:
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
            copier = running.worker.copier
            assert copier is not None
            until(lambda: copier.copied >= chain.next_number - 1)
            pulled = tmp_path / "pulled"
            in_loop(running, store.fetch_log(pulled))
            works = ask(running, made.json()["secret"]).status_code
            public = public_keys_of(running.audit)
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


ALL_OUT = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)


def paused(server: Server, work: Any) -> Any:
    """Do something while a server answers nothing, as a machine does whose disk hangs."""
    server.pause()
    try:
        return work()
    finally:
        server.go_on()


def test_a_database_that_is_slow_keeps_no_call_waiting(tmp_path: Path, postgres: tuple[Server, str]) -> None:
    server, url = postgres
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=f'[store]\nurl = "{url}"\n')) as running:
            ask(running)
            store = running.worker.store
            assert isinstance(store, PostgresStore)
            store.patience_s = 0.5

            def during() -> tuple[list[int], int, str]:
                calls = [ask(running).status_code for _ in range(10)]
                made = post(f"{running.url}/admin/keys", json={"name": "late"}, headers=KEY)
                held = get(f"{running.url}/v1/files/file-nobodys", headers=KEY)
                return calls, made.status_code, held.json()["error"]["code"]

            calls, made, held = paused(server, during)
            copier = running.worker.copier
            assert copier is not None
            until(lambda: copier.copied >= running.worker.chain.next_number - 1, "the log is copied again")
            again = post(f"{running.url}/admin/keys", json={"name": "late"}, headers=KEY).status_code
            decided = {one["id"] for one in running.decisions() if one["action"] != "refuse"}
            ended = {one["id"] for one in running.outcomes()}

    assert calls == [200] * 10
    assert (made, held) == (503, "reliant_store_unavailable")
    assert again in {201, 409}
    assert decided <= ended


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("reliant@", "locked:not-the-password@"), "password authentication failed"),
        (lambda url: url + "_other", "does not exist"),
    ],
    ids=["wrong password", "no database"],
)
def test_a_store_that_cannot_be_used_is_said_with_the_next_step_and_no_secret(
    tmp_path: Path, cluster: Cluster, change: Any, says: str
) -> None:
    url = cluster.database(f"wrong {says}")
    cluster.lock_out("locked")
    with (
        providers("mock") as (mock,),
        pytest.raises(StoreAway, match=says) as caught,
        gateway(tmp_path, config(mock, more=f'[store]\nurl = "{change(url)}"\n')),
    ):
        pass

    assert "not-the-password" not in str(caught.value) + caught.value.hint
    assert "[store] url" in caught.value.hint


def test_a_replica_that_has_not_taken_over_is_waited_for(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database("a replica")
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=f'[store]\nurl = "{url}"\n')) as running:
            name = url.rpartition("/")[2]
            cluster.sql(url, f'alter database "{name}" set default_transaction_read_only = on')
            cluster.sql(url, ALL_OUT)
            served = [ask(running).status_code for _ in range(3)]
            copier, chain = running.worker.copier, running.worker.chain
            assert copier is not None
            behind = copier.copied
            cluster.sql(url, f'alter database "{name}" reset default_transaction_read_only')
            cluster.sql(url, ALL_OUT)
            until(lambda: copier.copied >= chain.next_number - 1, "what was written meanwhile is copied")

    assert served == [200] * 3
    assert copier.copied > behind


def test_a_store_of_an_older_version_is_gone_on_with(tmp_path: Path, cluster: Cluster) -> None:
    """It had no table of writers; and who uses it may not be one who makes tables."""
    url = cluster.database("an older version")
    tables = (
        "create table reliant_keys (name text primary key, body text not null);"
        "create table reliant_held (id text primary key, upstream text not null, owner text not null);"
        "create table reliant_log (chain text not null, n bigint not null, line text not null, "
        "primary key (chain, n));"
        """insert into reliant_keys values ('old', '{"name":"old","digests":["%s"]}');"""
    )
    cluster.sql(url, tables % hashlib.sha256(b"sk-of-before").hexdigest())
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=f'[store]\nurl = "{url}"\n')) as running:
            kept = ask(running, "sk-of-before").status_code
        cluster.sql(url, "create role guest login; grant all on all tables in schema public to guest")
        as_guest = url.replace("reliant@", "guest@")
        with gateway(tmp_path, config(mock, more=f'[store]\nurl = "{as_guest}"\n')) as running:
            guest = ask(running, "sk-of-before").status_code

    assert (kept, guest) == (200, 200)


def test_a_redis_that_is_slow_keeps_no_call_waiting_but_the_first(tmp_path: Path) -> None:
    key = '[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = { requests_per_minute = 1000 }\n'
    with providers("mock") as (mock,), redis(tmp_path) as (server, url):
        text = config(mock, more=key + f'[shared]\nurl = "{url}"\nlease = 1\ntimeout_s = 2.0\n')
        with gateway(tmp_path, text) as running:
            ask(running, "sk-quota")

            def during() -> tuple[list[int], float]:
                until(lambda: running.said, "it is noticed")
                began = time.monotonic()
                return [ask(running, "sk-quota").status_code for _ in range(20)], time.monotonic() - began

            statuses, took = paused(server, during)
            until(lambda: len(running.said) >= 2, "it is back")
            said = list(running.said)

    assert statuses == [200] * 20
    assert took < 20 * 2.0, "one timeout for each would be more"
    assert "the shared counts are away" in said[0]
    assert "the shared counts are back" in said[1]


def test_a_redis_that_has_forgotten_everything_gives_no_bound_a_second_time(tmp_path: Path) -> None:
    limit = 40
    key = f'[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = {{ requests_per_day = {limit} }}\n'
    with providers("mock") as (mock,), redis(tmp_path) as (server, url):
        with gateway(tmp_path, config(mock, more=key + shared(url, "lease = 1\n"))) as running:
            before = [ask(running, "sk-quota").status_code for _ in range(limit // 2)]
            server.kill()
            server.start()
            until(lambda: ask(running).status_code == 200)
            after = [ask(running, "sk-quota").status_code for _ in range(limit)]

    assert set(before) == {200}
    assert after.count(200) <= limit // 2


def used(running: Running) -> float:
    """Return how many tokens the key `q` has used, as a node knows it of all."""
    meter = running.worker.gateway.runtime.meters["q"]
    return float(running.do(lambda: meter.state(running.worker.settings.clock.wall())["tokens_per_day"]))


def test_tokens_are_counted_once_also_when_a_node_starts_anew_or_redis_forgets(tmp_path: Path) -> None:
    key = '[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = { tokens_per_day = 1000 }\n'
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with providers("mock") as (mock,), redis(tmp_path) as (server, url):
        text = config(mock, more=key + shared(url))
        with gateway(tmp_path / "b", text) as other:
            with gateway(tmp_path / "a", text) as one:
                a_call = ask(one, "sk-quota").json()["usage"]["total_tokens"]
                ask(other, "sk-quota")
                until(lambda: used(one) == used(other) == 2 * a_call, "each knows of the other")
            with gateway(tmp_path / "a", text) as one:
                until(lambda: used(one) == 2 * a_call, "it knows its own and the other's again")
                ask(one, "sk-quota")
                until(lambda: used(other) == 3 * a_call, "nothing of it was counted twice")
                server.kill()
                server.start()
                ask(other, "sk-quota")
                until(lambda: used(one) == used(other) == 4 * a_call, "what was forgotten is told again")
            with gateway(tmp_path / "a", text) as one:
                until(lambda: used(one) == 4 * a_call, "all of it, by each")


@pytest.mark.parametrize("trouble", ["full", "replica", "locked"])
def test_a_redis_that_refuses_counts_as_away_and_that_is_said(tmp_path: Path, trouble: str) -> None:
    key = '[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = { requests_per_minute = 1000 }\n'
    commands = {
        "full": "CONFIG SET maxmemory 1",
        "replica": "REPLICAOF 127.0.0.1 1",
        "locked": "CONFIG SET requirepass another\r\nCLIENT KILL TYPE normal",
    }
    with providers("mock") as (mock,), redis(tmp_path) as (_, url):
        text = config(mock, more=key + shared(url, 'lease = 1\non_down = "refuse"\n'))
        with gateway(tmp_path, text) as running:
            before = ask(running, "sk-quota").status_code
            tell_redis(url, commands[trouble])
            until(lambda: ask(running, "sk-quota").status_code == 503, "it counts as away")
            others = ask(running).status_code
            said = list(running.said)

    assert (before, others) == (200, 200)
    assert "bounded keys get 503" in said[0]
    assert "another" not in "".join(said)


def test_where_there_is_no_time_to_say_goodbye_the_shared_counts_hang_up(tmp_path: Path) -> None:
    """The loop would wait for a connection that is left open, and a worker ends in bounded time."""

    async def left_open(url: str) -> list[bool]:
        state = SharedState(url, who="n-0", lease=1, on_down="local", timeout_s=PATIENCE_S)
        await state._redis.ping()
        state._task = asyncio.create_task(asyncio.sleep(PATIENCE_S))
        stopping = asyncio.create_task(state.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        return [one.is_connected for one in state._redis.connection_pool._available_connections]

    with redis(tmp_path) as (_, url):
        assert asyncio.run(left_open(url)) == [False]
