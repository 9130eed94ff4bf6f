"""Maps between two residual spaces: the coordinates in which neurons are compared.

Path I takes them as they are. Path E learns a rotation from the embeddings of tokens that
both models have. Path P needs neither: it recognises neurons by numbers that no rotation
changes, and learns the rotation from those it recognised. Every map is learned from other
weights than the ones it is then tested on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reliant.lineage.agreement import mutual, unit

if TYPE_CHECKING:
    from reliant.lineage.sample import Sampler

Floats = Any
_STEPS = 8  # of matching and turning in path P; the map stands still after about four
_SAMPLE = 1024


class Turn(NamedTuple):
    """A partial isometry between two spaces, by its action on row vectors.

    `ours` (d1 x r) and `theirs` (d2 x r) take both models' rows into one space of r dimensions.
    """

    ours: Floats
    theirs: Floats


def polar(cross: Floats) -> tuple[Floats, Floats]:
    """Return u, v with u v^T the partial isometry nearest to `cross`; tiny directions are dropped."""
    left, size, right = np.linalg.svd(cross, full_matrices=False)
    keep = size > size[0] * 1e-5 if len(size) and size[0] > 0 else np.zeros(len(size), dtype=bool)
    return left[:, keep], right[keep].T


def turn_from_pairs(ours: Floats, theirs: Floats) -> Turn | None:
    """Return the map that best carries paired rows of one model to those of the other.

    With fewer pairs than dimensions the map lives in the span of the pairs, and its cost in
    the number of pairs: the polar factor of A^T B is Q1^T polar(R1 R2^T) Q2, where A = R1 Q1.

    Args:
        ours: One row per pair, d1 columns.
        theirs: The same pairs, d2 columns.
    """
    ours, theirs = unit(ours - ours.mean(axis=0)), unit(theirs - theirs.mean(axis=0))
    good = (np.abs(ours).sum(axis=1) > 0) & (np.abs(theirs).sum(axis=1) > 0)
    ours, theirs = ours[good], theirs[good]
    if len(ours) < 16:
        return None
    if len(ours) >= max(ours.shape[1], theirs.shape[1]):
        return Turn(*polar(ours.T @ theirs))
    q1, r1 = np.linalg.qr(ours.T)
    q2, r2 = np.linalg.qr(theirs.T)
    left, right = polar(r1 @ r2.T)
    return Turn(q1 @ left, q2 @ right)


def turned(rows: Floats, side: Floats) -> Floats:
    """Return unit rows after one side of a map."""
    return unit(rows @ side)


def turn_from_neurons(ours: Sampler, theirs: Sampler, layers: list[int]) -> Turn | None:
    """Return the map learned from the neurons of `layers`, which must not be tested afterwards.

    A neuron's signature is made of quadratic forms in matrices that turn along with it, so
    it is the same in any rotated copy. Signatures match some neurons; those give a first
    rotation, under which more match, and so on.
    """
    mine = [ours.triples(at) for at in layers]
    yours = [theirs.triples(at) for at in layers]
    pairs: list[tuple[Floats, Floats]] = []
    blocks = []
    for a, b in zip(mine, yours, strict=True):
        if a is None or b is None:
            return None
        blocks.append((tuple(_thin(part) for part in a), tuple(_thin(part) for part in b)))
    forms_a, forms_b = _forms(ours, layers, mine), _forms(theirs, layers, yours)
    if forms_a.keys() != forms_b.keys():
        return None
    shared = sorted(forms_a)
    for a, b in blocks:
        left = _signature(a, [forms_a[key] for key in shared])
        right = _signature(b, [forms_b[key] for key in shared])
        match = mutual(-_distances(left, right))
        at = np.flatnonzero(match >= 0)
        for part in range(3):
            pairs.append((unit(a[part])[at], unit(b[part])[match[at]]))
    turn = _solve(pairs)
    for _ in range(_STEPS):
        if turn is None:
            return None
        pairs = []
        for a, b in blocks:
            score = sum(
                np.abs(turned(a[part], turn.ours) @ turned(b[part], turn.theirs).T) for part in range(3)
            )
            match = mutual(score)
            at = np.flatnonzero(match >= 0)
            for part in range(3):
                one, two = unit(a[part])[at], unit(b[part])[match[at]]
                cosine = (turned(one, turn.ours) * turned(two, turn.theirs)).sum(axis=1)
                pairs.append((one * np.sign(cosine)[:, None], two))
        turn = _solve(pairs)
    return turn


def _solve(pairs: list[tuple[Floats, Floats]]) -> Turn | None:
    cross = sum(one.T @ two for one, two in pairs)
    return Turn(*polar(cross)) if np.abs(cross).any() else None


def _thin(rows: Floats) -> Floats:
    return rows if len(rows) <= _SAMPLE * 2 else rows[: _SAMPLE * 2]


def _forms(model: Sampler, layers: list[int], triples: list[Any]) -> dict[str, Floats]:
    """Return matrices of the residual space that turn with the model, none from a layer under test."""
    forms: dict[str, Floats] = {}
    for at, triple in zip(layers, triples, strict=True):
        for part, rows in zip(("gate", "up", "down"), triple, strict=True):
            forms[f"{at}.{part}"] = rows.T @ rows
        for role, rows in model.attention(at).items():
            forms[f"{at}.{role}"] = rows.T @ rows
    return forms


def _signature(triple: tuple[Floats, ...], forms: list[Floats]) -> Floats:
    gate, up, down = (unit(part) for part in triple)
    lengths = [np.log(np.linalg.norm(part, axis=1) + 1e-12) for part in triple]
    features = [
        lengths[0], lengths[1] + lengths[2], (gate * down).sum(axis=1),
        np.abs((gate * up).sum(axis=1)), np.abs((up * down).sum(axis=1)),
    ]  # fmt: skip
    for rows in (gate, up, down):
        for form in forms:
            features.append(np.log(np.maximum(((rows @ form) * rows).sum(axis=1), 1e-12)))
    found = np.stack(features, axis=1)
    return (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-9)


def _distances(ours: Floats, theirs: Floats) -> Floats:
    return (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1)[None, :] - 2 * ours @ theirs.T
