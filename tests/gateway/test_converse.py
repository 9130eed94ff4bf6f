"""Bedrock's own Converse behind chat and Messages, held against the service's published model."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import botocore.serialize
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.gateway.api.surface import CHAT, find
from reliant.gateway.translate import translation
from reliant.gateway.translate._common import Untranslatable
from reliant.gateway.translate.chat_to_converse import ChatToConverse
from reliant.gateway.translate.converse_stream import Frames
from reliant.gateway.upstream.client import UpstreamFailure
from support.gateway_bedrock import CONVERSE, Bedrock, bedrock, events_of, frame, signature, wrong
from support.gateway_provider import providers
from support.gateway_rig import Running, gateway, post, wall

ENV = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "sec/ret"}
MODEL = "anthropic.claude-x-v1:0"
PIXEL = base64.b64encode(b"\x89PNG\r\n").decode()
TOOL = {
    "name": "weather",
    "description": "d",
    "parameters": {"type": "object", "properties": {}},
    "strict": True,
}
KEY = {"authorization": "Bearer sk-test"}
TEXT = """[place]
country = "US"
[limits]
drain_s = 1.0
[policy]
on_unknown = {{ access = "warn" }}
[[upstream]]
name = "bedrock"
provider = "aws-bedrock"
base_url = "{url}"
api = "bedrock-converse"
region = "us-east-1"
models = {{ "claude" = "{model}" }}
[[key]]
name = "test"
secret = "sk-test"
[[route]]
model = "*"
upstreams = ["bedrock"{more}]
retries = 0
continue_streams = true
"""


def text_for(mock: Bedrock, more: str = "") -> str:
    return TEXT.format(url=mock.url, model=MODEL, more=more)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bedrock, Running]]:
    with bedrock() as mock, gateway(tmp_path_factory.mktemp("gw"), text_for(mock), env=ENV) as running:
        yield mock, running


@pytest.fixture
def client(rig: tuple[Bedrock, Running]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{rig[1].url}/v1", api_key="sk-test", max_retries=0) as made:
        yield made
    assert [one for one in rig[0].complaints if one] == [], "the service's model allows all of it"


HISTORY: Any = [
    {"role": "system", "content": "be short"},
    {"role": "developer", "content": [{"type": "text", "text": "really"}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            {
                "type": "file",
                "file": {"filename": "a.b_c.pdf", "file_data": f"data:application/pdf;base64,{PIXEL}"},
            },
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"a":1}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    {"role": "user", "content": "and now?"},
]


def test_the_openai_sdk_works_against_converse(rig: tuple[Bedrock, Running], client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": TOOL}]
    raw = client.chat.completions.with_raw_response.create(
        model="claude",
        messages=HISTORY,
        tools=tools,
        tool_choice="required",
        max_tokens=9,
        temperature=1.5,
        top_p=0.5,
        stop="END",
        seed=1,
        service_tier="flex",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    )
    answer = raw.parse()
    sent = rig[0].seen[-1]

    assert sent.path == "/model/anthropic.claude-x-v1%3A0/converse"
    assert [one["role"] for one in sent.json["messages"]] == ["user", "assistant", "user"]
    assert sent.json["system"] == [{"text": "be short"}, {"text": "really"}]
    assert sent.json["messages"][0]["content"][1] == {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    assert sent.json["messages"][0]["content"][2]["document"]["name"] == "a b c"
    assert sent.json["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": "rain"}]
    assert sent.json["toolConfig"]["toolChoice"] == {"any": {}}
    assert sent.json["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 1.0,
        "topP": 0.5,
        "stopSequences": ["END"],
    }
    assert answer.choices[0].message.content == "hello from bedrock"
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls or []
    assert [json.loads(one.function.arguments)["n"] for one in calls if one.type == "function"] == [1, 2]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 5)
    assert wall() - 600 < answer.created <= wall()
    assert "seed is not carried over" in raw.headers["x-reliant-warning"]
    assert rig[1].outcomes()[-1]["tokens_in"] == 11


def test_what_is_sent_is_what_the_vendors_own_client_would_send(
    rig: tuple[Bedrock, Running], client: openai.OpenAI
) -> None:
    client.chat.completions.create(
        model="claude", messages=HISTORY, tools=[{"type": "function", "function": TOOL}]
    )
    sent = rig[0].seen[-1]
    serializer = botocore.serialize.create_serializer(CONVERSE.service_model.metadata["protocol"])
    params = {"modelId": MODEL, **_bytes(sent.json)}

    request = serializer.serialize_to_request(params, CONVERSE)

    assert request["url_path"] == sent.path
    assert json.loads(request["body"]) == sent.json
    canonical = sent.path.replace("%", "%25")
    expected = signature(sent.headers, canonical, sent.body, "sec/ret")
    assert sent.headers["authorization"].endswith(f"Signature={expected}")


def _bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_bytes(one) for one in value]
    if isinstance(value, dict):
        return {
            name: base64.b64decode(one) if name == "bytes" else _bytes(one) for name, one in value.items()
        }
    return value


def test_a_stream_of_frames_is_a_chat_stream(rig: tuple[Bedrock, Running], client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="claude",
            messages=HISTORY,
            tools=[{"type": "function", "function": TOOL}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    plain = list(client.chat.completions.create(model="claude", messages=HISTORY, stream=True))
    assert all(wall() - 600 < one.created <= wall() for one in plain)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    arguments = {0: "", 1: ""}
    for delta in deltas:
        for call in delta.tool_calls or []:
            arguments[call.index] += (call.function.arguments if call.function else None) or ""

    assert "".join(delta.content or "" for delta in deltas) == "hello from bedrock "
    assert [json.loads(text)["n"] for text in arguments.values()] == [1, 2]
    assert [one.choices[0].finish_reason for one in chunks if one.choices][-1] == "tool_calls"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 16
    assert plain[-1].choices[0].finish_reason == "stop"
    assert [(one["tokens_in"], one["tokens_out"]) for one in rig[1].outcomes()[-2:]] == [(11, 5), (11, 5)]


def test_the_anthropic_sdk_works_against_converse(rig: tuple[Bedrock, Running]) -> None:
    with anthropic.Anthropic(base_url=rig[1].url, api_key="sk-test", max_retries=0) as client:
        asked: Any = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        whole = client.messages.create(**asked)
        tool: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
        with client.messages.stream(**asked, tools=[tool]) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        with pytest.raises(anthropic.RateLimitError) as throttled:
            client.messages.create(**{**asked, "model": "fault-throttled"})

    assert whole.content[0].type == "text"
    assert whole.content[0].text == "hello from bedrock"
    assert text == "hello from bedrock "
    assert [one.input["n"] for one in final.content if one.type == "tool_use"] == [1, 2]
    assert (final.stop_reason, final.usage.output_tokens) == ("tool_use", 5)
    assert "Too many tokens" in str(throttled.value)


def test_a_refused_place_is_recognised_and_recorded(
    rig: tuple[Bedrock, Running], client: openai.OpenAI
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="fault-geo", messages=HISTORY)

    assert caught.value.response.headers["x-reliant-cut"] == "bedrock.anthropic-countries"
    assert "unsupported countries" in caught.value.message
    (seen,) = [one for one in rig[1].records() if one["kind"] == "observation"]
    assert (seen["provider"], seen["shape"]) == ("aws-bedrock", "bedrock.anthropic-countries")


@pytest.mark.parametrize("model", ["fault-midstream", "fault-cut", "fault-bytes", "fault-first"])
def test_a_stream_that_breaks_ends_with_an_error_or_goes_on_elsewhere(tmp_path: Path, model: str) -> None:
    """The next upstream speaks another format; what the caller gets is one chat stream."""
    second = '[[upstream]]\nname = "other"\nprovider = "openai"\nbase_url = "{}"\napi_key = "k"\n'
    second += 'models = {{ "{}" = "gpt-4o" }}\n'
    with bedrock() as mock, providers("other") as (other,):
        alone = tmp_path / "alone"
        both = tmp_path / "both"
        alone.mkdir()
        both.mkdir()
        with gateway(alone, text_for(mock), env=ENV) as running:
            error = _fails(running, model)
        with gateway(both, text_for(mock, ', "other"') + second.format(other.url, model), env=ENV) as running:
            words = _words(running, model)

    assert error
    # What is wrong may come with the first words or after them: it begins again, or goes on.
    begins = ("w0 w1",) if model == "fault-first" else ("w0 w1", "hello ")
    assert words.startswith(begins)
    assert words.rstrip().endswith("w19")


def _words(running: Running, model: str) -> str:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
        chunks = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "x"}], stream=True
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def _fails(running: Running, model: str) -> str:
    with pytest.raises(openai.APIError) as caught:
        _words(running, model)
    return str(caught.value)


def test_a_bedrock_key_needs_no_signature(tmp_path: Path) -> None:
    with bedrock() as mock:
        text = text_for(mock).replace(
            'region = "us-east-1"', 'region = "us-east-1"\napi_key = "bedrock-api-key-x"'
        )
        with gateway(tmp_path, text) as running:
            post(
                f"{running.url}/v1/chat/completions",
                json={"model": "claude", "messages": HISTORY},
                headers=KEY,
            )
    (seen,) = mock.seen

    assert seen.headers["authorization"] == "Bearer bedrock-api-key-x"
    assert "x-amz-date" not in seen.headers


@pytest.mark.parametrize("found", [True, False])
def test_the_usual_places_are_searched_for_credentials_if_told(tmp_path: Path, found: bool) -> None:
    text = TEXT.format(url="https://bedrock-runtime.us-east-1.amazonaws.com", model=MODEL, more="")
    (tmp_path / "g.toml").write_text(text.replace("models =", 'aws_credentials = "usual"\nmodels ='))
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = S\n")
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    env |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    env["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "credentials") if found else str(tmp_path / "none")
    command = [sys.executable, "-m", "reliant", "gateway", "check", "--config", str(tmp_path / "g.toml")]

    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == (0 if found else 2), done.stderr
    assert ("finds no AWS credentials" in done.stderr) is not found


@pytest.mark.parametrize(
    "body",
    [
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}]}
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        {"messages": "hello"},
        {"messages": [1]},
        {"messages": [], "tools": [{"type": "function"}]},
        {"messages": [{"role": "tool"}]},
    ],
)
def test_content_that_cannot_be_given_is_refused_and_not_left_out(
    rig: tuple[Bedrock, Running], body: dict[str, Any]
) -> None:
    health = rig[1].worker.runtime.targets["bedrock"].health
    before = len(rig[0].seen), health.state
    answer = post(f"{rig[1].url}/v1/chat/completions", json={"model": "claude", **body}, headers=KEY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_translatable")
    assert (len(rig[0].seen), health.state) == before


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/embeddings"), ("POST", "/v1/files"), ("GET", "/v1/files")]
)
def test_what_converse_does_not_have_is_not_asked_of_it(method: str, path: str) -> None:
    endpoint = find(method, path)
    assert endpoint is not None

    with pytest.raises(Untranslatable, match="speaks Converse"):
        translation(endpoint, "bedrock-converse", 0)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "function", "url"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["model", "messages", "tools", "stop", "temperature", "tool_choice", "stream_options"]
        ),
        _ANY,
        max_size=5,
    )
)
def test_any_body_is_carried_over_or_refused(asked: dict[str, Any]) -> None:
    for api in ("bedrock-converse", "anthropic"):
        how = translation(CHAT, api, 0)
        assert how is not None
        try:
            path, body = how.request(json.dumps(asked).encode())
        except Untranslatable:
            continue
        assert path.startswith("/")
        json.loads(body)


_TURN = st.tuples(
    st.sampled_from(["user", "assistant"]), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
)


@given(st.lists(_TURN, min_size=1, max_size=5), st.none() | st.floats(0, 2), st.none() | st.integers(1, 9))
def test_every_conversation_fits_the_service_model(
    turns: list[tuple[str, str]], temperature: float | None, most: int | None
) -> None:
    messages = [{"role": role, "content": text} for role, text in turns]
    asked = {"model": MODEL, "messages": messages, "temperature": temperature, "max_tokens": most}

    _, body = ChatToConverse(0).request(json.dumps(asked).encode())

    assert wrong({"modelId": MODEL, **json.loads(body)}, CONVERSE.input_shape) == ""


@given(st.lists(st.integers(1, 60), max_size=40))
def test_frames_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    events = list(events_of([{"text": "one two"}], "end_turn"))
    data = b"".join(frame(kind, value) for kind, value in events)
    frames, found = Frames(), []
    for cut in [*cuts, len(data)]:
        found += frames.feed(data[:cut])
        data = data[cut:]

    assert [(kind, name) for kind, name, _ in found] == [("event", name) for name, _ in events]


@given(st.binary(min_size=16, max_size=200))
def test_what_is_no_frame_is_a_failure_of_the_upstream(data: bytes) -> None:
    frames = Frames()
    try:
        assert frames.feed(data) == []
    except UpstreamFailure as failure:
        assert failure.kind == "protocol"  # noqa: PT017 - either outcome is right
