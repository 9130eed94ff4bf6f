"""Laws that hold for every set of rules and every set of facts."""

from __future__ import annotations

from typing import Any

import cel
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.core.verdict import Axis, Verdict
from reliant.policy import RuleBook
from reliant.policy.conditions import NO, UNKNOWN, YES
from reliant.policy.export import cel_of, facts_as_lists
from reliant.policy.snapshot import Snapshot
from support.rules import DAY, LISTS, books, completions, named, rule, rules, values, whens

_WORST_LAST = [Verdict.OPEN, Verdict.CONDITIONAL, Verdict.UNKNOWN, Verdict.BLOCKED]


def _answers(snapshot: Snapshot, known: dict[str, Any]) -> dict[str, int]:
    fired, open_ = snapshot.fire(known)
    found = {entry.rule.id: NO for entry in snapshot.entries}
    return found | {entry.rule.id: UNKNOWN for entry in open_} | {entry.rule.id: YES for entry in fired}


def _cel_answer(expression: str, known: dict[str, Any]) -> int:
    try:
        return YES if cel.evaluate(expression, {"f": facts_as_lists(known)}) else NO
    except (KeyError, RuntimeError, ValueError, TypeError):
        return UNKNOWN


@given(books(), values())
@settings(max_examples=150)
def test_the_matcher_agrees_with_cel_where_a_missing_key_is_an_error(
    book: RuleBook, known: dict[str, Any]
) -> None:
    snapshot = book.at(DAY)
    for entry in snapshot.entries:
        (variant,) = entry.variants
        expression = cel_of(entry, variant, snapshot)
        assert _answers(snapshot, known)[entry.rule.id] == _cel_answer(expression, known), expression


@given(st.data(), books(), values())
@settings(max_examples=100)
def test_learning_facts_never_changes_a_rule_that_was_decided(
    data: st.DataObject, book: RuleBook, known: dict[str, Any]
) -> None:
    before = _answers(book.at(DAY), known)
    after = _answers(book.at(DAY), data.draw(completions(known)))
    for key, answer in before.items():
        assert answer == UNKNOWN or after[key] == answer


@given(st.data(), books(), values())
@settings(max_examples=150)
def test_what_is_open_is_never_blocked_by_learning_more(
    data: st.DataObject, book: RuleBook, known: dict[str, Any]
) -> None:
    before = book.decide(named(known), DAY)
    after = book.decide(named(data.draw(completions(known))), DAY)
    for axis in Axis:
        if before.axes[axis].verdict is Verdict.OPEN:
            assert after.axes[axis].verdict is not Verdict.BLOCKED
        if before.axes[axis].verdict is Verdict.BLOCKED:
            assert after.axes[axis].verdict is Verdict.BLOCKED


@given(st.data(), books(), values())
@settings(max_examples=100)
def test_the_order_of_the_rules_never_matters(
    data: st.DataObject, book: RuleBook, known: dict[str, Any]
) -> None:
    shuffled = data.draw(st.permutations(list(book.rules.values())))
    again = RuleBook(shuffled, book.lists)
    assert msgspec.json.encode(again.decide(named(known), DAY)) == msgspec.json.encode(
        book.decide(named(known), DAY)
    )


@given(rules(), whens(3), values())
@settings(max_examples=100)
def test_adding_an_exception_never_blocks_more(one: Any, when: dict[str, Any], known: dict[str, Any]) -> None:
    exempt = rule("made.exempt", effect="exempt", axis=one.axis, by=one.by, when=when)
    lists = {made.id: made for made in LISTS}
    before = RuleBook([one], lists)
    after = RuleBook([msgspec.structs.replace(one, exceptions=("made.exempt",)), exempt], lists)
    was, now = (_answers(book.at(DAY), known).get(one.id, NO) for book in (before, after))
    assert now <= was


@given(books(), values())
@settings(max_examples=100)
def test_the_index_never_hides_a_rule(book: RuleBook, known: dict[str, Any]) -> None:
    snapshot = book.at(DAY)
    fired, open_ = snapshot.fire(known)
    all_of_them = {entry.rule.id: entry.answer(known) for entry in snapshot.entries}
    found = {entry.rule.id: YES for entry in fired} | {entry.rule.id: UNKNOWN for entry in open_}
    assert found == {key: answer for key, answer in all_of_them.items() if answer != NO}


@given(books(), values())
@settings(max_examples=80)
def test_every_unknown_verdict_names_a_fact_or_says_why(book: RuleBook, known: dict[str, Any]) -> None:
    for answer in book.decide(named(known), DAY).axes.values():
        if answer.verdict is Verdict.UNKNOWN:
            assert answer.missing or answer.notes


@pytest.mark.parametrize("worse", range(3))
def test_the_combined_verdict_is_the_worst_of_the_axes(worse: int) -> None:
    assert _WORST_LAST[worse] is not _WORST_LAST[worse + 1]
    book = RuleBook([rule("a.law", when={"provider": "acme"})])
    answer = book.decide(named({"provider": "acme"}), DAY)
    assert answer.combined is max((axis.verdict for axis in answer.axes.values()), key=_WORST_LAST.index)
