"""`reliant atlas claim`: test a quantified claim against data."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reliant.cli._options import colour, emit, output_option
from reliant.errors import ConfigError, UnknownId, UsageError

if TYPE_CHECKING:
    from reliant.assessment.claims import Evidence, Scored
    from reliant.atlas import Atlas
    from reliant.atlas.records.claim import Claim

_SCORES = ["file", "section", "model", "metric", "value"]


@click.command()
@click.argument("claim", metavar="CLAIM")
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A data set to count in: a table of models, or a long table of scores. Repeatable.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(("terminal", "json")),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
@output_option
def claim(claim: str, files: tuple[Path, ...], style: str, output: Path | None) -> None:
    """Test a claim against data, under each way to read it.

    CLAIM is a YAML file, or the id of a claim of the atlas. A reading whose data are not
    given is printed as one that cannot be told.
    """
    from reliant import report
    from reliant.assessment.claims import test_claim
    from reliant.atlas import load

    atlas = load()
    result = test_claim(_claim(claim, atlas), evidence(files), atlas)
    emit(report.render(result, style, colour=colour()), output)


def _claim(name: str, atlas: Atlas) -> Claim:
    from reliant.atlas.load import read_record
    from reliant.atlas.records.claim import Claim

    if Path(name).is_file():
        return read_record(Path(name), Claim)
    claims = atlas.records("claims")
    if name in claims:
        found: Claim = claims[name]
        return found
    raise UnknownId(name, tuple(sorted(claims))[:3])


def evidence(files: tuple[Path, ...]) -> Evidence:
    """Read data sets: tables of models by their format, tables of scores by their header.

    Raises:
        UsageError: A file is of no kind that is known.
        ConfigError: A row is wrong.
    """
    from reliant.assessment.claims import Evidence
    from reliant.atlas.importers import ModelRow, guess, read

    rows: dict[str, dict[str, list[ModelRow]]] = {}
    scores: dict[str, list[Scored]] = {}
    for file in files:
        if _is_scores(file):
            scores[file.name] = _scores(file)
            continue
        kind = guess(file)
        held = [row for row in read(kind, file) if isinstance(row, ModelRow)]
        rows.setdefault(kind, {})[file.name] = held
    return Evidence(rows, scores)


def _is_scores(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return next(csv.reader(opened), []) == _SCORES
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read {file}: {error}") from error


def _scores(file: Path) -> list[Scored]:
    from reliant.assessment.claims import Scored

    found = []
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        for row in reader:
            try:
                value = float(row["value"])
            except (TypeError, ValueError):
                continue  # an empty cell of the table, or a note in it
            if None in row.values():
                raise ConfigError(file, reader.line_num, "a row has too few cells")
            found.append(Scored(row["section"], row["model"], row["metric"], value))
    return found
