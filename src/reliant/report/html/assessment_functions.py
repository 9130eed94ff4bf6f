"""What stops, on the page of an assessment: the bar of weights and the table of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from reliant.report._text import number, percent
from reliant.report.html.bars import Piece, stacked_bar
from reliant.report.html.figures import Column, Figure, Table

if TYPE_CHECKING:
    from reliant.report._view import View

_STATES = {"stops": ("s-blocked", "✕"), "unknown": ("s-unknown", "?"), "works": ("s-open", "✓")}
_THIN = 0.004
_SHOWN_REASONS = 5


def functions_table(view: View) -> Table:
    """Return what happens to each function, and why."""
    from reliant.report.html.base import badge, breakable, cite, prose  # noqa: PLC0415  (loads the template engine)

    whole = sum(item.function.weight for item in view.result.impact.functions) or 1.0
    rows, plain = [], []
    for state in _STATES:
        for item in view.by_state(state):
            why = view.whys(item.because)
            cites = view.best(id_ for use_id in item.because for id_ in view.sources_why(use_id))
            told = (
                item.function.name,
                f"{number(item.function.weight)}, {percent(item.function.weight / whole)}",
                state,
                why,
                item.function.where.removesuffix(":0"),
            )
            plain.append(told)
            short = view.whys(item.because, at_most=_SHOWN_REASONS)
            shown = Markup("<span>{} {}</span>").format(prose(short), cite(cites, 3))
            where = Markup("<span>{}</span>").format(breakable(told[4]))
            rows.append((told[0], told[1], badge(state), shown, where))
    return Table(
        "What happens to each function under the verdicts of the day",
        (
            Column("Function"),
            Column("Weight, share", numeric=True),
            Column("State"),
            Column("Why"),
            Column("Named in"),
        ),
        tuple(rows),
        tuple(plain),
        "functions.csv",
    )


def _weight(view: View, state: str) -> float:
    return sum(item.function.weight for item in view.by_state(state))


def _pieces(view: View, state: str) -> list[Piece]:
    """Return the pieces of the bar in one state; those too thin to be seen are one."""
    items = view.by_state(state)
    thin = _THIN * sum(item.function.weight for item in view.result.impact.functions)
    wide = [item for item in items if item.function.weight >= thin]
    pieces = [Piece(item.function.name, item.function.weight, *_STATES[state]) for item in wide]
    rest = sum(item.function.weight for item in items[len(wide) :])
    return [*pieces, Piece(f"{len(items) - len(wide)} others", rest, *_STATES[state])] if rest else pieces


def _states_table(view: View) -> Table:
    """Return the numbers of the bar; why each function is in its state is told further down."""
    return Table(
        "Functions by state",
        (Column("Function"), Column("Weight", numeric=True), Column("State")),
        tuple(
            (item.function.name, number(item.function.weight), state)
            for state in _STATES
            for item in view.by_state(state)
        ),
        file_name="states.csv",
        compact=True,
    )


def stop_figure(view: View) -> Figure | None:
    """Return the bar of all functions by state, or None if there are none."""
    pieces = [piece for state in _STATES for piece in _pieces(view, state)]
    if not pieces:
        return None
    whole = sum(piece.weight for piece in pieces)
    title = "What stops, what is not known, what works"
    return Figure.drawn(
        "stops",
        title,
        "Each piece is one function, as wide as its weight.",
        lambda size: stacked_bar(pieces, id_="stops", title=title, description=view.stop_sentence, size=size),
        table=_states_table(view),
        legend=tuple(
            (class_, f"{mark} {state} {percent(_weight(view, state) / whole)}")
            for state, (class_, mark) in _STATES.items()
        ),
    )
