"""Which rows to read of a model, and the rows, folded into residual space.

A norm's gain is folded into the matrix that reads after it, so that moving scale between
the two changes nothing. Rows are read in one block per matrix: a block is one range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import Bundle, distinct, unit, usable, usable_turned
from reliant.lineage.anatomy import Anatomy, Ffn, Layer, Rows
from reliant.lineage.formats.source import BudgetSpent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.lineage.arrays import Values

Floats = Any
_FIRST = 64
_WIDE = 2048
_PIECE = 128
MAX_ROWS = 4096  # per layer; more neither help the statistic nor fit its time


class LayerRows(NamedTuple):
    """The sampled FFN rows of one layer (or of one of its experts)."""

    layer: int
    expert: int
    rows: Bundle
    neurons: int


class Sampler:
    """Samples one opened model."""

    def __init__(self, values: Values, anatomy: Anatomy) -> None:
        self.values = values
        self.anatomy = anatomy
        self._gains: dict[str | None, Floats | None] = {}
        self._held: dict[tuple[int, int, int, int, str, bool], Bundle] = {}
        self._first: dict[int, Floats] = {}
        self._triples: dict[int, tuple[Floats, Floats, Floats] | None] = {}
        # Of path P, which asks for the same ones in every comparison.
        self.forms: dict[tuple[int, ...], dict[str, Floats]] = {}
        self.signatures: dict[tuple[int, tuple[int, ...]], Floats] = {}

    @property
    def d(self) -> int:
        """Return the width of the residual space."""
        return self.anatomy.d

    def cost(self, layers: Iterable[int], count: int) -> int:
        """Return about how many bytes `layer_rows` would read for these layers."""
        total = 0
        for at in layers:
            for ffn in self.anatomy.layers[at].ffns:
                total += self.values.cost(ffn.gate, count)
                second = ffn.up or ffn.down
                total += self.values.cost(second, count) if second is not None else 0
        return total

    def layer_rows(
        self,
        layers: Sequence[int],
        count: int,
        *,
        norm: str = "",
        swap: bool = False,
        turn: Floats | None = None,
    ) -> list[LayerRows]:
        """Return the rows of these layers, all experts.

        Args:
            layers: Positions in the anatomy.
            count: Rows per FFN block; all of them if there are fewer.
            norm: For guessed anatomies: `none`, or the place of the norm among the choices.
            swap: For guessed anatomies: exchange gate and up.
            turn: A map into fewer dimensions. Very wide rows are mapped as they are read, and not kept.
        """
        found = []
        for at in layers:
            layer = self.anatomy.layers[at]
            for expert, ffn in enumerate(layer.ffns):
                count_here = min(count, ffn.gate.count, MAX_ROWS)
                start = 0
                key = (at, expert, start, count_here, norm, swap)
                if turn is not None and self.d > _WIDE and key not in self._held:
                    rows = self._read_turned(layer, ffn, at, count_here, turn, norm=norm, swap=swap)
                else:
                    if key not in self._held:
                        whole = self._read(layer, ffn, at, start, count_here, norm=norm, swap=swap)
                        self._held[key] = distinct(whole)
                    rows = self._held[key]
                found.append(LayerRows(at, expert, rows, ffn.gate.count))
        return found

    def first_rows(self, at: int, *, folded: bool = True) -> Floats | None:
        """Return the first 64 gate rows of a layer's first FFN; None if the budget does not reach."""
        layer = self.anatomy.layers[at]
        rows = layer.ffns[0].gate
        if at not in self._first:
            left = self.values.opened.place.meter.left
            if left is not None and self.values.cost(rows, _FIRST) > left:
                return None
            self._first[at] = self.values.vectors(rows, 0, _FIRST)
        gain = self.gain(layer.norm) if folded else None
        return self._first[at] if gain is None else self._first[at] * gain

    def triples(self, at: int) -> tuple[Floats, Floats, Floats] | None:
        """Return gate, up and down of a whole layer (its first expert), or None if one is missing."""
        if at not in self._triples:
            self._triples[at] = self._read_triple(at)
        return self._triples[at]

    def _read_triple(self, at: int) -> tuple[Floats, Floats, Floats] | None:
        layer = self.anatomy.layers[at]
        ffn = layer.ffns[0]
        if ffn.down is None or ffn.gate.count > MAX_ROWS:
            return None
        gain = self.gain(layer.norm)
        gate = self._folded(ffn.gate, 0, ffn.gate.count, gain)
        down = self.values.vectors(ffn.down)
        up = down if ffn.up is None else self._folded(ffn.up, 0, ffn.up.count, gain)
        return gate, up, down

    def attention(self, at: int) -> dict[str, Floats]:
        """Return q, k, v (folded) and o of a layer, as far as they are there."""
        layer = self.anatomy.layers[at]
        gain = self.gain(layer.attention_norm)
        found = {
            role: self._folded(rows, 0, rows.count, gain)
            for role, rows in (("q", layer.q), ("k", layer.k), ("v", layer.v))
            if rows is not None
        }
        if layer.o is not None:
            found["o"] = self.values.vectors(layer.o)
        return found

    def gain(self, name: str | None) -> Floats | None:
        """Return a norm's gain as it multiplies, or None if there is none."""
        if name not in self._gains:
            gain = None if name is None else self.values.vector(name)
            if gain is not None and self.anatomy.norm_plus_one:
                gain = gain + 1
            if gain is not None and not np.abs(gain).any():
                gain = None
            self._gains[name] = gain
        return self._gains[name]

    def _read_turned(
        self, layer: Layer, ffn: Ffn, at: int, count: int, turn: Floats, *, norm: str, swap: bool
    ) -> Bundle:
        """Return rows mapped piece by piece, so that wide rows never lie in memory all at once."""
        parts = []
        for start in range(0, count, _PIECE):
            some = min(_PIECE, count - start)
            first, second = self._raw(layer, ffn, at, start, some, norm=norm, swap=swap)
            parts.append(usable_turned(first, second, np.arange(start, start + some), turn))
        gate, up, numbers = (np.concatenate([part[side] for part in parts]) for side in range(3))
        return distinct(Bundle(gate, up, numbers))

    def _read(
        self, layer: Layer, ffn: Ffn, at: int, start: int, count: int, *, norm: str, swap: bool
    ) -> Bundle:
        first, second = self._raw(layer, ffn, at, start, count, norm=norm, swap=swap)
        return usable(first, second, np.arange(start, start + count))

    def _raw(
        self, layer: Layer, ffn: Ffn, at: int, start: int, count: int, *, norm: str, swap: bool
    ) -> tuple[Floats, Floats]:
        """Return gate and up rows, folded."""
        name = layer.norm
        if norm and self.anatomy.norm_choices:
            choices = self.anatomy.norm_choices[at]
            name = None if norm == "none" or int(norm) >= len(choices) else choices[int(norm)]
        gain = self.gain(name)
        gate = self.values.vectors(ffn.gate, start, count)
        if start == 0 and ffn is layer.ffns[0]:
            self._first.setdefault(at, gate[:_FIRST].copy())
        if gain is not None:
            gate = gate * gain
        if ffn.up is not None:
            up = self._folded(ffn.up, start, count, gain)
        elif ffn.down is not None:
            up = self.values.vectors(ffn.down, start, count)
        else:
            up = np.zeros_like(gate)
        return (up, gate) if swap else (gate, up)

    def _folded(self, rows: Rows, start: int, count: int, gain: Floats | None) -> Floats:
        found = self.values.vectors(rows, start, count)
        return found if gain is None else found * gain[None, :]


def turned_bundle(rows: Bundle, side: Floats) -> Bundle:
    """Return the rows after one side of a map."""
    if rows.gate.shape[1] != side.shape[0]:
        return rows
    return Bundle(unit(rows.gate @ side), unit(rows.up @ side), rows.numbers)


def spread_layers(depth: int, count: int) -> list[int]:
    """Return `count` layers spread over the depth, the ends included.

    Examples:
        >>> spread_layers(80, 4)
        [0, 26, 53, 79]
    """
    if count >= depth:
        return list(range(depth))
    if count == 1:
        return [depth // 2]
    return sorted({round(at * (depth - 1) / (count - 1)) for at in range(count)})


__all__ = ["MAX_ROWS", "BudgetSpent", "LayerRows", "Sampler", "WeightsError", "spread_layers"]
