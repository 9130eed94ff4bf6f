"""What is tried, in which order, with how many rows: the cheapest first, within budget and time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from reliant.lineage.coordinates import turn_from_neurons
from reliant.lineage.matching import Outcome, compare_layers, is_found, rank_of
from reliant.lineage.sample import Sampler, spread_layers
from reliant.lineage.token_rows import token_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.lineage.coordinates import Turn
    from reliant.lineage.vocabulary import Vocabulary

_WORK = 2e11  # multiplications of one stage: seconds on one core
_QUICK_ROWS = 64
_WIDE = 2048


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


def outcomes(ours: Side, theirs: Side, *, same_width: bool) -> Iterator[Outcome]:
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
    turn = token_turn(ours, theirs)
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


def _best_reading(ours: Side, theirs: Side, stage: _Stage, turn: Turn | None) -> Outcome | None:
    """Return the best outcome over the ways to read the suspect; every way counts as a test."""
    guessed = theirs.sampler.anatomy.guessed
    readings = [(False, "")] if guessed else readings_of(ours.sampler)
    found = [
        _run(ours, theirs, stage, turn, swap=swap, norm=norm, tries=len(readings)) for swap, norm in readings
    ]
    return max((one for one in found if one is not None), key=rank_of, default=None)


def readings_of(model: Sampler) -> list[tuple[bool, str]]:
    """Return the ways to read a model whose tensor roles were guessed: gate and up exchanged, which norm."""
    anatomy = model.anatomy
    if not anatomy.guessed:
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
        inner = (inner_layers(ours.depth), inner_layers(theirs.depth))
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


def inner_layers(depth: int) -> list[int]:
    """Return the layers but the first and the last, which speak of tokens."""
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
) -> Outcome | None:
    sides = (None, None) if turn is None else (turn.ours, turn.theirs)
    mine = ours.sampler.layer_rows(stage.ours, stage.our_rows, swap=swap, norm=norm, turn=sides[0])
    yours = theirs.sampler.layer_rows(stage.theirs, stage.their_rows, turn=sides[1])
    mine = [one for one in mine if len(one.rows.gate) >= 8]
    yours = [one for one in yours if len(one.rows.gate) >= 8]
    if not mine or not yours:
        return None
    return compare_layers(stage.path, mine, yours, turn, tries)._replace(turn=turn, swap=swap, norm=norm)


def whole_map(ours: Side, theirs: Side, found: Outcome) -> Outcome:
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
            if whole is not None and is_found(whole):
                return whole._replace(tests=found.tests + whole.tests)
    return found


def _by_neurons(ours: Side, theirs: Side) -> Outcome | None:
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
