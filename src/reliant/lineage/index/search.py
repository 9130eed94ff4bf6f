"""One suspect against an index, by path I on the projected rows.

Structure and tokenizer only set the order in which fingerprints are compared. Every one of
the same width is compared; none is left out for looking different.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reliant.lineage.agreement import agree, log10_tail
from reliant.lineage.weights import FLOOR, LOG10_P

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.lineage.agreement import Bundle
    from reliant.lineage.index.fingerprint import Fingerprint

_FIRST_LAYERS = 6


class Candidate(NamedTuple):
    """One fingerprint compared.

    Attributes:
        agreement: The best layer's share of agreeing rows.
        log10_p: Corrected for layers and for the number of fingerprints searched.
        layers: Suspect layers found, of those compared.
    """

    name: str
    agreement: float
    log10_p: float
    cosine: float
    layers: int
    compared: int
    related: bool
    same_tokenizer: bool
    same_shape: bool


def search(suspect: Fingerprint, index: Iterable[Fingerprint]) -> list[Candidate]:
    """Return every fingerprint of the suspect's width compared, the best first."""
    ours = suspect.bundles()
    pool = [one for one in index if one.width == suspect.width and one.dimensions == suspect.dimensions]
    pool.sort(key=lambda one: _order(suspect, one))
    found = [_compare(suspect, ours, one, len(pool)) for one in pool]
    return sorted(found, key=lambda one: (-int(one.related), one.log10_p, -one.agreement, one.name))


def _order(suspect: Fingerprint, one: Fingerprint) -> tuple[bool, bool, str]:
    return (
        one.header_digest != suspect.header_digest,
        one.vocabulary_digest != suspect.vocabulary_digest,
        one.name,
    )


def _compare(suspect: Fingerprint, ours: list[Bundle], one: Fingerprint, searched: int) -> Candidate:
    theirs = one.bundles()
    some = sorted({round(at * (len(ours) - 1) / max(1, _FIRST_LAYERS - 1)) for at in range(_FIRST_LAYERS)})
    mine = [at for at in some if 0 <= at < len(ours) and len(ours[at].gate) >= 8]
    yours = [at for at, rows in enumerate(theirs) if len(rows.gate) >= 8]
    correction = math.log10(max(1, len(mine) * len(yours) * searched))
    best_share, best_p, best_cosine, layers = 0.0, 0.0, 0.0, 0
    for at in mine:
        results = [
            (agree(ours[at], theirs[other], width=one.blocks[other].neurons), other) for other in yours
        ]
        if not results:
            continue
        top, _ = max(results, key=lambda pair: pair[0].hits)
        others = [result.hits for result, _ in results if result is not top]
        chance = max(top.chance, float(np.median(others))) if len(others) >= 3 else top.chance
        log10_p = min(0.0, log10_tail(top.hits, chance) + correction)
        layers += log10_p < LOG10_P and top.share >= FLOOR
        if log10_p < best_p or (log10_p == best_p and top.share > best_share):
            best_share, best_p, best_cosine = top.share, log10_p, top.cosine
    return Candidate(
        name=one.name,
        agreement=round(best_share, 4),
        log10_p=round(best_p, 2),
        cosine=round(best_cosine, 4),
        layers=layers,
        compared=len(mine),
        related=layers > 0,
        same_tokenizer=one.vocabulary_digest == suspect.vocabulary_digest and one.vocabulary > 0,
        same_shape=one.header_digest == suspect.header_digest,
    )
