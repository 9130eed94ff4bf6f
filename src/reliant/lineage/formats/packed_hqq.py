"""HQQ: codes with a scale and a zero point for each group, told by names, types and shapes.

A matrix is cut into groups along one axis and laid out as rows of groups (axis 1) or columns of
groups (axis 0). Codes of 8, 4, 2 and 1 bits share a byte, of 3 bits ten share a word; the high
bits hold the first rows of the matrix, the low ones the last. The value is (code - zero) * scale.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from reliant.errors import WeightsError
from reliant.lineage.formats.header import Packing, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FLOATS = frozenset({"F16", "BF16", "F32"})
_NUMBER = re.compile(r"\.\d{1,4}\.")
_PER_BYTE: Final = {1: 8, 2: 4, 4: 2, 8: 1}
_PER_WORD: Final = 10
_ABOUT = (
    "nbits", "group_size", "shape", "scale", "zero", "axis", "packing", "unpack_view_dtype", "view_as_float",
    "quant_scale", "quant_zero", "compute_dtype", "offload_meta", "encoded_state_dict", "stores_quant_config",
    "channel_wise", "optimize", "round_zero",
)  # fmt: skip


class Shapes:
    """The shapes that matrices had, read once for all layers that have them alike."""

    def __init__(self, read: Callable[[Tensor], bytes]) -> None:
        self._read = read
        self._known: dict[tuple[str, int], tuple[int, int] | None] = {}

    def of(self, shape: Tensor, packed: Tensor) -> tuple[int, int] | None:
        """Return outputs and inputs; None if that is not said in two plain numbers."""
        if shape.dtype != "I64" or shape.shape != (2,) or shape.nbytes != 16:
            return None
        key = (_NUMBER.sub(".#.", shape.name), packed.nbytes)
        if key not in self._known:
            try:
                data = self._read(shape)
            except WeightsError:
                data = b""
            sizes = [int.from_bytes(data[at : at + 8], "little", signed=True) for at in (0, 8)]
            fits = len(data) == 16 and all(0 < size < 1 << 31 for size in sizes)
            self._known[key] = (sizes[0], sizes[1]) if fits else None
        return self._known[key]


def hqq(stem: str, tensors: Mapping[str, Tensor], shapes: Shapes) -> tuple[Tensor, set[str]] | None:
    """Return what `stem.W_q` and its companions were, and the names used; None if it is not clear."""
    packed, scale, zero, shape = (tensors.get(f"{stem}.{part}") for part in ("W_q", "scale", "zero", "shape"))
    if packed is None or scale is None or zero is None or shape is None:
        return None
    if len(packed.shape) != 2 or len(scale.shape) != 2 or 1 not in scale.shape or scale.shape != zero.shape:
        return None
    if scale.dtype not in _FLOATS or zero.dtype not in _FLOATS or not packed.nbytes or not scale.nbytes:
        return None
    whole = shapes.of(shape, packed)
    groups = max(scale.shape)
    if whole is None or whole[0] * whole[1] % groups:
        return None
    size = whole[0] * whole[1] // groups
    rows, columns = (groups, size) if scale.shape[1] == 1 else (size, groups)
    if packed.shape[1] != columns:
        return None
    if packed.dtype == "I32" and packed.shape[0] == -(-rows // _PER_WORD):
        bits = 3
    elif packed.dtype == "U8" and rows % packed.shape[0] == 0 and rows // packed.shape[0] in _PER_BYTE:
        bits = _PER_BYTE[rows // packed.shape[0]]
    else:
        return None
    names = {"packed": packed.name, "scales": scale.name, "zeros": zero.name}
    packing = Packing("hqq", bits, names, {"rows": float(rows)})
    strides = (1, whole[0])  # its rows do not lie one after another
    found = msgspec.structs.replace(
        packed, name=f"{stem}.weight", shape=whole, strides=strides, packing=packing
    )
    beside = {f"{stem}.{part}" for part in _ABOUT} & tensors.keys()
    return found, {packed.name, *beside}
