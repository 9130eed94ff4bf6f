"""Access on the page of a country: the ways by verdict, with their gates, and the grid of tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.country import Reach, the
from reliant.report._text import number, plural
from reliant.report.country import by_verdict, name, ways_counted, where
from reliant.report.country_charts import TILES, state, tiles
from reliant.report.html.bars import Piece, stacked_bar
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.svg import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markupsafe import Markup

    from reliant.core.country import Country

_VERDICTS = (
    ("BLOCKED", "s-blocked", "✕"),
    ("BLOCKED IN PART", "s6", "✕"),
    ("CONDITIONAL", "s5", "◐"),
    ("OPEN", "s-open", "✓"),
    ("OPEN IN PART", "s7", "✓"),
    ("UNKNOWN", UNKNOWN, "?"),
)


_IN_PART = ("OPEN IN PART", "BLOCKED IN PART")


def cites(ids: Iterable[str], numbers: dict[str, int], at_most: int = 4) -> Markup:
    """Return links to sources by their numbers."""
    from markupsafe import Markup  # noqa: PLC0415  (as above)

    from reliant.report.html.base import cite  # noqa: PLC0415  (as above)

    found = sorted(numbers[one] for one in ids)
    # One element, so that a phone sets the numbers side by side.
    return Markup("<span>{}</span>").format(cite(found, at_most)) if found else Markup()


def day(date: str | None) -> Markup:
    """Return a date that does not break at its hyphens."""
    from markupsafe import Markup  # noqa: PLC0415  (as above)

    return Markup('<span class="nb">{}</span>').format(date or "not known")


def _since(row: Reach) -> Markup:
    """Return the day from which a way is as it is; of a first evidence it says so."""
    from markupsafe import Markup  # noqa: PLC0415  (as above)

    seen = Markup(' <span class="soft">first seen</span>') if row.since_is == "seen" else Markup()
    return day(row.since) + seen


def code(id_: str) -> Markup:
    """Return the id of a record, which may break at its dots."""
    from markupsafe import Markup  # noqa: PLC0415  (as above)

    from reliant.report.html.base import breakable  # noqa: PLC0415  (as above)

    return Markup('<code class="soft">{}</code>').format(breakable(id_))


def _verdict(word: str) -> Markup:
    from reliant.report.html.base import badge  # noqa: PLC0415  (as above)

    return badge(word)


def access_figure(result: Country) -> Figure | None:
    """Return the ways by verdict as one bar; None if there is no way."""
    if not result.access:
        return None
    counted = ways_counted(result)
    pieces = [
        Piece(word.capitalize(), counted[word], class_, mark)
        for word, class_, mark in _VERDICTS
        if counted[word]
    ]
    return Figure.drawn(
        "fig-access",
        f"Ways to AI of {the(name(result, result.on))}",
        f"Each provider counts once per channel: {plural(sum(counted.values()), 'way')} on {result.as_of}."
        + (" In part: from some members only." if any(counted[word] for word in _IN_PART) else ""),
        lambda size: stacked_bar(
            pieces,
            id_="access",
            title="Ways by verdict",
            description=", ".join(f"{piece.name} {number(piece.weight)}" for piece in pieces),
            size=size,
        ),
        table=Table(
            "Ways by verdict",
            (Column("verdict"), Column("ways", numeric=True)),
            tuple((piece.name, number(piece.weight)) for piece in pieces),
            file_name="access.csv",
            compact=True,
        ),
        legend=tuple(
            (piece.class_, f"{piece.mark} {piece.name.lower()} {number(piece.weight)}") for piece in pieces
        ),
    )


def ways(result: Country, numbers: dict[str, int], *, known: bool) -> Table:
    """Return the ways of which the records say something, or those of which they say nothing."""
    rows = [row for row in by_verdict(result) if (row.verdict != "UNKNOWN") is known]
    return Table(
        "Each way of which the records say something, with its gates."
        if known
        else "Unknown means that no record says; it is never taken for open.",
        (
            Column("Provider"),
            Column("Channel"),
            Column("Verdict"),
            Column("Gates"),
            Column("Since"),
            Column("Sources"),
        ),
        tuple(
            (
                row.name,
                row.channel,
                _verdict(row.verdict),
                ": ".join(filter(None, (where(result, row), "; ".join(row.gates) or "no record says"))),
                _since(row),
                cites(row.sources, numbers),
            )
            for row in rows
        ),
        plain=tuple(
            (
                row.provider,
                row.channel,
                f"{row.verdict} {where(result, row)}".strip(),
                "; ".join(row.gates),
                row.since or "",
                " ".join(row.sources),
            )
            for row in rows
        ),
        file_name="ways.csv" if known else "ways-unknown.csv",
    )


def _framed(result: Country) -> str:
    home, codes = the(name(result, result.country)), result.country_codes
    if len(codes) == 1:
        return f"{home} has a frame"
    # A country is listed with its regions, a bloc by its name.
    return f"{', '.join(codes)} have a frame" if result.country in codes else f"Members of {home} are framed"


def grid(result: Country) -> Figure | None:
    """Return the grid of tiles; None if no provider goes by a list of places."""
    places = result.reach_elsewhere
    if not places:
        return None
    asked = sorted({one.partition(":")[0] for one in next(iter(places.values()))})
    counted: dict[str, int] = {}
    for verdicts in places.values():
        counted[state(verdicts)] = counted.get(state(verdicts), 0) + 1
    said = ", ".join(f"{count} {word}" for word, count in sorted(counted.items()))
    names = {row.provider: row.name.partition(" (")[0] for row in result.access}
    return Figure.drawn(
        "fig-grid",
        f"The direct API of {', '.join(names.get(one, one) for one in asked)} from every country",
        f"One tile per ISO code, in their order, so that no border is drawn; below the code, how many are "
        f"blocked. A list may mean a part of a state, such as Réunion, under its state: that is unknown. "
        f"{said.capitalize()}. "
        f"{_framed(result)}.",
        lambda size: tiles(
            places,
            marked=result.country_codes,
            id_="grid",
            title="Reach by country",
            description=said,
            size=size,
        ),
        table=_reach_table(places, asked, names),
        legend=tuple((class_, word) for word, class_ in TILES.items() if word in counted),
    )


def _reach_table(places: Mapping[str, tuple[str, ...]], asked: list[str], names: Mapping[str, str]) -> Table:
    """Return one row for each combination of verdicts; the CSV has one for each country."""

    def verdicts(code: str) -> tuple[str, ...]:
        told = dict(one.split(":", 1) for one in places[code])
        return tuple(told.get(provider, "") for provider in asked)

    groups: dict[tuple[str, ...], list[str]] = {}
    for code in sorted(places):
        groups.setdefault(verdicts(code), []).append(code)
    ranked = sorted(groups.items(), key=lambda item: (-item[0].count("BLOCKED"), -len(item[1])))
    return Table(
        "Countries with the same verdicts; the CSV has a line for each country",
        (*(Column(names.get(one, one)) for one in asked), Column("countries", numeric=True), Column("codes")),
        tuple((*words, str(len(codes)), " ".join(codes)) for words, codes in ranked),
        plain=tuple((*verdicts(code), "1", code) for code in sorted(places)),
        file_name="reach.csv",
    )
