"""Tables that follow from a formula: masks, windows, Fourier bases, positions.

Models that share nothing else have them in common to the last bit, so their equality says
nothing of descent. Seen so: the basis of a short-time Fourier transform, a fifth of the values
of two voice detectors that were trained apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = Any
_ROWS = 64
_STRAIGHT = 1e-4  # of the largest value: a bend smaller than this is none
_FEW = 16  # one of so many frequencies holds what a smooth row has
_WAVES = 0.6  # of the power of a row: white rows have about .24 there, Fourier bases trained further .95


def is_formula(values: Floats) -> bool:
    """Return True if a tensor's rows, along one of its axes, are constant, straight in pieces, or few waves.

    Trained weights are none of these: they bend everywhere and hold all frequencies. A learned table of
    positions, or a Fourier basis that was trained on, may pass for one; it is then not counted, which
    is the safe side: strangers start such layers alike.
    """
    values = np.squeeze(np.asarray(values, np.float32))
    if values.size < 2 or not np.isfinite(values).all():
        return True
    if len(np.unique(values.reshape(-1)[: 1 << 16])) <= 2:
        return True
    tables = [values.reshape(-1, values.shape[-1])]
    if values.ndim > 1:
        tables.append(values.reshape(len(values), -1).T)
    return any(_simple(_some(table)) for table in tables if table.shape[1] >= 16)


def _some(table: Floats) -> Floats:
    at = np.linspace(0, len(table) - 1, min(_ROWS, len(table))).astype(int)
    return table[at].astype(np.float64)


def _simple(rows: Floats) -> bool:
    """Return True if nearly all rows are straight in pieces, or nearly all are made of few waves."""
    largest = np.abs(rows).max()
    bends = np.abs(np.diff(rows, 2, axis=1))
    if (bends <= _STRAIGHT * largest).mean() >= 0.9:
        return True
    if rows.shape[1] < 32:
        return False
    rows = rows - rows.mean(axis=1, keepdims=True)
    power = np.sort(np.abs(np.fft.rfft(rows, axis=1)) ** 2, axis=1)
    total = power.sum(axis=1)
    used = total > 1e-12 * total.max()
    top = power[:, -max(4, power.shape[1] // _FEW) :].sum(axis=1)
    return bool((top[used] >= _WAVES * total[used]).mean() >= 0.9)
