"""Fingerprints made of opened models: the parts for paths I, E and P.

Each part is a pure function of the model's bytes. Part E reads tokens by the rank of their
hash, so that models with other tokenizers have kept many of the same ones; part P reads
whole layers, and is only made where that is affordable.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import unit
from reliant.lineage.blueprint import blueprint_of
from reliant.lineage.coordinates import form_keys, neurons_of, reduced
from reliant.lineage.index.fingerprint import Block, Fingerprint, Part, eight_bit
from reliant.lineage.sample import LayerRows, spread_layers
from reliant.lineage.stages import inner_layers
from reliant.lineage.vocabulary import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.lineage.stages import Side
    from reliant.lineage.trace import Model

DIMENSIONS = 512
ROWS = 64
TOKENS = 768  # rows of tokens in part E, over both tables
LEARNED = 1024  # neurons per learned layer in part P
_BLOCKS = 96  # experts and layers beyond this many are thinned out evenly
_MOST_WIDE, _MOST_NEURONS = 2048, 4096  # of part P, which reads whole layers

Floats = Any


def projection(width: int, dimensions: int = DIMENSIONS) -> Floats:
    """Return the fixed projection of this width: random signs from a counter-based generator.

    It keeps cosines to within about 1/sqrt(dimensions), and depends on the width alone: two
    models of one width are comparable, whoever made the fingerprints.
    """
    if width <= dimensions:
        return np.eye(width, dtype=np.float32)
    bits = np.random.Generator(np.random.Philox(key=width)).integers(0, 2, (width, dimensions), dtype=np.int8)
    found: Floats = (2.0 * bits - 1).astype(np.float32) / np.float32(np.sqrt(dimensions))
    return found


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a spoilt row is counted, not warned of
def fingerprint(model: Model, paths: Sequence[str] = ("I",)) -> Fingerprint:
    """Return the fingerprint of an opened model; a pure function of its bytes.

    A path that this model cannot have (P of a very wide one, E of one without embeddings) is
    left out; `paths` of the result says what it holds.

    Raises:
        WeightsError: No feed-forward neurons were found, or they cannot be read.
    """
    if model.side is None or model.anatomy is None:
        raise WeightsError(
            model.name,
            "no feed-forward neurons were found, so it has no fingerprint",
            hint="Compare it with `reliant trace MODEL --against REFERENCE`.",
        )
    side, anatomy = model.side, model.anatomy
    parts: dict[str, Part] = {}
    arrays: dict[str, Any] = {}
    makers = {"I": _by_identity, "E": _by_tokens, "P": _by_neurons}
    for path in paths:
        part = makers[path](side, arrays)
        if part is not None:
            parts[path] = part
    shapes = sorted((tensor.name, tensor.dtype, tensor.shape) for tensor in model.opened.tensors.values())
    return Fingerprint(
        name=model.name,
        width=anatomy.d,
        depth=side.depth,
        inner_width=anatomy.ff,
        architecture=blueprint_of(model.opened, anatomy).architecture,
        vocabulary=0 if model.vocabulary is None else len(model.vocabulary.ids),
        vocabulary_digest=digest_of(model.vocabulary),
        header_digest=hashlib.sha256(repr(shapes).encode()).hexdigest()[:32],
        bytes_read=side.meter.bytes_read,
        parts=parts,
        asked=tuple(paths),
        arrays=arrays,
    )


def _by_identity(side: Side, arrays: dict[str, Any]) -> Part:
    turn = projection(side.sampler.d)
    layers = list(range(side.depth))
    experts = max(1, side.experts)
    if side.depth * experts > _BLOCKS:
        layers = layers[:: -(-side.depth * experts // _BLOCKS)]
    rows = side.sampler.layer_rows(layers, ROWS)
    return Part(turn.shape[1], _kept("I", rows, turn, arrays))


def _kept(path: str, rows: list[LayerRows], turn: Floats | None, arrays: dict[str, Any]) -> tuple[Block, ...]:
    blocks = []
    for at, one in enumerate(rows):
        blocks.append(Block(one.layer, one.expert, one.neurons, tuple(int(n) for n in one.rows.numbers)))
        for role, values in (("gate", one.rows.gate), ("up", one.rows.up)):
            arrays[f"{path}.{role}.{at}"] = eight_bit(values if turn is None else values @ turn)
    return tuple(blocks)


def token_hashes(texts: Sequence[str]) -> Any:
    """Return a 64-bit hash per token text."""
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(one.encode("utf-8", "replace"), digest_size=8).digest(), "little")
            for one in texts
        ],
        np.uint64,
    )


def table_rows(side: Side, ids: Any) -> tuple[Floats, int] | None:
    """Return the rows of these tokens, centred and at length one, table after table; and how many tables."""
    anatomy = side.sampler.anatomy
    tables = [one for one in (anatomy.embedding, anatomy.head) if one is not None]
    if anatomy.embedding is None:
        return None
    found = []
    for table in tables:
        rows = side.sampler.values.pick(table, ids)
        found.append(unit(rows - rows.mean(axis=0)))
    return np.concatenate(found), len(tables)


def known_tokens(side: Side) -> tuple[Any, Any] | None:
    """Return hashes and ids of the tokens that have a row, by rank of hash; None without a vocabulary."""
    anatomy, vocabulary = side.sampler.anatomy, side.vocabulary
    if vocabulary is None or anatomy.embedding is None:
        return None
    least = min(one.count for one in (anatomy.embedding, anatomy.head) if one is not None)
    pairs = [(text, number) for text, number in vocabulary.ids.items() if number < least]
    if not pairs:
        return None
    hashes = token_hashes([text for text, _ in pairs])
    order = np.argsort(hashes, kind="stable")
    return hashes[order], np.array([number for _, number in pairs], np.int64)[order]


def rows_enough(neurons: int) -> int:
    """Return how many rows of two models must be sampled for 20 common ones, whatever their order."""
    return min(neurons, max(256, int(math.sqrt(20 * neurons)) + 1))


def _by_tokens(side: Side, arrays: dict[str, Any]) -> Part | None:
    known = known_tokens(side)
    anatomy = side.sampler.anatomy
    if known is None:
        return None
    count = TOKENS // (1 if anatomy.head is None else 2)
    hashes, ids = known[0][:count], known[1][:count]
    found = table_rows(side, ids)
    if found is None or len(ids) < 64:
        return None
    rows, tables = found
    table, turn = reduced(rows)
    inner = inner_layers(side.depth)
    layers = [inner[at] for at in spread_layers(len(inner), 4)]
    wanted = rows_enough(anatomy.ff)
    if side.experts > 4 or not side.affords(layers, wanted):
        return None
    arrays["E.tokens"] = hashes.reshape(1, -1)
    arrays["E.table"] = eight_bit(table)
    neurons = side.sampler.layer_rows(layers, wanted, turn=turn)
    thin = [
        one if one.rows.gate.shape[1] == turn.shape[1] else one._replace(rows=_turned(one.rows, turn))
        for one in neurons
    ]
    return Part(turn.shape[1], _kept("E", thin, None, arrays), tables=tables)


def _turned(rows: Any, turn: Floats) -> Any:
    return rows._replace(gate=unit(rows.gate @ turn), up=unit(rows.up @ turn))


def path_p_layers(depth: int) -> tuple[list[int], list[int]]:
    """Return the layers that path P of an index learns from, and those it tests.

    Examples:
        >>> path_p_layers(6)
        ([0, 4], [1, 5])
    """
    even, odd = range(0, depth, 2), range(1, depth, 2)
    return [even[at] for at in spread_layers(len(even), 2)], [odd[at] for at in spread_layers(len(odd), 2)]


def affords_p(side: Side) -> bool:
    """Return True if whole layers of this model can be read for path P."""
    anatomy = side.sampler.anatomy
    if anatomy.ff > _MOST_NEURONS or anatomy.d > _MOST_WIDE or side.experts > 1 or side.depth < 2:
        return False
    learned, tested = path_p_layers(side.depth)
    return side.affords([*learned, *learned, *tested], anatomy.ff)


def _by_neurons(side: Side, arrays: dict[str, Any]) -> Part | None:
    if not affords_p(side):
        return None
    learned, tested = path_p_layers(side.depth)
    neurons = neurons_of(side.sampler, learned)
    keys = form_keys(side.sampler, learned)
    if neurons is None or keys is None:
        return None
    for at, one in enumerate(neurons):
        few = [part[:LEARNED] for part in one.parts]
        for role, part in zip(("lgate", "lup", "ldown"), few, strict=True):
            arrays[f"P.{role}.{at}"] = eight_bit(part)
        arrays[f"P.signature.{at}"] = one.signature[:LEARNED].astype("<f2")
    rows = side.sampler.layer_rows(tested, rows_enough(side.sampler.anatomy.ff))
    return Part(side.sampler.d, _kept("P", rows, None, arrays), learned=tuple(learned), forms=keys)
