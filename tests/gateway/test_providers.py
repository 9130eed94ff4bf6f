"""What providers other than OpenAI are sent: Azure, Bedrock, and every shape of refused place."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.gateway.api.refusals import Refusals, load_shapes
from support.gateway_bedrock import signature
from support.gateway_provider import Provider, providers
from support.gateway_rig import config, gateway, post

KEY = {"authorization": "Bearer sk-test"}
BODY = {"model": "gpt-4o", "messages": []}


def test_azure_gets_the_deployment_in_the_path_and_the_key_in_its_own_header(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        azure = 'api = "azure"\napi_version = "2024-10-21"\nmodels = { "gpt-4o" = "my deployment" }'
        text = config(mock, upstream=azure).replace('/v1"', '"').replace('"openai"', '"azure-openai"')
        with gateway(tmp_path, text + '[policy]\non_unknown = { access = "warn" }\n') as running:
            post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
    (seen,) = mock.seen

    assert seen.path == "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"
    assert seen.headers["api-key"] == "sk-upstream"
    assert "authorization" not in seen.headers


def test_bedrock_is_signed_as_its_specification_says(tmp_path: Path) -> None:
    env = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "sec/ret", "AWS_SESSION_TOKEN": "tok"}
    with providers("mock") as (mock,):
        text = config(mock, upstream='api = "bedrock"\nregion = "us-east-1"').replace(
            'api_key = "sk-upstream"', ""
        )
        text = text.replace('"openai"', '"aws-bedrock"') + '[policy]\non_unknown = { access = "warn" }\n'
        with gateway(tmp_path, text, env=env) as running:
            answer = post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)
    (seen,) = mock.seen

    assert answer.status_code == 200
    assert seen.headers["x-amz-security-token"] == "tok"
    assert "/us-east-1/bedrock/aws4_request" in seen.headers["authorization"]
    expected = signature(seen.headers, "/v1/chat/completions", seen.body, "sec/ret")
    assert seen.headers["authorization"].endswith(f"Signature={expected}")


REFUSALS = Refusals(load_shapes())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"error": {"code": "model_not_found", "message": "no access to the model"}}),
        (403, {"error": {"type": "permission_error", "message": "Your API key lacks permission"}}),
        (400, {"error": {"message": "location is required"}}),
        (400, {"error": {"code": "context_length_exceeded"}}),
        (500, {"error": {"code": "unsupported_country_region_territory"}}),
    ],
)
def test_other_errors_are_not_taken_for_a_refused_place(status: int, body: object) -> None:
    assert REFUSALS.recognise(status, [], msgspec.json.encode(body)) is None


@given(st.integers(100, 599), st.binary(max_size=300))
def test_any_answer_can_be_looked_at(status: int, body: bytes) -> None:
    REFUSALS.recognise(status, [(b"content-type", b"text/html")], body)


def test_a_provider_may_refuse_in_a_way_nobody_has_seen(tmp_path: Path) -> None:
    """Then it is passed on as it is, and nothing is claimed about the place."""
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        answer = post(f"{running.url}/v1/chat/completions", json={**BODY, "model": "fault-404"}, headers=KEY)

    assert answer.status_code == 404
    assert not any(one["kind"] == "observation" for one in running.records())
    assert isinstance(mock, Provider)
