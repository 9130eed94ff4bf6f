# ruff: noqa: SIM117 - what is served stands around what is asked
"""Between chat and messages: text, tools, images and streams, through the SDKs and as laws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.gateway.translate.chat_to_messages import ChatToMessages
from reliant.gateway.translate.messages_to_chat import MessagesToChat
from support.gateway_provider import Provider, providers
from support.gateway_rig import config, gateway, post, wall

KEY = {"authorization": "Bearer sk-test"}

PIXEL = "iVBORw0KGgo="
TOOL = {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}}


def anthropic_config(mock: Provider, more: str = "") -> str:
    text = config(mock, more=more).replace('provider = "openai"', 'provider = "anthropic"\napi = "anthropic"')
    return text + '[policy]\non_unknown = { access = "warn" }\n'


def test_the_openai_sdk_works_against_a_messages_provider(tmp_path: Path) -> None:
    messages: Any = [
        {"role": "system", "content": "be short"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            ],
        },
    ]
    with providers("mock") as (mock,), gateway(tmp_path, anthropic_config(mock)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
            whole = client.chat.completions.create(
                model="claude-x", messages=messages, max_tokens=9, stop="END", seed=1
            )
            tools: Any = [{"type": "function", "function": TOOL}]
            called = client.chat.completions.create(model="claude-x", messages=messages, tools=tools)
            stream = client.chat.completions.create(
                model="claude-x",
                messages=messages,
                tools=tools,
                stream=True,
                stream_options={"include_usage": True},
            )
            chunks = list(stream)
            with pytest.raises(openai.APIStatusError) as overloaded:
                client.chat.completions.create(model="fault-529", messages=messages)
            with pytest.raises(openai.APIError) as cut:
                list(client.chat.completions.create(model="fault-midstream", messages=messages, stream=True))

    sent = mock.seen[0]
    assert sent.path == "/v1/messages"
    assert sent.headers["x-api-key"] == "sk-upstream"
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.json["system"] == "be short"
    assert sent.json["stop_sequences"] == ["END"]
    assert sent.json["messages"][0]["content"][1]["source"]["data"] == PIXEL
    assert whole.choices[0].message.content == "hello from mock"
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (11, 5)
    (call,) = called.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Basel"})
    assert called.choices[0].finish_reason == "tool_calls"
    parts = [part for chunk in chunks for choice in chunk.choices for part in choice.delta.tool_calls or []]
    assert json.loads("".join(part.function.arguments or "" for part in parts if part.function)) == {
        "city": "Basel"
    }
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 11
    assert overloaded.value.status_code == 529
    assert overloaded.value.type == "overloaded_error"
    assert cut.value.code == "upstream_stream_cut"


def test_the_anthropic_sdk_passes_through_to_a_messages_provider_untouched(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, anthropic_config(mock)) as running:
        with anthropic.Anthropic(base_url=running.url, api_key="sk-test", max_retries=0) as client:
            message = client.messages.create(
                model="claude-x", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )
            with client.messages.stream(
                model="claude-x", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            ) as stream:
                text = stream.get_final_text()
            with pytest.raises(anthropic.InternalServerError) as overloaded:
                client.messages.create(model="fault-529", max_tokens=9, messages=[])
        tokens = [(one["tokens_in"], one["tokens_out"]) for one in running.outcomes()[:1]]

    assert message._request_id == "req_a"
    assert text.split() == ["hello", "from", "mock"]
    assert overloaded.value.status_code == 529
    assert tokens == [(11, 5)]


def test_tools_and_their_results_go_to_a_chat_provider(tmp_path: Path) -> None:
    tool: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
    history: Any = [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {"a": 1}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "rain"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
    ]
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        with anthropic.Anthropic(base_url=running.url, api_key="sk-test", max_retries=0) as client:
            message = client.messages.create(
                model="gpt-4o",
                max_tokens=9,
                system="be short",
                messages=history,
                tools=[tool],
                tool_choice={"type": "any"},
            )

    sent = mock.seen[0].json
    assert [one["role"] for one in sent["messages"]] == ["system", "user", "assistant", "tool", "user"]
    assert sent["messages"][2]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"a":1}'}
    assert sent["messages"][3]["content"] == "rain"
    assert sent["messages"][4]["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert sent["tool_choice"] == "required"
    assert message.stop_reason == "tool_use"
    assert message.content[0].type == "tool_use"
    assert message.content[0].input == {"city": "Basel"}


_TEXT = st.text(min_size=1, max_size=30)
_TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), _TEXT), min_size=1, max_size=6)


@given(_TURNS, st.none() | _TEXT)
def test_text_survives_the_way_there_and_back(turns: list[tuple[str, str]], system: str | None) -> None:
    """Messages joins neighbours of one role, so what is compared is the text per run of a role."""
    messages = [{"role": role, "content": text} for role, text in turns]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    body = json.dumps({"model": "m", "messages": messages}).encode()

    back = json.loads(MessagesToChat().request(ChatToMessages(0).request(body)[1])[1])["messages"]

    assert _runs(back) == _runs(messages)


def _runs(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    runs: list[tuple[str, str]] = []
    for message in messages:
        content = message["content"]
        text = content if isinstance(content, str) else "".join(part["text"] for part in content)
        if runs and runs[-1][0] == message["role"]:
            runs[-1] = (message["role"], runs[-1][1] + text)
        else:
            runs.append((message["role"], text))
    return runs


def test_a_translated_answer_states_the_time_of_the_call(tmp_path: Path) -> None:
    """Messages have no time; a client that sorts by it must not see 1970."""
    before = int(wall())
    with providers("mock") as (mock,), gateway(tmp_path, anthropic_config(mock)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
            asked: Any = {"model": "claude-x", "messages": [{"role": "user", "content": "hi"}]}
            whole = client.chat.completions.create(**asked)
            chunks = list(client.chat.completions.create(**asked, stream=True))

    assert before <= whole.created <= wall()
    assert {chunk.created for chunk in chunks} == {chunks[0].created}
    assert before <= chunks[0].created <= wall()


def test_what_is_not_carried_over_is_named() -> None:
    there = ChatToMessages(0)
    there.request(b'{"model":"m","messages":[],"seed":1,"logprobs":true}')

    assert there.warnings == ("logprobs is not carried over", "seed is not carried over")


def test_what_messages_would_refuse_is_not_sent_to_it() -> None:
    """Its metadata knows a user only, and its temperature ends at 1; the rest is a 400 there."""
    there = ChatToMessages(0)
    asked = {"model": "m", "messages": [], "metadata": {"a": "b"}, "user": "u1", "temperature": 1.7}
    asked["tools"] = [{"type": "custom", "custom": {"name": "x"}}]

    sent = json.loads(there.request(json.dumps(asked).encode())[1])

    assert sent["metadata"] == {"user_id": "u1"}
    assert sent["temperature"] == 1.0
    assert "tools" not in sent
    assert set(there.warnings) == {
        "metadata is not carried over",
        "a temperature above 1 is not carried over; 1 is asked for",
        "tools that are no functions are not carried over",
    }


@pytest.mark.parametrize("body", [{"messages": "x"}, {"messages": [1]}, {"tools": [{"type": "function"}]}])
def test_a_body_that_cannot_be_translated_is_the_callers_mistake(tmp_path: Path, body: Any) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, anthropic_config(mock)) as running:
        asked = {"model": "claude-x", "messages": [], **body}
        answer = post(f"{running.url}/v1/chat/completions", json=asked, headers=KEY)
        other = post(f"{running.url}/v1/embeddings", json={"model": "claude-x", "input": "x"}, headers=KEY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_translatable")
    assert (other.status_code, other.json()["error"]["code"]) == (400, "not_translatable")
    assert mock.seen == []
