# ruff: noqa: SIM117 - what is served stands around what is asked
"""What a hostile client can send: nothing that policy denies reaches a provider, and nothing crashes."""

from __future__ import annotations

import contextlib
import gc
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.gateway.api.body import BadBody, read_form, read_json
from reliant.gateway.http.call import Call
from reliant.gateway.http.connection import Connection
from support.gateway_provider import Provider, providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, post, until

Rig = tuple[Provider, Running]
DENY = '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { model = ["denied*"] }\n'
LIMITS = (
    "[limits]\nheader_bytes = 8192\nbody_bytes = 100000\nheader_s = {0}\nbody_s = {0}\nconnections = 60\n"
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("gateway")
    with providers("mock") as (mock,):
        with gateway(folder, limited(mock, PATIENCE_S)) as running:
            yield mock, running


def limited(mock: Provider, seconds: float) -> str:
    """A configuration where a head, and a body, must come within so many seconds."""
    return config(mock, more=DENY).replace("[limits]\n", LIMITS.format(seconds))


def raw(running: Running, data: bytes, wait: float = PATIENCE_S, answers: int = 1) -> bytes:
    """Send bytes as they are; return what comes back until it is so many answers, or nothing more comes."""
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S) as client:
        client.settimeout(wait)
        got = b""
        with contextlib.suppress(OSError):  # it may have answered, and closed, before it had all
            client.sendall(data)
        try:
            while piece := client.recv(65_536):
                got += piece
                if got.endswith(b"}") and got.count(b"HTTP/1.1 ") >= answers:
                    break
        except OSError:
            pass
        return got


def request(body: bytes, *headers: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"host: x", b"authorization: Bearer sk-test", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def served(rig: Rig) -> None:
    """The gateway still works, and no denied model reached the provider."""
    mock, running = rig
    answer = post(
        f"{running.url}/v1/chat/completions",
        json={"model": "fine", "messages": []},
        headers={"authorization": "Bearer sk-test"},
    )
    assert answer.status_code == 200
    assert not [one for one in mock.seen if b'"denied' in one.body or b"/admin" in one.path.encode()]
    assert all(one.path == "/v1/chat/completions" for one in mock.seen)


INNER = request(b'{"model":"denied"}', b"content-length: 18")


@pytest.mark.parametrize(
    "data",
    [
        request(b"0\r\n\r\n" + INNER, b"content-length: 5", b"transfer-encoding: chunked"),
        request(b"0\r\n\r\n" + INNER, b"transfer-encoding: chunked", b"content-length: 5"),
        request(b"0\r\n\r\n" + INNER, b"transfer-encoding: xchunked", b"content-length: 5"),
        request(b"0\r\n\r\n" + INNER, b"transfer-encoding : chunked", b"content-length: 5"),
        request(b"0\r\n\r\n" + INNER, b"transfer-encoding: chunked", b"transfer-encoding: identity"),
        request(b'{"model":"fine"}' + INNER, b"content-length: 16", b"content-length: 400"),
        request(b'{"model":"fine"}', b"content-length: 16, 16"),
        request(b'{"model":"fine"}', b"content-length: +16"),
        request(b'{"model":"fine"}', b"content-length: 0x10"),
        request(b'{"model":"fine"}', b"content-length: 16", b" folded: yes"),
        request(b'{"model":"fine"}', b"content-length: 16", b"x: a\x00b"),
        request(b'{"model":"fine"}', b"content-length: 16", b"user-agent: a\rX-Evil: b"),
        request(b"5\r\nabc\r\n0\r\n\r\n", b"transfer-encoding: chunked"),
        request(b"ffffffffffffffffff\r\nabc", b"transfer-encoding: chunked"),
        request(b"-1\r\nabc", b"transfer-encoding: chunked"),
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        request(b'{"model":"fine"}', b"content-length: 16", path=b"http://evil.example/v1/chat/completions"),
        request(b'{"model":"fine"}', b"content-length: 16", path=b"/v1/chat/completions/%2e%2e/%2e%2e/admin"),
        request(b'{"model":"fine"}', b"content-length: 16", path=b"/v1/chat%2fcompletions"),
        request(b'{"model":"fine"}', b"content-length: 16", path=b"//v1/chat/completions"),
        request(b"", b"upgrade: websocket", b"connection: upgrade", b"sec-websocket-key: x"),
    ],
)
def test_a_request_that_tries_to_be_two_is_never_more_than_one(rig: Rig, data: bytes) -> None:
    raw(rig[1], data, 0.3)

    served(rig)


@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
@pytest.mark.parametrize(
    "path", [b"/v1/files", b"/v1/files/file-abc123", b"/v1/chat/completions", b"/v1/models"]
)
def test_a_request_hidden_in_a_body_that_nobody_expects_reaches_no_provider(
    rig: Rig, method: bytes, path: bytes
) -> None:
    hiding = request(INNER, b"content-length: %d" % len(INNER), path=path).replace(b"POST", method, 1)
    before = len(rig[0].seen)

    got = raw(rig[1], hiding)

    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert len(rig[0].seen) == before
    served(rig)


def test_a_pipelined_request_that_is_denied_is_denied(rig: Rig) -> None:
    got = raw(rig[1], request(b'{"model":"fine"}', b"content-length: 16") + INNER, answers=2)

    assert got.startswith(b"HTTP/1.1 200")
    assert b"house" in got
    served(rig)


def test_huge_headers_are_refused(rig: Rig) -> None:
    for data in (b"x: " + b"a" * 200_000, b"\r\n".join(b"x%d: y" % n for n in range(900))):
        got = raw(rig[1], request(b"{}", data, b"content-length: 2"))
        assert got.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")) or got == b""
    served(rig)


def test_a_body_over_the_limit_is_refused(rig: Rig) -> None:
    said = raw(rig[1], request(b"x", b"content-length: 900000000"))
    chunks = b"".join(b"4e20\r\n" + b"a" * 20_000 + b"\r\n" for _ in range(8))
    streamed = raw(rig[1], request(chunks, b"transfer-encoding: chunked"))

    assert said.startswith(b"HTTP/1.1 413")
    assert streamed.startswith(b"HTTP/1.1 413")


def test_a_large_body_is_not_read_for_somebody_without_a_key(rig: Rig) -> None:
    request_ = request(b"x" * 70_000, b"content-length: 90000").replace(b"sk-test", b"sk-none")

    got = raw(rig[1], request_)

    assert got.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in got


def alive() -> list[Call | Connection]:
    """Return the requests and connections that are still in memory."""
    return [one for one in gc.get_objects() if isinstance(one, Call | Connection)]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            request(b"x" * 90_000, b"content-length: 90000").replace(b"sk-test", b"sk-none"), id="no key"
        ),
        pytest.param(request(b"x" * 90_000, b"content-length: 900000000"), id="body over the limit"),
        pytest.param(
            request(b"4e20\r\n" + b"a" * 20_000, b"transfer-encoding: chunked"), id="left in a chunk"
        ),
        pytest.param(request(b"x" * 80_000, b"content-length: 90000"), id="left in a body"),
        pytest.param(
            request(b"", b"content-length: 10", b"expect: 100-continue"), id="left when told to go on"
        ),
        pytest.param(request(b'{"model":"denied-1"}', b"content-length: 20"), id="denied"),
        pytest.param(request(b"", b"x: " + b"a" * 9_000), id="head over the limit"),
        pytest.param(request(b"{}", b"content-length: 2") + b"NONSENSE\r\n\r\n", id="nonsense after it"),
        pytest.param(b"NONSENSE\r\n\r\n", id="nonsense"),
        pytest.param(b"POST /v1/chat", id="left in a head"),
    ],
)
def test_nothing_of_a_connection_waits_for_the_garbage_collector(rig: Rig, sent: bytes) -> None:
    gc.collect()
    before = alive()
    gc.disable()
    try:
        with socket.create_connection(("127.0.0.1", rig[1].port), PATIENCE_S) as client:
            client.settimeout(0.2)
            with contextlib.suppress(OSError):
                client.sendall(sent)
                client.recv(65_536)
        until(lambda: not [one for one in alive() if one not in before], "nothing of it is left")
    finally:
        gc.enable()


def test_a_request_that_never_ends_is_closed(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, limited(mock, 0.3)) as running:
        for start in (b"", b"POST /v1/chat", INNER[:-5]):
            with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S) as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall(start)
                    assert client.recv(10) == b""


def test_more_connections_than_permitted_are_closed_and_serving_goes_on(rig: Rig) -> None:
    address = ("127.0.0.1", rig[1].port)

    def closed(client: socket.socket) -> bool:
        try:
            return client.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    with contextlib.ExitStack() as held:
        clients = [held.enter_context(socket.create_connection(address, PATIENCE_S)) for _ in range(80)]
        for one in clients:
            one.setblocking(False)
        until(lambda: sum(map(closed, clients)) >= 20, "what is too many is closed")
    until(lambda: not rig[1].worker.server.state.connections, "the places are free again")
    served(rig)


def test_trying_many_keys_tells_nothing_and_reaches_nobody(rig: Rig) -> None:
    mock, running = rig
    before = len(mock.seen)
    with httpx.Client(timeout=PATIENCE_S) as client:
        answers = {
            client.post(
                f"{running.url}/v1/chat/completions",
                json={"model": "fine"},
                headers={"authorization": f"Bearer {guess}"},
            ).status_code
            for guess in ["sk-tes", "sk-test1", "SK-TEST", "x" * 5_000, *(f"sk-{n}" for n in range(200))]
        }

    assert answers == {401}
    assert len(mock.seen) == before


def test_what_a_caller_calls_a_parameter_is_no_header_of_the_answer(rig: Rig) -> None:
    """A warning names the parameters that are not carried over, whatever a caller wrote in them."""
    body = {"model": "fine", "max_tokens": 5, "messages": [], "odd\x04\r\nx-evil: 1\u0087\ud7ff": 1}
    headers = {"authorization": "Bearer sk-test"}

    answer = post(f"{rig[1].url}/v1/messages", json=body, headers=headers)

    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert "odd???x-evil: 1?? is not carried over" in answer.headers["x-reliant-warning"]


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_random_bytes_do_no_harm(rig: Rig, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", rig[1].port), PATIENCE_S) as client:
        client.sendall(data)
    assert not [one for one in rig[0].seen if b"denied" in one.body]


_KEYS = st.sampled_from(["model", "Model", "MODEL", "mod\\u0065l", "stream", "x"])
_VALUES = st.sampled_from(['"fine"', '"denied"', "1", "null", '{"model":"denied"}', '["model"]'])


@settings(max_examples=300)
@given(st.lists(st.tuples(_KEYS, _VALUES), max_size=5), st.sampled_from(["", " ", "\n"]))
def test_the_model_that_is_judged_is_the_only_one_in_the_body(
    pairs: list[tuple[str, str]], space: str
) -> None:
    """However a reader treats doubles and letter case, it must find the model that was judged."""
    body = ("{" + f",{space}".join(f'"{name}"{space}:{value}' for name, value in pairs) + "}").encode()
    try:
        head = read_json(body)
    except BadBody:
        return
    every = [value for name, value in json.loads(body, object_pairs_hook=list) if name.casefold() == "model"]
    assert set(map(str, every)) <= {str(head.model)}


@given(st.lists(st.sampled_from(["model", "Model", "file"]), max_size=4))
def test_a_form_has_one_model_or_is_refused(names: list[str]) -> None:
    parts = b"".join(
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\nv{at}\r\n'.encode()
        for at, name in enumerate(names)
    )
    try:
        found = read_form(parts + b"--b--\r\n", b"multipart/form-data; boundary=b")
    except BadBody:
        assert names.count("model") > 1 or "Model" in names
        return
    assert names.count("model") <= 1
    assert "Model" not in names
    assert (found is not None) == ("model" in names)


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_reading_any_body_ends_in_a_value_or_a_refusal(body: bytes, kind: bytes) -> None:
    for read in (lambda: read_json(body), lambda: read_form(body, b"multipart/form-data; boundary=" + kind)):
        with contextlib.suppress(BadBody):
            read()
