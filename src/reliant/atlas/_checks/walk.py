"""Walks the plain data of a document, so that a check need not know the kind of record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.documents.yaml import Place


def values(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield everything in `data` with its place, containers before their content."""
    yield place, data
    if isinstance(data, dict):
        for key, value in data.items():
            yield from values(value, (*place, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from values(value, (*place, index))


def texts(data: Any) -> Iterator[tuple[Place, str]]:
    """Yield every text in `data` with its place."""
    for place, value in values(data):
        if isinstance(value, str):
            yield place, value


def mappings(data: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield every mapping in `data` with its place."""
    for place, value in values(data):
        if isinstance(value, dict):
            yield place, value


def key_of(place: Place) -> str:
    """Return the name of the field that a place lies in, past positions in a list."""
    return next((part for part in reversed(place) if isinstance(part, str)), "")
