"""Equal bytes and equal values, whatever the tensors are called and however they are stored.

This is the one test that needs no neurons, so it also serves models that have none.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.formats.header import ITEM_SIZE, count_of
from reliant.lineage.formula import is_formula

if TYPE_CHECKING:
    from reliant.lineage.arrays import Values
    from reliant.lineage.formats.header import Tensor

MAX_BYTES = 1 << 30
_SMALL = 256  # smaller tensors are constants of the graph or counters, and are not compared


class Sameness(NamedTuple):
    """What part of the suspect's values is in the reference, and the reverse, in [0, 1].

    Attributes:
        trained: The suspect's part again, but for tables that follow from a formula.
    """

    ours: float
    theirs: float
    trained: float

    @property
    def complete(self) -> bool:
        """Return True if nothing differs."""
        return self.ours == 1.0 and self.theirs == 1.0


def same_bytes(ours: Values, theirs: Values) -> Sameness | None:
    """Return how much is equal to the last bit; None if that is more than is read for it."""
    left, right = _tensors(ours), _tensors(theirs)
    if not _affordable(ours, left) or not _affordable(theirs, right):
        return None
    common = {(one.dtype, one.nbytes) for one in left} & {(one.dtype, one.nbytes) for one in right}

    def digests(values: Values, tensors: list[Tensor]) -> dict[str, bytes]:
        return {
            one.name: _digest(values, one) if (one.dtype, one.nbytes) in common else b"" for one in tensors
        }

    return _compare(ours, left, right, digests(ours, left), digests(theirs, right))


def same_values(ours: Values, theirs: Values) -> Sameness | None:
    """Return how much is equal in value, in any order within a tensor: formats transpose and regroup."""
    left, right = _tensors(ours), _tensors(theirs)
    if not _affordable(ours, left, 4) or not _affordable(theirs, right, 4):
        return None
    return _compare(
        ours,
        left,
        right,
        {one.name: _sorted_digest(ours, one) for one in left},
        {one.name: _sorted_digest(theirs, one) for one in right},
    )


def _tensors(values: Values) -> list[Tensor]:
    """Return the tensors that hold weights: blocks of any size, and plain numbers of some size."""
    plain = {*ITEM_SIZE} - {"I64", "BOOL"}
    return [
        one
        for one in values.opened.tensors.values()
        if (one.dtype in plain and one.nbytes >= _SMALL) or (one.dtype not in ITEM_SIZE and one.nbytes)
    ]


def _affordable(values: Values, tensors: list[Tensor], factor: int = 1) -> bool:
    total = sum(one.nbytes for one in tensors) * factor
    left = values.opened.place.meter.left
    return bool(tensors) and total <= MAX_BYTES and (left is None or total // factor <= left)


def _digest(values: Values, tensor: Tensor) -> bytes:
    return hashlib.sha256(tensor.dtype.encode() + values.raw(tensor.name)).digest()


def _sorted_digest(values: Values, tensor: Tensor) -> bytes:
    try:
        flat = np.sort(values.whole(tensor.name), axis=None)
    except WeightsError:
        return hashlib.sha256(tensor.name.encode()).digest()
    return hashlib.sha256(np.ascontiguousarray(flat, np.float32).tobytes()).digest()


def _compare(
    values: Values,
    left: list[Tensor],
    right: list[Tensor],
    ours: dict[str, bytes],
    theirs: dict[str, bytes],
) -> Sameness:
    in_left, in_right = set(ours.values()) - {b""}, set(theirs.values()) - {b""}
    here = [one for one in left if ours[one.name] in in_right]
    there = [one for one in right if theirs[one.name] in in_left]
    tables = [one for one in here if _is_table(values, one)] if 0 < len(here) < len(left) else []
    trained = [one for one in here if one not in tables]
    return Sameness(
        _part(here, left), _part(there, right), _part(trained, [one for one in left if one not in tables])
    )


def _part(some: list[Tensor], of: list[Tensor]) -> float:
    total = sum(count_of(one.shape) for one in of)
    return sum(count_of(one.shape) for one in some) / total if total else 0.0


def _is_table(values: Values, tensor: Tensor) -> bool:
    try:
        return is_formula(values.whole(tensor.name))
    except WeightsError:
        return False
