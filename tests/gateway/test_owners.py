"""Nobody reaches another tenant's object, wherever in a request its id may stand.

The places are read from the official SDKs' own types, so that a new one is tried as
soon as the SDK is newer.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from reliant.gateway.api.body import BadBody, read_json
from reliant.gateway.api.named_objects import MOST_NAMED, like_another, named_in
from reliant.gateway.api.surface import CHAT, MESSAGES, RESPONSES, find
from support.gateway_keeper import keepers
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post
from support.gateway_tenants import KEY, client, line
from support.sdk_methods import Method
from support.sdk_places import Place, documented, form_name, put

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what the SDK says of its own methods

OTHER = '[[key]]\nname = "other"\nsecret = "sk-other"\n'
STRANGER = {"authorization": "Bearer sk-other"}
THEIRS = "0193e0aa-7d5c-7abc-8def-theirs000001"
"""No large interface's id looks so: what is found of it is found by where it stands."""

_NAME_OF_ID = re.compile(r"(?:[a-z]+_)*ids?|container|conversation|training_file|validation_file")
LABELS = {"tool_call_id", "tool_use_id", "call_id", "custom_id", "user_id"}
"""They name what stands in the same request, or people."""

PREFIXED = {
    ("messages", "[]", "audio", "id"): "audio_theirs000001",
    ("container", "id"): "container_theirs000001",
}
"""Where other things called `id` are labels of calls, so that only an object's own form tells it."""

CALLS = {
    ("messages", "[]", "tool_calls", "[]", "id"),
    ("messages", "[]", "content", "[]", "id"),
}


def ids() -> Iterator[tuple[Method, str, Place]]:
    """Yield method, path and place of every id in the bodies that the SDKs send."""
    for method, path, place in documented(_NAME_OF_ID):
        if [step for step in place if step != "[]"][-1] not in LABELS and not _labels(place):
            yield method, path, place


def _labels(place: Place) -> bool:
    """Say whether a call's id stands there, or a voice's: those are not served, so nobody can have one."""
    return any(place[-len(one) :] == one for one in (*CALLS, ("voice", "id")))


def held(running: Running, ids: Iterable[str], owner: str) -> None:
    work = running.worker.gateway.holdings.hold(list(ids), "mock", owner)
    asyncio.run_coroutine_threadsafe(work, running.loop).result(PATIENCE_S)


def _asked(path: str) -> dict[str, Any]:
    return {"requests": []} if path.startswith("/v1/messages/batches") else {"model": "gpt-4o"}


def test_no_documented_place_reaches_another_tenants_object(tmp_path: Path) -> None:
    places = list(ids())
    reached: list[str] = []
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=OTHER)) as running:
        held(running, [THEIRS, *PREFIXED.values()], "key:other")
        held(running, ["thing-mine00001"], "key:test")
        with httpx.Client(base_url=running.url, headers=KEY, timeout=PATIENCE_S) as caller:
            for method, path, place in places:
                theirs = next((one for end, one in PREFIXED.items() if place[-len(end) :] == end), THEIRS)
                endpoint = find("POST", path)
                assert endpoint is not None
                if endpoint.body == "form":
                    form = {form_name(place): (None, theirs), "model": (None, "gpt-4o")}
                    answer = caller.post(path, files=form)
                else:
                    answer = caller.post(path, json={**_asked(path), **put(place, theirs)})
                if answer.status_code != 404 or answer.json()["error"]["code"] != "not_found":
                    reached.append(f"{method.name}: {'.'.join(place)}: {answer.status_code}")
        seen = [one.path for one in mock.seen]

    assert len(places) > 400
    assert reached == []
    assert seen == []


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/responses", ("input", "[]", "id")),
        ("/v1/responses", ("input", "[]", "content", "[]", "file_id")),
        ("/v1/chat/completions", ("messages", "[]", "audio", "id")),
        ("/v1/chat/completions", ("messages", "[]", "content", "[]", "file", "file_id")),
        ("/v1/messages", ("container", "id")),
        ("/v1/messages", ("thread", "previous_message_id")),
    ],
)
def test_what_was_decided_a_moment_ago_opens_nothing(tmp_path: Path, path: str, place: Place) -> None:
    """The third of its kind on a connection takes the short way."""
    theirs = PREFIXED.get(place, "file-theirs000001")
    body: dict[str, Any] = {"model": "gpt-4o", "messages": [], "input": "x", "max_tokens": 5}
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=OTHER)) as running:
        held(running, [theirs], "key:other")
        with httpx.Client(base_url=running.url, headers=KEY, timeout=PATIENCE_S) as caller:
            for _ in range(4):
                caller.post(path, json=body)
            before = len(mock.seen)
            answer = caller.post(path, json={**body, **put(place, theirs)})

    assert answer.status_code == 404
    assert len(mock.seen) == before


def _item(kind: str | None, name: str) -> dict[str, Any]:
    return {"id": name} if kind is None else {"type": kind, "id": name}


@pytest.mark.parametrize("kind", ["item_reference", None])
def test_an_item_can_be_referred_to_by_who_was_given_it_and_by_nobody_else(
    tmp_path: Path, kind: str | None
) -> None:
    output = [{"type": "message", "id": "msg_mine000001", "role": "assistant", "content": []}]
    value = {"id": "resp_mine000001", "object": "response", "output": output}
    with keepers("one", "two") as (one, two), gateway(tmp_path, config(one, two, more=OTHER)) as running:
        two.responses = json.dumps(value).encode()
        one.down = True
        post(f"{running.url}/v1/responses", json={"model": "gpt-4o", "input": "x"}, headers=KEY)
        one.down = False
        one.responses = two.responses
        asked = {"model": "gpt-4o", "input": [_item(kind, "msg_mine000001")]}
        mine = post(f"{running.url}/v1/responses", json=asked, headers=KEY)
        theirs = post(f"{running.url}/v1/responses", json=asked, headers=STRANGER)
        nobodys = {"model": "gpt-4o", "input": [_item(kind, "msg_nobody00001")]}
        unknown = post(f"{running.url}/v1/responses", json=nobodys, headers=KEY)
        outcomes = running.outcomes()

    assert (mine.status_code, theirs.status_code, unknown.status_code) == (200, 404, 404)
    assert [one["upstream"] for one in outcomes if one["status"] == 200] == ["two", "two"]


def test_an_item_of_a_stream_or_a_conversation_is_its_makers_too(tmp_path: Path) -> None:
    item = {"type": "reasoning", "id": "rs_streamed00001", "summary": []}
    events = [
        {"type": "response.created", "response": {"id": "resp_s0001", "output": []}},
        {"type": "response.output_item.added", "item": item},
        {"type": "response.completed", "response": {"id": "resp_s0001", "output": [item]}},
    ]
    stream = b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=OTHER)) as running:
        one.responses, one.stream = b'{"id":"resp_other00001","output":[]}', stream
        asked: dict[str, Any] = {"model": "gpt-4o", "input": "x", "stream": True}
        post(f"{running.url}/v1/responses", json=asked, headers=KEY)
        with client(running.url) as sdk:
            conversation = sdk.conversations.create()
            item_id = json.loads(
                post(
                    f"{running.url}/v1/conversations/{conversation.id}/items", json={"items": []}, headers=KEY
                ).content
            )["id"]
        codes = [
            post(
                f"{running.url}/v1/responses",
                json={"model": "gpt-4o", "input": [_item("item_reference", name)]},
                headers=who,
            ).status_code
            for name in ("rs_streamed00001", item_id)
            for who in (KEY, STRANGER)
        ]

    assert codes == [200, 404, 200, 404]


def test_what_small_servers_number_is_nobodys(tmp_path: Path) -> None:
    """Each of their answers has the same items."""
    value = {"id": "resp_00000001", "output": [{"type": "message", "id": "msg_1", "content": []}]}
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=OTHER)) as running:
        one.responses = json.dumps(value).encode()
        asked = {"model": "gpt-4o", "input": [{"role": "user", "content": "x"}]}
        post(f"{running.url}/v1/responses", json=asked, headers=KEY)
        asked["input"] += value["output"]  # type: ignore[operator]
        asked["input"].append(_item("item_reference", "msg_1"))  # type: ignore[attr-defined]
        again = [
            post(f"{running.url}/v1/responses", json=asked, headers=who).status_code
            for who in (KEY, STRANGER)
        ]

    assert again == [200, 200]


def test_a_body_that_names_too_many_objects_is_refused_and_none_is_overlooked(tmp_path: Path) -> None:
    """Whoever names many first must not hide the last."""
    other = "file-theirs000001"
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=OTHER)) as running:
        held(running, [other], "key:other")
        codes = []
        for many in (600, MOST_NAMED + 1):
            input_ = [{"type": "input_file", "file_id": f"file-decoy{number:06d}"} for number in range(many)]
            asked = {"model": "gpt-4o", "input": [*input_, {"type": "input_file", "file_id": other}]}
            codes.append(post(f"{running.url}/v1/responses", json=asked, headers=KEY).status_code)
        seen = list(mock.seen)

    assert codes == [404, 400]
    assert seen == []


def test_a_batch_file_reaches_for_nobody_elses_object(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=OTHER)) as running:
        with client(running.url) as sdk:
            theirs = sdk.files.create(file=b"secret", purpose="user_data").id
        asked = {
            "custom_id": "1",
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": "gpt-4o", "input": [{"type": "input_file", "file_id": theirs}]},
        }
        with client(running.url, "sk-other") as stranger:
            with pytest.raises(openai.NotFoundError):
                stranger.files.create(file=("b.jsonl", json.dumps(asked).encode()), purpose="batch")
            harmless = stranger.files.create(file=("b.jsonl", line("gpt-4o")), purpose="batch").id
            one.content[harmless] = json.dumps(asked).encode()
            with pytest.raises(openai.NotFoundError):
                stranger.batches.create(
                    input_file_id=harmless, endpoint="/v1/responses", completion_window="24h"
                )
        reached = [(seen.method, seen.path) for seen in one.seen]

    assert ("POST", "/v1/batches") not in reached


def test_what_a_message_keeps_is_its_callers(tmp_path: Path) -> None:
    """A container, the files that were made in it, and a conversation that the provider holds."""
    result = {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {
            "type": "bash_code_execution_result",
            "content": [{"type": "bash_code_execution_output", "file_id": "file_made000001"}],
        },
    }
    value = {
        "id": "msg_kept000001",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [result],
        "container": {"id": "container_made00001", "expires_at": "2026-12-01T00:00:00Z"},
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
    text_ = 'provider = "anthropic"\napi = "anthropic"'
    with keepers("one") as (one,):
        text = config(one, more=OTHER + '[policy]\non_unknown = { access = "warn" }\n')
        with gateway(tmp_path, text.replace('provider = "openai"', text_)) as running:
            one.says = (200, json.dumps(value).encode(), {})
            body: dict[str, Any] = {"model": "claude", "max_tokens": 5, "messages": [], "tools": tools}
            post(f"{running.url}/v1/messages", json=body, headers=KEY)
            codes = []
            for who in (KEY, STRANGER):
                for more in (
                    {"container": "container_made00001"},
                    {"thread": {"type": "continue", "previous_message_id": "msg_kept000001"}},
                ):
                    codes.append(
                        post(f"{running.url}/v1/messages", json={**body, **more}, headers=who).status_code
                    )
                codes.append(get(f"{running.url}/v1/files/file_made000001", headers=who).status_code)

    assert codes == [200, 200, 200, 404, 404, 404]


def test_what_names_nothing_is_not_looked_up() -> None:
    """Tools and their results are the usual traffic of agents: their labels are nobody's objects."""
    calls = [{"id": "call_abc123456", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    chat = {
        "messages": [
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "call_abc123456"},
        ]
    }
    blocks = [
        {"type": "tool_use", "id": "toolu_1234567"},
        {"type": "tool_result", "tool_use_id": "toolu_1234567"},
    ]
    messages = {"messages": [{"role": "user", "content": blocks}]}

    assert named_in(json.dumps(chat).encode(), b"application/json", CHAT) == set()
    assert named_in(json.dumps(messages).encode(), b"application/json", MESSAGES) == set()


@pytest.mark.parametrize(
    "text",
    [
        b'{"model":"m","tools":[{"type":"image_generation"}]}',
        b'{"model":"m","tools":[{"type":"openrouter:fusion","parameters":{"analysis_models":["x"]}}]}',
        b'{"model":"m","plugins":[{"id":"fusion","analysis_models":["x"]}]}',
        b'{"model":"m","thread":{"type":"create"}}',
        b'{"model":"m","input":[{"id":"msg_1"}]}',
    ],
)
def test_a_body_that_may_name_something_is_always_looked_at(text: bytes) -> None:
    assert not like_another(RESPONSES, read_json(text), text)


def test_tools_that_stand_twice_are_refused() -> None:
    """Who reads the first may run what was not looked at."""
    with pytest.raises(BadBody):
        read_json(b'{"model":"m","tools":[{"type":"image_generation"}],"tools":[]}')
