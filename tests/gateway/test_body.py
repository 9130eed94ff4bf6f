"""A long body is judged as a slow reader that looks at every name would judge it."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.gateway.api.body import BadBody, Head, hides_ascii, names_nothing, read_json, shown
from reliant.gateway.api.named_objects import _ID, _REFERENCE, _UNDER

LONG = '"filler":"' + "word " * 2_000 + '"'
NAMES = [
    *(
        "model",
        "Model",
        "MODEL",
        "mod\\u0065l",
        "\\u004dodel",
        "model ",
        "stream",
        "Stream",
        "tools",
        "store",
        "n",
    ),
    *("x", "y", "", "a\\\\", 'quote\\"d', "models"),
]
VALUES = [
    *('"gpt"', '"a, \\"model\\": 1"', "null", "1", "12", "1.5", "-1e3", "true", "[]", "{}", '"}"', '"\\\\"'),
    *('{"model":"x","Model":["model"]}', '[{"model":"other"}]', '" , \\"x\\":1"', '"\\u00e9"', '"é"'),
]
SPACES = ["", " ", "\n", "\t \r\n"]
DECIDING = frozenset(Head.__struct_encode_fields__)


class Pairs(list[Any]):
    """An object with all its names, doubles too."""


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6),
    st.sampled_from(SPACES),
    st.integers(0, 6),
)
def test_a_long_body_is_refused_where_a_name_that_decides_stands_twice_or_in_other_letters(
    pairs: list[tuple[str, str]], space: str, at: int
) -> None:
    members = [f'"{name}"{space}:{space}{value}' for name, value in pairs]
    members.insert(min(at, len(members)), LONG)
    body = f"{space}{{{space}{f'{space},{space}'.join(members)}{space}}}{space}".encode()
    names = [name for name, _ in json.loads(body, object_pairs_hook=Pairs)]
    decide = [name for name in names if name.casefold() in DECIDING]
    clear = len({name.casefold() for name in decide}) == len(decide) and set(decide) <= DECIDING
    try:
        plain = msgspec.json.decode(body, type=Head)
    except msgspec.ValidationError:
        clear = False  # a value of another type

    if not clear:
        with pytest.raises(BadBody):
            read_json(body)
        return
    head = read_json(body)
    plain.hidden = hides_ascii(body)
    assert [
        bytes(part) if isinstance(part, msgspec.Raw) else part for part in msgspec.structs.astuple(head)
    ] == [bytes(part) if isinstance(part, msgspec.Raw) else part for part in msgspec.structs.astuple(plain)]


@pytest.mark.parametrize(
    "broken", [b'"a":1', b"[1]", b'{"a":"\n"}', b'{"a":"\xff"}', b'{"a":1,}', b'{"a":1}x', b"{"]
)
def test_a_long_body_that_is_no_object_in_json_is_refused_as_a_short_one_is(broken: bytes) -> None:
    filler = b"{" + LONG.encode() + b","
    for body in (broken, broken.replace(b"{", filler, 1) if b"{" in broken else broken + b" " * 10_000):
        with pytest.raises(BadBody):
            read_json(body)


@given(st.text("aZ09_-", min_size=1, max_size=12), st.data())
def test_a_name_whose_letters_are_escaped_is_found_as_a_plain_one(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    digits = data.draw(st.sampled_from(["%04x", "%04X"])) % ord(name[at])
    body = f'{{"{name[:at]}\\u{digits}{name[at + 1 :]}":1}}'

    assert hides_ascii(body.encode())
    assert shown(body.encode()) == f'{{"{name}":1}}'.encode()


def test_signs_that_programs_escape_hide_no_name() -> None:
    """Go escapes `<`, `>` and `&`, PHP quotes; no name and no id has them."""
    body = b'{"model":"m","content":"a \\u003c b \\u0026\\u0026 c \\u003e \\u0022d\\u0022 \\u2028"}'

    assert not hides_ascii(body)
    assert names_nothing(read_json(body), body)


@pytest.mark.parametrize("name", ["model", "Model", "judge_model", "container"])
@pytest.mark.parametrize("space", SPACES)
def test_a_tool_that_names_a_model_or_a_container_is_looked_at(name: str, space: str) -> None:
    body = f'{{"model":"m","tools":[{{"type":"x","in":{{"{name}"{space}:"other"}}}}]}}'.encode()

    assert not names_nothing(read_json(body), body)


def test_a_tool_that_only_speaks_of_a_model_is_not() -> None:
    body = b'{"model":"m","tools":[{"type":"x","about":"Asks the model","of":"a container","is":["model"]}]}'

    assert names_nothing(read_json(body), body)


@given(st.lists(st.sampled_from(["_", "id", "a", "audio", '"', "\\"]), max_size=60).map("".join))
def test_no_mark_of_an_id_is_overlooked_however_many_low_lines_stand_before(text: str) -> None:
    body = json.dumps({"model": "m", "x": text}).encode()

    assert names_nothing(read_json(body), body) == (b"_id" not in body and b"audio_" not in body)


PLAIN = re.compile(
    rb'"(' + _REFERENCE + rb')"\s*:\s*(?:"(' + _ID + rb')"|\[([^\[\]{}]*)\])',
    re.IGNORECASE,
)
REFERRING = [
    *("id", "ids", "file_id", "FILE_IDS", "x_y_id", "_id", "__id", "a1_id", "container", "Container"),
    *("CONVERSATION", "training_file", "validation_file", "name", "grid", "paid_ids", "containers", "the_Id"),
]
REFERRED = [
    '"abcd"',
    '"a b"',
    '["abcd","efgh"]',
    "[]",
    '{"id":"abcde"}',
    "12",
    '["x",["y"]]',
    '[ "abcd" , 1]',
]


@given(
    st.lists(
        st.tuples(st.sampled_from(REFERRING), st.sampled_from(SPACES), st.sampled_from(REFERRED)), max_size=6
    ),
    st.integers(0, 200),
    st.sampled_from(["", '"', "\\", ":", "_"]),
)
def test_ids_are_found_as_by_looking_at_each_name(
    members: list[tuple[str, str, str]], at: int, stray: str
) -> None:
    text = "{" + ",".join(f'"{name}"{space}:{space}{value}' for name, space, value in members) + "}"
    body = (text[:at] + stray + text[at:]).encode()

    assert [match.groups() for match in _UNDER.finditer(body)] == [
        match.groups() for match in PLAIN.finditer(body)
    ]
