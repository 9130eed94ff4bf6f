"""What a what-if says: the shape of `reliant.simulation/1`.

These structs are the public JSON: a field may be added, none may change its name,
its type or its meaning. Wherever a value may be unknown it is null, never a guess.
"""

from __future__ import annotations

import msgspec

from reliant.core.results import AtlasStamp, Interval, SinglePoint, Source, TargetStamp, Tool

SIMULATION_SCHEMA = "reliant.simulation/1"
COMPARISON_SCHEMA = "reliant.simulation-comparison/1"


class Step(msgspec.Struct, frozen=True):
    """What is cut on one day, and what has stopped by then.

    Attributes:
        on: The day; None if the scenario gives none.
        label: In words: a notice, an enforcement.
        cuts: `level:id` of each name that is gone from here on.
    """

    on: str | None
    label: str
    cuts: tuple[str, ...]
    stop_share: Interval = Interval(0.0, 0.0)
    unreplaced: Interval = Interval(0.0, 0.0)


class ScenarioStamp(msgspec.Struct, frozen=True):
    """Which scenario was played.

    Attributes:
        source: Id of the source that the scenario rests on; None if it is made up.
    """

    name: str
    steps: tuple[Step, ...]
    summary: str = ""
    sources: tuple[str, ...] = ()


class FunctionRow(msgspec.Struct, frozen=True, gc=False):
    """What happens to one function.

    Attributes:
        stops: True, False, or None if it is not known.
        when: The day it stops; None if it does not, or the scenario has no days.
        already: It has stopped before anything is cut, under the verdicts of the day.
        path: From the function to what is cut, or to what keeps it working.
        why: The same in a sentence.
        fallback: What takes over; None if nothing does. Of a function that stops, what would work if
            somebody set it, or a replacement that was told.
        fallback_name: The same by the names that people know.
        proven: The fallback is proven to do the work; None if there is none or nobody tested it.
        replaced: It stops, and a proven replacement is at hand.
        survive_days: None if not given. The JSON of "for ever" is null with `survives_for_ever`.
        provider: Who serves the use that decides it; `own machines` for weights that run there.
        owner: Of that provider; its country is `jurisdiction`.
        gap_days: Days without the function; None if survival or recovery is not given.
        loss: Gap times what a day costs, in the operator's unit.
    """

    name: str
    stops: bool | None
    when: str | None
    path: tuple[str, ...]
    fallback: str | None
    proven: bool | None
    survive_days: float | None
    recover_days: float | None
    gap_days: float | None
    id: str = ""
    weight: float = 1.0
    already: bool = False
    replaced: bool = False
    survives_for_ever: bool = False
    loss: float | None = None
    why: str = ""
    provider: str | None = None
    owner: str | None = None
    jurisdiction: str | None = None
    missing: tuple[str, ...] = ()
    fallback_name: str | None = None


class Pair(msgspec.Struct, frozen=True):
    """Two suppliers whose loss together stops functions that neither stops alone."""

    suppliers: tuple[str, str]
    level: str
    stop_share: float
    functions: tuple[str, ...]


class Action(msgspec.Struct, frozen=True):
    """Something to do, and how much of the unreplaced share it takes away.

    Attributes:
        kind: `add-fallback`, `prove`, `keep-weights` or `find-out`.
        saves: Of all weight, the part that is unreplaced without it and not with it.
        effort: In `unit`: places to change in the code, or engineer-days if they were given.
        functions: Names of the functions it keeps; `ids` are their ids.
        uses: What it gives another supplier, asks about or keeps a copy of; of a replacement to prove, none.
    """

    kind: str
    text: str
    saves: float
    effort: float
    unit: str
    functions: tuple[str, ...]
    ids: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


class Importance(msgspec.Struct, frozen=True):
    """How much one provider decides on an ordinary day, before any cut.

    Attributes:
        up: The chance that it is there, as the operator told it.
        importance: Birnbaum's, over all weight: the share that is expected to work with it there,
            minus that share with it gone.
    """

    provider: str
    up: float
    importance: float


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to one what-if.

    Attributes:
        stop_share: L(S): of the weight of functions, the part that stops.
        unreplaced: U(S): the part that stops and has no proven replacement.
        already: The part that has stopped before anything is cut.
        loss: Of all functions with a known gap and cost; None if there is none.
        expected: The share of weight that works on an ordinary day, if providers fail independently;
            None if no chances were told.
        importance: What each provider of which a chance was told decides; most first.
        names: Of each provider, developer, model and licence by its id, and of each country by its ISO
            3166 code, for those that it rests on.
    """

    schema: str = SIMULATION_SCHEMA
    tool: Tool
    atlas: AtlasStamp
    target: TargetStamp
    place: str | None
    as_of: str
    scenario: ScenarioStamp
    functions: tuple[FunctionRow, ...]
    stop_share: Interval
    unreplaced: Interval
    already: Interval = Interval(0.0, 0.0)
    loss: float | None = None
    single_points: tuple[SinglePoint, ...] = ()
    pairs: tuple[Pair, ...] = ()
    actions: tuple[Action, ...] = ()
    assumptions: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    expected: float | None = None
    importance: tuple[Importance, ...] = ()
    names: dict[str, str] = {}


def short(name: str) -> str:
    """Return a name without what stands in brackets after it.

    Examples:
        >>> short("Alibaba Cloud (Qwen, DashScope, Model Studio)")
        'Alibaba Cloud'
    """
    return name.partition(" (")[0] or name


class ComparedFunction(msgspec.Struct, frozen=True):
    """One function under two scenarios; null where it is not known whether it stops."""

    name: str
    left: bool | None
    right: bool | None
    left_gap_days: float | None = None
    right_gap_days: float | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two what-ifs on one target, side by side."""

    schema: str = COMPARISON_SCHEMA
    left: Simulation
    right: Simulation
    functions: tuple[ComparedFunction, ...]
