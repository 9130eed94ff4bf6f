"""What the operator can choose does what the page of the configuration says; so does every refused place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import httpx
import pytest

from reliant.gateway.api.refusals import load_shapes
from support.gateway_keeper import keepers
from support.gateway_provider import providers
from support.gateway_rig import Running, config, gateway, post

BODY: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def ask(running: Running, key: str = "sk-test", address: str = "", **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    if address:
        headers["x-forwarded-for"] = address
    return post(f"{running.url}/v1/chat/completions", json={**BODY, **more}, headers=headers)


def code(answer: httpx.Response) -> str:
    return str(answer.json().get("error", {}).get("code", "")) if answer.status_code != 200 else ""


@pytest.mark.parametrize(
    ("choice", "status", "warned"),
    [
        ('hidden_network = "allow"', 200, False),
        ('hidden_network = "warn"', 200, True),
        ('hidden_network = "block"', 403, False),
    ],
)
def test_the_operator_chooses_what_a_vpn_means(
    tmp_path: Path, choice: str, status: int, warned: bool
) -> None:
    (tmp_path / "vpn.txt").write_text("5.5.5.0/24\n")
    text = f'[listen]\ntrusted_proxies = ["127.0.0.1"]\n[signals]\nvpn_cidr = ["{tmp_path / "vpn.txt"}"]\n'
    rest = '[[tenant]]\nname = "t"\ncountry = "US"\n'
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, text + config(mock, more=f"[policy]\n{choice}\n{rest}")) as on,
    ):
        hidden, plain = ask(on, address="5.5.5.5"), ask(on, address="8.8.8.8")
        first = on.decisions()[0]

    assert (hidden.status_code, plain.status_code) == (status, 200)
    assert code(hidden) in {"", "reliant_place_refused"}
    assert any("vpn" in one for one in first["evidence"])
    if status == 200:
        assert (first["action"] == "warn") >= warned
    assert len(mock.seen) == (2 if status == 200 else 1)


@pytest.mark.parametrize(("choice", "status"), [("allow", 200), ("warn", 200), ("block", 403)])
def test_the_operator_chooses_what_an_address_in_no_table_means(
    tmp_path: Path, choice: str, status: int
) -> None:
    (tmp_path / "c.csv").write_text("8.8.8.0,8.8.8.255,US\n")
    text = f'[listen]\ntrusted_proxies = ["127.0.0.1"]\n[signals]\ncountry_csv = ["{tmp_path / "c.csv"}"]\n'
    text += f'tables_dated = "2026-11-01"\n[policy]\nunknown_network = "{choice}"\n'
    with providers("mock") as (mock,), gateway(tmp_path, text + config(mock)) as running:
        known, unknown = ask(running, address="8.8.8.8"), ask(running, address="9.9.9.9")

    assert (known.status_code, unknown.status_code) == (200, status)
    assert len(mock.seen) == (2 if status == 200 else 1)


def test_what_the_tenant_says_of_its_users_decides_where_a_rule_asks_for_it(tmp_path: Path) -> None:
    """Nationality is read by such rules only, and is not known where the tenant does not say it."""
    rule = (
        '[[rule]]\nid = "house.people"\nsummary = "S."\nwhen = { "user.nationality" = "FR" }\n'
        '[[tenant]]\nname = "said"\ncountry = "US"\nnationality = "FR"\n'
        '[[tenant]]\nname = "other"\ncountry = "US"\nnationality = "DE"\n'
        '[[tenant]]\nname = "silent"\ncountry = "US"\n'
    )
    keys = "".join(
        f'[[key]]\nname = "{one}"\nsecret = "sk-{one}-key"\ntenant = "{one}"\n'
        for one in ("said", "other", "silent")
    )
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=rule + keys)) as running:
        said, other, silent = (ask(running, f"sk-{one}-key") for one in ("said", "other", "silent"))
        warned = running.decisions()[2]

    assert [one.status_code for one in (said, other, silent)] == [403, 200, 200]
    assert said.json()["error"]["param"] == "house.people"
    assert "house.people" in warned["rules"], "not known: it warns, and never fires in silence"
    assert len(mock.seen) == 2


@pytest.mark.parametrize(("choice", "status"), [("warn", 200), ("block", 403)])
def test_what_is_not_known_means_per_axis_what_the_operator_says(
    tmp_path: Path, choice: str, status: int
) -> None:
    axis = "law"
    more = f'[policy]\non_unknown = {{ {axis} = "{choice}" }}\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        answer = ask(running, model="a-model-nobody-knows")
        decision = running.decisions()[0]

    assert answer.status_code == status
    if status == 403:
        assert code(answer) == "reliant_policy_unknown"
        assert any(
            one["axis"] == axis and one["missing"] for one in answer.json()["error"]["reliant"]["because"]
        )
    assert decision["verdict"] == "UNKNOWN"


def test_a_key_begins_and_ends_on_its_day(tmp_path: Path) -> None:
    noon = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    keys = (
        '[[key]]\nname = "early"\nsecret = "sk-early"\nnot_before = 2026-11-20T12:00:10Z\n'
        '[[key]]\nname = "late"\nsecret = "sk-late-1"\nexpires = 2026-11-20T12:00:10Z\n'
    )
    now = [noon.timestamp()]
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock, more=keys), wall=lambda: now[0]) as running,
    ):
        before = [ask(running, one).status_code for one in ("sk-early", "sk-late-1")]
        now[0] += 20
        after = [ask(running, one).status_code for one in ("sk-early", "sk-late-1")]

    assert (before, after) == ([401, 200], [200, 401])
    assert len(mock.seen) == 2


def test_retries_are_at_most_a_share_of_the_requests(tmp_path: Path) -> None:
    """Ten are there to begin with; then one for every five answers."""
    breaker = "[breaker]\nretry_budget = 0.2\nfailures = 1000\n"
    with (
        providers("mock") as (mock,),
        gateway(tmp_path, config(mock, route="retries = 1", more=breaker)) as running,
    ):
        for _ in range(20):
            ask(running, model="fault-500")
        failed = len(mock.seen)
        for _ in range(5):
            ask(running)
        for _ in range(3):
            ask(running, model="fault-500")

    assert failed == 20 + 10
    assert len(mock.seen) == failed + 5 + 3 + 1


@pytest.mark.parametrize(
    ("mode", "roles"),
    [("none", None), ("prefill", ["user", "assistant"]), ("instruct", ["user", "assistant", "user"])],
)
def test_an_upstream_is_asked_to_go_on_in_the_way_it_understands(
    tmp_path: Path, mode: str, roles: list[str] | None
) -> None:
    with providers("one", "other") as (one, other):
        text = config(
            one, other, route="retries = 0\ncontinue_streams = true", upstream=f'continuation = "{mode}"'
        )
        with gateway(tmp_path, text) as running:
            answer = ask(running, model="fault-midstream", stream=True)

    asked = [[message["role"] for message in seen.json["messages"]] for seen in other.seen]
    assert asked == ([] if roles is None else [roles])
    assert ("[DONE]" in answer.text) == (roles is not None)
    assert ("upstream_stream_cut" in answer.text) == (roles is None)


def test_every_shape_of_a_refused_place_is_tried_and_names_its_source() -> None:
    """Shapes as reported by users, 2023-12 to 2026-04."""
    shapes = load_shapes()

    assert {one.id for one in shapes} == {one[0] for one in SHAPES}
    assert all(one.source.startswith("https://") for one in shapes)


PAGE = b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1>"
SHAPES: list[tuple[str, int, bytes, str]] = [
    (
        "openai.unsupported-country",
        403,
        b'{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory '
        b'not supported (request id: 2026)","param":"","type":"request_forbidden"}}',
        "application/json",
    ),
    (
        "openai.unsupported-country-text",
        403,
        b'{"error":{"code":403,"message":"Country, region, or territory not supported"}}',
        "application/json",
    ),
    (
        "google.user-location",
        400,
        b'{"error":{"code":400,"message":"User location is not supported for the API use.",'
        b'"status":"FAILED_PRECONDITION"}}',
        "application/json; charset=UTF-8",
    ),
    (
        "google.user-location-list",
        400,
        b'[{"error":{"code":400,"message":"User location is not supported for the API use."}}]',
        "application/json",
    ),
    (
        "anthropic.edge",
        403,
        b'{"error":{"type":"forbidden","message":"Request not allowed"}}',
        "application/json",
    ),
    (
        "bedrock.anthropic-countries",
        400,
        b'{"message":"Access to Anthropic models is not allowed from unsupported countries, regions, or '
        b'territories. Please refer to https://www.anthropic.com/supported-countries"}',
        "application/json",
    ),
    (
        "bedrock.anthropic-countries-openai",
        400,
        b'{"error":{"code":"validation_error","message":"Access to Anthropic models is not allowed from '
        b'unsupported countries, regions, or territories."}}',
        "application/json",
    ),
    (
        "openrouter.region",
        403,
        b'{"error":{"message":"This model is not available in your region.","code":403}}',
        "application/json",
    ),
    ("any.451", 451, b"Access to Anthropic models is not available in your region (IM)", "text/plain"),
    ("cloudflare.block-page", 403, PAGE, "text/html; charset=UTF-8"),
    ("cloudflare.country-banned", 403, b"error code: 1009", "text/plain; charset=UTF-8"),
]


@pytest.mark.parametrize(("shape", "status", "body", "kind"), SHAPES, ids=[one[0] for one in SHAPES])
def test_every_refused_place_is_recorded_not_retried_and_gone_round(
    tmp_path: Path, shape: str, status: int, body: bytes, kind: str
) -> None:
    """To another provider that the rules permit, and for every model: waiting changes no place."""
    with keepers("one", "two") as (one, two):
        one.says = (status, body, {"content-type": kind, "server": "cloudflare", "cf-ray": "ray"})
        with gateway(tmp_path, config(one, two, route="retries = 3")) as running:
            first, second = ask(running), ask(running, model="gpt-4o-mini")
            seen = [record for record in running.records() if record["kind"] == "observation"]
            state = running.worker.gateway.runtime.targets["one"].health.state
        with gateway(tmp_path, config(one, route="retries = 3")) as alone:
            told = ask(alone)

    assert (first.json()["choices"][0]["message"]["content"], second.status_code) == ("hello from two", 200)
    assert [record["shape"] for record in seen] == [shape]
    assert (seen[0]["status"], seen[0]["place"], seen[0]["upstream"], state) == (status, "US", "one", "cut")
    assert len(one.seen) == 2, "once with another upstream, once alone"
    assert told.headers["x-reliant-cut"] == shape
    assert told.headers["x-should-retry"] == "false"
    assert told.status_code == status
    if kind.startswith("application/json"):
        assert told.content == body
    else:
        assert told.json()["error"]["code"] == "upstream_place_refused"
