"""Weight files, told by their first bytes; nothing is unpickled and no weight is read."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Kind
from reliant.inventory.detectors._urls import hub_model
from reliant.inventory.idforms import is_hub_id
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_OLD_TORCH = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
_BASES = ("base_model_name_or_path", "_name_or_path", "base_model")
_CONFIGS = frozenset({"config.json", "adapter_config.json", "model_index.json", "tokenizer_config.json"})
_GENERAL = frozenset({"model", "pytorch", "adapter", "weights", "checkpoint", "best", "last", "diffusion"})
_MOST_HEADER = 900_000
_GGUF_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_GGUF_TEXT, _GGUF_LIST = 8, 9
_GGUF_BASE = re.compile(r"general\.base_model\.\d+\.repo_url\Z")


class ModelFile:
    """Recognises safetensors, GGUF, ONNX, PyTorch, TFLite and Keras files, and what adapters build on."""

    id = "model-file"
    claim = Claim(
        reads="*.safetensors, *.gguf, *.onnx, *.pt, *.pth, *.bin, *.ckpt, *.tflite, *.h5, *.keras, "
        "adapter_config.json, config.json of a model",
        finds=("model",),
        resolves=("the base model that an adapter or a quantised file names",),
        limits="The header only: who made the weights is for `reliant trace` to say.",
    )
    wants = Wants(
        suffixes=(
            ".safetensors", ".gguf", ".ggml", ".onnx", ".pt", ".pth", ".bin", ".ckpt", ".tflite", ".h5",
            ".keras",
        ),
        names=tuple(_CONFIGS),
        always=True,
        binary=True,
        limit=1_000_000,
    )  # fmt: skip

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say that the file holds weights, and what they are based on if they say so."""
        if file.name in _CONFIGS:
            yield from _described(file)
            return
        kind = _format(file.data)
        if kind is None:
            return
        # Many files are called `model.onnx`; the path says which one is meant.
        stem = re.split(r"[._-]", file.name.lower())[0]
        name = file.path if stem in _GENERAL else file.name
        yield Signal(what=What.MODEL, line=0, model=name, kind=Kind.OPEN_WEIGHTS, confidence=0.9)
        for base in _bases(file.data, kind):
            yield Signal(what=What.MODEL, line=0, model=base, kind=Kind.OPEN_WEIGHTS, confidence=0.8)


def _format(data: bytes) -> str | None:
    """Return which format of weights begins like this, or None."""
    if data.startswith(b"GGUF"):
        return "gguf"
    if data[:4] in {b"lmgg", b"fmgg", b"tjgg"}:
        return "ggml"
    if len(data) > 9 and 1 < struct.unpack_from("<Q", data)[0] < 1 << 27 and data[8:9] == b"{":
        return "safetensors"
    if data.startswith(b"PK\x03\x04") and re.search(rb"/(data\.pkl|byteorder|config\.json)", data[:4096]):
        return "torch"
    if data.startswith(_OLD_TORCH):
        return "torch"
    if data[4:8] == b"TFL3":
        return "tflite"
    if data.startswith(b"\x89HDF\r\n\x1a\n") and re.search(rb"model_weights|keras", data):
        return "keras"
    # ONNX: field 1 (the version, a small number), then the producer or the graph.
    if (
        len(data) > 4
        and data[0] == 0x08
        and data[1] < 20
        and data[2] in {0x12, 0x3A, 0x42}
        and b"onnx" in data[:200]
    ):
        return "onnx"
    if (
        len(data) > 4
        and data[0] == 0x08
        and data[1] < 20
        and data[2] == 0x12
        and re.match(rb"[\x03-\x20](pytorch|tf2onnx|skl2onnx|keras2onnx|paddle)", data[3:30])
    ):
        return "onnx"
    return None


def _bases(data: bytes, kind: str) -> Iterator[str]:
    """Yield the hub ids of the models that a header says the weights are based on."""
    if kind == "gguf":
        for key, value in _gguf(data):
            if _GGUF_BASE.match(key) and (base := hub_model(value)):
                yield base
    elif kind == "safetensors":
        (length,) = struct.unpack_from("<Q", data)
        head = data[8 : 8 + min(length, _MOST_HEADER)]
        match = re.search(
            rb'"(?:base_model|base_model_name_or_path|ss_sd_model_name)"\s*:\s*"([^"]{3,120})"', head
        )
        if match is not None and is_hub_id(match[1].decode("utf-8", "replace")):
            yield match[1].decode("utf-8", "replace")


def _gguf(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the texts in a GGUF header, up to the first list: what a model is called stands before."""
    if len(data) < 24:
        return
    count = struct.unpack_from("<Q", data, 16)[0]
    at = 24
    for _ in range(min(count, 200)):
        key, at = _gguf_text(data, at)
        if key is None or at + 4 > len(data):
            return
        (type_,) = struct.unpack_from("<I", data, at)
        at += 4
        if type_ == _GGUF_TEXT:
            value, at = _gguf_text(data, at)
            if value is None:
                return
            yield key, value
        elif type_ in _GGUF_SIZES:
            at += _GGUF_SIZES[type_]
        elif type_ == _GGUF_LIST and key.startswith("general."):
            at = _after_list(data, at)
            if at < 0:
                return
        else:
            return


def _gguf_text(data: bytes, at: int) -> tuple[str | None, int]:
    if at + 8 > len(data):
        return None, at
    (length,) = struct.unpack_from("<Q", data, at)
    at += 8
    if length > 65_536 or at + length > len(data):
        return None, at
    return data[at : at + length].decode("utf-8", "replace"), at + length


def _after_list(data: bytes, at: int) -> int:
    if at + 12 > len(data):
        return -1
    type_, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if type_ in _GGUF_SIZES:
        return int(at + _GGUF_SIZES[type_] * min(count, len(data)))
    for _ in range(min(count, 1_000)):
        if type_ != _GGUF_TEXT:
            return -1
        text, at = _gguf_text(data, at)
        if text is None:
            return -1
    return at


def _described(file: FileView) -> Iterator[Signal]:
    """Yield what the description beside a model's weights says it was made from."""
    if not any(f'"{name}"'.encode() in file.data for name in _BASES):
        return
    try:
        told = msgspec.json.decode(file.data)
    except msgspec.DecodeError as error:
        file.fail(f"is not JSON: {error}")
        return
    if not isinstance(told, dict):
        return
    for name in _BASES:
        base = told.get(name)
        if isinstance(base, str) and is_hub_id(base):
            line = next((n for n, text in enumerate(file.lines, 1) if f'"{name}"' in text), 0)
            yield Signal(what=What.MODEL, line=line, model=base, kind=Kind.OPEN_WEIGHTS, confidence=0.9)
            return


DETECTOR = ModelFile()
