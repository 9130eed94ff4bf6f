"""The measures of a country beside the half-year table, as lines of text.

Home-rooted share, the share form under its two rules, the same by downloads, the screen
for strategic dependence year by year, use by origin, and the lag in months by area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.country import the
from reliant.report._text import clean, fit, listed, number, percent, plural, width, wrap

if TYPE_CHECKING:
    from reliant.core.country import Country, Kept, Screen, YearFlags

COLUMNS = 80
_YEARS = 5
FEW = 4
"""Fewer models or bases than this say too little of a time."""
_TICKS = ("concentration above 0.4", "foreign share above 50 %", "foreign use per own use abroad above 1")
_KEPT = ("on", "both", "other", "unknown", "home")


def in_words(result: Country, code: str) -> str:
    """Return the name of a country or group of the result as it stands in a sentence."""
    return the(result.place_names.get(code, code))


def side_words(result: Country) -> dict[str, str]:
    """Return what each side of the share form is called."""
    return {
        "on": in_words(result, result.on),
        "home": in_words(result, result.country),
        "both": "made together",
        "other": "elsewhere",
        "unknown": "not known",
    }


def rule_words(kept: Kept) -> str:
    """Return a rule of the share form."""
    if kept.retained == 0:
        return "all passed on to the bases"
    return f"{percent(kept.retained)} kept by the maker of each model"


def measure_lines(result: Country) -> list[str]:
    """Return the home-rooted share, the share form and the figures by downloads as text."""
    found = result.reliance
    said = []
    if found.home_rooted is not None and found.models:
        said.append(f"All lines begin in {in_words(result, result.country)}: {percent(found.home_rooted)}.")
    sides = side_words(result)
    for kept in found.kept:
        parts = [f"{sides[side]} {percent(kept.shares[side])}" for side in _KEPT if kept.shares[side] > 0]
        said.append(f"Who holds how much, {rule_words(kept)}: {', '.join(parts)}.")
    by = found.by_downloads
    if by is not None:
        said.append(
            f"By downloads ({by.downloads:,.0f} in all, of {by.models:,} of {plural(by.of, 'model')}): made "
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
            cells = year_cells(year)
            lines.append(f"  {cells[0]:6}{cells[1]:>15}{cells[2]:>10}{cells[3]:>16}  {cells[4]}")
        lines += wrap(clean(persistence(one, result)), COLUMNS, indent="  ", first="  ")
    for used in result.used[-_YEARS:]:
        if used.whole > 0:
            parts = {
                in_words(result, result.on): used.on,
                in_words(result, result.country): used.home,
                "elsewhere": used.other,
                "not known": used.unknown,
            }
            told = ", ".join(f"{who} {percent(part / used.whole)}" for who, part in parts.items())
            said = f"Use in {used.year} ({used.data}), face value by origin: {told}."
            lines += wrap(clean(said), COLUMNS, indent="  ", first="  ")
    return lines


def year_cells(year: YearFlags) -> tuple[str, str, str, str, str]:
    """Return year, concentration, foreign share, foreign per own abroad and flags as text."""

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


def persistence(one: Screen, result: Country) -> str:
    """Return what a screen comes down to, and on which countries: it is over all of them."""
    last = int(one.years[-1].year)
    window = [year for year in one.years if int(year.year) > last - 3]
    hits = sum(year.dependent for year in window)
    when = f"{hits or 'none'} of the three years up to {last}"
    verdict = {
        True: f"Dependent by this screen on AI from abroad: all three flags in {when}.",
        False: f"Not dependent by this screen: all three flags in {when}, and two are needed.",
        None: "One year alone says nothing: the flag needs two of three."
        if len(one.years) == 1
        else f"Too few to judge: it takes two of three years with at least {FEW} {one.of} each.",
    }[one.dependent]
    abroad: dict[str, float] = {}
    for year in window:
        for code, part in year.imports.items():
            abroad[code] = abroad.get(code, 0.0) + part
    own = sum(year.home for year in window)
    parts = [
        f"{code} {number(round(part, 1))}" for code, part in sorted(abroad.items(), key=lambda one: -one[1])
    ]
    origins = listed([*parts, f"own {number(round(own, 1))}"], at_most=6)
    whence = f"In these years by origin: {origins}."
    running = ""
    if result.as_of[:4] == f"{last}" and not result.as_of.endswith("12-31"):
        running = f" {last} is counted up to {result.as_of}."
    return f"{verdict} {whence}{running} Flags: {', '.join(_TICKS)}."


def lag_lines(result: Country) -> list[str]:
    """Return the lag in months, one line for each area."""
    if not result.lag:
        return []
    lines = ["", f"LAG  months behind the best of {in_words(result, result.on)}"]
    lines.append(f"  {'area':25}{'median':>7}{'range':>9}{'points':>8}  last")
    for row in result.lag:
        span = f"{row.least} to {row.most}"
        lead = f"  {fit(clean(row.area), 24)} {row.median:>7g}{span:>9}{row.points:>8}  "
        model, _, when = clean(row.latest).rpartition(" on ")
        day, _, months = when.partition(", ")
        said = f"{months.removesuffix(' months').removesuffix(' month')} on {day}: "
        lines.append(lead + said + fit(model, COLUMNS - len(lead) - width(said)))
    for line in lag_remarks(result):
        lines += wrap(clean(line), COLUMNS, indent="  ", first="  ")
    return lines


def lag_remarks(result: Country) -> list[str]:
    """Return what to know of the rows."""
    rows = result.lag
    said = [f"Data: {listed(dict.fromkeys(row.data for row in rows), at_most=4)}."]
    undated = max(row.undated for row in rows)
    if undated:
        said.append(f"Up to {undated} models of an area have no known date and are left out.")
    leads = [row.area for row in rows if row.leads]
    if leads:
        said.append(
            f"At some point {in_words(result, result.country)} led in: {listed(leads, at_most=4)}; a lead is "
            "no point of a lag."
        )
    if len(rows) > 1:
        said.append("Areas are called as in the data.")
    return said
