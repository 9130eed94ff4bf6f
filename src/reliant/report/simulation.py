"""A what-if as text: the two shares, one line per function, what is left, what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.country import the
from reliant.core.simulation import COMPARISON_SCHEMA, SIMULATION_SCHEMA, short
from reliant.report._points import POINT_LEVELS, shown_points
from reliant.report._registry import renders
from reliant.report._text import clean, fit, listed, number, percent, plural, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.core.country import the
from reliant.core.simulation import Comparison, FunctionRow, Simulation

COLUMNS = 80
_ROWS = 12
_CUTS = re.compile(r"[a-z]+:\S+( \+ [a-z]+:\S+)*")
_COLOURS = {True: "31", None: "33", False: "32"}


@renders("terminal", SIMULATION_SCHEMA)
def to_terminal(result: Simulation, /, *, colour: bool = False) -> str:
    """Return the what-if as lines of at most 80 columns."""
    return "\n".join(_lines(result, colour=colour)) + "\n"


@renders("terminal", COMPARISON_SCHEMA)
def comparison_to_terminal(result: Comparison, /, *, colour: bool = False) -> str:
    """Return two what-ifs side by side: the shares, and the functions that differ."""
    left, right = result.left, result.right
    lines = [
        f"Two scenarios on {clean(left.target.name)} as of {left.as_of}",
        *wrap(f"A  {clean(left.scenario.name)}", COLUMNS, indent="   "),
        *wrap(f"B  {clean(right.scenario.name)}", COLUMNS, indent="   "),
        "",
        f"{'':34}{'A':>20}{'B':>20}",
    ]
    for label, first, second in (
        ("stops", left.stop_share, right.stop_share),
        ("stops and has no proven replacement", left.unreplaced, right.unreplaced),
    ):
        lines.append(f"{fit(label, 36)}{percent(first):>18}{percent(second):>20}")
    differing = [one for one in result.functions if one.left != one.right]
    verb = "differs" if len(differing) == 1 else "differ"
    lines += ["", f"{plural(len(differing), 'function')} of {len(result.functions)} {verb}:"]
    for one in differing[:_ROWS]:
        lines.append(
            f"  {fit(clean(one.name), 34)}{_paint(one.left, colour):>18}{_paint(one.right, colour):>20}"
        )
    lines += _more(len(differing) - _ROWS)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def headline(result: Simulation) -> str:
    """Return the two shares in one sentence."""
    if not result.functions:
        return "No function that needs AI was found, so nothing can stop."
    words = cut_words(result)
    condition = (
        f"If {words} {'are' if ' + ' in result.scenario.name else 'is'} cut"
        if words
        else f"In the scenario “{clean(result.scenario.name)}”"
    )
    return (
        f"{condition}, {percent(result.stop_share)} of the weight of "
        f"{plural(len(result.functions), 'AI function')} stops; "
        f"{percent(result.unreplaced)} stops without a proven replacement."
    )


def cut_words(result: Simulation) -> str:
    """Return the cuts of a scenario that has no other name, as they stand in a sentence; else nothing.

    For example `the United States and the provider DeepSeek`.
    """
    name = clean(result.scenario.name)
    if not _CUTS.fullmatch(name):
        return ""
    words = []
    for one in name.split(" + "):
        level, _, id_ = one.partition(":")
        known = result.names.get(id_.upper() if level == "jurisdiction" else id_)
        if level == "jurisdiction":
            words.append(the(known) if known else f"the country {id_}")
        else:
            words.append(f"the {level} {known or id_}")
    return " and ".join(words)


def scenario_words(result: Simulation) -> str:
    """Return what is cut, or the name of the scenario."""
    return cut_words(result) or clean(result.scenario.name)


def state(stops: bool | None) -> str:
    """Return the state of a function as the assessment calls it."""
    return {True: "stops", False: "works", None: "unknown"}[stops]


def days(value: float | None, *, for_ever: bool = False) -> str:
    """Return a number of days; a dash if it was not told."""
    if for_ever:
        return "for ever"
    return "-" if value is None else number(value)


def ordered(rows: Iterable[FunctionRow]) -> list[FunctionRow]:
    """Return rows as they matter: what stops first, then what is unknown; heavier first."""
    rank = {True: 0, None: 1, False: 2}
    return sorted(rows, key=lambda row: (rank[row.stops], -row.weight, row.name))


def _lines(result: Simulation, *, colour: bool) -> list[str]:
    rows = ordered(result.functions)
    where = f" from {result.place}" if result.place else ""
    lines = wrap(
        f"What if: {clean(result.scenario.name)}. {clean(result.target.name)}{where} as of {result.as_of}.",
        COLUMNS,
    )
    lines += wrap(headline(result), COLUMNS)
    if result.already.high > 0:
        lines += wrap(f"Before the cut, {percent(result.already)} has stopped already.", COLUMNS)
    if result.loss is not None:
        lines += [f"Known loss over all gaps: {result.loss:,.0f} (in your unit)."]
    dated = [step for step in result.scenario.steps if step.on]
    if dated:
        lines += ["", "Day by day"]
        lines += [
            f"  {step.on}  {fit(clean(step.label or ', '.join(step.cuts)), 36)} "
            f"stops {percent(step.stop_share)}"
            for step in dated
        ]
    lines += ["", f"  {'function':32}{'':9}{'when':11}{'fallback':11}{'days*':>13}"]
    for row in rows[:_ROWS]:
        gaps = "/".join(
            (
                days(row.survive_days, for_ever=row.survives_for_ever),
                days(row.recover_days),
                days(row.gap_days),
            )
        )
        fallback = "none" if row.stops else ""
        if row.fallback:
            fallback = {True: "proven", False: "not proven", None: "untested"}[row.proven]
        lines.append(
            f"  {fit(clean(row.name), 31)} {_paint(row.stops, colour, 8)} "
            f"{fit(row.when or ('already' if row.already else ''), 10)} {fit(fallback, 10)} {gaps:>13}"
        )
        other = row.fallback_name or row.fallback
        told = f"; told to take over: {other}" if other and other not in row.why else ""
        lines += wrap(clean(row.why + told), COLUMNS, indent="      ", first="      ")
    lines += _more(len(rows) - _ROWS)
    lines.append("  * survives / recovers in / without it; a dash is not told")
    lines += _single_and_pairs(result)
    if result.expected is not None:
        deciding = [
            f"{_name(result, one.provider, 'provider')} {one.importance:.3f}" for one in result.importance
        ]
        lines += wrap(
            f"On an ordinary day {percent(result.expected)} is expected to work; what each provider decides "
            f"of it (Birnbaum): {listed(map(clean, deciding), at_most=5)}.",
            COLUMNS,
            indent="  ",
            first="  ",
        )
    if result.actions:
        lines += ["", "Do first (by what it saves per effort)"]
        for at, action in enumerate(result.actions, start=1):
            unit = action.unit.replace("days", "day", 1) if action.effort == 1 else action.unit
            saves = f"{percent(action.saves)} saved for {number(action.effort)} {unit}"
            lines += wrap(f"{clean(action.text)}: {saves}.", COLUMNS, indent="     ", first=f"  {at}. ")
    if result.assumptions:
        lines += ["", "Assumed"]
        for told in result.assumptions:
            lines += wrap(clean(told), COLUMNS, indent="    ", first="  - ")
    lines += [
        "",
        *wrap(f"Facts: atlas {result.atlas.version}, newest source {result.atlas.newest_source}.", COLUMNS),
    ]
    return [line.rstrip() for line in lines]


def _name(result: Simulation, id_: str, level: str) -> str:
    """Return the name of a provider or of a country, as it stands in a sentence."""
    name = result.names.get(id_, id_)
    return short(name) if level == "provider" else the(name)


def _single_and_pairs(result: Simulation) -> list[str]:
    lines: list[str] = []
    if result.single_points:
        points = []
        for one in shown_points(result.single_points):
            level = POINT_LEVELS.get(one.level, one.level)
            name = clean(_name(result, one.supplier, one.level))
            points.append(f"{name} ({level}, {percent(one.stop_share)})")
        told = listed(points, at_most=5)
        lines += ["", *wrap(f"Alone enough to stop something: {told}.", COLUMNS, indent="  ")]
    if result.pairs:
        pairs = []
        for pair in result.pairs:
            both = " with ".join(clean(_name(result, one, pair.level)) for one in pair.suppliers)
            pairs.append(f"{both} ({percent(pair.stop_share)})")
        told = listed(pairs, at_most=3)
        lines += wrap(f"Only together: {told}.", COLUMNS, indent="  ")
    return lines


def _more(count: int) -> list[str]:
    return [f"  ... and {plural(count, 'function')} more (all of them: --format json)"] if count > 0 else []


def _paint(stops: bool | None, colour: bool, columns: int = 0) -> str:
    word = fit(state(stops), columns) if columns else state(stops)
    return f"\033[{_COLOURS[stops]}m{word}\033[0m" if colour else word
