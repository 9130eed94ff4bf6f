"""What is said of a whole country: the shape of `reliant.country/1`.

These structs are the public JSON: a field may be added, none may change its name,
its type or its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reliant.core.results import AtlasStamp, Concentration, Interval, Source, Tool

COUNTRY_SCHEMA = "reliant.country/1"
CLAIM_SCHEMA = "reliant.claim/1"


class Reach(msgspec.Struct, frozen=True):
    """Whether one provider may and can be reached from the country through one channel.

    Attributes:
        verdict: OPEN, CONDITIONAL, UNKNOWN or BLOCKED.
        since: When that state began; None if not known.
        since_is: `began` if it began that day, `seen` if that is the first day of which there is
            evidence and it may have begun before; empty without a day.
        places: Codes of the countries it is so from; several if a bloc was asked.
        gates: Who holds it shut or open: `provider: terms since 2022-11-30`, or `first seen` and the
            day of the first evidence.
    """

    provider: str
    channel: str
    verdict: str
    since: str | None
    sources: tuple[str, ...]
    name: str = ""
    gates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    since_is: str = ""


class Half(msgspec.Struct, frozen=True):
    """Models made in the country in one half-year, and where their lines begin.

    A model with two roots counts in two columns.

    Attributes:
        base_known: Models whose base is recorded; all others are blank, which means made
            from scratch or not recorded.
        root_on: At least one root was made in the other country.
        share_of_known: root_on / base_known; None if no base is known.
        floor: root_on / models: at least so many of all.
        joint: Made by both countries together; set aside, not in `models`.
    """

    half: str
    models: int
    base_known: int
    root_on: int
    root_home: int
    root_other: int
    share_of_known: float | None
    floor: float | None
    root_unknown: int = 0
    joint: int = 0


class Root(msgspec.Struct, frozen=True):
    """A model at which lines of the country's models begin.

    Attributes:
        countries: Of its makers; empty if not known.
        models: How many models rest on it; one with several roots counts in parts.
    """

    name: str
    countries: tuple[str, ...]
    models: float
    weights: str | None = None


class Derived(msgspec.Struct, frozen=True):
    """One model with a recorded base, so that every count can be checked.

    Attributes:
        at: File and line, or record, that says so.
        path: From the model to a root, one way of them.
    """

    name: str
    made: str
    parents: tuple[str, ...]
    roots: tuple[str, ...]
    root_countries: tuple[str, ...]
    at: str
    path: tuple[str, ...] = ()


class Kept(msgspec.Struct, frozen=True):
    """The share form: how much of the country's models each side holds, under one rule.

    Attributes:
        retained: The part of a model with a base that it keeps for its own maker, in [0, 1];
            the rest goes to its bases in equal parts.
        shares: Of `on`, `home`, `both` (made together), `other` and `unknown`; they sum to 1.
            A model whose base nobody recorded keeps `retained`, and of the rest nothing is known.
    """

    retained: float
    shares: dict[str, float]


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """The figures by downloads, over the models of the country whose downloads are known.

    Attributes:
        models: With a number of downloads; `of` is all models of the country.
        downloads: Of these models together.
    """

    models: int
    of: int
    downloads: float
    face_value: Interval
    look_through: Interval
    root: Interval
    home_rooted: Interval
    unknown: float


class Reliance(msgspec.Struct, frozen=True, kw_only=True):
    """What the models made in the country rest on.

    Attributes:
        face_value: Share of its models that were made together with the other country.
        look_through: Share of its models with a known ancestor made there, up to that
            plus the share whose base nobody recorded.
        root: The same, only where the line begins there.
        unknown: Share of its models of which no base is recorded.
        shared_design: Share that took over the blueprint and not the weights, where recorded.
        data: The data sets, each with how many rows were used.
        roots: Where the lines begin, most used first.
        root_hhi: Concentration over these roots; unknown is the share without a recorded base.
        derived: The models behind the counts.
        by_name: Parents that are in no row, and by what their origin was told.
        left_out: Rows without a country or a date of at least a month.
        home_rooted: Share of its models all of whose lines begin at home.
        kept: Shares that sum to 1, under stated rules.
        by_downloads: The same figures by downloads; None if no data set gives them.
    """

    halves: tuple[Half, ...]
    face_value: Interval
    look_through: Interval
    unknown: float
    root: Interval = Interval(0.0, 0.0)
    shared_design: Interval | None = None
    models: int = 0
    base_known: int = 0
    data: tuple[str, ...] = ()
    by_name: dict[str, str] = {}
    roots: tuple[Root, ...] = ()
    root_hhi: Concentration | None = None
    derived: tuple[Derived, ...] = ()
    left_out: int = 0
    remarks: tuple[str, ...] = ()
    home_rooted: Interval | None = None
    kept: tuple[Kept, ...] = ()
    by_downloads: Weighed | None = None


class Stance(msgspec.Struct, frozen=True):
    """One rule, statement or register of the country, as it stands on the day.

    Attributes:
        kind: rule, bill, statement, register-count and so on.
        state: in force, not in force, over, pending, statement (it binds nobody), or `count N`.
    """

    id: str
    kind: str
    issuer: str
    summary: str
    state: str
    since: str | None
    sources: tuple[str, ...] = ()
    count: int | None = None
    count_is: str | None = None


class Exposure(msgspec.Struct, frozen=True):
    """What one hypothetical cut would touch.

    Attributes:
        touched: Share of `whole`; the upper end adds what is not known.
        exempt: Share that the same cut leaves alone, with the reason in `because`.
        whole: What the shares are of.
    """

    scenario: str
    touched: Interval
    exempt: float
    whole: str
    because: str
    count: int = 0
    of: int = 0
    in_force: str = ""


class Rise(msgspec.Struct, frozen=True):
    """One day on which the best score of the country rose.

    Attributes:
        months: Since the first model of the other country that had this score; None if none had it by then.
        score: Of `model`; `reached` is that of `first`, of the other country; `on` is the day it was there.
    """

    day: str
    model: str
    score: float
    months: int | None
    first: str | None = None
    reached: float | None = None
    on: str | None = None


class LagRow(msgspec.Struct, frozen=True):
    """How many months the country's best is behind the other's, in one area.

    Attributes:
        points: Days on which the home best rose and the other had been there before.
        leads: Days on which the home best rose above all that the other had: no lag at all.
        dated: Models of the two that have a date; of `undated` it is not known.
        rises: The days that `points` and `leads` count, in their order.
        without_day: The models that `undated` counts.
    """

    area: str
    median: float
    least: int
    most: int
    latest: str
    points: int
    data: str
    leads: int = 0
    dated: int = 0
    undated: int = 0
    rises: tuple[Rise, ...] = ()
    without_day: tuple[str, ...] = ()


class YearFlags(msgspec.Struct, frozen=True, kw_only=True):
    """The three ticks of the European Commission's screen for one year.

    Attributes:
        imports: Use by foreign origin, in the unit of the data.
        home: Use of the country's own; `exports` is use of its own elsewhere.
        index: Concentration of the foreign origins; the tick is above 0.4.
        foreign_share: Of all use of known origin; the tick is above 0.5.
        to_exports: Foreign use per use of its own abroad; the tick is above 1. None without
            any use abroad: then the tick is set if there is foreign use.
        dependent: All three ticks are set.
    """

    year: str
    imports: dict[str, float]
    home: float
    exports: float
    index: float | None
    foreign_share: float | None
    to_exports: float | None
    ticks: tuple[bool, bool, bool]
    dependent: bool


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a use comes out as a strategic dependency, year by year.

    Attributes:
        of: What is counted.
        years: In their order.
        dependent: At least two of the three years up to the last one are; None with fewer than two
            years to judge by.
    """

    of: str
    years: tuple[YearFlags, ...]
    dependent: bool | None
    data: str = ""


class Origins(msgspec.Struct, frozen=True, kw_only=True):
    """Where what is used in the country comes from, in one year of a table of use.

    Attributes:
        whole: Amount used, in the unit of the table.
        on, home, other, unknown: Parts of it, by who made it.
        closed_on: The part from the other country with closed weights; `open_on` with open ones.
    """

    data: str
    year: str
    whole: float
    on: float
    home: float
    other: float
    unknown: float
    closed_on: float
    open_on: float


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer for one country on another, as of a day.

    Attributes:
        ends: The last day the atlas knows of, if the question is about a later one.
        begins: The day of its oldest model, if the question is about an earlier one.
        reach: How many rows of `access` have each verdict; asked from a bloc, a way whose members
            differ has several rows.
    """

    schema: str = COUNTRY_SCHEMA
    country: str
    on: str
    as_of: str
    access: tuple[Reach, ...]
    reliance: Reliance
    stance: tuple[Stance, ...]
    impact: tuple[Exposure, ...]
    sources: tuple[Source, ...]
    tool: Tool
    atlas: AtlasStamp
    lag: tuple[LagRow, ...] = ()
    country_codes: tuple[str, ...] = ()
    on_codes: tuple[str, ...] = ()
    place_names: dict[str, str] = {}
    ends: str | None = None
    begins: str | None = None
    reach: dict[str, int] = {}
    reach_elsewhere: dict[str, tuple[str, ...]] = {}
    known_on: str | None = None
    screens: tuple[Screen, ...] = ()
    used: tuple[Origins, ...] = ()
    assumptions: tuple[str, ...] = ()


class Reading(msgspec.Struct, frozen=True):
    """A claim under one way to read it.

    Attributes:
        part: The count that the claim is about.
        whole: Of so many.
        share: part / whole; None if there are none.
        holds: yes, no, or None where the data cannot say.
        is_count: The claim is about the number `part`, and not about a share.
    """

    name: str
    part: int
    whole: int
    share: float | None
    holds: bool | None
    note: str = ""
    is_count: bool = False


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """A quantified claim, tested against data under each reading.

    Attributes:
        verdict: borne out, not borne out, depends on the reading, or not testable.
    """

    schema: str = CLAIM_SCHEMA
    id: str
    claim: str
    said_by: str
    said_on: str | None
    readings: tuple[Reading, ...]
    verdict: str
    data: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


def by_way(rows: Iterable[Reach]) -> tuple[tuple[Reach, ...], ...]:
    """Return the rows of each way, a provider and a channel: several where members of a bloc differ."""
    ways: dict[tuple[str, str], list[Reach]] = {}
    for row in rows:
        ways.setdefault((row.provider, row.channel), []).append(row)
    return tuple(map(tuple, ways.values()))


def the(name: str) -> str:
    """Return the name of a country as it stands inside a sentence.

    Examples:
        >>> the("United States"), the("China"), the("European Union without France")
        ('the United States', 'China', 'the European Union without France')
    """
    whole, without, less = name.partition(" without ")
    if without:
        return f"{the(whole)} without {the(less)}"
    plain = name.removeprefix("the ")
    ends = ("Union", "Islands", "Republic", "Emirates", "Federation")
    takes = plain.startswith("United ") or plain.endswith(ends) or plain in {"Netherlands", "Philippines"}
    return f"the {plain}" if takes else plain
