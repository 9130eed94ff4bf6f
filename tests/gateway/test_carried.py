"""What is carried over between the formats, piece by piece: nothing is lost in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.gateway.api.surface import MESSAGES
from reliant.gateway.translate import Untranslatable, translation
from reliant.gateway.translate.chat_to_converse import ChatToConverse
from reliant.gateway.translate.chat_to_messages import ChatToMessages
from reliant.gateway.translate.message_events import MessageEvents
from reliant.gateway.translate.messages_to_chat import MessagesToChat
from reliant.gateway.translate.messages_to_converse import MessagesToConverse
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, post
from support.gateway_tenants import KEY

PIXEL = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def there(how: Any, **asked: Any) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **asked}
    sent: dict[str, Any] = json.loads(how.request(json.dumps(body).encode())[1])
    return sent


@pytest.mark.parametrize("make", [lambda: ChatToMessages(0), MessagesToChat, lambda: ChatToConverse(0)])
@given(st.dictionaries(st.from_regex(r"[a-z]{3}_x", fullmatch=True), st.integers() | st.text(), max_size=4))
@settings(max_examples=20)
def test_a_parameter_that_nobody_knows_is_named(make: Any, unknown: dict[str, Any]) -> None:
    how = make()
    there(how, **unknown)

    assert set(how.warnings) == {f"{name} is not carried over" for name in unknown}


def test_the_providers_id_of_a_request_is_found_by_the_callers_sdk(tmp_path: Path) -> None:
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock)) as running,
        anthropic.Anthropic(base_url=running.url, api_key="sk-test", max_retries=0) as client,
    ):
        asked: Any = {"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
        message = client.messages.create(model="gpt-4o", **asked)
        with pytest.raises(anthropic.InternalServerError) as failed:
            client.messages.create(model="fault-500", **asked)

    assert message._request_id == "req_provider"
    assert failed.value.request_id == "req_provider"


def test_what_was_not_carried_over_reaches_the_caller_once_each(tmp_path: Path) -> None:
    history = [
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}]}
        for _ in range(30)
    ]
    body = {
        "model": "gpt-4o",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}, *history],
        "top_k": 3,
        "speed": "fast",
    }
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        answer = post(f"{running.url}/v1/messages", json=body, headers=KEY)

    said = [one for one in answer.headers.get_list("x-reliant-warning") if "carried" in one]
    assert said == [
        "speed is not carried over",
        "top_k is not carried over",
        "a thought of an earlier answer is not carried over",
    ]


def test_a_demanded_format_is_demanded_there_too() -> None:
    chat = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    sent = there(ChatToMessages(0), response_format=chat)
    back = there(MessagesToChat(), output_config=sent["output_config"])
    loose = ChatToMessages(0)
    there(loose, response_format={"type": "json_object"})

    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert back["response_format"]["json_schema"]["schema"] == SCHEMA
    assert loose.warnings == ("response_format json_object is not carried over",)


def test_a_document_is_carried_over_and_what_cannot_be_is_refused() -> None:
    pdf = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}
    part = {"type": "file", "file": pdf}
    sent = there(ChatToMessages(0), messages=[{"role": "user", "content": [part]}])
    back = there(MessagesToChat(), messages=sent["messages"])

    assert sent["messages"][0]["content"][0]["type"] == "document"
    assert back["messages"][0]["content"] == [part]
    for refused in (
        {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ):
        with pytest.raises(Untranslatable):
            there(ChatToMessages(0), messages=[{"role": "user", "content": [refused]}])
    for block in (
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}},
        {"type": "container_upload", "file_id": "file_1"},
    ):
        with pytest.raises(Untranslatable):
            there(MessagesToChat(), messages=[{"role": "user", "content": [block]}])


def test_what_a_tool_shows_is_seen_though_its_message_holds_text_only() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "seen"}, image],
    }
    sent = there(MessagesToChat(), messages=[{"role": "user", "content": [result]}])["messages"]

    assert sent[0] == {"role": "tool", "tool_call_id": "t1", "content": "seen"}
    assert sent[1]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    ]


def test_only_the_tools_that_are_allowed_are_offered() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}
    sent = there(
        ChatToMessages(0),
        tools=tools,
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    )

    assert [tool["name"] for tool in sent["tools"]] == ["b"]
    assert sent["tool_choice"] == {"type": "any"}


_NAMED = {"type": "function", "function": {"name": "b"}}


@pytest.mark.parametrize(
    ("chat", "messages", "converse"),
    [
        (None, None, None),
        ("auto", {"type": "auto"}, {"auto": {}}),
        ("none", {"type": "none"}, "no tools"),
        ("required", {"type": "any"}, {"any": {}}),
        (_NAMED, {"type": "tool", "name": "b"}, {"tool": {"name": "b"}}),
    ],
)
def test_every_choice_of_a_tool_is_carried_over(chat: Any, messages: Any, converse: Any) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
    asked = {"tools": tools, "tool_choice": chat}
    sent = there(ChatToMessages(0), **asked)
    config = there(ChatToConverse(0), **asked).get("toolConfig", {"toolChoice": "no tools"})
    back = there(MessagesToChat(), tools=sent["tools"], tool_choice=sent.get("tool_choice"))

    assert sent.get("tool_choice") == messages
    assert config.get("toolChoice") == converse
    assert back.get("tool_choice") == chat


@pytest.mark.parametrize("make", [ChatToMessages, ChatToConverse])
def test_ids_that_another_maker_gave_are_taken_everywhere(make: Any) -> None:
    call = {"id": "functions.get:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "functions.get:0", "content": "r"},
    ]
    text = json.dumps(there(make(0), messages=messages))

    assert text.count('"functions_get_0"') == 2


def test_an_empty_turn_is_not_sent_to_who_refuses_it() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "refusal": "I will not."},
        {"role": "user", "content": "b"},
    ]
    sent = there(ChatToMessages(0), messages=messages)["messages"]

    assert [one["role"] for one in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == [{"type": "text", "text": "I will not."}]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "function", "name": "f", "content": "r"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
    ],
)
def test_calls_in_their_old_form_are_refused_and_not_lost(message: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable):
        there(ChatToMessages(0), messages=[message])


def test_the_bound_on_an_answer_has_the_name_that_its_maker_takes() -> None:
    """OpenAI's newer models refuse `max_tokens`; most others know nothing else."""
    names = []
    for api, provider in (("openai", "openai"), ("azure", "azure-openai"), ("openai", "mistral")):
        how = translation(MESSAGES, api, 0, provider)
        names.append({"max_tokens", "max_completion_tokens"} & set(there(how, max_tokens=9)))

    assert names == [{"max_completion_tokens"}, {"max_completion_tokens"}, {"max_tokens"}]


def test_thoughts_are_carried_over_to_who_asked_for_them() -> None:
    message = {
        "id": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "yes"},
        ],
    }
    chat = json.loads(ChatToMessages(0).answer(json.dumps(message).encode()))["choices"][0]["message"]
    whole = json.dumps({"choices": [{"message": chat, "finish_reason": "stop"}]}).encode()
    asked, silent = MessagesToChat(), MessagesToChat()
    there(asked, thinking={"type": "enabled", "budget_tokens": 1024})
    there(silent)

    assert (chat["reasoning_content"], chat["content"]) == ("hm", "yes")
    assert [block["type"] for block in json.loads(asked.answer(whole))["content"]] == ["thinking", "text"]
    assert [block["type"] for block in json.loads(silent.answer(whole))["content"]] == ["text"]


def test_thoughts_in_a_stream_come_before_what_was_said() -> None:
    events: Any = MessageEvents(thinks=True)
    pieces = [{"reasoning_content": "h"}, {"reasoning_content": "m"}, {"content": "yes"}]
    blocks = blocks_of(b"".join(events.feed(chunk(one)) for one in pieces) + events.finish())

    assert [(block["type"], text) for block, text in blocks] == [("thinking", "hm"), ("text", "yes")]


def test_a_refusal_is_told_as_one() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    whole = {"choices": [{"message": message, "finish_reason": "stop"}]}
    told = json.loads(MessagesToChat().answer(json.dumps(whole).encode()))
    events: Any = MessageEvents()
    stream = events.feed(chunk({"refusal": "I will not."})) + events.finish()

    assert (told["content"][0]["text"], told["stop_reason"]) == ("I will not.", "refusal")
    assert blocks_of(stream)[0][1] == "I will not."
    assert b'"stop_reason":"refusal"' in stream


def test_what_the_provider_runs_itself_is_no_call_of_the_callers() -> None:
    events = [
        {"type": "content_block_start", "content_block": {"type": "tool_use", "id": "t1", "name": "f"}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        {"type": "content_block_start", "content_block": {"type": "server_tool_use", "id": "s1"}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": '{"b":2}'}},
    ]
    stream = ChatToMessages(0).events()
    out = b"".join(stream.feed(b"data: " + json.dumps(one).encode() + b"\n\n") for one in events)

    assert rb"{\"a\":1}" in out
    assert b'b\\"' not in out


def chunk(delta: dict[str, Any]) -> bytes:
    value = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def blocks_of(stream: bytes) -> list[tuple[dict[str, Any], str]]:
    """Return the blocks of a stream with what they hold, as a strict reader takes them."""
    found: list[tuple[dict[str, Any], str]] = []
    open_at: int | None = None
    for line in stream.split(b"\n"):
        if not line.startswith(b"data:"):
            continue
        event = json.loads(line[5:])
        if event["type"] == "content_block_start":
            assert open_at is None
            assert event["index"] == len(found)
            open_at = event["index"]
            found.append((event["content_block"], ""))
        elif event["type"] == "content_block_delta":
            assert event["index"] == open_at
            delta = event["delta"]
            said = delta.get("text") or delta.get("partial_json") or delta.get("thinking") or ""
            found[-1] = (found[-1][0], found[-1][1] + said)
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_at
            open_at = None
    assert open_at is None
    return found


_ARGUMENTS = st.dictionaries(st.text(max_size=3), st.text(max_size=8), max_size=3).map(json.dumps)


@given(
    st.lists(_ARGUMENTS, min_size=1, max_size=4),
    st.lists(st.text(min_size=1, max_size=5), max_size=4),
    st.booleans(),
    st.booleans(),
    st.data(),
)
@settings(max_examples=60)
def test_calls_come_whole_however_their_pieces_are_mixed(
    arguments: list[str], words: list[str], repeats_ids: bool, all_numbered_0: bool, data: st.DataObject
) -> None:
    """Some repeat a call's id in every piece, some number all calls 0 and send each whole."""
    pieces: list[list[dict[str, Any]]] = []
    for number, text in enumerate(arguments):
        index = 0 if all_numbered_0 else number
        cut = len(text) if all_numbered_0 else data.draw(st.integers(0, len(text)))
        first = {"index": index, "id": f"call_{number}", "function": {"name": "f", "arguments": text[:cut]}}
        rest: dict[str, Any] = {"index": index, "function": {"arguments": text[cut:]}}
        if repeats_ids:
            rest["id"] = f"call_{number}"
        pieces.append([{"tool_calls": [one]} for one in ([first] if all_numbered_0 else [first, rest])])
    lanes = [*pieces, [{"content": word} for word in words]]
    mixed: list[dict[str, Any]] = []
    while any(lanes):
        lane = data.draw(st.sampled_from([one for one in lanes if one]))
        mixed.append(lane.pop(0))

    events: Any = MessageEvents()
    blocks = blocks_of(b"".join(events.feed(chunk(one)) for one in mixed) + events.finish())

    calls = {block["id"]: text for block, text in blocks if block["type"] == "tool_use"}
    assert calls == {f"call_{number}": text for number, text in enumerate(arguments)}
    assert "".join(text for block, text in blocks if block["type"] == "text") == "".join(words)


def test_mixed_calls_are_whole_for_the_anthropic_sdk(tmp_path: Path) -> None:
    """The SDK's own reader takes what comes out."""
    pieces: list[dict[str, Any]] = [
        {"role": "assistant", "content": "Looking."},
        {"tool_calls": [{"index": 0, "id": "call_a", "function": {"name": "f", "arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 1, "id": "call_b", "function": {"name": "g", "arguments": '{"y":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "2}"}}]},
    ]
    events: Any = MessageEvents()
    stream = b"".join(events.feed(chunk(one)) for one in pieces) + events.finish()

    def answer(_: Any) -> httpx2.Response:
        return httpx2.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        anthropic.Anthropic(api_key="x", http_client=http) as client,
        client.messages.stream(model="m", max_tokens=5, messages=[{"role": "user", "content": "x"}]) as said,
    ):
        message = said.get_final_message()

    calls = [block for block in message.content if block.type == "tool_use"]
    assert [(one.id, one.name, one.input) for one in calls] == [
        ("call_a", "f", {"x": 1}),
        ("call_b", "g", {"y": 2}),
    ]


def test_messages_by_way_of_chat_lose_nothing_more() -> None:
    how = MessagesToConverse(0)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [image]}
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    sent = there(
        how,
        messages=messages,
        max_tokens=7,
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    )

    assert sent["inferenceConfig"]["maxTokens"] == 7
    assert [next(iter(block)) for block in sent["messages"][2]["content"]] == ["toolResult", "image"]
    assert json.loads(sent["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]) == SCHEMA


def test_openai_is_still_the_readers_of_chat() -> None:
    """What comes back to a caller of chat is read by the SDK's own types."""
    message = {"id": "m", "model": "c", "content": [{"type": "thinking", "thinking": "hm"}], "usage": {}}
    read = openai.types.chat.ChatCompletion.model_validate_json(
        ChatToMessages(0).answer(json.dumps(message).encode())
    )

    assert read.choices[0].message.content is None
