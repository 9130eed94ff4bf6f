"""What an index says of a suspect, as a trace: the best candidates, and what was not compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import NotLookedAt
from reliant.lineage.agreement import matching_floor
from reliant.lineage.blueprint import ConfigLevel, blueprint_of
from reliant.lineage.declared import compare_declared, declared_by
from reliant.lineage.index.make import fingerprint
from reliant.lineage.index.search import Candidate, search
from reliant.lineage.results import Levels, Trace, TraceResult, statement
from reliant.lineage.trace import contradictions_of, facts_of
from reliant.lineage.vocabulary import TokenizerLevel
from reliant.lineage.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.lineage.index.fingerprint import Fingerprint
    from reliant.lineage.index.store import Store
    from reliant.lineage.trace import Model

TOP = 5


def compared(model: Model, stores: Sequence[Store], *, top: int = TOP) -> Trace:
    """Return the best candidates of some indexes, as results of a trace.

    Raises:
        WeightsError: The suspect has no feed-forward neurons, or they cannot be read.
    """
    own = fingerprint(model, ())
    skipped: list[NotLookedAt] = []
    pool: list[Fingerprint] = []
    for store in stores:
        for entry in store.entries():
            if entry.fingerprint is None:
                skipped.append(NotLookedAt(str(entry.path), entry.problem))
            else:
                pool.append(entry.fingerprint)
    found = search(model, own, pool)
    results = tuple(_result(model, one, pool) for one in found[:top])
    skipped += _not_compared(pool, found)
    side = model.side
    read = (
        (0, 0, 0)
        if side is None
        else (side.sampler.values.rows_read, side.meter.bytes_read, side.meter.ranges)
    )
    results = tuple(
        msgspec.structs.replace(
            one,
            levels=msgspec.structs.replace(
                one.levels,
                weights=msgspec.structs.replace(
                    one.levels.weights, rows_read=read[0], bytes_read=read[1], ranges=read[2]
                ),
            ),
        )
        for one in results
    )
    words = ", ".join(f"{count} by path {path}" for path, count in _counts(found).items())
    return Trace(
        suspect=model.name,
        results=results,
        contradictions=tuple(contradictions_of(model, results)),
        not_looked_at=tuple(skipped),
        facts=facts_of(model),
        notes=(f"{len(pool)} fingerprints were searched{f' ({words})' if words else ''}",),
    )


def _counts(found: list[Candidate]) -> Counter[str]:
    return Counter(path for one in found for path in one.tried)


def _not_compared(pool: list[Fingerprint], found: list[Candidate]) -> list[NotLookedAt]:
    names = {one.name for one in found}
    missing = Counter(", ".join(one.paths) or "none" for one in pool if one.name not in names)
    notes = [
        NotLookedAt(
            "index", f"{count} fingerprints that hold paths {held} only could not be compared with this model"
        )
        for held, count in sorted(missing.items())
    ]
    partly = sum(not one.related and one.tried == ("I",) for one in found)
    if partly:
        notes.append(
            NotLookedAt(
                "index",
                f"{partly} fingerprints were compared in unchanged coordinates only (path I): "
                "add paths E and P to reach turned models",
            )
        )
    return notes


def _result(model: Model, one: Candidate, pool: list[Fingerprint]) -> TraceResult:
    known = next(entry for entry in pool if entry.name == one.name)
    claims = declared_by(model.opened)
    # The path with the fewest rows or dimensions bounds what could have been seen.
    limits = [
        matching_floor(max(len(block.numbers) for block in part.blocks), part.dimensions)
        for path, part in known.parts.items()
        if path in one.tried and part.blocks
    ]
    weights = Weights(
        verdict="derived" if one.related else "none_detected",
        path=one.path,
        agreement=one.agreement,
        log10_p=one.log10_p,
        cosine=one.cosine,
        paths_tried=one.tried,
        tests=one.compared,
        hints=("compared by fingerprint: run --against for the layer map",) if one.related else (),
        detection_limit=round(min(1.0, max(limits, default=1.0)), 3),
        layer_map=(),
    )
    levels = Levels(
        declared=compare_declared(claims, one.name, ()),
        config=ConfigLevel(
            "same" if one.same_shape else "unknown",
            blueprint_of(model.opened, model.anatomy).architecture,
            known.architecture,
            text="Names, types and shapes of all tensors are equal."
            if one.same_shape
            else "The headers differ; a fingerprint keeps no more of them.",
        ),
        tokenizer=TokenizerLevel(
            "same" if one.same_tokenizer else "unknown",
            text="The same tokenizer; unrelated models often share one."
            if one.same_tokenizer
            else "Another tokenizer, or one of the two brings none.",
        ),
        weights=weights,
    )
    said = (
        f"{model.name} shares weights (or their first random draw) with {one.name}: {one.agreement:.0%} of "
        f"neurons agree twice in {one.layers} of {one.compared} layers compared (p 1e{one.log10_p:.0f})."
        if one.related
        else statement(model.name, one.name, weights)
    )
    return TraceResult(one.name, levels, said)
