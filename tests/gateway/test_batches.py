# ruff: noqa: SIM117 - what is served stands around what is asked
"""Batches: they are followed to their results, and run nothing that their maker may not use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from support.gateway_keeper import keepers
from support.gateway_rig import config, gateway, get, post
from support.gateway_tenants import KEY, MINI, TENANT, client, line

WARN = '[policy]\non_unknown = { access = "warn" }\n'


def messages_client(url: str, secret: str = "sk-test") -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key=secret, max_retries=0)


def speaking_messages(text: str) -> str:
    return text.replace('provider = "openai"', 'provider = "anthropic"\napi = "anthropic"') + WARN


def request(model: str, number: int = 1, **more: Any) -> Any:
    return {"custom_id": str(number), "params": {"model": model, "max_tokens": 5, "messages": [], **more}}


def test_a_batch_can_be_followed_to_its_results(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one)) as running, client(running.url) as sdk:
        file = sdk.files.create(file=("b.jsonl", line("gpt-4o")), purpose="batch")
        batch = sdk.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        done = sdk.batches.retrieve(batch.id)
        assert done.output_file_id is not None
        results = sdk.files.content(done.output_file_id).read()
        listed = [made.id for made in sdk.batches.list()]

    assert results == b'{"custom_id":"1"}\n'
    assert listed == [batch.id]


def test_a_batch_runs_no_model_that_its_maker_may_not_use_whoever_handed_the_file_in(tmp_path: Path) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=TENANT)) as running:
        with client(running.url, "sk-all-models") as everything:
            large = everything.files.create(file=("b.jsonl", line("gpt-4o")), purpose="batch")
            small = everything.files.create(file=("b.jsonl", line("gpt-4o-mini")), purpose="batch")
        with client(running.url, "sk-mini") as sdk:
            asked: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
            with pytest.raises(openai.PermissionDeniedError) as refused:
                sdk.batches.create(input_file_id=large.id, **asked)
            made = sdk.batches.create(input_file_id=small.id, **asked)
        batches = [seen for seen in one.seen if seen.path == "/v1/batches"]

    assert refused.value.code == "model_not_permitted"
    assert made.id.startswith("batch_one")
    assert [seen.json["input_file_id"] for seen in batches] == [small.id]


def test_a_batch_of_a_kind_of_request_that_the_key_may_not_make_is_refused(tmp_path: Path) -> None:
    embed = b'{"custom_id":"1","url":"/v1/embeddings","body":{"model":"gpt-4o-mini","input":"x"}}\n'
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=TENANT)) as running:
        with client(running.url, "sk-mini") as sdk, pytest.raises(openai.PermissionDeniedError) as refused:
            sdk.files.create(file=("b.jsonl", embed), purpose="batch")

    assert refused.value.code == "endpoint_not_permitted"
    assert one.seen == []


@pytest.mark.parametrize(
    "bad",
    [
        line("gpt-4o-mini", models=["gpt-4o"]),
        line("gpt-4o-mini", tools=[{"type": "image_generation", "model": "gpt-image-1"}]),
        b'{"url":"/v1/chat/completions","body":{"model":"gpt-4o-mini","model":"gpt-4o"}}',
        b'{"url":"/v1/chat/completions","body":{"model":"gpt-4o-mini"},"body":{"model":"gpt-4o"}}',
        b'{"url":"/v1/chat/completions","body":{"m\\u006fdel":"gpt-4o"}}',
        b'{"url":"/v1/chat/completions","body":{"Model":"gpt-4o-mini","model":"gpt-4o"}}',
        b'{"url":"/v1/images/generations","body":{"prompt":"the usual model"}}',
        b"\xef\xbb\xbf" + line("gpt-4o"),
        line("gpt-4o").decode().encode("utf-16"),
        line("gpt-4o-mini") + line("gpt-4o"),
        line("gpt-4o-mini").replace(b"\n", b"\r") + line("gpt-4o"),
    ],
)
def test_no_model_is_smuggled_in_by_a_line_of_a_batch(tmp_path: Path, bad: bytes) -> None:
    with keepers("one") as (one,), gateway(tmp_path, config(one, more=TENANT)) as running:
        files = {"file": ("b.jsonl", bad), "purpose": (None, "batch")}
        answer = post(f"{running.url}/v1/files", files=files, headers=MINI)

    assert answer.status_code in {400, 403}
    assert one.seen == []


def test_a_word_that_only_looks_like_a_models_name_is_none(tmp_path: Path) -> None:
    """The arguments of a tool may well have a field called `model`."""
    used = [{"role": "assistant", "content": [{"type": "tool_use", "input": {"model": "Corolla"}}]}]
    with keepers("one") as (one,), gateway(tmp_path, speaking_messages(config(one, more=TENANT))) as running:
        files = {"file": ("b.jsonl", line("gpt-4o-mini", messages=used)), "purpose": (None, "batch")}
        file = post(f"{running.url}/v1/files", files=files, headers=MINI)
        with messages_client(running.url, "sk-mini") as sdk:
            batch = sdk.messages.batches.create(requests=[request("gpt-4o-mini", messages=used)])

    assert file.status_code == 200
    assert batch.id.startswith("msgbatch_one")


def test_an_alias_inside_a_batch_is_refused_for_it_would_mean_another_model(tmp_path: Path) -> None:
    with keepers("one") as (one,):
        with gateway(tmp_path, config(one, upstream='models = { "gpt-4o" = "gpt-4o-mini" }')) as running:
            with client(running.url) as sdk, pytest.raises(openai.PermissionDeniedError) as refused:
                sdk.files.create(file=("b.jsonl", line("gpt-4o")), purpose="batch")

    assert "names inside are not replaced" in refused.value.message
    assert one.seen == []


def test_batches_of_messages_are_served_to_the_anthropic_sdk(tmp_path: Path) -> None:
    """Its results stand at an address of the provider, which would lead the SDK past the gateway."""
    with keepers("one") as (one,), gateway(tmp_path, speaking_messages(config(one))) as running:
        one.content = {"msgbatch_one00000": b'{"custom_id":"1","result":{"type":"expired"}}\n'}
        with messages_client(running.url) as sdk:
            batch = sdk.messages.batches.create(requests=[request("claude-x"), request("claude-y", 2)])
            found = sdk.messages.batches.retrieve(batch.id)
            results = [one.custom_id for one in sdk.messages.batches.results(batch.id)]
            listed = [one.id for one in sdk.messages.batches.list()]
            sdk.messages.batches.cancel(batch.id)
            sdk.messages.batches.delete(batch.id)
            tokens = sdk.messages.with_raw_response.count_tokens(model="claude-x", messages=[])
            with pytest.raises(anthropic.NotFoundError) as missing:
                sdk.messages.batches.retrieve("msgbatch_nobody")
        with messages_client(running.url, "sk-no") as stranger:
            with pytest.raises(anthropic.AuthenticationError):
                stranger.messages.batches.list()
        unknown = get(f"{running.url}/v1/messages/other", headers=KEY).json()

    assert found.results_url == f"/v1/messages/batches/{batch.id}/results"
    assert results == ["1"]
    assert listed == [batch.id]
    assert [seen.path for seen in one.seen][-3:] == [
        f"/v1/messages/batches/{batch.id}/cancel",
        f"/v1/messages/batches/{batch.id}",
        "/v1/messages/count_tokens",
    ]
    assert tokens.status_code == 200
    assert missing.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]
    assert (unknown["type"], unknown["error"]["type"]) == ("error", "not_found_error")


@pytest.mark.parametrize(
    "body",
    [
        {"requests": [request("gpt-4o-mini"), request("gpt-4o", 2)]},
        {"requests": [request("gpt-4o-mini", fallbacks=[{"model": "gpt-4o"}])]},
        {"requests": [{"custom_id": "1", "params": {"max_tokens": 5}}]},
        {"requests": [{"custom_id": "1", "params": "x"}]},
        {"requests": {"a": 1}},
        {"request": []},
        b'{"requests":[],"requests":[{"params":{"model":"gpt-4o"}}]}',
        b'{"requests":[{"params":{"model":"gpt-4o-mini"},"params":{"model":"gpt-4o"}}]}',
        b'{"requests":[{"params":{"model":"gpt-4o-mini","model":"gpt-4o"}}]}',
        b'{"requests":[{"p\\u0061rams":{"model":"gpt-4o"},"params":{"model":"gpt-4o-mini"}}]}',
    ],
)
def test_a_batch_of_messages_is_judged_request_by_request(tmp_path: Path, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with keepers("one") as (one,), gateway(tmp_path, speaking_messages(config(one, more=TENANT))) as running:
        headers = {**MINI, "content-type": "application/json"}
        answer = post(f"{running.url}/v1/messages/batches", content=content, headers=headers)

    assert answer.status_code in {400, 403}
    assert answer.json()["type"] == "error"
    assert one.seen == []


def test_batches_of_messages_go_to_a_provider_that_has_them(tmp_path: Path) -> None:
    with keepers("one", "two") as (one, two):
        text = config(one, two, more=WARN)
        first, second = text.split('name = "two"')
        second = second.replace('provider = "openai"', 'provider = "anthropic"\napi = "anthropic"', 1)
        with gateway(tmp_path, first + 'name = "two"' + second) as running:
            with messages_client(running.url) as sdk:
                made = sdk.messages.batches.create(requests=[request("claude-x")])
                listed = [batch.id for batch in sdk.messages.batches.list()]
            chat_only = post(f"{running.url}/v1/batches", json={"input_file_id": "file-no"}, headers=KEY)

    assert made.id.startswith("msgbatch_two")
    assert listed == [made.id]
    assert one.seen == []
    assert chat_only.status_code == 404
