"""Values of EXL2, EXL3 and AQLM matrices as float32."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.bits import stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.lineage.formats.header import Packing, Tensor

Floats = Any
_WIDTHS = (2, 3, 4, 5, 6, 8)
_TILE = 16
_SIDE = 128  # of the Hadamard transform
# What the three tables of EXL3 are computed by: a product modulo 2^32, then bits of two half floats.
_FACTORS = {"3inst": 89226354, "mcg": 0xCBAC1FED, "mul1": 0x83DCD12D}
_SUMMAND = 64248484
_KEPT, _FLIPPED = 0x8FFF8FFF, 0x3B603B60
_BYTES_BASE, _BYTES_SCALE, _BYTES_SHIFT = 0x6400, 0x1EEE, 0xC931


def exl2(tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes) -> Floats:
    """Return an EXL2 matrix, [outputs, inputs]: each group of inputs has a width of its own."""
    outputs, inputs = tensor.shape
    words = np.frombuffer(data, "<u4").reshape(-1, outputs)
    nibbles = part("scales").view("<u4")[:, :, None] >> np.arange(0, 32, 4, dtype=np.uint32)
    steps = ((nibbles & np.uint32(15)) + 1).reshape(len(nibbles), outputs)
    largest = part("largest").astype(np.float16) * np.float16(1 / 256)
    scales = ((steps * steps).astype(np.float16) * largest[:, None]).astype(np.float32)
    groups = part("groups").reshape(-1, 2).astype(np.int64)
    ends = [*groups[1:, 1], len(words)]
    rows = []
    for (bits, start), end, scale in zip(groups, ends, scales, strict=True):
        if bits not in _WIDTHS or not 0 <= start < end <= len(words):
            raise WeightsError(tensor.file, f"the groups of {tensor.name[:80]!r} do not fit its values")
        codes = stream(np.ascontiguousarray(words[start:end].T), int(bits)).T.astype(np.float32)
        rows.append((codes - np.float32(2 ** (bits - 1))) * scale)
    order = part("order").astype(np.int64)
    matrix = np.concatenate(rows)
    if len(matrix) < inputs or np.min(order) < 0 or np.max(order) >= inputs:
        raise WeightsError(tensor.file, f"the order of {tensor.name[:80]!r} does not fit its values")
    found: Floats = matrix[order].T
    return found


def exl3(tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes) -> Floats:
    """Return an EXL3 matrix, [outputs, inputs].

    A tile is a ring of bits; value i is what the table says of the 16 bits that end with its own.

    Args:
        part: Returns a companion tensor by its role, as stored.
        data: The packed bytes.
    """
    bits, (outputs, inputs) = packing.bits, tensor.shape
    words = np.frombuffer(data, "<u4").reshape(-1, _TILE * bits // 2)
    ring = words.astype(">u4").view(np.uint8).reshape(len(words), -1)
    padded = np.concatenate([ring[:, -2:], ring, ring[:, :1]], axis=1).astype(np.uint32)
    ends = np.arange(1, _TILE * _TILE + 1) * bits
    at, shift = ends // 8, (8 - ends % 8).astype(np.uint32)
    windows = (padded[:, at] << np.uint32(16)) | (padded[:, at + 1] << np.uint32(8)) | padded[:, at + 2]
    values = _table(packing.kind.removeprefix("exl3-"))[(windows >> shift) & np.uint32(0xFFFF)]
    tiles = np.empty_like(values)
    tiles[:, _places()] = values
    tiles = tiles.reshape(inputs // _TILE, outputs // _TILE, _TILE, _TILE)
    matrix = tiles.transpose(0, 2, 1, 3).reshape(inputs, outputs)
    turn = _hadamard()
    matrix = (turn @ matrix.reshape(-1, _SIDE, outputs)).reshape(inputs, outputs)
    matrix = matrix * part("inputs").astype(np.float32)[:, None]
    matrix = (matrix.reshape(inputs, -1, _SIDE) @ turn).reshape(inputs, outputs)
    found: Floats = (matrix * part("outputs").astype(np.float32)).T
    return found


def aqlm(tensor: Tensor, packing: Packing, part: Callable[[str], Floats], data: bytes) -> Floats:
    """Return an AQLM matrix, [outputs, inputs]: sums of what the codes name in each codebook, scaled."""
    books, scales = part("codebooks").astype(np.float32), part("scales").astype(np.float32)
    number, size, outputs, inputs = books.shape
    rows, groups = tensor.shape[0] // outputs, tensor.shape[1] // inputs
    kind = "<u2" if len(data) == 2 * rows * groups * number else "u1"
    codes = np.frombuffer(data, kind).reshape(rows, groups, number) & (size - 1)
    values = books[0][codes[:, :, 0]]
    for book in range(1, number):
        values = values + books[book][codes[:, :, book]]
    found: Floats = (values * scales.reshape(rows, 1, 1, 1)).transpose(0, 2, 1, 3).reshape(tensor.shape)
    return found


@lru_cache(maxsize=3)
def _table(name: str) -> Floats:
    """Return the value of each of the 65,536 codes of an EXL3 table."""
    if name not in _FACTORS:
        raise WeightsError(name, "no such table of EXL3")
    raw = np.arange(1 << 16, dtype=np.uint64) * np.uint64(_FACTORS[name])
    raw = ((raw + np.uint64(_SUMMAND if name == "3inst" else 0)) & np.uint64(0xFFFFFFFF)).astype("<u4")
    if name == "mul1":
        sums = raw.view(np.uint8).reshape(-1, 4).sum(axis=1, dtype=np.uint16) + np.uint16(_BYTES_BASE)
        scale, shift = np.array([_BYTES_SCALE, _BYTES_SHIFT], "<u2").view("<f2").astype(np.float32)
        found: Floats = sums.astype("<u2").view("<f2").astype(np.float32) * scale + shift
        return found
    halves = ((raw & np.uint32(_KEPT)) ^ np.uint32(_FLIPPED)).view("<f2").astype(np.float32)
    return halves.reshape(-1, 2).sum(axis=1)


@lru_cache(maxsize=1)
def _places() -> Floats:
    """Return the place in a tile, row by row, of each of its 256 values, as tensor cores hold them."""
    at = np.arange(_TILE * _TILE)
    thread, item = at // 8, at % 8
    rows = thread % 4 * 2 + item % 2 + item // 2 % 2 * 8
    return rows * _TILE + thread // 4 + item // 4 * 8


@lru_cache(maxsize=1)
def _hadamard() -> Floats:
    """Return the Hadamard matrix of 128 rows, of length one each."""
    found = np.ones((1, 1), np.float32)
    while len(found) < _SIDE:
        found = np.block([[found, found], [found, -found]])
    return found / np.float32(np.sqrt(_SIDE))
