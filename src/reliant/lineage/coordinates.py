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
_STEPS = 5  # of matching and turning in path P; the map stands still after about four
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
    the number of pairs: the polar factor of A^T B is Q1^T polar(r1 r2^T) Q2, where A = r1^T Q1.

    Args:
        ours: One row per pair, d1 columns; centred and of length one, or zero.
        theirs: The same pairs, d2 columns.
    """
    good = (np.linalg.norm(ours, axis=1) > 0.5) & (np.linalg.norm(theirs, axis=1) > 0.5)
    if not good.all():
        ours, theirs = ours[good], theirs[good]
    if len(ours) < 16:
        return None
    if len(ours) >= max(ours.shape[1], theirs.shape[1]):
        return Turn(*polar(ours.T @ theirs))
    root1, back1 = _roots(ours)
    root2, back2 = _roots(theirs)
    left, right = polar(root1 @ root2.T)
    return Turn(ours.T @ (back1 @ left), theirs.T @ (back2 @ right))


def _roots(rows: Floats) -> tuple[Floats, Floats]:
    """Return r and b with rows = r^T Q and Q = b^T rows, where the rows of Q are orthonormal.

    From the small Gram matrix, which is cheaper than a QR of the rows when they are few and long.
    """
    size, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    keep = size > size[-1] * 1e-7
    root = np.sqrt(size[keep])
    r = (vectors[:, keep] * root).T
    b = vectors[:, keep] / root
    return r.astype(np.float32), b.astype(np.float32)


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
    for at, (a, b) in zip(layers, blocks, strict=True):
        left = _known_signature(ours, at, a, forms_a, shared)
        right = _known_signature(theirs, at, b, forms_b, shared)
        match = mutual(-_distances(left, right))
        hit = np.flatnonzero(match >= 0)
        for part in range(3):
            pairs.append((unit(a[part])[hit], unit(b[part])[match[hit]]))
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
            hit = np.flatnonzero(match >= 0)
            for part in range(3):
                one, two = unit(a[part])[hit], unit(b[part])[match[hit]]
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
    if model.forms:
        return model.forms
    forms = model.forms
    for at, triple in zip(layers, triples, strict=True):
        for part, rows in zip(("gate", "up", "down"), triple, strict=True):
            forms[f"{at}.{part}"] = rows.T @ rows
        for role, rows in model.attention(at).items():
            forms[f"{at}.{role}"] = rows.T @ rows
    return forms


def _known_signature(
    model: Sampler, at: int, triple: tuple[Floats, ...], forms: dict[str, Floats], keys: list[str]
) -> Floats:
    key = (at, tuple(keys))
    if key not in model.signatures:
        model.signatures[key] = _signature(triple, [forms[one] for one in keys])
    return model.signatures[key]


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
