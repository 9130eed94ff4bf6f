"""Neuron agreement: what it finds, and that strangers stay below it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.lineage.agreement import (
    agree,
    bundle,
    detection_limit,
    log10_tail,
    matching_floor,
    mutual,
    unit,
)


def rows(seed: int, count: int = 128, d: int = 64):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((count, d), np.float32), generator.standard_normal(
        (count, d), np.float32
    )


def ready(pair):
    return bundle(pair[0], pair[1], np.arange(len(pair[0])))


def test_a_layer_agrees_wholly_with_itself_in_any_order_and_scale() -> None:
    gate, up = rows(1)
    order = np.random.default_rng(2).permutation(len(gate))
    scale = np.exp(np.random.default_rng(3).uniform(-2, 2, (len(gate), 1))).astype(np.float32)
    found = agree(ready((gate[order] * 3, -up[order] * scale)), ready((gate, up)), width=len(gate))
    assert found.hits == len(gate)
    assert found.share == 1.0
    assert found.log10_p < -100
    assert found.same_index < 0.1


@pytest.mark.parametrize("seed", range(12))
def test_strangers_do_not_agree(seed: int) -> None:
    found = agree(ready(rows(2 * seed)), ready(rows(2 * seed + 1)), width=128)
    assert found.share < 0.05
    assert found.log10_p > -4


def test_up_tied_to_gate_by_training_does_not_make_strangers_agree() -> None:
    gate, up = rows(5)
    other_gate, other_up = rows(6)
    tied = agree(ready((gate, up + 3 * gate)), ready((other_gate, other_up + 3 * other_gate)), width=128)
    assert tied.log10_p > -4


def test_rows_that_are_zero_or_doubled_take_no_part() -> None:
    gate, up = rows(7)
    gate[10:40], up[10:40] = gate[9], up[9]
    gate[50:60] = 0
    ours = ready((gate, up))
    assert len(ours.gate) == 128 - 30 - 10
    assert len(set(ours.numbers)) == len(ours.numbers)


def test_a_model_of_equal_rows_agrees_with_nothing() -> None:
    ones = np.ones((64, 32), np.float32)
    assert len(ready((ones, ones)).gate) == 0


@given(st.floats(0.35, 1.0), st.integers(0, 1000))
def test_drift_down_to_the_detection_limit_is_found(cosine: float, seed: int) -> None:
    gate, up = rows(seed, 96, 128)
    generator = np.random.default_rng(seed + 1)
    moved = [
        cosine * unit(part) + math.sqrt(1 - cosine**2) * unit(generator.standard_normal(part.shape))
        for part in (gate, up)
    ]
    found = agree(ready(moved), ready((gate, up)), width=96)
    assert found.share >= 0.10
    assert found.log10_p < -8


def test_the_detection_limit_falls_with_the_width() -> None:
    narrow, wide = ready(rows(1, 128, 32)), ready(rows(1, 128, 512))
    low, high = (detection_limit(one, width=128, floor=0.1) for one in (wide, narrow))
    assert low < high < 1
    assert matching_floor(128, 512) < matching_floor(128, 32)


def test_a_sample_of_a_shuffled_layer_is_judged_by_the_neurons_it_can_share() -> None:
    gate, up = rows(8, 1024)
    order = np.random.default_rng(9).permutation(1024)
    sample = bundle(gate[order][:256], up[order][:256], np.arange(256))
    found = agree(sample, bundle(gate[:256], up[:256], np.arange(256)), width=1024)
    assert found.hits == pytest.approx(64, abs=20)
    assert found.share > 0.7


def test_mutual_neighbours_choose_each_other() -> None:
    assert mutual(np.array([[0.9, 0.1], [0.8, 0.2]])).tolist() == [0, -1]


@given(st.integers(1, 400), st.floats(0.001, 3))
def test_the_tail_falls_with_every_hit(count: int, mean: float) -> None:
    assert log10_tail(count + 1, mean) < log10_tail(count, mean) <= 0
