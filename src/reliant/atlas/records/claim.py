"""A quantified claim that somebody made, and the ways to test it against data.

A sentence such as "most of them are built on Llama" can be counted in several ways:
over all models or only those with a recorded base, by weights or by blueprint. Each
way is a reading of its own; a claim is borne out only under the readings that say so.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from reliant.atlas.records.common import DateText, Name, Record, RecordKind


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The part that all readings share.

    Attributes:
        more_than: The share, in [0, 1], above which the reading bears the claim out.
        at_least: The same as a number of things.
        exactly: The same as one number.
        expect: Result with the data sets named in the record, which a test holds to.
        a_sample: The data hold only some of what there is, so a number that is too small says nothing.
    """

    name: Name
    more_than: float | None = None
    at_least: int | None = None
    exactly: int | None = None
    expect: tuple[int, int] | None = None
    a_sample: bool = False
    note: str | None = None


class ModelsReading(Reading, frozen=True, kw_only=True, tag="models"):
    """Counts models in rows of data sets.

    Attributes:
        data: Formats whose rows are counted.
        countries: Codes of the makers; `without` are codes that no maker may have.
        organisations_of: Organisations of a hub that the atlas places in these countries.
        organisations: More organisations of the hub, by name.
        dated: Which date counts: of the release, or of the submission to a board.
        labels: Words of which the row's type must hold one.
        ancestors: Words of which the name of an ancestor must hold one.
        architectures: Classes that count as the part.
        of: all rows, or only those whose base or class is known.
    """

    data: tuple[Name, ...]
    countries: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    organisations_of: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    first: DateText | None = None
    last: DateText | None = None
    dated: Literal["released", "submitted"] = "released"
    labels: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    of: Literal["all", "known"] = "all"


class RegisterReading(Reading, frozen=True, kw_only=True, tag="register"):
    """Reads a count of a public register on a day."""

    record: Name


class PlacesReading(Reading, frozen=True, kw_only=True, tag="places"):
    """Counts the places of one copy of a list."""

    record: Name
    copy: Name


class EventReading(Reading, frozen=True, kw_only=True, tag="event"):
    """Looks whether an event of the atlas is what the claim says.

    Attributes:
        date: The day, month or year of the event, as the claim has it.
        countries: The countries of the event, all of them.
    """

    record: Name
    date: DateText | None = None
    countries: tuple[str, ...] = ()


class ScoresReading(Reading, frozen=True, kw_only=True, tag="scores"):
    """Counts areas in which one of several models scores at least as high as another.

    Attributes:
        table: Name of the file of scores.
        section: Words that the section of the table must hold.
        models: The model that is compared; of several, the best in each area.
        against: The model it is compared with.
        leave_out: Columns that are no areas, such as the mean.
    """

    table: Name
    section: str
    models: tuple[Name, ...]
    against: Name
    leave_out: tuple[str, ...] = ()


class NotTestable(Reading, frozen=True, kw_only=True, tag="none"):
    """A part of the claim for which no data are held; `note` says what would be needed."""


AnyReading: TypeAlias = (
    ModelsReading | RegisterReading | PlacesReading | EventReading | ScoresReading | NotTestable
)


class Claim(Record, frozen=True, kw_only=True):
    """One claim.

    Attributes:
        says: In one sentence, as it is tested.
        said_by: Who said it, and through whom it reached us.
        verdict: What the test is expected to come to, if all data sets are given.
    """

    says: Name
    said_by: Name
    said_on: DateText | None
    readings: tuple[AnyReading, ...]
    verdict: Literal["borne out", "not borne out", "depends on the reading", "not testable"] | None = None


KIND = RecordKind(name="claim", folder="claims", record=Claim)
