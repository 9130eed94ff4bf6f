"""The weights level: the one that decides.

Paths are tried from the cheapest on, each with more rows than the last, until one finds a
relation, the byte budget is spent, or nothing is left to try. What was not found is said
with the limit down to which it would have been: absence is never proved.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import (
    Agreement,
    Bundle,
    detection_limit,
    from_scores,
    log10_tail,
    matching_floor,
    unit,
)
from reliant.lineage.coordinates import Turn, turn_from_neurons, turn_from_pairs
from reliant.lineage.formats.source import BudgetSpent
from reliant.lineage.sample import LayerRows, Sampler, spread_layers, turned_bundle
from reliant.lineage.shares import drift_pattern
from reliant.lineage.vocabulary import Vocabulary, shared_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = Any

# Chosen on the zoo and on real models, see docs/lineage.md: five times the worst unrelated pair.
FLOOR = 0.10
PARTIAL_FLOOR = 0.01
LOG10_P = -8.0
_FEWEST_HITS = 8
_NEAR_COPY = 0.995
_WORK = 2e11  # multiplications of one stage: seconds on one core
_QUICK_ROWS = 64
_WIDE = 2048


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
        path: I, E or P; `bytes` for an exact copy; `S0` for the embedding test; None if nothing is found.
        agreement: The best layer's share of agreeing neurons.
        log10_p: The best layer's, corrected for the number of tests.
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


class Side:
    """One model of a pair, ready to be sampled."""

    def __init__(self, sampler: Sampler, vocabulary: Vocabulary | None) -> None:
        self.sampler = sampler
        self.vocabulary = vocabulary
        self.meter = sampler.values.opened.place.meter
        self.limits: dict[tuple[int, ...], float] = {}  # measured once for rows of one size

    @property
    def depth(self) -> int:
        """Return the number of layers."""
        return len(self.sampler.anatomy.layers)

    @property
    def experts(self) -> int:
        """Return the largest number of FFN blocks in a layer."""
        return max(len(layer.ffns) for layer in self.sampler.anatomy.layers)

    def affords(self, layers: list[int], rows: int, part: float = 1.0) -> bool:
        """Return True if reading so much keeps within `part` of what is left of the budget."""
        left = self.meter.left
        return left is None or self.sampler.cost(layers, rows) <= left * part


class _Stage(NamedTuple):
    """One thing to try: which rows, in which coordinates."""

    path: str
    ours: list[int]
    theirs: list[int]
    our_rows: int
    their_rows: int


class _Outcome(NamedTuple):
    path: str
    matches: list[LayerMatch]
    same_index: float
    tests: int
    rows: list[LayerRows]
    turn: Turn | None = None
    swap: bool = False
    norm: str = ""


def weigh(ours: Side, theirs: Side) -> Weights:
    """Return what the weights of two models say about a common past.

    Raises:
        WeightsError: Values that the headers promise cannot be read.
    """
    tried: list[str] = []
    best: _Outcome | None = None
    same_width = ours.sampler.d == theirs.sampler.d
    limit_rows: list[LayerRows] = []
    attempts: list[Attempt] = []
    for outcome in _within_budget(_outcomes(ours, theirs, same_width=same_width)):
        if outcome.path not in tried:
            tried.append(outcome.path)
        attempts.append(_attempt(outcome))
        if len(outcome.rows) and (
            not limit_rows or len(outcome.rows[0].rows.gate) > len(limit_rows[0].rows.gate)
        ):
            limit_rows = outcome.rows
        if best is None or _rank(outcome) > _rank(best):
            best = outcome
        if _found(outcome):
            break
    if best is None:
        return Weights(verdict="not_testable", why=_why_untestable(ours, theirs), paths_tried=tuple(tried))
    if _found(best):
        best = _whole_map(ours, theirs, best)
    found = _verdict(ours, theirs, best, tried, limit_rows)
    return msgspec.structs.replace(found, attempts=tuple(attempts))


def _within_budget(outcomes: Iterator[_Outcome]) -> Iterator[_Outcome]:
    """Yield outcomes until the byte budget is spent: what was found so far then stands."""
    with contextlib.suppress(BudgetSpent):
        yield from outcomes


def _attempt(outcome: _Outcome) -> Attempt:
    top = max(outcome.matches, key=lambda match: (match.reference is not None, -match.log10_p))
    return Attempt(outcome.path, top.share, top.log10_p, top.hits, len(outcome.rows[0].rows.gate))


def _outcomes(ours: Side, theirs: Side, *, same_width: bool) -> Iterator[_Outcome]:
    """Yield what each stage finds, the cheapest first.

    Very wide rows are many megabytes, so there path E, which maps them down as it reads,
    comes before path I with all rows.
    """
    tests = 0
    wide = max(ours.sampler.d, theirs.sampler.d) > _WIDE
    for stage in _identity_stages(ours, theirs, wide=wide) if same_width else ():
        outcome = _best_reading(ours, theirs, stage, None)
        if outcome is not None:
            tests += outcome.tests
            yield outcome._replace(tests=tests)
    turn = _token_turn(ours, theirs)
    for stage in _wide_stages(ours, theirs, "E") if turn is not None else ():
        outcome = _best_reading(ours, theirs, stage, turn)
        if outcome is not None:
            yield outcome
    for stage in _wide_stages(ours, theirs, "I") if same_width and wide else ():
        outcome = _best_reading(ours, theirs, stage, None)
        if outcome is not None:
            yield outcome
    if same_width and ours.depth == theirs.depth and ours.depth >= 2:
        outcome = _by_neurons(ours, theirs)
        if outcome is not None:
            yield outcome


def _best_reading(ours: Side, theirs: Side, stage: _Stage, turn: Turn | None) -> _Outcome | None:
    """Return the best outcome over the ways to read the suspect; every way counts as a test."""
    readings = _variants(ours, theirs)
    found = [
        _run(ours, theirs, stage, turn, swap=swap, norm=norm, tries=len(readings)) for swap, norm in readings
    ]
    return max((one for one in found if one is not None), key=_rank, default=None)


def _variants(ours: Side, theirs: Side) -> list[tuple[bool, str]]:
    """Return the ways to read a suspect whose tensor roles had to be guessed."""
    anatomy = ours.sampler.anatomy
    if not anatomy.guessed or theirs.sampler.anatomy.guessed:
        return [(False, "")]
    norms = ["none", *[str(at) for at in range(min(4, len(anatomy.norm_choices[0])))]]
    swaps = [False, True] if anatomy.layers[0].ffns[0].up is not None else [False]
    return [(swap, norm) for norm in norms for swap in swaps]


def _identity_stages(ours: Side, theirs: Side, *, wide: bool) -> Iterator[_Stage]:
    few, many = spread_layers(ours.depth, 4), list(range(ours.depth))
    all_theirs = list(range(theirs.depth))
    aligned = few if ours.depth == theirs.depth else spread_layers(theirs.depth, 4)
    quick = _Stage("I", few, aligned, _QUICK_ROWS, _QUICK_ROWS)
    if ours.affords(few, _QUICK_ROWS) and theirs.affords(aligned, _QUICK_ROWS):
        yield quick
    for layers in (many, few):
        if ours.affords(layers, _QUICK_ROWS, 0.5) and theirs.affords(all_theirs, _QUICK_ROWS, 0.5):
            yield _Stage("I", layers, all_theirs, _QUICK_ROWS, _QUICK_ROWS)
            break
    if not wide:
        yield from _wide_stages(ours, theirs, "I")


def _wide_stages(ours: Side, theirs: Side, path: str) -> Iterator[_Stage]:
    """Yield stages with as many rows as budget and time allow, so that shuffled neurons meet."""
    d = max(ours.sampler.d, theirs.sampler.d)
    neurons = min(ours.sampler.anatomy.ff, 4096)
    theirs_neurons = min(theirs.sampler.anatomy.ff, 4096)
    whole = max(ours.sampler.anatomy.ff, theirs.sampler.anatomy.ff)
    enough = int(math.sqrt(20 * whole)) + 1  # 20 common neurons expected in two random samples
    if path == "E":
        # First and last layers speak of tokens, so under a map learned from tokens strangers agree there too:
        # 25 of 1536 neurons for SmolLM2-135M against Gemma-3-270M, where the middle has at most 2.
        inner = (_inner_layers(ours.depth), _inner_layers(theirs.depth))
    else:
        inner = (list(range(ours.depth)), list(range(theirs.depth)))

    def some(side: int, count: int) -> list[int]:
        return [inner[side][at] for at in spread_layers(len(inner[side]), count)]

    options = [
        (some(0, 4), inner[1], neurons, theirs_neurons),
        (some(0, 4), inner[1], 512, theirs_neurons),
        (some(0, 4), some(1, 4), enough, enough),
        (some(0, 2), some(1, 2), enough, enough),
        (some(0, 4), some(1, 4), 128, 128),
    ]
    for a, b, rows_a, rows_b in options:
        work = len(a) * len(b) * ours.experts * theirs.experts * rows_a * rows_b * d * 2
        if work <= _WORK and ours.affords(a, rows_a, 0.9) and theirs.affords(b, rows_b, 0.9):
            yield _Stage(path, a, b, rows_a, rows_b)
            return


def _inner_layers(depth: int) -> list[int]:
    return list(range(depth)) if depth < 4 else list(range(1, depth - 1))


def _run(
    ours: Side,
    theirs: Side,
    stage: _Stage,
    turn: Turn | None,
    *,
    swap: bool = False,
    norm: str = "",
    tries: int = 1,
) -> _Outcome | None:
    sides = (None, None) if turn is None else (turn.ours, turn.theirs)
    mine = ours.sampler.layer_rows(stage.ours, stage.our_rows, swap=swap, norm=norm, turn=sides[0])
    yours = theirs.sampler.layer_rows(stage.theirs, stage.their_rows, turn=sides[1])
    mine = [one for one in mine if len(one.rows.gate) >= 8]
    yours = [one for one in yours if len(one.rows.gate) >= 8]
    if not mine or not yours:
        return None
    return _compare(stage.path, mine, yours, turn, tries)._replace(turn=turn, swap=swap, norm=norm)


def _compare(
    path: str, mine: list[LayerRows], yours: list[LayerRows], turn: Turn | None, tries: int
) -> _Outcome:
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
    return _Outcome(path, matches, same / weights if weights else 0.0, tests, mine)


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
    sure = log10_p < LOG10_P and best.share >= FLOOR and best.hits >= _FEWEST_HITS and clear
    match = LayerMatch(
        one.layer, one.expert, target if sure else None, best.hits, round(chance, 3), round(best.share, 4),
        round(log10_p, 2), round(best.cosine, 4), runner_up,
    )  # fmt: skip
    return match, best


def _found(outcome: _Outcome) -> bool:
    return any(match.reference is not None for match in outcome.matches)


def _rank(outcome: _Outcome) -> tuple[int, float, float]:
    sure = [match for match in outcome.matches if match.reference is not None]
    best = max((-match.log10_p for match in outcome.matches), default=0.0)
    return len(sure), sum(match.cosine for match in sure), best


def _whole_map(ours: Side, theirs: Side, found: _Outcome) -> _Outcome:
    """Return the outcome over all layers, if they were not all looked at and reading them is affordable."""
    if found.path == "P":  # its even layers taught it the map, and so cannot be judged by it
        return found
    layers, all_theirs = list(range(ours.depth)), list(range(theirs.depth))
    rows = max(_QUICK_ROWS, len(found.rows[0].rows.gate))
    for count in dict.fromkeys((rows, _QUICK_ROWS)):
        work = (
            len(layers) * len(all_theirs) * ours.experts * theirs.experts * count * count * ours.sampler.d * 2
        )
        if work <= _WORK and ours.affords(layers, count) and theirs.affords(all_theirs, count):
            stage = _Stage(found.path, layers, all_theirs, count, count)
            whole = _run(ours, theirs, stage, found.turn, swap=found.swap, norm=found.norm)
            if whole is not None and _found(whole):
                return whole._replace(tests=found.tests + whole.tests)
    return found


def _token_turn(ours: Side, theirs: Side) -> Turn | None:
    """Return the map that shared tokens give: path E's coordinates."""
    mine, yours = _token_rows(ours, theirs)
    return None if mine is None or yours is None else turn_from_pairs(mine, yours)


def _token_rows(ours: Side, theirs: Side) -> tuple[Floats | None, Floats | None]:
    a, b = ours.sampler.anatomy, theirs.sampler.anatomy
    if a.embedding is None or b.embedding is None:
        return None, None
    pairs = shared_ids(ours.vocabulary, theirs.vocabulary, (a.embedding.count, b.embedding.count))
    tables = [(a.embedding, b.embedding)]
    if a.head is not None and b.head is not None:
        tables.append((a.head, b.head))
    count = _token_count(ours, theirs, len(pairs), len(tables))
    if count < 64:
        return None, None
    chosen = _in_blocks(pairs, count)
    ids_a = np.array([one for one, _ in chosen])
    ids_b = np.array([other for _, other in chosen])
    mine, yours = [], []
    for table_a, table_b in tables:
        rows_a, rows_b = ours.sampler.values.pick(table_a, ids_a), theirs.sampler.values.pick(table_b, ids_b)
        rows_a -= rows_a.mean(axis=0)
        rows_b -= rows_b.mean(axis=0)
        mine.append(unit(rows_a))
        yours.append(unit(rows_b))
    return np.concatenate(mine), np.concatenate(yours)


def _token_count(ours: Side, theirs: Side, available: int, tables: int) -> int:
    """Return how many tokens to read: a few times the width for small models, fewer for large ones."""
    d = max(ours.sampler.d, theirs.sampler.d)
    wanted = min(available, 4096 if d <= 1024 else 1024 if d <= 2048 else 384)
    for side in (ours, theirs):
        embedding = side.sampler.anatomy.embedding
        if side.meter.left is not None and embedding is not None:
            each = max(1, side.sampler.values.cost(embedding, 1000) / 1000) * tables
            wanted = min(wanted, int(side.meter.left * 0.45 / each))
    return wanted


def _in_blocks(pairs: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Return `count` pairs in 16 runs, so that their rows lie near each other."""
    if len(pairs) <= count:
        return pairs
    run = -(-count // 16)
    starts = [round(at * (len(pairs) - run) / 15) for at in range(16)]
    return sorted({pair for start in starts for pair in pairs[start : start + run]})[:count]


def _by_neurons(ours: Side, theirs: Side) -> _Outcome | None:
    """Run path P: learn the map on even layers, test on odd ones."""
    a, b = ours.sampler.anatomy, theirs.sampler.anatomy
    if a.ff != b.ff or a.ff > 4096 or a.d > 2048 or ours.experts > 1 or theirs.experts > 1:
        return None
    learned = list(range(0, ours.depth, 2))[:6]
    tested = list(range(1, ours.depth, 2))[:6]
    if not ours.affords(learned + tested, a.ff) or not theirs.affords(learned + tested, b.ff):
        return None
    turn = turn_from_neurons(ours.sampler, theirs.sampler, learned)
    if turn is None:
        return None
    rows = min(a.ff, int(math.sqrt(_WORK / (2 * a.d * len(tested) ** 2))))
    return _run(ours, theirs, _Stage("P", tested, tested, rows, rows), turn)


def _why_untestable(ours: Side, theirs: Side) -> str:
    if ours.sampler.d != theirs.sampler.d:
        return "The widths differ and no common tokens were found, so no common coordinates can be set up."
    return "Too few usable rows could be read: they are zero, not finite, doubled, or beyond the byte budget."


def _verdict(ours: Side, theirs: Side, best: _Outcome, tried: list[str], rows: list[LayerRows]) -> Weights:
    top = max(best.matches, key=lambda match: (match.reference is not None, -match.log10_p))
    sure = [match for match in best.matches if match.reference is not None]
    verdict, path = "none_detected", None
    embedding_cosine, embedding_p = (None, None) if sure else _same_space(ours, theirs)
    if sure:
        near = all(match.cosine >= _NEAR_COPY and match.share >= 0.9 for match in best.matches)
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
    return top.log10_p < LOG10_P and top.share >= PARTIAL_FLOOR and top.hits >= _FEWEST_HITS


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
        mine, yours = _token_rows(ours, theirs)
    except WeightsError:
        return None, None
    if mine is None or yours is None or len(mine) < 64:
        return None, None
    cosine = float((mine * yours).sum(axis=1).mean())
    generator = np.random.default_rng(0)
    if mine.shape[1] <= _WIDE:
        cross = mine.T @ yours / len(mine)
        rows = np.arange(len(cross))
        above = sum(float(cross[rows, generator.permutation(len(rows))].sum()) >= cosine for _ in range(999))
        return round(cosine, 4), (above + 1) / 1000
    mine, yours = mine[:256], yours[:256]  # the table of all pairs of coordinates would not fit
    least = float((mine * yours).sum())
    above = sum(
        float((mine * yours[:, generator.permutation(mine.shape[1])]).sum()) >= least for _ in range(199)
    )
    return round(cosine, 4), (above + 1) / 200
