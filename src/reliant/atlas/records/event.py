"""Something that happened: a cut-off, a restriction, an outage, a switch, a finding."""

from __future__ import annotations

from typing import Literal

from reliant.atlas.records.common import CountryCode, DateText, Name, Record, RecordKind


class Event(Record, frozen=True, kw_only=True):
    """One dated event.

    Attributes:
        date: Of the effect; see `date_kind`.
        date_kind: effect: the day it took effect; report: the day of the report, the
            effect earlier or unstated; first_known: the earliest dated evidence.
        kind: cut: access was lost; migration: somebody moved; and so on.
        announced: When it became public, where that differs.
        end: First day it was over; None if no end is known.
        notice_days: Days between announcement and effect; None: unknown or not applicable.
        scope_ordered: What was ordered or asked.
        scope_cut: What was really cut, where it differs: over- or under-compliance.
        providers: Ids of the providers concerned.
        models: Ids of the models concerned.
        former_ids: Earlier ids; several records may share one that was split.
    """

    name: Name
    date: DateText
    by: Name
    lost_access: str
    cause: str
    date_kind: Literal["effect", "report", "first_known"] = "effect"
    kind: str | None = None
    announced: DateText | None = None
    end: DateText | None = None
    notice_days: int | None = None
    routes_left: tuple[str, ...] = ()
    scope_ordered: str | None = None
    scope_cut: str | None = None
    duration_hours: float | None = None
    duration_days: float | None = None
    single_point_of_failure: str | None = None
    signals: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    countries: tuple[CountryCode, ...] = ()
    former_ids: tuple[str, ...] = ()


KIND = RecordKind(name="event", folder="events", record=Event)
