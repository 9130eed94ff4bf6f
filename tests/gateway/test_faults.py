# ruff: noqa: SIM117, PT012 - what is served stands around what is asked
"""What official SDKs meet when a provider fails: the fault table, with no retries or fallbacks set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anthropic
import openai
import pytest

from support.gateway_provider import GEO, TOKENS, Provider, providers
from support.gateway_rig import Running, config, gateway, get, until

Rig = tuple[Provider, Running]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with providers("mock") as (mock,):
        with gateway(tmp_path_factory.mktemp("gateway"), config(mock)) as running:
            yield mock, running


@pytest.fixture(scope="module")
def client(rig: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{rig[1].url}/v1", api_key="sk-test", max_retries=2) as made:
        yield made


def ask(client: openai.OpenAI, model: str) -> openai.types.chat.ChatCompletion:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])


def calls(rig: Rig, model: str) -> int:
    return rig[0].models().count(model)


def test_the_sdk_gets_an_answer(client: openai.OpenAI) -> None:
    answer = ask(client, "gpt-4o")

    assert answer.choices[0].message.content == "hello from mock"
    assert answer._request_id == "req_provider"


def test_the_sdk_gets_a_stream(client: openai.OpenAI) -> None:
    events = list(client.chat.completions.create(model="gpt-4o", messages=[], stream=True))

    assert sum(bool(event.choices[0].delta.content) for event in events) == TOKENS


def test_a_refused_place_keeps_its_code_and_is_not_tried_again(rig: Rig, client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client, "fault-geo")

    assert caught.value.code == "unsupported_country_region_territory"
    assert caught.value.type == "request_forbidden"
    assert caught.value.response.content == GEO
    assert caught.value.request_id == "req_provider"
    assert calls(rig, "fault-geo") == 1


def test_a_refused_place_is_written_down_as_an_observation_of_access(rig: Rig, client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        ask(client, "fault-geo-again")

    seen = [one for one in rig[1].records() if one["kind"] == "observation"][-1]
    assert (seen["provider"], seen["place"], seen["status"]) == ("openai", "US", 403)
    assert seen["shape"] == "openai.unsupported-country"


def test_a_place_refused_as_the_first_event_of_a_stream_is_recognised(
    rig: Rig, client: openai.OpenAI
) -> None:
    """OpenRouter begins a stream with status 200 and then says it."""
    with pytest.raises(openai.APIError, match="not available in your region"):
        list(client.chat.completions.create(model="fault-first-geo", messages=[], stream=True))

    seen = [one for one in rig[1].records() if one["kind"] == "observation"]
    assert seen[-1]["shape"] == "openrouter.region"
    assert calls(rig, "fault-first-geo") == 1


def test_geminis_errors_are_lists_and_mean_the_same(rig: Rig, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as place:
        ask(client, "fault-google-geo")
    with pytest.raises(openai.InternalServerError) as key:
        ask(client, "fault-google-key")

    assert place.value.response.headers["x-reliant-cut"] == "google.user-location-list"
    assert (key.value.status_code, key.value.code) == (502, "upstream_key_refused")


def test_a_page_that_blocks_becomes_an_error_object(client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client, "fault-html")

    assert caught.value.code == "upstream_place_refused"


def test_a_refusal_of_the_gateways_key_is_not_the_callers_401(rig: Rig, client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, "fault-401")

    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_key_refused"
    assert calls(rig, "fault-401") == 1


def test_a_missing_model_keeps_its_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, "fault-404")

    assert caught.value.code == "model_not_found"


def test_retry_after_is_passed_on_and_obeyed_by_the_sdk(rig: Rig, client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client, "fault-429")

    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.response.headers["retry-after-ms"] == "120"
    assert calls(rig, "fault-429") == 3


def test_a_used_up_quota_is_not_tried_again(rig: Rig, client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client, "fault-quota")

    assert caught.value.code == "insufficient_quota"
    assert calls(rig, "fault-quota") == 1


@pytest.mark.parametrize("model", ["fault-500", "fault-503"])
def test_a_failing_provider_keeps_its_error_object(rig: Rig, client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client.with_options(max_retries=0), model)

    assert caught.value.status_code == int(model[-3:])
    assert caught.value.type == "server_error"


def test_a_reset_becomes_a_502_with_an_error_object(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client.with_options(max_retries=0), "fault-reset")

    assert (caught.value.status_code, caught.value.code) == (502, "upstream_unreachable")


def test_a_provider_that_hangs_becomes_a_504(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, timeout_s=0.5)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test", max_retries=0) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                ask(client, "fault-hang")

    assert (caught.value.status_code, caught.value.code) == (504, "upstream_timeout")


@pytest.mark.parametrize("model", ["fault-midstream", "fault-clean-end"])
def test_a_stream_that_breaks_ends_with_a_typed_error(client: openai.OpenAI, model: str) -> None:
    words = 0
    with pytest.raises(openai.APIError) as caught:
        for event in client.chat.completions.create(model=model, messages=[], stream=True):
            words += bool(event.choices[0].delta.content)

    assert words == TOKENS // 2
    assert caught.value.code == "upstream_stream_cut"


def test_an_error_event_of_the_provider_reaches_the_sdk_as_it_was(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="fault-sse-error", messages=[], stream=True))

    assert caught.value.message == "The server had an error"


def test_embeddings_and_responses_work_through_the_sdk(client: openai.OpenAI) -> None:
    assert client.embeddings.create(model="text-embedding-3-small", input="x").usage.total_tokens == 8
    assert client.responses.create(model="gpt-4o", input="x").output_text == "hi"
    with client.responses.stream(model="gpt-4o", input="x") as stream:
        assert [event.type for event in stream][-1] == "response.completed"


def test_the_log_is_sound_after_all_that(rig: Rig) -> None:
    from reliant.gateway.audit.verify import public_keys_of, verify

    def sound() -> bool:
        report = verify(rig[1].audit, public_keys_of(rig[1].audit))
        return report.problems == () and report.chains[0].decisions == report.chains[0].outcomes

    until(sound, "what was begun has ended, and the log is sound")


def test_the_anthropic_sdk_works_against_a_chat_provider(rig: Rig) -> None:
    with anthropic.Anthropic(base_url=rig[1].url, api_key="sk-test", max_retries=0) as client:
        message = client.messages.create(
            model="gpt-4o", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
        )
        with client.messages.stream(
            model="gpt-4o", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
        ) as stream:
            streamed = stream.get_final_message()
        with pytest.raises(anthropic.NotFoundError) as missing:
            client.messages.create(model="fault-404", max_tokens=5, messages=[])
        with pytest.raises(anthropic.APIStatusError):
            with client.messages.stream(model="fault-midstream", max_tokens=5, messages=[]) as stream:
                stream.get_final_message()

    assert message.content[0].type == "text"
    assert message.content[0].text == "hello from mock"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (19, 26)
    assert streamed.content[0].type == "text"
    assert len(streamed.content[0].text.split()) == TOKENS
    assert streamed.usage.output_tokens == TOKENS
    assert missing.value.type == "not_found_error"


def test_a_wrong_key_maps_to_the_sdks_own_class(rig: Rig) -> None:
    with openai.OpenAI(base_url=f"{rig[1].url}/v1", api_key="sk-no") as client:
        with pytest.raises(openai.AuthenticationError):
            ask(client, "gpt-4o")
    with anthropic.Anthropic(base_url=rig[1].url, api_key="sk-no") as other:
        with pytest.raises(anthropic.AuthenticationError):
            other.messages.create(model="x", max_tokens=5, messages=[])


def test_the_breaker_does_not_hide_the_only_provider(rig: Rig) -> None:
    assert get(f"{rig[1].url}/health").json()["upstreams"]["mock"] in {"open", "cut", "closed"}
