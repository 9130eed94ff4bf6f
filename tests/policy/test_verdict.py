"""Four axes, their order, gates, obligations, readings, exceptions and what is said beside a verdict."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from reliant.core.facts import Facts
from reliant.core.verdict import Answer, Axis, Enforcement, Gatekeeper, Verdict
from reliant.policy import RuleBook
from support.rules import book, facts, named, places, rule

DAY = dt.date(2024, 7, 10)
ACCESS = {"axis": "access", "by": "provider"}


def _offered(**more: Any) -> Any:
    return rule("acme.offered", **ACCESS, effect="allow", when={"provider": "acme"}, **more)


def _law(answer: Answer) -> Verdict:
    return answer.axes[Axis.LAW].verdict


def _ask(rules: RuleBook, known: Facts | None = None, day: dt.date = DAY, **more: Any) -> Answer:
    return rules.decide(facts(provider="acme", searched=True) | (known or Facts()) | facts(**more), day)


def test_silence_is_no_permission() -> None:
    answer = _ask(book(), searched=False)
    assert {axis.verdict for axis in answer.axes.values()} == {Verdict.UNKNOWN}
    assert "No record says" in answer.axes[Axis.ACCESS].notes[0]


def test_open_needs_a_record_that_says_so() -> None:
    assert _ask(book(_offered())).combined is Verdict.OPEN


def test_what_a_provider_allows_a_government_may_forbid() -> None:
    answer = _ask(book(_offered(), rule("xx.ban", when={"provider": "acme"})))
    assert answer.axes[Axis.ACCESS].verdict is Verdict.OPEN
    assert _law(answer) is answer.combined is Verdict.BLOCKED


def test_a_missing_fact_is_unknown_and_is_asked_for() -> None:
    answer = _ask(book(_offered(), rule("xx.ban", when={"provider": "acme", "sector": "government"})))
    assert _law(answer) is Verdict.UNKNOWN
    assert [(one.fact, one.rules) for one in answer.axes[Axis.LAW].missing] == [("sector", ("xx.ban",))]


def test_a_fact_that_can_change_nothing_is_not_asked_for() -> None:
    ban = rule("xx.ban", when={"provider": "acme", "channel": "app", "sector": "government"})
    answer = _ask(book(_offered(), ban), channel="direct")
    assert answer.axes[Axis.LAW].missing == ()


def test_a_proposed_rule_changes_no_verdict_and_stands_under_pending() -> None:
    bill = rule(
        "xx.bill",
        kind="bill",
        force=None,
        when={"provider": "acme"},
        timeline=[{"status": "proposed", "on": "2024-05-08"}],
    )
    answer = _ask(book(_offered(), bill))
    assert answer.combined is Verdict.OPEN
    assert [(one.rule, one.status) for one in answer.axes[Axis.LAW].pending] == [("xx.bill", "proposed")]
    assert _ask(book(_offered(), bill), day=dt.date(2024, 5, 7)).axes[Axis.LAW].pending == ()


def test_what_was_taken_back_is_no_longer_pending() -> None:
    steps = [{"status": "proposed", "on": "2024-05-08"}, {"status": "lapsed", "on": "2024-06-01"}]
    bill = rule("xx.bill", kind="bill", force=None, when={"provider": "acme"}, timeline=steps)
    assert _ask(book(_offered(), bill)).axes[Axis.LAW].pending == ()


def test_a_gate_moves_from_terms_to_enforced_and_is_pending_in_between() -> None:
    terms = rule(
        "acme.terms", **ACCESS, enforcement="terms", when={"user.region": "CN"}, force={"from": "2022"}
    )
    block = rule(
        "acme.block",
        **ACCESS,
        enforcement="enforced",
        when={"user.region": "CN"},
        force={"from": "2024-07-09"},
        timeline=[{"status": "announced", "on": "2024-06-24"}],
    )
    rules = book(terms, block)
    before = _ask(rules, named({"user.region": "CN"}), day=dt.date(2024, 7, 8)).axes[Axis.ACCESS]
    after = _ask(rules, named({"user.region": "CN"}), day=dt.date(2024, 7, 9)).axes[Axis.ACCESS]
    assert [(gate.enforcement, gate.since, gate.rule) for gate in (*before.gates, *after.gates)] == [
        (Enforcement.TERMS, "2022", "acme.terms"),
        (Enforcement.ENFORCED, "2024-07-09", "acme.block"),
    ]
    assert [one.from_ for one in before.pending] == ["2024-07-09"]
    assert after.pending == ()


def test_access_is_the_worst_of_its_gates() -> None:
    state = rule("xx.filter", axis="access", by="state", enforcement="enforced", when={"user.region": "XX"})
    answer = _ask(book(_offered(), state), named({"user.region": "XX"})).axes[Axis.ACCESS]
    assert answer.verdict is Verdict.BLOCKED
    assert [(gate.by, gate.verdict) for gate in answer.gates] == [
        (Gatekeeper.PROVIDER, Verdict.OPEN),
        (Gatekeeper.STATE, Verdict.BLOCKED),
    ]


def test_a_partner_stays_reachable_when_the_api_is_blocked() -> None:
    block = rule("acme.api", **ACCESS, enforcement="enforced", when={"provider": "acme", "channel": "direct"})
    cloud = rule("cloud.acme", axis="access", by="partner", effect="allow", when={"provider": "cloud"})
    answer = book(block, cloud).decide(facts(provider="cloud", channel="partner", searched=True), DAY)
    assert answer.axes[Axis.ACCESS].verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("filed", "verdict"), [(True, Verdict.OPEN), (False, Verdict.BLOCKED), (None, Verdict.CONDITIONAL)]
)
def test_an_obligation_is_met_unmet_or_not_known(filed: bool | None, verdict: Verdict) -> None:
    duty = {"id": "filing", "met_when": {"filed": True}}
    rules = book(_offered(), rule("xx.duty", effect="require", when={"provider": "acme"}, obligations=[duty]))
    answer = _ask(rules, named({} if filed is None else {"filed": filed}))
    assert _law(answer) is verdict
    state = {True: "met", False: "not met", None: "not known"}[filed]
    assert answer.axes[Axis.LAW].rules[0].obligations == (f"filing ({state})",)


def test_a_rule_that_only_warns_or_informs_changes_no_verdict() -> None:
    rules = book(_offered(), rule("xx.w", effect="warn", when={"provider": "acme"}))
    answer = _ask(rules)
    assert answer.combined is Verdict.OPEN
    assert "xx.w" in [one.id for one in answer.axes[Axis.LAW].rules]


def test_an_exception_defeats_a_rule_and_an_unknown_exception_leaves_it_unknown() -> None:
    ban = rule("xx.ban", when={"provider": "acme"}, exceptions=["xx.local"])
    local = rule("xx.local", effect="exempt", when={"channel": "self-hosted"})
    rules = book(_offered(), ban, local)
    assert _law(_ask(rules, channel="self-hosted")) is Verdict.OPEN
    assert _law(_ask(rules, channel="direct")) is Verdict.BLOCKED
    unsaid = _ask(rules)
    assert _law(unsaid) is Verdict.UNKNOWN
    assert [one.fact for one in unsaid.axes[Axis.LAW].missing] == ["channel"]


def test_an_exception_that_is_over_defeats_nothing() -> None:
    ban = rule("xx.ban", when={"provider": "acme"}, exceptions=["xx.local"])
    local = rule(
        "xx.local",
        effect="exempt",
        when={"provider": "acme"},
        force={"from": "2020-01-01", "to": "2024-01-01"},
    )
    assert _law(_ask(book(_offered(), ban, local))) is Verdict.BLOCKED


READINGS = [
    {"id": "wide", "says": "All of it."},
    {"id": "narrow", "says": "Government only.", "when": {"sector": "government"}},
]


def test_readings_that_differ_are_unknown_and_both_are_named() -> None:
    rules = book(_offered(), rule("xx.open", when={"provider": "acme"}, readings=READINGS))
    answer = _ask(rules, sector="private")
    assert _law(answer) is Verdict.UNKNOWN
    (missing,) = answer.axes[Axis.LAW].missing
    assert missing.fact == "reading:xx.open"
    assert "wide: All of it." in missing.question
    assert "narrow: Government only." in missing.question


def test_readings_that_agree_need_no_choice() -> None:
    rules = book(_offered(), rule("xx.open", when={"provider": "acme"}, readings=READINGS))
    assert _law(_ask(rules, sector="government")) is Verdict.BLOCKED


def test_the_operators_choice_of_a_reading_decides() -> None:
    rules = book(_offered(), rule("xx.open", when={"provider": "acme"}, readings=READINGS))
    for choice, verdict in (("wide", Verdict.BLOCKED), ("narrow", Verdict.OPEN)):
        assert _law(_ask(rules, named({"reading:xx.open": choice}), sector="private")) is verdict


def test_a_reading_may_have_dates_and_an_effect_of_its_own() -> None:
    readings = [
        {"id": "advice", "says": "Advice.", "effect": "warn"},
        {"id": "later", "says": "A ban, later.", "force": {"from": "2025-01-01"}},
    ]
    rules = book(_offered(), rule("xx.open", when={"provider": "acme"}, readings=readings))
    assert _law(_ask(rules)) is Verdict.OPEN
    assert _law(_ask(rules, day=dt.date(2025, 1, 1))) is Verdict.UNKNOWN


def test_more_and_less_than_ordered_is_said() -> None:
    cut = rule(
        "acme.off",
        **ACCESS,
        enforcement="enforced",
        when={"provider": "acme"},
        scope_ordered="some",
        scope_cut="all",
    )
    assert "acme.off: ordered was some; cut was all." in _ask(book(cut)).axes[Axis.ACCESS].notes


def test_a_review_that_is_too_old_is_said_and_changes_nothing() -> None:
    ban = rule("xx.ban", when={"provider": "acme"}, reviewed={"on": "2021-01-01", "by": "tests"})
    answer = _ask(book(_offered(), ban))
    assert _law(answer) is Verdict.BLOCKED
    assert any(
        note.startswith("xx.ban: stale, last reviewed 2021-01-01") for note in answer.axes[Axis.LAW].notes
    )


def test_beyond_the_newest_source_the_atlas_says_that_it_ends() -> None:
    assert any("The atlas ends here" in note for note in _ask(book(_offered())).axes[Axis.ACCESS].notes)


def test_a_leaf_keeps_the_value_and_both_origins() -> None:
    answer = _ask(book(rule("xx.ban", when={"provider": "acme"})))
    (found,) = [one for one in answer.axes[Axis.LAW].rules if one.id == "xx.ban"]
    (leaf,) = found.because
    assert (leaf.fact, leaf.test, leaf.truth, leaf.value, leaf.origin) == (
        "provider",
        "is acme",
        "yes",
        "acme",
        "given: the test",
    )
    assert found.sources == ("xx.ban#page",)


def test_a_list_that_disagrees_with_itself_is_a_doubt_and_no_question() -> None:
    held = places(
        "acme.list", ("2023-01-01", "2023-02-01", ["US"]), ("2024-01-01", "2025-01-01", ["US", "SG"])
    )
    terms = rule("acme.terms", **ACCESS, enforcement="terms", when={"user.region": {"not_in": "acme.list"}})
    rules = book(_offered(), terms, lists=[held])
    answer = _ask(rules, named({"user.region": "SG"})).axes[Axis.ACCESS]
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.missing == ()
    assert any("whether user.region SG not in acme.list" in note for note in answer.notes)
    assert _ask(rules, named({"user.region": "CN"})).axes[Axis.ACCESS].verdict is Verdict.BLOCKED
    assert _ask(rules, named({"user.region": "US"})).axes[Axis.ACCESS].verdict is Verdict.OPEN
