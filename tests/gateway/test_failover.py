# ruff: noqa: SIM117 - what is served stands around what is asked
"""What happens when the first upstream cannot serve: before, and in the middle of an answer."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from reliant.gateway.config import Breaker
from reliant.gateway.upstream.health import Health
from support.gateway_keeper import keepers
from support.gateway_provider import TOKENS, Provider, providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, get, post, until

KEY = {"authorization": "Bearer sk-test"}


def ask(running: Running, model: str, **more: object) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)


def open_to(running: Running, upstream: str) -> int:
    """Return how many connections to an upstream are open."""
    opened: int = running.do(lambda: running.worker.gateway.runtime.targets[upstream].pool.open_connections)
    return opened


def two(one: Provider, other: Provider, *, route: str = "retries = 0", more: str = "") -> str:
    """The first serves the asked model, the second always `gpt-4o-mini`."""
    route += f'\nsubstitutes = {{ {other.name} = "gpt-4o-mini" }}'
    return config(one, other, route=route, more=more)


@pytest.mark.parametrize(
    "model", ["fault-geo", "fault-500", "fault-reset", "fault-hang", "fault-429", "fault-401"]
)
def test_another_upstream_answers_when_the_first_cannot(tmp_path: Path, model: str) -> None:
    with providers("one", "other") as (one, other):
        text = two(one, other)
        if model == "fault-hang":
            text = text.replace("timeout_s = 30.0", "timeout_s = 0.5", 1)  # the second has all the time
        with gateway(tmp_path, text) as running:
            answer = ask(running, model)
            outcome = running.outcomes()[-1]

    assert answer.json()["choices"][0]["message"]["content"] == "hello from other"
    assert answer.headers["x-reliant-substitute"] == "gpt-4o-mini"
    assert [attempt["upstream"] for attempt in outcome["attempts"]] == ["one", "other"]
    assert outcome["upstream"] == "other"


def test_an_error_of_the_caller_is_not_sent_elsewhere(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other), gateway(tmp_path, two(one, other)) as running:
        answer = ask(running, "fault-404")

    assert answer.status_code == 404
    assert other.seen == []


def test_a_cut_stream_is_continued_by_the_next_upstream(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other):
        text = two(one, other, route="retries = 0\ncontinue_streams = true")
        with gateway(tmp_path, text) as running:
            with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
                events = list(
                    client.chat.completions.create(model="fault-midstream", messages=[], stream=True)
                )
            until(running.outcomes, "it is written down how the stream ended")
            outcome = running.outcomes()[-1]

    said = "".join(event.choices[0].delta.content or "" for event in events)
    assert said.split() == [f"w{number}" for number in range(TOKENS)]
    assert {event.id for event in events} == {"chatcmpl-one"}
    assert events[-1].choices[0].finish_reason == "stop"
    asked = other.seen[-1].json["messages"]
    assert [message["role"] for message in asked] == ["assistant", "user"]
    assert (outcome["end"], outcome["upstream"]) == ("continued", "other")


def test_a_cut_tool_call_is_not_continued_but_ends_with_an_error(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other):
        text = two(one, other, route="retries = 0\ncontinue_streams = true")
        tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        with gateway(tmp_path, text) as running:
            answers = [
                ask(running, "fault-midcall", stream=True, tools=tools),
                ask(running, "fault-midstream", stream=True, tools=tools, tool_choice="required"),
            ]

    for answer in answers:
        assert '"code":"upstream_stream_cut"' in answer.text
        assert "[DONE]" not in answer.text
    assert other.seen == []


def test_a_cut_answer_is_continued_where_tools_are_offered_and_none_was_called(tmp_path: Path) -> None:
    """As agents ask: they offer their tools with every request."""
    with providers("one", "other") as (one, other):
        text = two(one, other, route="retries = 0\ncontinue_streams = true")
        tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        with gateway(tmp_path, text) as running:
            answer = ask(running, "fault-midstream", stream=True, tools=tools, tool_choice="auto")

    assert "[DONE]" in answer.text
    assert other.seen[0].json["tools"] == tools


@pytest.mark.parametrize("messages", ["one", "other"])
def test_a_cut_stream_goes_on_in_another_format(tmp_path: Path, messages: str) -> None:
    """One of the two speaks Messages; the caller of chat sees one answer."""
    with providers("one", "other") as (one, other):
        warn = '[policy]\non_unknown = { access = "warn" }\n'
        text = two(one, other, route="retries = 0\ncontinue_streams = true", more=warn)
        text = text.replace(
            f'name = "{messages}"\nprovider = "openai"',
            f'name = "{messages}"\nprovider = "anthropic"\napi = "anthropic"',
        )
        with gateway(tmp_path, text) as running:
            with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
                asked: Any = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
                events = list(client.chat.completions.create(model="fault-midstream", **asked))
            until(running.outcomes, "it is written down how the stream ended")
            outcome = running.outcomes()[-1]

    said = "".join(event.choices[0].delta.content or "" for event in events if event.choices).split()
    assert (outcome["end"], outcome["upstream"]) == ("continued", "other")
    assert len({event.id for event in events}) == 1
    if messages == "one":
        assert said[:3] == ["hello", "from", "one"]
        assert said[3:] == [f"w{number}" for number in range(3, TOKENS)]
    else:
        assert said == [*(f"w{number}" for number in range(TOKENS // 2)), "hello", "from", "other"]
    assert events[-1].choices[0].finish_reason == "stop"


def test_after_five_failures_the_breaker_spares_the_upstream(tmp_path: Path) -> None:
    patient = "[breaker]\nwindow_s = 3600.0\nopen_s = 3600.0\n"
    with (
        providers("one", "other") as (one, other),
        gateway(tmp_path, two(one, other, more=patient)) as running,
    ):
        for _ in range(8):
            assert ask(running, "fault-500").status_code == 200
        state = get(f"{running.url}/health").json()["upstreams"]

    assert len(one.seen) == 5
    assert state["one"] == "open"


def test_a_cut_upstream_is_not_asked_for_other_models_either(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other), gateway(tmp_path, two(one, other)) as running:
        ask(running, "fault-geo")
        answer = ask(running, "gpt-4o")
        state = get(f"{running.url}/health").json()["upstreams"]

    assert answer.json()["choices"][0]["message"]["content"] == "hello from other"
    assert len(one.seen) == 1
    assert state["one"] == "cut"


def test_when_all_are_down_the_caller_is_told_when_to_come_back(tmp_path: Path) -> None:
    more = "[breaker]\nfailures = 1\nopen_s = 3600.0\n"
    with providers("one", "other") as (one, other):
        one.down = other.down = True
        with gateway(tmp_path, config(one, other, more=more)) as running:
            ask(running, "gpt-4o")
            answer = ask(running, "gpt-4o")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "no_upstream_available"
    assert 0 < int(answer.headers["retry-after"]) <= 3600


def test_a_retry_on_the_same_upstream_comes_before_the_next(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other):
        with gateway(tmp_path, two(one, other, route="retries = 1")) as running:
            ask(running, "fault-500")

    assert len(one.seen) == 2
    assert len(other.seen) == 1


@pytest.mark.parametrize(
    ("model", "times"),
    [
        ("fault-geo", 1),
        ("fault-html", 1),
        ("fault-401", 1),
        ("fault-404", 1),
        ("fault-quota", 1),
        ("fault-500", 3),
        ("fault-503", 3),
        ("fault-reset", 3),
    ],
)
def test_only_what_asking_again_may_mend_is_asked_again(tmp_path: Path, model: str, times: int) -> None:
    with providers("one") as (one,), gateway(tmp_path, config(one, route="retries = 2")) as running:
        ask(running, model)

    assert len(one.seen) == times


@pytest.mark.parametrize(
    ("headers", "times"),
    [
        ({"retry-after": "3600"}, 1),
        ({"retry-after-ms": "20", "retry-after": "3600"}, 2),
        ({"retry-after": "0"}, 2),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 2),
    ],
)
def test_a_provider_that_says_when_is_asked_then_or_not_at_all(
    tmp_path: Path, headers: dict[str, str], times: int
) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one, route="retries = 1")) as running:
        one.says = (429, b'{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}', headers)
        answer = ask(running, "gpt-4o")

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == headers["retry-after"]
    assert len(one.seen) == times


def test_a_substitute_says_which_parameter_it_ignores(tmp_path: Path) -> None:
    """And of nothing else: a tool's property of the same name is none."""
    ignores = 'name = "other"\nignores = ["seed", "logprobs"]\n'
    properties = {"logprobs": {"type": "boolean"}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": properties}}}
    with providers("one", "other") as (one, other):
        text = two(one, other).replace('name = "other"\n', ignores)
        with gateway(tmp_path, text) as running:
            first = ask(running, "gpt-4o", seed=7)
            moved = ask(running, "fault-500", seed=7, tools=[tool])
            without = ask(running, "fault-500")

    def said(answer: httpx.Response) -> list[str]:
        return [one for one in answer.headers.get_list("x-reliant-warning") if "ignored" in one]

    assert said(moved) == ["the parameter seed is ignored by this upstream"]
    assert (said(first), said(without)) == ([], [])


def _with_a_rate(text: str, upstream: str, most: int) -> str:
    return text.replace(f'name = "{upstream}"\n', f'name = "{upstream}"\nrequests_per_minute = {most}\n')


NOON = 1_795_176_000.0
"""A moment that does not pass: no minute ends while a test runs."""


def test_what_may_be_asked_in_a_minute_holds_for_retries_and_hedges_too(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with providers("one", "other") as (one, other):
        text = _with_a_rate(config(one, route="retries = 5"), "one", 2)
        with gateway(tmp_path / "a", text, wall=lambda: NOON) as running:
            ask(running, "fault-500")
        retried = len(one.seen)
        text = _with_a_rate(two(one, other, route="hedge_ms = 20"), "other", 1)
        with gateway(tmp_path / "b", text, wall=lambda: NOON) as running:
            hedged = ask(running, "slow-50000")
            alone = ask(running, "slow-200")

    assert retried == 2
    assert [one.json()["choices"][0]["message"]["content"] for one in (hedged, alone)] == [
        "hello from other",
        "hello from one",
    ]
    assert len(other.seen) == 1


def test_hedging_takes_the_faster_answer_and_lets_the_slower_go(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other):
        patient = two(one, other, route="hedge_ms = 50").replace("timeout_s = 30.0", "timeout_s = 3600.0")
        with gateway(tmp_path, patient) as running:
            answer = ask(running, "slow-50000")
            outcome = running.outcomes()[-1]
            until(lambda: not open_to(running, "one"), "the slower is not waited for any more")

    assert answer.json()["choices"][0]["message"]["content"] == "hello from other"
    assert len(other.seen) == 1
    assert len(one.seen) <= 1, "on a slow machine the second may answer before the first is asked"
    assert [attempt["result"] for attempt in outcome["attempts"]] == ["hedged", "answered"]


def test_a_caller_stays_on_the_fallback_for_a_while(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other):
        with gateway(tmp_path, two(one, other, route="retries = 0\nsticky_s = 3600.0")) as running:
            ask(running, "fault-500")
            answer = ask(running, "gpt-4o")

    assert answer.json()["choices"][0]["message"]["content"] == "hello from other"


def test_a_route_whose_need_is_down_does_not_serve(tmp_path: Path) -> None:
    more = '[breaker]\nfailures = 1\nopen_s = 3600.0\n[[route]]\nmodel = "guarded"\nupstreams = ["one"]\n'
    more += 'needs = [["filter", "filter"]]\n'
    with providers("one", "filter") as (one, filter_):
        with gateway(tmp_path, config(filter_, one, more=more)) as running:
            before = ask(running, "guarded")
            filter_.down = True
            ask(running, "gpt-4o")
            after = ask(running, "guarded")

    assert before.status_code == 200
    assert (after.status_code, after.json()["error"]["code"]) == (503, "reliant_need_unmet")


def test_a_caller_who_leaves_frees_the_provider(tmp_path: Path) -> None:
    with providers("one") as (one,), gateway(tmp_path, config(one)) as running:
        body = b'{"model":"slow-50000","messages":[]}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S) as caller:
            caller.sendall(f"{head}authorization: Bearer sk-test\r\n\r\n".encode() + body)
            until(one.models, "the provider is asked")
        until(running.outcomes, "the gateway writes down that the caller left")
        until(lambda: not open_to(running, "one"), "nobody waits for the provider any more")
        outcome = running.outcomes()[-1]

    assert (outcome["status"], outcome["end"]) == (499, "caller left")


def test_a_reload_that_takes_an_upstream_away_lets_its_requests_end(tmp_path: Path) -> None:
    with providers("old", "new") as (old, new), gateway(tmp_path, config(old)) as running:
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(ask, running, "slow-1500")
            until(lambda: old.seen, "the request is at the provider")
            running.config.write_text(config(new))
            assert running.do(running.worker.reload, "test") == ""
            answer = slow.result(60)
        later = ask(running, "gpt-4o")

    assert (answer.status_code, answer.json()["choices"][0]["message"]["content"]) == (200, "hello from old")
    assert later.json()["choices"][0]["message"]["content"] == "hello from new"


def test_an_answer_in_two_pieces_is_whole_also_while_the_disk_is_waited_for(tmp_path: Path) -> None:
    audit = '[audit]\ndurability = "disk"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=audit)) as running:
        answers = [ask(running, "in-two").json()["usage"]["total_tokens"] for _ in range(40)]

    assert answers == [45] * 40


def test_a_trial_that_never_told_how_it_ended_does_not_close_the_upstream_for_ever() -> None:
    health = Health(Breaker(failures=1, open_s=10.0))
    health.failed(0.0)
    first = health.allows(11.0)  # and whoever tried went away

    assert first
    assert not health.allows(12.0)
    assert health.allows(22.0)
    health.succeeded()
    assert health.state == "closed"
