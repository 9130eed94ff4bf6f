"""The page of a what-if: the two shares, the table of functions, what is left, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.simulation import SIMULATION_SCHEMA
from reliant.report._points import POINT_LEVELS, shown_points
from reliant.report._registry import renders
from reliant.report._text import listed, number, percent, plural
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import UNKNOWN
from reliant.report.simulation import days, headline, ordered, scenario_words, state

if TYPE_CHECKING:
    from markupsafe import Markup

    from reliant.core.simulation import FunctionRow, Simulation

_OWN = "own machines"
_THIN = 0.004
"""Of all weight; a piece of the bar below this cannot be seen."""
SHARE_LEGEND = (
    ("s2", "stops"),
    ("s1", "unreplaced: stops without a proven replacement"),
    (UNKNOWN, "not known"),
)
_FILLS = {True: ("s-blocked", "✕"), None: (UNKNOWN, "?"), False: ("s-open", "✓")}


@renders("html", SIMULATION_SCHEMA)
def to_html(result: Simulation, /, *, colour: bool = False) -> str:
    """Return the what-if as one HTML file."""
    from reliant.report.html.base import page  # noqa: PLC0415  (loads the template engine)

    del colour
    rows = ordered(result.functions)
    return page(
        "simulation.html.j2",
        result=result,
        headline=headline(result),
        cut=scenario_words(result),
        where=place_of(result, result.place),
        stops=_stops(rows),
        steps=_steps(result),
        functions=_functions(rows).without("-"),
        flow=_flow(result, rows),
        works=[row for row in rows if row.stops is False],
        points=_points(result),
        pairs=_pairs(result),
        actions=actions_table(result),
        numbered=[(at, source) for at, source in enumerate(result.sources, start=1)],
        generator=f"{result.tool.name} {result.tool.version}",
    )


def _name(result: Simulation, id_: str) -> str:
    """Return the name of a provider or a country, or what stands in for one."""
    return result.names.get(id_, id_)


def place_of(result: Simulation, code: str | None) -> str:
    """Return `China (CN)`; nothing without a code."""
    if not code:
        return ""
    name = result.names.get(code)
    return f"{name} ({code})" if name and name != code else code


def badge_of(stops: bool | None) -> Markup:
    """Return the state of a function as a word with its mark."""
    from reliant.report.html.base import badge  # noqa: PLC0415  (as above)

    return badge(state(stops))


def _stops(rows: list[FunctionRow]) -> Figure | None:
    if not rows:
        return None
    weights = {stops: sum(row.weight for row in rows if row.stops is stops) for stops in _FILLS}
    whole = sum(weights.values()) or 1.0
    pieces = [piece for stops in _FILLS for piece in _pieces(rows, stops, _THIN * whole)]
    said = ", ".join(
        f"{percent(weight / whole)} {state(stops)}" for stops, weight in weights.items() if weight
    )
    return Figure.drawn(
        "fig-stops",
        "The functions by weight",
        said.capitalize() + ".",
        lambda size: stacked_bar(
            pieces, id_="stops", title="Functions by state", description=said, size=size
        ),
        table=Table(
            "Functions by weight",
            (Column("function"), Column("weight", numeric=True), Column("state")),
            tuple((row.name, number(row.weight), state(row.stops)) for row in rows),
            file_name="weights.csv",
            compact=True,
        ),
        legend=tuple(
            (class_, f"{mark} {state(stops)} {percent(weights[stops] / whole)}")
            for stops, (class_, mark) in _FILLS.items()
        ),
    )


def _pieces(rows: list[FunctionRow], stops: bool | None, thin: float) -> list[Piece]:
    """Return the pieces of the bar in one state; those too thin to be seen are one."""
    chosen = [row for row in rows if row.stops is stops]
    wide = [row for row in chosen if row.weight >= thin]
    pieces = [Piece(row.name, row.weight, *_FILLS[stops]) for row in wide]
    rest = sum(row.weight for row in chosen if row.weight < thin)
    others = Piece(f"{len(chosen) - len(wide)} others", rest, *_FILLS[stops])
    return [*pieces, others] if rest else pieces


def _steps(result: Simulation) -> Figure | None:
    steps = result.scenario.steps
    if len(steps) < 2:
        return None
    rows = [
        Row(
            f"{step.on or 'undated'} {step.label}".strip(),
            (Bar("stops", step.stop_share, "s2"), Bar("unreplaced", step.unreplaced, "s1")),
        )
        for step in steps
    ]
    return Figure.drawn(
        "fig-steps",
        "Day by day",
        "What has stopped by each day, and what of it has no proven replacement.",
        lambda size: paired_bars(
            rows,
            id_="steps",
            title="Shares by day",
            description="; ".join(f"{row.name}: {percent(row.bars[0].share)}" for row in rows),
            size=size,
        ),
        table=Table(
            "Steps of the scenario",
            (Column("day"), Column("step"), Column("cut"), Column("stops"), Column("unreplaced")),
            tuple(
                (
                    step.on or "undated",
                    step.label,
                    ", ".join(step.cuts) or "nothing",
                    percent(step.stop_share),
                    percent(step.unreplaced),
                )
                for step in steps
            ),
            file_name="steps.csv",
        ),
        legend=SHARE_LEGEND,
    )


def _functions(rows: list[FunctionRow]) -> Table:
    def proven(row: FunctionRow) -> str:
        if row.fallback is None:
            return "none" if row.stops is not False else ""
        said = {True: "proven", False: "not proven", None: "untested"}[row.proven]
        return f"{row.fallback_name or row.fallback} ({said})"

    def when(row: FunctionRow) -> str:
        return "already" if row.already else row.when or ("at\u00a0once" if row.stops else "")

    cells = [
        (
            row.name,
            number(row.weight),
            row.why,
            when(row),
            proven(row),
            days(row.survive_days, for_ever=row.survives_for_ever),
            days(row.recover_days),
            days(row.gap_days),
        )
        for row in rows
    ]
    return Table(
        "Each function: does it stop, when, why, and what takes over. A dash, or no column: not told.",
        (
            Column("Function"),
            Column("State"),
            Column("Weight", numeric=True),
            Column("Why"),
            Column("When"),
            Column("Fallback"),
            Column("Survives, days", numeric=True),
            Column("Recovers, days", numeric=True),
            Column("Without, days", numeric=True),
        ),
        tuple((one[0], badge_of(row.stops), *one[1:]) for row, one in zip(rows, cells, strict=True)),
        plain=tuple((one[0], state(row.stops), *one[1:]) for row, one in zip(rows, cells, strict=True)),
        file_name="functions.csv",
    )


def _flow(result: Simulation, rows: list[FunctionRow]) -> Figure | None:
    """Return functions, who stands behind the use that decides each, and what becomes of them."""
    if not rows:
        return None
    title = "Functions, providers, owners, countries, states"

    def panel(id_: str, *heads: str, size: str, at_most: int) -> Markup:
        return flow(
            [_thread(result, row, heads) for row in rows],
            heads,
            id_=id_,
            title=title,
            description=plural(len(rows), "function"),
            size=size,
            at_most=at_most,
        )

    def draw(size: str) -> Markup:
        if size == "wide":
            heads = ("Function", "Provider", "Owner", "Country", "State")
            return panel("flow", *heads, size=size, at_most=14)
        # A phone has room for two columns: the same flow in two steps.
        return panel("flow-1", "Function", "Provider", size=size, at_most=9) + panel(
            "flow-2", "Country", "State", size=size, at_most=9
        )

    return Figure.drawn(
        "fig-flow",
        "From functions to what decides them",
        "As thick as the weight of the function. Provider, owner and country of the use that decides it.",
        draw,
        table=Table(
            "The path of each function",
            (
                Column("function"),
                Column("weight", numeric=True),
                Column("provider"),
                Column("owner"),
                Column("country"),
                Column("state"),
                Column("path"),
            ),
            tuple(
                (
                    row.name,
                    number(row.weight),
                    *(stop.name for stop in _stops_of(result, row)[1:]),
                    " > ".join(row.path),
                )
                for row in rows
            ),
            file_name="paths.csv",
        ),
        legend=tuple((_BANDS[stops], state(stops)) for stops in _FILLS),
    )


_BANDS = {True: "s2", None: UNKNOWN, False: "s1"}
_HEADS = ("Function", "Provider", "Owner", "Country", "State")


def _stops_of(result: Simulation, row: FunctionRow) -> tuple[Stop, ...]:
    """Return what a function passes on its way to its state, a stop for each of `_HEADS`."""
    provider = row.provider or "not known"
    here = provider == _OWN
    names = (
        _name(result, provider),
        row.owner or ("you" if here else "not known"),
        place_of(result, row.jurisdiction) or ("here" if here else "not known"),
        state(row.stops),
    )
    return (Stop(row.id or row.name, row.name), *(Stop(name, name) for name in names))


def _thread(result: Simulation, row: FunctionRow, heads: tuple[str, ...]) -> Thread:
    stops = dict(zip(_HEADS, _stops_of(result, row), strict=True))
    return Thread(tuple(stops[head] for head in heads), row.weight, _BANDS[row.stops])


def _told(functions: tuple[str, ...], names: dict[str, str]) -> str:
    return listed((names.get(one, one) for one in functions), at_most=6)


def _points(result: Simulation) -> Table:
    names = {row.id: row.name for row in result.functions}
    return Table(
        "Alone enough to stop something, before any cut",
        (Column("Supplier"), Column("Level"), Column("Stops", numeric=True), Column("Functions")),
        tuple(
            (
                _name(result, one.supplier) if one.level == "provider" else place_of(result, one.supplier),
                POINT_LEVELS.get(one.level, one.level),
                percent(one.stop_share),
                _told(one.functions, names),
            )
            for one in shown_points(result.single_points)
        ),
        file_name="single-points.csv",
    )


def _pairs(result: Simulation) -> Table:
    names = {row.id: row.name for row in result.functions}
    return Table(
        "Only together enough: pairs of which neither alone stops these functions",
        (Column("Pair"), Column("Level"), Column("Stops", numeric=True), Column("Functions")),
        tuple(
            (
                " with ".join(_name(result, supplier) for supplier in one.suppliers),
                POINT_LEVELS.get(one.level, one.level),
                percent(one.stop_share),
                _told(one.functions, names),
            )
            for one in result.pairs
        ),
        file_name="pairs.csv",
    )


def actions_table(result: Simulation, mark: str = "") -> Table:
    """Return what to do first; `mark` tells the file of one scenario from that of another."""
    return Table(
        "By what it takes off the unreplaced share per unit of effort",
        (
            Column("Action"),
            Column("Saves", numeric=True),
            Column("Effort", numeric=True),
            Column("Unit"),
            Column("Functions"),
        ),
        tuple(
            (
                one.text,
                percent(one.saves),
                number(one.effort),
                one.unit,
                listed(one.functions, at_most=6),
            )
            for one in result.actions
        ),
        file_name=f"actions{mark}.csv",
    )
