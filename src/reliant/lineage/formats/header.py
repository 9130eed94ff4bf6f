"""What a weight file holds: names, types, shapes and places of tensors, and what it says of itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.lineage.formats.source import Source

MAX_TENSORS = 200_000  # the largest open mixture of experts has about 90,000
MAX_RANK = 8

# Bytes of one element; types of the GGUF kind that pack blocks are in `formats.gguf`.
ITEM_SIZE = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1, "C64": 8,
}  # fmt: skip


class Packing(msgspec.Struct, frozen=True):
    """How a quantiser packed a tensor.

    Attributes:
        kind: gptq, gptq2, awq, hqq, exl2, exl3-3inst, exl3-mcg, exl3-mul1, aqlm, bnb4 or compressed.
        parts: Names of the tensors it is unpacked with, by role; `packed` is its own bytes.
        numbers: Settings that are stored apart.
    """

    kind: str
    bits: int
    parts: dict[str, str]
    numbers: dict[str, float] = {}


class Tensor(msgspec.Struct, frozen=True):
    """One tensor and where its bytes lie.

    Attributes:
        name: As the file writes it.
        dtype: A key of `ITEM_SIZE`, or a GGUF block type such as `Q4_0`.
        shape: Slowest axis first, as numpy has it.
        file: Name of the file inside the model.
        offset: Of the first byte in that file.
        nbytes: Length there.
        strides: In elements, if the tensor does not lie in plain row order.
        member: Name of the deflated zip member that holds it; offset counts inside it then.
        inline: Bytes held right here, for small ONNX tensors stored as number lists.
        packing: How it is packed, if a quantiser split it up; shape is then that of the values.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    offset: int
    nbytes: int
    strides: tuple[int, ...] | None = None
    member: str | None = None
    inline: bytes | None = None
    packing: Packing | None = None


class Node(msgspec.Struct, frozen=True):
    """One step of an ONNX graph, in the order of the file."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ints: dict[str, int] = {}


class Header(msgspec.Struct, frozen=True):
    """What one weight file holds.

    Attributes:
        format: safetensors, gguf, pytorch, onnx or npz.
        tensors: In the order of the file.
        metadata: What the file says of itself: plain values and lists of them.
        nodes: The graph, for ONNX.
        notes: What was seen and set aside, in sentences.
    """

    format: str
    tensors: tuple[Tensor, ...]
    metadata: dict[str, Any] = {}
    nodes: tuple[Node, ...] = ()
    notes: tuple[str, ...] = ()


def count_of(shape: Iterable[int]) -> int:
    """Return the number of elements; Python's integers do not overflow."""
    return math.prod(shape)


def checked_shape(source: Source, name: str, shape: object) -> tuple[int, ...]:
    """Return `shape` as a tuple of sizes.

    Raises:
        WeightsError: It is not a list of at most eight counts.
    """
    if not isinstance(shape, list | tuple) or len(shape) > MAX_RANK:
        raise WeightsError(source.name, f"tensor {short(name)} has no plain shape")
    for size in shape:
        if type(size) is not int or not 0 <= size < 2**48:
            raise WeightsError(source.name, f"tensor {short(name)} has the size {size!r} in its shape"[:300])
    return tuple(shape)


def short(name: object, limit: int = 80) -> str:
    """Return `name` quoted and cut, for messages: names come from the file."""
    text = repr(str(name)[: limit + 1])
    return text if len(text) <= limit + 2 else text[:limit] + "...'"
