"""`reliant.toml` is read once, whoever asks, and a mistake in it is told with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reliant.documents.toml import MAX_BYTES, parse_toml, read_toml
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_is_asked_for_twice_is_parsed_once(tmp_path: Path) -> None:
    file = tmp_path / "reliant.toml"
    file.write_text("[functions.chat]\nweight = 5\n", encoding="utf-8")

    first, again = read_toml(file), read_toml(file)

    assert first.data == {"functions": {"chat": {"weight": 5}}}
    assert again.data is first.data


def test_a_file_that_was_changed_meanwhile_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "reliant.toml"
    file.write_text("a = 1\n", encoding="utf-8")
    assert read_toml(file).data == {"a": 1}

    file.write_text("a = 2\n", encoding="utf-8")

    assert read_toml(file).data == {"a": 2}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\nb =\n", 2, "is not TOML"),
        ("a = " + "[" * 5000, 0, "nests too deep"),
        ("a = 1\na = 2\n", 2, "is not TOML"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_place(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_toml(text, "here.toml")

    assert (caught.value.line, "here.toml" in str(caught.value)) == (line, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [(None, "cannot be read"), (b"\xff\xfe", "not UTF-8"), (b"#" * (MAX_BYTES + 1), "larger than")],
)
def test_what_cannot_be_read_is_a_mistake_and_no_crash(data: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "reliant.toml"
    if data is not None:
        file.write_bytes(data)

    with pytest.raises(ConfigError, match=said):
        read_toml(file)
