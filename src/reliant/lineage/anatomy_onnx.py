"""Roles from an ONNX graph: weights there are often anonymous (`onnx::MatMul_481`), the steps are not.

Matrix products are taken in graph order. One into a wider space followed by one back is an
FFN; what lies between two of them is attention. A quantised weight is followed back through
the steps that unpack it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.lineage.anatomy import Anatomy, Ffn, Layer, Rows

if TYPE_CHECKING:
    from reliant.lineage.formats.header import Node
    from reliant.lineage.opened import Opened

_PRODUCTS = {
    "MatMul": 1,
    "Gemm": 1,
    "MatMulInteger": 1,
    "QLinearMatMul": 3,
    "FusedMatMul": 1,
    "DynamicQuantizeMatMul": 1,
}
_PASS_THROUGH = {"Cast", "Identity", "DequantizeLinear", "Mul", "Transpose"}
_NORMS = {"LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization", "SkipLayerNormalization"}
_MAX_BACK = 6


class Unpacking(msgspec.Struct, frozen=True):
    """How the values of an integer tensor are had: (value - zero) * scale along `axis`, if any."""

    scale: str | None = None
    zero: str | None = None
    axis: int | None = None


class _Weight(NamedTuple):
    tensor: str
    flipped: bool
    unpacking: Unpacking | None


class _Product(NamedTuple):
    weight: _Weight
    width_in: int
    width_out: int
    axis: int
    fed_by: str


def anatomy_from_graph(opened: Opened) -> Anatomy | None:
    """Return the parts that the graph gives away, or None."""
    made_by = {output: node for node in opened.nodes for output in node.outputs}
    table = _embedding(opened, made_by)
    if table is None:
        return None
    d = opened.tensors[table.tensor].shape[1]
    products = _products(opened, made_by)
    layers: list[Layer] = []
    pending: list[_Product] = []
    for product in products:
        pending.append(product)
        if product.width_out != d or product.width_in == d:
            continue
        wide = [one for one in pending[:-1] if one.width_in == d and one.width_out == product.width_in]
        if not wide:
            continue
        layer = _layer(opened, made_by, wide, product, pending, str(len(layers)))
        layers.append(layer)
        pending = []
    if not layers:
        return None
    return Anatomy(
        d=d,
        ff=layers[0].ffns[0].gate.count,
        layers=tuple(layers),
        embedding=Rows(table.tensor, 0, opened.tensors[table.tensor].shape[0]),
        head=None,
    )


def unpackings(opened: Opened) -> dict[str, Unpacking]:
    """Return, for every integer weight of the graph, how its values are had."""
    made_by = {output: node for node in opened.nodes for output in node.outputs}
    found: dict[str, Unpacking] = {}
    for node in opened.nodes:
        for name in node.inputs:
            weight = _follow(opened, made_by, name)
            if weight is not None and weight.unpacking is not None:
                found[weight.tensor] = weight.unpacking
    return found


def _layer(
    opened: Opened,
    made_by: dict[str, Node],
    wide: list[_Product],
    back: _Product,
    pending: list[_Product],
    label: str,
) -> Layer:
    rows = [Rows(one.weight.tensor, one.axis, one.width_out) for one in wide[-2:]]
    down = Rows(back.weight.tensor, 1 - back.axis, back.width_in)
    ffn = Ffn(rows[0], rows[1] if len(rows) == 2 else None, down)
    before = [one for one in pending if one not in wide and one is not back]
    into = [one for one in before if one.width_in == back.width_out]
    sides = [Rows(one.weight.tensor, one.axis, one.width_out) for one in into[:3]]
    sides += [None] * (3 - len(sides))  # type: ignore[list-item]
    output = before[-1] if len(before) > 3 and before[-1].width_out == back.width_out else None
    return Layer(
        label=label,
        ffns=(ffn,),
        norm=_norm_before(opened, made_by, wide[0]),
        q=sides[0],
        k=sides[1],
        v=sides[2],
        o=None if output is None else Rows(output.weight.tensor, 1 - output.axis, output.width_in),
    )


def _products(opened: Opened, made_by: dict[str, Node]) -> list[_Product]:
    found = []
    for node in opened.nodes:
        place = _PRODUCTS.get(node.op)
        if place is None or len(node.inputs) <= place:
            continue
        weight = _follow(opened, made_by, node.inputs[place])
        if weight is None:
            continue
        shape = opened.tensors[weight.tensor].shape
        if len(shape) != 2:
            continue
        out_in = weight.flipped != bool(node.op == "Gemm" and node.ints.get("transB"))
        width_in, width_out = (shape[1], shape[0]) if out_in else shape
        found.append(_Product(weight, width_in, width_out, 0 if out_in else 1, node.inputs[0]))
    return found


def _follow(opened: Opened, made_by: dict[str, Node], name: str) -> _Weight | None:
    """Return the stored matrix behind a value, or None if the value is computed from the input."""
    flipped = False
    unpacking: Unpacking | None = None
    for _ in range(_MAX_BACK):
        tensor = opened.tensors.get(name)
        if tensor is not None:
            if len(tensor.shape) != 2:
                return None
            if unpacking is None and tensor.dtype in {"I8", "U8"}:
                unpacking = _by_name(opened, name)
            return _Weight(name, flipped, unpacking)
        node = made_by.get(name)
        if node is None or node.op not in _PASS_THROUGH or not node.inputs:
            return None
        if node.op == "Transpose":
            flipped = not flipped
        elif node.op == "DequantizeLinear" and len(node.inputs) > 1:
            zero = node.inputs[2] if len(node.inputs) > 2 else None
            unpacking = Unpacking(node.inputs[1], zero, node.ints.get("axis", 1))
        elif node.op == "Mul":
            if len(node.inputs) != 2 or node.inputs[1] not in opened.tensors:
                return None
            unpacking = Unpacking(node.inputs[1])
        name = node.inputs[0]
    return None


def _by_name(opened: Opened, name: str) -> Unpacking:
    stem = name.removesuffix("_quantized").removesuffix("_q")
    scale, zero = f"{stem}_scale", f"{stem}_zero_point"
    return Unpacking(scale if scale in opened.tensors else None, zero if zero in opened.tensors else None, 1)


def _embedding(opened: Opened, made_by: dict[str, Node]) -> _Weight | None:
    """Return the largest table that rows are gathered from."""
    best: _Weight | None = None
    for node in opened.nodes:
        if node.op not in {"Gather", "EmbedLayerNormalization"}:
            continue
        for name in node.inputs[:5]:
            weight = _follow(opened, made_by, name)
            if weight is not None and (
                best is None or opened.tensors[weight.tensor].shape[0] > opened.tensors[best.tensor].shape[0]
            ):
                best = weight
    return best


def _norm_before(opened: Opened, made_by: dict[str, Node], product: _Product) -> str | None:
    """Return the gain of the norm that feeds a product, if nothing else adds to its output.

    Where the output is also added further on (BERT), the residual space is the one after
    the norm, and folding the gain in would leave it.
    """
    node = made_by.get(product.fed_by)
    if node is None or node.op not in _NORMS or len(node.inputs) < 2:
        return None
    used_in = [one for one in opened.nodes if node.outputs[0] in one.inputs]
    if any(one.op in {"Add", "SkipLayerNormalization"} for one in used_in):
        return None
    gain = node.inputs[2 if node.op == "SkipLayerNormalization" else 1]
    return gain if gain in opened.tensors else None
