"""LoRA adapters: they hold a change, not a model, so they are tested by shape, or merged and then tested.

A change says nothing of the weights it was made for but their shapes. Shapes that do not
fit refute a claimed base cheaply; shapes that fit prove nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reliant.lineage.anatomy import plain_shape
from reliant.lineage.arrays import Values

if TYPE_CHECKING:
    from reliant.lineage.anatomy import Rows
    from reliant.lineage.opened import Opened

_PART = re.compile(r"^(?:base_model\.model\.)?(?P<stem>.+?)\.lora_(?P<part>[AB])(?:\.default)?\.weight$")


class Fit(NamedTuple):
    """How an adapter's shapes fit a model: module names that fit, do not fit, or are not there."""

    fits: tuple[str, ...]
    misfits: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def refuted(self) -> bool:
        """Return True if the adapter cannot have been made for this model."""
        return bool(self.misfits) or (bool(self.missing) and not self.fits)


def is_adapter(opened: Opened) -> bool:
    """Return True if the model is an adapter alone."""
    names = opened.tensors
    return (
        bool(names)
        and (opened.adapter is not None or all(_PART.match(name) for name in names))
        and any(_PART.match(name) for name in names)
    )


def pairs_of(opened: Opened) -> dict[str, dict[str, str]]:
    """Return module name -> {A: tensor, B: tensor}."""
    found: dict[str, dict[str, str]] = {}
    for name in opened.tensors:
        match = _PART.match(name)
        if match is not None:
            found.setdefault(match["stem"], {})[match["part"]] = name
    return {stem: parts for stem, parts in found.items() if len(parts) == 2}


def fit(adapter: Opened, base: Opened) -> Fit:
    """Return how the adapter's shapes fit `base`."""
    fits: list[str] = []
    misfits: list[str] = []
    missing: list[str] = []
    for stem, parts in sorted(pairs_of(adapter).items()):
        target = _target(base, stem)
        if target is None:
            missing.append(stem)
            continue
        shape = plain_shape(base, base.tensors[target])
        low, high = adapter.tensors[parts["A"]].shape, adapter.tensors[parts["B"]].shape
        right = len(low) == len(high) == 2 and (high[0], low[1]) == shape and low[0] == high[1]
        (fits if right else misfits).append(stem)
    return Fit(tuple(fits), tuple(misfits), tuple(missing))


def _target(base: Opened, stem: str) -> str | None:
    for name in (f"{stem}.weight", stem, f"model.{stem}.weight", f"{stem.removeprefix('model.')}.weight"):
        if name in base.tensors:
            return name
    return None


class MergedValues(Values):
    """The values of a base with an adapter merged in, row by row, without writing either."""

    def __init__(self, base: Opened, adapter: Opened) -> None:
        super().__init__(base)
        config = adapter.adapter or {}
        rank, alpha = config.get("r"), config.get("lora_alpha")
        usable = isinstance(rank, int) and rank > 0 and isinstance(alpha, int | float)
        scale = float(alpha) / float(rank) if usable else 1.0  # type: ignore[arg-type]
        changes = Values(adapter)
        self._changes: dict[str, tuple[Any, Any]] = {}
        for stem in fit(adapter, base).fits:
            parts = pairs_of(adapter)[stem]
            target = _target(base, stem)
            if target is not None:
                self._changes[target] = (
                    changes.whole(parts["A"]),
                    changes.whole(parts["B"]) * np.float32(scale),
                )

    def vectors(self, rows: Rows, start: int = 0, count: int | None = None) -> Any:
        """Return the merged vectors."""
        found = super().vectors(rows, start, count)
        if rows.tensor not in self._changes or rows.lead is not None:
            return found
        low, high = self._changes[rows.tensor]
        first = rows.start + start * rows.step
        last = first + (len(found) - 1) * rows.step + 1
        if rows.axis == 0:
            return found + high[first : last : rows.step] @ low
        return found + (high @ low[:, first : last : rows.step]).T
