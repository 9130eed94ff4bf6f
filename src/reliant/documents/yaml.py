"""YAML as version 1.2 reads it, and with the line of everything.

To YAML 1.1 the country code `NO` is false, `1:30` is ninety and a date is an
object. Here only `true`, `false`, `null` and numbers are anything but text. A key
that stands twice, an anchor used again, a tag, or a file that is too large or too
deep is refused with its line: a record has no use for any of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from reliant.errors import RecordError

if TYPE_CHECKING:
    from pathlib import Path

Place: TypeAlias = "tuple[str | int, ...]"
"""Keys and positions from the top of a document down to a value."""

MAX_BYTES = 4_000_000
"""The largest list of places is below 100 kB; a file beyond this is no record."""

MAX_DEPTH = 40
"""The deepest record has ten levels."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INT = re.compile(r"[-+]?[0-9]{1,40}\Z")
_OCTAL = re.compile(r"0o[0-7]{1,40}\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,40}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z")
_NAN = frozenset((".nan", ".NaN", ".NAN"))


@dataclass
class Document:
    """The data of one file, and the line on which each part of it stands."""

    path: Path
    data: Any
    lines: dict[Place, int] = field(repr=False, default_factory=dict)

    def line(self, place: Place) -> int:
        """Return the line of `place`, or of the nearest thing around it that has one."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 1


def read_document(path: Path) -> Document:
    """Return what stands in `path`, with lines.

    Raises:
        RecordError: It cannot be read, is no YAML, or holds what is refused here.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RecordError(path, 0, f"is {size:,} bytes, more than {MAX_BYTES:,}", hint="Split the file.")
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(path, 0, f"cannot be read: {error.strerror}") from error
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> Document:
    """Return what `raw` says; `path` is named in errors.

    Raises:
        RecordError: It is no YAML, or holds what is refused here.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RecordError(path, line, "is not UTF-8", hint="Save the file as UTF-8.") from error
    document = Document(path, None)
    _Reader(text, document).read()
    return document


class _Reader:
    """Builds the data from the parser's events, so that nothing recurses before it is counted."""

    def __init__(self, text: str, document: Document) -> None:
        import yaml  # noqa: PLC0415 - only who reads YAML pays for it; a snapshot needs none

        self._yaml = yaml
        self._events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._document = document

    def read(self) -> None:
        """Fill the document from the first and only one in the stream."""
        while True:
            event = self._next()
            if isinstance(event, self._yaml.DocumentStartEvent):
                if self._document.lines:
                    self._refuse(event, "holds a second document", "Write one record per file.")
                self._document.data = self._value(self._next(), ())
            elif isinstance(event, self._yaml.StreamEndEvent):
                return

    def _next(self) -> Any:
        try:
            return next(self._events)
        except self._yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error)
            line = mark.line + 1 if mark else 0
            raise RecordError(self._document.path, line, f"is not YAML: {problem}") from error

    def _refuse(self, event: Any, problem: str, hint: str = "") -> NoReturn:
        raise RecordError(self._document.path, event.start_mark.line + 1, problem, hint=hint)

    def _value(self, event: Any, place: Place) -> Any:
        yaml = self._yaml
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(event, "uses an anchor", "Write the value out.")
        if getattr(event, "tag", None):
            self._refuse(event, f"has the tag {event.tag!r}", "Leave tags out; quotes make a text.")
        if len(place) > MAX_DEPTH:
            self._refuse(event, f"nests deeper than {MAX_DEPTH} levels")
        self._document.lines.setdefault(place, event.start_mark.line + 1)
        if isinstance(event, yaml.ScalarEvent):
            return _plain(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(item := self._next(), yaml.SequenceEndEvent):
                items.append(self._value(item, (*place, len(items))))
            return items
        return self._mapping(place)

    def _mapping(self, place: Place) -> dict[str, Any]:
        yaml, lines = self._yaml, self._document.lines
        result: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                self._refuse(event, "has a key that is not plain text")
            key = event.value
            if key == "<<" and event.implicit[0]:
                self._refuse(event, "uses a merge key", "Write the values out.")
            if key in result:
                self._refuse(event, f"has the key {key!r} twice, first on line {lines[(*place, key)]}")
            lines[(*place, key)] = event.start_mark.line + 1
            result[key] = self._value(self._next(), (*place, key))
        return result


def _plain(text: str) -> str | int | float | bool | None:
    """Return what a scalar without quotes means in the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _number(text)


def _number(text: str) -> str | int | float:
    if _INT.match(text):
        return int(text)
    if _OCTAL.match(text) or _HEX.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    if infinite := _INFINITE.match(text):
        return float(f"{infinite.group(1)}inf")
    return float("nan") if text in _NAN else text
