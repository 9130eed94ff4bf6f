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


@click.group()
def index() -> None:
    """Keep fingerprints of reference models, and search among them."""


@index.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("models", nargs=-1, required=True)
@_BUDGET
@offline_option
def build(folder: Path, models: tuple[str, ...], budget: int | None, *, offline: bool) -> None:
    """Fingerprint MODELS into FOLDER; `-` reads names from stdin. Models already there are kept."""
    _write(folder, models, budget, offline=offline)


@index.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("models", nargs=-1, required=True)
@_BUDGET
@offline_option
def add(folder: Path, models: tuple[str, ...], budget: int | None, *, offline: bool) -> None:
    """Fingerprint MODELS into FOLDER, replacing those already there."""
    _write(folder, models, budget, offline=offline, again=True)


def _write(
    folder: Path, models: tuple[str, ...], budget: int | None, *, offline: bool, again: bool = False
) -> None:
    from reliant.lineage.index import Fingerprint, Store, fingerprint
    from reliant.lineage.opening import Limits, open_named
    from reliant.lineage.trace import prepare

    names = [name for one in models for name in (sys.stdin.read().split() if one == "-" else [one])]
    limits = Limits() if budget is None else Limits(budget, budget)
    store = Store(folder)
    failed = 0
    with online_or_none(offline=offline, cache=cache_folder()) as online:

        def make(name: str) -> Fingerprint:
            return fingerprint(prepare(open_named(name, limits, online)))

        if again:
            for name in names:
                store.path_for(name).unlink(missing_ok=True)
        for name, word in store.build(names, make):
            failed += word not in {"added", "kept"}
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

    entries = [entry for entry in Store(folder).entries() if entry.fingerprint is not None]
    if style == "json":
        rows = [
            {"name": one.name, "width": one.width, "depth": one.depth, "architecture": one.architecture,
             "vocabulary": one.vocabulary, "bytes": entry.size}
            for entry in entries if (one := entry.fingerprint) is not None
        ]  # fmt: skip
        emit(msgspec.json.format(msgspec.json.encode(rows)).decode(), output)
        return
    lines = [
        f"{one.name}  {one.architecture or '?'}, {one.depth} layers, width {one.width}, "
        f"{entry.size / 1e6:.2f} MB"
        for entry in entries
        if (one := entry.fingerprint) is not None
    ]
    emit("\n".join([*lines, f"{len(entries)} fingerprints"]), output)


@index.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(folder: Path) -> None:
    """Check every fingerprint's checksum and contents; exit 1 if one is damaged."""
    from reliant.lineage.index import Store

    entries = list(Store(folder).entries())
    damaged = [entry for entry in entries if entry.problem]
    lines = [f"{entry.path.name}: {entry.problem}" for entry in damaged]
    emit("\n".join([*lines, f"{len(entries) - len(damaged)} sound, {len(damaged)} damaged"]))
    sys.exit(1 if damaged else 0)


def with_candidates(result: Trace, suspect: Model, folders: Sequence[Path], top: int) -> Trace:
    """Return the trace with the best candidates of some indexes added as results."""
    from reliant.core.use import NotLookedAt
    from reliant.lineage.blueprint import ConfigLevel
    from reliant.lineage.declared import compare_declared, declared_by
    from reliant.lineage.index import Store, fingerprint, search
    from reliant.lineage.results import Levels, TraceResult, statement
    from reliant.lineage.vocabulary import TokenizerLevel
    from reliant.lineage.weights import Weights

    ours = fingerprint(suspect)
    entries = [entry for folder in folders for entry in Store(folder).entries()]
    pool = [entry.fingerprint for entry in entries if entry.fingerprint is not None]
    found = search(ours, pool)
    results = []
    for one in found[:top]:
        weights = Weights(
            verdict="derived" if one.related else "none_detected", path="I" if one.related else None,
            agreement=one.agreement, log10_p=one.log10_p, cosine=one.cosine, paths_tried=("I",),
            rows_read=sum(len(block.numbers) for block in ours.blocks), bytes_read=ours.bytes_read,
            hints=("compared by fingerprint: run --against for the layer map",) if one.related else (),
            detection_limit=round(max(0.13, (2 * 4.2 / ours.dimensions) ** 0.5), 3),
        )  # fmt: skip
        levels = Levels(
            declared=compare_declared(declared_by(suspect.opened), one.name, ()),
            config=ConfigLevel("same" if one.same_shape else "unknown", ours.architecture, None),
            tokenizer=TokenizerLevel("same" if one.same_tokenizer else "unknown"),
            weights=weights,
        )
        results.append(TraceResult(one.name, levels, statement(suspect.name, one.name, weights)))
    skipped = [NotLookedAt(str(entry.path), entry.problem) for entry in entries if entry.problem]
    others = len(pool) - len(found)
    if others:
        skipped.append(
            NotLookedAt("index", f"{others} fingerprints of another width: path I does not reach them")
        )
    return msgspec.structs.replace(
        result,
        results=(*result.results, *results),
        not_looked_at=(*result.not_looked_at, *skipped),
        notes=(*result.notes, f"{len(found)} fingerprints of this width were searched"),
    )
