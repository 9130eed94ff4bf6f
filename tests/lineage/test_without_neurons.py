"""Models without feed-forward neurons: equal values first, then matrices of one shape."""

from __future__ import annotations

import numpy as np
import pytest

from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.results import statement
from reliant.lineage.trace import compare, prepare
from support import tiny_models as tiny

SHAPES = {"stem": (64, 3, 7, 7), "a": (96, 64, 3), "b": (96, 96, 3), "c": (96, 96, 3), "rnn": (256, 96)}
STFT = np.cos(np.arange(129)[:, None] * np.arange(256) * 2 * np.pi / 256)[:, None] * np.hanning(256)


def net(seed: int, **extra: np.ndarray) -> tiny.Weights:
    """Return a net of convolutions and a recurrent cell, its weights drawn at random."""
    generator = np.random.default_rng(seed)
    found = {f"{name}.weight": generator.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    return {**found, **{name: value.astype(np.float32) for name, value in extra.items()}}


def moved(w: tiny.Weights, cosine: float, seed: int = 9) -> tiny.Weights:
    other = net(seed)
    return {
        name: (cosine * value + np.sqrt(1 - cosine**2) * other[name]).astype(np.float32)
        for name, value in w.items()
    }


@pytest.fixture
def weigh(tmp_path):
    """Return a function that writes two models and compares their weights."""
    count = iter(range(100))

    def run(ours, theirs, suffix=".safetensors"):
        models = []
        for one in (ours, theirs):
            path = tmp_path / f"{next(count)}{suffix}"
            path.write_bytes(tiny.torch_script(one) if suffix == ".jit" else tiny.safetensors(one))
            models.append(prepare(open_model(local_place(str(path), Meter()))))
        return compare(*models)

    return run


@pytest.mark.parametrize("suffix", [".safetensors", ".jit"])
@pytest.mark.parametrize("cosine", [0.98, 0.5])
def test_a_net_that_was_trained_on_is_derived(weigh, suffix: str, cosine: float) -> None:
    found = weigh(moved(net(1), cosine), net(1), suffix)
    assert (found.verdict, found.path) == ("derived", "T")
    assert found.agreement > 0.4
    assert found.log10_p < -100


def test_a_net_in_half_precision_is_a_near_copy(weigh) -> None:
    half = {name: value.astype(np.float16) for name, value in net(1).items()}
    assert weigh(half, net(1)).verdict == "near_copy"
    assert weigh(net(1), half).verdict == "near_copy"


def test_a_part_of_a_larger_net_is_no_copy_of_it(weigh) -> None:
    larger = net(1) | {f"second.{name}": value for name, value in net(2).items()}
    assert weigh(net(1), larger).verdict == "derived"
    assert weigh(larger, net(1)).verdict == "derived"


@pytest.mark.parametrize("seed", range(2, 8))
def test_strangers_of_one_shape_share_nothing_that_is_detected(weigh, seed: int) -> None:
    found = weigh(net(seed, stft=STFT), net(1, stft=STFT))
    assert (found.verdict, found.path) == ("none_detected", None)
    assert found.detection_limit is not None
    assert found.agreement < 0.1


def test_a_basis_that_both_compute_is_no_shared_weight(weigh) -> None:
    tables = {"stft": STFT, "window": np.hanning(4096), "mask": np.tril(np.ones((128, 128)))}
    found = weigh(net(2, **tables), net(1, **tables))
    assert found.verdict == "none_detected"


def test_rows_may_be_shuffled_as_formats_order_gates_differently(weigh) -> None:
    order = np.random.default_rng(0).permutation(256)
    w = moved(net(1), 0.9)
    w["rnn.weight"] = w["rnn.weight"][order]
    found = weigh({"rnn.weight": w["rnn.weight"], "b.weight": w["b.weight"]}, net(1))
    assert (found.verdict, found.path) == ("derived", "T")


def test_one_layer_that_reads_the_input_decides_nothing(weigh) -> None:
    found = weigh({**net(2), "a.weight": moved(net(1), 0.9)["a.weight"]}, net(1))
    assert found.verdict == "none_detected"


def test_nets_without_a_shape_in_common_are_not_testable_and_say_why(weigh) -> None:
    found = weigh(net(1), {"w": np.random.default_rng(0).standard_normal((40, 50), np.float32)})
    assert found.verdict == "not_testable"
    assert "only 0% of the trained values of" in found.why


def test_tensors_taken_over_as_they_are_show_as_such(weigh) -> None:
    taken = {**net(2), "b.weight": net(1)["b.weight"], "c.weight": net(1)["c.weight"]}
    found = weigh(taken, net(1))
    assert found.verdict == "derived"
    assert any("of its trained values lie in tensors equal" in hint for hint in found.hints)
    only = weigh({**net(2), "b.weight": net(1)["b.weight"]}, net(1))
    assert (only.verdict, only.path) == ("partial", "bytes")
    assert statement("x", "y", only) == (
        "x shares weights with y in small part: 26% of its trained values lie in tensors that are equal."
    )
