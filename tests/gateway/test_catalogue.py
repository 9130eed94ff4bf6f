# ruff: noqa: SIM117 - what is served stands around what is asked
"""Which models a caller is told of: what it may use here and now, whoever has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from reliant.gateway.serve.catalogue import read_list
from support.gateway_keeper import Keeper, keepers
from support.gateway_rig import config, gateway, get, until

KEY = {"authorization": "Bearer sk-test"}
MINI = '[[key]]\nname = "mini"\nsecret = "sk-mini"\nmodels = ["gpt-4o-mini"]\n'
OPEN = '[policy]\non_unknown = { access = "warn" }\n'


def models(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": one, "object": "model", "created": 1_700_000_000, "owned_by": "maker", **more} for one in names
    ]


def asked_for_models(keeper: Keeper) -> int:
    return sum(one.path.startswith("/v1/models") for one in keeper.seen)


def names(url: str, secret: str = "sk-test") -> list[str]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as client:
        return [one.id for one in client.models.list()]


def test_behind_a_glob_stands_what_the_upstream_has(tmp_path: Path) -> None:
    with keepers("one") as (one,):
        one.listed = models("gpt-4o", "gpt-4o-mini")
        with gateway(tmp_path, config(one, upstream='models = { fast = "gpt-4o-mini" }')) as running:
            with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
                listed = {one.id: one for one in client.models.list()}
                again = [one.id for one in client.models.list()]
                single = client.models.retrieve("gpt-4o")
                with pytest.raises(openai.NotFoundError) as missing:
                    client.models.retrieve("gpt-9")
                with pytest.raises(openai.NotFoundError) as deleted:
                    client.models.delete("gpt-4o")

    assert list(listed) == again == ["fast", "gpt-4o", "gpt-4o-mini"]
    assert (listed["gpt-4o"].created, listed["gpt-4o"].owned_by) == (1_700_000_000, "maker")
    assert single.id == "gpt-4o"
    assert missing.value.code == "model_not_found"
    assert deleted.value.code == "not_served"
    assert asked_for_models(one) == 1


def test_nobody_is_told_of_a_model_that_its_key_or_a_rule_refuses(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house.no-o1"\nsummary = "No."\nwhen = { model = ["o1*"] }\n'
    with keepers("one") as (one,):
        one.listed = models("gpt-4o", "gpt-4o-mini", "o1-pro")
        with gateway(tmp_path, config(one, more=MINI + rule)) as running:
            everybody, mini = names(running.url), names(running.url, "sk-mini")
            hidden = get(f"{running.url}/v1/models/gpt-4o", headers={"authorization": "Bearer sk-mini"})

    assert everybody == ["gpt-4o", "gpt-4o-mini"]
    assert mini == ["gpt-4o-mini"]
    assert hidden.status_code == 404


def test_an_upstream_that_the_rules_refuse_is_not_asked(tmp_path: Path) -> None:
    with keepers("one") as (one,):
        one.listed = models("gpt-4o")
        with gateway(tmp_path, config(one, place="CN")) as running:
            listed = names(running.url)

    assert listed == []
    assert one.seen == []


@pytest.mark.parametrize("how", ["down", "hangs", "has no list"])
def test_an_upstream_without_an_answer_takes_nothing_from_the_others(tmp_path: Path, how: str) -> None:
    route = 'retries = 0\n[[route]]\nmodel = "llama*"\nupstreams = ["two"]\n'
    with keepers("one", "two") as (one, two):
        two.listed = models("llama-3", "gpt-4o")
        one.down, one.hangs_on_models = how == "down", how == "hangs"
        one.listed = None
        with gateway(tmp_path, config(one, two, route=route, timeout_s=0.5)) as running:
            listed = names(running.url)

    # What the first upstream has is not known: the second may then be asked for it.
    assert listed == ["llama-3", "gpt-4o"]


def test_a_model_that_only_the_second_upstream_has_is_not_promised(tmp_path: Path) -> None:
    """A request for it would go to the first, which does not know it."""
    with keepers("one", "two") as (one, two):
        one.listed, two.listed = models("gpt-4o"), models("gpt-4o", "gpt-5")
        with gateway(tmp_path, config(one, two)) as running:
            listed = names(running.url)

    assert listed == ["gpt-4o"]


def test_asking_for_lists_is_written_down_like_any_other_call(tmp_path: Path) -> None:
    with keepers("one") as (one,):
        one.listed = models("gpt-4o")
        with gateway(tmp_path, config(one)) as running:
            names(running.url)
            until(running.outcomes, "the outcome is written")
            decisions, outcomes = running.decisions(), running.outcomes()

    assert [(one["endpoint"], one["upstream"], one["action"]) for one in decisions] == [
        ("models", "one", decisions[0]["action"])
    ]
    assert decisions[0]["id"] == outcomes[0]["id"]
    assert outcomes[0]["status"] == 200
    assert "sk-test" not in str([seen.headers for seen in one.seen])


def test_the_anthropic_sdk_reads_the_list_in_its_own_shape(tmp_path: Path) -> None:
    with keepers("one") as (one,):
        one.listed = models(
            "claude-a", "claude-b", "claude-c", created_at="2025-02-19T00:00:00Z", created=None
        )
        with gateway(tmp_path, config(one) + OPEN) as running:
            with anthropic.Anthropic(base_url=running.url, api_key="sk-test", max_retries=0) as client:
                pages = list(client.models.list(limit=2))
                first = client.models.list(limit=1)
                single = client.models.retrieve("claude-b")
                with pytest.raises(anthropic.NotFoundError) as missing:
                    client.models.retrieve("claude-z")

    assert [one.id for one in pages] == ["claude-a", "claude-b", "claude-c"]
    assert (first.has_more, first.last_id) == (True, "claude-a")
    assert (single.type, single.created_at.year) == ("model", 2025)
    assert missing.value.type == "not_found_error"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[1]", b'{"data":{}}', b'{"data":[{"id":5},{"no":1},{"id":""},{"id":"a\\nb"}]}', b"\xff"],
)
def test_a_list_that_is_none_names_no_model(body: bytes) -> None:
    assert not read_list(body)


def test_lists_of_other_makers_are_read_too() -> None:
    gemini = b'{"object":"list","data":[{"id":"models/gemini-2.5-pro","object":"model","owned_by":"google"}]}'
    together = b'[{"id":"meta-llama/Llama-3","created":0}]'
    huge = b'{"data":[{"id":"x","created":1e300}]}'

    assert list(read_list(gemini) or ()) == ["gemini-2.5-pro"]
    assert list(read_list(together) or ()) == ["meta-llama/Llama-3"]
    assert (read_list(huge) or {})["x"].created == 0
