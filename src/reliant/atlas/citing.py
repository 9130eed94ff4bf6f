"""Turns a source of a record into a source of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core import results

if TYPE_CHECKING:
    from reliant.atlas.records.common import Source


def cited(source: Source, id_: str) -> results.Source:
    """Return what a result says of `source`, under the id by which the result refers to it."""
    return results.Source(
        id=id_,
        title=source.title,
        publisher=source.publisher,
        url=source.url,
        published=source.published,
        retrieved=source.retrieved,
        kind=source.kind,
        quote=source.quote,
        origin=source.origin,
    )
