"""`reliant assess`: what PATH relies on, what is permitted, and what would stop."""

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
    offline_option,
    say,
    who_options,
)
from reliant.errors import UsageError

if TYPE_CHECKING:
    from reliant.core.results import Assessment

_STYLES = ("terminal", "json", "html", "markdown", "csv", "sarif", "cyclonedx")
_FAIL_ON = ("blocked", "unknown", "conditional", "contradiction", "stop", "never")


@click.command()
@click.argument("path")
@who_options
@as_of_option
@known_on_option
@click.option(
    "--format",
    "style",
    type=click.Choice(_STYLES),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
@click.option(
    "--output",
    "-o",
    "outputs",
    multiple=True,
    metavar="[FORMAT=]FILE",
    help="Write to a file instead of stdout; with FORMAT= also in that format. Repeatable.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_FAIL_ON),
    default="blocked",
    show_default=True,
    help="Exit 1 if a use reaches this verdict, a model file contradicts itself, or a function stops.",
)
@click.option(
    "--deep", is_flag=True, help="Compare the weights of model files, with each other and an index."
)
@click.option(
    "--index",
    "indexes",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --deep: fingerprints to compare with; repeatable. By default your own index, if there is one.",
)
@click.option(
    "--changed-since", metavar="REVISION", help="Look only at files changed since this git revision."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes to scan with; by default one per core."
)
@click.option("--no-cache", is_flag=True, help="Read every file anew.")
@offline_option
def assess(
    path: str,
    as_of: dt.date,
    known_on: dt.date | None,
    style: str,
    outputs: tuple[str, ...],
    fail_on: str,
    changed_since: str | None,
    indexes: tuple[Path, ...],
    workers: int | None,
    deep: bool,
    no_cache: bool,
    offline: bool,
    **who: object,
) -> None:
    """Report what PATH relies on, what is permitted, and what would stop.

    PATH is a folder, an archive, PATH@REVISION, pypi:NAME==VERSION, npm:NAME@VERSION,
    git+URL or an image. Nothing in it is run or installed.
    """
    from reliant import report
    from reliant.cli._run import Deep, index_folder, look

    if indexes and not deep:
        raise UsageError("--index is for the weights of model files", hint="Add --deep.")
    if deep and not indexes and index_folder().is_dir():
        indexes = (index_folder(),)
    written = [_destination(item, style) for item in outputs]
    result = look(
        path,
        who,
        as_of=as_of,
        known_on=known_on,
        changed_since=changed_since,
        workers=workers,
        cached=not no_cache,
        offline=offline,
        deep=Deep(indexes) if deep else None,
    ).assessment()
    for wanted, file in written:
        emit(report.render(result, wanted), file)
        say(f"wrote {file}")
    if not any(wanted == style for wanted, _ in written):
        emit(report.render(result, style, colour=colour()))
    sys.exit(exit_code(result, fail_on))


def _destination(item: str, style: str) -> tuple[str, Path]:
    name, equals, file = item.partition("=")
    if equals and name in _STYLES:
        return name, Path(file)
    if equals and "/" not in name and "." not in name:
        raise UsageError(f"there is no report format {name!r}", hint=f"Choose one of: {', '.join(_STYLES)}.")
    return style, Path(item)


def exit_code(result: Assessment, fail_on: str) -> int:
    """Return 1 if there are findings at or above `fail_on`, else 3 if the run was incomplete, else 0.

    Findings are counted on what the product runs: not on tests, docs and examples,
    and not on what is merely listed. A model file that says of its origin what its weights
    deny counts like an UNKNOWN; one whose own statements exclude each other like a CONDITIONAL.
    """
    if fail_on == "stop":
        found = any(function.state == "stops" for function in result.impact.functions)
    elif fail_on == "contradiction":
        found = any(one.findings for one in result.model_files)
    else:
        found = fail_on != "never" and (_reached(result, fail_on) or _contradicted(result, fail_on))
    if found:
        return 1
    return 3 if any(skipped.incomplete for skipped in result.not_looked_at) else 0


def _contradicted(result: Assessment, fail_on: str) -> bool:
    bases = {"unknown": {"measured"}, "conditional": {"measured", "declared"}}.get(fail_on, set())
    return any(finding.basis in bases for one in result.model_files for finding in one.findings)


def _reached(result: Assessment, fail_on: str) -> bool:
    from reliant.core.use import Role, Scope
    from reliant.core.verdict import Verdict

    levels = {
        "blocked": {Verdict.BLOCKED},
        "unknown": {Verdict.BLOCKED, Verdict.UNKNOWN},
        "conditional": {Verdict.BLOCKED, Verdict.UNKNOWN, Verdict.CONDITIONAL},
    }
    running = {
        use.id
        for use in result.uses
        if use.scope in {Scope.CODE, Scope.CONFIG, Scope.MANIFEST} and use.role is not Role.LISTED
    }
    return any(
        answer.combined in levels[fail_on] and answer.use in running and answer.ignored is None
        for answer in result.verdicts
    )
