# ruff: noqa: SIM117 - what is served stands around what is asked
"""A key for one model and one kind of request: whatever is sent with it, no other runs.

The provider here reads as providers do: JSON in UTF-8, and the last of two names.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest

from support.gateway_provider import Provider, Seen, providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway

Rig = tuple[Provider, Running]
SMALL = (
    '[[key]]\nname = "small"\nsecret = "sk-small"\nmodels = ["mini", "mini-*"]\n'
    'endpoints = ["chat", "audio", "images", "embeddings"]\n'
)
CHAT = b"/v1/chat/completions"
JSON = b"content-type: application/json"
GOOD = b'{"model":"mini","messages":[]}'
BAD = b'{"model":"large","messages":[]}'


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with providers("mock") as (mock,):
        with gateway(tmp_path_factory.mktemp("gateway"), config(mock, more=SMALL)) as running:
            yield mock, running


def send(rig: Rig, data: bytes) -> tuple[bytes, list[Seen]]:
    """Send bytes as they are; return the answer, and what reached the provider."""
    rig[0].seen.clear()
    got = b""
    with socket.create_connection(("127.0.0.1", rig[1].port), PATIENCE_S) as client:
        with contextlib.suppress(OSError):
            client.sendall(data)
            while piece := client.recv(65_536):
                got += piece
    return got, list(rig[0].seen)


def request(
    body: bytes, *headers: bytes, path: bytes = CHAT, method: bytes = b"POST", key: bytes = b"sk-small"
) -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"host: x", b"authorization: Bearer " + key, *headers]
    lines += [b"connection: close", b"content-length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'--xx\r\ncontent-disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name, more, value)


FORM = b"content-type: multipart/form-data; boundary=xx"
AUDIO = part(b"file", b"RIFF", b'; filename="a.wav"')


def test_what_it_may_do_it_can(rig: Rig) -> None:
    _, seen = send(rig, request(GOOD, JSON))
    _, form = send(
        rig, request(AUDIO + part(b"model", b"mini") + b"--xx--\r\n", FORM, path=b"/v1/audio/translations")
    )

    assert [one.json["model"] for one in seen] == ["mini"]
    assert len(form) == 1


@pytest.mark.parametrize(
    "body",
    [
        BAD,
        b'{"model":"mini","model":"large"}',
        b'{"model":"large","model":"mini"}',
        b'{"model":"mini","Model":"large"}',
        b'{"MODEL":"large"}',
        b'{"model":"mini","\\u006dodel":"large"}',
        b'{"\\u006dodel":"large"}',
        b'{"model":"larg\\u0065"}',
        b'{"model":["mini","large"]}',
        b'{"model":{"id":"large"}}',
        b'{"model":1e400}',
        b'{"model":null,"messages":[]}',
        b'{"model":""}',
        b'{"model":"mini\\u0000large"}',
        b'{"model":"mini\\nlarge"}',
        b'{"model":" large"}',
        b'{"model":"mini"}{"model":"large"}',
        b'{"model":"mini"}\n{"model":"large"}',
        b'[{"model":"mini"},{"model":"large"}]',
        b"\xef\xbb\xbf" + BAD,
        b"\xef\xbb\xbf" + GOOD,
        BAD.decode().encode("utf-16"),
        BAD.decode().encode("utf-16-le"),
        BAD.decode().encode("utf-32"),
        b"\xff\xfe" + GOOD,
        b'{"model":"mini","x":' + b"[" * 100_000,
        b'{"model":"mini","x":' + b"[" * 5_000 + b"]" * 5_000 + b',"model":"large"}',
        b'{"model":"mini","messages":[],"models":["mini","large"]}',
        b'{"model":"mini","messages":[],"models":["large"],"models":["mini"]}',
        b'{"model":"mini","messages":[],"fallbacks":[{"model":"large"}]}',
        b'{"model":"mini","messages":[],"tools":[{"type":"x","model":"large"}]}',
        b'{"model":"mini","messages":[],"tools":[{"type":"x","m\\u006fdel":"large"}]}',
        b'{"model":"mini","messages":[],"tools":[{"type":"x","model":"large"}],"tools":[]}',
        b"model=large",
        b"",
    ],
)
def test_no_json_makes_another_model_run(rig: Rig, body: bytes) -> None:
    got, seen = send(rig, request(body, JSON))

    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403")), got[:80]
    assert seen == []


@pytest.mark.parametrize(
    "deep", [b"[" * 500 + b"]" * 500, b"1" * 4_000, b"-1e-9999", b'"' + b"\\u4f60" * 1_000 + b'"']
)
def test_odd_values_beside_the_model_are_the_providers_business(rig: Rig, deep: bytes) -> None:
    """Or a 400: but never another model."""
    got, seen = send(rig, request(b'{"model":"mini","messages":[],"x":' + deep + b"}", JSON))

    assert got.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), got[:80]
    assert all(b'"mini"' in one.body for one in seen)


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/form-data; boundary=xx",
        b"application/x-www-form-urlencoded",
        b"text/plain",
        b"application/json; charset=utf-16",
        b"application/json\r\ncontent-type: multipart/form-data; boundary=xx",
        b"",
    ],
)
def test_a_lie_about_the_type_of_a_body_changes_nothing(rig: Rig, kind: bytes) -> None:
    got, seen = send(rig, request(BAD, b"content-type: " + kind))
    form, reached = send(rig, request(part(b"model", b"large") + b"--xx--\r\n", b"content-type: " + kind))

    good, passed = send(rig, request(GOOD, b"content-type: " + kind))

    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert form.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert seen == reached == []
    assert good.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), good[:80]
    assert all(b'"mini"' in one.body for one in passed)


MODEL = part(b"model", b"mini")


@pytest.mark.parametrize(
    "form",
    [
        MODEL + part(b"model", b"large"),
        MODEL + part(b"Model", b"large"),
        MODEL + part(b"model[]", b"large") + part(b"model", b"large"),
        b"--xx\r\ncontent-disposition: form-data; name=model\r\n\r\nlarge\r\n",
        b'--xx\r\nContent-Disposition: form-data; NAME = "model"\r\n\r\nlarge\r\n',
        b'--xx\r\ncontent-disposition: form-data; name="x"; name="model"\r\n\r\nlarge\r\n',
        b"--xx\r\ncontent-disposition: form-data; name*=utf-8''model\r\n\r\nlarge\r\n",
        b'--xx\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name="model"\r\n\r\nlarge\r\n',
        b'--xx\r\ncontent-disposition:\r\n form-data; name="model"\r\n\r\nlarge\r\n' + MODEL,
        b'--xx\r\ncontent-disposition: form-data; name="mo\\del"\r\n\r\nlarge\r\n',
        b'--xx\ncontent-disposition: form-data; name="model"\n\nlarge\n' + MODEL,
        b'preamble --xx\r\ncontent-disposition: form-data; name="model"\r\n\r\nlarge\r\n',
        part(b"model", b"mini\r\n--xx--\r\nlarge") + part(b"model", b"large"),
        MODEL + b"--xx\n" + b'content-disposition: form-data; name="model"\n\nlarge\n',
    ],
)
def test_no_form_makes_another_model_run(rig: Rig, form: bytes) -> None:
    data = request(AUDIO + form + b"--xx--\r\n", FORM, path=b"/v1/audio/transcriptions")
    got, seen = send(rig, data)

    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403")), (got[:80], form)
    assert seen == []


def test_a_form_with_two_boundaries_is_read_in_one_way_only_and_so_in_none(rig: Rig) -> None:
    other = AUDIO + MODEL.replace(b"mini", b"large")
    form = AUDIO + MODEL + b"--xx--\r\n" + other.replace(b"--xx", b"--yy") + b"--yy--\r\n"
    kind = b"content-type: multipart/form-data; boundary=xx; boundary=yy"
    got, seen = send(rig, request(form, kind, path=b"/v1/audio/transcriptions"))

    assert got.startswith(b"HTTP/1.1 400")
    assert seen == []


@pytest.mark.parametrize(
    "path",
    [
        b"//v1/completions",
        b"/v1//completions",
        b"/v1/completions/",
        b"/V1/completions",
        b"/v1/Completions",
        b"/v1/chat/../completions",
        b"/v1/chat/%2e%2e/completions",
        b"/v1/%63ompletions",
        b"/v1/chat/completions%2f..%2f..%2fcompletions",
        b"/v1/chat/completions/..;/completions",
        b"/v1/chat/completions\\..\\completions",
        b"/v1/completions;x",
        b"/v1/completions%00",
        b"/v1/completions%0d%0ax: y",
        b"/v1/completions#x",
        b"http://provider.example/v1/completions",
        b"http://x/v1/completions",
        b"*",
        b"/v1/completions?x=1",
        b"/v1/responses/../completions",
        b"/v1/models/../completions",
        b"/v1/models/%2e%2e/completions",
        b"/v1/chat/completions/x/../../../completions",
    ],
)
def test_no_spelling_of_a_path_reaches_what_the_key_may_not_use(rig: Rig, path: bytes) -> None:
    for method in (b"POST", b"GET", b"PUT", b"PATCH", b"OPTIONS", b"TRACE"):
        got, seen = send(rig, request(GOOD, JSON, path=path, method=method))

        assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403", b"HTTP/1.1 404", b"HTTP/1.1 405")), (
            method,
            got[:90],
        )
        assert seen == [], (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        (b"x-http-method-override: DELETE",),
        (b"x-original-url: /v1/completions", b"x-rewrite-url: /v1/completions"),
        (b"authorization: Bearer sk-test",),
        (b"x-api-key: sk-test",),
        (b"api-key: sk-test",),
        (b"proxy-authorization: Bearer sk-test",),
        (b"cookie: key=sk-test",),
        (b"x-forwarded-for: 127.0.0.1", b"forwarded: for=127.0.0.1", b"x-real-ip: 127.0.0.1"),
        (b"x-reliant-upstream: other", b"x-reliant-place: US", b"x-reliant-request-id: mine"),
        (b"openai-model: large", b"x-model: large", b"azure-openai-deployment: large"),
        (b"expect: 100-continue",),
        (b"expect: 200-ok",),
        (b"upgrade: h2c", b"http2-settings: AAMAAABkAAQAAP__"),
        (b"upgrade: websocket",),
        (b"trailer: authorization",),
        (b"te: trailers, deflate",),
        (b"connection: authorization, close",),
        (b"content-encoding: gzip",),
    ],
)
def test_no_header_makes_another_model_run_or_speaks_for_another_key(
    rig: Rig, headers: tuple[bytes, ...]
) -> None:
    got, refused = send(rig, request(BAD, JSON, *headers))
    _, seen = send(rig, request(GOOD, JSON, *headers))

    # Two keys in one request: the provider would not know either, and neither is the admin's here.
    assert not any(b"large" in one.body for one in refused), got[:80]
    for one in seen:
        assert one.method == "POST"
        assert one.path == CHAT.decode()
        assert one.headers["authorization"] == "Bearer sk-upstream"
        gone = {
            "cookie",
            "x-forwarded-for",
            "forwarded",
            "x-real-ip",
            "x-api-key",
            "api-key",
            "upgrade",
            "te",
        }
        gone |= {
            "trailer",
            "connection",
            "x-reliant-upstream",
            "proxy-authorization",
            "x-original-url",
            "expect",
        }
        assert not gone & set(one.headers)


def test_a_trailer_after_a_body_in_chunks_is_not_a_header(rig: Rig) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-small\r\n"
    head += b"content-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
    trailer = b"authorization: Bearer sk-test\r\nx-late: 1\r\n"
    got, refused = send(
        rig, head + b"trailer: authorization\r\n\r\n%x\r\n%b\r\n0\r\n%b\r\n" % (len(BAD), BAD, trailer)
    )
    _, seen = send(rig, head + b"\r\n%x\r\n%b\r\n0\r\n%b\r\n" % (len(GOOD), GOOD, trailer))

    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert refused == []
    assert all("x-late" not in one.headers for one in seen)


def test_what_the_operator_says_in_a_header_a_caller_cannot_say_otherwise(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("gateway")
    own = 'headers = { "OpenAI-Organization" = "org-house" }'
    with providers("mock") as (mock,), gateway(folder, config(mock, upstream=own, more=SMALL)) as running:
        send((mock, running), request(GOOD, JSON, b"openai-organization: org-other"))
        (seen,) = mock.seen

    assert seen.headers["openai-organization"] == "org-house"


@pytest.mark.parametrize(
    "name", ["mini-[l]arge", "mini-*", "mini-?", "mini-\\u002a", "mini-$(x)", "mini-../large"]
)
def test_a_glob_in_a_request_is_a_name_and_nothing_else(rig: Rig, name: str) -> None:
    """The key's globs are the operator's; what a caller writes is never taken for one."""
    body = b'{"model":"' + name.encode() + b'","messages":[]}'
    got, seen = send(rig, request(body, JSON))

    assert [one.json["model"] for one in seen] == [json.loads(body)["model"]], got[:80]
