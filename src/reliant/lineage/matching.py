"""Layers against layers: which layer of the reference each layer of the suspect is found in.

A layer counts as found only if enough of its neurons agree, by more than chance, and by
clearly more than in the next best layer: layers of one model are not strangers to each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from reliant.lineage.agreement import Agreement, from_scores, log10_tail
from reliant.lineage.sample import LayerRows, turned_bundle

if TYPE_CHECKING:
    from reliant.lineage.coordinates import Turn

# Chosen on the zoo and on real models, see docs/lineage.md: five times the worst unrelated pair.
FLOOR = 0.10
PARTIAL_FLOOR = 0.01
LOG10_P = -8.0
FEWEST_HITS = 8


class LayerMatch(msgspec.Struct, frozen=True):
    """Where one layer of the suspect is found in the reference.

    Attributes:
        layer: Of the suspect.
        expert: Of that layer.
        reference: Layer of the reference; None if none is found.
        hits: Neurons that agree.
        chance: Expected hits by chance.
        share: Hits over those possible.
        log10_p: Corrected for all tests of this path.
        cosine: Mean cosine of the gate rows that agree.
        runner_up: Hits in the next best layer.
    """

    layer: int
    expert: int
    reference: int | None
    hits: int
    chance: float
    share: float
    log10_p: float
    cosine: float
    runner_up: int


class Outcome(NamedTuple):
    """What one stage found.

    Attributes:
        same_index: Share of the hits at the same neuron number.
        tests: Layer pairs and readings tried, for the correction of p.
        rows: Of the suspect.
        swap: Gate and up were read exchanged.
        norm: Which vector was taken for the norm.
    """

    path: str
    matches: list[LayerMatch]
    same_index: float
    tests: int
    rows: list[LayerRows]
    turn: Turn | None = None
    swap: bool = False
    norm: str = ""


def compare_layers(
    path: str, mine: list[LayerRows], yours: list[LayerRows], turn: Turn | None, tries: int
) -> Outcome:
    """Return where each of our layers is found in theirs, in the coordinates of `turn`, or as they are.

    Args:
        tries: Readings of the suspect; every one counts as a test.
    """
    tests = len(mine) * len(yours) * tries
    correction = math.log10(tests)
    left = [one.rows if turn is None else turned_bundle(one.rows, turn.ours) for one in mine]
    right = [one.rows if turn is None else turned_bundle(one.rows, turn.theirs) for one in yours]
    matches, weights, same = [], 0, 0.0
    for one, a in zip(mine, left, strict=True):
        found = [
            from_scores(a.gate @ b.gate.T, a.up @ b.up.T, a.numbers, b.numbers, width=other.neurons)
            for other, b in zip(yours, right, strict=True)
        ]
        match, agreement = _best(one, yours, found, correction)
        matches.append(match)
        weights += agreement.hits
        same += agreement.hits * agreement.same_index
    return Outcome(path, matches, same / weights if weights else 0.0, tests, mine)


def _best(
    one: LayerRows, yours: list[LayerRows], found: list[Agreement], correction: float
) -> tuple[LayerMatch, Agreement]:
    """Return the best layer of the reference, judged against the others.

    Inside one residual space other layers agree in more neurons than strangers would, so
    their median is the chance level where it is higher.
    """
    order = sorted(range(len(found)), key=lambda at: -found[at].hits)
    best = found[order[0]]
    target = yours[order[0]].layer
    others = [found[at].hits for at in order[1:] if yours[at].layer != target]
    chance = max(best.chance, float(np.median(others))) if len(others) >= 3 else best.chance
    log10_p = min(0.0, log10_tail(best.hits, chance) + correction)
    runner_up = others[0] if others else 0
    runner_share = max((found[at].share for at in order[1:] if yours[at].layer != target), default=0.0)
    clear = best.hits >= 1.5 * runner_up or runner_share >= 0.5
    sure = log10_p < LOG10_P and best.share >= FLOOR and best.hits >= FEWEST_HITS and clear
    match = LayerMatch(
        one.layer, one.expert, target if sure else None, best.hits, round(chance, 3), round(best.share, 4),
        round(log10_p, 2), round(best.cosine, 4), runner_up,
    )  # fmt: skip
    return match, best


def is_found(outcome: Outcome) -> bool:
    """Return True if a layer was found."""
    return any(match.reference is not None for match in outcome.matches)


def rank_of(outcome: Outcome) -> tuple[int, float, float]:
    """Return what outcomes are ordered by: layers found, then how near they are, then p."""
    sure = [match for match in outcome.matches if match.reference is not None]
    best = max((-match.log10_p for match in outcome.matches), default=0.0)
    return len(sure), sum(match.cosine for match in sure), best
