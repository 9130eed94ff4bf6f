"""The page of one country on another: four answers, each with its figure, its table and its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.country import COUNTRY_SCHEMA
from reliant.report._registry import renders
from reliant.report._text import number, percent, plural
from reliant.report.country import by_verdict, headlines, name, turning, where
from reliant.report.country_charts import COLUMNS, TILES, state, tiles, timeline
from reliant.report.country_measures import (
    downloads_table,
    kept_figure,
    lag_figure,
    screen_tables,
    the,
    used_table,
)
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.descent import Relation, Tree, descent_tree
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markupsafe import Markup

    from reliant.core.country import Country

_VERDICTS = (
    ("BLOCKED", "s-blocked", "✕"),
    ("CONDITIONAL", "s5", "◐"),
    ("OPEN", "s-open", "✓"),
    ("UNKNOWN", UNKNOWN, "?"),
)
_SHOWN_HALVES = 10
_TREES = 12


@renders("html", COUNTRY_SCHEMA)
def to_html(result: Country, /, *, colour: bool = False) -> str:
    """Return the four answers as one HTML file."""
    from reliant.report.html.base import page  # noqa: PLC0415  (loads the template engine)

    del colour
    numbers = {source.id: int(source.id) for source in result.sources}
    return page(
        "country.html.j2",
        result=result,
        home=the(name(result, result.country)),
        on=the(name(result, result.on)),
        headlines=headlines(result),
        turning=turning(result),
        access=_access_figure(result),
        ways=_ways(result, numbers, known=True),
        unknown_ways=_ways(result, numbers, known=False),
        grid=_grid(result),
        timeline=_timeline(result),
        shares=_shares(result),
        flow=_flow(result),
        trees=_trees(result),
        kept=kept_figure(result),
        downloads=downloads_table(result),
        screens=screen_tables(result),
        used=used_table(result),
        lag=lag_figure(result),
        derived=_derived(result),
        stance=_stance(result, numbers),
        impact=_impact(result),
        numbered=[(numbers[source.id], source) for source in result.sources],
        copies=_copies(result, numbers),
        generator=f"{result.tool.name} {result.tool.version}",
    )


def _copies(result: Country, numbers: dict[str, int]) -> dict[str, int]:
    """Return, of each source that is a copy of an earlier text, the number of that one."""
    first: dict[str, int] = {}
    copies: dict[str, int] = {}
    for source in result.sources:
        if source.origin is None:
            continue
        if source.origin in first:
            copies[source.id] = first[source.origin]
        else:
            first[source.origin] = numbers[source.id]
    return copies


def _cites(ids: Iterable[str], numbers: dict[str, int], at_most: int = 4) -> Markup:
    from markupsafe import Markup  # noqa: PLC0415  (as above)

    from reliant.report.html.base import cite  # noqa: PLC0415  (as above)

    # One element, so that a phone sets the numbers side by side.
    return Markup("<span>{}</span>").format(cite(sorted(numbers[one] for one in ids)[:at_most]))


def _day(date: str | None) -> Markup:
    """Return a date that does not break at its hyphens."""
    from markupsafe import Markup  # noqa: PLC0415  (as above)

    return Markup('<span class="nb">{}</span>').format(date or "not known")


def _verdict(word: str) -> Markup:
    from reliant.report.html.base import badge  # noqa: PLC0415  (as above)

    return badge(word)


def _access_figure(result: Country) -> Figure | None:
    if not result.access:
        return None
    counted = {word: sum(row.verdict == word for row in result.access) for word, _, _ in _VERDICTS}
    pieces = [
        Piece(word.capitalize(), counted[word], class_, mark)
        for word, class_, mark in _VERDICTS
        if counted[word]
    ]
    return Figure.drawn(
        "fig-access",
        f"Ways to AI of {name(result, result.on)}",
        f"Each provider counts once per channel: {plural(len(result.access), 'way')} on {result.as_of}.",
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
    )


def _ways(result: Country, numbers: dict[str, int], *, known: bool) -> Table:
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
                _day(row.since),
                _cites(row.sources, numbers),
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


def _grid(result: Country) -> Figure | None:
    places = result.reach_elsewhere
    if not places:
        return None
    asked = sorted({one.partition(":")[0] for one in next(iter(places.values()))})
    counted: dict[str, int] = {}
    for verdicts in places.values():
        counted[state(verdicts)] = counted.get(state(verdicts), 0) + 1
    said = ", ".join(f"{count} {word}" for word, count in sorted(counted.items()))
    return Figure.drawn(
        "fig-grid",
        f"The direct API of {', '.join(asked)} from every country",
        f"One tile per ISO code, in their order, so that no border is drawn; below the code, how many are "
        f"blocked. {said.capitalize()}. "
        f"{name(result, result.country)} has a frame.",
        lambda size: tiles(
            places,
            marked=result.country_codes,
            id_="grid",
            title="Reach by country",
            description=said,
            size=size,
        ),
        table=_reach_table(places, asked),
        legend=tuple((class_, word) for word, class_ in TILES.items() if word in counted),
    )


def _reach_table(places: Mapping[str, tuple[str, ...]], asked: list[str]) -> Table:
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
        (*(Column(one) for one in asked), Column("countries", numeric=True), Column("codes")),
        tuple((*words, str(len(codes)), " ".join(codes)) for words, codes in ranked),
        plain=tuple((*verdicts(code), "1", code) for code in sorted(places)),
        file_name="reach.csv",
    )


def _timeline(result: Country) -> Figure | None:
    halves = [half for half in result.reliance.halves if half.models]
    first = next((at for at, half in enumerate(halves) if half.base_known), 0)
    halves = halves[first:][-_SHOWN_HALVES:]
    if not halves:
        return None
    on, home = name(result, result.on), name(result, result.country)
    said = turning(result) or f"Models made in {home} by half-year."
    return Figure.drawn(
        "fig-time",
        "The dependence over time",
        f"{said} Upper line: share of models with a recorded base that has a root in {on}. Dashed: the same "
        f"count over all models, the floor. Bars: models by where their lines begin; above each, those with "
        f"a recorded base of all.",
        lambda size: timeline(
            halves, id_="time", title="Dependence by half-year", description=said, size=size
        ),
        table=Table(
            f"Models made in {home}, by half-year; a model with two roots counts in two columns",
            (
                Column("half"),
                Column("models", numeric=True),
                Column("base known", numeric=True),
                Column(f"root {result.on}", numeric=True),
                Column(f"root {result.country}", numeric=True),
                Column("root other", numeric=True),
                Column("root not known", numeric=True),
                Column("made together", numeric=True),
                Column("share of known", numeric=True),
                Column("floor", numeric=True),
            ),
            tuple(
                (
                    half.half,
                    str(half.models),
                    str(half.base_known),
                    str(half.root_on),
                    str(half.root_home),
                    str(half.root_other),
                    str(half.root_unknown),
                    str(half.joint),
                    "" if half.share_of_known is None else percent(half.share_of_known),
                    "" if half.floor is None else percent(half.floor),
                )
                for half in result.reliance.halves
            ),
            file_name="timeline.csv",
        ),
        legend=tuple(
            (class_, words)
            for (_, class_), words in zip(
                COLUMNS, (f"root in {on}", "root elsewhere", "root not known", f"root in {home}"), strict=True
            )
        ),
    )


def _shares(result: Country) -> Figure | None:
    found = result.reliance
    if not found.models:
        return None
    bars = [
        Bar("face value", found.face_value, "s-face"),
        Bar("look-through", found.look_through, "s-deep"),
        Bar("root", found.root, "s-deep"),
    ]
    if found.home_rooted is not None:
        bars.append(Bar("all at home", found.home_rooted, "s1"))
    if found.shared_design is not None:
        bars.append(Bar("blueprint", found.shared_design, "s-face"))
    return Figure.drawn(
        "fig-shares",
        "Face value beside look-through",
        f"Face value: made together. Look-through: some ancestor was made there. Root: a line begins there. "
        f"All at home: every line begins in {the(name(result, result.country))}. "
        f"Hatched: no base is recorded for {percent(found.unknown)} of the models, so nobody can tell.",
        lambda size: paired_bars(
            [Row(f"on {name(result, result.on)}", tuple(bars))],
            id_="shares",
            title="Shares of the models",
            description=", ".join(f"{bar.name} {percent(bar.share)}" for bar in bars),
            size=size,
        ),
        table=Table(
            f"Shares of {plural(found.models, 'model')}",
            (Column("share"), Column("at least", numeric=True), Column("at most", numeric=True)),
            tuple((bar.name, percent(bar.share.low), percent(bar.share.high)) for bar in bars),
            file_name="shares.csv",
            compact=True,
        ),
        legend=((UNKNOWN, "not known"),),
    )


def _flow(result: Country) -> Figure | None:
    found = result.reliance
    if not found.roots:
        return None
    home, on = set(result.country_codes), set(result.on_codes)

    def side(codes: tuple[str, ...]) -> tuple[str, str]:
        if set(codes) & on:
            return name(result, result.on), "s2"
        if set(codes) & home:
            return name(result, result.country), "s1"
        return (" ".join(codes), "s7") if codes else ("not known", UNKNOWN)

    threads = []
    for root in found.roots:
        place, class_ = side(root.countries)
        weights = f"{root.weights} weights" if root.weights else "weights not known"
        stops = (Stop("known", "base recorded"), Stop(root.name, root.name), Stop(weights, weights))
        threads.append(Thread((*stops, Stop(place, place)), root.models, class_))
    return Figure.drawn(
        "fig-flow",
        "Where the lines begin",
        f"The {plural(found.base_known, 'model')} with a recorded base, to the models their lines begin at, "
        f"to the country of those. {plural(found.models - found.base_known, 'model')} without one left out.",
        lambda size: flow(
            threads,
            ("Models", "Root", "Root's weights", "Made in"),
            id_="flow",
            title="From models to the country of their roots",
            description="; ".join(f"{root.name} {number(root.models)}" for root in found.roots[:8]),
            size=size,
            at_most=12 if size == "wide" else 7,
        ),
        table=Table(
            "Roots; a model with several roots counts in parts",
            (Column("root"), Column("made in"), Column("weights"), Column("models", numeric=True)),
            tuple(
                (
                    root.name,
                    " ".join(root.countries) or "not known",
                    root.weights or "not known",
                    number(round(root.models, 2)),
                )
                for root in found.roots
            ),
            file_name="roots.csv",
        ),
    )


def _trees(result: Country) -> Figure | None:
    on = set(result.on_codes)
    chosen = [one for one in result.reliance.derived if set(one.root_countries) & on][-_TREES:]
    if not chosen:
        return None
    trees = [
        Tree(
            one.name,
            one.made,
            tuple(
                Relation("built on", step, "reported", counts=True, depth=depth)
                for depth, step in enumerate(one.path[1:4])
            ),
        )
        for one in reversed(chosen)
    ]
    return Figure.drawn(
        "fig-trees",
        f"The latest models with a root in {name(result, result.on)}",
        "Dashed: a data set or a record says so; nothing was measured here.",
        lambda size: descent_tree(
            trees,
            id_="trees",
            title="Descent of the latest models",
            description="; ".join(" on ".join(one.path) for one in chosen),
            size=size,
        ),
        table=Table(
            "One way down to a root, for each",
            (Column("model"), Column("made"), Column("path"), Column("row")),
            tuple((one.name, one.made, " on ".join(one.path), one.at) for one in reversed(chosen)),
            file_name="descent.csv",
        ),
    )


def _derived(result: Country) -> Table:
    return Table(
        "Every model with a recorded base: the rows behind all counts",
        (Column("model"), Column("made"), Column("bases"), Column("roots"), Column("root in"), Column("row")),
        tuple(
            (
                one.name,
                one.made,
                ", ".join(one.parents),
                ", ".join(one.roots),
                " ".join(one.root_countries) or "not known",
                one.at,
            )
            for one in result.reliance.derived
        ),
        file_name="models.csv",
    )


def _stance(result: Country, numbers: dict[str, int]) -> Table:
    return Table(
        f"Rules, statements and registers of {name(result, result.country)} on {result.as_of}",
        (
            Column("Record"),
            Column("What it says"),
            Column("State"),
            Column("Since"),
            Column("Sources"),
        ),
        tuple(
            (row.id, row.summary, row.state, _day(row.since), _cites(row.sources, numbers))
            for row in result.stance
        ),
        plain=tuple(
            (row.id, row.summary, row.state, row.since or "", " ".join(row.sources)) for row in result.stance
        ),
        file_name="stance.csv",
    )


def _impact(result: Country) -> Figure | None:
    if not result.impact:
        return None
    return Figure.drawn(
        "fig-impact",
        "What a cut would touch",
        "Filled: known to be touched. Hatched: not known.",
        lambda size: paired_bars(
            [Row(one.scenario, (Bar("touched", one.touched, "s2"),)) for one in result.impact],
            id_="impact",
            title="Touched by each cut",
            description="; ".join(f"{one.scenario}: {percent(one.touched)}" for one in result.impact),
            size=size,
        ),
        table=Table(
            "Each cut, what it would touch and what it leaves alone",
            (
                Column("cut"),
                Column("touched"),
                Column("count", numeric=True),
                Column("of", numeric=True),
                Column("share of"),
                Column("because"),
            ),
            tuple(
                (
                    one.scenario,
                    percent(one.touched),
                    str(one.count),
                    str(one.of),
                    one.whole,
                    one.because,
                )
                for one in result.impact
            ),
            file_name="impact.csv",
        ),
        legend=((UNKNOWN, "not known"),),
    )
