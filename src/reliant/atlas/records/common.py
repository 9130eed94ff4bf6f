"""What every record of the atlas has: an id, sources, and how sure we are.

A record is one claim. A reader must be able to check it without us, so each
carries who said it, where, when and in which words. What was not read anywhere
but remembered is named in `from_memory`, so that it is never mistaken for read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec

DateText: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$", description="A day, a month or a year.")
]
"""A day, a month or a year as a source gives it; read it with `PartialDate.parse`."""

CountryCode: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, in capitals.")
]
"""Two capital letters; the linter says whether they are a country."""

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that is not empty."""

Confidence: TypeAlias = Literal["confirmed", "reported", "uncertain"]
"""confirmed: read in a stored page or data set; reported: somebody says so; uncertain: not checked."""

SourceKind: TypeAlias = Literal["primary", "press", "dataset", "general"]
"""primary: the issuer's own text; general: knowledge that was not read in any page."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Somebody's words, and how to find them again.

    Attributes:
        published: When it became public; None if the page has no date.
        retrieved: When we looked.
        quote: Exact words, at most 25.
        origin: Id of the text it is a copy of. Copies share it and count as one source.
        sha256: Of the document that was read.
    """

    title: Name
    kind: SourceKind
    publisher: str | None = None
    url: str | None = None
    published: DateText | None = None
    retrieved: DateText | None = None
    quote: str | None = None
    origin: str | None = None
    note: str | None = None
    sha256: str | None = None


class Reviewed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Who last compared the record with its sources, and when."""

    on: DateText
    by: Name
    still_valid: bool = True


class Conflict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Another value that a source gives for a field, kept on purpose.

    Attributes:
        field: Name of the field of this record.
        value: What the other source says, as text.
        sources: Local names of the sources that say it.
    """

    field: Name
    value: str
    sources: tuple[str, ...] = ()
    note: str | None = None


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The part that all records share.

    Attributes:
        id: The path under the folder of the kind, with dots for slashes.
        sources: By a name that is used within this record only.
        from_memory: Fields whose values were not read in any of the sources.
        replaced_by: Id of the record that holds now; ids are never used again.
        asserts: Numbers that must hold, for example `{codes: 160}`; the linter counts.
    """

    id: Name
    sources: dict[str, Source]
    confidence: Confidence
    reviewed: Reviewed
    from_memory: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    replaced_by: str | None = None
    note: str | None = None
    asserts: dict[str, int] = msgspec.field(name="assert", default_factory=dict)


@dataclass(frozen=True)
class RecordKind:
    """How a kind of record is stored; each module of this package ends with one, named `KIND`.

    Attributes:
        name: In the singular, as commands print it.
        folder: Under atlas/, and the name of the mapping on `Atlas`.
        record: The type.
    """

    name: str
    folder: str
    record: type[Record]


def independent(sources: dict[str, Source]) -> int:
    """Return how many sources stand for themselves: copies of one text count once, memory not at all.

    Examples:
        >>> wire = {"origin": "wire-story", "kind": "press"}
        >>> independent({"a": Source(title="A", **wire), "b": Source(title="B", **wire)})
        1
    """
    return len({source.origin or key for key, source in sources.items() if source.kind != "general"})
