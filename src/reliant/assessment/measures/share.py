"""Shares as intervals: what is known, and what is known plus what is not."""

from __future__ import annotations

from reliant.core.results import Interval


def interval(known: float, unknown: float, whole: float) -> Interval:
    """Return `known / whole` to `(known + unknown) / whole`; 0 to 0 if there is nothing at all."""
    if whole <= 0:
        return Interval(0.0, 0.0)
    return Interval(share_of(known, whole), share_of(known + unknown, whole))


def share_of(part: float, whole: float) -> float:
    """Return `part / whole`, held within [0, 1]."""
    return min(1.0, max(0.0, round(part / whole, 12)))
