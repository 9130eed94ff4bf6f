"""What a person reads: whole answers as snapshots, on a book small enough to check by eye."""

from __future__ import annotations

import datetime as dt

import pytest
from syrupy.assertion import SnapshotAssertion

from reliant.atlas import Atlas
from reliant.core.facts import Facts
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question
from reliant.policy.checked import check
from reliant.policy.explain import explain
from reliant.policy.text import explanation, one_line, rule_text, terminal
from support.rules import book, facts, named, places, rule

DAY = dt.date(2024, 7, 8)


@pytest.fixture
def rules() -> RuleBook:
    """A provider with a list, a block to come, a state that filters, a law with two readings."""
    mail = {
        "mail": {
            "title": "Notice to API developers",
            "kind": "primary",
            "publisher": "Acme",
            "url": "https://example.org/notice",
            "published": "2024-06-24",
            "quote": "additional measures to block API traffic",
        }
    }
    access = {"axis": "access", "sources": mail}
    outside = {"provider": "acme", "user.region": {"not_in": "acme.supported"}}
    return book(
        rule(
            "acme.offered",
            **access,
            effect="allow",
            when={"provider": "acme", "user.region": {"in": "acme.supported"}},
        ),
        rule("acme.terms", **access, enforcement="terms", when=outside, force={"from": "2022-12-06"}),
        rule(
            "acme.block",
            **access,
            enforcement="enforced",
            when=outside,
            force={"from": "2024-07-09"},
            timeline=[{"status": "announced", "on": "2024-06-24", "source": "mail", "note": "by e-mail"}],
        ),
        rule(
            "xx.filter",
            **access,
            by="state",
            enforcement="enforced",
            when={"provider": "acme", "user.region": "XX"},
        ),
        rule(
            "xx.law",
            when={"provider": "acme", "user.region": "XX"},
            readings=[
                {"id": "all", "says": "Everybody.", "by": "the press"},
                {"id": "state", "says": "Public bodies only.", "when": {"sector": "government"}},
            ],
        ),
        lists=[places("acme.supported", ("2022-01-01", "2022-01-01", ["US", "DE"]))],
    )


@pytest.fixture
def known() -> Facts:
    return facts(provider="acme", searched=True, channel="direct") | named({"user.region": "XX"})


def test_a_blocked_answer_with_what_is_pending_and_missing(
    rules: RuleBook, known: Facts, snapshot: SnapshotAssertion
) -> None:
    assert terminal(check(rules, known, DAY)) == snapshot


def test_an_explanation(rules: RuleBook, known: Facts, snapshot: SnapshotAssertion) -> None:
    checked = check(rules, known, DAY)
    assert terminal(checked, every_rule=True, more=explanation(explain(rules, known, DAY))) == snapshot


def test_a_rule_in_full(rules: RuleBook, known: Facts, snapshot: SnapshotAssertion) -> None:
    texts = [rule_text(rules, "acme.block", DAY, None, known), rule_text(rules, "xx.law", DAY, None, known)]
    assert "\n".join(texts) == snapshot


def test_a_line_of_a_batch(rules: RuleBook, known: Facts) -> None:
    assert one_line(check(rules, known, DAY, key="7")) == (
        "7  BLOCKED      any model via acme/direct from XX, as of 2024-07-08  |  "
        "access BLOCKED  law UNKNOWN  licence OPEN  register OPEN"
    )


def test_colour_paints_only_the_verdicts(rules: RuleBook, known: Facts) -> None:
    painted = terminal(check(rules, known, DAY), colour=True)
    assert painted.startswith("\x1b[1;31mBLOCKED\x1b[0m  any model")


def test_clauses_of_licences_that_a_model_may_not_have_are_only_counted(atlas: Atlas) -> None:
    book = RuleBook.from_atlas(atlas)
    asked = Asker(atlas, book).facts(Question(provider="ollama", model="unheard-of-7b", place="US"))
    checked = check(book, asked, dt.date(2026, 1, 1))
    short, whole = terminal(checked), terminal(checked, every_rule=True)
    assert "clauses of licences  applies: not known" in short
    assert "licence.cc-by-nc-4.0.no-commercial-use  applies" not in short
    assert "licence.cc-by-nc-4.0.no-commercial-use  applies: not known" in whole
    assert short.count("\n") < 120
