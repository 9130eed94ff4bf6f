"""Roles from shapes alone, for models whose tensors bear names nobody knows.

Tensors that repeat from layer to layer share a name but for one number. Among them an FFN
shows itself: two or three matrices of one inner width that is met nowhere else.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from reliant.lineage.anatomy import Anatomy, Ffn, Layer, Rows, plain_shape, width_of

if TYPE_CHECKING:
    from reliant.lineage.formats.header import Tensor
    from reliant.lineage.opened import Opened

_NUMBER = re.compile(r"\d{1,4}")


def anatomy_from_shapes(opened: Opened) -> Anatomy | None:
    """Return the parts that shapes give away, or None."""
    series = _series(opened)
    if not series:
        return None
    matrices = {
        template: shape
        for template, layers in series.items()
        if len(shape := plain_shape(opened, next(iter(layers.values())))) == 2
    }
    d = width_of(opened) or _common_width(matrices.values())
    if d is None:
        return None
    inner = _inner_width(matrices.values(), d)
    if inner is None:
        return None
    into = sorted(name for name, shape in matrices.items() if shape == (inner, d))
    out_of = sorted(name for name, shape in matrices.items() if shape == (d, inner))
    axis = 0
    if len(out_of) > len(into):  # every matrix is stored the other way round
        into, out_of, axis = out_of, into, 1
    if len(into) not in {1, 2} or len(out_of) != 1:
        return None
    vectors = sorted(name for name, layers in series.items() if next(iter(layers.values())).shape == (d,))
    indexes = sorted(set.intersection(*(set(series[name]) for name in (*into, *out_of))))
    layers, choices = [], []
    for index in indexes:
        rows = [Rows(series[name][index].name, axis, inner) for name in into]
        down = Rows(series[out_of[0]][index].name, 1 - axis, inner)
        ffn = Ffn(rows[0], rows[1] if len(rows) == 2 else None, down)
        layers.append(Layer(label=str(index), ffns=(ffn,)))
        choices.append(tuple(series[name][index].name for name in vectors if index in series[name]))
    if len(layers) < 1:
        return None
    tables = [
        Rows(tensor.name, 0, tensor.shape[0])
        for tensor in opened.tensors.values()
        if len(tensor.shape) == 2
        and tensor.shape[1] == d
        and tensor.shape[0] > 2 * d
        and not _NUMBER.search(tensor.name)
    ]
    return Anatomy(
        d=d, ff=inner, layers=tuple(layers), embedding=tables[0] if tables else None,
        head=tables[1] if len(tables) > 1 else None, guessed=True, norm_choices=tuple(choices),
    )  # fmt: skip


def _series(opened: Opened) -> dict[str, dict[int, Tensor]]:
    """Return name pattern -> layer -> tensor, for patterns whose number varies."""
    found: dict[str, dict[int, Tensor]] = {}
    for tensor in opened.tensors.values():
        match = _NUMBER.search(tensor.name)
        if match is not None:
            template = tensor.name[: match.start()] + "#" + tensor.name[match.end() :]
            found.setdefault(template, {})[int(match[0])] = tensor
    most = max((len(layers) for layers in found.values()), default=0)
    return {
        name: layers
        for name, layers in found.items()
        if len(layers) * 2 > most and len({tensor.shape for tensor in layers.values()}) == 1
    }


def _common_width(shapes: object) -> int | None:
    counts = Counter(size for shape in shapes for size in set(shape))  # type: ignore[attr-defined]
    return counts.most_common(1)[0][0] if counts else None


def _inner_width(shapes: object, d: int) -> int | None:
    """Return the width that occurs both into and out of `d`, the largest such."""
    found = set(shapes)  # type: ignore[call-overload]
    both = [a for a, b in found if b == d and a != d and (d, a) in found]
    return max(both, default=None)
