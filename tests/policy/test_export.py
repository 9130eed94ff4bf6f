"""The exports say what the matcher says, unknown included."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import regopy
from hypothesis import given, settings

from reliant.atlas import Atlas
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question
from reliant.policy.conditions import NO, UNKNOWN, YES
from reliant.policy.export import facts_as_lists, to_cel, to_rego
from support.rules import DAY, books, rule, values

_WORD = {NO: "no", UNKNOWN: "unknown", YES: "yes"}


def _rego(module: str, known: dict[str, Any]) -> dict[str, str]:
    engine = regopy.Interpreter()
    engine.add_module("reliant", module)
    engine.set_input_term(json.dumps({"facts": facts_as_lists(known)}))
    answer = json.loads(str(engine.query("x = data.reliant.answers")))
    found: dict[str, str] = answer["bindings"]["x"]
    return found


@given(books(3), values())
@settings(max_examples=25)
def test_rego_gives_the_same_answers_as_the_matcher(book: RuleBook, known: dict[str, Any]) -> None:
    snapshot = book.at(DAY)
    expected = {entry.rule.id: _WORD[entry.answer(known)] for entry in snapshot.entries}
    assert not expected or _rego(to_rego(book, DAY), known) == expected


def test_the_real_rules_give_the_same_answers_in_rego(atlas: Atlas) -> None:
    book = RuleBook.from_atlas(atlas)
    day = dt.date(2024, 7, 10)
    question = Question(provider="openai", model="gpt-4o", place="CN")
    known = book.values(Asker(atlas, book).facts(question))
    expected = {}
    for entry in book.at(day).entries:
        for one in entry.variants:
            if one.applies and one.force != NO:
                name = entry.rule.id if one.reading is None else f"{entry.rule.id}/{one.reading}"
                expected[name] = _WORD[one.decide(known)]
    assert _rego(to_rego(book, day), known) == expected
    assert expected["openai.api-block-2024-07"] == "yes"


def test_no_line_of_the_rego_is_longer_than_every_engine_reads(atlas: Atlas) -> None:
    module = to_rego(RuleBook.from_atlas(atlas), dt.date(2024, 7, 10))
    assert max(len(line) for line in module.splitlines()) < 1024


def test_a_comma_within_a_text_is_no_place_to_break_a_line() -> None:
    values = [f'model {number}, edition "x", and {number}' for number in range(20)]
    module = to_rego(RuleBook([rule("acme.many", when={"model": values})]), DAY)
    assert max(len(line) for line in module.splitlines()) < 200
    assert _rego(module, {"model": values[7]}) == {"acme.many": "yes"}
    assert _rego(module, {"model": "edition"}) == {"acme.many": "no"}


def test_cel_lists_the_facts_it_reads_and_one_expression_a_reading() -> None:
    one = rule(
        "acme.open-text",
        when={"provider": "acme"},
        readings=[
            {"id": "wide", "says": "all"},
            {"id": "narrow", "says": "some", "when": {"sector": "private"}},
        ],
    )
    head, *lines = (json.loads(line) for line in to_cel(RuleBook([one]), DAY).splitlines())
    assert head["facts"] == ["provider", "sector"]
    assert [line["reading"] for line in lines] == ["wide", "narrow"]
