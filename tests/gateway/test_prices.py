"""What calls cost, and what happens where nobody knows it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reliant.gateway.config import parse_config
from reliant.gateway.route.prices import Each, Prices
from support.gateway_provider import providers
from support.gateway_rig import Running, config, gateway, get, post

KEY = {"authorization": "Bearer sk-test"}
BUDGET = {"authorization": "Bearer sk-budget"}
BUDGET_KEY = '[[key]]\nname = "budget"\nsecret = "sk-budget"\nquota = { usd_per_day = 1.0 }\n'
NO_PRICE = "a-model-nobody-sells"


def ask(running: Running, model: str, headers: dict[str, str] = BUDGET, **more: object) -> httpx.Response:
    body = {"model": model, "messages": [], **more}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers)


def counted(running: Running, name: str) -> dict[str, float]:
    text = get(f"{running.url}/metrics").text
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {one.labels["key"]: one.value for one in samples if one.name == name}


def test_a_key_with_a_budget_is_refused_what_nobody_knows_the_price_of(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=BUDGET_KEY)) as running:
        known = ask(running, "gpt-4o")
        refused = ask(running, NO_PRICE)
        unbound = ask(running, NO_PRICE, KEY)
        seen = mock.models()
        decided = running.decisions()[1]

    assert (known.status_code, unbound.status_code) == (200, 200)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "reliant_price_unknown")
    assert "price_usd_per_mtok" in refused.json()["error"]["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert seen == ["gpt-4o", NO_PRICE]
    assert (decided["action"], decided["code"]) == ("refuse", "reliant_price_unknown")


def test_what_is_let_through_without_a_price_is_unknown_and_not_free(tmp_path: Path) -> None:
    more = BUDGET_KEY + '[prices]\nunknown = "warn"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        warned = ask(running, NO_PRICE)
        ask(running, "gpt-4o")
        known, unknown = (
            counted(running, "reliant_gateway_cost_usd_total"),
            counted(running, "reliant_gateway_unpriced_answers_total"),
        )
        state = get(f"{running.url}/admin/state", headers=KEY).json()
        outcomes = running.outcomes()

    assert warned.status_code == 200
    assert "outside the budget" in warned.headers["x-reliant-warning"]
    assert [one.get("unpriced", False) for one in outcomes] == [True, False]
    assert [one["microusd"] > 0 for one in outcomes] == [False, True]
    assert known["budget"] > 0
    assert unknown == {"budget": 1}
    assert {one["name"]: one["unpriced"] for one in state["keys"]} == {"test": 0, "budget": 1}


def test_a_price_for_every_model_leaves_nothing_unknown(tmp_path: Path) -> None:
    more = BUDGET_KEY + "[prices]\nusd_per_mtok = { input = 100000.0, output = 0.0 }\n"
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        statuses = [ask(running, NO_PRICE).status_code for _ in range(2)]
        (outcome,) = running.outcomes()

    assert statuses == [200, 429]
    assert outcome["microusd"] == 19 * 100_000
    assert "unpriced" not in outcome


def test_a_fallback_without_a_price_is_left_out_under_a_budget(tmp_path: Path) -> None:
    with providers("first", "second") as (first, second):
        text = config(first, second, more=BUDGET_KEY)
        text = text.replace('name = "second"', 'name = "second"\nmodels = { "fault-500" = "no-price" }')
        priced = text.replace(
            'name = "first"', 'name = "first"\nprice_usd_per_mtok = { input = 1.0, output = 1.0 }'
        )
        with gateway(tmp_path, priced) as running:
            under_budget = ask(running, "fault-500").status_code
            asked = len(second.seen)
            without = ask(running, "fault-500", KEY).status_code

    assert (under_budget, asked) == (500, 0)
    assert without == 200


@pytest.mark.parametrize("path", ["batches", "evals", "fine_tuning/jobs", "videos", "threads/runs"])
def test_what_runs_models_out_of_sight_is_refused_under_a_budget(tmp_path: Path, path: str) -> None:
    more = BUDGET_KEY.replace("usd_per_day = 1.0", "usd_per_month = 1.0")
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        body = {"model": "gpt-4o"}
        if path == "videos":
            form = {name: (None, value) for name, value in body.items()}
            answer = post(f"{running.url}/v1/{path}", files=form, headers=BUDGET)
        else:
            answer = post(f"{running.url}/v1/{path}", json=body, headers=BUDGET)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "reliant_price_unknown")
    assert mock.seen == []


def test_the_usual_model_of_a_provider_has_no_price_either(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=BUDGET_KEY)) as running:
        answer = post(f"{running.url}/v1/images/generations", json={"prompt": "a tea"}, headers=BUDGET)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "reliant_price_unknown")
    assert "the usual model at 'mock'" in answer.json()["error"]["message"]
    assert mock.seen == []


def test_tokens_that_a_provider_does_not_say_are_estimated_and_marked(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "x" * 4_000}]
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=BUDGET_KEY)) as running:
        for options in ({}, {"stream_options": {"include_usage": True}}):
            body = {"model": "gpt-4o", "messages": messages, "stream": True, **options}
            assert post(f"{running.url}/v1/chat/completions", json=body, headers=BUDGET).status_code == 200
        silent, said = running.outcomes()

    assert silent["estimated"]
    assert silent["tokens_in"] >= 1_000
    assert silent["tokens_out"] > 0
    assert silent["microusd"] > 0
    assert "estimated" not in said
    assert said["tokens_in"] == 7


def test_the_list_knows_what_is_sold_by_the_token_and_nothing_else() -> None:
    text = (
        '[[upstream]]\nname = "u"\nprovider = "openai"\nbase_url = "http://127.0.0.1/v1"\n'
        '[[key]]\nname = "k"\nsecret = "sk-budget"\nquota = { usd_per_day = 1.0 }\n'
        '[[route]]\nmodel = "*"\nupstreams = ["u"]\n'
    )
    prices = Prices(parse_config(text, Path("gateway.toml"), {}))

    found = prices.each("u", "gpt-4o")
    assert found is not None
    assert found.tokens_out > found.tokens_in > 0
    assert prices.each("u", "text-embedding-3-small") == Each(pytest.approx(0.02), 0.0)
    assert [prices.each("u", name) for name in ("whisper-1", "tts-1", "dall-e-3", NO_PRICE)] == [None] * 4
    assert prices.microusd("u", NO_PRICE, 10, 10) is None
