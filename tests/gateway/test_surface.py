"""Which requests are served, and what is done to their bodies."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from reliant.gateway.api.body import form_with_model, read_form, read_json, tokens_of, with_model
from reliant.gateway.api.events import Relay, read_said
from reliant.gateway.api.surface import CHAT, MESSAGES, find, object_ids
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, get, post

KEY = {"authorization": "Bearer sk-test"}


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/chat/completions", "chat"),
        ("POST", "/v1/messages", "messages"),
        ("GET", "/v1/responses/resp_123456", "responses"),
        ("POST", "/v1/responses/resp_123456/cancel", "responses"),
        ("POST", "/v1/images/edits", "images"),
        ("POST", "/v1/audio/transcriptions", "audio"),
        ("DELETE", "/v1/files/file-abc123", "files"),
        ("GET", "/v1/fine_tuning/jobs", "fine_tuning"),
        ("POST", "/v1/batches", "batches"),
    ],
)
def test_what_the_sdks_ask_for_is_served(method: str, path: str, name: str) -> None:
    found = find(method, path)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/organization/users"),
        ("PUT", "/v1/files/file-abc123"),
        ("POST", "/v1/files/../chat/completions"),
        ("POST", "/v1/files//x"),
        ("POST", "/v1/files/%2e%2e"),
        ("POST", "/v1/realtime/sessions"),
        ("GET", "/v1/chat/other"),
    ],
)
def test_what_nobody_looked_at_is_not_served(method: str, path: str) -> None:
    assert find(method, path) is None


def test_ids_in_a_path_are_told_from_words() -> None:
    assert object_ids("/v1/vector_stores/vs_abc123/files/file-xyz99") == ["vs_abc123", "file-xyz99"]
    assert object_ids("/v1/fine_tuning/jobs") == []


def test_another_name_for_the_model_changes_nothing_else() -> None:
    body = b'{"model":"a", "temperature":1.0e0,"messages":[ {"content":"\\u4f60"} ]}'

    changed = with_model(body, "b")

    assert changed == b'{"model":"b","temperature":1.0e0,"messages":[ {"content":"\\u4f60"} ]}'


def test_a_form_keeps_its_file_when_the_model_gets_another_name() -> None:
    kind = b'multipart/form-data; boundary="xx"'
    part = b'--xx\r\ncontent-disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
    audio = bytes(range(256))
    body = part % (b"file", b'; filename="a.wav"', audio) + part % (b"model", b"", b"whisper") + b"--xx--\r\n"

    changed = form_with_model(body, kind, "whisper-1")

    assert read_form(body, kind) == "whisper"
    assert read_form(changed, kind) == "whisper-1"
    assert audio in changed
    assert len(changed) == len(body) + 2


def test_an_alias_is_replaced_for_each_upstream(tmp_path: Path) -> None:
    aliases = 'models = { fast = "gpt-4o-mini" }\nignores = ["seed"]'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, upstream=aliases)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
            client.chat.completions.create(model="fast", messages=[])
            client.audio.transcriptions.create(model="fast", file=("a.wav", b"RIFF"))
        body = {"model": "fast", "messages": [], "seed": 7}
        answer = post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)

    assert mock.seen[0].json["model"] == "gpt-4o-mini"
    assert b"gpt-4o-mini" in mock.seen[1].body
    assert b"RIFF" in mock.seen[1].body
    assert "the parameter seed is ignored by this upstream" in answer.headers["x-reliant-warning"]


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"usage":{"prompt_tokens":3,"completion_tokens":4}}', (3, 4)),
        (b'{"usage":{"input_tokens":5,"output_tokens":6},"more":1}', (5, 6)),
        (b'{"text":"\\"usage\\":{}","usage":{"prompt_tokens":3}}', (3, 0)),
        (b'{"usage":null}', (0, 0)),
        (b"not json", (0, 0)),
    ],
)
def test_tokens_are_read_where_they_are_reported(body: bytes, tokens: tuple[int, int]) -> None:
    assert tokens_of(body) == tokens


def test_a_relay_sends_whole_events_however_they_are_cut() -> None:
    stream = b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n'
    for cut in range(len(stream)):
        relay = Relay(CHAT, keeps=False)
        sent = [relay.feed(stream[:cut]), relay.feed(stream[cut:])]

        assert b"".join(sent) == stream
        assert all(piece == b"" or piece.endswith(b"\n\n") for piece in sent)
        assert relay.complete


def test_a_stream_without_its_end_mark_is_not_complete() -> None:
    relay = Relay(MESSAGES, keeps=False)
    relay.feed(b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n')

    assert not relay.complete


def test_an_error_that_is_null_is_no_error() -> None:
    relay = Relay(CHAT, keeps=False)

    assert relay.error_at(b'data: {"error":null,"id":"c"}\n\n') == -1
    assert relay.error_at(b'data: {"id":"c"}\n\ndata: {"error":{"message":"m"}}\n\n') == 18
    assert relay.error_at(b'data: {"choices":[{"delta":{"content":"\\"error\\": x"}}]}\n\n') == -1


def test_what_a_half_stream_said_is_read_back() -> None:
    events = b'data: {"id":"c1","created":7,"choices":[{"index":0,"delta":{"content":"a "}}]}\n\n' * 3
    said = read_said(events)

    assert (said.text, said.id, said.created, said.usable) == ("a a a ", "c1", 7, True)
    tool = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}\n\n'
    assert not read_said(events + tool).usable


def test_images_are_no_objects_of_somebody(tmp_path: Path) -> None:
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock)) as running,
        openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client,
    ):
        client.images.generate(model="gpt-image-1", prompt="x")
        client.images.edit(model="gpt-image-1", prompt="x", image=("a.png", b"\x89PNG", "image/png"))

    assert [one.path.rsplit("/", 1)[1] for one in mock.seen] == ["generations", "edits"]


def test_a_conversation_is_named_by_its_id_or_by_an_object() -> None:
    assert read_json(b'{"conversation":"conv_1"}').refers_to() == ["conv_1"]
    assert read_json(b'{"conversation":{"id":"conv_1"}}').refers_to() == ["conv_1"]
    assert read_json(b'{"conversation":null}').refers_to() == []
    assert not read_json(b"{}").refers()


def test_a_form_that_is_json_after_all_gets_the_other_name_too() -> None:
    assert form_with_model(b'{"model":"sora"}', b"application/json", "sora-2") == b'{"model":"sora-2"}'


def test_a_realtime_session_is_refused_in_words(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        asked = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        answer = get(f"{running.url}/v1/realtime?model=gpt-realtime", headers={**KEY, **asked})
        secret = post(f"{running.url}/v1/realtime/client_secrets", headers=KEY, json={})
        beside = get(f"{running.url}/v1/responses", headers={**KEY, **asked})

    assert (beside.status_code, beside.json()["error"]["code"]) == (404, "realtime_not_served")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "realtime_not_served")
    assert (secret.status_code, secret.json()["error"]["code"]) == (404, "realtime_not_served")
    assert mock.seen == []


def test_a_route_for_some_models_holds_files_too(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        text = config(mock).replace('model = "*"', 'model = "gpt-*"')
        with (
            gateway(tmp_path, text) as running,
            openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client,
        ):
            made = client.files.create(file=b"x", purpose="user_data")

    assert made.id.startswith("file-mock")
