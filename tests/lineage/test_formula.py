"""Tables that follow from a formula are told from weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.lineage.formula import is_formula

PLACES = np.arange(256)[:, None]
RATES = 10_000 ** (np.arange(0, 64, 2) / 64)
WAVES = np.arange(129)[:, None] * np.arange(256) * 2 * np.pi / 256


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


TABLES = {
    "positions": np.concatenate([np.sin(PLACES / RATES), np.cos(PLACES / RATES)], axis=1),
    "Fourier basis in a window": np.cos(WAVES)[:, None] * np.hanning(256),
    "Fourier basis that was trained on": np.cos(WAVES) * np.hanning(256) + 0.05 * drawn(129, 256),
    "mask": np.tril(np.ones((1, 1, 64, 64))),
    "ramp": np.arange(300.0),
    "gains of one": np.ones(512),
    "triangles": np.maximum(0, 1 - np.abs(PLACES.T - 6.0 * np.arange(40)[:, None]) / 12),
    "nothing finite": np.full((32, 32), np.nan),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_models_have_in_common_is_seen(name: str) -> None:
    assert is_formula(TABLES[name].astype(np.float32))


@given(
    st.integers(0, 1000), st.sampled_from([(64, 64), (128, 65, 3), (512,), (48, 1, 9), (40, 300)]),
    st.sampled_from(["plain", "pruned", "four bits", "three values"]),
)  # fmt: skip
def test_weights_are_none_whatever_was_done_to_them(seed: int, shape: tuple[int, ...], change: str) -> None:
    w = drawn(*shape, seed=seed)
    w = {
        "plain": w,
        "pruned": np.where(np.abs(w) < 1, np.float32(0), w),
        "four bits": np.round(w * 2) / 2,
        "three values": np.sign(np.round(w)),
    }[change]
    assert not is_formula(w)
