r"""The fingerprint of a model: enough of its neurons to find a relative without opening it again.

It holds up to three parts, one per path of comparison, and `parts_*` say what is in them:
    I   sampled neurons of every layer, thrown onto few dimensions by a fixed projection;
    E   neurons of some layers, in coordinates that embeddings of common tokens give;
    P   whole neurons of a few layers, with signatures that no rotation changes.

File format `reliant.fingerprint/2`, little-endian:
    8 bytes   b"RLNTFP\x00\x02"
    4 bytes   length of the header
    header    JSON: the fields of `Fingerprint` but the arrays, and `arrays`: a list of
              [name, type, rows, columns], type being i1, f2 or u8
    arrays    in the order of the list, row by row, without gaps
    32 bytes  SHA-256 of all before
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import msgspec
import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import Bundle, unit
from reliant.lineage.sample import LayerRows

MAGIC = b"RLNTFP\x00\x02"
MAX_HEADER = 16 << 20
MAX_FILE = 256 << 20
PATHS = ("I", "E", "P")
_TYPES: dict[str, Any] = {"i1": np.int8, "f2": np.dtype("<f2"), "u8": np.dtype("<u8")}

Floats = Any


class Block(msgspec.Struct, frozen=True):
    """The sampled rows of one FFN block.

    Attributes:
        neurons: In the whole block.
        numbers: Of the rows that are here.
    """

    layer: int
    expert: int
    neurons: int
    numbers: tuple[int, ...]


class Part(msgspec.Struct, frozen=True):
    """What a fingerprint holds for one path.

    Attributes:
        dimensions: Numbers per row.
        blocks: FFN blocks that are compared; rows are arrays `<path>.gate.<n>`, `<path>.up.<n>`.
        learned: Layers that path P learns its map from.
        forms: Names of the forms behind its signatures.
        tables: Token tables (embedding, head) that path E's rows come from.
    """

    dimensions: int
    blocks: tuple[Block, ...]
    learned: tuple[int, ...] = ()
    forms: tuple[str, ...] = ()
    tables: int = 0


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a model.

    Attributes:
        name: Path or id at the time it was made.
        width: Of the residual space.
        depth: Layers.
        vocabulary_digest: Of the token texts in order of id; equal for equal tokenizers.
        header_digest: Of names, types and shapes of all tensors.
        bytes_read: To make it.
        parts: By path: I, E, P.
        asked: The paths that were asked for; one that is not in `parts` cannot be had of this model.
    """

    name: str
    width: int
    depth: int
    inner_width: int
    architecture: str | None
    vocabulary: int
    vocabulary_digest: str
    header_digest: str
    bytes_read: int
    parts: dict[str, Part]
    asked: tuple[str, ...] = ()
    arrays: dict[str, Any] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it can be compared by."""
        return tuple(path for path in PATHS if path in self.parts)

    def rows(self, path: str) -> list[LayerRows]:
        """Return the rows of one path as unit vectors, one bundle per block."""
        return [
            LayerRows(
                block.layer,
                block.expert,
                Bundle(
                    unit(self.floats(f"{path}.gate.{at}")),
                    unit(self.floats(f"{path}.up.{at}")),
                    np.array(block.numbers, np.int64),
                ),
                block.neurons,
            )
            for at, block in enumerate(self.parts[path].blocks)
        ]

    def floats(self, name: str) -> Floats:
        """Return an array as float32."""
        return np.asarray(self.arrays[name]).astype(np.float32)

    def with_parts(self, other: Fingerprint) -> Fingerprint:
        """Return this with the parts of `other` that it does not hold."""
        new = {path: part for path, part in other.parts.items() if path not in self.parts}
        arrays = {name: one for name, one in other.arrays.items() if name.partition(".")[0] in new}
        return msgspec.structs.replace(
            self, parts={**self.parts, **new}, arrays={**self.arrays, **arrays},
            asked=tuple(path for path in PATHS if path in (*self.asked, *other.asked)),
            bytes_read=max(self.bytes_read, other.bytes_read),
        )  # fmt: skip


def eight_bit(rows: Floats) -> Floats:
    """Return rows as signed bytes; only their direction is kept."""
    top = np.abs(rows).max(axis=1, keepdims=True)
    return np.round(np.divide(rows, top, out=np.zeros_like(rows), where=top > 0) * 127).astype(np.int8)


def encode(one: Fingerprint) -> bytes:
    """Return the fingerprint as a file."""
    fields = msgspec.to_builtins(msgspec.structs.replace(one, arrays={}))
    held = {name: np.atleast_2d(one.arrays[name]) for name in sorted(one.arrays)}
    fields["arrays"] = [
        [name, f"{array.dtype.kind}{array.dtype.itemsize}", *array.shape] for name, array in held.items()
    ]
    header = json.dumps(fields, sort_keys=True).encode()
    body = b"".join(
        [
            MAGIC,
            struct.pack("<I", len(header)),
            header,
            *(np.ascontiguousarray(a).tobytes() for a in held.values()),
        ]
    )
    return body + hashlib.sha256(body).digest()


def decode(data: bytes, place: str) -> Fingerprint:
    """Return the fingerprint in a file.

    Raises:
        WeightsError: It is damaged, of another version, or does not add up.
    """
    if data[:6] != MAGIC[:6] or len(data) < 44:
        raise WeightsError(place, "it is not a fingerprint")
    if data[:8] != MAGIC:
        raise WeightsError(place, f"fingerprint version {data[7]} is not read", hint="Build the index again.")
    if hashlib.sha256(memoryview(data)[:-32]).digest() != data[-32:]:
        raise WeightsError(place, "its checksum is wrong", hint="Remove the file and add the model again.")
    (length,) = struct.unpack("<I", data[8:12])
    if length > min(MAX_HEADER, len(data) - 44):
        raise WeightsError(place, "its header is longer than the file")
    try:
        fields = json.loads(data[12 : 12 + length])
        listed = msgspec.convert(fields.pop("arrays"), list[tuple[str, str, int, int]])
        one = msgspec.convert(fields, Fingerprint)
    except (ValueError, TypeError, KeyError, AttributeError, msgspec.ValidationError) as error:
        raise WeightsError(place, f"its header is damaged: {str(error)[:100]}") from error
    at, arrays = 12 + length, {}
    for name, kind, rows, columns in listed:
        if kind not in _TYPES or min(rows, columns) < 0:
            raise WeightsError(place, f"its array {name[:40]!r} makes no sense")
        size = rows * columns * int(kind[1])
        if at + size > len(data) - 32:
            raise WeightsError(place, "it is shorter than its header says")
        arrays[name] = np.frombuffer(data, _TYPES[kind], rows * columns, at).reshape(rows, columns)
        at += size
    one = msgspec.structs.replace(one, arrays=arrays)
    _check(one, place)
    return one


def _check(one: Fingerprint, place: str) -> None:
    """Raise WeightsError unless every part has the arrays it says, in shapes that fit."""
    wanted: dict[str, tuple[int | None, int | None]] = {}
    for path, part in one.parts.items():
        if path not in PATHS or not 1 <= part.dimensions <= 1 << 16 or len(part.blocks) > 1 << 14:
            raise WeightsError(place, "its sizes make no sense")
        for at, block in enumerate(part.blocks):
            for role in ("gate", "up"):
                wanted[f"{path}.{role}.{at}"] = (len(block.numbers), part.dimensions)
        for at, _ in enumerate(part.learned):
            wanted |= {f"{path}.{role}.{at}": (None, part.dimensions) for role in ("lgate", "lup", "ldown")}
            wanted[f"{path}.signature.{at}"] = (None, None)
        if path == "E":
            wanted["E.tokens"], wanted["E.table"] = (1, None), (None, part.dimensions)
    for name, (rows, columns) in wanted.items():
        shape = one.arrays[name].shape if name in one.arrays else None
        if (
            shape is None
            or (rows is not None and shape[0] != rows)
            or (columns is not None and shape[1] != columns)
        ):
            raise WeightsError(place, f"its array {name} does not fit its header")
