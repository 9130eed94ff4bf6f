"""`reliant explain`: why, what would change it, what to find out first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reliant.cli.explain import explain
from reliant.errors import UnknownId, UsageError


def _run(*arguments: str) -> str:
    return CliRunner().invoke(explain, list(arguments), catch_exceptions=False).output


def test_a_rule_is_shown_with_dates_readings_and_sources() -> None:
    text = _run("anthropic.ownership", "--as-of", "2025-09-06")
    assert "2025-09-04  announced [1]" in text
    assert "reading chain:" in text
    assert "owner.controlled_from not in anthropic.supported-countries" in text
    assert "https://www.anthropic.com/news/updating-restrictions-of-sales-to-unsupported-regions" in text


def test_a_rule_is_decided_on_the_facts_of_a_question() -> None:
    text = _run("openai.api-block-2024-07", "--provider", "openai", "--place", "CN", "--as-of", "2024-07-10")
    assert "fires: yes" in text
    assert "provider is openai: yes (openai; given: --provider)" in text


def test_a_rule_that_is_not_in_force_says_so() -> None:
    assert "it is not in force" in _run("us.house.enforce-act-2024", "--as-of", "2024-07-10")


def test_a_question_is_explained_with_what_it_rests_on_and_what_comes_next() -> None:
    text = _run("--provider", "openai", "--model", "gpt-4o", "--place", "CN", "--as-of", "2024-07-08")
    assert "It rests on" in text
    assert "What to find out first" in text
    assert "With the same facts it changes on 2024-07-09: provider: BLOCKED enforced" in text


def test_the_explanation_as_json() -> None:
    answer = json.loads(
        _run("--provider", "azure", "--place", "CN", "--as-of", "2024-10-22", "--format", "json")
    )
    assert answer["schema"] == "reliant.explain/1"
    assert answer["check"]["schema"] == "reliant.check/1"
    assert "user.kind" in [one["fact"] for one in answer["find_out_first"]]
    assert {"user.kind": "individual"} in [one["facts"] for one in answer["would_change"]]


def test_a_use_is_found_in_a_target_and_keeps_its_line(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        'from openai import OpenAI\n\nprint(OpenAI().chat.completions.create(model="gpt-4o", messages=[]))\n',
        encoding="utf-8",
    )
    text = _run("gpt-4o", "--target", str(tmp_path), "--place", "CN", "--as-of", "2024-07-10")
    assert text.startswith("BLOCKED  gpt-4o via openai/direct from CN")
    assert "found: app.py:3" in text


def test_a_rule_misspelt_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownId) as caught:
        _run("anthropic.ownershp")
    assert "anthropic.ownership" in caught.value.near


def test_a_use_needs_its_target_and_nothing_is_no_question() -> None:
    with pytest.raises(UsageError):
        _run("zzzz")
    with pytest.raises(UsageError, match="nothing is asked"):
        _run()
