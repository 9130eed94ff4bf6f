"""YAML as version 1.2 reads it, with lines, and without anything dangerous."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas.load import read_record, read_yaml
from reliant.atlas.records.register import RegisterCount
from reliant.documents.yaml import MAX_BYTES, parse, read_document
from reliant.errors import RecordError

HERE = Path("here.yaml")

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]))


def data(text: str) -> object:
    return parse(text.encode(), HERE).data


def test_no_is_norway_and_not_false() -> None:
    assert data("country: NO") == {"country": "NO"}


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "Yes", "NO", "y", "n", "tRUE"])
def test_only_true_and_false_are_truth_values(word: str) -> None:
    assert data(word) == word


@pytest.mark.parametrize("word", ["true", "True", "TRUE"])
def test_true_is_true(word: str) -> None:
    assert data(word) is True


@pytest.mark.parametrize(
    "text", ["2024-07-09", "2024-07", "1:30", "12:30:45", "1_000", "0b11", "0o18", "+", "."]
)
def test_dates_times_and_odd_numbers_stay_text(text: str) -> None:
    assert data(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-7", -7),
        ("0x1f", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
    ],
)
def test_numbers_are_those_of_the_core_schema(text: str, value: float) -> None:
    assert data(text) == value


def test_quotes_make_a_text() -> None:
    assert data("a: '5'\nb: \"null\"\nc: |\n  true\n") == {"a": "5", "b": "null", "c": "true\n"}


@pytest.mark.parametrize("text", ["", "~", "null", "# nothing\n"])
def test_nothing_is_none(text: str) -> None:
    assert data(text) is None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, "has the key 'a' twice, first on line 1"),
        ("a:\n  b: 1\n  b: 2", 3, "twice, first on line 2"),
        ("a: &x [1]\nb: *x", 1, "anchor"),
        ("a: *x", 1, "anchor"),
        ("a: !!python/object/apply:os.system [ls]", 1, "tag"),
        ("a: !!str 5", 1, "tag"),
        ("a:\n  <<: {b: 1}", 2, "merge key"),
        ("? [a]\n: 1", 1, "key that is not plain text"),
        ("a: 1\n---\nb: 1", 2, "second document"),
        ("a: b: c", 1, "is not YAML"),
        ("a: [1, 2", 2, "is not YAML"),
    ],
)
def test_what_a_record_has_no_use_for_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(RecordError) as caught:
        data(text)

    assert caught.value.line == line
    assert says in caught.value.problem


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[\n" * 100_000,
        "- " * 100_000,
        "{a: " * 50_000,
        "\n".join(" " * i + "-" for i in range(500)),
    ],
    ids=["flow", "flow over lines", "block in a line", "mappings", "block"],
)
def test_endless_nesting_is_refused_and_nothing_crashes(text: str) -> None:
    with pytest.raises(RecordError, match=r"nests deeper|is not YAML"):
        data(text)


def test_a_file_that_is_not_utf8_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\nb: \xff")

    with pytest.raises(RecordError, match=r"a\.yaml:2: is not UTF-8"):
        read_yaml(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)

    with pytest.raises(RecordError, match="bytes, more than"):
        read_yaml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.yaml: cannot be read"):
        read_document(tmp_path / "none.yaml")


def test_every_value_knows_its_line() -> None:
    document = parse(b"a:\n  b:\n    - x\n    - c: y\n", HERE)

    assert document.line(("a", "b", 1, "c")) == 4
    assert document.line(("a", "b", 0)) == 3
    assert document.line(("a", "missing")) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=12,
    )
)
def test_json_of_plain_letters_reads_as_itself(value: object) -> None:
    import json

    assert data(json.dumps(value, ensure_ascii=False)) == value


def test_a_record_that_is_none_is_refused_with_field_and_line(tmp_path: Path) -> None:
    path = tmp_path / "count.yaml"
    path.write_text("id: a\nname: A\ncount: many\n", encoding="utf-8")

    with pytest.raises(RecordError) as caught:
        read_record(path, RegisterCount)

    assert caught.value.path == path
    assert "count" in caught.value.problem or "missing" in caught.value.problem
