"""Attention agreement: the test for a model whose feed-forward blocks were all replaced.

An attention head acts through two products, query with key and value with output, and both
stay the same under any change of basis inside the head. Heads are matched by the first
product and checked on the second, just as neurons are by gate and up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reliant.lineage.agreement import Agreement, from_scores

if TYPE_CHECKING:
    from reliant.lineage.coordinates import Turn
    from reliant.lineage.sample import Sampler

Floats = Any
_MAX_HEADS = 256


class Head(NamedTuple):
    """One head: its layer, and its query, key, value and output rows."""

    layer: int
    parts: tuple[Floats, Floats, Floats, Floats]


def heads_of(model: Sampler, layers: list[int], turn: Floats | None = None) -> list[Head]:
    """Return the heads of some layers, in the coordinates of `turn`; none if the head count is not known."""
    count, groups = head_counts(model)
    found: list[Head] = []
    for at in layers if count else ():
        parts = model.attention(at)
        if len(parts) < 4 or parts["q"].shape[0] % count or parts["k"].shape[0] % groups:
            return []
        if turn is not None:
            parts = {role: rows @ turn for role, rows in parts.items()}
        size, repeat = parts["q"].shape[0] // count, count // groups
        if parts["k"].shape[0] != groups * size or parts["o"].shape[0] != count * size:
            return []
        for head in range(count):
            own, shared = slice(head * size, (head + 1) * size), head // repeat
            both = slice(shared * size, (shared + 1) * size)
            found.append(Head(at, (parts["q"][own], parts["k"][both], parts["v"][both], parts["o"][own])))
    return found[:_MAX_HEADS]


def head_counts(model: Sampler) -> tuple[int, int]:
    """Return the numbers of heads and of key-value heads; zeros if they are not said."""
    opened = model.values.opened
    kind = opened.metadata.get("general.architecture")
    count = opened.config.get(
        "num_attention_heads",
        opened.config.get("n_head", opened.metadata.get(f"{kind}.attention.head_count")),
    )
    groups = opened.config.get(
        "num_key_value_heads", opened.metadata.get(f"{kind}.attention.head_count_kv", count)
    )
    if type(count) is not int or type(groups) is not int or count < 1 or groups < 1 or count % groups:
        return 0, 0
    return count, groups


def agree_heads(ours: list[Head], theirs: list[Head]) -> Agreement | None:
    """Return how far two sets of heads agree; None if there are too few for a verdict."""
    if len(ours) < 12 or len(theirs) < 12:
        return None
    first = _cosines(ours, theirs, 0, 1)
    second = _cosines(ours, theirs, 2, 3)
    numbers = np.arange(len(ours)), np.arange(len(theirs))
    return from_scores(first, second, *numbers, width=max(len(ours), len(theirs)))


def _cosines(ours: list[Head], theirs: list[Head], a: int, b: int) -> Floats:
    """Return the cosines of the products X_a^T X_b: <A^T B, C^T D> is the sum of (A C^T) * (B D^T)."""

    def inner(one: Head, other: Head) -> float:
        return float(((one.parts[a] @ other.parts[a].T) * (one.parts[b] @ other.parts[b].T)).sum())

    left = np.array([inner(one, one) for one in ours])
    right = np.array([inner(one, one) for one in theirs])
    cross = np.array([[inner(one, other) for other in theirs] for one in ours])
    scale = np.sqrt(np.maximum(left, 1e-30))[:, None] * np.sqrt(np.maximum(right, 1e-30))[None, :]
    return cross / scale


def turned_heads(
    ours: Sampler, theirs: Sampler, turn: Turn | None, layers: tuple[list[int], list[int]]
) -> Agreement | None:
    """Return the attention agreement of two models in the coordinates of `turn`, or as they are."""
    return agree_heads(
        heads_of(ours, layers[0], None if turn is None else turn.ours),
        heads_of(theirs, layers[1], None if turn is None else turn.theirs),
    )
