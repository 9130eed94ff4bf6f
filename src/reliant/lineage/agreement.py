"""Neuron agreement: two models share weights if their neurons find each other twice.

A neuron of a gated FFN is a pair of vectors in the residual space, gate and up. Match the
neurons of two layers by gate alone, and again by what up has apart from gate. For weights
trained apart, the second matching knows nothing of the first, so few neurons are matched
the same way both times: at most about one per pair of layers (a Poisson count). For
weights with a common past it is most of them.

No order of neurons, tensor name or scale enters, which is what makes disguise costly. All
arrays here are float32, one row per neuron, already in a common residual space.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats = Any
LN10 = math.log(10.0)
_ALONG = 1e-3  # an up row with less than this apart from its gate says nothing of its own
_DUPLICATE = 0.99  # rows of one model closer than this inflate agreement and are set aside


class Bundle(NamedTuple):
    """Unit gate rows, unit rows of up without its gate part, and the neuron each row is.

    Rows that are zero, not finite or doubled are not in it.
    """

    gate: Floats
    up: Floats
    numbers: NDArray[np.int64]


class Agreement(NamedTuple):
    """How far two layers agree.

    Attributes:
        hits: Neurons matched the same way by gate and by up.
        chance: Expected hits if the matchings know nothing of each other.
        share: Hits over those possible, in [0, 1].
        log10_p: Of so many hits by chance; not corrected for the number of tests.
        cosine: Mean cosine of the gate rows of the hits.
        same_index: Share of the hits whose neurons have the same number in both models.
    """

    hits: int
    chance: float
    share: float
    log10_p: float
    cosine: float
    same_index: float


def unit(rows: Floats) -> Floats:
    """Return the rows at length one; zero rows stay zero."""
    size = lengths(rows)[:, None]
    inverse = np.divide(1, size, out=np.zeros_like(size), where=size > 1e-20)
    found: Floats = rows * inverse
    return found


def lengths(rows: Floats) -> Floats:
    """Return the length of each row, in one pass and without a copy."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows))


def bundle(gate: Floats, up: Floats, index: NDArray[np.int64]) -> Bundle:
    """Return the rows made ready for matching.

    Training ties up to gate within each neuron, which would make the two matchings depend
    on each other even between strangers; hence up enters without its part along gate.
    """
    return distinct(usable(gate, up, index))


def usable(gate: Floats, up: Floats, index: NDArray[np.int64]) -> Bundle:
    """Return the rows made ready but for near copies, which `distinct` takes out."""
    first = unit(gate)
    rest = unit(up)
    rest -= np.einsum("ij,ij->i", rest, first)[:, None] * first
    keep = (lengths(first) > 0.5) & (lengths(rest) > _ALONG)
    if keep.all():
        return Bundle(first, unit(rest), index)
    return Bundle(first[keep], unit(rest[keep]), index[keep])


def usable_turned(gate: Floats, up: Floats, index: NDArray[np.int64], turn: Floats) -> Bundle:
    """Return `usable` rows after one side of a map, which costs no pass over the wide rows but products.

    What up has apart from gate is taken out after the map: it is linear.
    """
    a, b = lengths(gate), lengths(up)
    along = np.einsum("ij,ij->i", gate, up)
    cosine = np.divide(along, a * b, out=np.zeros_like(along), where=a * b > 1e-30)
    keep = (a > 1e-20) & (b > 1e-20) & (1 - cosine**2 > _ALONG**2)
    first = (gate @ turn)[keep] / a[keep, None]
    rest = (up @ turn)[keep] / b[keep, None] - cosine[keep, None] * first
    return Bundle(unit(first), unit(rest), index[keep])


def distinct(rows: Bundle) -> Bundle:
    """Return the rows without near copies of earlier ones."""
    keep = _distinct(rows.gate) & _distinct(rows.up)
    if keep.all():
        return rows
    return Bundle(rows.gate[keep], rows.up[keep], rows.numbers[keep])


def _distinct(rows: Floats) -> NDArray[np.bool_]:
    """Return which rows have no near copy among the earlier ones."""
    if len(rows) < 2:
        return np.ones(len(rows), dtype=bool)
    near = np.abs(rows @ rows.T) > _DUPLICATE
    found: NDArray[np.bool_] = ~np.triu(near, 1).any(axis=0)
    return found


def mutual(score: Floats) -> NDArray[np.int64]:
    """Return, per row, the column that is its nearest and whose nearest it is; -1 where none is."""
    if score.size == 0:
        return np.full(score.shape[0], -1)
    best = score.argmax(axis=1)
    back = score.argmax(axis=0)
    rows = np.arange(score.shape[0])
    return np.where(back[best] == rows, best, -1)


def agree(ours: Bundle, theirs: Bundle, *, width: int) -> Agreement:
    """Return how far two layers agree, both given in one residual space.

    Args:
        ours: The suspect's rows.
        theirs: The reference's rows.
        width: Neurons in the reference's whole layer, of which `theirs` may be a sample.
    """
    return from_scores(
        ours.gate @ theirs.gate.T, ours.up @ theirs.up.T, ours.numbers, theirs.numbers, width=width
    )


def from_scores(
    gate: Floats, up: Floats, ours: NDArray[np.int64], theirs: NDArray[np.int64], *, width: int
) -> Agreement:
    """Return the agreement from the cosines of gate and of up; the sign of up is free."""
    by_gate, by_up = mutual(gate), mutual(np.abs(up))
    matched = by_gate >= 0
    hit = matched & (by_gate == by_up)
    hits = int(hit.sum())
    size = gate.shape[0] * gate.shape[1]
    chance = float(matched.sum()) * float((by_up >= 0).sum()) / size if size else 0.0
    if not hits:
        return Agreement(0, chance, 0.0, 0.0, 0.0, 0.0)
    partner = by_gate[hit]
    cosine = float(gate[hit, partner].mean())
    same = float((ours[hit] == theirs[partner]).mean())
    possible = _possible(ours, theirs, same, width)
    return Agreement(hits, chance, min(1.0, hits / possible), log10_tail(hits, chance), cosine, same)


def _possible(ours: NDArray[np.int64], theirs: NDArray[np.int64], same: float, width: int) -> float:
    """Return how many hits there could be at most.

    Samples of two models hold few common neurons if one of them was shuffled: then it is the
    expected overlap of the samples, unless that is too small to judge by.
    """
    whole = float(min(len(ours), len(theirs)))
    overlap = len(ours) * len(theirs) / max(width, 1)
    if same >= 0.5 or overlap < 16:
        return max(whole, 1.0)
    return max(1.0, min(whole, overlap))


def log10_tail(count: int, mean: float) -> float:
    """Return log10 P(X >= count) of a Poisson count.

    Examples:
        >>> log10_tail(0, 1.0)
        0.0
        >>> round(log10_tail(1, 0.01), 3)
        -2.002
    """
    if count <= 0:
        return 0.0
    mean = max(mean, 1e-12)
    # Sum the terms from `count` on, each relative to the first.
    first = -mean + count * math.log(mean) - math.lgamma(count + 1)
    total, term, k = 1.0, 1.0, count
    while term > 1e-17 * total and k < count + 100_000:
        k += 1
        term *= mean / k
        total += term
    return min(0.0, (first + math.log(total)) / LN10)


def matching_floor(rows: int, width: int) -> float:
    """Return about the highest cosine among `rows` random directions in `width` dimensions.

    A matched neuron must be nearer than this to be found at all.
    """
    return min(1.0, math.sqrt(2 * math.log(max(rows, 2)) / max(width, 1)))


def detection_limit(ours: Bundle, *, width: int, floor: float, seed: int = 0) -> float:
    """Return the least cosine at which this layer would still be found in a changed copy of itself.

    The layer's own rows are mixed with noise to a known cosine, and the agreement taken, as
    for a suspect. Between the steps the answer is interpolated.
    """
    generator = np.random.default_rng(seed)
    last_share, last_cosine = 1.0, 1.0
    rows, d = ours.gate.shape
    if rows < 8:
        return 1.0
    steps = (0.5, 0.35, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05)
    start = max(0, sum(one > 3 * matching_floor(rows, d) for one in steps) - 1)
    for cosine in steps[start:]:
        drifted = [
            unit(
                cosine * part
                + math.sqrt(1 - cosine**2) * unit(generator.standard_normal((rows, d), np.float32))
            )
            for part in (ours.gate, ours.up)
        ]
        found = agree(Bundle(drifted[0], drifted[1], ours.numbers), ours, width=width)
        share = found.share if found.log10_p < -8 else min(found.share, floor * 0.99)
        if share < floor:
            part = (last_share - floor) / max(last_share - share, 1e-9)
            return round(last_cosine - part * (last_cosine - cosine), 3)
        last_share, last_cosine = share, cosine
    return 0.05
