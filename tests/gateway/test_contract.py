"""The smallest configuration, asked with a plain HTTP client."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.gateway_provider import TOKENS, Provider, providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post

KEY = {"authorization": "Bearer sk-test"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, Running]]:
    folder = tmp_path_factory.mktemp("gateway")
    with providers("mock") as (mock,), gateway(folder, config(mock)) as running:
        yield mock, running


def ask(running: Running, model: str, **more: object) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)


def test_health_says_ok(rig: tuple[Provider, Running]) -> None:
    answer = get(f"{rig[1].url}/health")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_an_answer_is_passed_on_byte_for_byte(rig: tuple[Provider, Running]) -> None:
    mock, running = rig

    answer = ask(running, "gpt-4o")

    assert answer.status_code == 200
    assert answer.content == mock._completion({}, "gpt-4o")
    assert answer.headers["x-request-id"] == "req_provider"
    assert answer.headers["x-ratelimit-remaining-requests"] == "99"


def test_the_body_reaches_the_provider_as_it_was_sent_and_the_key_does_not(
    rig: tuple[Provider, Running],
) -> None:
    mock, running = rig
    body = b'{ "messages": [{"role":"user","content":"\xe4\xbd\xa0\\u4f60"}],  "model":"gpt-4o", "x":1.0e0}'
    headers = {**KEY, "cookie": "a=b", "x-forwarded-for": "8.8.8.8", "x-stainless-lang": "python"}

    post(f"{running.url}/v1/chat/completions", content=body, headers=headers)

    seen = mock.seen[-1]
    assert seen.body == body
    assert seen.headers["authorization"] == "Bearer sk-upstream"
    assert seen.headers["x-stainless-lang"] == "python"
    assert not {"cookie", "x-forwarded-for"} & set(seen.headers)
    assert "sk-test" not in str(seen.headers)


def test_a_stream_comes_whole_and_ends_with_its_mark(rig: tuple[Provider, Running]) -> None:
    answer = ask(rig[1], "gpt-4o", stream=True)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.count("data:") == TOKENS + 2
    assert answer.text.endswith("data: [DONE]\n\n")


def test_the_first_event_arrives_long_before_the_last(rig: tuple[Provider, Running]) -> None:
    mock, running = rig
    mock.gate = threading.Event()
    body = {"model": "gpt-4o", "messages": [], "stream": True}
    url = f"{running.url}/v1/chat/completions"
    try:
        with httpx.stream("POST", url, json=body, headers=KEY, timeout=PATIENCE_S) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            mock.gate.set()  # until here the provider has said one word
            rest = b"".join(pieces)
    finally:
        mock.gate = None

    assert first.count(b"data:") == 1
    assert rest.count(b"data:") == TOKENS + 1


def test_without_a_valid_key_nothing_reaches_the_provider(rig: tuple[Provider, Running]) -> None:
    mock, running = rig
    before = len(mock.seen)

    for headers in ({}, {"authorization": "Bearer sk-wrong"}, {"authorization": "sk-test"}):
        answer = post(f"{running.url}/v1/chat/completions", json={"model": "gpt-4o"}, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"

    assert len(mock.seen) == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b"{}", "model"),
        (b'{"model": 3}', "model"),
        (b'{"model": "a", "model": "b"}', "model"),
        (b'{"model": "a", "Model": "b"}', "model"),
        (b'{"model": "a", "mod\\u0065l": "b"}', "model"),
        (b'{"model": "a\\n"}', "model"),
        (b'{"model": "\xff"}', None),
        (b'{"model": "a", "x": "\xff"}', None),
        (b'{"model": "a", "\xff": "\\u0000"}', None),
        (b'{"model": "a", "\\ud800": 1}', None),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_is_refused(
    rig: tuple[Provider, Running], body: bytes, param: str | None
) -> None:
    mock, running = rig
    before = len(mock.seen)

    answer = post(f"{running.url}/v1/chat/completions", content=body, headers=KEY)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert len(mock.seen) == before


@pytest.mark.parametrize(
    "path", ["/v1/../admin", "/v1/chat/completions/../files", "/v1/unknown", "/v2/chat", "/"]
)
def test_a_path_that_is_not_listed_is_not_served(rig: tuple[Provider, Running], path: str) -> None:
    mock, running = rig
    before = len(mock.seen)

    request = httpx.Request("POST", running.url, headers=KEY, extensions={"target": path.encode()})
    with httpx.Client(timeout=PATIENCE_S) as client:
        answer = client.send(request)

    assert answer.status_code == 404
    assert len(mock.seen) == before


def test_every_answer_is_in_the_log_with_its_decision(rig: tuple[Provider, Running]) -> None:
    running = rig[1]

    answer = ask(running, "gpt-4o")

    name = answer.headers["x-reliant-request-id"]
    decision = next(one for one in running.decisions() if one["id"] == name)
    outcome = next(one for one in running.outcomes() if one["id"] == name)
    assert decision["n"] < outcome["n"]
    assert (decision["key"], decision["place"], decision["upstream"]) == ("test", "US", "mock")
    assert (outcome["status"], outcome["tokens_in"], outcome["tokens_out"]) == (200, 19, 26)
    assert "hi" not in json.dumps(decision)


def test_the_key_is_in_no_log_and_no_metric(rig: tuple[Provider, Running]) -> None:
    running = rig[1]
    ask(running, "fault-401")

    text = "".join(file.read_text() for file in running.audit.glob("[!.]*"))  # a draft may vanish
    text += get(f"{running.url}/metrics").text + "".join(running.said)

    assert "reliant_gateway_requests_total" in text
    for secret in ("sk-test", "sk-upstream"):
        assert secret not in text


def test_models_lists_what_the_configuration_spells_out(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        text = config(mock) + f'[[route]]\nmodel = "fast"\nupstreams = ["{mock.name}"]\n'
        with gateway(tmp_path, text) as running:
            listed = get(f"{running.url}/v1/models", headers=KEY).json()

    assert [one["id"] for one in listed["data"]] == ["fast"]
