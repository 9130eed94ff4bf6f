"""Packed weights: what real quantisers wrote is read back to the last bit, and such models are found.

`data/packed.npz` holds one matrix of 32 x 64 as it was packed by gptqmodel 7.7.0 (`pack_original`),
autoawq 0.2.9 (`WQLinear_GEMM.from_linear`), compressed-tensors 0.20.0 (`pack_to_int32`),
bitsandbytes 0.50.2 (`quantize_4bit`, `int8_vectorwise_quant`) and MLX 0.32.4 (`quantize`), each with
the values it stands for.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import WeightsError
from reliant.lineage.anatomy import Rows, plain_shape
from reliant.lineage.arrays import Values
from reliant.lineage.formats import MemoryFile, Meter, read_header
from reliant.lineage.formats.gguf import BLOCKS
from reliant.lineage.formats.packed import joined
from reliant.lineage.opened import Opened, open_model
from reliant.lineage.place import local_place
from reliant.lineage.trace import compare, prepare
from support import tiny_models as tiny

RECORDED = dict(np.load(Path(__file__).parent / "data" / "packed.npz"))
GATE = "model.layers.0.mlp.gate_proj"
KINDS = sorted({name.partition(".")[0] for name in RECORDED})


def unpacked_by_gguf(kind: str) -> bool:
    """Return True if the gguf package has code for this type; llama.cpp alone has it for a few."""
    try:
        gguf.dequantize(np.zeros((1, BLOCKS[kind].size), np.uint8), gguf.GGMLQuantizationType[kind])
    except NotImplementedError:
        return False
    return True


QUANTISED = [kind for kind in BLOCKS if unpacked_by_gguf(kind)]


def opened(path):
    return open_model(local_place(str(path), Meter()))


def recorded(kind: str) -> tiny.Weights:
    """Return what a tool wrote for one matrix, under the names it has in a model."""
    return {
        f"{GATE}.{name.partition('.')[2]}": value
        for name, value in RECORDED.items()
        if name.startswith(f"{kind}.") and not name.endswith(".values")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_quantiser_packed_is_read_back_exactly(tmp_path, kind: str) -> None:
    config = {"quantization_config": {"checkpoint_format": "gptq_v2"}}
    if kind.startswith("mlx"):
        config = {"quantization": {"bits": int(kind[3:]), "group_size": 32}}
    model = opened(tiny.save(tmp_path / kind, recorded(kind), config=config))
    values, wanted = Values(model), RECORDED[f"{kind}.values"]
    assert plain_shape(model, model.tensors[f"{GATE}.weight"]) == (32, 64)
    assert np.allclose(values.whole(f"{GATE}.weight"), wanted, rtol=1e-6, atol=1e-7)
    some = values.vectors(Rows(f"{GATE}.weight", 0, 32), 5, 9)
    assert np.allclose(some, wanted[5:14], rtol=1e-6, atol=1e-7)
    picked = values.pick(Rows(f"{GATE}.weight", 0, 32), np.array([30, 2, 11]))
    assert np.allclose(picked, wanted[[30, 2, 11]], rtol=1e-6, atol=1e-7)


def test_zero_points_of_the_first_gptq_format_are_stored_less_one(tmp_path) -> None:
    w = recorded("gptq4")
    w[f"{GATE}.qzeros"] = (w[f"{GATE}.qzeros"].view(np.uint32) - np.uint32(0x11111111)).view(np.int32)
    model = opened(tiny.save(tmp_path / "m", w, config={"quantization_config": {"bits": 4}}))
    assert np.allclose(Values(model).whole(f"{GATE}.weight"), RECORDED["gptq4.values"], rtol=1e-6, atol=1e-7)


def test_four_bit_rows_are_read_without_the_rest_of_the_matrix(tmp_path) -> None:
    model = opened(tiny.save(tmp_path / "m", recorded("bnb_nf4_plain")))
    before = model.place.meter.bytes_read
    Values(model).vectors(Rows(f"{GATE}.weight", 0, 32), 4, 2)
    assert model.place.meter.bytes_read - before <= 64 + 32 * 4 + 16 * 4


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w | {f"{GATE}.g_idx": np.full(64, 9, np.int32)},
        lambda w: w | {f"{GATE}.g_idx": np.full(64, -1, np.int32)},
        lambda w: w | {f"{GATE}.g_idx": np.full(64, 2**30, np.int32)},
    ],
)
def test_groups_that_do_not_fit_are_an_error_that_names_the_tensor(tmp_path, change) -> None:
    model = opened(tiny.save(tmp_path / "m", change(recorded("gptq4"))))
    with pytest.raises(WeightsError, match="gate_proj"):
        Values(model).whole(f"{GATE}.weight")


@pytest.mark.parametrize(
    "state",
    [
        b"not json",
        b'{"shape": [32, 63]}',
        b'{"shape": [-32, -64]}',
        b'{"shape": "x"}',
        b'{"shape": [1e9, 2]}',
    ],
)
def test_settings_that_do_not_fit_leave_the_tensor_as_it_is(tmp_path, state: bytes) -> None:
    w = recorded("bnb_nf4_plain")
    w[f"{GATE}.weight.quant_state.bitsandbytes__nf4"] = np.frombuffer(state, np.uint8)
    assert opened(tiny.save(tmp_path / "m", w)).tensors[f"{GATE}.weight"].packing is None


def gptq(w: tiny.Weights, bits: int = 4, group: int = 32) -> tiny.Weights:
    """Return a model whose matrices lie as GPTQ packs them."""
    found: tiny.Weights = {}
    for name, value in w.items():
        if ".layers." not in name or value.ndim != 2:
            found[name] = value
            continue
        outputs, inputs = value.shape
        grouped = value.reshape(outputs, -1, group)
        low = grouped.min(-1)
        step = (grouped.max(-1) - low) / (2**bits - 1)
        zero = np.clip(np.round(-low / step), 1, 2**bits - 1)
        codes = np.clip(np.round(grouped / step[..., None] + zero[..., None]), 0, 2**bits - 1)
        per = 32 // bits
        shifts = np.arange(0, 32, bits, dtype=np.uint32)
        columns = codes.reshape(outputs, inputs).T.astype(np.uint32).reshape(inputs // per, per, outputs)
        zeros = (zero.T - 1).astype(np.uint32).reshape(-1, outputs // per, per)
        stem = name.removesuffix(".weight")
        found[f"{stem}.qweight"] = (columns << shifts[:, None]).sum(1).astype(np.uint32).view(np.int32)
        found[f"{stem}.qzeros"] = (zeros << shifts).sum(-1).astype(np.uint32).view(np.int32)
        found[f"{stem}.scales"] = step.T.astype(np.float16)
    return found


def test_a_model_packed_by_gptq_is_found_and_a_stranger_is_not(tmp_path) -> None:
    base = tiny.llama(1)
    config = {"num_attention_heads": 4, "num_key_value_heads": 2, "quantization_config": {"bits": 4}}
    packed = prepare(opened(tiny.save(tmp_path / "packed", gptq(base), config=config)))
    assert packed.anatomy is not None
    assert (packed.anatomy.d, packed.anatomy.ff, len(packed.anatomy.layers)) == (64, 160, 4)
    same = compare(packed, prepare(opened(tiny.save(tmp_path / "base", base))))
    assert (same.verdict, same.path, same.layer_map) == ("near_copy", "I", (0, 1, 2, 3))
    other = compare(packed, prepare(opened(tiny.save(tmp_path / "other", tiny.llama(2)))))
    assert other.verdict == "none_detected"


def synthetic(kind: str, rows: int, width: int, seed: int) -> np.ndarray:
    """Return random blocks of a type that gguf only unpacks, drawn until their values are of one size."""
    items, size = BLOCKS[kind]
    generator = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    while len(kept) < rows * width // items:
        drawn = generator.integers(0, 256, (4096, size), dtype=np.uint8)
        with np.errstate(all="ignore"):
            values = gguf.dequantize(drawn, gguf.GGMLQuantizationType[kind])
            top = np.abs(values).max(axis=1)
            good = (
                np.isfinite(values).all(axis=1) & (top > 1e-2) & (top < 1e2) & (values.std(axis=1) > top / 20)
            )
        kept += list(drawn[good])
    return np.stack(kept[: rows * width // items]).reshape(rows, -1)


@pytest.mark.parametrize("kind", QUANTISED)
def test_every_gguf_type_that_gguf_unpacks_is_read_row_by_row(tmp_path, kind: str) -> None:
    number = gguf.GGMLQuantizationType[kind]
    d, ff, layers = 256, 96, 2
    base = tiny.llama(1, d=d, ff=ff, layers=layers, vocab=64)
    packed: dict[str, np.ndarray] = {}
    plain = dict(base)
    for name, value in base.items():
        if "mlp.gate" not in name and "mlp.up" not in name:
            continue
        try:
            packed[name] = gguf.quantize(value, number)
        except NotImplementedError:
            packed[name] = synthetic(kind, *value.shape, seed=len(packed))
            with np.errstate(all="ignore"):
                plain[name] = gguf.dequantize(packed[name], number).astype(np.float32)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_embedding_length(d)
    for name, value in base.items():
        short = tiny.gguf_name(name)
        if name in packed:
            writer.add_tensor(short, packed[name], raw_dtype=number)
        else:
            writer.add_tensor(short, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    suspect = prepare(opened(tmp_path / "m.gguf"))
    found = compare(suspect, prepare(opened(tiny.save(tmp_path / "plain", plain))))
    assert found.verdict in {"near_copy", "derived"}, kind
    assert found.layer_map == (0, 1)
    assert found.agreement == 1.0
    stranger = tiny.save(tmp_path / "other", tiny.llama(2, d=d, ff=ff, layers=layers, vocab=64))
    assert compare(suspect, prepare(opened(stranger))).verdict == "none_detected"


_ROLES = (
    "qweight",
    "qzeros",
    "scales",
    "g_idx",
    "weight_packed",
    "weight_scale",
    "weight_zero_point",
    "weight",
)
_MORE = ("weight.absmax", "weight.quant_map", "weight.nested_absmax", "weight.nested_quant_map", "SCB")
_STATE = "weight.quant_state.bitsandbytes__nf4"
_TYPES = st.sampled_from([np.int32, np.uint8, np.float16, np.float32, np.int8])


@st.composite
def pieces(draw) -> tiny.Weights:
    """Return tensors under the names of packed ones, of any type and of sizes that may or may not fit."""
    found: tiny.Weights = {}
    size = st.sampled_from([0, 1, 2, 3, 4, 8, 16, 32, 64])
    for role in draw(st.sets(st.sampled_from(_ROLES + _MORE))):
        shape = draw(st.lists(size, min_size=2, max_size=2) | st.lists(size, min_size=1, max_size=3))
        fill = draw(st.sampled_from([0, 1, 127]))
        found[f"{GATE}.{role}"] = np.full(shape, fill, draw(_TYPES))
    if draw(st.booleans()):
        told = {
            "shape": draw(st.lists(st.integers(-1, 64), max_size=3)),
            "blocksize": draw(st.integers(-2, 64)),
            "nested_blocksize": draw(st.integers(-2, 64)),
        }
        found[f"{GATE}.{_STATE}"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    return found


@given(
    pieces(), st.sampled_from([{}, {"bits": 4}, {"bits": "x"}, {"bits": 3, "checkpoint_format": "gptq_v2"}])
)
def test_pieces_that_do_not_fit_each_other_are_an_error_or_left_alone(w: tiny.Weights, scheme: dict) -> None:
    file = MemoryFile("model.safetensors", tiny.safetensors(w))
    header = read_header(file)
    tensors = {one.name: one for one in header.tensors}
    whole, parts = joined(
        tensors, {"quantization_config": scheme}, lambda one: file.read(one.offset, one.nbytes)
    )
    model = Opened(
        name="m", place=None, format="safetensors", tensors=whole, nodes=(), metadata={}, config={},
        adapter=None, files=("model.safetensors",), not_looked_at=[], parts=parts,
        _sources={"model.safetensors": file},
    )  # fmt: skip
    values = Values(model)
    for name, tensor in whole.items():
        if tensor.packing is not None:
            with contextlib.suppress(WeightsError):
                assert values.whole(name).shape == tensor.shape
