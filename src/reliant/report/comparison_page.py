"""The page of two what-ifs side by side: the shares, each function under both, what to do under each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.simulation import COMPARISON_SCHEMA
from reliant.report._registry import renders
from reliant.report._text import percent
from reliant.report.html.bars import Bar, Row, paired_bars
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.simulation import days, scenario_words, state
from reliant.report.simulation_page import SHARE_LEGEND, actions_table, badge_of, place_of

if TYPE_CHECKING:
    from reliant.core.simulation import Comparison, Simulation


@renders("html", COMPARISON_SCHEMA)
def comparison_to_html(result: Comparison, /, *, colour: bool = False) -> str:
    """Return two what-ifs side by side as one HTML file."""
    from reliant.report.html.base import page  # noqa: PLC0415  (loads the template engine)

    del colour
    left, right = result.left, result.right
    return page(
        "comparison.html.j2",
        result=result,
        left=left,
        right=right,
        names=(scenario_words(left), scenario_words(right)),
        where=place_of(left, left.place),
        differing=[one.name for one in result.functions if one.left != one.right],
        shares=_shares(left, right),
        functions=_side_by_side(result).without("-"),
        actions=(
            (scenario_words(left), actions_table(left, "-a")),
            (scenario_words(right), actions_table(right, "-b")),
        ),
        assumed=_assumed(left, right),
        generator=f"{left.tool.name} {left.tool.version}",
    )


def _assumed(left: Simulation, right: Simulation) -> list[str]:
    """Return what both assume, then what only one does."""
    both = [told for told in left.assumptions if told in right.assumptions]
    only = [
        f"Only {mark}: {told}"
        for mark, one in (("A", left), ("B", right))
        for told in one.assumptions
        if told not in both
    ]
    return both + only


def _shares(left: Simulation, right: Simulation) -> Figure:
    pair = (("A", left), ("B", right))
    said = f"A: {scenario_words(left)}. B: {scenario_words(right)}."
    return Figure.drawn(
        "fig-shares",
        "What stops, and what of it has no proven replacement",
        said,
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
                (f"{mark}: {scenario_words(one)}", percent(one.stop_share), percent(one.unreplaced))
                for mark, one in pair
            ),
            file_name="shares.csv",
            compact=True,
        ),
        legend=SHARE_LEGEND,
    )


def _side_by_side(result: Comparison) -> Table:
    reasons = [{row.id: row.why for row in one.functions} for one in (result.left, result.right)]
    rows = []
    for one, row in zip(result.functions, result.left.functions, strict=True):
        states = (state(one.left), state(one.right))
        why = tuple(told.get(row.id, "") for told in reasons)
        gaps = (days(one.left_gap_days), days(one.right_gap_days))
        rows.append((one.left != one.right, row.weight, (one.name, *states, *why, *gaps), one))
    # What differs comes first: it is what the two are laid side by side for.
    rows.sort(key=lambda row: (not row[0], -row[1], row[2][0]))
    return Table(
        "Each function under A and under B; what differs comes first. A dash, or no column: not told.",
        (
            Column("Function"),
            Column("A"),
            Column("B"),
            Column("Why, A"),
            Column("Why, B"),
            Column("Days without, A", numeric=True),
            Column("Days without, B", numeric=True),
        ),
        tuple((cells[0], badge_of(one.left), badge_of(one.right), *cells[3:]) for _, _, cells, one in rows),
        plain=tuple(cells for _, _, cells, _ in rows),
        file_name="functions.csv",
    )
