"""The gateway does what its own description says, whatever is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from reliant.gateway.api.openapi import describe
from support.gateway_provider import providers
from support.gateway_rig import Running, config, gateway, get

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
schema = schemathesis.openapi.from_dict(describe())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with providers("mock") as (mock,), gateway(tmp_path_factory.mktemp("g"), config(mock)) as one:
        yield one


MOST_USED = r"^/(v1/(chat|responses|messages|embeddings|files|batches|models)|health|audit)"


def few(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def call(case: schemathesis.Case, running: Running) -> None:
    case.call_and_validate(
        base_url=running.url, headers={"authorization": "Bearer sk-test"}, checks=CHECKS, timeout=60
    )


@schema.include(path_regex=MOST_USED).parametrize()
@few(12)
def test_what_is_described_holds(case: schemathesis.Case, running: Running) -> None:
    call(case, running)


@schema.exclude(path_regex=MOST_USED).parametrize()
@few(4)
def test_what_is_described_of_the_rest_holds(case: schemathesis.Case, running: Running) -> None:
    call(case, running)


def test_the_description_is_served(running: Running) -> None:
    served = get(f"{running.url}/openapi.json").json()

    assert served == describe()
    assert "/v1/chat/completions" in served["paths"]
