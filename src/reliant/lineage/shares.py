"""How much of each parent is in a merge, and a second opinion that needs no Poisson count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reliant.lineage.agreement import unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reliant.lineage.sample import Sampler
    from reliant.lineage.weights import LayerMatch, Weights

_DRAWS = 999
_TOO_ALIKE = 0.8
_NOTHING = 1e-7
_STANDS_OUT = 2.0  # times the largest share of a random matrix; rounding stays below 1.3 on the zoo


def parent_shares(suspect: Sampler, parents: Mapping[str, tuple[Sampler, Weights]]) -> dict[str, float]:
    """Return the share of each parent in the suspect's weights, by least squares layer by layer.

    Only parents found by path I can be weighed against each other, and only if they are not
    themselves close relatives: then any split between them would fit. A layer in which a
    parent was not found counts as zero.

    Returns:
        Reference -> share in about [0, 1]; empty if there are fewer than two parents to weigh.
    """
    usable = {
        name: pair for name, pair in parents.items() if pair[1].path == "I" and pair[1].same_index > 0.5
    }
    if len(usable) < 2:
        return {}
    names = sorted(usable)
    totals = dict.fromkeys(names, 0.0)
    depth = len(suspect.anatomy.layers)
    counted = 0
    for at in range(depth):
        columns, owners = [], []
        for name in names:
            sampler, found = usable[name]
            target = found.layer_map[at] if at < len(found.layer_map) else None
            rows = None if target is None else _raw(sampler, target)
            if rows is not None:
                columns.append(rows.ravel())
                owners.append(name)
        mine = _raw(suspect, at)
        if mine is None or any(len(one) != mine.size for one in columns):
            continue
        counted += 1
        if not columns:
            continue
        if len(columns) > 1 and _alike(columns):
            return {}
        solution, *_ = np.linalg.lstsq(np.stack(columns, axis=1), mine.ravel(), rcond=None)
        for owner, part in zip(owners, solution, strict=True):
            totals[owner] += max(0.0, float(part))
    return {name: round(min(1.0, total / counted), 3) for name, total in totals.items()} if counted else {}


def _alike(columns: Sequence[Any]) -> bool:
    rows = unit(np.stack(columns))
    cosines = np.abs(rows @ rows.T)
    np.fill_diagonal(cosines, 0)
    return bool(cosines.max() > _TOO_ALIKE)


def _raw(model: Sampler, at: int) -> Any:
    return model.first_rows(at)


def drift_pattern(suspect: Sampler, reference: Sampler, matches: Sequence[LayerMatch]) -> bool:
    """Return True if the small difference of a near copy has the form that training gives it.

    Rounding makes a difference like noise: its largest singular value is that of a random
    matrix. Training moves weights along few directions, so there the largest stands out.
    """
    for match in [one for one in matches if one.expert == 0][:4]:
        a, b = _raw(suspect, match.layer), _raw(reference, match.reference or 0)
        if a is not None and b is not None and a.shape == b.shape and has_drift(a, b):
            return True
    return False


def has_drift(ours: Any, theirs: Any) -> bool:
    """Return True if rows of one shape differ along few directions; see `drift_pattern`."""
    scale = (ours * theirs).sum(axis=1, keepdims=True)
    scale = scale / np.maximum((theirs * theirs).sum(axis=1, keepdims=True), 1e-30)
    rest = unit(ours) - unit(scale * theirs)
    size = float((rest**2).sum())
    if size < _NOTHING * len(rest):
        return False
    rows, width = rest.shape
    largest = float(np.linalg.svd(rest, compute_uv=False)[0] ** 2) / size
    return bool(largest > _STANDS_OUT * (1 + np.sqrt(rows / width)) ** 2 / rows)


def permutation_p(suspect: Sampler, reference: Sampler, matches: Sequence[LayerMatch]) -> float | None:
    """Return the exact p of equal order: is row i nearer to row i than under shuffled neurons?

    Under strangers any order of the suspect's neurons is as likely as its own, so the rank
    of the true order among 999 random ones is an exact p, at least 0.001 (after Zhu et al.
    2025, arXiv 2502.12292, the constrained test).
    """
    matched = [match for match in matches if match.reference is not None and match.expert == 0][:4]
    pairs = [(_raw(suspect, one.layer), _raw(reference, one.reference or 0)) for one in matched]
    usable = [(unit(a), unit(b)) for a, b in pairs if a is not None and b is not None and a.shape == b.shape]
    if not usable:
        return None
    generator = np.random.default_rng(0)
    scores = [a @ b.T for a, b in usable]
    true = sum(float(np.trace(score)) for score in scores)
    above = 0
    for _ in range(_DRAWS):
        drawn = sum(
            float(score[np.arange(len(score)), generator.permutation(len(score))].sum()) for score in scores
        )
        above += drawn >= true
    return (above + 1) / (_DRAWS + 1)
