"""`reliant check`: the question asked directly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from reliant import report
from reliant.cli.check import check
from reliant.errors import ConfigError, RecordError, UnknownId, UsageError


def _run(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(check, list(arguments), input=stdin, catch_exceptions=False)
    assert result.exit_code in (0, 1, 2), result.output
    return result


def _json(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_run(*arguments, "--format", "json").output)
    return answer


def _gate(by: str, enforcement: str, since: str, rule: str) -> dict[str, str]:
    return {"by": by, "verdict": "BLOCKED", "enforcement": enforcement, "since": since, "rule": rule}


OPENAI = ("--provider", "openai", "--model", "gpt-4o", "--place", "CN")


def test_the_answer_has_the_promised_shape() -> None:
    answer = _json(*OPENAI, "--as-of", "2024-07-08")
    assert answer["schema"] == "reliant.check/1"
    assert set(answer["axes"]) == {"access", "law", "licence", "register"}
    for axis in answer["axes"].values():
        assert {"verdict", "rules", "pending", "missing"} <= set(axis)
    access = answer["axes"]["access"]
    assert access["gates"] == [
        _gate("provider", "terms", "2022-12-06", "openai.supported-countries"),
        _gate("state", "enforced", "2023-03-02", "cn.network.openai"),
    ]
    assert [(one["rule"], one["on"], one["from"]) for one in access["pending"]] == [
        ("openai.api-block-2024-07", "2024-06-24", "2024-07-09")
    ]


def test_the_answer_is_valid_by_its_own_schema() -> None:
    answer = _json(*OPENAI, "--as-of", "2024-07-08", "--scenario", "openai-block-2024-07-09")
    jsonschema.validate(answer, json.loads(report.schema("check")))


def test_every_source_that_is_cited_is_listed_once() -> None:
    answer = _json(*OPENAI, "--as-of", "2024-07-10")
    listed = [source["id"] for source in answer["sources"]]
    cited = {
        number
        for axis in answer["axes"].values()
        for entry in (*axis["rules"], *axis["pending"])
        for number in entry["sources"]
    } | {number for seen in answer["observations"] for number in seen["sources"]}
    assert len(listed) == len(set(listed))
    assert cited == set(listed)


def test_observations_are_kept_apart_from_rules() -> None:
    answer = _json(*OPENAI, "--as-of", "2024-07-10")
    seen = {one["id"] for one in answer["observations"]}
    assert "openai.error-2024-06-21" in seen
    assert not seen & {rule["id"] for axis in answer["axes"].values() for rule in axis["rules"]}


def test_the_gate_is_enforced_two_days_later() -> None:
    gates = _json(*OPENAI, "--as-of", "2024-07-10")["axes"]["access"]["gates"]
    assert (gates[0]["enforcement"], gates[0]["since"]) == ("enforced", "2024-07-09")


def test_a_partner_is_asked_by_channel() -> None:
    arguments = (
        "--provider",
        "openai",
        "--channel",
        "partner:azure",
        "--place",
        "CN",
        "--as-of",
        "2024-07-10",
    )
    access = _json(*arguments)["axes"]["access"]
    assert [(gate["by"], gate["verdict"]) for gate in access["gates"]] == [("partner", "CONDITIONAL")]


def test_aliases_and_former_names_are_accepted() -> None:
    for name in ("azure", "azure-openai", "Azure OpenAI Service"):
        assert (
            _json("--provider", name, "--place", "CN", "--as-of", "2024-07-10")["facts"]["provider"]["value"]
            == "azure-openai"
        )


def test_owners_are_read_from_a_file(tmp_path: Path) -> None:
    owners = tmp_path / "owners.yaml"
    owners.write_text(
        """
company: acme
companies:
  acme:
    seat: SG
    held_by: [{holder: holding, share_pct: 60}, {holder: locals, share_pct: 40}]
  holding:
    seat: SG
    held_by: [{holder: parent, share_pct: 90}, {holder: locals, share_pct: 10}]
  parent: {seat: CN}
  locals: {seat: SG}
""",
        encoding="utf-8",
    )
    base = ("--provider", "anthropic", "--place", "SG", "--owners", str(owners))
    assert _json(*base, "--as-of", "2025-09-04")["axes"]["access"]["verdict"] == "OPEN"
    after = _json(*base, "--as-of", "2025-09-05")["axes"]["access"]
    assert after["verdict"] == "BLOCKED"
    leaves = [
        leaf for rule in after["rules"] if rule["id"] == "anthropic.ownership" for leaf in rule["because"]
    ]
    assert any("acme <- holding 60 % <- parent 90 % (CN): 54 %" in (leaf["origin"] or "") for leaf in leaves)


@pytest.mark.parametrize(("country", "verdict"), [("CN", "BLOCKED"), ("US", "OPEN")])
def test_one_owner_is_enough_to_say(country: str, verdict: str) -> None:
    arguments = (
        "--provider",
        "anthropic",
        "--place",
        "SG",
        "--owner-country",
        country,
        "--as-of",
        "2025-10-01",
    )
    assert _json(*arguments)["axes"]["access"]["verdict"] == verdict


def test_what_is_said_of_oneself_reaches_the_rules(tmp_path: Path) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text("contractor.of: [us.dod]\n", encoding="utf-8")
    answer = _json(
        "--provider", "deepseek", "--place", "US", "--nationality", "US", "--nationality", "CN",
        "--sector", "private",
        "--public-service", "no", "--fact", "use.private=no", "--facts", str(facts),
        "--reading", "us.congress.ndaa26-1532-nations=on-guidance", "--as-of", "2026-02-01",
    )  # fmt: skip
    assert answer["axes"]["law"]["verdict"] == "BLOCKED"
    assert answer["facts"]["user.nationality"] == {"value": "US, CN", "origin": "given: --nationality"}
    assert answer["facts"]["contractor.of"]["origin"].endswith("facts.yaml:1")


def test_users_and_the_calling_machine_must_both_be_served() -> None:
    arguments = ("--provider", "openai", "--place", "US", "--as-of", "2024-07-10")
    assert _json(*arguments, "--server-place", "DE")["axes"]["access"]["verdict"] == "OPEN"
    assert _json(*arguments, "--server-place", "HK")["axes"]["access"]["verdict"] == "BLOCKED"


def test_a_scenario_says_what_it_changes() -> None:
    answer = _json(*OPENAI, "--as-of", "2024-06-25", "--scenario", "openai-block-2024-07-09")
    assert answer["changes"][0]["gates"] == ["provider: BLOCKED terms -> BLOCKED enforced"]
    rules = {rule["id"]: rule["origin"] for rule in answer["axes"]["access"]["rules"]}
    assert rules["openai.api-block-2024-07"] == "scenario:openai-block-2024-07-09"


def test_the_terminal_shows_both_chains_and_no_colour_off_a_terminal() -> None:
    text = _run(*OPENAI, "--as-of", "2024-07-10").output
    assert text.startswith("BLOCKED  gpt-4o via openai/direct from CN, as of 2024-07-10\n")
    assert "gate held by the provider: BLOCKED, enforced since 2024-07-09 (openai.api-block-2024-07)" in text
    assert "provider is openai: yes (openai; given: --provider)" in text
    assert "[1] " in text
    assert "\x1b" not in text


CSV = """id,provider,model,place,as_of,sector
a,openai,gpt-4o,CN,2024-07-10,
b,ollama,qwen2.5:7b,CN,2024-07-10,private
"""
JSONL = (
    '{"id": "a", "provider": "openai", "place": "CN", "as_of": "2024-07-10"}\n\n'
    '{"id": "b", "provider": "zhipu", "place": "CN", "as_of": "2024-07-10", "facts": {"sector": "private"}}\n'
)


@pytest.mark.parametrize("text", [CSV, JSONL])
def test_a_batch_gives_one_answer_a_line(text: str) -> None:
    result = _run("--format", "json", stdin=text)
    answers = [json.loads(line) for line in result.output.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b"]
    assert [answer["axes"]["access"]["verdict"] for answer in answers] == ["BLOCKED", "OPEN"]


def test_a_batch_in_words_has_one_line_each() -> None:
    lines = _run(stdin=CSV).output.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("a  BLOCKED")


def test_fail_on_sets_the_exit_code() -> None:
    assert _run(*OPENAI, "--as-of", "2024-07-10").exit_code == 0
    assert _run(*OPENAI, "--as-of", "2024-07-10", "--fail-on", "blocked").exit_code == 1
    assert _run("--provider", "ollama", "--place", "DE", "--fail-on", "blocked").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("--provider", "opnai"), UnknownId, "no record has the id 'opnai'"),
        (("--provider", "openai", "--place", "XQ"), UsageError, "is not a country code"),
        (("--provider", "openai", "--channel", "pigeon"), UsageError, "is no channel"),
        (("--provider", "openai", "--fact", "sector"), UsageError, "has no value"),
        (("--provider", "openai", "--fact", "sektor=x"), ConfigError, "there is no fact 'sektor'"),
        (("--provider", "openai", "--sector", "circus"), UsageError, "is not known"),
        (("--provider", "openai", "--scenario", "nothing"), UnknownId, "nothing"),
        (("--provider", "openai", "--reading", "a.b=c"), UsageError, "names no reading"),
        ((), UsageError, "nothing is asked"),
    ],
)
def test_a_wrong_question_is_refused_with_a_next_step(
    arguments: tuple[str, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        _run(*arguments, stdin="")
    assert getattr(caught.value, "hint", "")


@pytest.mark.parametrize("text", ['{"provider": \n', "[1]\n", "provider,place\nopenai,CN,extra\n"])
def test_a_broken_batch_names_its_line(text: str) -> None:
    with pytest.raises(UsageError, match="stdin:"):
        _run(stdin=text)


def test_a_facts_file_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text("a: 1\na: 2\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"facts\.yaml:2"):
        _run("--provider", "openai", "--facts", str(file))


@pytest.mark.parametrize(("language", "first"), [("cel", '{"as_of"'), ("rego", "# Rules in force on")])
def test_the_rules_are_exported(language: str, first: str) -> None:
    assert _run("--export", language, "--as-of", "2024-07-10").output.startswith(first)


def test_a_check_as_known_on_a_day_uses_no_fact_of_a_model_that_was_found_later() -> None:
    """Yi-34B came out on 2023-11-02; whose weights it carries was first said in 2024-01, some day."""
    asked = ("--model", "01-ai/Yi-34B", "--channel", "self-hosted", "--place", "US", "--as-of", "2026-11-01")
    told = {day: _json(*asked, "--known-on", day) for day in ("2023-11-01", "2023-11-02", "2024-01-31")}
    names = {
        day: {name for name in answer["facts"] if name in ("model.weights", "model.weights_origin")}
        for day, answer in told.items()
    }
    assert names == {
        "2023-11-01": set(),
        "2023-11-02": {"model.weights"},
        "2024-01-31": {"model.weights", "model.weights_origin"},
    }
    assert "as known on 2023-11-01" in told["2023-11-01"]["unknown"]["model.weights"]
    built_on = "model.built_on[deepseek]"
    assert built_on in told["2023-11-02"]["unknown"]
    assert built_on in told["2024-01-31"]["facts"]
    assert [answer["known_on"] for answer in told.values()] == list(told)


@pytest.mark.parametrize(
    ("words", "silent"),
    [
        (["--model", "gpt-4o"], True),
        (["--model", "gpt-4o", "--provider", "openai"], False),
        (["--model", "llama-3.1-8b", "--channel", "self-hosted"], False),
    ],
)
def test_a_model_asked_about_without_its_provider_gets_a_word_on_it(words: list[str], silent: bool) -> None:
    result = _run(*words, "--place", "CN", "--as-of", "2024-07-10")

    assert ("add --provider" in result.stderr) is silent
