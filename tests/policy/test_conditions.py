"""Leaves: places within places, many values, numbers, words."""

from __future__ import annotations

import datetime as dt

import pytest

from reliant.core.facts import Value
from reliant.policy.conditions import NO, UNKNOWN, YES, Compare, Is, OneOf, Starts, compiled, says
from reliant.policy.places import places_on
from support.rules import places

Values = Value | tuple[Value, ...] | None


def _ask(leaf: Is | Starts | Compare, value: Values) -> int:
    return compiled(leaf)({} if value is None else {leaf.fact: value})


@pytest.mark.parametrize(
    ("wanted", "value", "answer"),
    [
        ({"US"}, "US", YES),
        ({"US"}, "US-TX", YES),
        ({"US-TX"}, "US", UNKNOWN),
        ({"US-TX"}, "US-NY", NO),
        ({"US-TX"}, "CN", NO),
        ({"CN"}, None, UNKNOWN),
        ({"CN"}, "?", UNKNOWN),
        ({"CN"}, ("US", "CN"), YES),
        ({"CN"}, ("US", "?"), UNKNOWN),
        ({"CN"}, (), NO),
    ],
)
def test_a_place_lies_within_a_place(wanted: set[str], value: Values, answer: int) -> None:
    leaf = Is("user.region", frozenset[Value](wanted))
    assert _ask(leaf, value) == answer


@pytest.mark.parametrize(
    ("value", "answer"), [("CN", YES), ("DE", NO), (("DE", "CN"), YES), (("DE", "?"), UNKNOWN)]
)
def test_outside_means_that_one_value_is_outside(value: Values, answer: int) -> None:
    assert _ask(Is("user.region", frozenset({"DE", "FR"}), outside=True), value) == answer


def test_a_permission_wants_every_value_inside() -> None:
    leaf = Is("user.region", frozenset({"DE", "FR"}), every=True)
    assert [_ask(leaf, value) for value in (("DE", "FR"), ("DE", "CN"), ("DE", "?"))] == [YES, NO, UNKNOWN]


def test_a_part_that_is_left_out_is_outside_although_its_country_is_in() -> None:
    leaf = Is("user.region", frozenset({"UA"}), left_out=frozenset({"UA-43"}))
    assert [_ask(leaf, value) for value in ("UA", "UA-30", "UA-43")] == [YES, YES, NO]


@pytest.mark.parametrize(
    ("relation", "value", "answer"),
    [
        ("above", 50, NO),
        ("at_least", 50, YES),
        ("below", 50, NO),
        ("above", 50.1, YES),
        ("above", "many", UNKNOWN),
    ],
)
def test_a_number_is_compared_and_a_word_is_not(relation: str, value: Values, answer: int) -> None:
    assert _ask(Compare("share", relation, 50), value) == answer


def test_a_model_is_known_by_the_start_of_its_name_in_any_case() -> None:
    leaf = Starts("model", ("claude-fable-5",))
    assert _ask(leaf, ("Claude-Fable-5-20260609",)) == YES
    assert _ask(leaf, ("claude-opus-4.8",)) == NO


def test_conditions_are_said_in_words() -> None:
    assert says(Is("provider", frozenset({"a", "b"}))) == "is one of a, b"
    assert says(Is("provider", frozenset({"a"}), outside=True)) == "is not a"
    assert says(Is("service.public", frozenset({True}))) == "is yes"
    assert (
        says(Is("user.region", frozenset(), outside=True, said="acme.list (3 listed)"))
        == "not in acme.list (3 listed)"
    )


LIST = places(
    "acme.list", ("2023-01-01", "2023-05-01", ["DE", "US"]), ("2024-06-01", "2026-11-20", ["DE", "US", "SG"])
)


@pytest.mark.parametrize(
    ("day", "listed", "maybe"),
    [
        ("2022-01-01", {"DE", "US"}, {"SG"}),
        ("2024-01-01", {"DE", "US"}, {"SG"}),
        ("2026-11-20", {"DE", "US", "SG"}, set()),
    ],
)
def test_a_place_that_came_between_two_copies_is_not_known_in_between(
    day: str, listed: set[str], maybe: set[str]
) -> None:
    held = places_on(dt.date.fromisoformat(day), [LIST])
    assert (held.listed, held.maybe) == (listed, maybe)


def test_a_copy_that_came_later_tells_nothing_without_hindsight() -> None:
    held = places_on(dt.date(2026, 11, 20), [LIST], dt.date(2023, 12, 31))
    assert (held.listed, held.maybe) == ({"DE", "US"}, set())


@pytest.mark.parametrize(
    ("leaf", "options", "answer"),
    [
        (Is("developer", frozenset({"acme"})), ("zed", "another"), NO),
        (Is("developer", frozenset({"acme"})), ("acme", "zed"), UNKNOWN),
        (Is("developer", frozenset({"acme", "zed"})), ("acme", "zed"), YES),
        (Is("developer", frozenset({"acme"}), outside=True), ("zed", "another"), YES),
        (Is("developer", frozenset({"acme"}), every=True), ("acme", "zed"), UNKNOWN),
        (Is("user.region", frozenset({"US"})), ("US-TX", "US-NY"), YES),
        (Starts("model", ("claude",)), ("gpt-4o", "gpt-5"), NO),
    ],
)
def test_one_of_a_few_values_decides_what_all_of_them_decide_alike(
    leaf: Is | Starts, options: tuple[str, ...], answer: int
) -> None:
    assert _ask(leaf, OneOf(options)) == answer
