"""Weights that a quantiser packed into several tensors, told by names and shapes alone.

GPTQ, AWQ, HQQ, EXL2, EXL3, AQLM, bitsandbytes 4-bit and compressed-tensors each replace `x.weight`
by a handful of tensors. Here they become one tensor `x.weight` again, of the shape it had, whose
bytes are the packed ones; the others are set aside under the same model, for `lineage.unpack`.

The layouts, in the words of their own code: GPTQ packs along the input axis, low bits
first, and stores zero points less one unless `checkpoint_format` is `gptq_v2`; AWQ packs
along the output axis, eight columns to a word in the order 0 2 4 6 1 3 5 7; bitsandbytes
packs two values to a byte, the first in the high half, and looks them up in a table;
compressed-tensors packs rows, low bits first, with values offset by half their range.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.errors import WeightsError
from reliant.lineage.formats.header import Packing, Tensor
from reliant.lineage.formats.json import loads_or_none
from reliant.lineage.formats.packed_codes import aqlm, exl2, exl3
from reliant.lineage.formats.packed_hqq import Shapes, hqq

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_STATE = re.compile(r"\.quant_state\.bitsandbytes__(?:nf4|fp4)$")
_NUMBER = re.compile(r"\.\d{1,4}\.")
_MAX_STATE = 1 << 16
_BITS = (2, 3, 4, 8)
_WORDS = frozenset({"I32", "U32"})
_FLOATS = frozenset({"F16", "BF16", "F32"})


def joined(
    tensors: dict[str, Tensor], config: dict[str, Any], read: Callable[[Tensor], bytes]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the tensors with packed ones made whole, and what they are unpacked with.

    Args:
        tensors: By name, as the files have them.
        config: The content of config.json.
        read: Returns the bytes of a small tensor.
    """
    whole: dict[str, Tensor] = {}
    used: set[str] = set()
    states, shapes = _States(read), Shapes(read)
    for name, tensor in tensors.items():
        found = None
        if name.endswith(".qweight") and len(tensor.shape) == 2:
            found = _qweight(name.removesuffix(".qweight"), tensors, config)
        elif name.endswith(".W_q"):
            found = hqq(name.removesuffix(".W_q"), tensors, shapes)
        elif name.endswith(".q_weight"):
            found = exl2(name.removesuffix(".q_weight"), tensors)
        elif name.endswith(".trellis"):
            found = exl3(name.removesuffix(".trellis"), tensors)
        elif name.endswith(".codes"):
            found = aqlm(name.removesuffix(".codes"), tensors)
        elif name.endswith(".weight_packed") and len(tensor.shape) == 2:
            found = _compressed(name.removesuffix(".weight_packed"), tensors)
        elif _STATE.search(name):
            found = _four_bit(_STATE.sub("", name), name, tensors, states)
        if found is not None:
            whole[found[0].name] = found[0]
            used |= found[1]
    if not whole:
        return tensors, {}
    kept = {name: one for name, one in tensors.items() if name not in used and name not in whole}
    return kept | whole, {name: tensors[name] for name in used}


_Found = tuple[Tensor, set[str]]

_UNREAD = {
    ".q_weight": "EXL2 in a layout that is not read",
    ".trellis": "EXL3 in a layout that is not read",
    ".codebooks": "AQLM in a layout that is not read",
    ".Qidxs": "QuIP#",
    ".centroids": "VPTQ",
    ".W_q": "HQQ in a layout that is not read",
    ".qweight": "GPTQ or AWQ in a layout that is not read",
    ".weight_packed": "compressed-tensors in a layout that is not read",
}
"""Names of tensors, by which a packing shows that is not unpacked."""


def unread(tensors: Collection[str]) -> str:
    """Return how tensors are packed that are not unpacked; empty if none is.

    Examples:
        >>> unread(["model.layers.0.mlp.up_proj.q_weight"])
        'EXL2 in a layout that is not read'
    """
    return next(
        (packing for end, packing in _UNREAD.items() if any(one.endswith(end) for one in tensors)), ""
    )


def _qweight(stem: str, tensors: dict[str, Tensor], config: dict[str, Any]) -> _Found | None:
    """Return what `stem.qweight` and its companions were: GPTQ's or AWQ's."""
    packed, scales, zeros = (tensors.get(f"{stem}.{part}") for part in ("qweight", "scales", "qzeros"))
    if packed is None or scales is None or len(scales.shape) != 2:
        return None
    groups, outputs = scales.shape
    if not _typed(packed, _WORDS) or not _typed(scales, _FLOATS) or (zeros and not _typed(zeros, _WORDS)):
        return None
    if zeros is not None and (len(zeros.shape) != 2 or zeros.shape[0] != groups):
        return None
    names = {"packed": packed.name, "scales": scales.name}
    if zeros is not None:
        names["zeros"] = zeros.name
    order = tensors.get(f"{stem}.g_idx")
    about = config.get("quantization_config")
    about = about if isinstance(about, dict) else {}
    if packed.shape[1] == outputs:
        bits = zeros.shape[1] * 32 // outputs if zeros is not None and outputs else about.get("bits")
        if bits not in _BITS:
            return None
        inputs = packed.shape[0] * 32 // bits
        if order is not None:
            names["order"] = order.name
        kind = "gptq2" if about.get("checkpoint_format") == "gptq_v2" else "gptq"
    elif outputs and packed.shape[1] * 8 == outputs and zeros is not None:
        bits, inputs, kind = 4, packed.shape[0], "awq"
    else:
        return None
    if not inputs or not groups or (order is None and inputs % groups):
        return None
    if order is not None and (not _typed(order, _WORDS) or order.shape != (inputs,)):
        return None
    return _joined_tensor(
        f"{stem}.weight", packed, (outputs, inputs), Packing(kind, bits, names), across=True
    )


def _compressed(stem: str, tensors: dict[str, Tensor]) -> _Found | None:
    packed, scales = tensors[f"{stem}.weight_packed"], tensors.get(f"{stem}.weight_scale")
    if scales is None or len(scales.shape) != 2 or scales.shape[0] != packed.shape[0] or not scales.shape[1]:
        return None
    if not _typed(packed, _WORDS) or not _typed(scales, _FLOATS) or not packed.nbytes:
        return None
    rows = packed.shape[0]
    names = {"packed": packed.name, "scales": scales.name}
    for role, part in (("zeros", "weight_zero_point"), ("order", "weight_g_idx"), ("shape", "weight_shape")):
        if f"{stem}.{part}" in tensors:
            names[role] = f"{stem}.{part}"
    if "order" in names:  # groups in another order: not unpacked
        return None
    bits = 4
    return _joined_tensor(
        f"{stem}.weight", packed, (rows, packed.shape[1] * 32 // bits), Packing("compressed", bits, names)
    )


def _four_bit(name: str, state: str, tensors: dict[str, Tensor], states: _States) -> _Found | None:
    packed, scales, table = (tensors.get(one) for one in (name, f"{name}.absmax", f"{name}.quant_map"))
    if packed is None or scales is None or table is None:
        return None
    if not _typed(packed, {"U8"}) or not _typed(table, _FLOATS) or not _typed(scales, _FLOATS | {"U8"}):
        return None
    told = states.of(tensors[state], packed)
    shape = told.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or any(type(size) is not int or size < 1 for size in shape)
        or shape[0] * shape[1] != packed.nbytes * 2
        or shape[1] % 2
    ):
        return None
    names = {"packed": name, "scales": f"{name}.absmax", "table": f"{name}.quant_map", "state": state}
    for role, part in (("nested", "nested_absmax"), ("nested_table", "nested_quant_map")):
        if f"{name}.{part}" in tensors:
            names[role] = f"{name}.{part}"
    numbers = {
        key: float(told[key])
        for key in ("blocksize", "nested_blocksize", "nested_offset")
        if isinstance(told.get(key), int | float)
    }
    return _joined_tensor(name, packed, (shape[0], shape[1]), Packing("bnb4", 4, names, numbers))


def _joined_tensor(
    name: str, packed: Tensor, shape: tuple[int, ...], packing: Packing, *, across: bool = False
) -> _Found:
    """Return the tensor as it was; `across`: its rows do not lie one after another."""
    strides = (1, shape[0]) if across else None
    whole = msgspec.structs.replace(packed, name=name, shape=shape, strides=strides, packing=packing)
    return whole, set(packing.parts.values())


def _typed(tensor: Tensor, types: Collection[str]) -> bool:
    return tensor.dtype in types and tensor.nbytes > 0


class _States:
    """The settings of bitsandbytes, read once for all layers that have them alike."""

    def __init__(self, read: Callable[[Tensor], bytes]) -> None:
        self._read = read
        self._known: dict[tuple[str, int, int], dict[str, Any]] = {}

    def of(self, state: Tensor, packed: Tensor) -> dict[str, Any]:
        key = (_NUMBER.sub(".#.", packed.name), packed.nbytes, state.nbytes)
        if key not in self._known:
            told = None
            if state.nbytes <= _MAX_STATE:
                try:
                    told = loads_or_none(self._read(state))
                except WeightsError:
                    told = None
            self._known[key] = told if isinstance(told, dict) else {}
        return self._known[key]
