"""Who is depended on, on the page of an assessment: flow, shares, single points, concentration."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from reliant.assessment.measures.exposure import use_shares
from reliant.core.results import Interval
from reliant.core.use import Channel
from reliant.report._points import POINT_LEVELS, shown_points
from reliant.report._text import listed, number, percent
from reliant.report.html.bars import Bar, Row, paired_bars
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import SERIES, UNKNOWN

if TYPE_CHECKING:
    from reliant.core.results import SinglePoint
    from reliant.report._view import View

_STATES = {"stops": ("s-blocked", "✕"), "unknown": ("s-unknown", "?"), "works": ("s-open", "✓")}
_NOT_KNOWN = "not known"
_SHOWN_FUNCTIONS, _KEPT_FUNCTIONS = 8, 100
"""So many names of functions stand in a cell of the page, and of the CSV in it."""


@dataclass(frozen=True)
class _Way:
    """Where a part of a function's weight goes."""

    function: str
    name: str
    state: str
    served: str
    owner: str
    country: str | None
    weight: float


def _ways(view: View) -> list[_Way]:
    ways = []
    for item in view.result.impact.functions:
        for use_id, share in use_shares(item.function.need).items():
            use, party = view.uses.get(use_id), view.behind(use_id)
            if use and use.channel is Channel.SELF_HOSTED:
                made = f"weights of {view.name(use.developer)}" if use.developer else "developer not known"
                served = f"Own machines, {made}"
            elif party:
                served = party.name
            else:
                served = (use.provider if use else None) or _NOT_KNOWN
            owner = (party.owner or party.name) if party else _NOT_KNOWN
            ways.append(
                _Way(
                    item.function.id,
                    item.function.name,
                    item.state,
                    served,
                    owner,
                    party.country if party else None,
                    item.function.weight * share,
                )
            )
    return ways


def flow_figure(view: View) -> Figure | None:
    """Return the flow from functions to providers, owners and countries, or None if there are none."""
    ways = _ways(view)
    if not ways:
        return None
    weights: dict[str | None, float] = defaultdict(float)
    for way in ways:
        weights[way.country] += way.weight
    ranked = sorted((code for code in weights if code), key=lambda code: (-weights[code], code))
    fills: dict[str | None, str] = {code: SERIES[min(at, len(SERIES) - 1)] for at, code in enumerate(ranked)}
    fills[None] = UNKNOWN

    def stops(way: _Way) -> dict[str, Stop]:
        return {
            "Function": Stop(way.function, way.name, _STATES[way.state][0]),
            "Served by": Stop(way.served, way.served),
            "Owner": Stop(way.owner, way.owner),
            "Country": Stop(way.country or "", view.place(way.country), fills[way.country]),
        }

    title = "From functions to providers, owners and countries"
    says = (
        "A band is as thick as the weight that goes that way. "
        "Where a function has several suppliers, each counts the same."
    )

    def panel(id_: str, *heads: str, size: str) -> Markup:
        threads = [
            Thread(tuple(stops(way)[head] for head in heads), way.weight, fills[way.country]) for way in ways
        ]
        return flow(threads, heads, id_=id_, title=title, description=says, size=size)

    def draw(size: str) -> Markup:
        if size == "wide":
            return panel("flow", "Function", "Served by", "Owner", "Country", size=size)
        # A phone has room for two columns: the same flow in two steps.
        return panel("flow-1", "Function", "Served by", size=size) + panel(
            "flow-2", "Served by", "Country", size=size
        )

    rows = [
        (way.name, way.served, way.owner, view.place(way.country), number(round(way.weight, 3)))
        for way in ways
    ]
    names = ("Function", "Served by", "Owner", "Country")
    table = Table(
        title, (*map(Column, names), Column("Weight", numeric=True)), tuple(rows), file_name="flow.csv"
    )
    return Figure.drawn("flow", title, says, draw, table=table)


# Reliance


def reliance_figure(view: View) -> Figure | None:
    """Return face value beside look-through per country, or None if neither is known."""
    impact = view.result.impact
    face = {share.id: share.share for share in impact.face_value}
    deep = {share.id: share.share for share in impact.look_through}
    none = Interval(0.0, impact.unknown)
    codes = sorted(
        {*face, *deep}, key=lambda code: (-deep.get(code, none).low, -face.get(code, none).low, code)
    )
    if not codes:
        return None
    rows = tuple(
        Row(
            view.place(code),
            (
                Bar("face value", face.get(code, none), "s-face"),
                Bar("look-through", deep.get(code, none), "s-deep"),
            ),
        )
        for code in codes
    )
    followed = ", ".join(impact.followed) or "no kind of descent"
    title = "Face value beside look-through"
    says = (
        "Face value: bought from directly, a function divided among its suppliers. Look-through: a function "
        "counts whole if any supplier of it is there, or descends from there by "
        f"{followed}. Hatched: not known, so the true share lies within it."
    )
    table = Table(
        title,
        (
            Column("Country"),
            *(Column(name, numeric=True) for name in ("Face value", "Look-through", "Only through others")),
        ),
        tuple(
            (
                view.place(code),
                percent(face.get(code, none)),
                percent(deep.get(code, none)),
                percent(view.only_through_others(code)),
            )
            for code in codes
        ),
        file_name="reliance.csv",
        compact=True,
    )
    return Figure.drawn(
        "reliance",
        title,
        says,
        lambda size: paired_bars(rows, id_="reliance", title=title, description=says, size=size),
        table=table,
        legend=(("s-face", "face value"), ("s-deep", "look-through"), (UNKNOWN, _NOT_KNOWN)),
    )


def points_table(view: View) -> Table:
    """Return the suppliers whose loss alone stops functions."""
    names = {item.function.id: item.function.name for item in view.result.impact.functions}
    points = shown_points(view.result.impact.single_points)

    def told(point: SinglePoint, at_most: int) -> tuple[str, ...]:
        return (
            view.name(point.supplier) if point.level == "provider" else view.place(point.supplier),
            POINT_LEVELS.get(point.level, point.level),
            percent(point.stop_share),
            listed((names.get(id_, id_) for id_ in point.functions), at_most=at_most),
        )

    return Table(
        "Suppliers whose loss alone stops functions",
        (Column("Supplier"), Column("Level"), Column("Stops", numeric=True), Column("Functions")),
        tuple(told(point, _SHOWN_FUNCTIONS) for point in points),
        plain=tuple(told(point, _KEPT_FUNCTIONS) for point in points),
        file_name="single-points.csv",
        compact=True,
    )


def origin_table(view: View) -> Table | None:
    """Return who holds how much of what is used, under each rule of the share form."""
    rules = view.result.impact.origin
    if not rules or not view.result.impact.functions:
        return None

    def said(country: str) -> str:
        return "not known" if country == "unknown" else view.place(country)

    countries = dict.fromkeys(country for rule in rules for country in rule.shares)
    return Table(
        "Who holds how much of what is used: each use divided along its lines of descent; sums to 100 %",
        (
            Column("Country"),
            *(
                Column(
                    "all passed on to the bases"
                    if rule.retained == 0
                    else f"{percent(rule.retained)} kept by the maker",
                    numeric=True,
                )
                for rule in rules
            ),
        ),
        tuple(
            (said(country), *(percent(rule.shares.get(country, 0.0)) for rule in rules))
            for country in countries
        ),
        file_name="origin.csv",
        compact=True,
    )


def hhi_table(view: View) -> Table:
    """Return the concentration at each level."""
    return Table(
        "Concentration (Herfindahl-Hirschman index)",
        (
            Column("By"),
            Column("Index", numeric=True),
            Column("As many equal suppliers", numeric=True),
            Column("Share not known", numeric=True),
            Column("Index, whoever that is", numeric=True),
        ),
        tuple(
            (
                POINT_LEVELS.get(level, level),
                _NOT_KNOWN if one.index is None else f"{one.index:.2f}",
                _NOT_KNOWN if one.effective is None else f"{one.effective:.1f}",
                percent(one.unknown),
                "" if one.bounds is None else f"{one.bounds.low:.2f} to {one.bounds.high:.2f}",
            )
            for level, one in view.result.impact.hhi.items()
        ),
        file_name="concentration.csv",
        compact=True,
    )
