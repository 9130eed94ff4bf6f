"""Signs of what was done to the weights. They hint at a direction, and never decide.

Which of two related models came first cannot be told from weights alone. Some changes run
one way, though: nobody un-rounds, and pruned zeros do not fill themselves in the same places.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from reliant.lineage.sample import Sampler
    from reliant.lineage.vocabulary import TokenizerLevel
    from reliant.lineage.weights import Weights

_ZEROS = 0.2
_GRID = 0.6


def hints_for(found: Weights, ours: Sampler, theirs: Sampler, tokenizer: TokenizerLevel) -> tuple[str, ...]:
    """Return what the related suspect shows beside its relation, in sentences."""
    if found.verdict in {"none_detected", "not_testable"}:
        return ()
    hints = [*_from_map(found, len(theirs.anatomy.layers), ours)]
    mine, yours = _sampled(ours), _sampled(theirs)
    if mine is not None and yours is not None:
        zeros, other = float((mine == 0).mean()), float((yours == 0).mean())
        gridded = _on_grid(mine)
        if zeros >= _ZEROS and zeros > 2 * other and not gridded:
            hints.append(
                f"{zeros:.0%} of the values read are zero ({other:.0%} in the reference): pruned, "
                f"so the later one"
            )
        if gridded and not _on_grid(yours):
            hints.append(
                "its values lie on a coarse grid, the reference's do not: quantised, so the later one"
            )
    if tokenizer.verdict == "extended":
        hints.append("its vocabulary is the reference's with more tokens: usually the later one")
    if found.path in {"E", "P"}:
        hints.append("its residual space is turned or reordered against the reference's")
    elif found.path == "I" and found.same_index < 0.5 and found.verdict in {"derived", "near_copy"}:
        hints.append("its neurons are in another order")
    return tuple(hints)


def _from_map(found: Weights, depth: int, ours: Sampler) -> list[str]:
    hints = []
    places = [one for one in found.layer_map if one is not None]
    if len(places) > 1 and len(found.layer_map) > 1:
        repeated = sorted({one for one in places if places.count(one) > 1})
        if repeated:
            hints.append(
                f"layers {_listed(repeated)} of the reference are there more than once: "
                f"up-scaled, so the later one"
            )
        missing = sorted(set(range(depth)) - set(places))
        if missing and len(places) == len(found.layer_map) and not repeated:
            hints.append(f"layers {_listed(missing)} of the reference are left out")
        if any(a > b for a, b in itertools.pairwise(places)) and not repeated:
            hints.append("the layers are in another order")
    looked = {match.layer for match in found.layers}
    new = [at for at, one in enumerate(found.layer_map) if one is None and at in looked]
    if new and places:
        hints.append(
            f"layers {_listed(new)} were not found in the reference: replaced, spliced in or drawn anew"
        )
    copies = [match for match in found.layers if match.expert > 0 and match.reference == match.layer]
    if copies and len(ours.anatomy.layers[0].ffns) > 1:
        hints.append("several experts match one dense layer: upcycled, so the later one")
    return hints


def _listed(numbers: list[int]) -> str:
    text = ", ".join(str(one) for one in numbers[:8])
    return text + ", ..." if len(numbers) > 8 else text


def _sampled(model: Sampler) -> Any:
    """Return gate rows as stored, of a layer that every plan looks at."""
    return model.first_rows(0, folded=False)


def _on_grid(values: Any) -> bool:
    """Return True if most groups of 32 neighbours hold few distinct steps: at most 8 bits."""
    if values.shape[1] < 32:
        return False
    groups = values[:, : values.shape[1] // 32 * 32].reshape(-1, 32)
    groups = groups[(groups != 0).sum(axis=1) >= 20][:512]
    if not len(groups):
        return False
    distinct = np.array([len(np.unique(one)) for one in groups])
    return bool((distinct <= 20).mean() > _GRID)
