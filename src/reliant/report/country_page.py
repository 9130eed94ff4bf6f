"""The page of one country on another: four answers, each with its figure, its table and its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.country import COUNTRY_SCHEMA, the
from reliant.report._registry import renders
from reliant.report._text import clean, number, percent, plural
from reliant.report.country import TEXTS, headlines, issuer, name, turning, ways_counted
from reliant.report.country_access_page import access_figure, cites, code, day, grid, ways
from reliant.report.country_charts import COLUMNS, timeline
from reliant.report.country_measures import FEW
from reliant.report.country_measures_page import (
    downloads_table,
    kept_figure,
    lag_figure,
    screen_tables,
    used_table,
)
from reliant.report.html.bars import Bar, Row, paired_bars
from reliant.report.html.descent import Relation, Tree, descent_tree
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import UNKNOWN

if TYPE_CHECKING:
    from markupsafe import Markup

    from reliant.core.country import Country, Stance

_NOTHING = "none to count"
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
        access=access_figure(result),
        ways=ways(result, numbers, known=True),
        unknown_ways=ways(result, numbers, known=False),
        grid=grid(result),
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
        texts_of_rules=TEXTS.format(result.as_of),
        ways_told=sum(ways_counted(result).values()),
        registers=_registers(result, numbers),
        impact=_impact(result),
        texts=len({source.origin or source.id for source in result.sources}),
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


def _timeline(result: Country) -> Figure | None:
    halves = [half for half in result.reliance.halves if half.models]
    first = next((at for at, half in enumerate(halves) if half.base_known), 0)
    halves = halves[first:][-_SHOWN_HALVES:]
    if not halves:
        return None
    on, home = the(name(result, result.on)), the(name(result, result.country))
    turned = turning(result)
    said = turned.says if turned else f"Models made in {home} by half-year."
    return Figure.drawn(
        "fig-time",
        "The dependence over time",
        f"{said} Neither line is the true share: what models with a blank base are built on, nobody "
        f"recorded. A hollow mark rests on fewer than {FEW} models. Above each bar: models "
        f"with a recorded base, of all.",
        lambda size: timeline(
            halves,
            on=on,
            turned=turned.since if turned else None,
            id_="time",
            title="Dependence by half-year",
            description=said,
            size=size,
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
        legend=(
            ("line-share", "of models with a recorded base"),
            ("line-floor", "of all models: the floor"),
            *(
                (class_, words)
                for (_, class_), words in zip(
                    COLUMNS,
                    (f"root in {on}", "root elsewhere", "root not known", f"root in {home}"),
                    strict=True,
                )
            ),
        ),
        note=_data(result),
    )


def _data(result: Country) -> Markup:
    """Say what the numbers of the models are from, with the way to the rows."""
    from markupsafe import Markup  # noqa: PLC0415  (loads nothing else of the page)

    return Markup('Data: {}. <a href="#rows">The rows behind the counts</a>').format(
        clean("; ".join(result.reliance.data))
    )


def _shares(result: Country) -> Figure | None:
    found = result.reliance
    if not found.models:
        return None
    on, home = the(name(result, result.on)), the(name(result, result.country))
    bars = [
        Bar("face value", found.face_value, "s-face"),
        Bar("look-through", found.look_through, "s-deep"),
        Bar("root", found.root, "s-deep"),
    ]
    if found.shared_design is not None:
        bars.append(Bar("blueprint", found.shared_design, "s-face"))
    rows = [Row(f"on {on}", tuple(bars))]
    if found.home_rooted is not None:
        rows.append(Row(f"on {home} alone", (Bar("all at home", found.home_rooted, "s3"),)))
    every = [bar for row in rows for bar in row.bars]
    return Figure.drawn(
        "fig-shares",
        "Face value beside look-through",
        f"Face value: made together. Look-through: some ancestor was made there. Root: a line begins there. "
        f"All at home: every line begins in {home}. "
        + ("Blueprint: the design was taken over, not the weights. " if found.shared_design else "")
        + f"Hatched: no base is recorded for {percent(found.unknown)} of the models, so nobody can tell.",
        lambda size: paired_bars(
            rows,
            id_="shares",
            title="Shares of the models",
            description=", ".join(f"{bar.name} {percent(bar.share)}" for bar in every),
            size=size,
        ),
        table=Table(
            f"Shares of {plural(found.models, 'model')}",
            (Column("share"), Column("at least", numeric=True), Column("at most", numeric=True)),
            tuple((bar.name, percent(bar.share.low), percent(bar.share.high)) for bar in every),
            file_name="shares.csv",
            compact=True,
        ),
        legend=((UNKNOWN, "not known"),),
        note=_data(result),
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
        told = ", ".join(name(result, code) for code in codes)
        return (told, "s7") if codes else ("not known", UNKNOWN)

    def threads(size: str) -> list[Thread]:
        """Return the flow; on a phone without its outer column and the weights."""
        drawn = []
        for root in found.roots:
            place, class_ = side(root.countries)
            weights = f"{root.weights} weights" if root.weights else "weights not known"
            stops = [Stop(root.name, root.name), Stop(place, place)]
            if size == "wide":
                stops = [Stop("known", "base recorded"), stops[0], Stop(weights, weights), stops[1]]
            drawn.append(Thread(tuple(stops), root.models, class_))
        return drawn

    return Figure.drawn(
        "fig-flow",
        "Where the lines begin",
        f"The {plural(found.base_known, 'model')} with a recorded base, to the models their lines begin at, "
        f"to the country of those. {plural(found.models - found.base_known, 'model')} without one left out.",
        lambda size: flow(
            threads(size),
            ("Models", "Root", "Root's weights", "Made in") if size == "wide" else ("Root", "Made in"),
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
        legend=(
            ("s2", f"root in {the(name(result, result.on))}"),
            ("s1", f"root in {the(name(result, result.country))}"),
            ("s7", "root elsewhere"),
            (UNKNOWN, "not known"),
        ),
        note=_data(result),
    )


def _trees(result: Country) -> Figure | None:
    on = set(result.on_codes)
    every = [one for one in result.reliance.derived if set(one.root_countries) & on]
    chosen = every[-_TREES:]
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
        f"The latest models with a root in {the(name(result, result.on))}",
        f"{len(chosen)} of {plural(len(every), 'model')}, the latest first. Dashed: a data set "
        "or a record says so; nothing was measured here.",
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
        "Every model that is built on another, with its row; one made from scratch begins with itself",
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
    rules = [row for row in result.stance if row.count is None]
    return Table(
        f"Rules and statements of {the(name(result, result.country))} on {result.as_of}",
        (
            Column("What it says"),
            Column("State"),
            Column("Since"),
            Column("Record"),
            Column("Sources"),
        ),
        tuple(
            (_says(result, row), row.state, day(row.since), code(row.id), cites(row.sources, numbers))
            for row in rules
        ),
        plain=tuple(
            (_says(result, row), row.state, row.since or "", row.id, " ".join(row.sources)) for row in rules
        ),
        file_name="stance.csv",
    )


def _says(result: Country, row: Stance) -> str:
    by = issuer(result, row)
    return f"{by}: {row.summary}" if by else row.summary


def _registers(result: Country, numbers: dict[str, int]) -> Table:
    """Return the dated counts of registers: how many services were let in by then."""
    counts = [row for row in result.stance if row.count is not None]
    return Table(
        "Counts of registers: how many are on them by each day",
        (Column("Day"), Column("Count", numeric=True), Column("Of what"), Column("Sources")),
        tuple((day(row.since), row.state, row.summary, cites(row.sources, numbers)) for row in counts),
        plain=tuple((row.since or "", row.state, row.summary, " ".join(row.sources)) for row in counts),
        file_name="registers.csv",
    )


def _impact(result: Country) -> Figure | None:
    if not result.impact:
        return None
    return Figure.drawn(
        "fig-impact",
        "What a cut would touch",
        "Filled: known to be touched. Hatched: not known.",
        lambda size: paired_bars(
            [
                Row(one.scenario, (Bar("", one.touched, "s2", "" if one.of else _NOTHING),))
                for one in result.impact
            ],
            above=True,
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
                    percent(one.touched) if one.of else _NOTHING,
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
