"""`reliant trace index`: fingerprints of references, and the search among them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from reliant.cli._options import emit, format_option, offline_option, output_option, say
from reliant.cli._trace_online import cache_folder, online_or_none, size
from reliant.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.lineage.results import Trace
    from reliant.lineage.trace import Model

_BUDGET = click.option(
    "--budget", type=size, default=None, metavar="BYTES", help="Read at most so much of each model."
)


_PATHS = click.option(
    "--paths",
    default="I",
    show_default=True,
    metavar="I,E,P",
    callback=lambda _, __, value: _paths(value),
    help="What to keep: I unchanged coordinates; E and P find turned or disguised models, and are larger.",
)


def _paths(value: str) -> tuple[str, ...]:
    from reliant.lineage.index import PATHS

    wanted = {one.strip().upper() for one in value.split(",")}
    if not wanted <= set(PATHS):
        raise UsageError(f"{value!r} names no paths", hint="Write --paths I,E,P or some of them.")
    return tuple(path for path in PATHS if path in wanted)


@click.group()
def index() -> None:
    """Keep fingerprints of reference models, and search among them."""


@index.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("models", nargs=-1, required=True)
@_PATHS
@_BUDGET
@offline_option
def build(
    folder: Path, models: tuple[str, ...], paths: tuple[str, ...], budget: int | None, *, offline: bool
) -> None:
    """Fingerprint MODELS into FOLDER; `-` reads names from stdin. What is already there is kept."""
    _write(folder, models, paths, budget, offline=offline)


@index.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("models", nargs=-1, required=True)
@_PATHS
@_BUDGET
@offline_option
def add(
    folder: Path, models: tuple[str, ...], paths: tuple[str, ...], budget: int | None, *, offline: bool
) -> None:
    """Fingerprint MODELS into FOLDER, replacing those already there."""
    _write(folder, models, paths, budget, offline=offline, again=True)


def _write(
    folder: Path,
    models: tuple[str, ...],
    paths: tuple[str, ...],
    budget: int | None,
    *,
    offline: bool,
    again: bool = False,
) -> None:
    from reliant.lineage.index import Fingerprint, Store, fingerprint
    from reliant.lineage.opening import Limits, open_named
    from reliant.lineage.trace import prepare

    names = [name for one in models for name in (sys.stdin.read().split() if one == "-" else [one])]
    limits = Limits() if budget is None else Limits(budget, budget)
    store = Store(folder)
    failed = 0
    with online_or_none(offline=offline, cache=cache_folder()) as online:

        def make(name: str, wanted: tuple[str, ...]) -> Fingerprint:
            return fingerprint(prepare(open_named(name, limits, online)), wanted)

        if again:
            for name in names:
                store.path_for(name).unlink(missing_ok=True)
        for name, word in store.build(names, make, paths):
            failed += word != "kept" and not word.startswith("added")
            say(f"{name}: {word}")
    if failed:
        raise UsageError(f"{failed} of {len(names)} models have no fingerprint", hint="See the lines above.")


@index.command("list")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@format_option("terminal", "json")
@output_option
def list_(folder: Path, style: str, output: Path | None) -> None:
    """List the fingerprints in FOLDER."""
    from reliant.lineage.index import Store
    from reliant.report._text import clean

    entries = [entry for entry in Store(folder).entries() if entry.fingerprint is not None]
    if style == "json":
        rows = [
            {"name": one.name, "width": one.width, "depth": one.depth, "architecture": one.architecture,
             "vocabulary": one.vocabulary, "paths": one.paths, "bytes": entry.size}
            for entry in entries if (one := entry.fingerprint) is not None
        ]  # fmt: skip
        emit(msgspec.json.format(msgspec.json.encode(rows)).decode(), output)
        return
    lines = [
        f"{clean(one.name)}  {clean(one.architecture or '?')}, {one.depth} layers, width {one.width}, "
        f"paths {', '.join(one.paths) or 'none'}, {entry.size / 1e6:.2f} MB"
        for entry in entries
        if (one := entry.fingerprint) is not None
    ]
    emit("\n".join([*lines, f"{len(entries)} fingerprints"]), output)


@index.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(folder: Path) -> None:
    """Check every fingerprint's checksum and contents; exit 1 if one is damaged."""
    from reliant.lineage.index import PATHS, Store

    entries = list(Store(folder).entries())
    damaged = [entry for entry in entries if entry.problem]
    lines = [f"{entry.path.name}: {entry.problem}" for entry in damaged]
    sound = [entry.fingerprint for entry in entries if entry.fingerprint is not None]
    held = ", ".join(f"{sum(path in one.paths for one in sound)} hold path {path}" for path in PATHS)
    emit("\n".join([*lines, f"{len(sound)} sound ({held}), {len(damaged)} damaged"]))
    sys.exit(1 if damaged else 0)


def with_candidates(result: Trace, suspect: Model, folders: Sequence[Path], top: int) -> Trace:
    """Return the trace with the best candidates of some indexes added as results."""
    from reliant.lineage.index import Store, compared

    more = compared(suspect, [Store(folder) for folder in folders], top=top)
    return msgspec.structs.replace(
        result,
        results=(*result.results, *more.results),
        contradictions=(*result.contradictions, *more.contradictions),
        not_looked_at=(*result.not_looked_at, *more.not_looked_at),
        notes=(*result.notes, *more.notes),
    )
