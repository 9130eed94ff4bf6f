"""The `reliant` command: finds the asked command, and turns errors into exit codes.

A command is imported only when it is called, so that `reliant --help` starts fast.
"""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

import click

from reliant import __version__
from reliant.errors import ReliantError

BUG = 70
"""The exit code for a bug of ours: EX_SOFTWARE of sysexits."""


class _Entry(NamedTuple):
    """Where a command lives, and its line in the help."""

    module: str
    help: str


# By question. The module holds a click command of the same name as the word.
_COMMANDS: dict[str, dict[str, _Entry]] = {
    "Reliance: what do we use, and where does it come from?": {
        "assess": _Entry("assess", "Report what PATH relies on, what is permitted, and what would stop."),
        "trace": _Entry("trace", "Decide from the weights what a model descends from."),
    },
    "Access and stance: may and can we use it, here, on this day?": {
        "check": _Entry("check", "Ask one question of the rules, or a batch of them."),
        "explain": _Entry("explain", "Show what a verdict rests on, and what would change it."),
    },
    "Impact: what stops if it is cut?": {
        "simulate": _Entry("simulate", "Cut a provider, a model, a jurisdiction, and see what stops."),
        "country": _Entry("country", "Ask how reliant a country is on another."),
    },
    "Guard: enforce it, prove it, survive the cut": {
        "gateway": _Entry("gateway", "Serve, check and audit the enforcing gateway."),
    },
    "Facts": {
        "atlas": _Entry("atlas", "Show, search, check and extend the dated, cited facts."),
    },
    "Quiet helpers": {
        "schema": _Entry("schema", "Print the JSON Schema of a result."),
    },
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in _COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for group in _COMMANDS.values():
            if cmd_name in group:
                module = importlib.import_module(f"reliant.cli.{group[cmd_name].module}")
                command: click.Command = getattr(module, cmd_name)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for question, group in _COMMANDS.items():
            with formatter.section(question):
                formatter.write_dl([(name, entry.help) for name, entry in group.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reliant")
def cli() -> None:
    """How reliant are you on other people's AI, and what happens if access is cut?"""


def main() -> None:
    """Run the command line; print an error of ours as message and hint, never as a traceback.

    Anything else that escapes is a bug in reliant. It keeps its traceback, and an exit
    code of its own, so that no script takes it for findings.
    """
    try:
        cli.main(prog_name="reliant", standalone_mode=True)
    except ReliantError as error:
        click.echo(f"error: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(error.exit_code)
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo("This is a bug in reliant; please report it with the lines above.", err=True)
        sys.exit(BUG)
