"""Path T: models without feed-forward neurons, one weight matrix against another of its shape.

Convolutions, recurrent and dense layers have no gate and up. What stands for a neuron here is
a row: the weights into one output. It is matched by the first half of its inputs, and again, on
its own, by the second half; rows matched the same way both times are hits, as in `agreement`.
The inputs must have kept their order; outputs may be shuffled, as they are by formats that
order the gates of a recurrent cell differently.

A layer that reads the input itself has common coordinates in all models of one kind, and strangers
learn alike filters there. So one matrix alone never decides.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import Agreement, Bundle, agree, distinct, lengths, unit
from reliant.lineage.formats.header import ITEM_SIZE, count_of
from reliant.lineage.formula import is_formula
from reliant.lineage.matching import FEWEST_HITS, FLOOR, LOG10_P
from reliant.lineage.shares import has_drift

if TYPE_CHECKING:
    from reliant.lineage.arrays import Values
    from reliant.lineage.formats.header import Tensor

Floats = Any
_SMALLEST, _LARGEST = 1024, 1 << 24  # values of a matrix
_MOST_BYTES = 256 << 20
_MAX_ROWS, _MAX_COLUMNS = 2048, 4096  # of more, as many are taken at equal steps
_HELD = 16  # matrices of the reference kept ready: 32 MB each at most
_FEWEST_COLUMNS = 16
_WORK = 2e10  # multiplications: about a second on one core
_DRIFT = 64  # rows looked at for the form of a small difference
_FOUND = 2  # matrices: the one that reads the input may agree between strangers


class MatrixMatch(NamedTuple):
    """One matrix of the suspect, and the one of the reference that it is nearest to.

    Attributes:
        values: In the suspect's matrix.
        agreement: Its p is not corrected for the number of tests.
        width: Rows of the whole matrix.
        drifted: It is near, and differs as training makes it differ.
    """

    name: str
    reference: str
    values: int
    agreement: Agreement
    rows: Bundle
    width: int
    drifted: bool

    def found(self, tests: int) -> bool:
        """Return True if it agrees in more rows than strangers do."""
        sure = self.agreement.log10_p + math.log10(max(tests, 1)) < LOG10_P
        return sure and self.agreement.share >= FLOOR and self.agreement.hits >= FEWEST_HITS


class MatrixMatches(NamedTuple):
    """What path T found.

    Attributes:
        matches: One for each matrix that has a partner of its shape, and that time allowed for.
        tests: Pairs of matrices compared.
        comparable: Share of the suspect's trained values that lie in those matrices, in [0, 1].
        covered: Share of the reference's that lie in the partners of those found.
    """

    matches: list[MatrixMatch]
    tests: int
    comparable: float
    covered: float

    @property
    def sure(self) -> list[MatrixMatch]:
        """Return the matches that are found; empty if too few are."""
        sure = [match for match in self.matches if match.found(self.tests)]
        return sure if len(sure) >= _FOUND else []


def compare_matrices(ours: Values, theirs: Values) -> MatrixMatches | None:
    """Return where the suspect's matrices are found in the reference; None if reading them costs too much.

    Raises:
        WeightsError: Values that the headers promise cannot be read.
    """
    mine, yours = _matrices(ours), _matrices(theirs)
    if mine is None or yours is None:
        return None
    by_shape: dict[tuple[int, ...], list[tuple[int, Tensor, bool]]] = {}
    for at, tensor in enumerate(yours):
        shape = _form(tensor)
        by_shape.setdefault(shape, []).append((at, tensor, False))
        if len(_squeezed(tensor)) == 2:
            by_shape.setdefault(shape[::-1], []).append((at, tensor, True))
    made: dict[tuple[str, bool], Bundle | None] = {}
    matches: list[MatrixMatch] = []
    tests, work, trained, compared = 0, 0.0, 0, 0
    for at, tensor in enumerate(mine):
        rows, columns = _form(tensor)
        whole = ours.whole(tensor.name)
        if is_formula(whole):
            continue
        trained += count_of(tensor.shape)
        partners = by_shape.get((rows, columns), [])
        bundle = _halves(whole.reshape(rows, columns)) if partners else None
        if bundle is None:
            continue
        best: MatrixMatch | None = None
        for _, other, flipped in sorted(partners, key=lambda one: abs(one[0] - at)):
            if work > _WORK:
                break
            key = (other.name, flipped)
            if key not in made:
                if len(made) >= _HELD:
                    made.clear()
                made[key] = _bundle_of(theirs, other, flipped=flipped)
            against = made[key]
            if against is None:
                continue
            tests += 1
            work += 2.0 * len(bundle.gate) * len(against.gate) * columns
            found = agree(bundle, against, width=rows)
            near = found.cosine > 0.99 and len(bundle.gate) == len(against.gate) and found.same_index > 0.9
            match = MatrixMatch(
                tensor.name, other.name, count_of(tensor.shape), found, bundle, rows,
                near and has_drift(bundle.gate[:_DRIFT], against.gate[:_DRIFT]),
            )  # fmt: skip
            if best is None or found.log10_p < best.agreement.log10_p:
                best = match
            if found.share >= 0.9:
                break
        if best is not None:
            compared += best.values
            matches.append(best)
    partners_found = {match.reference for match in matches if match.found(tests)}
    return MatrixMatches(
        matches, tests, compared / trained if trained else 0.0, _covered(theirs, yours, partners_found)
    )


def _covered(values: Values, tensors: list[Tensor], partners: set[str]) -> float:
    """Return the share of trained values in `tensors` that the partners hold."""
    if not partners:
        return 0.0
    rest = [one for one in tensors if one.name not in partners and not is_formula(values.whole(one.name))]
    held = sum(count_of(one.shape) for one in tensors if one.name in partners)
    return held / (held + sum(count_of(one.shape) for one in rest))


def _matrices(values: Values) -> list[Tensor] | None:
    plain = {*ITEM_SIZE} - {"I64", "I32", "U64", "U32", "BOOL"}
    found = [
        one
        for one in values.opened.tensors.values()
        if (one.dtype in plain or one.dtype not in ITEM_SIZE)
        and len(_squeezed(one)) >= 2
        and _SMALLEST <= count_of(one.shape) <= _LARGEST
        and _form(one)[0] >= FEWEST_HITS
        and _form(one)[1] >= _FEWEST_COLUMNS
    ]
    left = values.opened.place.meter.left
    total = sum(one.nbytes for one in found)
    return None if total > _MOST_BYTES or (left is not None and total > left) else found


def _squeezed(tensor: Tensor) -> tuple[int, ...]:
    return tuple(size for size in tensor.shape if size != 1)


def _form(tensor: Tensor) -> tuple[int, int]:
    """Return rows and columns: the first axis that is more than one, and all others."""
    shape = _squeezed(tensor)
    return shape[0], count_of(shape[1:])


def _bundle_of(values: Values, tensor: Tensor, *, flipped: bool) -> Bundle | None:
    try:
        whole = values.whole(tensor.name)
    except WeightsError:
        return None
    if is_formula(whole):
        return None
    matrix = whole.reshape(_form(tensor))
    return _halves(matrix.T if flipped else matrix)


def _halves(matrix: Floats) -> Bundle | None:
    """Return rows as two halves of their inputs, without what all rows have in common."""
    numbers = np.arange(len(matrix))
    if len(matrix) > _MAX_ROWS:
        numbers = np.linspace(0, len(matrix) - 1, _MAX_ROWS).astype(np.int64)
    step = -(-matrix.shape[1] // _MAX_COLUMNS)
    rows = np.nan_to_num(matrix[numbers, ::step].astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    rows = rows - rows.mean(axis=0)
    half = rows.shape[1] // 2
    first, second = rows[:, :half], rows[:, half : 2 * half]
    keep = (lengths(first) > 0) & (lengths(second) > 0)
    bundle = distinct(Bundle(unit(first[keep]), unit(second[keep]), numbers[keep]))
    return bundle if len(bundle.gate) >= FEWEST_HITS else None
