"""From a question, or a use that was found, to facts with their origins."""

from __future__ import annotations

import datetime as dt

import pytest

from reliant.atlas import Atlas
from reliant.core.facts import Provenance
from reliant.core.use import Channel, Evidence, Kind, Role, Scope, Use
from reliant.core.verdict import Axis
from reliant.errors import UnknownId
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question, given
from reliant.policy.conditions import MAYBE_MORE, OneOf


@pytest.fixture(scope="module")
def asker(atlas: Atlas) -> Asker:
    return Asker(atlas, RuleBook.from_atlas(atlas))


def _use(**fields: object) -> Use:
    filled: dict[str, object] = {
        "id": "use-1",
        "provider": "openai",
        "sdk": "openai",
        "developer": None,
        "model": "gpt-4o",
        "kind": Kind.HOSTED_API,
        "channel": Channel.DIRECT,
        "role": Role.DEFAULT,
        "scope": Scope.CODE,
        "confidence": 1.0,
        "functions": (),
        "evidence": (Evidence("src/llm.py", 40, 1, "client = OpenAI()", "python"),),
    }
    return Use(**{**filled, **fields})  # type: ignore[arg-type]


def test_a_model_brings_its_developer_country_and_weights(asker: Asker) -> None:
    facts = asker.facts(Question(provider="openai", model="gpt-4o", place="cn"))
    found = {
        name: facts[name].value for name in ("developer", "developer.country", "model.weights", "user.region")
    }
    assert found == {
        "developer": "openai",
        "developer.country": "US",
        "model.weights": "closed",
        "user.region": "CN",
    }
    assert facts["model.weights"].origin.kind == "atlas"


@pytest.mark.parametrize(
    ("provider", "channel"),
    [
        ("openai", "direct"),
        ("azure", "partner"),
        ("ollama", "self-hosted"),
        ("huggingface", "direct"),
    ],
)
def test_the_usual_way_to_a_provider_is_taken_from_the_atlas(
    asker: Asker, provider: str, channel: str
) -> None:
    fact = asker.facts(Question(provider=provider))["channel"]
    assert (fact.value, fact.origin.kind) == (channel, "atlas")


def test_a_model_of_a_lab_by_a_partner_is_served_by_the_partner(asker: Asker) -> None:
    facts = asker.facts(Question(provider="openai", channel="partner", partner="azure"))
    assert {name: facts[name].value for name in ("provider", "developer", "partner", "channel")} == {
        "provider": "azure-openai",
        "developer": "openai",
        "partner": "azure-openai",
        "channel": "partner",
    }


def test_what_is_assumed_says_so_and_yields_to_what_is_said(asker: Asker) -> None:
    assert asker.facts(Question(provider="openai"))["act"].origin.kind == "assumed"
    said = asker.facts(Question(provider="openai"), given({"act": "train"}, "--fact"))
    assert (said["act"].value, said["act"].origin.kind) == ("train", "given")


def test_weights_of_a_named_laboratory_are_followed_and_a_blueprint_is_not(asker: Asker) -> None:
    name = "model.built_on[deepseek]"
    distilled = asker.facts(Question(model="deepseek-r1-distill-qwen-32b"))
    assert distilled[name].value is True
    unrelated = asker.facts(Question(model="gpt-4o"))
    assert name not in unrelated or unrelated[name].value is False


def test_a_model_without_a_record_has_unknown_descent_and_says_why(asker: Asker) -> None:
    facts = asker.facts(Question(provider="together", model="a-model-nobody-recorded"))
    assert "model.built_on[deepseek]" not in facts
    assert "has no record of it" in facts.unknown["model.built_on[deepseek]"]


def test_licences_come_from_the_model_and_from_what_it_descends_from(asker: Asker) -> None:
    licences = asker.facts(Question(model="deepseek-r1-distill-llama-70b"))["model.lineage.licence"].value
    assert isinstance(licences, tuple)
    assert "MIT" in licences
    assert any(str(licence).startswith("LicenseRef-llama-3") for licence in licences)


def test_a_private_company_is_no_public_body(asker: Asker) -> None:
    facts = asker.facts(Question(provider="openai"), given({"sector": "private"}, "reliant.toml"))
    assert (facts["public_body"].value, facts["public_body"].origin.place) == ("none", "reliant.toml")


def test_a_provider_that_nobody_knows_is_an_error_in_a_question(asker: Asker) -> None:
    with pytest.raises(UnknownId):
        asker.facts(Question(provider="nobody-at-all"))


def test_a_use_keeps_the_line_that_shows_it(asker: Asker) -> None:
    facts = asker.facts_of_use(_use(), "CN")
    assert facts["provider"].origin == Provenance("found", "src/llm.py:40", "client = OpenAI()")
    assert facts["user.region"].origin == Provenance("given", "--place")


def test_a_use_of_an_unknown_provider_is_asked_about_all_the_same(asker: Asker) -> None:
    facts = asker.facts_of_use(_use(provider="nobody-at-all", model=None), "CN")
    assert facts["provider"].value == "nobody-at-all"


def test_open_weights_without_a_channel_run_on_ones_own_machines(asker: Asker) -> None:
    use = _use(provider=None, model="qwen2.5-7b", kind=Kind.OPEN_WEIGHTS, channel=Channel.UNKNOWN)
    assert asker.facts_of_use(use, "CN")["channel"].value == "self-hosted"


def test_an_asker_of_a_past_day_adds_no_ancestor_that_was_named_later(atlas: Atlas) -> None:
    """Zephyr came out on 2023-10-25; its training recipe, which names Mistral 7B, is of November 2023."""
    book, question = RuleBook.from_atlas(atlas), Question(model="zephyr-7b", channel="self-hosted")
    now = Asker(atlas, book).facts(question)
    then = Asker(atlas.known_on(dt.date(2023, 11, 1)), book).facts(question)
    before = Asker(atlas.known_on(dt.date(2023, 10, 1)), book).facts(question)
    assert now["model.lineage.licence"].value == ("MIT", "Apache-2.0")
    assert then["model.lineage.licence"].value == ("MIT", MAYBE_MORE)
    assert "as known on 2023-10-01" in before.unknown["model.lineage.licence"]


def test_who_made_the_model_of_a_reseller_is_one_of_those_in_its_catalogue(asker: Asker) -> None:
    fact = asker.facts(Question(provider="groq"))["developer"]
    assert isinstance(fact.value, OneOf)
    assert {"meta", "openai", "another"} <= set(fact.value.options)
    assert fact.origin == Provenance("assumed", "groq", "its catalogue of 2026-07-01 lists models of these")


def test_a_rule_on_another_developer_does_not_reach_a_reseller_that_has_none_of_its_models(
    atlas: Atlas, asker: Asker
) -> None:
    """Of Anthropic's rule on owners only those who serve Claude are asked about."""
    book = RuleBook.from_atlas(atlas)
    day = dt.date(2026, 11, 1)
    asked = {
        provider: {
            rule.id
            for rule in book.decide(asker.facts(Question(provider=provider, place="US")), day)
            .axes[Axis.ACCESS]
            .rules
        }
        for provider in ("groq", "openrouter")
    }
    assert "anthropic.ownership" in asked["openrouter"]
    assert "anthropic.ownership" not in asked["groq"]


def test_a_catalogue_is_not_known_before_its_day(atlas: Atlas) -> None:
    before = atlas.known_on(dt.date(2026, 6, 30))
    assert before.provider("groq").serves == ()
    assert "developer" not in Asker(before, RuleBook.from_atlas(before)).facts(Question(provider="groq"))


def test_a_body_of_another_country_is_no_body_of_the_us(asker: Asker) -> None:
    question = Question(provider="deepseek", place="IT")
    seat = {"company.country": "IT", "sector": "government"}
    known = asker.facts(question, given(seat, "--company-country"))
    assert known["public_body"].value == "another"
    assert "follows from company.country: IT" in str(known["public_body"].origin)
    indian = asker.facts(question, given({"company.country": "IN"}, "--company-country"))["public_body"].value
    assert isinstance(indian, OneOf)
    assert indian.options == ("in.finance", "another")
    assert "public_body" not in asker.facts(question, given({"company.country": "US"}, "--company-country"))
    assert "public_body" not in asker.facts(question)


@pytest.mark.parametrize(
    ("said", "federal"),
    [({"public_body": "us.federal-civilian"}, True), ({"public_body": "none"}, False), ({}, False)],
)
def test_whoever_does_not_say_so_is_bound_by_the_rules_of_a_state(
    asker: Asker, said: dict[str, str], federal: bool
) -> None:
    known = asker.facts(
        Question(provider="deepseek", place="US-TX"), given({"sector": "government"} | said, "x")
    )
    assert known["public_body.federal"].value is federal
    assert (known["public_body.federal"].origin.kind == "assumed") is not bool(said)


def test_who_licenses_a_model_anew_leaves_the_licence_of_its_own_base_behind(asker: Asker) -> None:
    def licences(model: str) -> object:
        return asker.facts(Question(provider="ollama", model=model))["model.lineage.licence"].value

    assert asker.atlas.model("deepseek-v3").licence == "LicenseRef-deepseek"
    assert licences("deepseek-r1") == ("MIT",)
    # What others made keeps its licence: Meta's, under DeepSeek's.
    assert "LicenseRef-llama-3.3" in licences("deepseek-r1-distill-llama-70b")  # type: ignore[operator]
