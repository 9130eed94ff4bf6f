"""The measures of a country beside the half-year table, as lines of text and as figures of the page.

Home-rooted share, the share form under its two rules, the same by downloads, the screen
for strategic dependence year by year, use by origin, and the lag in months by area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.results import Interval
from reliant.report._text import clean, fit, listed, number, percent, plural, wrap
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.svg import UNKNOWN

if TYPE_CHECKING:
    from reliant.core.country import Country, Kept, LagRow, Screen, YearFlags

COLUMNS = 80
_YEARS = 5
_AREAS = 12
_TICKS = ("concentration above 0.4", "foreign share above 50 %", "foreign use per own use abroad above 1")
_KEPT = (("on", "s2"), ("both", "s6"), ("other", "s7"), ("unknown", UNKNOWN), ("home", "s1"))


def the(name: str) -> str:
    """Return the name of a country as it stands inside a sentence.

    Examples:
        >>> the("United States"), the("China")
        ('the United States', 'China')
    """
    plain = name.removeprefix("the ")
    ends = ("Union", "Islands", "Republic", "Emirates", "Federation")
    takes = plain.startswith("United ") or plain.endswith(ends) or plain in {"Netherlands", "Philippines"}
    return f"the {plain}" if takes else plain


def _name(result: Country, code: str) -> str:
    return the(result.place_names.get(code, code))


def _sides(result: Country) -> dict[str, str]:
    return {
        "on": _name(result, result.on),
        "home": _name(result, result.country),
        "both": "made together",
        "other": "elsewhere",
        "unknown": "not known",
    }


def _rule(kept: Kept) -> str:
    if kept.retained == 0:
        return "all passed on to the bases"
    return f"{percent(kept.retained)} kept by the maker of each model"


def measure_lines(result: Country) -> list[str]:
    """Return the home-rooted share, the share form and the figures by downloads as text."""
    found = result.reliance
    said = []
    if found.home_rooted is not None and found.models:
        said.append(f"All lines begin in {_name(result, result.country)}: {percent(found.home_rooted)}.")
    sides = _sides(result)
    for kept in found.kept:
        parts = [f"{sides[side]} {percent(kept.shares[side])}" for side, _ in _KEPT if kept.shares[side] > 0]
        said.append(f"Who holds how much, {_rule(kept)}: {', '.join(parts)}.")
    by = found.by_downloads
    if by is not None:
        said.append(
            f"By downloads ({by.downloads:,.0f} of {plural(by.models, 'model')} out of {by.of}): made "
            f"together {percent(by.face_value)}, look-through {percent(by.look_through)}, "
            f"root {percent(by.root)}, all lines at home {percent(by.home_rooted)}, "
            f"base not recorded {percent(by.unknown)}."
        )
    return [line for one in said for line in wrap(clean(one), COLUMNS, indent="  ", first="  ")]


def screen_lines(result: Country) -> list[str]:
    """Return the screen for strategic dependence, and use by origin, as text."""
    lines: list[str] = []
    for one in result.screens:
        lines += ["", f"SCREEN  {one.of} by origin: is it a strategic dependency?"]
        lines.append(f"  {'year':6}{'concentration':>15}{'foreign':>10}{'per own abroad':>16}  flags")
        for year in one.years[-_YEARS:]:
            cells = _year(year)
            lines.append(f"  {cells[0]:6}{cells[1]:>15}{cells[2]:>10}{cells[3]:>16}  {cells[4]}")
        lines += wrap(_persistence(one), COLUMNS, indent="  ", first="  ")
    for used in result.used[-_YEARS:]:
        if used.whole > 0:
            parts = {
                _name(result, result.on): used.on,
                _name(result, result.country): used.home,
                "elsewhere": used.other,
                "not known": used.unknown,
            }
            told = ", ".join(f"{who} {percent(part / used.whole)}" for who, part in parts.items())
            said = f"Use in {used.year} ({used.data}), face value by origin: {told}."
            lines += wrap(clean(said), COLUMNS, indent="  ", first="  ")
    return lines


def _year(year: YearFlags) -> tuple[str, str, str, str, str]:
    def told(value: float | None, text: str, tick: bool) -> str:
        return ("-" if value is None else text) + (" ✓" if tick else "  ")

    one, two, three = year.ticks
    to_exports = "none abroad" if year.to_exports is None else f"{year.to_exports:.1f}"
    return (
        year.year,
        told(year.index, f"{year.index or 0:.2f}", one),
        told(year.foreign_share, percent(year.foreign_share or 0.0), two),
        to_exports + (" ✓" if three else "  "),
        "all three" if year.dependent else f"{sum(year.ticks)} of 3",
    )


def _persistence(one: Screen) -> str:
    verdict = {
        True: "Dependent: all three flags in at least two of the last three years.",
        False: "Not dependent: all three flags in fewer than two of the last three years.",
        None: "One year alone says nothing: the flag needs two of the last three.",
    }[one.dependent]
    return f"{verdict} Flags: {', '.join(_TICKS)}."


def lag_lines(result: Country) -> list[str]:
    """Return the lag in months, one line for each area."""
    if not result.lag:
        return []
    lines = ["", f"LAG  months behind the best of {_name(result, result.on)}"]
    lines.append(f"  {'area':32}{'median':>7}{'range':>9}{'points':>8}  last")
    for row in result.lag:
        span = f"{row.least} to {row.most}"
        lead = f"  {fit(clean(row.area), 31)} {row.median:>7g}{span:>9}{row.points:>8}  "
        lines.append(lead + fit(clean(row.latest), COLUMNS - len(lead)))
    for line in _lag_remarks(result.lag):
        lines += wrap(clean(line), COLUMNS, indent="  ", first="  ")
    return lines


def _lag_remarks(rows: tuple[LagRow, ...]) -> list[str]:
    said = [f"Data: {listed(dict.fromkeys(row.data for row in rows), at_most=4)}."]
    undated = max(row.undated for row in rows)
    if undated:
        said.append(f"Up to {undated} models of an area have no known date and are left out.")
    leads = [row.area for row in rows if row.leads]
    if leads:
        said.append(f"At some point it led in: {listed(leads, at_most=4)}; a lead is no point of a lag.")
    return said


def kept_figure(result: Country) -> Figure | None:
    """Return who holds how much of the models, under each rule of the share form."""
    found = result.reliance
    if not found.kept:
        return None
    sides = _sides(result)
    first = found.kept[0]
    pieces = [
        Piece(sides[side], first.shares[side], class_) for side, class_ in _KEPT if first.shares[side] > 0
    ]
    return Figure.drawn(
        "fig-kept",
        "Who holds how much of the models",
        f"Shares that sum to 100 %: each model is divided among where its lines lead, {_rule(first)}. Of a "
        "model whose base nobody recorded, nothing more is known.",
        lambda size: stacked_bar(
            pieces,
            id_="kept",
            title="Shares of the models by origin",
            description=", ".join(f"{piece.name} {percent(piece.weight)}" for piece in pieces),
            size=size,
        ),
        table=Table(
            "The same under both rules",
            (Column("origin"), *(Column(_rule(one), numeric=True) for one in found.kept)),
            tuple(
                (sides[side], *(percent(one.shares[side]) for one in found.kept))
                for side, _ in _KEPT
                if any(one.shares[side] > 0 for one in found.kept)
            ),
            file_name="kept.csv",
            compact=True,
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
        f"By number of models, and by downloads: {by.downloads:,.0f} of {plural(by.models, 'model')} out of "
        f"{by.of}",
        (Column("share"), Column("by count", numeric=True), Column("by downloads", numeric=True)),
        tuple((said, percent(one), percent(other)) for said, one, other in rows),
        file_name="downloads.csv",
        compact=True,
    )


def screen_tables(result: Country) -> list[tuple[str, Table]]:
    """Return each screen as a table, with the sentence that it comes down to."""
    return [
        (
            _persistence(one),
            Table(
                f"Screen for strategic dependence: {one.of} by origin",
                (
                    Column("year"),
                    Column("concentration", numeric=True),
                    Column("foreign", numeric=True),
                    Column("foreign per own abroad", numeric=True),
                    Column("flags"),
                    Column("from"),
                ),
                tuple((*(cell.strip() for cell in _year(year)), _imports(year)) for year in one.years),
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
        f"Use in {_name(result, result.country)} by origin, at face value",
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
        f"Months behind the best of {_name(result, result.on)}",
        f"Each time the best of {_name(result, result.country)} rose: how long before was the other there? "
        "Filled to the median, hatched to the longest. " + " ".join(_lag_remarks(rows)),
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
            ticks=[(month / longest, f"{month} months") for month in range(0, longest + 1, 6)],
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
