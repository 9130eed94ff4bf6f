"""A what-if: rules added, enacted on a day or taken away, and facts assumed.

A scenario is data of the same kind as the rules it changes, so a what-if can
never be mistaken for law: every rule in it keeps its origin.
"""

from __future__ import annotations

import msgspec

from reliant.atlas.records.common import DateText, Name, Record, RecordKind
from reliant.atlas.records.rule import Rule, Scalar


class Enact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Put a rule of the atlas in force, whatever became of it.

    Attributes:
        reading: Id of the reading that is assumed, if the rule has readings.
    """

    from_: DateText = msgspec.field(name="from")
    to: DateText | None = None
    reading: str | None = None


class ScenarioBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a scenario changes.

    Attributes:
        add: Rules that are in no atlas.
        enact: By rule id: from when it is in force.
        repeal: By rule id: from when it is not; None means it never was.
        set_facts: Facts that are assumed of everybody.
    """

    add: tuple[Rule, ...] = ()
    enact: dict[str, Enact] = {}
    repeal: dict[str, DateText | None] = {}
    set_facts: dict[str, Scalar | tuple[Scalar, ...]] = {}


class Scenario(Record, frozen=True, kw_only=True):
    """One scenario.

    Attributes:
        happened: True where the thing was real and the scenario replays or moves it.
        as_of: The day it is meant to be asked for.
    """

    name: Name
    summary: Name
    happened: bool = False
    as_of: DateText | None = None
    change: ScenarioBody


KIND = RecordKind(name="scenario", folder="scenarios", record=Scenario)
