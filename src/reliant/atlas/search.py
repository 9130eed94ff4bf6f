"""Finds records by words: in the id, the name, an alias, or anywhere in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.atlas.query import Atlas

_LABELS = ("name", "title", "summary", "says")
"""Fields that say what a record is about, the best first."""


class Found(msgspec.Struct, frozen=True):
    """One record that has all the words; `score` is higher the nearer to its id they stand."""

    kind: str
    id: str
    label: str
    score: int


def search(atlas: Atlas, words: Sequence[str], kind: str | None = None) -> tuple[Found, ...]:
    """Return the records that have all `words`, best first, of one kind or of all."""
    wanted = [word.casefold() for word in words if word.strip()]
    if not wanted:
        return ()
    hits: list[Found] = []
    for folder in atlas.folders:
        records = atlas.records(folder)
        if kind is not None and kind not in {folder, records.kind}:
            continue
        for key in records:
            # The encoded form holds every text of the record as it is: no need to decode what does not match.
            text = f"{key} {records.raw(key).decode('utf-8', errors='ignore')}".casefold()
            if all(word in text for word in wanted):
                hits.append(_hit(records.kind, records[key], wanted))
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.kind, hit.id)))


def label(record: Any) -> str:
    """Return what a record is about, in its own words."""
    for field in _LABELS:
        if isinstance(text := getattr(record, field, None), str) and text:
            return text
    return ""


def _hit(kind: str, record: Any, wanted: list[str]) -> Found:
    about = label(record)
    aliases = " ".join((*getattr(record, "aliases", ()), *getattr(record, "former_ids", ()))).casefold()
    score = 0
    for word in wanted:
        last = record.id.rpartition(".")[2].casefold()
        score += 8 * (word in (record.id.casefold(), last))
        score += 4 * (word in record.id.casefold()) + 2 * (word in about.casefold()) + 2 * (word in aliases)
    return Found(kind, record.id, about, score)
