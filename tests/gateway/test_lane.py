"""A request in the lane gets, and leaves behind, what it would on the general way."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.gateway.faults import Staged
from reliant.gateway.http.call import Call
from reliant.gateway.http.connection import Connection
from reliant.gateway.serve.lane import Passing
from support.gateway_provider import Provider, providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, until, wall

NOON = wall()
Rig = tuple[Provider, Running]
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
)
NOT_ALWAYS_THE_SAME = re.compile(
    rb"(?<=request-id: )\S+|(?<=date: )[^\r]+|(?<=retry-after: )\S+|(?<=\"id\":\")req_\w+"
)
OWN = ("n", "t", "id", "took_us", "body", "body_bytes")


def frozen() -> float:
    """Return a time that stands still: what was decided a moment ago never grows old."""
    return NOON


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("g")
    patient = "[breaker]\nfailures = 100000\n"
    with providers("mock") as (mock,), gateway(folder, config(mock, more=patient), wall=frozen) as running:
        yield mock, running


def body_of(model: str = "gpt-4o", **more: Any) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], **more}).encode()


class Client:
    """A connection that stays open; its first two requests open the lane for those after them."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._socket = socket.create_connection(("127.0.0.1", running.port), PATIENCE_S)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def warm(self, model: str = "gpt-4o") -> None:
        for _ in range(2):
            assert self.ask(body_of(model))[0] == 200
        assert self._running.do(self._lane) is not None

    def passage(self) -> object:
        """Return what was decided about the requests in the lane."""
        return self._running.do(self._lane).__self__.passage

    def _lane(self) -> Any:
        head = self._other_end()._repeated._head
        return head.lane if head is not None else None

    def _other_end(self) -> Connection:
        server, mine = self._running.worker.server, self._socket.getsockname()
        assert server is not None
        return next(one for one in server.state.connections if one.client == mine)

    def send(self, body: bytes, *, in_two: bool = False) -> None:
        data = HEAD % len(body) + body
        if in_two:  # what comes in pieces is always parsed
            self._socket.sendall(data[:9])
            until(lambda: self._running.do(lambda: not self._other_end()._between))
            data = data[9:]
        self._socket.sendall(data)

    def ask(self, body: bytes, *, in_two: bool = False) -> tuple[int, bytes, bytes]:
        self.send(body, in_two=in_two)
        return self.answer()

    def answer(self) -> tuple[int, bytes, bytes]:
        """Return status, head and body, without what differs each time."""
        first = self._file.readline()
        lines = []
        while (line := self._file.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        head = first + b"".join(lines)
        found = re.search(rb"content-length: ([0-9]+)", head)
        if found is not None:
            body = self._file.read(int(found[1]))
        else:
            body = b""
            while size := int(self._file.readline(), 16):
                body += self._file.read(size + 2)[:-2]
            self._file.readline()
        return int(first.split()[1]), NOT_ALWAYS_THE_SAME.sub(b"", head), NOT_ALWAYS_THE_SAME.sub(b"", body)


def records(running: Running, since: int) -> list[dict[str, Any]]:
    """Return what was written of requests, without what is each one's own."""
    found = [one for one in running.records()[since:] if one["kind"] in {"decision", "outcome"}]
    return [{name: value for name, value in one.items() if name not in OWN} for one in found]


LARGE = "word " * 20_000

BODIES = st.sampled_from(
    [
        body_of(),
        body_of(),
        body_of(temperature=0.5),
        body_of(stream=True),
        body_of("other"),
        body_of("in-two"),
        body_of("fault-500"),
        body_of("fault-404"),
        body_of("fault-clean-end", stream=True),
        body_of(previous_response_id="resp_none"),
        body_of(metadata={"file_id": "file-abc"}),
        body_of(tools=[{"type": "function", "function": {"name": "weather"}}]),
        body_of(user=LARGE),
        body_of(user=LARGE, store=True),
        body_of("other", user=LARGE),
        body_of("fault-500", user=LARGE),
        body_of(user=LARGE, stream=True),
        body_of(user=LARGE, previous_response_id="resp_none"),
        body_of(user=LARGE).replace(b'"user"', b'"Model":"other","user"'),
        body_of(user=LARGE)[:-1],
        b'{"model":"gpt-4o","Model":"other"}',
        b"not JSON",
        b'{"messages":[]}',
    ]
)


@settings(max_examples=15, deadline=None)
@given(bodies=st.lists(BODIES, min_size=1, max_size=8))
def test_any_request_is_answered_and_written_down_as_on_the_general_way(
    rig: Rig, bodies: list[bytes]
) -> None:
    mock, running = rig

    def all_of(*, in_two: bool) -> tuple[Any, ...]:
        with Client(running) as client:
            client.warm()
            since = len(running.records())
            mock.seen.clear()
            answers = [client.ask(body, in_two=in_two) for body in bodies]
        reached = [(one.path, one.headers, one.body) for one in mock.seen]
        return answers, reached, records(running, since)

    assert all_of(in_two=False) == all_of(in_two=True)


def test_a_large_body_takes_the_lane_too(rig: Rig) -> None:
    mock, running = rig
    body = body_of("gated", user=LARGE)
    with Client(running) as client:
        client.warm("gated")
        seen = len(mock.seen)
        mock.gate = threading.Event()
        try:
            client.send(body)
            until(lambda: len(mock.seen) > seen)
            took = running.do(lambda: client._other_end()._calls[0].running)
        finally:
            mock.gate.set()
            mock.gate = None
        status, _, _ = client.answer()

    assert isinstance(took, Passing)
    assert status == 200
    assert mock.seen[-1].body == body


def test_a_caller_who_leaves_within_a_large_body_leaves_nothing(rig: Rig) -> None:
    mock, running = rig
    body = body_of(user=LARGE)
    gc.collect()
    gc.disable()
    try:
        with Client(running) as client:
            client.warm()
            seen = len(mock.seen)
            client._socket.sendall((HEAD % len(body) + body)[:90_000])
            until(lambda: running.do(lambda: client._other_end()._reading is not None))
        until(lambda: not [one for one in gc.get_objects() if isinstance(one, Call | Passing)])
    finally:
        gc.enable()

    assert len(mock.seen) == seen
    assert running.worker.gateway.active == 0


def test_requests_in_the_lane_are_counted_as_others_are(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock), wall=frozen) as running:
        with Client(running) as client:
            client.warm()
            for _ in range(3):
                client.ask(body_of())
        text = running.do(running.worker.metrics.text).decode()
        active = running.worker.gateway.active

    assert re.search(r'requests_total\{[^}]*endpoint="chat",status="200",upstream="mock"\} 5\.0', text)
    assert 'tokens_total{direction="in",key="test",upstream="mock"} 95.0' in text
    assert active == 0


def test_a_request_leaves_nothing_for_the_garbage_collector(rig: Rig) -> None:
    _, running = rig
    gc.collect()
    gc.disable()
    try:
        with Client(running) as client:
            client.warm()
            for _ in range(3):
                client.ask(body_of())
            until(lambda: not [one for one in gc.get_objects() if isinstance(one, Call | Passing)])
    finally:
        gc.enable()


def test_a_quota_is_exact_in_the_lane_too(tmp_path: Path) -> None:
    text = "quota = { requests_per_day = 5, concurrent = 3 }\n[[route]]"
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock).replace("[[route]]", text), wall=frozen) as running,
        Client(running) as client,
    ):
        statuses = [client.ask(body_of())[0] for _ in range(8)]
        meter = running.worker.runtime.meters["test"]
        reached, active = len(mock.seen), meter.active

    assert statuses == [200] * 5 + [429] * 3
    assert (reached, active) == (5, 0)


def cut(running: Running) -> None:
    running.worker.runtime.targets["mock"].health.cut(running.worker.settings.clock.steady(), "test")


def deny(running: Running) -> None:
    rule = '[[rule]]\nid = "mine"\nsummary = "No."\nwhen = { provider = "openai" }\n'
    running.config.write_text(running.config.read_text() + rule)
    assert running.worker.reload("test") == ""


def take_the_key_away(running: Running) -> None:
    running.config.write_text(running.config.read_text().replace("sk-test", "sk-other"))
    assert running.worker.reload("test") == ""


def break_the_log(running: Running) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, running.worker.chain.fd)
    os.close(full)


class Down:
    """A fault that answers in the provider's place."""

    id = "down"

    def before(self, **_: object) -> Staged:
        return Staged(503, [(b"content-type", b"application/json")], b"{}")


def stage_a_fault(running: Running) -> None:
    running.worker.gateway.forwarder.faults.append(Down())


@pytest.mark.parametrize(
    ("change", "status"),
    [(cut, 503), (deny, 403), (take_the_key_away, 401), (break_the_log, 503), (stage_a_fault, 503)],
)
def test_what_changes_holds_for_the_next_request(
    tmp_path: Path, change: Callable[[Running], None], status: int
) -> None:
    breaker = '[breaker]\nalone = "refuse"\n'
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock, more=breaker), wall=frozen) as running,
        Client(running) as client,
    ):
        client.warm()
        assert client.ask(body_of())[0] == 200
        reached = len(mock.seen)
        running.do(change, running)

        assert client.ask(body_of())[0] == status
        assert len(mock.seen) == reached


def test_a_decision_is_made_anew_after_a_second(tmp_path: Path) -> None:
    time = [NOON]
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock), wall=lambda: time[0]) as running,
        Client(running) as client,
    ):
        client.warm()
        compiled = client.passage()
        client.ask(body_of())
        assert client.passage() is compiled
        time[0] += 1.5
        client.warm()
        assert client.passage() is not compiled


@contextlib.contextmanager
def asked_behind_a_gate(rig: Rig) -> Iterator[tuple[Client, Callable[[], None]]]:
    """Give a client whose request the provider has and does not answer, and what waits for its outcome."""
    mock, running = rig
    with Client(running) as client:
        client.warm("gated")
        ended, seen = len(running.outcomes()), len(mock.seen)
        mock.gate = threading.Event()
        try:
            client.send(body_of("gated"))
            until(lambda: len(mock.seen) > seen)
            yield client, lambda: until(lambda: len(running.outcomes()) > ended)
        finally:
            mock.gate.set()
            mock.gate = None


def left(running: Running) -> None:
    outcome = running.outcomes()[-1]
    assert (outcome["status"], outcome["end"]) == (499, "caller left")
    assert running.worker.gateway.active == 0


def test_a_caller_who_leaves_ends_the_request(rig: Rig) -> None:
    with asked_behind_a_gate(rig) as (client, ended):
        client.close()
        ended()

    left(rig[1])


def test_a_caller_who_leaves_just_as_the_answer_begins_is_written_down(rig: Rig) -> None:
    _, running = rig
    with asked_behind_a_gate(rig) as (client, ended):

        def both_at_once() -> None:
            pool = running.worker.runtime.targets["mock"].pool
            asked = next(one for one in pool._all if one.deadline)
            client._other_end()._calls[0].lost()
            asked.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

        running.do(both_at_once)
        ended()

    left(running)


def test_a_connection_that_is_gone_is_replaced(rig: Rig) -> None:
    mock, running = rig
    with Client(running) as client:
        client.warm()
        seen = len(mock.seen)

        def gone_while_asked() -> None:
            running.worker.runtime.targets["mock"].pool.idle[-1][1].transport.abort()
            client.send(body_of())

        running.do(gone_while_asked)
        status, _, body = client.answer()

    assert (status, len(mock.seen) - seen) == (200, 1)
    assert b"hello from mock" in body


def test_a_gateway_that_stops_lets_what_is_in_the_lane_end(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock), wall=frozen) as running:
        with Client(running) as client:
            client.warm("gated")
            mock.gate = threading.Event()
            client.send(body_of("gated"))
            until(lambda: len(mock.seen) == 3)
            running.do(running.worker.drain)
            until(lambda: running.do(lambda: not client._other_end()._calls[0].keep_alive))
            mock.gate.set()
            status, head, _ = client.answer()

        assert (status, b"connection: close" in head) == (200, True)
        assert running.outcomes()[-1]["status"] == 200
