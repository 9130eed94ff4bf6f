"""Options and output that every command shares: the same words everywhere."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Any, TypeVar

import click

from reliant.core.dates import PartialDate
from reliant.errors import UsageError

_Decorated = TypeVar("_Decorated")


class AsOf(click.ParamType[dt.date]):
    """A day, `YYYY-MM-DD`; a month or a year means its last day."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Return the day."""
        if isinstance(value, dt.date):
            return value
        try:
            return PartialDate.parse(str(value)).latest
        except ValueError as error:
            self.fail(str(error), param, ctx)


def today() -> dt.date:
    """Return the present day in UTC; the one reading of the clock."""
    return dt.datetime.now(dt.UTC).date()


as_of_option = click.option(
    "--as-of",
    type=AsOf(),
    default=today,
    show_default="today",
    help="The day asked about; a month means its last day.",
)
known_on_option = click.option(
    "--known-on", type=AsOf(), default=None, help="Use only what was published by this day: no hindsight."
)
offline_option = click.option("--offline", is_flag=True, help="Never open a connection.")
output_option = click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of to stdout."
)


def format_option(*styles: str, default: str = "terminal") -> Any:
    """Return the `--format` option with these styles."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default=default,
        show_default=True,
        help="How to print it.",
    )


def emit(text: str, output: Path | None = None) -> None:
    """Write a result to `output`, or to stdout; one newline at its end.

    Raises:
        UsageError: The file cannot be written.
    """
    if not text.endswith("\n"):
        text += "\n"
    if output is None or str(output) == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {output}: {error.strerror}", hint="Name a file in a folder that exists."
        ) from error


def say(text: str) -> None:
    """Write progress or a warning to stderr."""
    click.echo(text, err=True)


def colour() -> bool:
    """Return True if stdout is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
