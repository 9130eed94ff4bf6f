"""A source that many records cite: written once, named by its id.

In a record, `sources: {epoch: epoch-2026-01}` stands for the shared source of that id.
"""

from __future__ import annotations

import msgspec

from reliant.atlas.records.common import Confidence, DateText, Name, Record, RecordKind, Source, SourceKind


class SharedSource(Record, frozen=True, kw_only=True):
    """A data set, a page or a wire story that more than one record rests on."""

    sources: dict[str, Source] = msgspec.field(default_factory=dict)
    confidence: Confidence = "confirmed"
    title: Name
    kind: SourceKind
    publisher: str | None = None
    url: str | None = None
    published: DateText | None = None
    retrieved: DateText | None = None
    licence: str | None = None


KIND = RecordKind(name="source", folder="sources", record=SharedSource)
