"""What-ifs never mix with law."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from reliant.atlas import Atlas
from reliant.core.facts import Value
from reliant.core.verdict import Axis, Verdict, VerdictChange
from reliant.errors import RecordError, UnknownId
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question, given
from reliant.policy.scenario import (
    ScenarioFile,
    differences,
    find_scenario,
    from_record,
    read_scenario,
)
from support.rules import book, facts, rule

DAY = dt.date(2024, 7, 10)


def _bill() -> RuleBook:
    return book(rule("xx.bill", kind="bill", force=None, when={"provider": "acme"}))


def test_a_bill_enacted_by_a_scenario_forbids_and_keeps_the_name_of_the_scenario() -> None:
    what_if = msgspec.convert({"name": "test", "enact": {"xx.bill": {"from": "2024-06-01"}}}, ScenarioFile)
    before = _bill()
    after = before.overlaid(what_if)
    asked = facts(provider="acme", searched=True)
    answer = after.decide(asked, DAY)
    assert answer.axes[Axis.LAW].verdict is Verdict.BLOCKED
    assert [one.origin for one in answer.axes[Axis.LAW].rules if one.id == "xx.bill"] == ["scenario:test"]
    assert before.decide(asked, DAY).axes[Axis.LAW].verdict is Verdict.OPEN
    assert differences(before.decide(asked, DAY), answer) == (
        VerdictChange("", Axis.LAW, Verdict.OPEN, Verdict.BLOCKED, ("xx.bill",)),
    )


def test_a_rule_can_be_repealed_from_a_day_or_altogether() -> None:
    rules = book(rule("xx.ban", when={"provider": "acme"}))
    asked = facts(provider="acme", searched=True)
    for repeal, verdict in (
        (None, Verdict.OPEN),
        ("2024-07-10", Verdict.OPEN),
        ("2024-07-11", Verdict.BLOCKED),
    ):
        what_if = msgspec.convert({"name": "test", "repeal": {"xx.ban": repeal}}, ScenarioFile)
        assert rules.overlaid(what_if).decide(asked, DAY).axes[Axis.LAW].verdict is verdict


def test_facts_that_a_scenario_sets_are_marked_as_assumed() -> None:
    what_if = msgspec.convert({"name": "test", "set_facts": {"sector": "government"}}, ScenarioFile)
    rules = book(rule("xx.ban", when={"sector": "government"})).overlaid(what_if)
    answer = rules.decide(facts(searched=True), DAY)
    (found,) = [one for one in answer.axes[Axis.LAW].rules if one.id == "xx.ban"]
    assert found.because[0].origin == "assumed: scenario:test"


def test_a_scenario_cannot_name_a_rule_that_is_not_there() -> None:
    what_if = msgspec.convert({"name": "test", "enact": {"zz.bill": {"from": "2024-06-01"}}}, ScenarioFile)
    with pytest.raises(UnknownId) as caught:
        _bill().overlaid(what_if)
    assert caught.value.near == ("xx.bill",)


def test_a_scenario_is_found_by_id_or_by_file(atlas: Atlas, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nset_facts: {sector: government}\n", encoding="utf-8")
    assert find_scenario("hub-blocked", atlas).name == "hub-blocked"
    assert find_scenario(str(file), atlas).name == "mine"
    with pytest.raises(UnknownId):
        find_scenario("no-such-scenario", atlas)


def test_a_scenario_file_with_a_wrong_key_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nenacts: {}\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"mine\.yaml:2"):
        read_scenario(file)


def test_every_built_in_scenario_can_be_laid_over_the_real_rules(atlas: Atlas) -> None:
    rules = RuleBook.from_atlas(atlas)
    for record in atlas.scenarios.values():
        assert rules.overlaid(from_record(record)).rules.keys() >= rules.rules.keys()


OPENAI_IN_CHINA = Question(provider="openai", model="gpt-4o", place="CN")

CASES: dict[str, tuple[str, Question, dict[str, Value | tuple[Value, ...]], Axis, Verdict, Verdict]] = {
    "closed-weight-guardrails-2024": (
        "2024-06-01",
        Question(provider="openai", model="gpt-4o", place="RU"),
        {},
        Axis.LAW,
        Verdict.UNKNOWN,
        Verdict.BLOCKED,
    ),
    "ownership-2025-09": (
        "2025-09-06",
        Question(provider="openai", place="US"),
        {"owner.controlled_from": ("CN",)},
        Axis.ACCESS,
        Verdict.OPEN,
        Verdict.BLOCKED,
    ),
    "switch-off-2026-06": (
        "2026-07-15",
        Question(provider="anthropic", model="claude-fable-5", place="US"),
        {},
        Axis.ACCESS,
        Verdict.UNKNOWN,
        Verdict.BLOCKED,
    ),
    "exclusion-order-2026-10": (
        "2026-10-21",
        Question(provider="deepseek", place="US"),
        {},
        Axis.LAW,
        Verdict.UNKNOWN,
        Verdict.BLOCKED,
    ),
    "hub-blocked": (
        "2026-01-01",
        Question(provider="huggingface", channel="direct", place="DE"),
        {},
        Axis.ACCESS,
        Verdict.OPEN,
        Verdict.BLOCKED,
    ),
    "licence-revoked": (
        "2026-01-01",
        Question(provider="ollama", model="llama-3.1-8b", place="US"),
        {"users.monthly_million_at_release": 1},
        Axis.LICENCE,
        Verdict.CONDITIONAL,
        Verdict.BLOCKED,
    ),
    "ai-diffusion-stayed": (
        "2025-06-01",
        OPENAI_IN_CHINA,
        {"model.training_flop": 2e26, "user.aia_country": False},
        Axis.LAW,
        Verdict.CONDITIONAL,
        Verdict.CONDITIONAL,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_built_in_scenario_changes_what_it_is_about(atlas: Atlas, name: str) -> None:
    day, question, you, axis, before, after = CASES[name]
    rules = RuleBook.from_atlas(atlas)
    changed = rules.overlaid(find_scenario(name, atlas))
    asked = Asker(atlas, rules).facts(question, given(you, "the test"))
    on = dt.date.fromisoformat(day)
    answers = [one.decide(asked, on).axes[axis] for one in (rules, changed)]
    assert [one.verdict for one in answers] == [before, after]
    assert any(one.origin == f"scenario:{name}" for one in answers[1].rules)


def test_the_block_with_no_notice_moves_the_gate_two_weeks(atlas: Atlas) -> None:
    rules = RuleBook.from_atlas(atlas)
    changed = rules.overlaid(find_scenario("openai-block-2024-07-09", atlas))
    asked = Asker(atlas, rules).facts(Question(provider="openai", place="CN"))
    day = dt.date(2024, 6, 25)
    (change,) = differences(rules.decide(asked, day), changed.decide(asked, day))
    assert change.gates == ("provider: BLOCKED terms -> BLOCKED enforced",)
