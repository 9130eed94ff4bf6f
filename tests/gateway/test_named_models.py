"""Models that stand inside what is handed in: batches, evaluations, runs."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.gateway.api.body import BadBody
from reliant.gateway.api.named_models import inside
from reliant.gateway.api.surface import find
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, config, gateway, post
from support.gateway_tenants import KEY
from support.sdk_places import documented, form_name, put

SMALL = '[[key]]\nname = "small"\nsecret = "sk-small"\nmodels = ["gpt-4o-mini"]\n'


def lines(*models: str) -> bytes:
    asked = [
        {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": one}}
        for one in models
    ]
    return b"\n".join(json.dumps(one).encode() for one in asked) + b"\n"


def upload(url: str, content: bytes, purpose: str = "batch") -> tuple[int, str]:
    files = {"file": ("b.jsonl", content), "purpose": (None, purpose)}
    answer = post(f"{url}/v1/files", files=files, headers={"authorization": "Bearer sk-small"})
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def test_a_batch_opens_no_model_that_the_key_may_not_use(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=SMALL)) as running:
        permitted = upload(running.url, lines("gpt-4o-mini", "gpt-4o-mini"))
        other = upload(running.url, lines("gpt-4o-mini", "gpt-4o"))
        disguised = upload(running.url, lines("gpt-4o"), "user_data")
        unreadable = upload(running.url, lines("gpt-4o-mini") + b"{model\n")
        parts = post(
            f"{running.url}/v1/uploads",
            json={"purpose": "batch", "filename": "f", "bytes": 1, "mime_type": "text/plain"},
            headers={"authorization": "Bearer sk-small"},
        )

    assert permitted == (200, "")
    assert other == disguised == (403, "model_not_permitted")
    assert unreadable == (400, "invalid_request")
    assert parts.status_code == 400
    assert len(mock.seen) == 1


def test_a_batch_opens_no_model_that_a_rule_refuses(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house.no-o1"\nsummary = "No."\nwhen = { model = ["o1*"] }\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=rule)) as running:
        with (
            openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client,
            pytest.raises(openai.PermissionDeniedError) as caught,
        ):
            client.files.create(file=("b.jsonl", lines("gpt-4o", "o1-pro")), purpose="batch")
        (refused,) = running.decisions()

    assert caught.value.param == "house.no-o1"
    assert (refused["action"], refused["rules"][0]) == ("refuse", "house.no-o1")
    assert mock.seen == []


def test_a_batch_goes_where_its_models_are_served(tmp_path: Path) -> None:
    route = 'retries = 0\n[[route]]\nmodel = "llama*"\nupstreams = ["other"]\n'
    with providers("one", "other") as (one, other):
        text = config(one, other, route=route)
        with (
            gateway(tmp_path, text) as running,
            openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client,
        ):
            made = client.files.create(file=("b.jsonl", lines("llama-3")), purpose="batch")

    assert made.id.startswith("file-other")
    assert one.seen == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"data_source":{"model":"gpt-x"},"a":["model","b"]}', ["gpt-x"]),
        (b'{"m\\u006fdel":"gpt-x"}', ["gpt-x"]),
        (b'{"a":{"Model":"one","model":"two"}}', ["one", "two"]),
        (b'{"text":"\\"model\\":\\"no\\"","model" : "yes"}', ["yes"]),
        (b'{"model":{"model":"inner"}}', ["inner"]),
        (b'{"model":null,"x":"y"}', []),
    ],
)
def test_a_model_is_found_however_deep_it_stands(body: bytes, named: list[str]) -> None:
    endpoint = find("POST", "/v1/evals")
    assert endpoint is not None

    assert inside(endpoint, body, b"application/json").models == named


_JSON = st.recursive(
    st.none() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "model", '"', "\\"]), inner, max_size=3)
    ),
    max_leaves=10,
)


def _all(value: object) -> list[str]:
    if isinstance(value, list):
        return [found for one in value for found in _all(one)]
    if isinstance(value, dict):
        here = [value["model"]] if isinstance(value.get("model"), str) and value["model"] else []
        return here + [found for one in value.values() for found in _all(one)]
    return []


@given(_JSON)
def test_no_model_is_missed_in_any_json(value: object) -> None:
    endpoint = find("POST", "/v1/evals")
    assert endpoint is not None
    wanted = set(_all(value))
    try:
        found = set(inside(endpoint, json.dumps(value).encode(), b"application/json").models)
    except BadBody:
        assert any(not one.isprintable() for one in wanted)
        return

    assert found == wanted


_SOME = '[[key]]\nname = "some"\nsecret = "sk-some"\nmodels = ["gpt-4o-mini"]\n'
SOME = {"authorization": "Bearer sk-some"}
_LABELS = {"svg_usage", "from", "to"}
"""They tell which model said something earlier."""

_NAME_OF_MODEL = re.compile(r"(?:[a-z]+_)*models?")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_documented_place_runs_a_model_that_the_key_may_not_use(tmp_path: Path) -> None:
    reached, tried = [], 0
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=_SOME)) as running:
        work = running.worker.gateway.holdings.hold(["thing-mine00001"], "mock", "key:some")
        asyncio.run_coroutine_threadsafe(work, running.loop).result(PATIENCE_S)
        with httpx.Client(base_url=running.url, headers=SOME, timeout=PATIENCE_S) as caller:
            for method, path, place in documented(_NAME_OF_MODEL):
                if place[-2:-1] and place[-2] in _LABELS:
                    continue
                endpoint = find("POST", path)
                assert endpoint is not None
                named = {"model": "gpt-4o-mini"} if place[0] != "model" else {}
                if endpoint.body == "form":
                    form = {form_name(place): (None, "o1-pro"), **{k: (None, v) for k, v in named.items()}}
                    answer = caller.post(path, files=form)
                else:
                    answer = caller.post(path, json={**named, **put(place, "o1-pro")})
                tried += 1
                if answer.status_code not in {400, 403}:
                    reached.append(f"{method.name}: {'.'.join(place)}: {answer.status_code}")
        seen = [one.path for one in mock.seen]

    assert tried > 30
    assert reached == []
    assert seen == []


_ROUTER = [
    {"plugins": [{"id": "auto-router", "allowed_models": ["o1-pro"]}]},
    {"plugins": [{"id": "auto-router", "allowed_models": ["openai/*"]}]},
    {"plugins": [{"id": "fusion", "analysis_models": ["gpt-4o-mini", "o1-pro"]}]},
    {"plugins": [{"id": "fusion", "model": "o1-pro"}]},
    {"plugins": [{"id": "switchyard", "judge_model": "o1-pro"}]},
    {"plugins": [{"id": "jev-router", "models": ["o1-pro"]}]},
    {"tools": [{"type": "openrouter:advisor", "parameters": {"model": "o1-pro"}}]},
    {"tools": [{"type": "openrouter:fusion", "parameters": {"analysis_models": ["o1-pro"]}}]},
    {
        "tools": [
            {"type": "openrouter:subagent", "parameters": {"tools": [{"parameters": {"model": "o1-pro"}}]}}
        ]
    },
    {"tools": [{"type": "openrouter:fusion"}]},
    {"tools": [{"type": "image_generation"}]},
    {"tools": [{"type": "function", "function": {"name": "f"}, "model": "o1-pro"}]},
    {"moderation": {"model": "o1-pro"}},
    {"input": [{"type": "additional_tools", "tools": [{"type": "image_generation", "model": "o1-pro"}]}]},
    {"models": ["gpt-4o-mini", "o1-pro"]},
    {"fallbacks": [{"model": "o1-pro"}]},
]
_HARMLESS = [
    {"plugins": [{"id": "auto-router", "excluded_models": ["o1-pro"]}]},
    {"plugins": [{"id": "web", "max_results": 3}]},
    {
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"default": {"model": "o1-pro"}}}}
        ]
    },
    {"tools": [{"name": "f", "input_schema": {"examples": [{"model": "o1-pro"}]}}]},
    {"tools": [{"type": "image_generation", "model": "gpt-4o-mini"}]},
    {"models": ["gpt-4o-mini"]},
]


def test_no_field_of_a_router_runs_a_model_that_the_key_may_not_use(tmp_path: Path) -> None:
    """Also right after requests that were let in on the same connection."""
    asked: dict[str, Any] = {"model": "gpt-4o-mini", "input": "x"}
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock, more=_SOME)) as running,
        httpx.Client(base_url=running.url, headers=SOME, timeout=PATIENCE_S) as caller,
    ):
        codes = []
        for more in _ROUTER:
            assert [caller.post("/v1/responses", json=asked).status_code for _ in range(3)] == [200] * 3
            codes.append(caller.post("/v1/responses", json={**asked, **more}).status_code)
        reached = len(mock.seen)
        fine = [caller.post("/v1/responses", json={**asked, **more}).status_code for more in _HARMLESS]

    assert codes == [403] * len(_ROUTER)
    assert reached == 3 * len(_ROUTER)
    assert fine == [200] * len(_HARMLESS)


def test_a_rule_holds_for_what_a_plugin_names_too(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house.no-o1"\nsummary = "No."\nwhen = { model = ["o1*"] }\n'
    body = {"model": "gpt-4o", "messages": [], "plugins": [{"id": "fusion", "analysis_models": ["o1-pro"]}]}
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=rule)) as running:
        refused = post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)

    assert refused.json()["error"]["param"] == "house.no-o1"
    assert mock.seen == []
