"""EXL2, EXL3 and AQLM: told by names and shapes.

EXL2 sorts the inputs and cuts them into groups, each with a width of its own in bits; a scale is
a number of 4 bits per output, squared, times one number for the group. EXL3 cuts a matrix,
[inputs, outputs], into tiles of 16 x 16, each a ring of bits: `trellis` has the tile's place first
and then 16 words for each bit of width. `suh` and `svh` scale inputs and outputs on both sides of
a Hadamard transform. AQLM gives each group of inputs as many codes as there are `codebooks`; the
value is the sum of what they name, times the scale of the output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.lineage.formats.header import Packing, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLOATS = frozenset({"F16", "BF16", "F32"})
_WORDS = frozenset({"I32", "U32"})
_TILE = 16
_HADAMARD = 128
_MOST_GROUP = 64


def exl2(stem: str, tensors: Mapping[str, Tensor]) -> tuple[Tensor, set[str]] | None:
    """Return what `stem.q_weight` and its companions were, and the names used; None if it is not clear."""
    parts = {"packed": "q_weight", "scales": "q_scale", "largest": "q_scale_max", "groups": "q_groups"}
    parts["order"] = "q_invperm"
    names = {role: f"{stem}.{part}" for role, part in parts.items()}
    if not all(name in tensors for name in names.values()):
        return None
    packed, scales, largest, groups, order = (tensors[names[role]] for role in parts)
    if any(one.dtype not in _WORDS for one in (packed, scales, order)) or groups.dtype not in {"I16", "U16"}:
        return None
    if largest.dtype not in _FLOATS or len(packed.shape) != 2 or len(largest.shape) != 1 or not packed.nbytes:
        return None
    number, outputs = largest.shape[0], packed.shape[1]
    fits = scales.shape == (number, outputs // 8) and groups.shape == (2 * number,) and outputs % 32 == 0
    if not fits or not number or len(order.shape) != 1 or not order.shape[0]:
        return None
    return _whole(stem, packed, (outputs, order.shape[0]), Packing("exl2", 4, names))


def exl3(stem: str, tensors: Mapping[str, Tensor]) -> tuple[Tensor, set[str]] | None:
    """Return what `stem.trellis` and its companions were, and the names used; None if it is not clear."""
    packed, inputs, outputs = (tensors.get(f"{stem}.{part}") for part in ("trellis", "suh", "svh"))
    if packed is None or inputs is None or outputs is None:
        return None
    if packed.dtype not in {"I16", "U16"} or len(packed.shape) != 3 or not packed.nbytes:
        return None
    if inputs.dtype not in _FLOATS or outputs.dtype not in _FLOATS:
        return None
    down, across, words = packed.shape
    bits = words // _TILE
    fits = inputs.shape == (down * _TILE,) and outputs.shape == (across * _TILE,)
    if (
        not fits
        or words % _TILE
        or not 1 <= bits <= 8
        or any(one.shape[0] % _HADAMARD for one in (inputs, outputs))
    ):
        return None
    table = next((one for one in ("mcg", "mul1") if f"{stem}.{one}" in tensors), "3inst")
    names = {"packed": packed.name, "inputs": inputs.name, "outputs": outputs.name}
    if f"{stem}.{table}" in tensors:
        names["table"] = f"{stem}.{table}"
    whole = (outputs.shape[0], inputs.shape[0])
    return _whole(stem, packed, whole, Packing(f"exl3-{table}", bits, names))


def aqlm(stem: str, tensors: Mapping[str, Tensor]) -> tuple[Tensor, set[str]] | None:
    """Return what `stem.codes` and its companions were, and the names used; None if it is not clear."""
    packed, books, scales = (tensors.get(f"{stem}.{part}") for part in ("codes", "codebooks", "scales"))
    if packed is None or books is None or scales is None:
        return None
    if (
        packed.dtype not in {"I8", "U8", "I16", "U16"}
        or books.dtype not in _FLOATS
        or scales.dtype not in _FLOATS
    ):
        return None
    if len(packed.shape) != 3 or len(books.shape) != 4 or not packed.nbytes or not books.nbytes:
        return None
    rows, groups, number = packed.shape
    _, size, outputs, inputs = books.shape
    fits = books.shape[0] == number and scales.shape == (rows, 1, 1, 1) and size & (size - 1) == 0
    if not fits or max(outputs, inputs) > _MOST_GROUP or size > 1 << (16 if packed.dtype[-2:] == "16" else 8):
        return None
    names = {"packed": packed.name, "codebooks": books.name, "scales": scales.name}
    packing = Packing("aqlm", size.bit_length() - 1, names)
    return _whole(stem, packed, (rows * outputs, groups * inputs), packing)


def _whole(stem: str, packed: Tensor, shape: tuple[int, int], packing: Packing) -> tuple[Tensor, set[str]]:
    strides = (1, shape[0])  # its rows do not lie one after another
    found = msgspec.structs.replace(
        packed, name=f"{stem}.weight", shape=shape, strides=strides, packing=packing
    )
    return found, set(packing.parts.values())
