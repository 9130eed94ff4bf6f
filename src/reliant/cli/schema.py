"""`reliant schema`: the JSON Schema of a public result."""

from __future__ import annotations

from pathlib import Path

import click

from reliant import report
from reliant.cli._options import emit, output_option


@click.command()
@click.argument("name", type=click.Choice(report.SCHEMAS), metavar="NAME")
@output_option
def schema(name: str, output: Path | None) -> None:
    """Print the JSON Schema (2020-12) of the result NAME, for example `assess`."""
    emit(report.schema(name), output)
