"""HTTP/1.1 as spoken to a client: framing, order, and what ends a connection."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.certificates import certificate
from support.gateway_provider import Provider, providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, until

Rig = tuple[Provider, Running]
ANSWER = b"hello from mock"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with providers("mock") as (mock,), gateway(tmp_path_factory.mktemp("g"), config(mock)) as running:
        yield mock, running


def post(body: bytes, *more: bytes, version: bytes = b"1.1") -> bytes:
    lines = [b"POST /v1/chat/completions HTTP/" + version, b"host: x", b"authorization: Bearer sk-test"]
    framing = () if any(b"chunked" in one for one in more) else (b"content-length: %d" % len(body),)
    return b"\r\n".join([*lines, *framing, *more]) + b"\r\n\r\n" + body


def body_for(model: str, filling: int = 0) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "x" * filling}]}).encode()


class Client:
    """A plain connection to the gateway."""

    def __init__(self, running: Running) -> None:
        self._socket = socket.create_connection(("127.0.0.1", running.port), PATIENCE_S)
        self.send = self._socket.sendall
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def answer(self, *, body: bool = True) -> tuple[int, dict[bytes, bytes], bytes]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b": ")
            headers[name] = value.strip()
        length = int(headers.get(b"content-length", b"0")) if body else 0
        return status, headers, self._file.read(length)

    def rest(self) -> bytes:
        return self._file.read()


def test_requests_on_one_connection_are_answered_in_their_order(rig: Rig) -> None:
    with Client(rig[1]) as client:
        client.send(post(body_for("slow-200")) + post(body_for("fault-404")) + post(body_for("gpt-4o")))
        answers = [client.answer() for _ in range(3)]

    assert [one[0] for one in answers] == [200, 404, 200]
    assert ANSWER in answers[0][2]


def test_the_body_of_a_request_that_repeats_a_head_is_read_by_the_admin_side_too(rig: Rig) -> None:
    with Client(rig[1]) as client:
        answers = []
        for name in ("one", "two", "three"):
            body = b'{"name":"%b"}' % name.encode()
            client.send(post(body).replace(b"/v1/chat/completions", b"/admin/keys"))
            answers.append(client.answer())

    assert [one[0] for one in answers] == [201, 201, 201]
    assert [json.loads(one[2])["name"] for one in answers] == ["one", "two", "three"]


def test_a_body_in_chunks_reaches_the_provider_as_it_is(rig: Rig) -> None:
    mock, running = rig
    body = body_for("in-chunks", 300_000)
    pieces = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"
    with Client(running) as client:
        client.send(post(chunks, b"transfer-encoding: chunked") + post(body_for("gpt-4o")))
        statuses = [client.answer()[0], client.answer()[0]]

    assert statuses == [200, 200]
    assert body in [one.body for one in mock.seen]


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(rig: Rig, size: int) -> None:
    body = body_for("gpt-4o", size)
    with Client(rig[1]) as client:
        client.send(post(body, b"expect: 100-continue")[: -len(body)])
        asked = client.answer()[0]
        client.send(body)
        answered = client.answer()[0]

    assert (asked, answered) == (100, 200)


def test_a_body_that_comes_byte_by_byte_is_one_body(rig: Rig) -> None:
    with Client(rig[1]) as client:
        data = post(body_for("gpt-4o"))
        for at in range(len(data)):
            client.send(data[at : at + 1])
        status, _, answer = client.answer()

    assert (status, ANSWER in answer) == (200, True)


@pytest.mark.parametrize(
    "request_",
    [post(body_for("gpt-4o"), b"connection: close"), post(body_for("gpt-4o"), version=b"1.0")],
)
def test_a_connection_that_should_close_closes_after_the_answer(rig: Rig, request_: bytes) -> None:
    with Client(rig[1]) as client:
        client.send(request_ + post(body_for("never")))
        status, headers, _ = client.answer()
        rest = client.rest()

    assert (status, headers[b"connection"], rest) == (200, b"close", b"")
    assert "never" not in rig[0].models()


def test_a_head_request_gets_the_length_and_no_body(rig: Rig) -> None:
    with Client(rig[1]) as client:
        client.send(b"HEAD /health HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        status, headers, _ = client.answer(body=False)
        again, _, body = client.answer()

    assert (status, again) == (200, 200)
    assert int(headers[b"content-length"]) == len(body) > 0


def test_what_is_no_request_is_refused_after_the_answer_before_it(rig: Rig) -> None:
    with Client(rig[1]) as client:
        client.send(post(body_for("slow-200")) + b"NOT HTTP AT ALL\r\n\r\n")
        status, _, answer = client.answer()
        rest = client.rest()

    assert (status, ANSWER in answer) == (200, True)
    assert rest == b"" or rest.startswith(b"HTTP/1.1 400")


def test_a_stream_in_http_1_0_ends_with_the_connection(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    body = body_for("gpt-4o")[:-1] + b',"stream":true}'
    with Client(rig[1]) as client:
        client.send(post(body, version=b"1.0"))
        status, headers, _ = client.answer()
        stream = client.rest()

    assert status == 200
    assert b"transfer-encoding" not in headers
    assert stream.endswith(b"data: [DONE]\n\n")
    assert not [one for one in caplog.records if one.name.startswith("reliant")], "nothing failed on the way"


def test_a_caller_who_leaves_takes_only_its_own_requests_along(rig: Rig) -> None:
    running = rig[1]
    with Client(running) as client:
        client.send(post(body_for("gpt-4o")[:-1] + b',"stream":true}') * 200)
    until(lambda: not running.worker.gateway.active, "nothing is served for it any more")
    with Client(running) as client:
        client.send(post(body_for("gpt-4o")))
        assert client.answer()[0] == 200


def test_over_tls_answers_and_streams_are_the_same(tmp_path: Path) -> None:
    """The gateway in front speaks TLS to its callers, and TLS to the gateway behind it."""
    (tmp_path / "front").mkdir()
    (tmp_path / "behind").mkdir()
    cert, key = certificate(tmp_path)
    listen = f'[listen]\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    headers = {"authorization": "Bearer sk-test"}
    trust = ssl.create_default_context(cafile=str(cert))
    with providers("mock") as (mock,), gateway(tmp_path / "behind", config(mock, more=listen)) as behind:
        text = config(mock, more=listen, upstream=f'ca_file = "{cert}"').replace("sk-upstream", "sk-test")
        text = text.replace(mock.url, f"https://127.0.0.1:{behind.port}/v1")
        with gateway(tmp_path / "front", text) as front:
            url = f"https://127.0.0.1:{front.port}/v1/chat/completions"
            with httpx.Client(verify=trust, headers=headers, timeout=PATIENCE_S) as client:
                whole = client.post(url, content=body_for("gpt-4o", 300_000))
                stream = client.post(url, json={"model": "gpt-4o", "messages": [], "stream": True})

    assert ANSWER in whole.content
    assert stream.text.endswith("data: [DONE]\n\n")
    assert len(mock.seen) == 2
