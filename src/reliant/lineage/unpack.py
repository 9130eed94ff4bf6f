"""Values of packed tensors as float32: GPTQ, AWQ, HQQ, bitsandbytes 4-bit and compressed-tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage import unpack_codes
from reliant.lineage.bits import fields, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.lineage.formats.header import Packing, Tensor

Floats = Any
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)  # column of the value at each place of a word, low bits first
_CODES = {
    "exl2": unpack_codes.exl2,
    "aqlm": unpack_codes.aqlm,
    **dict.fromkeys(("exl3-3inst", "exl3-mcg", "exl3-mul1"), unpack_codes.exl3),
}
_BLOCK = 64  # of bitsandbytes, where its state says nothing


def whole(tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes) -> Floats:
    """Return a GPTQ, AWQ, HQQ, EXL2, EXL3 or AQLM matrix, [outputs, inputs].

    Args:
        part: Returns a companion tensor by its role, as stored, or None.
        data: The packed bytes.
    """
    outputs, inputs = tensor.shape
    if packing.kind == "hqq":
        return _groups(tensor, packing, part, data)
    if packing.kind in _CODES:
        return _CODES[packing.kind](tensor, packing, part, data)
    scales, zeros = part("scales").astype(np.float32), part("zeros")
    words = np.frombuffer(data, "<u4")
    if packing.kind == "awq":
        order = np.argsort(_AWQ_ORDER)
        codes = fields(words.reshape(inputs, -1), 4)[:, :, order].reshape(inputs, outputs)
        zero = fields(zeros.view("<u4"), 4)[:, :, order].reshape(-1, outputs).astype(np.float32)
    else:
        codes = stream(np.ascontiguousarray(words.reshape(-1, outputs).T), packing.bits).T[:inputs]
        if zeros is None:
            zero = np.full(scales.shape, 2 ** (packing.bits - 1), np.float32)
        else:
            zero = stream(np.ascontiguousarray(zeros.view("<u4")), packing.bits)[:, :outputs].astype(
                np.float32
            )
            zero += packing.kind == "gptq"
    order_of = part("order")
    groups = np.arange(inputs) // -(-inputs // len(scales)) if order_of is None else order_of.astype(np.int64)
    if groups.size != inputs or np.min(groups, initial=0) < 0 or np.max(groups, initial=0) >= len(scales):
        raise WeightsError(tensor.file, f"the groups of {tensor.name[:80]!r} do not fit its scales")
    found: Floats = ((codes.astype(np.float32) - zero[groups]) * scales[groups]).T
    return found


def _groups(tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes) -> Floats:
    """Return an HQQ matrix: high bits of the items are the first rows of groups, low ones the last."""
    scales, zeros = part("scales").astype(np.float32), part("zeros").astype(np.float32)
    rows, bits = int(packing.numbers["rows"]), packing.bits
    items = np.frombuffer(data, "<u4" if bits == 3 else np.uint8)
    items = items.reshape(-1, tensor.shape[0] * tensor.shape[1] // rows)
    each = 10 if bits == 3 else 8 // bits
    mask = items.dtype.type((1 << bits) - 1)
    codes = np.concatenate([(items >> (bits * (each - 1 - at))) & mask for at in range(each)])[:rows]
    found: Floats = ((codes.astype(np.float32) - zeros) * scales).reshape(tensor.shape)
    return found


def rows_of(
    tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes, rows: list[int]
) -> Floats:
    """Return some rows of a bitsandbytes or compressed-tensors matrix, given their packed bytes."""
    width = tensor.shape[-1]
    if packing.kind == "bnb4":
        return _four_bit(tensor, packing, part, data, rows)
    codes = stream(np.frombuffer(data, "<u4").reshape(len(rows), -1), packing.bits).astype(np.float32)
    scales, zeros = part("scales").astype(np.float32)[rows], part("zeros")
    codes -= 2 ** (packing.bits - 1)
    per = -(-width // scales.shape[1])
    if zeros is not None and zeros.shape[0] * 32 // packing.bits >= tensor.shape[0]:
        shifts = stream(np.ascontiguousarray(zeros.view("<u4").T), packing.bits).T
        codes -= np.repeat(shifts[rows].astype(np.float32) - 2 ** (packing.bits - 1), per, axis=1)[:, :width]
    found: Floats = codes[:, :width] * np.repeat(scales, per, axis=1)[:, :width]
    return found


def _four_bit(
    tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes, rows: list[int]
) -> Floats:
    width = tensor.shape[1]
    table = part("table").astype(np.float32).reshape(-1)
    packed = np.frombuffer(data, np.uint8)
    values = table[np.stack([packed >> 4, packed & 15], axis=1).reshape(len(rows), width)]
    block = int(packing.numbers.get("blocksize", _BLOCK))
    scales = part("scales").reshape(-1)
    nested, nested_table = part("nested"), part("nested_table")
    if nested is not None and nested_table is not None:
        step = int(packing.numbers.get("nested_blocksize", 256))
        wide = np.repeat(nested.astype(np.float32).reshape(-1), step)[: scales.size]
        scales = nested_table.astype(np.float32).reshape(-1)[scales.astype(np.int64)] * wide
        scales = scales + np.float32(packing.numbers.get("nested_offset", 0.0))
    places = (np.array(rows, np.int64)[:, None] * width + np.arange(width)) // max(block, 1)
    if table.size < 16 or np.max(places, initial=0) >= scales.size:
        raise WeightsError(tensor.file, f"the scales of {tensor.name[:80]!r} do not fit its values")
    found: Floats = values * scales.astype(np.float32)[places]
    return found
