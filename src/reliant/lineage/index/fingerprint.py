r"""The fingerprint of a model: sampled neurons of every layer, thrown onto few dimensions.

A fixed random projection keeps cosines to within about 1/sqrt(dimensions), so rows of 8192
numbers become 512 bytes, and the agreement test of path I runs on them as it is. The
projection depends on the width of the residual space alone: two models of one width are
comparable, whoever made the fingerprints.

File format `reliant.fingerprint/1`, little-endian:
    8 bytes   b"RLNTFP\x00\x01"
    4 bytes   length of the header
    header    JSON: the fields of `Fingerprint` but the arrays, and `layers`: per layer
              [layer, expert, rows, first row, neurons]
    arrays    per layer gate (rows x dims, int8) then up (rows x dims, int8), as in `layers`;
              then tokens (count x dims, int8)
    32 bytes  SHA-256 of all before
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import Bundle, unit
from reliant.lineage.blueprint import blueprint_of

if TYPE_CHECKING:
    from reliant.lineage.trace import Model

MAGIC = b"RLNTFP\x00\x01"
DIMENSIONS = 512
ROWS = 64
TOKENS = 256
MAX_HEADER = 16 << 20
MAX_FILE = 256 << 20
_BLOCKS = 96  # experts and layers beyond this many are thinned out evenly

Floats = Any


class Block(msgspec.Struct, frozen=True):
    """The sampled rows of one FFN block."""

    layer: int
    expert: int
    neurons: int
    numbers: tuple[int, ...]


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a model.

    Attributes:
        name: Path or id at the time it was made.
        width: Of the residual space.
        depth: Layers.
        dimensions: Of the projection; the width itself if that is smaller.
        vocabulary_digest: Of the token texts in order of id; equal for equal tokenizers.
        header_digest: Of names, types and shapes of all tensors.
        bytes_read: To make it.
    """

    name: str
    width: int
    depth: int
    inner_width: int
    dimensions: int
    architecture: str | None
    vocabulary: int
    vocabulary_digest: str
    header_digest: str
    bytes_read: int
    blocks: tuple[Block, ...]
    gates: tuple[Any, ...] = ()
    ups: tuple[Any, ...] = ()

    def bundles(self) -> list[Bundle]:
        """Return the rows as unit vectors, one bundle per block."""
        return [
            Bundle(unit(gate.astype(np.float32)), unit(up.astype(np.float32)), np.array(block.numbers))
            for block, gate, up in zip(self.blocks, self.gates, self.ups, strict=True)
        ]


def projection(width: int, dimensions: int = DIMENSIONS) -> Floats:
    """Return the fixed projection of this width: random signs from a counter-based generator."""
    if width <= dimensions:
        return np.eye(width, dtype=np.float32)
    bits = np.random.Generator(np.random.Philox(key=width)).integers(0, 2, (width, dimensions), dtype=np.int8)
    found: Floats = (2.0 * bits - 1).astype(np.float32) / np.float32(np.sqrt(dimensions))
    return found


def fingerprint(model: Model) -> Fingerprint:
    """Return the fingerprint of an opened model; a pure function of its bytes.

    Raises:
        WeightsError: No feed-forward neurons were found, or they cannot be read.
    """
    if model.side is None or model.anatomy is None:
        raise WeightsError(model.name, "no feed-forward neurons were found, so it has no fingerprint")
    side, anatomy = model.side, model.anatomy
    turn = projection(anatomy.d)
    layers = list(range(side.depth))
    experts = max(1, side.experts)
    if side.depth * experts > _BLOCKS:
        layers = layers[:: -(-side.depth * experts // _BLOCKS)]
    blocks, gates, ups = [], [], []
    for one in side.sampler.layer_rows(layers, ROWS):
        blocks.append(Block(one.layer, one.expert, one.neurons, tuple(int(at) for at in one.rows.numbers)))
        gates.append(_bytes(one.rows.gate @ turn))
        ups.append(_bytes(one.rows.up @ turn))
    tokens = (
        [] if model.vocabulary is None else sorted(model.vocabulary.ids, key=model.vocabulary.ids.__getitem__)
    )
    shapes = sorted((tensor.name, tensor.dtype, tensor.shape) for tensor in model.opened.tensors.values())
    return Fingerprint(
        name=model.name,
        width=anatomy.d,
        depth=side.depth,
        inner_width=anatomy.ff,
        dimensions=turn.shape[1],
        architecture=blueprint_of(model.opened, anatomy).architecture,
        vocabulary=len(tokens),
        vocabulary_digest=hashlib.sha256("\n".join(tokens).encode("utf-8", "replace")).hexdigest()[:32],
        header_digest=hashlib.sha256(repr(shapes).encode()).hexdigest()[:32],
        bytes_read=side.meter.bytes_read,
        blocks=tuple(blocks),
        gates=tuple(gates),
        ups=tuple(ups),
    )


def _bytes(rows: Floats) -> Floats:
    top = np.abs(rows).max(axis=1, keepdims=True)
    return np.round(np.divide(rows, top, out=np.zeros_like(rows), where=top > 0) * 127).astype(np.int8)


def encode(one: Fingerprint) -> bytes:
    """Return the fingerprint as a file."""
    fields = msgspec.to_builtins(msgspec.structs.replace(one, gates=(), ups=()))
    del fields["gates"], fields["ups"]
    header = json.dumps(fields, sort_keys=True).encode()
    parts = [MAGIC, struct.pack("<I", len(header)), header]
    for gate, up in zip(one.gates, one.ups, strict=True):
        parts += [gate.tobytes(), up.tobytes()]
    body = b"".join(parts)
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
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise WeightsError(place, "its checksum is wrong", hint="Remove the file and add the model again.")
    (length,) = struct.unpack("<I", data[8:12])
    if length > min(MAX_HEADER, len(data) - 44):
        raise WeightsError(place, "its header is longer than the file")
    try:
        fields = json.loads(data[12 : 12 + length])
        one = msgspec.convert({**fields, "gates": (), "ups": ()}, Fingerprint)
    except (ValueError, TypeError, msgspec.ValidationError) as error:
        raise WeightsError(place, f"its header is damaged: {str(error)[:100]}") from error
    if not 1 <= one.dimensions <= DIMENSIONS or len(one.blocks) > 1 << 14:
        raise WeightsError(place, "its sizes make no sense")
    at = 12 + length
    gates: list[Any] = []
    ups: list[Any] = []
    for block in one.blocks:
        size = len(block.numbers) * one.dimensions
        if at + 2 * size > len(data) - 32:
            raise WeightsError(place, "it is shorter than its header says")
        for held in (gates, ups):
            held.append(np.frombuffer(data, np.int8, size, at).reshape(-1, one.dimensions))
            at += size
    return msgspec.structs.replace(one, gates=tuple(gates), ups=tuple(ups))
