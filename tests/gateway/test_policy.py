# ruff: noqa: SIM117 - what is served stands around what is asked
"""The rules on live traffic: who is refused, in which words, and that nothing leaves before."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import httpx
import openai
import pytest

from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, post

KEY = {"authorization": "Bearer sk-test"}


def ask(running: Running, model: str = "gpt-4o", key: str = "sk-test", **headers: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {key}", **headers}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers)


def caller_of(running: Running, key: str) -> httpx.Client:
    """A caller whose requests go over one connection."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=running.url, headers=headers, timeout=PATIENCE_S)


def test_a_caller_in_an_unsupported_place_is_refused_with_rule_source_and_date(tmp_path: Path) -> None:
    """OpenAI announced on 2024-06-24 and enforced on 2024-07-09 that its API refuses CN."""
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, place="CN")) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
            with pytest.raises(openai.PermissionDeniedError) as caught:
                client.chat.completions.create(model="gpt-4o", messages=[])
        decision = running.decisions()[-1]

    refusal = caught.value
    assert mock.seen == []
    assert refusal.code == "reliant_policy_denied"
    assert refusal.param is not None
    assert refusal.param.startswith("openai.")
    assert refusal.response.headers["x-reliant-rule"] == refusal.param
    assert refusal.response.headers["x-should-retry"] == "false"
    assert "Source:" in refusal.message
    assert "user.region is CN (not in openai.supported-countries" in refusal.message
    assert (decision["action"], decision["verdict"], decision["place"]) == ("refuse", "BLOCKED", "CN")


@pytest.mark.parametrize(
    ("day", "rule"),
    [
        pytest.param(dt.date(2024, 7, 8), "openai.supported-countries", id="the day before"),
        pytest.param(dt.date(2024, 7, 9), "openai.api-block-2024-07", id="the day"),
    ],
)
def test_the_day_decides(tmp_path: Path, day: dt.date, rule: str) -> None:
    """The same request is judged by the rules in force when it is made: the block began on 2024-07-09."""
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC).timestamp()
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, place="CN"), wall=lambda: noon) as running:
            error = ask(running).json()["error"]
            decision = running.decisions()[-1]

    assert error["param"] == rule
    assert decision["t"] == int(noon * 1_000_000)
    assert ("openai.api-block-2024-07" in decision["rules"]) == (day >= dt.date(2024, 7, 9))


def test_a_refusal_names_no_other_caller(tmp_path: Path) -> None:
    """Callers whom the rules cannot tell apart share an answer, and it says nothing of who asked first."""
    more = "".join(
        f'[[tenant]]\nname = "{name}-ltd"\ncountry = "CN"\n'
        f'[[key]]\nname = "{name}-key"\nsecret = "sk-{name}-1"\ntenant = "{name}-ltd"\n'
        for name in ("first", "second")
    )
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        first = ask(running, key="sk-first-1").json()["error"]
        second = ask(running, key="sk-second-1").text

    assert first["code"] == "reliant_policy_denied"
    assert "first-" not in second


def test_the_day_advances_while_the_gateway_runs(tmp_path: Path) -> None:
    day = [dt.datetime(2026, 11, 1, 23, 59, tzinfo=dt.UTC).timestamp()]
    rule = '[[rule]]\nid = "house"\nsummary = "S."\nsince = 2026-11-02\nwhen = { provider = "openai" }\n'
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock, more=rule), wall=lambda: day[0]) as running,
    ):
        before = ask(running)
        day[0] += 120
        after = ask(running)

    assert before.status_code == 200
    assert (after.status_code, after.json()["error"]["param"]) == (403, "house")


def test_an_operators_rule_refuses_by_model_and_tenant(tmp_path: Path) -> None:
    more = """
[[tenant]]
name = "lab"
country = "US"
sector = "defence"
[[key]]
name = "lab"
secret = "sk-lab-1"
tenant = "lab"
[[rule]]
id = "house.no-minis"
summary = "Small models are not for this sector."
source = "https://intranet.example/rules/4"
when = { sector = "defence", model = ["*-mini"] }
"""
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        refused = ask(running, "gpt-4o-mini", "sk-lab-1")
        other_model = ask(running, "gpt-4o", "sk-lab-1")
        other_tenant = ask(running, "gpt-4o-mini")

    assert refused.status_code == 403
    error = refused.json()["error"]
    assert (error["param"], error["code"]) == ("house.no-minis", "reliant_policy_denied")
    assert "https://intranet.example/rules/4" in error["message"]
    assert "sector is defence; model is gpt-4o-mini (is *-mini)" in error["message"]
    assert other_model.status_code == 200
    assert other_tenant.status_code == 200
    assert "house.no-minis" not in running.decisions()[1]["rules"]
    assert "house.no-minis" in running.decisions()[2]["rules"], "sector not known: it warns"


def test_a_rule_in_dry_run_is_recorded_and_not_enforced(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house"\nsummary = "S."\ndry_run = true\nwhen = { provider = "openai" }\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=rule)) as running:
        answer = ask(running)
        decision = running.decisions()[-1]

    assert answer.status_code == 200
    assert decision["dry_run"] == ["house"]


def test_a_rule_of_the_atlas_can_be_put_in_dry_run(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, place="CN")) as running:
            rule = ask(running).json()["error"]["param"]
        text = config(
            mock, place="CN", more=f'[policy]\ndry_run = ["{rule}"]\non_unknown = {{ access = "warn" }}\n'
        )
        with gateway(tmp_path, text) as running:
            ask(running)
            decision = running.decisions()[-1]

    assert rule in decision["dry_run"]
    assert rule not in decision.get("rules", [])


def test_strict_refuses_what_is_not_known_on_any_axis_and_says_what_to_ask(tmp_path: Path) -> None:
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock, more='[policy]\nprofile = "strict"\n')) as running,
    ):
        answer = ask(running, "a-model-nobody-knows")

    assert answer.status_code == 403
    error = answer.json()["error"]
    assert error["code"] == "reliant_policy_unknown"
    assert any(one.get("missing") for one in error["reliant"]["because"])
    assert mock.seen == []


def test_a_provider_the_caller_may_not_use_is_no_substitute_either(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { "server.region" = "eu" }\n'
    with providers("one", "other") as (one, other):
        text = config(one, other, more=rule).replace('name = "other"', 'name = "other"\nregion = "eu"')
        with gateway(tmp_path, text) as running:
            answer = ask(running, "fault-500")

    assert answer.status_code == 500
    assert other.seen == []


def test_a_substitute_that_descends_from_what_was_cut_is_left_out(tmp_path: Path) -> None:
    """Vicuna descends by its weights from LLaMA, so it is no independence from Meta."""
    with providers("one", "other") as (one, other):
        route = 'retries = 0\nindependent_of = ["meta"]\nsubstitutes = { other = "meta-llama/Llama-3.1-8B" }'
        with gateway(tmp_path, config(one, other, route=route)) as running:
            answer = ask(running, "fault-500")

    assert answer.status_code == 500
    assert other.seen == []


def test_a_key_is_bound_to_its_models_endpoints_and_time(tmp_path: Path) -> None:
    more = """
[[key]]
name = "narrow"
secret = "sk-narrow"
models = ["gpt-4o*"]
endpoints = ["chat"]
[[key]]
name = "over"
secret = "sk-over-1"
expires = 2020-01-01T00:00:00Z
"""
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        allowed = ask(running, "gpt-4o-mini", "sk-narrow")
        model = ask(running, "o1", "sk-narrow")
        over = ask(running, "gpt-4o", "sk-over-1")
        body = {"model": "gpt-4o", "input": "x"}
        headers = {"authorization": "Bearer sk-narrow"}
        endpoint = post(f"{running.url}/v1/embeddings", json=body, headers=headers)

    assert (allowed.status_code, over.status_code) == (200, 401)
    assert (model.status_code, model.json()["error"]["code"]) == (403, "model_not_permitted")
    assert (endpoint.status_code, endpoint.json()["error"]["code"]) == (403, "endpoint_not_permitted")


def test_a_rotated_secret_works_beside_the_new_one_until_its_day(tmp_path: Path) -> None:
    import hashlib

    old = hashlib.sha256(b"sk-old-one").hexdigest()
    more = f'[[key]]\nname = "r"\nsecret = "sk-new-one"\nprevious_sha256 = ["{old}"]\n'
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=more)) as running:
            both = [ask(running, "gpt-4o", key).status_code for key in ("sk-old-one", "sk-new-one")]
        ended = more + "previous_until = 2020-01-01T00:00:00Z\n"
        with gateway(tmp_path, config(mock, more=ended)) as running:
            after = [ask(running, "gpt-4o", key).status_code for key in ("sk-old-one", "sk-new-one")]

    assert (both, after) == ([200, 200], [401, 200])


def test_a_quota_refuses_with_the_time_to_wait(tmp_path: Path) -> None:
    more = '[[key]]\nname = "q"\nsecret = "sk-quota"\n[key.quota]\nrequests_per_day = 2\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        answers = [ask(running, "gpt-4o", "sk-quota") for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "reliant_quota_exceeded"
    assert answers[2].headers["x-should-retry"] == "false"
    assert int(answers[2].headers["retry-after"]) > 0
    assert len(mock.seen) == 2


def test_a_budget_in_money_counts_what_calls_cost(tmp_path: Path) -> None:
    more = '[[key]]\nname = "q"\nsecret = "sk-quota"\n[key.quota]\nusd_per_day = 0.00003\n'
    priced = "price_usd_per_mtok = { input = 1.0, output = 0.5 }"
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more, upstream=priced)) as running:
        answers = [ask(running, "gpt-4o", "sk-quota") for _ in range(2)]
        spent = running.outcomes()[0]["microusd"]

    assert spent == 19 * 1 + 26 * 0.5
    assert [one.status_code for one in answers] == [200, 429]


def test_without_configured_prices_the_list_price_of_the_served_model_counts(tmp_path: Path) -> None:
    more = '[[key]]\nname = "q"\nsecret = "sk-quota"\n[key.quota]\nusd_per_month = 5.0\n'
    alias = 'models = { fast = "gpt-4o" }'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more, upstream=alias)) as running:
        ask(running, "fast", "sk-quota")
        outcome = running.outcomes()[-1]

    assert outcome["model"] == "gpt-4o"
    assert outcome["microusd"] > 0


def test_used_quota_survives_a_restart(tmp_path: Path) -> None:
    more = '[[key]]\nname = "q"\nsecret = "sk-quota"\n[key.quota]\nrequests_per_day = 2\n'
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=more)) as running:
            assert [ask(running, "gpt-4o", "sk-quota").status_code for _ in range(2)] == [200, 200]
        with gateway(tmp_path, config(mock, more=more)) as running:
            assert ask(running, "gpt-4o", "sk-quota").status_code == 429


def test_an_object_stays_with_its_provider_and_its_owner(tmp_path: Path) -> None:
    more = '[[key]]\nname = "else"\nsecret = "sk-else"\n'
    with (
        providers("one", "other") as (one, other),
        gateway(tmp_path, config(one, other, more=more)) as running,
    ):
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
            one.down = True
            made = client.files.create(file=b"{}", purpose="batch")
            one.down = False
            again = client.files.retrieve(made.id)
            batch = client.batches.create(
                input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-else", max_retries=0) as stranger:
            with pytest.raises(openai.NotFoundError):
                stranger.files.retrieve(made.id)

    assert made.id.startswith("file-other")
    assert again.id == made.id
    assert batch.id.startswith("batch-other")
    assert not any(seen.method == "GET" for seen in one.seen)


def test_what_was_decided_a_moment_ago_opens_no_object_of_another(tmp_path: Path) -> None:
    """Requests on one connection are decided once a moment; that must not reach further than they do."""
    more = '[[key]]\nname = "else"\nsecret = "sk-else"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        body = {"model": "gpt-4o", "input": "x"}
        made = post(f"{running.url}/v1/responses", json=body, headers={"authorization": "Bearer sk-test"})
        with caller_of(running, "sk-else") as stranger:
            first = stranger.post("/v1/responses", json=body)
            cancelled = stranger.post(f"/v1/responses/{made.json()['id']}/cancel", json=body)
            chained = stranger.post("/v1/responses", json={**body, "previous_response_id": made.json()["id"]})
        asked = [one.path for one in mock.seen]

    assert (made.status_code, first.status_code) == (200, 200)
    assert (cancelled.status_code, chained.status_code) == (404, 404)
    assert asked == ["/v1/responses", "/v1/responses"]


def test_a_key_that_is_revoked_or_a_rule_that_is_added_ends_what_was_decided(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { provider = "openai" }\n'
    admin = {"authorization": "Bearer sk-test"}
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        secret = post(f"{running.url}/admin/keys", json={"name": "k"}, headers=admin).json()["secret"]
        body = {"model": "gpt-4o", "messages": []}
        with caller_of(running, secret) as caller:
            before = [caller.post("/v1/chat/completions", json=body).status_code for _ in range(2)]
            running.config.write_text(config(mock, more=rule))
            post(f"{running.url}/admin/reload", headers=admin)
            ruled = caller.post("/v1/chat/completions", json=body).status_code
            caller.delete("/admin/keys/k", headers=admin)
            revoked = caller.post("/v1/chat/completions", json=body).status_code
        decisions = running.decisions()

    assert (before, ruled, revoked) == ([200, 200], 403, 401)
    first, second = [{**one, "n": 0, "t": 0, "id": ""} for one in decisions[:2]]
    assert first == second, "the record of a request decided a moment ago says the same"


def test_anothers_object_cannot_be_used_inside_a_request(tmp_path: Path) -> None:
    more = '[[key]]\nname = "else"\nsecret = "sk-else"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
            made = client.files.create(file=b"{}", purpose="user_data")
        content = [{"type": "input_file", "file_id": made.id}]
        body = {"model": "gpt-4o", "input": [{"role": "user", "content": content}]}
        answers = [
            post(f"{running.url}/v1/responses", json=body, headers={"authorization": f"Bearer {key}"})
            for key in ("sk-test", "sk-else")
        ]
        with caller_of(running, "sk-else") as stranger:
            deleted = stranger.delete("/v1/files/abcdef")

    assert [one.status_code for one in answers] == [200, 404]
    assert deleted.status_code == 404
    assert not any(seen.method == "DELETE" for seen in mock.seen)


def test_a_list_shows_a_caller_its_own_objects_only(tmp_path: Path) -> None:
    more = '[[key]]\nname = "else"\nsecret = "sk-else"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
            made = client.files.create(file=b"{}", purpose="batch")
            mine = [one.id for one in client.files.list().data]
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-else") as stranger:
            theirs = [one.id for one in stranger.files.list().data]

    assert (mine, theirs) == ([made.id], [])


def test_a_stored_response_is_found_again_where_it_was_made(tmp_path: Path) -> None:
    with providers("one", "other") as (one, other), gateway(tmp_path, config(one, other)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
            one.down = True
            first = client.responses.create(model="gpt-4o", input="x")
            one.down = False
            client.responses.create(model="gpt-4o", input="y", previous_response_id=first.id)

    assert other.seen[-1].json["previous_response_id"] == first.id
    assert one.models().count("gpt-4o") < other.models().count("gpt-4o")
