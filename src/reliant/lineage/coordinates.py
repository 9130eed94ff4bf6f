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
    cross = np.nan_to_num(cross, posinf=0.0, neginf=0.0)  # of values that were never weights
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


def reduced(rows: Floats) -> tuple[Floats, Floats]:
    """Return the rows in an orthonormal basis of their own span, and that basis as columns.

    Cosines among the rows, and of anything within their span, stay as they are.
    """
    if len(rows) >= rows.shape[1]:
        return rows, np.eye(rows.shape[1], dtype=np.float32)
    root, back = _roots(rows)
    return np.ascontiguousarray(root.T), rows.T @ back


def turned(rows: Floats, side: Floats) -> Floats:
    """Return unit rows after one side of a map."""
    return unit(rows @ side)


class Neurons(NamedTuple):
    """Neurons of one layer as path P knows them.

    Attributes:
        parts: Gate, up and down rows, one row per neuron.
        signature: Per neuron the numbers that no rotation changes, standardised over the layer.
    """

    parts: tuple[Floats, Floats, Floats]
    signature: Floats


def turn_from_neurons(ours: Sampler, theirs: Sampler, layers: list[int]) -> Turn | None:
    """Return the map learned from the neurons of `layers`, which must not be tested afterwards."""
    shared = form_keys(ours, layers)
    if shared is None or shared != form_keys(theirs, layers):
        return None
    mine, yours = neurons_of(ours, layers), neurons_of(theirs, layers)
    return None if mine is None or yours is None else turn_from_signatures(mine, yours)


def neurons_of(model: Sampler, layers: list[int]) -> list[Neurons] | None:
    """Return the neurons of whole layers, or None if a layer's down matrix is missing or too large."""
    keys = form_keys(model, layers)
    triples = [model.triples(at) for at in layers]
    if keys is None:
        return None
    found = []
    for at, triple in zip(layers, triples, strict=True):
        if triple is None:
            return None
        parts = (_thin(triple[0]), _thin(triple[1]), _thin(triple[2]))
        found.append(Neurons(parts, _known_signature(model, at, parts, layers)))
    return found


def turn_from_signatures(ours: list[Neurons], theirs: list[Neurons]) -> Turn | None:
    """Return the map between two models whose layers correspond.

    A neuron's signature is made of quadratic forms in matrices that turn along with it, so
    it is the same in any rotated copy. Signatures match some neurons; those give a first
    rotation, under which more match, and so on.
    """
    pairs: list[tuple[Floats, Floats]] = []
    for a, b in zip(ours, theirs, strict=True):
        match = mutual(-_distances(a.signature, b.signature))
        hit = np.flatnonzero(match >= 0)
        for part in range(3):
            pairs.append((unit(a.parts[part])[hit], unit(b.parts[part])[match[hit]]))
    turn = _solve(pairs)
    for _ in range(_STEPS):
        if turn is None:
            return None
        pairs = []
        for a, b in zip(ours, theirs, strict=True):
            score = sum(
                np.abs(turned(a.parts[part], turn.ours) @ turned(b.parts[part], turn.theirs).T)
                for part in range(3)
            )
            match = mutual(score)
            hit = np.flatnonzero(match >= 0)
            for part in range(3):
                one, two = unit(a.parts[part])[hit], unit(b.parts[part])[match[hit]]
                cosine = (turned(one, turn.ours) * turned(two, turn.theirs)).sum(axis=1)
                pairs.append((one * np.sign(cosine)[:, None], two))
        turn = _solve(pairs)
    return turn


def _solve(pairs: list[tuple[Floats, Floats]]) -> Turn | None:
    cross = sum(one.T @ two for one, two in pairs)
    return Turn(*polar(cross)) if np.abs(cross).any() else None


def _thin(rows: Floats) -> Floats:
    return rows if len(rows) <= _SAMPLE * 2 else rows[: _SAMPLE * 2]


def form_keys(model: Sampler, layers: list[int]) -> tuple[str, ...] | None:
    """Return the names of the forms that signatures over `layers` use; None if a layer has no whole FFN."""
    forms = _forms(model, layers)
    return None if forms is None else tuple(sorted(forms))


def _forms(model: Sampler, layers: list[int]) -> dict[str, Floats] | None:
    """Return matrices of the residual space that turn with the model, none from a layer under test."""
    key = tuple(layers)
    if key not in model.forms:
        forms: dict[str, Floats] = {}
        for at in layers:
            triple = model.triples(at)
            if triple is None:
                return None
            for part, rows in zip(("gate", "up", "down"), triple, strict=True):
                forms[f"{at}.{part}"] = rows.T @ rows
            for role, rows in model.attention(at).items():
                forms[f"{at}.{role}"] = rows.T @ rows
        model.forms[key] = forms
    return model.forms[key]


def _known_signature(model: Sampler, at: int, parts: tuple[Floats, ...], layers: list[int]) -> Floats:
    key = (at, tuple(layers))
    if key not in model.signatures:
        forms = _forms(model, layers) or {}
        model.signatures[key] = _signature(parts, [forms[one] for one in sorted(forms)])
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
