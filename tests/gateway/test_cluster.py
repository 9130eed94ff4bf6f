"""Real PostgreSQL and Redis, started here, killed and started again under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reliant.gateway.audit.verify import public_keys_of, verify
from reliant.gateway.state.postgres import PostgresStore
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post, until
from support.gateway_stores import Cluster, Server, postgres_cluster, redis

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
