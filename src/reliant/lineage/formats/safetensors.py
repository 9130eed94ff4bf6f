"""safetensors: an 8-byte length, a JSON header, then tensors without gaps.

The layout is simple enough that the header is checked whole: offsets lie in the file, do not
overlap, and agree with shape and type. The length is the writer's claim, so it is held
against the file's size and against a cap before it is read.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from reliant.errors import WeightsError
from reliant.lineage.formats.header import (
    ITEM_SIZE,
    MAX_TENSORS,
    Header,
    Tensor,
    checked_shape,
    count_of,
    short,
)
from reliant.lineage.formats.json import loads_strict
from reliant.lineage.formats.source import Source

MAX_HEADER = 100_000_000  # the format's own limit
_FAST_HEADER = 24_000_000  # a header above it is refused: 200,000 tensors need less


def read_safetensors(source: Source) -> Header:
    """Return the header of a safetensors file.

    Raises:
        WeightsError: A length, offset or shape is not true of the file.
    """
    if source.size < 10:
        raise WeightsError(source.name, "it is too short to be a safetensors file")
    (length,) = struct.unpack("<Q", source.read(0, 8))
    if length > source.size - 8 or length > MAX_HEADER:
        raise WeightsError(
            source.name,
            f"the header claims {length:,} bytes in a file of {source.size:,}",
            hint="The file is damaged or made to exhaust memory: fetch it again from a place you trust.",
        )
    if length > _FAST_HEADER:
        raise WeightsError(source.name, f"the header has {length:,} bytes; at most {_FAST_HEADER:,} are read")
    table = loads_strict(source.read(8, length), source.name, "safetensors header")
    if not isinstance(table, dict):
        raise WeightsError(source.name, "the safetensors header is not an object")
    metadata = table.pop("__metadata__", None)
    if len(table) > MAX_TENSORS:
        raise WeightsError(source.name, f"{len(table):,} tensors; at most {MAX_TENSORS:,} are read")
    base = 8 + length
    notes: list[str] = []
    tensors = [_tensor(source, name, entry, base, notes) for name, entry in table.items()]
    tensors.sort(key=lambda tensor: tensor.offset)
    end = base
    for tensor in tensors:
        if tensor.offset < end:
            raise WeightsError(source.name, f"tensor {short(tensor.name)} overlaps the one before it")
        end = tensor.offset + tensor.nbytes
    return Header(
        format="safetensors",
        tensors=tuple(tensors),
        metadata=_strings(metadata),
        notes=tuple(notes),
    )


def _tensor(source: Source, name: str, entry: object, base: int, notes: list[str]) -> Tensor:
    if not isinstance(entry, dict):
        raise WeightsError(source.name, f"tensor {short(name)} has no description")
    dtype, offsets = entry.get("dtype"), entry.get("data_offsets")
    shape = checked_shape(source, name, entry.get("shape"))
    if (
        not isinstance(offsets, list)
        or len(offsets) != 2
        or any(type(offset) is not int for offset in offsets)
        or not 0 <= offsets[0] <= offsets[1] <= source.size - base
    ):
        raise WeightsError(
            source.name,
            f"tensor {short(name)} lies outside the file: offsets {str(offsets)[:80]}",
            hint="The file is cut short or damaged: fetch it again.",
        )
    dtype = str(dtype)
    if dtype in ITEM_SIZE:
        if count_of(shape) * ITEM_SIZE[dtype] != offsets[1] - offsets[0]:
            raise WeightsError(
                source.name,
                f"tensor {short(name)}: {str(shape)[:80]} of {dtype} in {offsets[1] - offsets[0]:,} bytes",
            )
    else:
        notes.append(f"tensor {short(name)} has the type {short(dtype, 20)}, whose values are not read")
    return Tensor(name, dtype, shape, source.name, base + offsets[0], offsets[1] - offsets[0])


def _strings(metadata: Any) -> dict[str, Any]:
    if not isinstance(metadata, dict):
        return {}
    return {key: value for key, value in metadata.items() if isinstance(value, str) and len(value) <= 1 << 20}


def shard_names(data: bytes, name: str) -> dict[str, str]:
    """Return tensor name -> shard file name, from the text of an index file.

    Raises:
        WeightsError: It is not such an index, or a shard's name leaves the folder.
    """
    try:
        index = msgspec.convert(loads_strict(data, name, "shard index"), dict[str, Any])
        weight_map = msgspec.convert(index.get("weight_map"), dict[str, str])
    except msgspec.ValidationError as error:
        raise WeightsError(name, f"it is not a shard index: {error}") from error
    if len(weight_map) > MAX_TENSORS:
        raise WeightsError(name, f"{len(weight_map):,} tensors; at most {MAX_TENSORS:,} are read")
    for shard in set(weight_map.values()):
        if not is_plain_name(shard):
            raise WeightsError(name, f"it names the shard {short(shard)}, which is not a file of this folder")
    return weight_map


def is_plain_name(name: str) -> bool:
    """Return True if `name` stays inside its folder: no parent, no root, no drive, no control character."""
    parts = name.replace("\\", "/").split("/")
    return (
        0 < len(name) <= 1024
        and all(part not in {"", ".", ".."} for part in parts)
        and ":" not in name
        and name.isprintable()
    )
