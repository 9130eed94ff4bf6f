"""Fields of a few bits inside 32-bit words, low bits first."""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = Any


def fields(words: Floats, bits: int) -> Floats:
    """Return the fields of each word, low bits first, along a new last axis."""
    shifts = np.arange(0, 32, bits, dtype=np.uint32)
    found: Floats = (words[..., None] >> shifts) & np.uint32((1 << bits) - 1)
    return found


def stream(words: Floats, bits: int) -> Floats:
    """Return the fields along the last axis, which 3-bit ones cross the words of."""
    if 32 % bits == 0:
        found: Floats = fields(words, bits).reshape(len(words), -1)
        return found
    bare = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little")
    usable = bare.shape[1] // bits * bits
    weights = (1 << np.arange(bits)).astype(np.uint32)
    crossed: Floats = bare[:, :usable].reshape(len(words), -1, bits) @ weights
    return crossed
