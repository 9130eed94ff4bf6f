"""Options and output that every command shares: the same words everywhere."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reliant.core.dates import PartialDate
from reliant.errors import UsageError

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)


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


def format_option(*styles: str, default: str = "terminal") -> Callable[[_Decorated], _Decorated]:
    """Return the `--format` option with these styles."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default=default,
        show_default=True,
        help="How to print it.",
    )


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def who_options(command: click.decorators.FC) -> click.decorators.FC:
    """Add the options that say who asks: they are the same wherever rules are asked."""
    for option in reversed(
        (
            click.option("--place", metavar="CC", help="Where the users are, an ISO 3166 code such as CN."),
            click.option("--company-country", metavar="CC", help="Where the company has its seat."),
            click.option("--owner-country", metavar="CC", help="Where the one owner of the company sits."),
            click.option("--owners", type=_FILE, help="The graph of holdings above the company, as YAML."),
            click.option(
                "--nationality",
                "nationalities",
                multiple=True,
                metavar="CC",
                help="Of the users; repeatable.",
            ),
            click.option("--sector", help="private, government, defence, education ..."),
            click.option("--public-service", type=click.Choice(["yes", "no"]), help="Offered to the public?"),
            click.option(
                "--fact", "more", multiple=True, metavar="NAME=VALUE", help="Any other fact; repeatable."
            ),
            click.option("--facts", "facts_file", type=_FILE, help="More facts, as YAML or JSON."),
            click.option(
                "--reading",
                "readings",
                multiple=True,
                metavar="RULE=READING",
                help="Which reading of a rule you follow; repeatable.",
            ),
            click.option("--config", type=_FILE, help="A reliant.toml with facts, rules and readings."),
            click.option("--scenario", help="What if: a built-in scenario, or a scenario file."),
        )
    ):
        command = option(command)
    return command


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
