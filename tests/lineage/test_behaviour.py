"""Endpoints: consistent, different, or honestly undecided."""

from __future__ import annotations

import json
import random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import FetchError
from reliant.lineage.behaviour import Answers, fisher, holm, judge, probes
from reliant.lineage.endpoint import Endpoint, ask


def model(name: str, *, like: str | None = None, steadiness: float = 0.9, cut: int = 4):
    """Return an endpoint whose choice depends on its name and the prompt; relatives choose alike."""

    def answer(request: httpx.Request) -> httpx.Response:
        text = json.loads(request.content)["messages"][0]["content"]
        base = random.Random(f"{like or name}{text}")
        own = random.Random(f"{name}{text}")
        common = random.Random(text).random() < 0.25  # what every model would say
        word = (
            "the"
            if common
            else f"w{base.randrange(400)}"
            if own.random() < steadiness
            else f"w{own.randrange(400)}"
        )
        usage = {"prompt_tokens": 7 + -(-len(text.encode()) // cut), "total_tokens": 12}
        return httpx.Response(200, json={"choices": [{"message": {"content": f"{word}."}}], "usage": usage})

    return httpx.Client(transport=httpx.MockTransport(answer))


ASKED = probes(150)


def said(client) -> Answers:
    return ask(client, Endpoint("http://host/v1", "m"), ASKED)


REFERENCE, CONTROL = said(model("a")), said(model("b"))


@pytest.mark.parametrize(
    ("suspect", "verdict"),
    [
        (model("a"), "consistent"),
        (model("a-again", like="a", steadiness=0.7), "consistent"),
        (model("c"), "differs"),
    ],
)
def test_an_endpoint_is_told_from_unrelated_models(suspect, verdict: str) -> None:
    found = judge(said(suspect), {"a": REFERENCE}, {"b": CONTROL})[0]
    assert found.verdict == verdict
    assert found.control_agreement == pytest.approx(0.25, abs=0.1)


def test_without_controls_nothing_is_decided() -> None:
    assert judge(REFERENCE, {"a": REFERENCE}, {})[0].verdict == "not_decidable"


def test_too_few_answers_decide_nothing() -> None:
    few = Answers(REFERENCE.first_tokens[:20] + (None,) * (len(ASKED) - 20), REFERENCE.prompt_tokens)
    assert judge(few, {"a": REFERENCE}, {"b": CONTROL})[0].verdict == "not_decidable"


def test_controls_that_agree_with_the_reference_decide_nothing() -> None:
    assert judge(REFERENCE, {"a": REFERENCE}, {"b": REFERENCE})[0].verdict == "not_decidable"


def test_another_way_of_cutting_text_shows_in_the_counts() -> None:
    relative = judge(said(model("a", cut=3)), {"a": REFERENCE}, {"b": CONTROL})[0]
    assert relative.tokenizer == "different"
    assert relative.verdict == "not_decidable"


def test_a_key_that_is_refused_ends_it() -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(401)))
    with pytest.raises(FetchError, match="refuses the key"):
        said(client)


def test_an_endpoint_that_keeps_failing_is_not_asked_on() -> None:
    calls = []
    client = httpx.Client(
        transport=httpx.MockTransport(lambda request: calls.append(1) or httpx.Response(500))
    )
    with pytest.raises(FetchError, match="5 times"):
        said(client)
    assert len(calls) == 5


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"choices": []}', b'{"choices": [{"message": null}]}', b"x" * 100]
)
def test_an_answer_of_another_shape_counts_as_none(body: bytes) -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    assert set(said(client).first_tokens) == {None}


@pytest.mark.parametrize("text", ["host#m", "http://host/v1", "ftp://host#m", "http://user:pass@host#m"])
def test_an_address_without_model_or_with_a_password_is_refused(text: str) -> None:
    with pytest.raises(FetchError, match="is no endpoint"):
        Endpoint.parse(text)


@given(st.integers(0, 60), st.integers(0, 60))
def test_fisher_is_a_probability_and_falls_with_the_difference(a: int, c: int) -> None:
    assert 0 <= fisher((a, 60), (c, 60)) <= 1
    if a < 60:
        assert fisher((a + 1, 60), (c, 60)) <= fisher((a, 60), (c, 60)) + 1e-12


def test_holm_never_lowers_a_p() -> None:
    tests = {("a", "x"): 0.01, ("a", "y"): 0.04, ("b", "x"): 0.03}
    assert holm(tests) == {("a", "x"): 0.03, ("b", "x"): 0.06, ("a", "y"): 0.06}


def test_the_same_seed_asks_the_same_and_another_other_prompts() -> None:
    assert probes(20) == probes(20)
    assert probes(20)[0] != probes(20, seed=1)[0]
    assert len({probe.text for probe in probes(200)}) > 200
