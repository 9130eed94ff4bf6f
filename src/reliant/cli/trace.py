"""`reliant trace`: decide from the weights what a model descends from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliant.cli._options import colour, emit, format_option, offline_option, output_option, say
from reliant.cli._trace_online import cache_folder, online_or_none, size
from reliant.errors import UsageError

if TYPE_CHECKING:
    from reliant.lineage.results import Trace

SOME_FOUND, UNDECIDED, NOTHING = 1, 3, 4


class _Either(click.Group):
    """`trace SUSPECT ...` or `trace index|endpoint ...`; a model called `index` is written `./index`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.list_commands(ctx):
            return "model", self.commands["model"], args
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hand options of the plain form on, so that they may also come before SUSPECT."""
        first = next((one for one in args if not one.startswith("-")), None)
        if args and args[0].startswith("-") and args[0] not in {"--help", "-h"} and first is not None:
            args = ["model", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.commands)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "SUSPECT [--against REF]... [--index DIR] [OPTIONS]")
        formatter.write_usage(ctx.command_path, "index|endpoint [ARGS]...", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands["model"].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_Either, context_settings={"help_option_names": ["-h", "--help"]})
def trace() -> None:
    """Decide from the weights what SUSPECT descends from.

    SUSPECT and REF are a folder, a file (.safetensors, .gguf, .bin, .npz, .onnx), a URL or a
    hub id such as org/name. A relation reads "shares weights with"; which model came first is
    not in the weights. Where nothing is found, the detection limit says what could have been.

    Exit codes: 0 none detected, 1 a relation found, 2 an error, 3 undecided, 4 no weights in SUSPECT.
    """


@trace.command()
@click.argument("suspect")
@click.option(
    "--against", "-a", "references", multiple=True, metavar="REF", help="A model to compare with; repeatable."
)
@click.option(
    "--index",
    "indexes",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="A folder of fingerprints to search.",
)
@click.option(
    "--budget",
    type=size,
    default=None,
    metavar="BYTES",
    help="Read at most so much of each model, e.g. 15MB.",
)
@click.option("--top", default=5, show_default=True, help="With --index: how many candidates to show.")
@format_option("terminal", "json", "html")
@output_option
@offline_option
def model(
    suspect: str,
    references: tuple[str, ...],
    indexes: tuple[Path, ...],
    budget: int | None,
    top: int,
    style: str,
    output: Path | None,
    *,
    offline: bool,
) -> None:
    """Trace one model."""
    if not references and not indexes:
        raise UsageError("there is nothing to compare with", hint="Add --against REF, or --index DIR.")
    from reliant.lineage.opening import Limits, open_named
    from reliant.lineage.trace import prepare
    from reliant.lineage.trace import trace as run

    limits = Limits() if budget is None else Limits(budget, budget)
    with online_or_none(offline=offline, cache=cache_folder()) as online:
        first = prepare(open_named(suspect, limits, online))
        others = [prepare(open_named(name, limits, online)) for name in references]
        result = run(first, others)
        if indexes:
            from reliant.cli._trace_index import with_candidates

            result = with_candidates(result, first, indexes, top)
    emit(_rendered(result, style), output)
    sys.exit(exit_code(result))


def exit_code(result: Trace) -> int:
    """Return 1 if a relation was found, 4 if there are no weights, 3 if none could be tested, else 0."""
    from reliant.lineage.results import RELATED

    if not result.facts.files:
        return NOTHING

    verdicts = [one.levels.weights.verdict for one in result.results]
    if any(verdict in RELATED for verdict in verdicts):
        return SOME_FOUND
    return UNDECIDED if verdicts and all(verdict == "not_testable" for verdict in verdicts) else 0


def _rendered(result: Any, style: str) -> str:
    from reliant.report.trace import render_trace, render_trace_json

    if style == "html":
        from reliant.report.html.trace import to_html

        return to_html(result)
    return render_trace_json(result) if style == "json" else render_trace(result, colour=colour())


def _add_more() -> None:
    from reliant.cli._trace_endpoint import endpoint
    from reliant.cli._trace_index import index

    trace.add_command(index)
    trace.add_command(endpoint)


_add_more()
__all__ = ["exit_code", "model", "say", "trace"]
