"""What a verdict rests on, what would change it, what to find out first."""

from __future__ import annotations

import datetime as dt

from reliant.atlas import Atlas
from reliant.core.verdict import Axis, Verdict
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question
from reliant.policy.explain import explain, find_out_first, next_change, would_change
from reliant.policy.vocabulary import VocabularyFact
from support.rules import book, facts, named, rule

DAY = dt.date(2024, 7, 8)

KNOWN = {
    "sector": VocabularyFact("text", "you", "Which sector?", values=("private", "government")),
    "filed": VocabularyFact("yes-no", "use", "Filed?", choice=True),
    "user.region": VocabularyFact("place", "you", "Where?"),
}


def _offered() -> object:
    return rule("acme.offered", axis="access", effect="allow", when={"provider": "acme"})


def test_the_smallest_sets_of_open_questions_are_found() -> None:
    ban = rule("xx.ban", when={"provider": "acme", "sector": "government"})
    rules = book(_offered(), ban)  # type: ignore[arg-type]
    sets = list(would_change(rules, facts(provider="acme", searched=True), DAY, None, KNOWN))
    assert [(one.facts, one.combined) for one in sets] == [
        ({"sector": "government"}, Verdict.BLOCKED),
        ({"sector": "private"}, Verdict.OPEN),
    ]


def test_two_facts_are_proposed_where_one_is_not_enough() -> None:
    bans = [rule(f"xx.{name}", when={"provider": "acme", name: True}) for name in ("one", "two")]
    rules = book(_offered(), *bans)  # type: ignore[arg-type]
    sets = list(would_change(rules, facts(provider="acme", searched=True), DAY, None, KNOWN))
    assert [(one.facts, one.combined) for one in sets] == [
        ({"one": "yes"}, Verdict.BLOCKED),
        ({"two": "yes"}, Verdict.BLOCKED),
        ({"one": "no", "two": "no"}, Verdict.OPEN),
    ]


def test_the_best_answers_are_told_however_many_they_are() -> None:
    names = ["one", "two", "three", "four", "five"]
    bans = [rule(f"xx.{name}", when={"provider": "acme", name: True}) for name in names]
    rules = book(_offered(), *bans, rule("xx.other", when={"provider": "zed", "six": True}))  # type: ignore[arg-type]
    sets = list(would_change(rules, facts(provider="acme", searched=True), DAY, None, KNOWN))
    assert [one.facts for one in sets if one.combined is Verdict.OPEN] == [dict.fromkeys(sorted(names), "no")]


def test_a_choice_in_ones_own_house_may_be_proposed_to_be_otherwise() -> None:
    duty = {"id": "filing", "met_when": {"filed": True}}
    rules = book(_offered(), rule("xx.duty", effect="require", when={"provider": "acme"}, obligations=[duty]))  # type: ignore[arg-type]
    sets = list(would_change(rules, facts(provider="acme", searched=True, filed=False), DAY, None, KNOWN))
    assert [(one.facts, one.combined) for one in sets] == [({"filed": "yes"}, Verdict.OPEN)]


def test_nobody_is_advised_to_be_somewhere_else(atlas: Atlas) -> None:
    rules = RuleBook.from_atlas(atlas)
    asker = Asker(atlas, rules)
    asked = asker.facts(Question(provider="openai", model="gpt-4o", place="CN"))
    beside = explain(rules, asked, DAY, None, asker.known)
    forbidden = {"user.region", "channel", "partner", "provider", "server.region", "user.nationality"}
    assert not forbidden & {name for one in beside.would_change for name in one.facts}
    assert "user.region" in [one.fact for one in beside.rests_on]


def test_the_fact_that_decides_most_comes_first() -> None:
    one = rule("xx.one", when={"sector": "government"})
    two = rule("xx.two", axis="register", when={"sector": "government", "filed": True})
    answer = book(_offered(), one, two).decide(facts(provider="acme", searched=True), DAY)  # type: ignore[arg-type]
    assert [(found.fact, found.verdicts, found.rules) for found in find_out_first([answer, answer])] == [
        ("sector", 4, 2),
        ("filed", 2, 1),
    ]


def test_the_next_day_of_change_is_named_with_the_gate(atlas: Atlas) -> None:
    rules = RuleBook.from_atlas(atlas)
    asked = Asker(atlas, rules).facts(Question(provider="openai", place="CN"))
    change = next_change(rules, asked, DAY)
    assert change is not None
    assert (change.on, change.gates) == (
        "2024-07-09",
        ("provider: BLOCKED enforced by openai.api-block-2024-07",),
    )


def test_where_nothing_is_to_come_no_day_is_named() -> None:
    rules = book(rule("xx.ban", when={"provider": "acme"}))
    assert next_change(rules, named({"provider": "acme"}), DAY) is None
    assert rules.decide(named({"provider": "acme"}), DAY).axes[Axis.LAW].verdict is Verdict.BLOCKED
