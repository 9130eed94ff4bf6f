"""The page of a what-if: the two shares, the table of functions, what is left, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.simulation import COMPARISON_SCHEMA, SIMULATION_SCHEMA
from reliant.report._points import POINT_LEVELS, shown_points
from reliant.report._registry import renders
from reliant.report._text import number, percent, plural
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import UNKNOWN
from reliant.report.simulation import days, headline, ordered, state

if TYPE_CHECKING:
    from markupsafe import Markup

    from reliant.core.simulation import Comparison, FunctionRow, Simulation

_OWN = "own machines"
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
        stops=_stops(rows),
        steps=_steps(result),
        functions=_functions(rows),
        flow=_flow(rows),
        works=[row for row in rows if row.stops is False],
        points=_points(result),
        pairs=_pairs(result),
        actions=_actions(result),
        numbered=[(at, source) for at, source in enumerate(result.sources, start=1)],
        generator=f"{result.tool.name} {result.tool.version}",
    )


@renders("html", COMPARISON_SCHEMA)
def comparison_to_html(result: Comparison, /, *, colour: bool = False) -> str:
    """Return two what-ifs side by side as one HTML file."""
    from reliant.report.html.base import page  # noqa: PLC0415  (as above)

    del colour
    left, right = result.left, result.right
    pair = (("A", left), ("B", right))
    shares = Figure.drawn(
        "fig-shares",
        "What stops, and what of it has no proven replacement",
        f"A: {left.scenario.name}. B: {right.scenario.name}.",
        lambda size: paired_bars(
            [
                Row(mark, (Bar("stops", one.stop_share, "s2"), Bar("unreplaced", one.unreplaced, "s1")))
                for mark, one in pair
            ],
            id_="shares",
            title="Shares under two scenarios",
            description=f"A stops {percent(left.stop_share)}, B stops {percent(right.stop_share)}",
            size=size,
        ),
        table=Table(
            "Shares of the weight of all functions",
            (Column("scenario"), Column("stops"), Column("unreplaced")),
            tuple(
                (f"{mark}: {one.scenario.name}", percent(one.stop_share), percent(one.unreplaced))
                for mark, one in pair
            ),
            file_name="shares.csv",
            compact=True,
        ),
        legend=((UNKNOWN, "not known"),),
    )
    functions = Table(
        f"Each function under both. A: {left.scenario.name}. B: {right.scenario.name}. A dash is not told.",
        (
            Column("Function"),
            Column("A"),
            Column("B"),
            Column("Days without, A", numeric=True),
            Column("Days without, B", numeric=True),
        ),
        tuple(
            (
                one.name,
                _badge(one.left),
                _badge(one.right),
                days(one.left_gap_days),
                days(one.right_gap_days),
            )
            for one in result.functions
        ),
        plain=tuple(
            (
                one.name,
                state(one.left),
                state(one.right),
                days(one.left_gap_days),
                days(one.right_gap_days),
            )
            for one in result.functions
        ),
        file_name="functions.csv",
    )
    return page(
        "comparison.html.j2",
        result=result,
        left=left,
        right=right,
        differing=sum(one.left != one.right for one in result.functions),
        shares=shares,
        functions=functions,
        generator=f"{left.tool.name} {left.tool.version}",
    )


def _badge(stops: bool | None) -> Markup:
    from reliant.report.html.base import badge  # noqa: PLC0415  (as above)

    return badge(state(stops))


def _stops(rows: list[FunctionRow]) -> Figure | None:
    if not rows:
        return None
    pieces = [Piece(row.name, row.weight, *_FILLS[row.stops]) for row in rows]
    weights = {stops: sum(row.weight for row in rows if row.stops is stops) for stops in _FILLS}
    whole = sum(weights.values()) or 1.0
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
        legend=(("s-blocked", "stops"), (UNKNOWN, "not known"), ("s-open", "works")),
    )


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
        legend=((UNKNOWN, "not known"),),
    )


def _functions(rows: list[FunctionRow]) -> Table:
    def proven(row: FunctionRow) -> str:
        if row.fallback is None:
            return "none" if row.stops is not False else ""
        return f"{row.fallback} ({ {True: 'proven', False: 'not proven', None: 'untested'}[row.proven] })"

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
        "Each function: does it stop, when, why, and what takes over. A dash is not told.",
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
        tuple((one[0], _badge(row.stops), *one[1:]) for row, one in zip(rows, cells, strict=True)),
        plain=tuple((one[0], state(row.stops), *one[1:]) for row, one in zip(rows, cells, strict=True)),
        file_name="functions.csv",
    )


def _flow(rows: list[FunctionRow]) -> Figure | None:
    """Return functions, who stands behind the use that decides each, and what becomes of them."""
    if not rows:
        return None
    return Figure.drawn(
        "fig-flow",
        "From functions to what decides them",
        "As thick as the weight of the function. Provider, owner and country of the use that decides it.",
        lambda size: flow(
            [_thread(row, owner=size == "wide") for row in rows],
            ("Function", "Provider", "Owner", "Country", "State")
            if size == "wide"
            else ("Function", "Provider", "Country", "State"),
            id_="flow",
            title="Functions, providers, owners, countries, states",
            description=plural(len(rows), "function"),
            size=size,
            at_most=14 if size == "wide" else 7,
        ),
        table=Table(
            "The path of each function",
            (Column("function"), Column("provider"), Column("owner"), Column("country"), Column("path")),
            tuple(
                (
                    row.name,
                    row.provider or "not known",
                    row.owner or "",
                    row.jurisdiction or "",
                    " > ".join(row.path),
                )
                for row in rows
            ),
            file_name="paths.csv",
        ),
    )


def _thread(row: FunctionRow, *, owner: bool) -> Thread:
    provider = row.provider or "not known"
    here = provider == _OWN
    country = row.jurisdiction or ("here" if here else "not known")
    holder = row.owner or ("you" if here else "not known")
    word = state(row.stops)
    stops = [Stop(row.id or row.name, row.name), Stop(provider, provider)]
    if owner:
        stops.append(Stop(holder, holder))
    stops += [Stop(country, country), Stop(word, word)]
    return Thread(tuple(stops), row.weight, {True: "s2", None: UNKNOWN, False: "s1"}[row.stops])


def _points(result: Simulation) -> Table:
    return Table(
        "Alone enough to stop something, before any cut",
        (Column("Supplier"), Column("Level"), Column("Stops", numeric=True), Column("Functions")),
        tuple(
            (
                one.supplier,
                POINT_LEVELS.get(one.level, one.level),
                percent(one.stop_share),
                ", ".join(one.functions[:6]),
            )
            for one in shown_points(result.single_points)
        ),
        file_name="single-points.csv",
    )


def _pairs(result: Simulation) -> Table:
    return Table(
        "Only together enough: pairs of which neither alone stops these functions",
        (Column("Pair"), Column("Level"), Column("Stops", numeric=True), Column("Functions")),
        tuple(
            (
                " with ".join(one.suppliers),
                one.level,
                percent(one.stop_share),
                ", ".join(one.functions[:6]),
            )
            for one in result.pairs
        ),
        file_name="pairs.csv",
    )


def _actions(result: Simulation) -> Table:
    return Table(
        "What to do first: by what it takes off the unreplaced share per unit of effort",
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
                ", ".join(one.functions[:6]),
            )
            for one in result.actions
        ),
        file_name="actions.csv",
    )
