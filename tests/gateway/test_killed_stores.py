"""Redis killed and started again while clients use two nodes: bounds hold, and no answer is lost."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import httpx

from reliant.gateway.audit.verify import public_keys_of, verify
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, until
from support.gateway_stores import redis

LIMIT = 200
NODES = 2


class Load:
    """Clients that ask the nodes in turn with a bounded and an unbounded key until told to stop."""

    def __init__(self, nodes: list[Running], clients: int) -> None:
        self._nodes = nodes
        self._stop = threading.Event()
        self.statuses: list[tuple[str, int]] = []
        self.ids: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        with httpx.Client(timeout=PATIENCE_S) as client:
            while not self._stop.is_set():
                for key in ("sk-quota", "sk-test"):
                    node = self._nodes[(number + len(self.statuses)) % len(self._nodes)]
                    answer = client.post(
                        f"{node.url}/v1/chat/completions",
                        json={"model": "gpt-4o", "messages": []},
                        headers={"authorization": f"Bearer {key}"},
                    )
                    self.statuses.append((key, answer.status_code))
                    if answer.status_code == 200:
                        self.ids.append(answer.headers["x-reliant-request-id"])

    def more(self, count: int) -> None:
        """Wait until so many more calls are answered."""
        goal = len(self.statuses) + count
        until(lambda: len(self.statuses) >= goal, "calls are answered")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_redis_killed_under_load_loses_no_answer_and_keeps_the_stated_bound(tmp_path: Path) -> None:
    key = f'[[key]]\nname = "q"\nsecret = "sk-quota"\nquota = {{ requests_per_day = {LIMIT} }}\n'
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with providers("mock") as (mock,), redis(tmp_path) as (server, url):
        text = config(mock, more=key + f'[shared]\nurl = "{url}"\nlease = 5\n')
        with gateway(tmp_path / "a", text) as one, gateway(tmp_path / "b", text) as other:
            nodes = [one, other]
            load = Load(nodes, 4)
            try:
                load.more(40)
                for _ in range(2):
                    server.kill()
                    load.more(60)
                    server.start()
                    load.more(60)
                until(lambda: ("sk-quota", 429) in load.statuses[-40:], "the bound is reached")
            finally:
                load.stop()
            logged = {record["id"] for node in nodes for record in node.outcomes() if record["status"] == 200}
            folders = [node.audit for node in nodes]

    counts = Counter(load.statuses)
    assert set(counts) <= {("sk-quota", 200), ("sk-quota", 429), ("sk-test", 200)}
    # While it is away each node counts for itself: a key can use its bound once per node, and no more.
    assert counts["sk-quota", 200] + 5 * NODES >= LIMIT
    assert counts["sk-quota", 200] <= LIMIT * NODES
    assert set(load.ids) <= logged, "what was answered is in the log"
    for folder in folders:
        assert verify(folder, public_keys_of(folder)).problems == ()
