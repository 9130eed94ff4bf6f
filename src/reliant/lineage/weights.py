"""The weights level: the one that decides.

Paths are tried from the cheapest on, each with more rows than the last, until one finds a
relation, the byte budget is spent, or nothing is left to try. What was not found is said
with the limit down to which it would have been: absence is never proved.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import Bundle, detection_limit, matching_floor
from reliant.lineage.formats.source import BudgetSpent
from reliant.lineage.matching import (
    FEWEST_HITS,
    FLOOR,
    LOG10_P,
    PARTIAL_FLOOR,
    LayerMatch,
    Outcome,
    is_found,
    rank_of,
)
from reliant.lineage.shares import drift_pattern
from reliant.lineage.stages import Side, outcomes, whole_map
from reliant.lineage.token_rows import token_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.lineage.sample import LayerRows

Floats = Any

NEAR_COPY = 0.995
_WIDE = 2048

__all__ = ["FLOOR", "LOG10_P", "NEAR_COPY", "Attempt", "LayerMatch", "Side", "Weights", "weigh"]


class Attempt(msgspec.Struct, frozen=True):
    """One stage that was tried: its best layer, and how many rows of each model's layers it used."""

    path: str
    agreement: float
    log10_p: float
    hits: int
    rows: int


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What the weights say of one pair.

    Attributes:
        verdict: exact, near_copy, derived, partial, same_space, none_detected or not_testable.
        path: I, E, P or A; T for matrices of models without neurons; `bytes` for equality; `S0` for the
            embedding test; None if nothing is found.
        agreement: The best layer's share of agreeing neurons; of rows for T, of equal values for `bytes`.
        log10_p: The best layer's or matrix's, corrected for the number of tests.
        layer_map: Per layer of the suspect the layer of the reference, or None.
        detection_limit: The least cosine between neurons that these rows would have shown.
        same_index: Share of hits at the same neuron number: low means the neurons were shuffled.
        bits_equal: Every row read was equal to the last bit.
        bytes_read: Of the suspect, from opening it up to and with this comparison.
        second_opinion: The exact permutation test's p, if it ran.
        hints: Signs of what was done to the weights; none of them decides.
    """

    verdict: str
    path: str | None = None
    agreement: float = 0.0
    log10_p: float = 0.0
    cosine: float = 0.0
    layer_map: tuple[int | None, ...] = ()
    layers: tuple[LayerMatch, ...] = ()
    detection_limit: float | None = None
    rows_read: int = 0
    bytes_read: int = 0
    reference_bytes_read: int = 0
    ranges: int = 0
    tests: int = 0
    same_index: float = 0.0
    bits_equal: bool = False
    second_opinion: float | None = None
    embedding_cosine: float | None = None
    paths_tried: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    hints: tuple[str, ...] = ()
    why: str = ""
    shares: dict[str, float] = {}


def weigh(ours: Side, theirs: Side) -> Weights:
    """Return what the weights of two models say about a common past.

    Raises:
        WeightsError: Values that the headers promise cannot be read.
    """
    tried: list[str] = []
    best: Outcome | None = None
    same_width = ours.sampler.d == theirs.sampler.d
    limit_rows: list[LayerRows] = []
    attempts: list[Attempt] = []
    for outcome in _within_budget(outcomes(ours, theirs, same_width=same_width)):
        if outcome.path not in tried:
            tried.append(outcome.path)
        attempts.append(_attempt(outcome))
        if len(outcome.rows) and (
            not limit_rows or len(outcome.rows[0].rows.gate) > len(limit_rows[0].rows.gate)
        ):
            limit_rows = outcome.rows
        if best is None or rank_of(outcome) > rank_of(best):
            best = outcome
        if is_found(outcome):
            break
    if best is None:
        return Weights(verdict="not_testable", why=_why_untestable(ours, theirs), paths_tried=tuple(tried))
    if is_found(best):
        best = whole_map(ours, theirs, best)
    found = _verdict(ours, theirs, best, tried, limit_rows)
    return msgspec.structs.replace(found, attempts=tuple(attempts))


def _within_budget(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Yield outcomes until the byte budget is spent: what was found so far then stands."""
    with contextlib.suppress(BudgetSpent):
        yield from outcomes


def _attempt(outcome: Outcome) -> Attempt:
    top = max(outcome.matches, key=lambda match: (match.reference is not None, -match.log10_p))
    return Attempt(outcome.path, top.share, top.log10_p, top.hits, len(outcome.rows[0].rows.gate))


def _why_untestable(ours: Side, theirs: Side) -> str:
    if ours.sampler.d != theirs.sampler.d:
        return "The widths differ and no common tokens were found, so no common coordinates can be set up."
    return "Too few usable rows could be read: they are zero, not finite, doubled, or beyond the byte budget."


def _verdict(ours: Side, theirs: Side, best: Outcome, tried: list[str], rows: list[LayerRows]) -> Weights:
    top = max(best.matches, key=lambda match: (match.reference is not None, -match.log10_p))
    sure = [match for match in best.matches if match.reference is not None]
    verdict, path = "none_detected", None
    embedding_cosine, embedding_p = (None, None) if sure else _same_space(ours, theirs)
    if sure:
        near = all(match.cosine >= NEAR_COPY and match.share >= 0.9 for match in best.matches)
        straight = all(match.reference == match.layer for match in best.matches if match.expert == 0)
        whole = best.path == "I" and ours.depth == theirs.depth
        drifted = near and straight and whole and drift_pattern(ours.sampler, theirs.sampler, sure)
        verdict = "near_copy" if near and straight and whole and not drifted else "derived"
        path = best.path
    elif embedding_p is not None and embedding_p <= 0.005 and (embedding_cosine or 0) >= 0.1:
        verdict, path = "same_space", "S0"
    elif best.path == "I" and _few_but_sure(top):
        verdict, path = "partial", "I"
    return Weights(
        verdict=verdict,
        path=path,
        agreement=top.share,
        log10_p=top.log10_p,
        cosine=top.cosine,
        layer_map=_layer_map(ours.depth, best.matches),
        layers=tuple(best.matches),
        detection_limit=_limit(ours, theirs, rows or best.rows),
        rows_read=ours.sampler.values.rows_read,
        bytes_read=ours.meter.bytes_read,
        reference_bytes_read=theirs.meter.bytes_read,
        ranges=ours.meter.ranges,
        tests=best.tests,
        same_index=round(best.same_index, 4),
        embedding_cosine=embedding_cosine,
        paths_tried=tuple(tried),
    )


def _few_but_sure(top: LayerMatch) -> bool:
    """Return True for agreement too small to call descent; only path I may say so.

    A learned map makes "universal" neurons of unrelated models agree: 1.6 % have been seen.
    """
    return top.log10_p < LOG10_P and top.share >= PARTIAL_FLOOR and top.hits >= FEWEST_HITS


def _layer_map(depth: int, matches: list[LayerMatch]) -> tuple[int | None, ...]:
    found: list[int | None] = [None] * depth
    share = [0.0] * depth
    for match in matches:
        if match.reference is not None and match.share > share[match.layer]:
            found[match.layer], share[match.layer] = match.reference, match.share
    return tuple(found)


def _limit(ours: Side, theirs: Side, rows: list[LayerRows]) -> float | None:
    usable = [one for one in rows if len(one.rows.gate) >= 8]
    if not usable:
        return None
    middle = usable[len(usable) // 2]
    bundle = middle.rows
    if len(bundle.gate) > 512:
        bundle = Bundle(bundle.gate[:512], bundle.up[:512], bundle.numbers[:512])
    key = (*bundle.gate.shape, middle.neurons)
    if key not in ours.limits:
        ours.limits[key] = detection_limit(bundle, width=middle.neurons, floor=FLOOR)
    return round(max(ours.limits[key], matching_floor(len(middle.rows.gate), ours.sampler.d) * 0.5), 3)


def _same_space(ours: Side, theirs: Side) -> tuple[float | None, float | None]:
    """Return the mean cosine of token rows at equal coordinates, and its exact p by shuffled coordinates."""
    if ours.sampler.d != theirs.sampler.d:
        return None, None
    try:
        mine, yours = token_rows(ours, theirs)
    except WeightsError:
        return None, None
    if mine is None or yours is None or len(mine) < 64:
        return None, None
    cosine = float((mine * yours).sum(axis=1).mean())
    generator = np.random.default_rng(0)
    if mine.shape[1] > _WIDE:  # the table of all pairs of coordinates would not fit: shuffle some of them
        some = np.sort(generator.choice(mine.shape[1], _WIDE, replace=False))
        mine, yours = mine[:, some], yours[:, some]
    cross = mine.T @ yours / len(mine)
    rows = np.arange(len(cross))
    true = float(np.trace(cross))
    above = sum(float(cross[rows, generator.permutation(len(rows))].sum()) >= true for _ in range(999))
    return round(cosine, 4), (above + 1) / 1000
