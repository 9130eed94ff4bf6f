"""HQQ weights are read back to the last bit, and packings that are not read are named.

`data/hqq.npz` holds one matrix of 16 x 64 as `HQQLinear` of hqq 0.2.8 packed it (`encoded_state_dict`)
for each width, axis and group size, with what its own `dequantize` gave.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import ReliantError
from reliant.lineage.anatomy import Rows
from reliant.lineage.arrays import Values
from reliant.lineage.formats import Meter
from reliant.lineage.opened import Opened, open_model
from reliant.lineage.place import local_place
from reliant.lineage.trace import compare, prepare
from support import tiny_models as tiny

RECORDED = dict(np.load(Path(__file__).parent / "data" / "hqq.npz"))
KINDS = sorted({name.removeprefix("want.") for name in RECORDED if name.startswith("want.")})
GATE = "model.layers.0.mlp.gate_proj"


def opened(path: Path) -> Opened:
    return open_model(local_place(str(path), Meter()))


def recorded(kind: str) -> tiny.Weights:
    return {
        f"{GATE}{name.removeprefix(kind)}": one
        for name, one in RECORDED.items()
        if name.startswith(f"{kind}.")
    }


def test_every_width_axis_and_group_is_recorded() -> None:
    assert {kind[1] for kind in KINDS} == set("12348")
    assert len(KINDS) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_what_hqq_packed_is_read_back_exactly(tmp_path: Path, kind: str) -> None:
    model = opened(tiny.save(tmp_path / "m", recorded(kind)))
    values, wanted = Values(model), RECORDED[f"want.{kind}"]

    assert set(model.tensors) == {f"{GATE}.weight"}
    assert model.unread == ""
    assert np.array_equal(values.whole(f"{GATE}.weight"), wanted)
    assert np.array_equal(values.vectors(Rows(f"{GATE}.weight", 0, 16), 5, 9), wanted[5:14])
    assert np.array_equal(values.pick(Rows(f"{GATE}.weight", 0, 16), np.array([14, 2])), wanted[[14, 2]])


@given(st.sampled_from(KINDS), st.sampled_from(["W_q", "scale", "zero", "shape"]), st.data())
def test_parts_that_do_not_fit_are_left_as_they_are_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, part: str, data: st.DataObject
) -> None:
    w = recorded(kind)
    name = f"{GATE}.{part}"
    sizes = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=2))
    told = st.sampled_from([-1, 0, 1, 3, 16, 64, 1 << 31, (1 << 62) + 1])
    w[name] = (
        np.array(data.draw(st.lists(told, min_size=2, max_size=2)), np.int64)
        if part == "shape"
        else np.ones(sizes, w[name].dtype)
    )
    try:
        model = opened(tiny.save(tmp_path_factory.mktemp("m"), w))
        found = [Values(model).whole(one) for one in model.tensors if one.endswith(".weight")]
    except ReliantError:
        return
    assert all(one.size <= 16 * 64 * 10 for one in found)


def packed(w: tiny.Weights) -> tiny.Weights:
    """Return a model whose feed-forward matrices lie as HQQ packs them: 4 bits, groups of 32, axis 1."""
    found: tiny.Weights = {}
    for name, value in w.items():
        if ".mlp." not in name:
            found[name] = value
            continue
        groups = value.reshape(-1, 32)
        low, high = groups.min(1, keepdims=True), groups.max(1, keepdims=True)
        scale = (high - low) / 15
        codes = np.clip(np.round((groups - low) / scale), 0, 15).astype(np.uint8)
        half, stem = len(codes) // 2, name.removesuffix(".weight")
        found[f"{stem}.W_q"] = codes[:half] << 4 | codes[half:]
        found[f"{stem}.scale"], found[f"{stem}.zero"] = scale, -low / scale
        found[f"{stem}.shape"] = np.array(value.shape, np.int64)
        found[f"{stem}.nbits"] = np.array([4], np.int32)
    return found


def test_a_model_packed_by_hqq_is_found_and_a_stranger_is_not(tmp_path: Path) -> None:
    base = tiny.llama(1)
    ours = prepare(opened(tiny.save(tmp_path / "packed", packed(base))))

    same = compare(ours, prepare(opened(tiny.save(tmp_path / "base", base))))
    other = compare(ours, prepare(opened(tiny.save(tmp_path / "other", tiny.llama(2)))))

    assert (same.verdict, same.path, same.layer_map) == ("near_copy", "I", (0, 1, 2, 3))
    assert other.verdict == "none_detected"


@pytest.mark.parametrize(
    ("end", "packing"),
    [("q_weight", "EXL2"), ("codebooks", "AQLM"), ("trellis", "EXL3"), ("W_q", "HQQ"), ("qweight", "GPTQ")],
)
def test_a_packing_that_is_not_read_is_named_with_what_to_do(tmp_path: Path, end: str, packing: str) -> None:
    strange = {
        f"model.layers.{at}.mlp.{part}_proj.{end}": np.ones((4, 8), np.int32)
        for at in range(2)
        for part in ("gate", "up")
    }
    found = compare(
        prepare(opened(tiny.save(tmp_path / "strange", strange))),
        prepare(opened(tiny.save(tmp_path / "base", tiny.llama(1)))),
    )

    assert found.verdict == "not_testable"
    assert f"packed by {packing}" in found.why
    assert "trace the model as it was before" in found.why
