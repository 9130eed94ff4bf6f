"""Rows of tokens that two models have in common: path E learns its map from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reliant.lineage.agreement import unit
from reliant.lineage.coordinates import turn_from_pairs
from reliant.lineage.vocabulary import shared_ids

if TYPE_CHECKING:
    from reliant.lineage.coordinates import Turn
    from reliant.lineage.stages import Side

Floats = Any
_WIDE_PAIRS = 384  # rows of tokens for wide models: the map then has as many dimensions, which is enough


def token_turn(ours: Side, theirs: Side) -> Turn | None:
    """Return the map that shared tokens give: path E's coordinates."""
    mine, yours = token_rows(ours, theirs)
    return None if mine is None or yours is None else turn_from_pairs(mine, yours)


def token_rows(ours: Side, theirs: Side) -> tuple[Floats | None, Floats | None]:
    """Return both models' rows of common tokens, centred and of length one; None if there are too few."""
    a, b = ours.sampler.anatomy, theirs.sampler.anatomy
    if a.embedding is None or b.embedding is None:
        return None, None
    pairs = shared_ids(ours.vocabulary, theirs.vocabulary, (a.embedding.count, b.embedding.count))
    tables = [(a.embedding, b.embedding)]
    if a.head is not None and b.head is not None:
        tables.append((a.head, b.head))
    count = _token_count(ours, theirs, len(pairs), len(tables))
    if count < 64:
        return None, None
    chosen = _in_blocks(pairs, count)
    ids_a = np.array([one for one, _ in chosen])
    ids_b = np.array([other for _, other in chosen])
    mine, yours = [], []
    for table_a, table_b in tables:
        rows_a, rows_b = ours.sampler.values.pick(table_a, ids_a), theirs.sampler.values.pick(table_b, ids_b)
        rows_a -= rows_a.mean(axis=0)
        rows_b -= rows_b.mean(axis=0)
        mine.append(unit(rows_a))
        yours.append(unit(rows_b))
    return np.concatenate(mine), np.concatenate(yours)


def _token_count(ours: Side, theirs: Side, available: int, tables: int) -> int:
    """Return how many tokens to read: a few times the width for small models, fewer for large ones."""
    d = max(ours.sampler.d, theirs.sampler.d)
    wanted = min(available, 4096 if d <= 1024 else 1024 if d <= 2048 else _WIDE_PAIRS // tables)
    for side in (ours, theirs):
        embedding = side.sampler.anatomy.embedding
        if side.meter.left is not None and embedding is not None:
            each = max(1, side.sampler.values.cost(embedding, 1000) / 1000) * tables
            wanted = min(wanted, int(side.meter.left * 0.45 / each))
    return wanted


def _in_blocks(pairs: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Return `count` pairs in 16 runs, so that their rows lie near each other."""
    if len(pairs) <= count:
        return pairs
    run = -(-count // 16)
    starts = [round(at * (len(pairs) - run) / 15) for at in range(16)]
    return sorted({pair for start in starts for pair in pairs[start : start + run]})[:count]
