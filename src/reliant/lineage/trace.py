"""The trace: one suspect against references, on four levels, each saying only what it can.

Declared, config and tokenizer never decide. Where they contradict the weights, that is a
finding of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.core.use import NotLookedAt
from reliant.errors import MissingExtra, WeightsError
from reliant.lineage.anatomy import Anatomy, anatomy_of
from reliant.lineage.blueprint import blueprint_of, compare_blueprints
from reliant.lineage.declared import compare_declared, declared_by
from reliant.lineage.formats.header import count_of
from reliant.lineage.vocabulary import Vocabulary, compare_tokenizers, vocabulary_of

try:
    import numpy as np

    from reliant.lineage.adapter import Fit, MergedValues, fit, is_adapter
    from reliant.lineage.arrays import Values
    from reliant.lineage.exact import same_bytes
    from reliant.lineage.heads import turned_heads
    from reliant.lineage.hints import hints_for
    from reliant.lineage.results import (
        RELATED,
        Contradiction,
        Facts,
        Levels,
        Trace,
        TraceResult,
        statement,
    )
    from reliant.lineage.sample import Sampler, spread_layers
    from reliant.lineage.shares import parent_shares, permutation_p
    from reliant.lineage.weights import LOG10_P, Side, Weights, weigh
    from reliant.lineage.without_neurons import weigh_without_neurons
except ImportError as error:  # numpy is not part of the core
    raise MissingExtra("trace", "trace") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.lineage.opened import Opened

_HEAD_FLOOR = 0.25  # a quarter of the heads: strangers agree in at most one or two


class Model(NamedTuple):
    """One model with all that is derived from its headers, so that it can meet many others."""

    opened: Opened
    anatomy: Anatomy | None
    vocabulary: Vocabulary | None
    side: Side | None

    @property
    def name(self) -> str:
        """Return its path or id as given."""
        return self.opened.name


def prepare(opened: Opened, *, values: Values | None = None) -> Model:
    """Return a model ready to be compared."""
    anatomy = anatomy_of(opened)
    vocabulary = vocabulary_of(opened)
    side = None if anatomy is None else Side(Sampler(values or Values(opened), anatomy), vocabulary)
    return Model(opened, anatomy, vocabulary, side)


def trace(suspect: Model, references: Sequence[Model]) -> Trace:
    """Return what the suspect shares with each reference."""
    notes = [NotLookedAt(one.path, one.reason) for one in suspect.opened.not_looked_at]
    extra: list[str] = []
    tested = suspect
    if is_adapter(suspect.opened):
        tested = _merged(suspect, references, extra)
    found: dict[str, Weights] = {}
    for reference in references:
        found[reference.name] = _weigh(suspect, tested, reference, notes)
        notes.extend(
            NotLookedAt(f"{reference.name}: {one.path}", one.reason) for one in reference.opened.not_looked_at
        )
    found = _with_shares(tested, references, found)
    results = tuple(_result(suspect, reference, found[reference.name]) for reference in references)
    if tested.side is not None and tested.side.sampler.values.bad_rows:
        extra.append(f"{tested.side.sampler.values.bad_rows} rows read were not finite and took no part")
    return Trace(
        suspect=suspect.name,
        results=results,
        contradictions=(*contradictions_of(suspect, results), *_misfits(suspect, references, results)),
        not_looked_at=tuple(dict.fromkeys(notes)),
        facts=facts_of(suspect),
        notes=tuple(extra),
    )


def _result(suspect: Model, reference: Model, found: Weights) -> TraceResult:
    claims = declared_by(suspect.opened)
    levels = Levels(
        declared=compare_declared(claims, reference.name, declared_by(reference.opened)),
        config=compare_blueprints(
            blueprint_of(suspect.opened, suspect.anatomy), blueprint_of(reference.opened, reference.anatomy)
        ),
        tokenizer=compare_tokenizers(suspect.vocabulary, reference.vocabulary),
        weights=found,
    )
    return TraceResult(reference.name, levels, statement(suspect.name, reference.name, found))


def _weigh(suspect: Model, tested: Model, reference: Model, notes: list[NotLookedAt]) -> Weights:
    if is_adapter(suspect.opened) and tested is suspect:
        return _adapter_verdict(fit(suspect.opened, reference.opened))
    try:
        return compare(tested, reference)
    except WeightsError as error:
        notes.append(NotLookedAt(str(error.path), error.problem))
        return Weights(verdict="not_testable", why=error.problem)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a spoilt row is counted, not warned of
def compare(suspect: Model, reference: Model) -> Weights:
    """Return the weights level of one pair.

    Raises:
        WeightsError: Values that the headers promise cannot be read.
    """
    if suspect.side is None or reference.side is None:
        values = (one.side.sampler.values if one.side else Values(one.opened) for one in (suspect, reference))
        return weigh_without_neurons(*values)
    ours, theirs = suspect.side, reference.side
    found = weigh(ours, theirs)
    if found.verdict == "near_copy" and found.cosine > 0.999999:
        sameness = same_bytes(ours.sampler.values, theirs.sampler.values)
        if sameness is not None and sameness.complete:
            found = msgspec.structs.replace(
                found,
                verdict="exact",
                path="bytes",
                bytes_read=ours.meter.bytes_read,
                reference_bytes_read=theirs.meter.bytes_read,
                bits_equal=True,
            )
    if found.verdict in {"none_detected", "partial"}:
        found = _by_heads(ours, theirs, found)
    if found.path == "I" and found.verdict in {"derived", "near_copy"}:
        found = msgspec.structs.replace(
            found, second_opinion=permutation_p(ours.sampler, theirs.sampler, found.layers)
        )
    tokenizer = compare_tokenizers(suspect.vocabulary, reference.vocabulary)
    hints = hints_for(found, ours.sampler, theirs.sampler, tokenizer)
    return msgspec.structs.replace(
        found,
        hints=hints,
        rows_read=ours.sampler.values.rows_read,
        bytes_read=ours.meter.bytes_read,
        reference_bytes_read=theirs.meter.bytes_read,
        ranges=ours.meter.ranges,
    )


def _by_heads(ours: Side, theirs: Side, found: Weights) -> Weights:
    """Return the verdict after the attention test, for models whose FFNs may have been replaced."""
    if ours.sampler.d != theirs.sampler.d or not all(_affords_heads(side) for side in (ours, theirs)):
        return found
    layers = spread_layers(ours.depth, 6), spread_layers(theirs.depth, 6)
    agreement = turned_heads(ours.sampler, theirs.sampler, None, layers)
    if agreement is None:
        return found
    tried = (*found.paths_tried, "A")
    if agreement.log10_p < LOG10_P and agreement.share >= _HEAD_FLOOR:
        return msgspec.structs.replace(
            found,
            verdict="derived",
            path="A",
            agreement=round(agreement.share, 4),
            log10_p=round(agreement.log10_p, 2),
            cosine=round(agreement.cosine, 4),
            paths_tried=tried,
        )
    return msgspec.structs.replace(found, paths_tried=tried)


def _affords_heads(side: Side) -> bool:
    """Return True if the attention weights that the test would read are within budget and 256 MB."""
    values = side.sampler.values
    layers = [side.sampler.anatomy.layers[at] for at in spread_layers(side.depth, 6)]
    parts = [part for layer in layers for part in (layer.q, layer.k, layer.v, layer.o) if part is not None]
    total = sum(values.cost(part, part.count) for part in parts)
    left = side.meter.left
    return total <= 256 << 20 and (left is None or total <= left)


def _merged(suspect: Model, references: Sequence[Model], extra: list[str]) -> Model:
    """Return the adapter merged into its claimed base, if that base is among the references."""
    for reference in references:
        level = compare_declared(declared_by(suspect.opened), reference.name, declared_by(reference.opened))
        if level.names_reference and not fit(suspect.opened, reference.opened).refuted:
            extra.append(f"the adapter was merged into {reference.name}, the base it names, and tested so")
            return prepare(reference.opened, values=MergedValues(reference.opened, suspect.opened))
    extra.append("the suspect is an adapter, which holds only changes; its base was not among the references")
    return suspect


def _adapter_verdict(shapes: Fit) -> Weights:
    if shapes.refuted:
        wrong = (*shapes.misfits, *shapes.missing)
        why = (
            f"an adapter alone; its shapes do not fit this model ({wrong[0]} and {len(wrong) - 1} "
            f"more), which refutes it as the base."
        )
    else:
        why = (
            f"an adapter alone; its {len(shapes.fits)} changes fit this model's shapes, which proves nothing."
        )
    return Weights(verdict="not_testable", why=why)


def _with_shares(
    suspect: Model, references: Sequence[Model], found: dict[str, Weights]
) -> dict[str, Weights]:
    if suspect.side is None:
        return found
    parents = {
        one.name: (one.side.sampler, found[one.name])
        for one in references
        if one.side is not None and found[one.name].verdict == "derived"
    }
    shares = parent_shares(suspect.side.sampler, parents)
    return {
        name: msgspec.structs.replace(one, shares={name: shares[name]}) if name in shares else one
        for name, one in found.items()
    }


def contradictions_of(suspect: Model, results: Sequence[TraceResult]) -> list[Contradiction]:
    """Return where what the suspect says of itself cannot stand beside what its weights say."""
    found = []
    claims = declared_by(suspect.opened)
    bases = [claim for claim in claims if claim.kind in {"base", "merge", "adapter"}]
    for result in results:
        reference = result.reference
        declared, weights = result.levels.declared, result.levels.weights
        related = weights.verdict in RELATED
        if related and declared.says_from_scratch:
            words = next(claim for claim in claims if claim.kind == "scratch")
            text = (
                f'{suspect.name} says it was trained from scratch ({words.place}: "{words.value}"), '
                f"and shares weights with {reference}."
            )
            found.append(Contradiction("says_from_scratch", reference, text))
        if related and bases and not declared.names_reference and weights.verdict != "same_space":
            text = (
                f"{suspect.name} names {bases[0].value} ({bases[0].place}), and shares weights with "
                f"{reference}, which it does not name."
            )
            found.append(Contradiction("names_another", reference, text))
        if declared.names_reference and weights.verdict == "none_detected":
            text = (
                f"{suspect.name} names {reference} as its base; no shared weights were detected at "
                f"detection limit c >= {weights.detection_limit}."
            )
            found.append(Contradiction("names_without_weights", reference, text))
    return found


def _misfits(
    suspect: Model, references: Sequence[Model], results: Sequence[TraceResult]
) -> list[Contradiction]:
    """Return the bases that an adapter names and whose shapes it does not fit."""
    if not is_adapter(suspect.opened):
        return []
    text = "{} names {} as its base, and its shapes do not fit it."
    return [
        Contradiction("adapter_does_not_fit", reference.name, text.format(suspect.name, reference.name))
        for reference, result in zip(references, results, strict=True)
        if result.levels.declared.names_reference and fit(suspect.opened, reference.opened).refuted
    ]


def retold(suspect: Model, reference: Model, found: Weights) -> Trace:
    """Return a pair whose weights were compared from the other side, with the claims of `suspect`.

    The layer map belongs to the other side and is left out.
    """
    turned = msgspec.structs.replace(
        found, layer_map=(), layers=(), hints=(), shares={},
        bytes_read=found.reference_bytes_read, reference_bytes_read=found.bytes_read,
    )  # fmt: skip
    results = (_result(suspect, reference, turned),)
    return Trace(
        suspect=suspect.name,
        results=results,
        contradictions=(*contradictions_of(suspect, results), *_misfits(suspect, [reference], results)),
        not_looked_at=(),
        facts=facts_of(suspect),
    )


def facts_of(suspect: Model) -> Facts:
    """Return what a model is, from its headers."""
    opened, anatomy = suspect.opened, suspect.anatomy
    return Facts(
        format=opened.format,
        files=opened.files,
        tensors=len(opened.tensors),
        parameters=sum(count_of(tensor.shape) for tensor in opened.tensors.values()),
        architecture=blueprint_of(opened).architecture,
        layers=None if anatomy is None else len(anatomy.layers),
        width=None if anatomy is None else anatomy.d,
        inner_width=None if anatomy is None else anatomy.ff,
    )
