"""A list of places that rules refer to: the countries a provider supports, the members of a group.

Lists change, and most pages that carry them have no date. A list is therefore
several copies, each with the earliest and latest day it may be from. A place on
every copy is on the list, a place on none is not, and one that came or went
between two copies is not known in between.
"""

from __future__ import annotations

import msgspec

from reliant.atlas.records.common import DateText, Name, Record, RecordKind


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The list as it stood at one time.

    Attributes:
        id: Of the copy, within the list.
        not_before: Earliest day it may be from.
        not_after: Latest day it may be from.
        places: ISO 3166-1 alpha-2 codes, or 3166-2 codes of a part of a country.
        left_out: Parts that a listed country is listed without.
        count: How many places it must hold; the linter counts.
    """

    id: Name
    not_before: DateText
    not_after: DateText
    places: tuple[str, ...]
    count: int
    left_out: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    note: str | None = None


class PlaceList(Record, frozen=True, kw_only=True):
    """One list and its copies, oldest first."""

    name: Name
    issuer: Name
    copies: tuple[Copy, ...]


KIND = RecordKind(name="list", folder="lists", record=PlaceList)
