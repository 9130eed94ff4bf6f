"""ONNX: the graph, and where each weight lies, read from the protocol buffers directly.

The `onnx` package would load every weight to list them. Here a cursor steps over the fields
and skips the values, so a model of any size costs its graph. Field numbers are those of
onnx.proto; a field that is not known is stepped over, as the wire format intends.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from reliant.errors import WeightsError
from reliant.lineage.formats.header import (
    ITEM_SIZE,
    MAX_TENSORS,
    Header,
    Node,
    Tensor,
    checked_shape,
    count_of,
    short,
)
from reliant.lineage.formats.safetensors import is_plain_name
from reliant.lineage.formats.source import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.lineage.formats.source import Source

MAX_NODES = 500_000
MAX_TEXT = 1 << 20
_DEEPEST = 8  # of graphs inside graphs
_TYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16", 11: "F64",
    12: "U32", 13: "U64", 16: "BF16", 17: "F8_E4M3", 19: "F8_E5M2",
}  # fmt: skip
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_onnx(source: Source) -> Header:
    """Return graph and weights of an ONNX model.

    Raises:
        WeightsError: A field's length is not true of the file, or external data leave the folder.
    """
    model = _Model(source)
    model.read()
    if not model.tensors and not model.nodes:
        raise WeightsError(source.name, "it holds no ONNX graph")
    return Header(
        format="onnx",
        tensors=tuple(model.tensors),
        metadata=model.metadata,
        nodes=tuple(model.nodes),
        notes=tuple(model.notes),
    )


class _Cursor:
    """Steps over the fields of one message inside the file."""

    def __init__(self, source: Source, window: Window, end: int) -> None:
        self.source = source
        self.window = window
        self.end = end

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.window.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF
            shift += 7
            if shift > 63:
                raise WeightsError(self.source.name, f"a number at byte {self.window.at:,} does not end")

    def fields(self) -> Iterator[tuple[int, int, int]]:
        """Yield (field number, wire type, value or length); the caller takes or skips what has a length."""
        while self.window.at < self.end:
            tag = self.varint()
            number, wire = tag >> 3, tag & 7
            if wire == _VARINT:
                yield number, wire, self.varint()
                continue
            if wire in {_FIXED64, _FIXED32}:
                length = 8 if wire == _FIXED64 else 4
            elif wire == _BYTES:
                length = self.varint()
            else:
                raise WeightsError(
                    self.source.name, f"it is not an ONNX file: wire type {wire} at byte {self.window.at:,}"
                )
            after = self.window.at + length
            if after > self.end:
                raise WeightsError(
                    self.source.name,
                    f"a field at byte {self.window.at:,} claims {length:,} bytes of "
                    f"{self.end - self.window.at:,}",
                )
            yield number, wire, length
            if self.window.at > after:
                raise WeightsError(
                    self.source.name, f"a field before byte {self.window.at:,} is longer than it claims"
                )
            self.window.skip(after - self.window.at)
        if self.window.at != self.end:
            raise WeightsError(self.source.name, "a message is longer than it claims")

    def text(self, length: int) -> str:
        if length > MAX_TEXT:
            return ""
        return self.window.take(length).decode("utf-8", "replace")

    def inner(self, length: int) -> _Cursor:
        return _Cursor(self.source, self.window, self.window.at + length)


class _Model:
    """Collects what a model message says."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tensors: list[Tensor] = []
        self.nodes: list[Node] = []
        self.metadata: dict[str, Any] = {}
        self.notes: list[str] = []
        self._names: set[str] = set()
        self._graphs = 0

    def read(self) -> None:
        cursor = _Cursor(self.source, Window(self.source, chunk=1 << 13), self.source.size)
        named = {2: "producer_name", 3: "producer_version", 4: "domain", 6: "doc_string"}
        for number, wire, value in cursor.fields():
            if number in named and wire == _BYTES:
                self.metadata[named[number]] = cursor.text(value)
            elif number == 14 and wire == _BYTES:
                key, text = _pair(cursor.inner(value))
                self.metadata[key] = text
            elif number == 7 and wire == _BYTES:
                self._graph(cursor.inner(value))

    def _graph(self, cursor: _Cursor, scope: str = "") -> None:
        """Gather one graph; `scope` goes before every name that a graph inside a step defines."""
        first = len(self.nodes)
        defined: set[str] = set()
        for number, wire, value in cursor.fields():
            if wire != _BYTES:
                continue
            if number == 1:
                if len(self.nodes) >= MAX_NODES:
                    raise WeightsError(self.source.name, f"more than {MAX_NODES:,} steps in its graph")
                node = self._node(cursor.inner(value), scope)
                defined.update(node.outputs)
                self.nodes.append(node)
            elif number == 2 and not scope:
                self.metadata["graph_name"] = cursor.text(value)
            elif number == 5:
                tensor = _tensor(self, cursor.inner(value))
                if tensor is not None:
                    defined.add(tensor.name)
                    self._add(tensor, scope + tensor.name)
        if scope:
            self.nodes[first:] = [_scoped(node, scope, defined) for node in self.nodes[first:]]

    def _add(self, tensor: Tensor, name: str) -> None:
        if len(self.tensors) >= MAX_TENSORS:
            raise WeightsError(self.source.name, f"more than {MAX_TENSORS:,} tensors")
        if name in self._names:
            raise WeightsError(self.source.name, f"the tensor {short(name)} comes twice")
        self._names.add(name)
        self.tensors.append(
            Tensor(
                name,
                tensor.dtype,
                tensor.shape,
                tensor.file,
                tensor.offset,
                tensor.nbytes,
                inline=tensor.inline,
            )
        )

    def _node(self, cursor: _Cursor, scope: str) -> Node:
        inputs: list[str] = []
        outputs: list[str] = []
        op = name = ""
        ints: dict[str, int] = {}
        held: Tensor | None = None
        for number, wire, value in cursor.fields():
            if wire != _BYTES:
                continue
            if number == 1:
                inputs.append(cursor.text(value))
            elif number == 2:
                outputs.append(cursor.text(value))
            elif number == 3:
                name = cursor.text(value)
            elif number == 4:
                op = cursor.text(value)
            elif number == 5:
                key, found, tensor = self._attribute(cursor.inner(value), scope)
                if found is not None:
                    ints[key] = found
                held = tensor or held
        if op == "Constant" and held is not None and outputs and len(held.shape) >= 1:
            self._add(held, scope + outputs[0])
        return Node(op, name, tuple(inputs), tuple(outputs), ints)

    def _attribute(self, cursor: _Cursor, scope: str) -> tuple[str, int | None, Tensor | None]:
        key, number_found, tensor = "", None, None
        for number, wire, value in cursor.fields():
            if number == 1 and wire == _BYTES:
                key = cursor.text(value)
            elif number == 3 and wire == _VARINT:
                number_found = value - (1 << 64) if value >> 63 else value
            elif number == 5 and wire == _BYTES:
                tensor = _tensor(self, cursor.inner(value))
            elif number in {6, 11} and wire == _BYTES:  # the branches of If, the bodies of Loop and Scan
                if scope.count(".") >= _DEEPEST:
                    raise WeightsError(self.source.name, f"graphs inside graphs, more than {_DEEPEST} deep")
                self._graphs += 1
                self._graph(cursor.inner(value), f"{scope}{self._graphs}.")
        return key, number_found, tensor


def _scoped(node: Node, scope: str, defined: set[str]) -> Node:
    """Return a step with the names that its own graph defines made unlike those of other graphs."""
    inputs, outputs = (
        tuple(scope + one if one in defined else one for one in names)
        for names in (node.inputs, node.outputs)
    )
    return Node(node.op, node.name, inputs, outputs, node.ints)


def _pair(cursor: _Cursor) -> tuple[str, str]:
    key = value = ""
    for number, wire, length in cursor.fields():
        if wire == _BYTES and number == 1:
            key = cursor.text(length)
        elif wire == _BYTES and number == 2:
            value = cursor.text(length)
    return key, value


class _Raw:
    """The fields of one tensor message while they are gathered."""

    def __init__(self) -> None:
        self.dims: list[int] = []
        self.kind = 0
        self.name = ""
        self.raw: tuple[int, int] | None = None
        self.listed: dict[int, bytes] = {}
        self.external: dict[str, str] = {}
        self.is_external = False


def _tensor(model: _Model, cursor: _Cursor) -> Tensor | None:
    raw = _Raw()
    for number, wire, value in cursor.fields():
        if number == 1 and wire == _VARINT:
            raw.dims.append(value)
        elif number == 1 and wire == _BYTES:
            inner = cursor.inner(value)
            while inner.window.at < inner.end:
                raw.dims.append(inner.varint())
                if len(raw.dims) > 16:
                    raise WeightsError(model.source.name, "a tensor claims more than 16 dimensions")
        elif number == 2 and wire == _VARINT:
            raw.kind = value
        elif number == 8 and wire == _BYTES:
            raw.name = cursor.text(value)
        elif number == 9 and wire == _BYTES:
            raw.raw = (cursor.window.at, value)
        elif number in {4, 5, 7, 10} and wire == _BYTES and value <= 4 << 20:
            raw.listed[number] = raw.listed.get(number, b"") + cursor.window.take(value)
        elif number == 13 and wire == _BYTES:
            key, text = _pair(cursor.inner(value))
            raw.external[key] = text
        elif number == 14 and wire == _VARINT:
            raw.is_external = value == 1
        if len(raw.dims) > 16:
            raise WeightsError(model.source.name, "a tensor claims more than 16 dimensions")
    return _finish(model, raw)


def _finish(model: _Model, raw: _Raw) -> Tensor | None:
    source = model.source
    shape = checked_shape(source, raw.name, tuple(raw.dims))
    dtype = _TYPES.get(raw.kind)
    if dtype is None:
        model.notes.append(
            f"tensor {short(raw.name)} has the ONNX type {raw.kind}, whose values are not read"
        )
        return None
    wanted = count_of(shape) * ITEM_SIZE[dtype]
    if raw.is_external:
        return _external(source, raw, shape, dtype, wanted)
    if raw.raw is not None:
        if raw.raw[1] != wanted:
            raise WeightsError(
                source.name,
                f"tensor {short(raw.name)}: {str(shape)[:80]} of {dtype} is not {raw.raw[1]:,} bytes",
            )
        return Tensor(raw.name, dtype, shape, source.name, raw.raw[0], wanted)
    inline = _listed(raw, dtype, count_of(shape))
    if inline is None:
        if wanted:
            model.notes.append(f"tensor {short(raw.name)} holds fewer values than its shape says")
        return None
    return Tensor(raw.name, dtype, shape, source.name, 0, wanted, inline=inline)


def _external(source: Source, raw: _Raw, shape: tuple[int, ...], dtype: str, wanted: int) -> Tensor:
    place = raw.external.get("location", "").removeprefix("./")
    if not is_plain_name(place):
        raise WeightsError(
            source.name,
            f"tensor {short(raw.name)} lies in {short(place)}, which is outside the model's folder",
            hint="The file was made to read other files: do not trust it.",
        )
    texts = (raw.external.get("offset", "0"), raw.external.get("length", str(wanted)))
    if not all(text.isdecimal() and len(text) < 20 for text in texts):
        raise WeightsError(source.name, f"tensor {short(raw.name)} has no plain place in {short(place)}")
    offset, length = int(texts[0]), int(texts[1])
    if length != wanted:
        raise WeightsError(
            source.name, f"tensor {short(raw.name)} has {length:,} bytes for a shape of {wanted:,}"
        )
    parent = source.name.rpartition("/")[0]
    return Tensor(raw.name, dtype, shape, f"{parent}/{place}" if parent else place, offset, wanted)


def _listed(raw: _Raw, dtype: str, count: int) -> bytes | None:
    """Return as plain bytes what was stored as a list of numbers."""
    for number, held, width in ((4, "F32", 4), (10, "F64", 8)):
        data = raw.listed.get(number)
        if data is not None and dtype == held:
            return data if len(data) == count * width else None
    data = raw.listed.get(7 if dtype == "I64" else 5)
    if data is None or dtype not in {"I64", "I32", "I16", "I8", "U8", "U16", "BOOL", "F16", "BF16"}:
        return None
    values = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value & 0xFFFFFFFFFFFFFFFF)
            value = shift = 0
        elif shift > 63:
            return None
    if len(values) != count:
        return None
    width = ITEM_SIZE[dtype]
    mask = (1 << (8 * width)) - 1
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[width]
    return struct.pack(f"<{count}{code}", *(value & mask for value in values))
