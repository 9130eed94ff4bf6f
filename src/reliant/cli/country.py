"""`reliant country`: how reliant a country is on another."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reliant.cli._options import as_of_option, colour, emit, known_on_option, output_option
from reliant.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from reliant.assessment.country.ask import CountryQuestion
    from reliant.assessment.country.models import ImportedRow
    from reliant.assessment.country.reliance import Sides
    from reliant.atlas import Atlas
    from reliant.core.country import LagRow, Reliance


@click.command()
@click.argument("country", metavar="COUNTRY")
@click.option("--on", "on", required=True, metavar="COUNTRY", help="The country or bloc it may rely on.")
@as_of_option
@known_on_option
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A data set of models, for example a table of Epoch AI; or two Parquet files, "
    "one of models and one of edges; or the history of a board of scores, or its ratings by area; "
    "or a table of use by origin. Repeatable.",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="ID|FILE",
    help="Ask what a scenario of rules would touch. Repeatable.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(("terminal", "json", "html", "csv")),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
@output_option
def country(
    country: str,
    on: str,
    as_of: dt.date,
    known_on: dt.date | None,
    files: tuple[Path, ...],
    scenarios: tuple[str, ...],
    style: str,
    output: Path | None,
) -> None:
    """Ask how reliant COUNTRY is on another: access, reliance, stance, impact.

    COUNTRY is an ISO 3166 code such as CN, or a bloc such as EU. Without --data the
    models of the atlas are counted. CN counts models of Hong Kong and Macao too.
    """
    from reliant import report
    from reliant.assessment.country.ask import ask
    from reliant.atlas import load
    from reliant.policy import RuleBook

    atlas = load()
    question = question_of(country, on, as_of, known_on, files, scenarios, atlas, tiles=style == "html")
    emit(report.render(ask(question, atlas, RuleBook.from_atlas(atlas)), style, colour=colour()), output)


def question_of(
    country: str,
    on: str,
    as_of: dt.date,
    known_on: dt.date | None,
    files: tuple[Path, ...],
    scenarios: tuple[str, ...],
    atlas: Atlas,
    *,
    tiles: bool = False,
) -> CountryQuestion:
    """Return the question of the options, with its files read.

    Raises:
        UsageError: There is no such country, it is asked about itself, or a file holds nothing to count.
    """
    from reliant.assessment.country.ask import CountryQuestion
    from reliant.assessment.country.blocs import code_of, pair
    from reliant.assessment.country.reliance import Sides
    from reliant.assessment.country.use import read_use
    from reliant.policy.scenario import find_scenario

    country, on = code_of(country, atlas), code_of(on, atlas)
    if country == on:
        raise UsageError("a country cannot be asked about itself", hint="Name another one with --on.")
    ours, theirs = pair(country, on, atlas)
    sides = Sides(frozenset(ours.codes), frozenset(theirs.codes))
    given = _Files.sorted(files)
    rows = () if given.hub else tuple((file.name, _rows(file)) for file in given.tables)
    return CountryQuestion(
        country,
        on,
        as_of,
        rows,
        tiles=tiles,
        counted=_counted(given, atlas, sides, as_of) if given.hub else None,
        scenarios=tuple(find_scenario(name, atlas) for name in scenarios),
        lag=_lag(given, atlas, sides, as_of),
        known_on=known_on,
        use=tuple((file.name, read_use(file, atlas)) for file in given.use),
    )


@dataclass(frozen=True)
class _Files:
    """The files of --data by what they hold."""

    hub: list[Path]
    boards: list[Path]
    areas: list[Path]
    use: list[Path]
    tables: list[Path]

    @classmethod
    def sorted(cls, files: tuple[Path, ...]) -> _Files:
        from reliant.assessment.country.lag import is_areas, is_board
        from reliant.assessment.country.use import is_use

        found = cls([], [], [], [], [])
        for file in files:
            if file.suffix == ".parquet":
                found.hub.append(file)
            elif is_board(file):
                found.boards.append(file)
            elif is_areas(file):
                found.areas.append(file)
            elif is_use(file):
                found.use.append(file)
            else:
                found.tables.append(file)
        return found


def _counted(given: _Files, atlas: Atlas, sides: Sides, as_of: dt.date) -> Reliance:
    from reliant.assessment.hub.parquet import is_edges, read_parquet
    from reliant.assessment.hub.reach import reliance

    edges = [file for file in given.hub if is_edges(file)]
    models = [file for file in given.hub if file not in edges]
    if given.tables or len(edges) != 1 or len(models) != 1:
        raise UsageError(
            "a hub is two Parquet files, and no table of models beside them",
            hint="One has the columns id and origin, the other child, parent and kind.",
        )
    hub = read_parquet(models[0], edges[0], as_of, names=False)
    strange = [code for code in hub.places if not atlas.is_country(code)]
    if strange:
        raise ConfigError(
            models[0],
            0,
            f"its column origin holds {strange[0]!r}, which is no country",
            hint="Write ISO 3166 codes of two capital letters, or null if it is not known.",
        )
    return reliance(hub, sides)


def _lag(given: _Files, atlas: Atlas, sides: Sides, as_of: dt.date) -> tuple[LagRow, ...]:
    from reliant.assessment.country.lag import area_lags, board_lag, first_days, read_areas, read_board

    boards = [(file.name, read_board(file)) for file in given.boards]
    found = [board_lag(rows, sides, atlas, as_of, area="chat, by votes", data=name) for name, rows in boards]
    first = first_days(row for _, rows in boards for row in rows)
    for file in given.areas:
        found += area_lags(read_areas(file), sides, atlas, as_of, first=first, data=file.name)
    return tuple(row for row in found if row is not None)


def _rows(file: Path) -> tuple[ImportedRow, ...]:
    from reliant.atlas.importers import ModelRow, guess, read

    try:
        kind = guess(file)
    except UsageError as error:
        raise UsageError(str(error), hint=_TABLE) from error
    rows = tuple(row for row in read(kind, file) if isinstance(row, ModelRow))
    if not rows:
        raise UsageError(f"{file} holds no rows about models", hint=_TABLE)
    return rows


_TABLE = (
    "A table of your own begins with a header: name, and any of countries, released, base_models, weights, "
    "downloads. Or give a table of Epoch AI, an export of a leaderboard, a board's history, or Parquet."
)
