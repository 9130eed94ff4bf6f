"""All mistakes of a document are found, not only the first."""

from __future__ import annotations

from typing import Literal

import msgspec

from reliant.atlas._typed import problems


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A part."""

    word: Literal["yes", "no"]
    number: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    """A whole."""

    name: str
    inner: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = {}
    maybe: Inner | None = None


def places(data: object) -> set[tuple[str | int, ...]]:
    return {problem.place for problem in problems(data, Outer)}


def test_what_is_right_has_no_problem() -> None:
    assert places({"name": "a", "inner": [{"word": "yes"}], "by_name": {"x": {"word": "no"}}}) == set()


def test_every_mistake_is_told_with_its_place() -> None:
    data = {
        "name": 5,
        "inner": [{"word": "yes"}, {"word": "perhaps", "number": "x"}],
        "by_name": {"x": {"word": "no", "odd": 1}},
        "maybe": {},
        "more": 1,
    }

    assert places(data) == {
        ("name",),
        ("inner", 1, "word"),
        ("inner", 1, "number"),
        ("by_name", "x", "odd"),
        ("maybe",),
        ("more",),
    }


def test_an_unknown_word_is_told_with_the_words_there_are() -> None:
    (problem,) = problems({"word": "perhaps"}, Inner)

    assert problem.text == "'perhaps' is not in the vocabulary"
    assert problem.hint == "The words are: yes, no."


def test_a_missing_field_is_named() -> None:
    assert [problem.text for problem in problems({}, Outer)] == ["the field 'name' is missing"]


def test_a_document_that_is_no_mapping_is_one_problem() -> None:
    assert [problem.place for problem in problems([1], Outer)] == [()]
