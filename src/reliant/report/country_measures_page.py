"""The measures of a country beside the half-year table, as figures and tables of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.results import Interval
from reliant.report._text import listed, number, percent, plural
from reliant.report.country_measures import (
    in_words,
    lag_remarks,
    persistence,
    rule_words,
    side_words,
    year_cells,
)
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.svg import UNKNOWN

if TYPE_CHECKING:
    from reliant.core.country import Country, YearFlags

_AREAS = 12
_KEPT = (("on", "s2"), ("both", "s6"), ("other", "s7"), ("unknown", UNKNOWN), ("home", "s1"))


def kept_figure(result: Country) -> Figure | None:
    """Return who holds how much of the models, under each rule of the share form."""
    found = result.reliance
    if not found.kept:
        return None
    sides = side_words(result)
    first = found.kept[0]
    short = {**sides, "on": result.on, "home": result.country}
    pieces = [
        Piece(short[side], first.shares[side], class_) for side, class_ in _KEPT if first.shares[side] > 0
    ]
    return Figure.drawn(
        "fig-kept",
        "Who holds how much of the models",
        f"Shares that sum to 100 %: each model is divided among where its lines lead, {rule_words(first)}. "
        "Of a model whose base nobody recorded, nothing more is known.",
        lambda size: stacked_bar(
            pieces,
            id_="kept",
            title="Shares of the models by origin",
            description=", ".join(f"{piece.name} {percent(piece.weight)}" for piece in pieces),
            size=size,
        ),
        table=Table(
            "The same under both rules",
            (Column("origin"), *(Column(rule_words(one), numeric=True) for one in found.kept)),
            tuple(
                (sides[side], *(percent(one.shares[side]) for one in found.kept))
                for side, _ in _KEPT
                if any(one.shares[side] > 0 for one in found.kept)
            ),
            file_name="kept.csv",
            compact=True,
        ),
        legend=tuple(
            (class_, f"{sides[side]} {percent(first.shares[side])}")
            for side, class_ in _KEPT
            if first.shares[side] > 0
        ),
    )


def downloads_table(result: Country) -> Table | None:
    """Return the shares by count beside those by downloads; None if no data set gives downloads."""
    found, by = result.reliance, result.reliance.by_downloads
    if by is None:
        return None
    rows = (
        ("face value", found.face_value, by.face_value),
        ("look-through", found.look_through, by.look_through),
        ("root", found.root, by.root),
        ("all lines at home", found.home_rooted or Interval(0.0, 0.0), by.home_rooted),
    )
    return Table(
        f"By number of models, and by downloads: {by.downloads:,.0f} in all, of {by.models:,} of "
        f"{plural(by.of, 'model')}",
        (Column("share"), Column("by count", numeric=True), Column("by downloads", numeric=True)),
        tuple((said, percent(one), percent(other)) for said, one, other in rows),
        file_name="downloads.csv",
        compact=True,
    )


def screen_tables(result: Country) -> list[tuple[str, Table]]:
    """Return each screen as a table, with the sentence that it comes down to."""
    return [
        (
            persistence(one, result),
            Table(
                f"Screen for strategic dependence: {one.of} by origin",
                (
                    Column("year"),
                    Column("concentration", numeric=True),
                    Column("foreign", numeric=True),
                    Column("foreign per own abroad", numeric=True),
                    Column("flags"),
                    Column("amounts by origin"),
                ),
                tuple((*(cell.strip() for cell in year_cells(year)), _imports(year)) for year in one.years),
                file_name=f"screen-{at}.csv",
            ),
        )
        for at, one in enumerate(result.screens, 1)
    ]


def _imports(year: YearFlags) -> str:
    told = [f"{code} {number(round(part, 1))}" for code, part in year.imports.items()]
    return f"{listed(told, at_most=4) or 'nobody abroad'}; own {number(round(year.home, 1))}"


def used_table(result: Country) -> Table | None:
    """Return where what is used in the country comes from, year by year; None without a table of use."""
    if not result.used:
        return None

    def share(part: float, whole: float) -> str:
        return percent(part / whole) if whole > 0 else "-"

    return Table(
        f"Use in {in_words(result, result.country)} by origin, at face value",
        (
            Column("year"),
            Column(result.on, numeric=True),
            Column("closed weights", numeric=True),
            Column(result.country, numeric=True),
            Column("elsewhere", numeric=True),
            Column("not known", numeric=True),
            Column("data"),
        ),
        tuple(
            (
                one.year,
                share(one.on, one.whole),
                share(one.closed_on, one.whole),
                share(one.home, one.whole),
                share(one.other, one.whole),
                share(one.unknown, one.whole),
                one.data,
            )
            for one in result.used
        ),
        file_name="use.csv",
    )


def lag_figure(result: Country) -> Figure | None:
    """Return the lag in months by area, as bars from the least to the most."""
    rows = result.lag
    if not rows:
        return None
    longest = 6 * -(-max(12, *(row.most for row in rows)) // 6)
    shown = sorted(rows, key=lambda row: -row.median)[:_AREAS]
    return Figure.drawn(
        "fig-lag",
        f"Months behind the best of {in_words(result, result.on)}",
        f"Each time the best of {in_words(result, result.country)} rose: how long before was the other there?"
        " Filled to the median, hatched to the longest. "
        + (f"The {_AREAS} longest of {len(rows)} areas. " if len(rows) > _AREAS else "")
        + " ".join(lag_remarks(result)),
        lambda size: paired_bars(
            [
                Row(
                    row.area,
                    (
                        Bar(
                            "",
                            Interval(row.median / longest, row.most / longest),
                            "s2",
                            f"{row.median:g} ({row.least} to {row.most})",
                        ),
                    ),
                )
                for row in shown
            ],
            id_="lag",
            title="Lag by area",
            description="; ".join(f"{row.area}: {row.median:g} months" for row in shown),
            size=size,
            ticks=[
                (month / longest, f"{month} months" if month == longest else str(month))
                for month in range(0, longest + 1, 6)
            ],
        ),
        table=Table(
            "Lag in months by area",
            (
                Column("area"),
                Column("median", numeric=True),
                Column("least", numeric=True),
                Column("most", numeric=True),
                Column("points", numeric=True),
                Column("last"),
                Column("data"),
            ),
            tuple(
                (
                    row.area,
                    number(row.median),
                    str(row.least),
                    str(row.most),
                    str(row.points),
                    row.latest,
                    row.data,
                )
                for row in rows
            ),
            file_name="lag.csv",
        ),
    )
