"""Something that was seen or measured: a refused call, a blocked host, a count, a statement.

Evidence that a gate is closed, or was open, on a day. An observation is never a
rule: it changes no verdict by itself.
"""

from __future__ import annotations

from typing import Literal

from reliant.atlas.records.common import DateText, Name, Record, RecordKind


class Observation(Record, frozen=True, kw_only=True):
    """One dated report.

    Attributes:
        about: Id of the provider.
        saw: blocked, open, partly, withdrawn or said.
        on: Day, month or year it is from.
        until: Last day it is reported for, if it is a period.
        places: Where it was seen from.
        rules: Ids of the rules that it is evidence for.
        announced: When what it tells of was made public, if that differs.
    """

    about: Name
    saw: Literal["blocked", "open", "partly", "withdrawn", "said"]
    says: Name
    on: DateText
    until: DateText | None = None
    announced: DateText | None = None
    places: tuple[str, ...] = ()
    surface: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    scope_ordered: str | None = None
    scope_cut: str | None = None
    notice: str | None = None
    routes_said: tuple[str, ...] = ()
    former_ids: tuple[str, ...] = ()


KIND = RecordKind(name="observation", folder="observations", record=Observation)
