"""GGUF: llama.cpp's file of metadata, tokenizer and quantised tensors.

The header is walked here without numpy, because the `gguf` package trusts its counts. All of
them are 64-bit numbers of the writer's choosing, so each is compared with the bytes that
remain before a loop or a list depends on it.
"""

from __future__ import annotations

import itertools
import struct
from typing import Any, NamedTuple

from reliant.errors import WeightsError
from reliant.lineage.formats.header import MAX_TENSORS, Header, Tensor, checked_shape, count_of, short
from reliant.lineage.formats.source import Source, Window

MAX_KEYS = 100_000
MAX_STRING = 16 << 20
MAX_TOKENS = 2_000_000
_KEPT_STRINGS = frozenset({"tokenizer.ggml.tokens", "tokenizer.ggml.merges"})
_SHORT_LIST = 4096


class Block(NamedTuple):
    """How a type packs: `items` values in `size` bytes."""

    items: int
    size: int


# Number in the file -> name, packing. From the GGML type table of the format's specification.
GGML_TYPES: dict[int, tuple[str, Block]] = {
    0: ("F32", Block(1, 4)), 1: ("F16", Block(1, 2)), 2: ("Q4_0", Block(32, 18)),
    3: ("Q4_1", Block(32, 20)), 6: ("Q5_0", Block(32, 22)), 7: ("Q5_1", Block(32, 24)),
    8: ("Q8_0", Block(32, 34)), 9: ("Q8_1", Block(32, 40)),
    10: ("Q2_K", Block(256, 84)), 11: ("Q3_K", Block(256, 110)), 12: ("Q4_K", Block(256, 144)),
    13: ("Q5_K", Block(256, 176)), 14: ("Q6_K", Block(256, 210)), 15: ("Q8_K", Block(256, 292)),
    16: ("IQ2_XXS", Block(256, 66)), 17: ("IQ2_XS", Block(256, 74)), 18: ("IQ3_XXS", Block(256, 98)),
    19: ("IQ1_S", Block(256, 50)), 20: ("IQ4_NL", Block(32, 18)), 21: ("IQ3_S", Block(256, 110)),
    22: ("IQ2_S", Block(256, 82)), 23: ("IQ4_XS", Block(256, 136)), 24: ("I8", Block(1, 1)),
    25: ("I16", Block(1, 2)), 26: ("I32", Block(1, 4)), 27: ("I64", Block(1, 8)), 28: ("F64", Block(1, 8)),
    29: ("IQ1_M", Block(256, 56)), 30: ("BF16", Block(1, 2)), 34: ("TQ1_0", Block(256, 54)),
    35: ("TQ2_0", Block(256, 66)), 39: ("MXFP4", Block(32, 17)), 40: ("NVFP4", Block(64, 36)),
}  # fmt: skip
BLOCKS = {name: block for name, block in GGML_TYPES.values() if block.items > 1}

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


def read_gguf(source: Source) -> Header:
    """Return the header of a GGUF file, versions 2 and 3 in little-endian order.

    Raises:
        WeightsError: A count, length, offset or type is not true of the file.
    """
    walk = _Walk(source)
    if walk.window.take(4) != b"GGUF":
        raise WeightsError(source.name, "it does not begin with GGUF")
    version = walk.number("I")
    if version not in {2, 3}:
        raise WeightsError(source.name, f"GGUF version {version} is not read", hint="Versions 2 and 3 are.")
    tensor_count, key_count = walk.number("Q"), walk.number("Q")
    # A tensor needs at least 24 bytes of header and a key 13.
    if tensor_count > min(MAX_TENSORS, walk.window.left // 24) or key_count > min(
        MAX_KEYS, walk.window.left // 13
    ):
        raise WeightsError(
            source.name,
            f"the header claims {tensor_count:,} tensors and {key_count:,} keys in {source.size:,} bytes",
        )
    metadata: dict[str, Any] = {}
    for _ in range(key_count):
        key = walk.text(1 << 16)
        if key in metadata:
            raise WeightsError(source.name, f"the key {short(key)} comes twice")
        metadata[key] = walk.value(walk.number("I"), key)
    raw = [_entry(walk) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or not 1 <= alignment <= 1 << 20 or alignment & (alignment - 1):
        raise WeightsError(source.name, f"the alignment {str(alignment)[:40]} is not a power of two")
    base = -(-walk.window.at // alignment) * alignment
    return Header(format="gguf", tensors=_placed(source, raw, base), metadata=metadata)


class _Entry(NamedTuple):
    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


def _entry(walk: _Walk) -> _Entry:
    name = walk.text(1 << 10)
    rank = walk.number("I")
    if rank > 4:
        raise WeightsError(walk.source.name, f"tensor {short(name)} claims {rank} dimensions")
    sizes = [walk.number("Q") for _ in range(rank)]
    shape = checked_shape(walk.source, name, tuple(reversed(sizes)))
    return _Entry(name, shape, walk.number("I"), walk.number("Q"))


def _placed(source: Source, raw: list[_Entry], base: int) -> tuple[Tensor, ...]:
    tensors = []
    seen: set[str] = set()
    for entry in raw:
        if entry.kind not in GGML_TYPES:
            raise WeightsError(source.name, f"tensor {short(entry.name)} has the unknown type {entry.kind}")
        if entry.name in seen:
            raise WeightsError(source.name, f"the tensor {short(entry.name)} comes twice")
        seen.add(entry.name)
        dtype, block = GGML_TYPES[entry.kind]
        items = count_of(entry.shape)
        if block.items > 1 and (not entry.shape or entry.shape[-1] % block.items):
            raise WeightsError(
                source.name,
                f"tensor {short(entry.name)}: rows of {entry.shape[-1:]} do not fill blocks of {dtype}",
            )
        nbytes = items // block.items * block.size
        if base + entry.offset + nbytes > source.size:
            raise WeightsError(
                source.name,
                f"tensor {short(entry.name)} lies outside the file",
                hint="The file is cut short or damaged: fetch it again.",
            )
        tensors.append(Tensor(entry.name, dtype, entry.shape, source.name, base + entry.offset, nbytes))
    tensors.sort(key=lambda tensor: tensor.offset)
    for before, after in itertools.pairwise(tensors):
        if before.offset + before.nbytes > after.offset:
            raise WeightsError(source.name, f"tensor {short(after.name)} overlaps the one before it")
    return tuple(tensors)


class _Walk:
    """Reads GGUF fields one after another."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.window = Window(source)

    def number(self, code: str) -> Any:
        width = struct.calcsize("<" + code)
        return struct.unpack("<" + code, self.window.take(width))[0]

    def text(self, limit: int) -> str:
        length = self.number("Q")
        if length > limit or length > self.window.left:
            raise WeightsError(
                self.source.name,
                f"a text at byte {self.window.at:,} claims {length:,} bytes; at most {limit:,} are read",
            )
        data: bytes = self.window.take(length)
        return data.decode("utf-8", "replace")

    def value(self, kind: int, key: str) -> Any:
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text(MAX_STRING)
        if kind != _ARRAY:
            raise WeightsError(self.source.name, f"the key {short(key)} has the unknown type {kind}")
        item, count = self.number("I"), self.number("Q")
        if item == _STRING:
            return self._strings(key, count)
        if item not in _SCALARS:
            raise WeightsError(
                self.source.name, f"the key {short(key)} is a list of lists, which no model needs"
            )
        width = struct.calcsize("<" + _SCALARS[item])
        if count * width > self.window.left:
            raise WeightsError(
                self.source.name,
                f"the list {short(key)} claims {count:,} values; {self.window.left:,} bytes are left",
            )
        if count > _SHORT_LIST:
            self.window.skip(count * width)
            return None
        return list(struct.unpack(f"<{count}{_SCALARS[item]}", self.window.take(count * width)))

    def _strings(self, key: str, count: int) -> list[str] | None:
        if count * 8 > self.window.left or count > MAX_TOKENS:
            raise WeightsError(
                self.source.name,
                f"the list {short(key)} claims {count:,} texts; {self.window.left:,} bytes are left",
            )
        keep = key in _KEPT_STRINGS or count <= _SHORT_LIST
        texts = []
        for _ in range(count):
            length = self.number("Q")
            if length > MAX_STRING or length > self.window.left:
                raise WeightsError(self.source.name, f"a text in {short(key)} claims {length:,} bytes")
            if keep:
                texts.append(self.window.take(length).decode("utf-8", "replace"))
            else:
                self.window.skip(length)
        return texts if keep else None
