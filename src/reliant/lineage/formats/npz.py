"""NPZ: a zip of arrays. An array of Python objects is a pickle in disguise, and is refused."""

from __future__ import annotations

import ast
import re
import struct
import warnings
from typing import TYPE_CHECKING

from reliant.errors import WeightsError
from reliant.lineage.formats.header import ITEM_SIZE, Header, Tensor, checked_shape, count_of, short
from reliant.lineage.formats.source import MemoryFile
from reliant.lineage.formats.zipped import data_offset, members, read_member

if TYPE_CHECKING:
    from reliant.lineage.formats.source import Source

MAX_NPY_HEADER = 64 << 10
_TYPES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8",
    "u8": "U64", "u4": "U32", "u2": "U16", "u1": "U8", "b1": "BOOL",
}  # fmt: skip


def read_npz(source: Source) -> Header:
    """Return the arrays of an NPZ file.

    Raises:
        WeightsError: The container or an array's header is damaged, or an array holds Python objects.
    """
    tensors = []
    notes = []
    for member in members(source).values():
        if not member.name.endswith(".npy"):
            notes.append(f"the member {short(member.name)} is not an array")
            continue
        if member.stored:
            start = data_offset(source, member)
            head = source.read(start, min(member.size, 12))
            if len(head) < 12:
                raise WeightsError(source.name, f"the member {short(member.name)} is not an array")
            more = _header_length(source, member.name, head)
            data = source.read(start, min(member.size, more))
        else:
            start = 0
            data = read_member(source, member)
            more = _header_length(source, member.name, data[:12])
        tensors.append(_array(source, member.name, data[:more], start, member.size, stored=member.stored))
    return Header(format="npz", tensors=tuple(tensors), notes=tuple(notes))


def read_npy(source: Source) -> Header:
    """Return the one array of an NPY file."""
    head = source.read(0, min(source.size, 12))
    data = source.read(0, min(source.size, _header_length(source, source.name, head)))
    return Header(format="npz", tensors=(_array(source, source.name, data, 0, source.size, stored=True),))


def inflated(source: Source, name: str) -> MemoryFile:
    """Return a deflated member as a file of its own."""
    return MemoryFile(source.name, read_member(source, members(source)[name]))


def _header_length(source: Source, name: str, head: bytes) -> int:
    if len(head) < 12 or head[:6] != b"\x93NUMPY" or head[6] not in {1, 2, 3}:
        raise WeightsError(source.name, f"the member {short(name)} is not an array")
    if head[6] == 1:
        length = 10 + int(struct.unpack("<H", head[8:10])[0])
    else:
        length = 12 + int(struct.unpack("<I", head[8:12])[0])
    if length > MAX_NPY_HEADER:
        raise WeightsError(source.name, f"the array {short(name)} claims a header of {length:,} bytes")
    return length


def _array(source: Source, member: str, head: bytes, start: int, size: int, *, stored: bool) -> Tensor:
    name = member.removesuffix(".npy")
    text = head[10 if head[6] == 1 else 12 :].decode("latin-1").strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in a damaged header
            fields = ast.literal_eval(text) if re.fullmatch(r"\{[^{}]{0,4096}\}", text) else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise WeightsError(source.name, f"the array {short(name)} has an unreadable header")
    descr = fields.get("descr")
    if not isinstance(descr, str) or "O" in descr:
        raise WeightsError(
            source.name,
            f"the array {short(name)} holds Python objects, which are never loaded",
            hint="Save the weights as plain numbers.",
        )
    dtype = _TYPES.get(descr.lstrip("<|="))
    shape = checked_shape(source, name, fields.get("shape"))
    if dtype is None:
        raise WeightsError(
            source.name, f"the array {short(name)} has the type {short(descr, 20)}, which is not read"
        )
    nbytes = count_of(shape) * ITEM_SIZE[dtype]
    if len(head) + nbytes != size:
        raise WeightsError(
            source.name, f"the array {short(name)} is {size:,} bytes and claims {len(head) + nbytes:,}"
        )
    strides = None
    if fields.get("fortran_order") is True and len(shape) > 1:
        strides = tuple(count_of(shape[:axis]) for axis in range(len(shape)))
    return Tensor(
        name, dtype, shape, source.name, start + len(head), nbytes, strides, None if stored else member
    )
