"""How many entries a public register had on a day.

A count is not a list of names: from it alone nobody can be said to be absent.
"""

from __future__ import annotations

from typing import Literal

from reliant.atlas.records.common import CountryCode, DateText, Name, Record, RecordKind


class RegisterCount(Record, frozen=True, kw_only=True):
    """The number of entries on one day.

    Attributes:
        register: Id of the register, shared by all its counts.
        count_is: exact: read as such; at-least: "more than"; derived: computed here.
        cumulative: False where the count is of one notice only.
        names_known: True if the entries themselves are held; otherwise absence is unknown.
        covers: What the count is of, in words.
        registered_apps: Applications registered on top of filed models, where told.
    """

    name: Name
    register: Name
    issuer: Name
    country: CountryCode
    as_of: DateText
    count: int
    count_is: Literal["exact", "at-least", "derived"]
    covers: str
    announced: DateText | None = None
    cumulative: bool = True
    names_known: bool = False
    registered_apps: int | None = None


KIND = RecordKind(name="register", folder="registers", record=RegisterCount)
