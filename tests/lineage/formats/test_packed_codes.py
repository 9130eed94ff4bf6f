"""EXL2, EXL3 and AQLM: what the reference code of their packages unpacks is read back.

EXL2 and AQLM to the last bit; EXL3 but for the order in which its transform sums 128 numbers.

`data/packed_codes.npz` holds random codes of every kind: packed by the code of exllamav2 0.3.2, its kernels
compiled for a CPU, and unpacked by gptqmodel 7.7.0 (its torch module for EXL3) and by aqlm 1.1.7
(`_dequantize_weight`). Of EXL2 and EXL3 the first three rows are kept.
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
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from support import tiny_models as tiny

RECORDED = dict(np.load(Path(__file__).parent / "data" / "packed_codes.npz"))
KINDS = sorted({name.partition(".")[0] for name in RECORDED})
GATE = "model.layers.0.mlp.gate_proj"


def opened(path: Path):
    return open_model(local_place(str(path), Meter()))


def recorded(kind: str) -> tiny.Weights:
    return {
        f"{GATE}.{name.partition('.')[2]}": value
        for name, value in RECORDED.items()
        if name.startswith(f"{kind}.") and not name.endswith(".want")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_reference_unpacks_is_read_exactly(tmp_path: Path, kind: str) -> None:
    model = opened(tiny.save(tmp_path / "m", recorded(kind)))
    values, wanted = Values(model), RECORDED[f"{kind}.want"]

    assert list(model.tensors) == [f"{GATE}.weight"]
    found = values.whole(f"{GATE}.weight")[: len(wanted)]
    off = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert off == 0 or (kind.startswith("exl3") and off < 1e-6)
    rows = Rows(f"{GATE}.weight", 0, model.tensors[f"{GATE}.weight"].shape[0])
    assert np.array_equal(values.vectors(rows, 1, 2), found[1:3])


@given(st.sampled_from(KINDS), st.data())
def test_parts_that_do_not_fit_are_named_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    w = recorded(kind)
    name = data.draw(st.sampled_from(sorted(w)))
    sizes = data.draw(st.lists(st.sampled_from([0, 1, 3, 8, 16, 128]), min_size=1, max_size=4))
    w[name] = np.ones(sizes[:3] if w[name].ndim == 3 else sizes, w[name].dtype)
    try:
        model = opened(tiny.save(tmp_path_factory.mktemp("m"), w))
        found = [Values(model).whole(one) for one in model.tensors if one.endswith(".weight")]
    except ReliantError:
        return
    assert model.unread or found or not any("weight" in one for one in model.tensors)
    assert all(one.size <= 1 << 22 for one in found)


def test_a_layout_that_is_not_known_is_named(tmp_path: Path) -> None:
    for kind, part, packing in (("exl3_3_3inst", ".suh", "EXL3"), ("exl2_4", ".q_groups", "EXL2")):
        w = {name: value for name, value in recorded(kind).items() if not name.endswith(part)}
        model = opened(tiny.save(tmp_path / kind, w))
        assert model.unread == f"{packing} in a layout that is not read"
