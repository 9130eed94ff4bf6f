"""Turns the data of a document into a typed record, and finds all that is wrong with it.

msgspec stops at the first mistake. Whoever edits twenty records wants them all, so
on failure the type is walked beside the data and every part is tried on its own.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from reliant.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.documents.yaml import Document, Place

_T = TypeVar("_T")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where in the document."""

    place: Place
    text: str
    hint: str = ""


def typed(document: Document, wanted: type[_T]) -> _T:
    """Return the document as a `wanted`.

    Raises:
        RecordError: It is none; the first mistake is named, with its line.
    """
    try:
        return msgspec.convert(document.data, wanted)
    except msgspec.ValidationError as error:
        first = next(problems(document.data, wanted), Problem((), str(error)))
        raise RecordError(
            document.path, document.line(first.place), _worded(first), hint=first.hint
        ) from error


def all_problems(document: Document, wanted: type) -> list[RecordError]:
    """Return everything in the document that keeps it from being a `wanted`; nothing if it is one."""
    return [
        RecordError(document.path, document.line(problem.place), _worded(problem), hint=problem.hint)
        for problem in problems(document.data, wanted)
    ]


def _worded(problem: Problem) -> str:
    name = ".".join(str(part) for part in problem.place)
    return f"{name}: {problem.text}" if name else problem.text


def problems(data: Any, wanted: Any, place: Place = ()) -> Iterator[Problem]:
    """Yield every mistake in `data` as a `wanted`.

    Examples:
        >>> [problem.place for problem in problems({"a": "x", "b": None}, dict[str, int])]
        [('a',), ('b',)]
    """
    if get_origin(wanted) in (Union, types.UnionType):
        others = [option for option in get_args(wanted) if option is not type(None)]
        if data is None and len(others) < len(get_args(wanted)):
            return
        if len(others) == 1:
            yield from problems(data, others[0], place)
            return
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct) and isinstance(data, dict):
        if wanted.__struct_config__.tag is None:
            yield from _struct_problems(data, wanted, place)
            return
    elif get_origin(wanted) is tuple and isinstance(data, list) and get_args(wanted)[1:] == (...,):
        for index, item in enumerate(data):
            yield from problems(item, get_args(wanted)[0], (*place, index))
        return
    elif get_origin(wanted) is dict and isinstance(data, dict):
        key_type, value_type = get_args(wanted)
        for key, value in data.items():
            yield from _leaf_problems(key, key_type, (*place, key))
            yield from problems(value, value_type, (*place, key))
        return
    yield from _leaf_problems(data, wanted, place)


def _struct_problems(data: dict[str, Any], wanted: type[msgspec.Struct], place: Place) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    hints = typing.get_type_hints(wanted, include_extras=True)
    found = False
    for name, field in fields.items():
        if name in data:
            for problem in problems(data[name], hints.get(field.name, field.type), (*place, name)):
                found = True
                yield problem
        elif field.required:
            found = True
            yield Problem(place, f"the field {name!r} is missing")
    if wanted.__struct_config__.forbid_unknown_fields:
        for name in data.keys() - fields.keys():
            found = True
            known = ", ".join(sorted(fields))
            yield Problem((*place, name), "is no field of this record", f"The fields are: {known}.")
    if not found:  # A check of the struct itself, such as one in __post_init__.
        yield from _leaf_problems(data, wanted, place)


def _leaf_problems(data: Any, wanted: Any, place: Place) -> Iterator[Problem]:
    try:
        msgspec.convert(data, wanted)
    except msgspec.ValidationError as error:
        if get_origin(wanted) is Literal and not isinstance(data, dict | list):
            known = ", ".join(str(word) for word in get_args(wanted))
            yield Problem(place, f"{data!r} is not in the vocabulary", f"The words are: {known}.")
            return
        text, _, inner = str(error).partition(" - at `")
        yield Problem((*place, *_inner(inner)), text[:1].lower() + text[1:])


def _inner(path: str) -> Iterator[str | int]:
    """Yield the steps of msgspec's own path, `$.when[0].fact`, as far as it names them."""
    for part in path.strip("`$").replace("[", ".").replace("]", "").split("."):
        if part == "..":
            return
        if part:
            yield int(part) if part.isdigit() else part
