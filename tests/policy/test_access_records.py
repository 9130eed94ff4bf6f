"""Access records of 2021 to 2026 beyond the best-known cuts, each at a day that its sources speak of."""

from __future__ import annotations

import datetime as dt

import pytest

from reliant.atlas import Atlas
from reliant.core.verdict import Axis, Verdict
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question, given


@pytest.mark.parametrize(
    ("provider", "place", "day", "said", "verdict"),
    [
        ("github-copilot", "IR", "2024-10-10", {}, Verdict.UNKNOWN),
        ("github-copilot", "IR", "2024-10-11", {}, Verdict.BLOCKED),
        ("github-copilot", "RU", "2026-11-01", {}, Verdict.BLOCKED),
        ("github-copilot", "SY", "2025-04-11", {}, Verdict.BLOCKED),
        ("github-copilot", "SY", "2026-11-01", {}, Verdict.UNKNOWN),
        ("deepl", "CN", "2021-05-17", {}, Verdict.BLOCKED),
        ("deepl", "CN", "2021-05-16", {}, Verdict.UNKNOWN),
        ("deepl", "CN", "2026-01-10", {}, Verdict.UNKNOWN),
        ("deepl", "DE", "2026-01-10", {}, Verdict.OPEN),
        ("deepl", "IN", "2026-01-10", {}, Verdict.UNKNOWN),
        ("aws-bedrock", "RU", "2022-03-08", {"customer.existing": False}, Verdict.BLOCKED),
        ("aws-bedrock", "RU", "2022-03-08", {}, Verdict.UNKNOWN),
        ("azure-openai", "RU", "2022-03-03", {"customer.existing": False}, Verdict.UNKNOWN),
        ("azure-openai", "RU", "2022-03-04", {"customer.existing": False}, Verdict.BLOCKED),
        ("azure-openai", "RU", "2024-05-15", {"user.kind": "enterprise"}, Verdict.UNKNOWN),
        ("azure-openai", "RU", "2024-05-16", {"user.kind": "enterprise"}, Verdict.BLOCKED),
        ("azure-openai", "RU", "2024-05-16", {"user.kind": "individual"}, Verdict.UNKNOWN),
        ("google-vertex", "RU", "2022-04-01", {"customer.existing": False}, Verdict.BLOCKED),
        ("google-vertex", "RU", "2022-03-15", {"customer.existing": False}, Verdict.UNKNOWN),
    ],
)
def test_a_provider_is_shut_where_and_since_when_its_sources_say_so(
    atlas: Atlas, provider: str, place: str, day: str, said: dict[str, str | bool], verdict: Verdict
) -> None:
    """Sources: the records under atlas/rules of the provider, each with its quote and date."""
    book = RuleBook.from_atlas(atlas)
    facts = Asker(atlas, book).facts(Question(provider=provider, place=place), given({**said}, "--fact"))
    assert book.decide(facts, dt.date.fromisoformat(day)).axes[Axis.ACCESS].verdict is verdict


def test_a_rule_that_was_last_known_to_hold_says_until_when(atlas: Atlas) -> None:
    book = RuleBook.from_atlas(atlas)
    facts = Asker(atlas, book).facts(Question(provider="deepl", place="CN"))
    notes = book.decide(facts, dt.date(2026, 11, 1)).axes[Axis.ACCESS].notes
    assert (
        "deepl.china: it was last known to hold on 2026-01-09; whether it did on 2026-11-01 was not found."
        in notes
    )
