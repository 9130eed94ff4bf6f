"""Each format gives the same names, shapes and values."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from reliant.errors import WeightsError
from reliant.lineage.arrays import Values
from reliant.lineage.formats import MemoryFile, Meter, read_header
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from support import tiny_models as tiny

GATE = "model.layers.1.mlp.gate_proj.weight"


def opened(path):
    return open_model(local_place(str(path), Meter()))


def test_a_safetensors_header_is_read_without_the_tensors(tmp_path) -> None:
    w = tiny.llama(1)
    folder = tiny.save(tmp_path / "m", w)
    model = opened(folder)
    assert model.place.meter.bytes_read < 20_000 < (folder / "model.safetensors").stat().st_size
    assert model.tensors[GATE].shape == w[GATE].shape
    assert np.array_equal(Values(model).whole(GATE), w[GATE])


def test_shards_are_joined_by_their_index(tmp_path) -> None:
    w = tiny.llama(2)
    names = sorted(w)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in parts.items():
        (tmp_path / file).write_bytes(tiny.safetensors({name: w[name] for name in held}))
    index = {"weight_map": {name: file for file, held in parts.items() for name in held}}
    (tmp_path / "model.safetensors.index.json").write_text(str(index).replace("'", '"'))
    model = opened(tmp_path)
    assert set(model.tensors) == set(w)
    assert np.array_equal(Values(model).whole(GATE), w[GATE])


def test_a_missing_shard_is_named_and_the_rest_is_read(tmp_path) -> None:
    w = tiny.llama(2)
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(tiny.safetensors(w))
    table = {
        **dict.fromkeys(w, "model-00001-of-00002.safetensors"),
        "lost": "model-00002-of-00002.safetensors",
    }
    (tmp_path / "model.safetensors.index.json").write_text(str({"weight_map": table}).replace("'", '"'))
    model = opened(tmp_path)
    assert set(model.tensors) == set(w)
    assert [one.path for one in model.not_looked_at] == ["model-00002-of-00002.safetensors"]


@pytest.mark.parametrize("kind", [0, 1])
def test_gguf_gives_values_metadata_and_tokens(tmp_path, kind: int) -> None:
    w = tiny.llama(3)
    (tmp_path / "m.gguf").write_bytes(
        tiny.gguf(w, kind=kind, metadata={"general.name": "Tiny"}, vocabulary=["a", "b"])
    )
    model = opened(tmp_path / "m.gguf")
    assert model.metadata["general.name"] == "Tiny"
    assert model.metadata["tokenizer.ggml.tokens"] == ["a", "b"]
    assert np.allclose(Values(model).whole("blk.1.ffn_gate.weight"), w[GATE], atol=1e-3)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q5_1", "BF16"])
def test_gguf_blocks_are_unpacked_row_by_row(tmp_path, kind: str) -> None:
    package = pytest.importorskip("gguf")
    w = tiny.llama(3)[GATE]
    writer = package.GGUFWriter(str(tmp_path / "m.gguf"), "llama")
    type_ = package.GGMLQuantizationType[kind]
    writer.add_tensor("blk.0.ffn_gate.weight", package.quants.quantize(w, type_), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    values = Values(opened(tmp_path / "m.gguf"))
    whole = values.whole("blk.0.ffn_gate.weight")
    assert np.abs(whole - w).max() < np.abs(w).max() / 6
    assert np.array_equal(values._slab(values._tensor("blk.0.ffn_gate.weight"), w.shape, 7, 5), whole[7:12])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_torch_checkpoint_is_read_without_torch(tmp_path, compression: int) -> None:
    w = tiny.llama(4)
    w[GATE] = np.asfortranarray(w[GATE])  # strides that are not plain
    (tmp_path / "pytorch_model.bin").write_bytes(
        tiny.torch_zip({GATE: np.ascontiguousarray(w[GATE])}, compression=compression)
    )
    model = opened(tmp_path / "pytorch_model.bin")
    assert model.format == "pytorch"
    assert np.array_equal(Values(model).whole(GATE), w[GATE])


@pytest.mark.parametrize("packed", [False, True])
def test_npz_is_read_stored_or_deflated(tmp_path, packed: bool) -> None:
    w = {
        "a": np.arange(12, dtype=np.float32).reshape(3, 4),
        "b": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    }
    (np.savez_compressed if packed else np.savez)(tmp_path / "m.npz", **w)
    values = Values(opened(tmp_path / "m.npz"))
    assert np.array_equal(values.whole("a"), w["a"])
    assert np.array_equal(values.whole("b"), w["b"])


def test_eight_bit_integers_are_scaled_by_the_tensor_beside_them(tmp_path) -> None:
    w = tiny.llama(5)[GATE]
    scale = np.abs(w).max(axis=1, keepdims=True) / 127
    np.savez(tmp_path / "m.npz", **{GATE: np.round(w / scale).astype(np.int8), GATE + "_scale": scale})
    assert np.allclose(Values(opened(tmp_path / "m.npz")).whole(GATE), w, atol=2e-3)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_mlx_groups_are_unpacked(tmp_path, bits: int) -> None:
    w = tiny.llama(5)
    folder = tiny.save(
        tmp_path / "m", tiny.mlx(w, bits=bits), config={"quantization": {"group_size": 32, "bits": bits}}
    )
    whole = Values(opened(folder)).whole(GATE)
    assert np.abs(whole - w[GATE]).max() <= np.ptp(w[GATE]) / (2**bits - 1)


def test_onnx_external_data_are_read_from_the_folder(tmp_path) -> None:
    w = tiny.llama(6)
    graph, data = tiny.onnx(w, external="weights.data")
    (tmp_path / "model.onnx").write_bytes(graph)
    (tmp_path / "weights.data").write_bytes(data)
    values = Values(opened(tmp_path / "model.onnx"))
    assert np.array_equal(values.whole("embed"), w["model.embed_tokens.weight"])


def test_half_precision_and_eight_bit_floats_have_their_values() -> None:
    codes = np.array([[0x38, 0xB8, 0x7E, 0x08]], dtype=np.uint8)
    header = {"w": {"dtype": "F8_E4M3", "shape": [1, 4], "data_offsets": [0, 4]}}
    source = MemoryFile("m.safetensors", tiny.safetensors({"w": codes}, header=header))
    tensor = read_header(source).tensors[0]
    from reliant.lineage.arrays import _plain

    assert _plain(tensor, source.read(tensor.offset, 4)).tolist() == [1.0, -1.0, 448.0, 2.0**-6]


def test_a_file_of_an_unknown_kind_is_refused_with_a_next_step() -> None:
    with pytest.raises(WeightsError, match="no reader knows") as caught:
        read_header(MemoryFile("model.bin", b"neither one thing nor another"))
    assert "zip checkpoint" in caught.value.hint


def test_torchscript_is_read_without_torch_and_its_code_is_not_looked_at(tmp_path) -> None:
    w = {"encoder.weight": np.ones((4, 3), np.float32), "decoder.bias": np.arange(5, dtype=np.float32)}
    (tmp_path / "m.jit").write_bytes(tiny.torch_script(w))
    model = opened(tmp_path / "m.jit")
    assert set(model.tensors) == set(w)
    assert np.array_equal(Values(model).whole("decoder.bias"), w["decoder.bias"])


def _branch(value: np.ndarray) -> bytes:
    """Return a graph with one weight, named as in every other branch, and a step that uses it."""
    step = tiny.field(1, b"x") + tiny.field(1, b"w") + tiny.field(2, b"y") + tiny.field(4, b"MatMul")
    return tiny.field(1, step) + tiny.field(5, tiny.onnx_tensor("w", value))


def test_weights_inside_the_branches_of_an_onnx_graph_are_read(tmp_path) -> None:
    branches = [np.full((2, 3), at, np.float32) for at in (1, 2)]
    step = tiny.field(1, b"rate") + tiny.field(2, b"out") + tiny.field(4, b"If")
    for name, value in zip((b"then_branch", b"else_branch"), branches, strict=True):
        step += tiny.field(5, tiny.field(1, name) + tiny.field(6, _branch(value)))
    (tmp_path / "m.onnx").write_bytes(tiny.field(7, tiny.field(1, step)))
    model = opened(tmp_path / "m.onnx")
    assert [float(Values(model).whole(name)[0, 0]) for name in model.tensors] == [1, 2]
    products = [node for node in model.nodes if node.op == "MatMul"]
    assert [node.inputs for node in products] == [("x", name) for name in model.tensors]


def test_graphs_nested_beyond_reason_are_refused() -> None:
    graph = _branch(np.ones((2, 3), np.float32))
    for _ in range(200):
        graph = tiny.field(1, tiny.field(4, b"Loop") + tiny.field(5, tiny.field(6, graph)))
    with pytest.raises(WeightsError, match="graphs inside graphs"):
        read_header(MemoryFile("m.onnx", tiny.field(7, graph)))
