"""Recognises a provider's "not from your place" among its other errors.

The shapes are data beside this file. Recognising one matters twice: asking again
is useless, and the refusal itself is an observation of access that day.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from reliant.gateway.api.body import NOT_JSON


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to say it: every part that is given must fit."""

    id: str
    status: tuple[int, ...]
    source: str
    json: dict[str, str] = {}
    header: dict[str, str] = {}
    text: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shape: tuple[Shape, ...]


def load_shapes() -> tuple[Shape, ...]:
    """Return the shapes that come with the package."""
    text = Path(__file__).with_name("refusals.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File).shape


class Refusals:
    """The known shapes; asked only for answers that are errors."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self._shapes = shapes
        self.statuses = frozenset(status for shape in shapes for status in shape.status)

    def recognise(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Shape | None:
        """Return the shape that fits an answer, or None."""
        if status not in self.statuses:
            return None
        try:
            value = msgspec.json.decode(body)
        except NOT_JSON:
            value = None
        folded = body[:65_536].decode("utf-8", "replace").casefold() if value is None else ""
        for shape in self._shapes:
            if status in shape.status and _fits(shape, headers, value, folded):
                return shape
        return None

    def in_stream(self, events: bytes) -> Shape | None:
        """Return the shape of an error that a stream with a good status begins with, or None.

        The status says nothing there, so that only what the error itself says counts.
        """
        for line in events.split(b"\n"):
            if line.startswith(b"data:"):
                try:
                    value = msgspec.json.decode(line[5:])
                except NOT_JSON:
                    return None
                return next((one for one in self._shapes if one.json and _fits(one, [], value, "")), None)
        return None


def _fits(shape: Shape, headers: list[tuple[bytes, bytes]], value: object, folded: str) -> bool:
    for path, wanted in shape.json.items():
        found = _at(value, path)
        if wanted.startswith("~"):
            if not isinstance(found, str) or wanted[1:].casefold() not in found.casefold():
                return False
        elif found != wanted:
            return False
    for name, part in shape.header.items():
        if not any(key == name.encode() and part.encode() in text.lower() for key, text in headers):
            return False
    return not shape.text or any(part in folded for part in shape.text)


def _at(value: object, path: str) -> object:
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
