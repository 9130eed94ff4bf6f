"""The weights level of a pair of which one has no feed-forward neurons.

Equality is looked for first: of bytes, then of values in any order, since formats transpose and
regroup. Then matrices of equal shape are compared by path T.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from reliant.lineage.agreement import detection_limit
from reliant.lineage.exact import same_bytes, same_values
from reliant.lineage.matching import FLOOR
from reliant.lineage.matrices import compare_matrices
from reliant.lineage.opened import UNPACK
from reliant.lineage.weights import NEAR_COPY, Weights

if TYPE_CHECKING:
    from reliant.lineage.arrays import Values
    from reliant.lineage.exact import Sameness
    from reliant.lineage.matrices import MatrixMatches

_SOME = 0.1  # of all values: less in common is no relation
_MOST = 0.5  # of the trained values must be comparable before "none detected" is said
_NEARLY_ALL = 0.99


def weigh_without_neurons(ours: Values, theirs: Values) -> Weights:
    """Return what the weights say by equality, and by matrices of one shape.

    Raises:
        WeightsError: Values that the headers promise cannot be read.
    """
    found = _weigh(ours, theirs)
    meters = ours.opened.place.meter, theirs.opened.place.meter
    return msgspec.structs.replace(
        found,
        rows_read=ours.rows_read,
        bytes_read=meters[0].bytes_read,
        reference_bytes_read=meters[1].bytes_read,
        ranges=meters[0].ranges,
    )


def _weigh(ours: Values, theirs: Values) -> Weights:
    for one in (ours.opened, theirs.opened):
        if not one.tensors:
            return Weights(verdict="not_testable", why=f"There are no weights to read in {one.name}.")
    bits = same_bytes(ours, theirs)
    if bits is not None and bits.complete:
        return Weights(verdict="exact", path="bytes", agreement=1.0, bits_equal=True)
    for one in (ours.opened, theirs.opened):
        if one.unread:
            why = f"The weights of {one.name} are packed by {one.unread}, which is not unpacked: {UNPACK}."
            return Weights(verdict="not_testable", why=why)
    values = same_values(ours, theirs)
    if bits is None or values is None:
        why = "No feed-forward neurons were found, and the tensors are too large to compare whole."
        return Weights(verdict="not_testable", why=why)
    same = max(bits, values, key=lambda one: one.trained)
    if min(same.ours, same.theirs) >= _NEARLY_ALL:
        return _equal("near_copy", same)
    matrices = compare_matrices(ours, theirs)
    if matrices is not None and matrices.sure:
        return _by_matrices(matrices, same)
    if same.trained >= _SOME:
        return _equal("derived" if same.trained >= _MOST else "partial", same)
    if matrices is None:
        why = "No feed-forward neurons were found, no tensors are equal, and the matrices are too large."
        return Weights(verdict="not_testable", why=why, paths_tried=("bytes",))
    if matrices.comparable < _MOST or not matrices.tests:
        why = (
            "No feed-forward neurons were found, no tensors are equal, and only "
            f"{matrices.comparable:.0%} of the trained values of {ours.opened.name} lie in matrices of a "
            f"shape that {theirs.opened.name} has."
        )
        return Weights(verdict="not_testable", why=why, paths_tried=("bytes", "T"))
    return _none(matrices)


def _equal(verdict: str, same: Sameness) -> Weights:
    hint = f"{same.ours:.0%} of its values lie in tensors equal to the reference's"
    if verdict == "derived" and same.ours >= _NEARLY_ALL:
        hint += f", and they are {same.theirs:.0%} of the reference's"
    return Weights(
        verdict=verdict,
        path="bytes",
        agreement=round(same.ours if verdict == "near_copy" else same.trained, 4),
        cosine=1.0,
        paths_tried=("bytes",),
        hints=(hint,),
    )


def _by_matrices(matrices: MatrixMatches, same: Sameness) -> Weights:
    sure = matrices.sure
    top = min(sure, key=lambda match: match.agreement.log10_p)
    values = sum(match.values for match in sure)
    cosine = sum(match.agreement.cosine * match.values for match in sure) / values
    whole = len(sure) == len(matrices.matches) and min(matrices.comparable, matrices.covered) >= _NEARLY_ALL
    near = whole and all(
        match.agreement.cosine >= NEAR_COPY and match.agreement.share >= 0.9 and not match.drifted
        for match in sure
    )
    hints = [
        f"{len(sure)} of {len(matrices.matches)} matrices of one shape agree, the best is {top.name[:80]}"
    ]
    if same.trained >= _SOME:
        hints.append(f"{same.trained:.0%} of its trained values lie in tensors equal to the reference's")
    return Weights(
        verdict="near_copy" if near else "derived",
        path="T",
        agreement=round(top.agreement.share, 4),
        log10_p=round(min(0.0, top.agreement.log10_p + math.log10(matrices.tests)), 2),
        cosine=round(cosine, 4),
        tests=matrices.tests,
        same_index=round(top.agreement.same_index, 4),
        detection_limit=_limit(matrices),
        paths_tried=("bytes", "T"),
        hints=tuple(hints),
    )


def _none(matrices: MatrixMatches) -> Weights:
    top = min(matrices.matches, key=lambda match: match.agreement.log10_p)
    return Weights(
        verdict="none_detected",
        agreement=round(top.agreement.share, 4),
        log10_p=round(min(0.0, top.agreement.log10_p + math.log10(matrices.tests)), 2),
        cosine=round(top.agreement.cosine, 4),
        tests=matrices.tests,
        detection_limit=_limit(matrices),
        paths_tried=("bytes", "T"),
    )


def _limit(matrices: MatrixMatches) -> float:
    """Return the least cosine that the largest matrix would still show."""
    largest = max(matrices.matches, key=lambda match: match.values)
    return round(detection_limit(largest.rows, width=largest.width, floor=FLOOR), 3)
