"""Tensor values as float32, a few rows at a time.

Every way weights are packed comes through here: block types of GGUF, MLX and FP8 groups,
8-bit integers with scales, half precision. A value that is not finite makes its row zero,
and rows of zeros take no part in any comparison.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage import unpack
from reliant.lineage.anatomy import packed_bits, plain_shape
from reliant.lineage.anatomy_onnx import Unpacking, unpackings
from reliant.lineage.formats.gguf import BLOCKS
from reliant.lineage.formats.header import ITEM_SIZE, Tensor, count_of, short
from reliant.lineage.formats.npz import inflated
from reliant.lineage.formats.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from reliant.lineage.anatomy import Rows
    from reliant.lineage.formats.header import Packing
    from reliant.lineage.formats.source import Source
    from reliant.lineage.opened import Opened

Floats = Any  # an array of float32; numpy's own type says less than its cost to spell
_KEPT = 512 << 20
_STORED = 32 << 20
_PICKS = 2  # embedding and head: path E and the test of the residual space ask for the same tokens
_HUGE = 1e10
"""Of the sum of squares of a row: 8-bit rows without their scale stay far below it."""

_LARGEST_GAIN = 1e4
"""Of a norm: a larger one is no gain that a model was trained with."""
_MAX_WHOLE = 2 << 30
_INTEGERS = frozenset({"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL"})


class Values:
    """Reads the values of one opened model."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.rows_read = 0
        self.bad_rows = 0
        self._whole: OrderedDict[str, Floats] = OrderedDict()
        self._picked: OrderedDict[tuple[str, bytes], Floats] = OrderedDict()
        self._stored: dict[str, bytes] = {}  # a model without neurons is read for bytes, values and rows
        self._room = _STORED
        self._members: dict[str, Source] = {}
        self._unpackings = unpackings(opened) if opened.nodes else {}

    def cost(self, rows: Rows, count: int) -> int:
        """Return the bytes that reading `count` vectors takes."""
        tensor = self.opened.tensors[rows.tensor]
        if tensor.inline is not None:
            return 0
        if rows.axis == 0 and tensor.strides is None and tensor.member is None:
            total = max(1, count_of(plain_shape(self.opened, tensor)[:-1]))
            return tensor.nbytes * min(count, rows.count) // total
        lead = plain_shape(self.opened, tensor)[0] if rows.lead is not None else 1
        return 0 if tensor.name in self._whole else tensor.nbytes // lead

    def vectors(self, rows: Rows, start: int = 0, count: int | None = None) -> Floats:
        """Return `count` vectors from the `start`-th on: shape (count, width)."""
        count = rows.count - start if count is None else min(count, rows.count - start)
        tensor = self._tensor(rows.tensor)
        shape = plain_shape(self.opened, tensor)
        first = rows.start + start * rows.step
        last = first + (count - 1) * rows.step + 1
        if rows.axis == 0 and tensor.strides is None:
            offset = rows.lead * shape[1] if rows.lead is not None else 0
            found = self._slab(tensor, shape, offset + first, last - first)[:: rows.step]
        else:
            matrix = self._matrix(tensor, shape, rows.lead)
            found = (
                matrix[first : last : rows.step] if rows.axis == 0 else matrix[:, first : last : rows.step].T
            )
        self.rows_read += count
        return self._clean(found)

    def pick(self, rows: Rows, ids: NDArray[np.int64]) -> Floats:
        """Return the vectors with these ids, in order; near ones share a read."""
        key = (rows.tensor, ids.tobytes())
        if key not in self._picked:
            while len(self._picked) >= _PICKS:
                self._picked.popitem(last=False)
            self._picked[key] = self._pick(rows, ids)
        return self._picked[key].copy()

    def _pick(self, rows: Rows, ids: NDArray[np.int64]) -> Floats:
        tensor = self._tensor(rows.tensor)
        shape = plain_shape(self.opened, tensor)
        self.rows_read += len(ids)
        if rows.axis != 0 or tensor.strides is not None or tensor.inline is not None:
            matrix = self._matrix(tensor, shape, rows.lead)
            return self._clean(matrix[ids] if rows.axis == 0 else matrix[:, ids].T)
        width = tensor.nbytes // count_of(shape[:-1])
        source = self._source(tensor)
        spans = [Span(tensor.offset + int(one) * width, width) for one in ids]
        data = b"".join(source.read_many(spans))
        return self._clean(self._decode(tensor, data, (len(ids), shape[-1]), [int(one) for one in ids]))

    def vector(self, name: str) -> Floats:
        """Return a one-dimensional tensor."""
        tensor = self._tensor(name)
        if len(tensor.shape) != 1 or tensor.nbytes > 1 << 24:
            raise WeightsError(tensor.file, f"tensor {short(name)} is no plain vector")
        found = self._decode(tensor, self._bytes(tensor), tensor.shape, None)
        good = np.abs(found) < _LARGEST_GAIN  # so also where a value is not a number
        return np.where(good, found, np.float32(0))

    def whole(self, name: str) -> Floats:
        """Return a whole tensor in its own shape."""
        tensor = self._tensor(name)
        if tensor.nbytes > _MAX_WHOLE:
            raise WeightsError(
                tensor.file, f"tensor {short(name)} has {tensor.nbytes:,} bytes; it is not read whole"
            )
        shape = plain_shape(self.opened, tensor)
        if tensor.packing is not None and tensor.strides is not None:
            with _fitting(tensor):
                return unpack.whole(
                    tensor, tensor.packing, self._part_of(tensor.packing), self._bytes(tensor)
                )
        if tensor.strides is not None:
            flat = self._decode(
                tensor, self._bytes(tensor), (tensor.nbytes // ITEM_SIZE[tensor.dtype],), None
            )
            steps = [stride * flat.itemsize for stride in tensor.strides]
            return np.array(np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False))
        rows = list(range(shape[0])) if len(shape) == 2 else None
        return self._decode(tensor, self._bytes(tensor), shape, rows)

    def raw(self, name: str) -> bytes:
        """Return the stored bytes of a tensor."""
        return self._bytes(self._tensor(name))

    def _tensor(self, name: str) -> Tensor:
        tensor = self.opened.tensors.get(name)
        if tensor is None:
            raise WeightsError(self.opened.name, f"the tensor {short(name)} is not there")
        return tensor

    def _source(self, tensor: Tensor) -> Source:
        if tensor.member is None:
            return self.opened.source(tensor.file)
        if tensor.member not in self._members:
            self._members = {tensor.member: inflated(self.opened.source(tensor.file), tensor.member)}
        return self._members[tensor.member]

    def _bytes(self, tensor: Tensor) -> bytes:
        if tensor.inline is not None:
            return tensor.inline
        if tensor.name not in self._stored:
            data = self._source(tensor).read(tensor.offset, tensor.nbytes)
            if self._room < tensor.nbytes:
                return data
            self._room -= tensor.nbytes
            self._stored[tensor.name] = data
        return self._stored[tensor.name]

    def _slab(self, tensor: Tensor, shape: tuple[int, ...], first: int, count: int) -> Floats:
        """Return `count` rows of the last axis, counted over all leading axes."""
        total = count_of(shape[:-1])
        width = tensor.nbytes // total if total else 0
        if tensor.inline is not None:
            data = tensor.inline[first * width : (first + count) * width]
        else:
            data = self._source(tensor).read(tensor.offset + first * width, count * width)
        return self._decode(tensor, data, (count, shape[-1]), list(range(first, first + count)))

    def _matrix(self, tensor: Tensor, shape: tuple[int, ...], lead: int | None) -> Floats:
        if lead is not None:
            return self._slab(tensor, shape, lead * shape[1], shape[1])
        if tensor.name not in self._whole:
            self._whole[tensor.name] = self.whole(tensor.name)
            while len(self._whole) > 1 and sum(one.nbytes for one in self._whole.values()) > _KEPT:
                self._whole.popitem(last=False)
        return self._whole[tensor.name]

    def _clean(self, found: Floats) -> Floats:
        found = np.ascontiguousarray(found, dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            good = np.einsum("ij,ij->i", found, found) < _HUGE  # so also where a value is not a number
        if not good.all():
            self.bad_rows += int((~good).sum())
            found = np.where(good[:, None], found, np.float32(0))
        return found

    def _decode(self, tensor: Tensor, data: bytes, shape: tuple[int, ...], rows: list[int] | None) -> Floats:
        if tensor.dtype in BLOCKS:
            return _blocks(tensor, data, shape)
        if tensor.packing is not None and rows is not None:
            with _fitting(tensor):
                return unpack.rows_of(tensor, tensor.packing, self._part_of(tensor.packing), data, rows)
        bits = packed_bits(self.opened, tensor)
        if bits is not None and rows is not None:
            return self._mlx(tensor, data, shape, rows, bits)
        values = _plain(tensor, data).reshape(shape)
        scheme = self._unpackings.get(tensor.name) or self._scheme(tensor)
        return values if scheme is None or rows is None else self._scaled(tensor, values, scheme, rows)

    def _part_of(self, packing: Packing) -> Callable[[str], Floats]:
        """Return what gives the companions of a packed tensor by role, as they are stored."""

        def part(role: str) -> Floats:
            one = self.opened.parts.get(packing.parts.get(role, ""))
            if one is None:
                return None
            kind = "<i4" if one.dtype == "I32" else "u1" if one.dtype == "U8" else None
            if kind is None:
                return _plain(one, self._bytes(one)).reshape(one.shape)
            return np.frombuffer(self._bytes(one), kind).reshape(one.shape)

        return part

    def _scheme(self, tensor: Tensor) -> Unpacking | None:
        """Return the scales that lie beside a tensor under the usual names."""
        if tensor.dtype not in _INTEGERS and not tensor.dtype.startswith("F8"):
            return None
        stem = tensor.name.removesuffix("_q").removesuffix("_quantized")
        bare = tensor.name.removesuffix(".weight")
        if bare + ".SCB" in self.opened.tensors:  # bitsandbytes, 8 bits: a scale per row
            return Unpacking(bare + ".SCB", None, 0)
        for end in ("_scale_inv", "_scale", ".scale", ".SCB"):
            if stem + end in self.opened.tensors:
                zero = stem + "_zero_point"
                return Unpacking(stem + end, zero if zero in self.opened.tensors else None, 0)
        return None

    def _scaled(self, tensor: Tensor, values: Floats, scheme: Unpacking, rows: list[int]) -> Floats:
        for name, subtract in ((scheme.zero, True), (scheme.scale, False)):
            part = self.opened.tensors.get(name or "")
            if part is None:
                continue
            amount = _plain(part, self._bytes(part)).reshape(part.shape).astype(np.float32)
            amount = _spread(amount, values.shape[1], tensor.shape, rows, scheme.axis)
            if scheme.scale is not None and scheme.scale.endswith(".SCB"):
                amount = amount / np.float32(127)
            values = values - amount if subtract else values * amount
        return values

    def _mlx(self, tensor: Tensor, data: bytes, shape: tuple[int, ...], rows: list[int], bits: int) -> Floats:
        words = np.frombuffer(data, "<u4").reshape(len(rows), -1)
        if 32 % bits == 0:
            shifts = np.arange(0, 32, bits, dtype=np.uint32)
            values = ((words[:, :, None] >> shifts) & np.uint32((1 << bits) - 1)).reshape(len(rows), -1)
        else:  # 3, 5 and 6 bits run across words
            stream = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
            weights = (1 << np.arange(bits)).astype(np.uint32)
            values = stream.reshape(len(rows), -1, bits) @ weights
        stem = tensor.name.removesuffix(".weight")
        parts = []
        for end in (".scales", ".biases"):
            part = self.opened.tensors.get(stem + end)
            if part is None:
                raise WeightsError(tensor.file, f"the tensor {short(stem + end)} is not there")
            first = min(rows)
            slab = self._slab(part, part.shape, first, max(rows) - first + 1)
            parts.append(slab[[row - first for row in rows]])
        groups = parts[0].shape[1]
        grouped = values.astype(np.float32).reshape(len(rows), groups, -1)
        found: Floats = (grouped * parts[0][:, :, None] + parts[1][:, :, None]).reshape(len(rows), shape[-1])
        return found


@contextlib.contextmanager
def _fitting(tensor: Tensor) -> Iterator[None]:
    """Turn what arrays of the wrong size raise into an error that names the tensor."""
    try:
        yield
    except (ValueError, IndexError, TypeError, AttributeError, ZeroDivisionError, OverflowError) as error:
        raise WeightsError(
            tensor.file, f"the parts that {short(tensor.name)} is packed into do not fit each other"
        ) from error


def _spread(amount: Floats, width: int, whole: tuple[int, ...], rows: list[int], axis: int | None) -> Floats:
    """Return per-tensor, per-row, per-column or per-block amounts in a shape that fits the rows."""
    if amount.size == 1:
        return amount.reshape(1, 1)
    if amount.ndim == 2 and 1 not in amount.shape:
        down, across = -(-whole[-2] // amount.shape[0]), -(-width // amount.shape[1])
        picked = amount[np.array(rows) // down]
        return np.repeat(picked, across, axis=1)[:, :width]
    flat = amount.reshape(-1)
    by_row = flat.size == whole[-2] and (axis == 0 or flat.size != width or amount.shape[-1:] == (1,))
    if by_row:
        return flat[np.array(rows)][:, None]
    return flat[None, :] if flat.size == width else np.ones((1, 1), np.float32)


def _plain(tensor: Tensor, data: bytes) -> Floats:
    if tensor.dtype == "BF16":
        words = np.zeros(len(data) // 2, "<u4")
        words.view("<u2")[1::2] = np.frombuffer(data, "<u2")  # the upper half of a float
        return words.view("<f4")
    if tensor.dtype in _EIGHT_BIT:
        return _EIGHT_BIT[tensor.dtype][np.frombuffer(data, np.uint8)]
    kind = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "u1"}.get(tensor.dtype)
    if kind is None and tensor.dtype in _INTEGERS:
        kind = f"<{tensor.dtype[0].lower()}{ITEM_SIZE[tensor.dtype]}"
    if kind is None:
        raise WeightsError(
            tensor.file, f"tensor {short(tensor.name)} has the type {tensor.dtype}, whose values are not read"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return np.frombuffer(data, kind).astype(np.float32)


def _blocks(tensor: Tensor, data: bytes, shape: tuple[int, ...]) -> Floats:
    try:
        from gguf import GGMLQuantizationType, dequantize  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WeightsError(
            tensor.file,
            f"{tensor.dtype} needs the gguf package",
            hint="Install it: pip install 'reliant[trace]'",
        ) from error
    packed = np.frombuffer(data, np.uint8).reshape(count_of(shape[:-1]), -1)
    try:
        with np.errstate(all="ignore"):
            values = dequantize(packed, GGMLQuantizationType[tensor.dtype])
    except (NotImplementedError, KeyError) as error:
        raise WeightsError(tensor.file, f"the gguf package cannot unpack {tensor.dtype}") from error
    return np.asarray(values, np.float32).reshape(shape)


def _eight_bit(exponent_bits: int, mantissa_bits: int, bias: int) -> Floats:
    """Return the value of every 8-bit float of this layout; NaN codes count as not finite."""
    codes = np.arange(256)
    sign = np.where(codes & 0x80, -1.0, 1.0)
    exponent = (codes >> mantissa_bits) & ((1 << exponent_bits) - 1)
    mantissa = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    values = np.where(exponent == 0, mantissa * 2.0 ** (1 - bias), (1 + mantissa) * 2.0 ** (exponent - bias))
    values = sign * values
    if exponent_bits == 4:
        values[(codes & 0x7F) == 0x7F] = np.nan
    else:
        values[exponent == (1 << exponent_bits) - 1] = np.nan
    return values.astype(np.float32)


_EIGHT_BIT = {"F8_E4M3": _eight_bit(4, 3, 7), "F8_E5M2": _eight_bit(5, 2, 15)}
