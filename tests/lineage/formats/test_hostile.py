"""Files made to hurt: each is a clear error, within bounds, and nothing in it is run."""

from __future__ import annotations

import io
import json
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import ReliantError, TargetError, WeightsError
from reliant.lineage.formats import MemoryFile, Meter, read_header
from reliant.lineage.formats.source import BudgetSpent
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from support import tiny_models as tiny

MEMORY = 200_000_000


def refused(name: str, data: bytes, words: str) -> WeightsError:
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match=words) as caught:
            read_header(MemoryFile(name, data))
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert name in str(caught.value)
    return caught.value


def safetensors(table: object, tail: bytes = b"") -> bytes:
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + tail


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 99_999_999, 10**9])
def test_a_header_length_beyond_the_file_is_refused(length: int) -> None:
    refused("m.safetensors", struct.pack("<Q", length) + b'{"a":1}', "claims")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, "overlaps"),
        ({"a": entry([4], 0, 160)}, "outside"),
        ({"a": entry([4], -8, 8)}, "outside"),
        ({"a": entry([4], 8, 0)}, "outside"),
        ({"a": entry([2**40, 2**40], 0, 16)}, "in 16 bytes"),
        ({"a": entry([2**62], 0, 16)}, "in its shape"),
        ({"a": entry([-1], 0, 16)}, "in its shape"),
        ({"a": entry([True], 0, 16)}, "in its shape"),
        ({"a": entry([1] * 50, 0, 4)}, "no plain shape"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0.0, 16.0]}}, "outside"),
        ({"a": []}, "no description"),
        ([1, 2], "not an object"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "deeper"),
        (b'{"a":' + b"[" * 5000, "deeper|JSON"),
        (b"\xff\xfe{}", "JSON"),
    ],
)
def test_a_safetensors_header_that_is_not_true_is_refused(table: object, words: str) -> None:
    refused("m.safetensors", safetensors(table, b"\0" * 16), words)


def gguf(tensors: int, keys: int, body: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + body


TEXT = struct.pack("<Q", 1) + b"k"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gguf(2**62, 0), "claims"),
        (gguf(0, 2**62), "claims"),
        (gguf(0, 1, struct.pack("<Q", 2**60) + b"x" * 20), "claims"),
        (gguf(0, 1, TEXT + struct.pack("<IQ", 8, 2**50) + b"x" * 20), "claims"),
        (gguf(0, 1, TEXT + struct.pack("<IIQ", 9, 4, 2**60) + b"x" * 20), "claims"),
        (gguf(0, 1, TEXT + struct.pack("<IIQ", 9, 8, 2**60) + b"x" * 20), "claims"),
        (gguf(0, 1, TEXT + struct.pack("<IIQ", 9, 9, 1) + b"x" * 20), "lists"),
        (gguf(0, 1, TEXT + struct.pack("<I", 77) + b"x" * 20), "unknown type"),
        (gguf(0, 2, (TEXT + struct.pack("<IB", 0, 1)) * 2 + b"x" * 20), "twice"),
        (gguf(1, 0, TEXT + struct.pack("<I", 2**31) + b"x" * 40), "dimensions"),
        (gguf(1, 0, TEXT + struct.pack("<IQQIQ", 2, 2**40, 2**40, 0, 0) + b"x" * 40), "outside"),
        (gguf(1, 0, TEXT + struct.pack("<IQIQ", 1, 4, 999, 0) + b"x" * 40), "unknown type"),
        (gguf(1, 0, TEXT + struct.pack("<IQIQ", 1, 33, 2, 0) + b"x" * 40), "blocks"),
        (gguf(1, 0, TEXT + struct.pack("<IQIQ", 1, 4, 0, 2**62) + b"x" * 40), "outside"),
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0), "version"),
        (b"GGUF", "bytes"),
    ],
)
def test_a_gguf_header_that_is_not_true_is_refused(data: bytes, words: str) -> None:
    refused("m.gguf", data, words)


@pytest.mark.parametrize("alignment", [0, 3, 2**31])
def test_a_gguf_alignment_that_is_no_power_of_two_is_refused(alignment: int) -> None:
    key = b"general.alignment"
    body = struct.pack("<Q", len(key)) + key + struct.pack("<II", 4, alignment) + b"\0" * 64
    refused("m.gguf", gguf(0, 1, body), "alignment")


def test_a_pickle_that_would_run_code_is_shown_and_not_run(tmp_path) -> None:
    canary = tmp_path / "ran"
    data = tiny.torch_zip({"w": np.ones((2, 2), np.float32)}, extra=tiny.pickled_canary(canary) + b"0")
    error = refused("pytorch_model.bin", data, "open")
    assert "nothing of it was run" in str(error)
    assert not canary.exists()


@pytest.mark.parametrize(
    "opcode",
    [
        b"cos\nsystem\n",
        b"c__builtin__\neval\n",
        b"cnumpy.core.multiarray\n_reconstruct\n",
        b"\x82\x01",
        b"i0\n(",
        b"Pid\n",
        b"c\\(\nx\n",
    ],
)
def test_instructions_that_weights_do_not_need_are_refused(opcode: bytes) -> None:
    data = tiny.torch_zip({"w": np.ones((2, 2), np.float32)}, extra=opcode)
    refused("pytorch_model.bin", data, "weights do not need|damaged")


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "model.ckpt"])
def test_a_bare_pickle_is_never_opened(tmp_path, name: str) -> None:
    canary = tmp_path / "ran"
    refused(name, b"\x80\x02" + tiny.pickled_canary(canary) + b".", "bare pickle")
    assert not canary.exists()


def test_a_tensor_outside_its_storage_is_refused() -> None:
    data = bytearray(tiny.torch_zip({"w": np.ones((2, 2), np.float32)}))
    at = data.find(b"J\x02\x00\x00\x00")
    data[at + 1 : at + 5] = struct.pack("<i", 1 << 20)
    with pytest.raises(WeightsError):
        read_header(MemoryFile("pytorch_model.bin", bytes(data)))


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return found.getvalue()


def npy(shape: object, descr: str = "<f4", tail: bytes = b"") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + tail


def test_a_zip_bomb_is_refused_before_it_is_inflated() -> None:
    refused("m.npz", zipped({"a.npy": npy((40_000_000,)) + b"\0" * 160_000_000}), "inflate|claims")


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (npy((2,), "|O", b"\0" * 16), "Python objects"),
        (npy((2**50,), tail=b"\0" * 16), "claims|shape"),
        (npy("(__import__('os').system('true'),)"), "unreadable|shape"),
        (npy("(" * 200 + ")" * 200), "unreadable|shape"),
        (npy("('\\(',)"), "unreadable|shape"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"x", "header|not an array"),
        (b"short", "not an array"),
    ],
)
def test_an_npz_array_that_is_not_true_is_refused(member: bytes, words: str) -> None:
    refused("m.npz", zipped({"a.npy": member}, zipfile.ZIP_STORED), words)


def test_a_zip_without_an_end_is_refused() -> None:
    refused("m.npz", b"PK\x03\x04" + b"\0" * 100, "directory")


@pytest.mark.parametrize(
    "place", ["../secret", "/etc/passwd", "a/../../b", "C:\\x", "", "a\nb", "sub\\..\\..\\x"]
)
def test_external_data_outside_the_folder_is_refused(place: str) -> None:
    tensor = tiny.onnx_tensor("w", np.ones((2, 2), np.float32), external={"location": place})
    refused("m.onnx", tiny.field(7, tiny.field(5, tensor)), "outside|not a file|in ''")


@pytest.mark.parametrize(
    "data",
    [
        tiny.varint(7 << 3 | 2) + tiny.varint(2**60),
        b"\xff" * 40,
        tiny.field(
            7, tiny.field(5, tiny.varint(1 << 3) + tiny.varint(2**62) + tiny.varint(2 << 3) + b"\x01")
        ),
        tiny.field(7, tiny.field(5, (tiny.varint(1 << 3) + b"\x01") * 99)),
        b"\x3b\x3c",
    ],
)
def test_an_onnx_field_that_is_not_true_is_refused(data: bytes) -> None:
    refused("m.onnx", data, "claims|end|shape|dimensions|ONNX")


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", "a/../../x.safetensors"])
def test_a_shard_index_that_leaves_the_folder_is_refused(tmp_path, shard: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(WeightsError, match="not a file of this folder"):
        open_model(local_place(str(tmp_path), Meter()))


def test_a_link_to_outside_the_folder_is_not_followed(tmp_path) -> None:
    outside = tiny.save(tmp_path / "outside", tiny.llama(1))
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "model.safetensors").symlink_to(outside / "model.safetensors")
    with pytest.raises(WeightsError, match="outside the model's folder"):
        open_model(local_place(str(inside), Meter()))


def test_a_hub_cache_snapshot_may_point_at_its_blobs(tmp_path) -> None:
    blobs = tmp_path / "models--org--name" / "blobs"
    snapshot = tmp_path / "models--org--name" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (blobs / "1234").write_bytes(tiny.safetensors(tiny.llama(1)))
    (snapshot / "model.safetensors").symlink_to("../../blobs/1234")
    assert open_model(local_place(str(snapshot), Meter())).tensors


def test_a_fifo_does_not_make_it_wait(tmp_path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="regular file"):
        open_model(local_place(str(tmp_path), Meter()))


def test_a_cut_file_says_so(tmp_path) -> None:
    data = tiny.safetensors(tiny.llama(1))
    (tmp_path / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(TargetError, match="outside the file") as caught:
        open_model(local_place(str(tmp_path), Meter()))
    assert "fetch it again" in caught.value.hint


def test_the_byte_budget_ends_a_read(tmp_path) -> None:
    folder = tiny.save(tmp_path / "m", tiny.llama(1))
    with pytest.raises(BudgetSpent, match="byte budget"):
        open_model(local_place(str(folder), Meter(100)))


SEEDS = {
    "m.safetensors": tiny.safetensors({"a": np.ones((2, 3), np.float32)}),
    "m.gguf": tiny.gguf({"lm_head.weight": np.ones((2, 32), np.float32)}, vocabulary=["a", "b"]),
    "m.bin": tiny.torch_zip({"a": np.ones((2, 3), np.float32)}),
    "m.onnx": tiny.field(7, tiny.field(5, tiny.onnx_tensor("w", np.ones((2, 2), np.float32)))),
    "m.npz": zipped({"a.npy": npy((2,), tail=b"\0" * 8)}, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("name", sorted(SEEDS))
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_never_breaks_the_reader(
    name: str, data: st.DataObject
) -> None:
    body = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for one in (bytes(body), bytes(body[:cut])):
        try:
            header = read_header(MemoryFile(name, one))
        except ReliantError:
            continue
        assert all(0 <= tensor.offset <= len(one) or tensor.member for tensor in header.tensors)


@given(st.binary(max_size=400), st.sampled_from(sorted(SEEDS)))
def test_any_bytes_are_read_or_refused(body: bytes, name: str) -> None:
    for start in (b"", SEEDS[name][:8]):
        try:
            read_header(MemoryFile(name, start + body))
        except ReliantError:
            continue
