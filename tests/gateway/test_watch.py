"""Spans, retention, and what one day's end does to the log."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from reliant.gateway.audit.export import export_lines
from reliant.gateway.audit.verify import public_keys_of, verify
from reliant.gateway.operate.telemetry import _names, _parent
from support.gateway_provider import Provider, providers
from support.gateway_rig import config, gateway, get, knowledge, post, until

KEY = {"authorization": "Bearer sk-test"}
DAY = 86_400.0


def spans_in(collector: Provider) -> list[dict[str, Any]]:
    sent = [one.json["resourceSpans"][0]["scopeSpans"][0]["spans"] for one in collector.seen]
    return [span for batch in sent for span in batch]


def test_spans_follow_the_genai_conventions_and_the_callers_trace(tmp_path: Path) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with providers("mock", "collector") as (mock, collector):
        more = f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{collector.port}"\n'
        with gateway(tmp_path, config(mock, more=more)) as running:
            headers = {**KEY, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            for model in ("gpt-4o", "fault-500"):
                url = f"{running.url}/v1/chat/completions"
                post(url, json={"model": model, "messages": []}, headers=headers)
            until(lambda: len(spans_in(collector)) >= 2, "both spans are sent")

    spans = spans_in(collector)
    values = [{one["key"]: next(iter(one["value"].values())) for one in span["attributes"]} for span in spans]
    assert {sent.path for sent in collector.seen} == {"/v1/traces"}
    assert [span["name"] for span in spans] == ["chat gpt-4o", "chat fault-500"]
    assert {span["traceId"] for span in spans} == {trace}
    assert values[0]["gen_ai.provider.name"] == "openai"
    assert values[0]["gen_ai.usage.input_tokens"] == "19"
    assert (spans[1]["status"]["code"], values[1]["error.type"]) == (2, "500")


def test_a_provider_has_the_name_that_the_conventions_give_it(tmp_path: Path) -> None:
    with providers("mock", "collector") as (mock, collector):
        more = f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{collector.port}"\n'
        text = config(mock, more=more).replace('provider = "openai"', 'provider = "mistral"', 1)
        with gateway(tmp_path, text) as running:
            post(f"{running.url}/v1/chat/completions", json={"model": "m", "messages": []}, headers=KEY)
            until(lambda: spans_in(collector), "the span is sent")

    values = {one["key"]: next(iter(one["value"].values())) for one in spans_in(collector)[0]["attributes"]}
    assert (values["gen_ai.provider.name"], values["reliant.provider"]) == ("mistral_ai", "mistral")


def test_every_provider_with_another_name_in_the_conventions_is_one_of_the_atlas() -> None:
    assert set(_names()) <= set(knowledge().atlas.providers)


@pytest.mark.parametrize(
    "given",
    [
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-ZZf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "garbage",
    ],
)
def test_a_trace_that_is_none_is_not_passed_to_the_collector(given: str) -> None:
    trace, parent = _parent(given.encode())

    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert trace not in given
    assert parent == ""


def test_a_stream_that_broke_is_a_failed_span(tmp_path: Path) -> None:
    with providers("mock", "collector") as (mock, collector):
        more = f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{collector.port}"\n'
        with gateway(tmp_path, config(mock, more=more)) as running:
            body = {"model": "fault-midstream", "messages": [], "stream": True}
            post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
            until(lambda: spans_in(collector), "the span is sent")
            metrics = get(f"{running.url}/metrics").text

    (span,) = spans_in(collector)
    assert span["status"] == {"code": 2}
    assert "reliant_gateway_spans_dropped_total 0.0" in metrics


def test_kept_prompts_are_erased_after_the_days_of_retention(tmp_path: Path) -> None:
    now = [time.time()]
    audit = '[audit]\nprompts = "keep"\nretention_days = 7\ncheckpoint_s = 0.05\n'
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more=audit), wall=lambda: now[0]) as running:
            body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "an old secret"}]}
            post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
            folder = running.audit
            now[0] += 8 * DAY
            post(f"{running.url}/v1/chat/completions", json={**body, "messages": []}, headers=KEY)
            until(lambda: len(list(folder.glob("*.jsonl"))) > 1, "a new day begins a new file")
        assert any("an old secret" in line for line in export_lines(folder))
        with gateway(tmp_path, config(mock, more=audit), wall=lambda: now[0]) as running:
            files = list(folder.glob("*.jsonl"))
            until(lambda: not any(b"an old secret" in one.read_bytes() for one in files), "it is erased")

    report = verify(folder, public_keys_of(folder))
    assert not any("an old secret" in line for line in export_lines(folder))
    assert report.sound
    assert report.chains[0].erased == 1


def test_the_numbers_of_all_workers_are_one_page(tmp_path: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    from reliant.gateway.metrics import Metrics
    from reliant.gateway.operate.merged import leave, merge

    one, other = Metrics(lambda: 3), Metrics(lambda: 4)
    for metrics, times in ((one, 2), (other, 5)):
        for _ in range(times):
            metrics.answered("chat", 'up"1', "allow", 200, 0.2)
    one.state.labels("up").set(0)
    other.state.labels("up").set(3)
    leave(tmp_path, 1, other.text())

    text = merge(tmp_path, 0, one.text(), 2).decode()

    samples = {s.name: s for family in text_string_to_metric_families(text) for s in family.samples}
    assert samples["reliant_gateway_requests_total"].value == 7
    assert samples["reliant_gateway_requests_total"].labels["upstream"] == 'up"1'
    assert samples["gen_ai_client_operation_duration_seconds_count"].value == 7
    assert samples["reliant_gateway_log_records_total"].value == 7
    assert samples["reliant_gateway_upstream_state"].value == 3
