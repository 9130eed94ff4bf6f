"""`reliant check`: one question asked of the rules, or a batch of them from stdin."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reliant.cli._options import (
    as_of_option,
    colour,
    emit,
    known_on_option,
    output_option,
    say,
    who_options,
)
from reliant.errors import UsageError

if TYPE_CHECKING:
    from reliant.policy.checked import Checked

_FAIL_ON = ("blocked", "unknown", "conditional", "never")


def question_options(command: click.decorators.FC) -> click.decorators.FC:
    """Add the options that `check` and `explain` share: what is asked about, and who asks."""
    command = who_options(command)
    for option in reversed(
        (
            click.option("--provider", help="Who serves the call, for example openai."),
            click.option("--model", help="The model id as you write it."),
            click.option(
                "--channel",
                metavar="WAY",
                help="direct, partner:NAME, reseller, self-hosted or app; by default the usual way.",
            ),
            click.option("--server-place", metavar="CC", help="Where the calling machine stands."),
        )
    ):
        command = option(command)
    return command


@click.command()
@question_options
@as_of_option
@known_on_option
@click.option(
    "--batch",
    type=click.Choice(["auto", "csv", "jsonl"]),
    default=None,
    help="Read one question a line from stdin: columns as the options, or names of facts.",
)
@click.option(
    "--export",
    type=click.Choice(["cel", "rego"]),
    default=None,
    help="Print the rules in force on the day in another language instead.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
@click.option("--all-rules", is_flag=True, help="Show also the rules that only inform.")
@click.option(
    "--fail-on",
    type=click.Choice(_FAIL_ON),
    default="never",
    show_default=True,
    help="Exit 1 if an answer reaches this verdict.",
)
@output_option
def check(
    as_of: dt.date,
    known_on: dt.date | None,
    batch: str | None,
    export: str | None,
    style: str,
    all_rules: bool,
    fail_on: str,
    output: Path | None,
    **asked: object,
) -> None:
    """Ask whether a model or provider may be used, here, on this day, through this channel.

    The answer has four axes (access, law, licence, register) that never cancel each
    other, with every rule that bears on it, where each fact came from, which source
    each rule rests on, and which facts are missing. It is no legal advice.
    """
    import msgspec

    from reliant.cli._questions import Desk
    from reliant.policy.text import one_line, terminal

    desk = Desk.open(asked, known_on)
    if export:
        emit(desk.exported(export, as_of, known_on), output)
        return
    if desk.asks_nothing and batch is None and sys.stdin.isatty():
        raise UsageError("nothing is asked", hint="Name --provider or --model, or pipe in a batch.")
    questions = desk.batch(sys.stdin, batch) if batch or desk.asks_nothing else [desk.options]
    results: list[Checked] = []
    lines: list[str] = []
    single = len(questions) == 1 and not batch and not desk.asks_nothing
    for one in questions:
        result = desk.check(one, as_of, known_on)
        results.append(result)
        if style == "json":
            lines.append(msgspec.json.encode(result).decode())
        else:
            lines.append(one_line(result))
    if single:
        if style == "json":
            lines = [msgspec.json.format(lines[0], indent=2)]
        else:
            lines = [terminal(results[0], colour=colour() and output is None, every_rule=all_rules)]
    emit("\n".join(lines), output)
    if single and style == "terminal" and desk.is_silent_on_who_serves:
        say("Who serves the model decides much: add --provider, or --channel self-hosted.")
    sys.exit(1 if any(_reaches(result, fail_on) for result in results) else 0)


def _reaches(result: Checked, fail_on: str) -> bool:
    order = ["conditional", "unknown", "blocked"]
    return fail_on != "never" and result.combined.value.lower() in order[order.index(fail_on) :]
