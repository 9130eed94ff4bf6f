"""How concentrated supply is (A4): the Herfindahl-Hirschman index and what is read off it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from reliant.assessment.measures.share import share_of
from reliant.core.results import Concentration, Interval


def concentration(weights: Iterable[float], unknown: float = 0.0) -> Concentration:
    """Return A4, the Herfindahl-Hirschman index of `weights` and its effective number.

    Args:
        weights: Of the known suppliers, in any unit; zeros are left out.
        unknown: The weight bought from nobody knows whom, in the same unit.
    """
    parts = [part for part in weights if part > 0]
    known = math.fsum(parts)
    share = share_of(unknown, known + unknown) if known + unknown > 0 else 0.0
    if not parts:
        return Concentration(index=None, effective=None, unknown=share)
    index = _squares(parts, known)
    return Concentration(index=index, effective=1 / index, unknown=share)


def bounded(weights: Iterable[float], unknown: float) -> Concentration:
    """Return A4 with the bounds of the index, whoever the unknown weight is bought from."""
    parts = sorted([part for part in weights if part > 0], reverse=True)
    whole = math.fsum(parts) + unknown
    found = concentration(parts, unknown)
    if whole <= 0:
        return found
    largest = [sum(parts[:1]) + unknown, *parts[1:]]
    bounds = Interval(_squares(parts, whole), _squares(largest, whole))
    return msgspec.structs.replace(found, bounds=bounds)


def _squares(parts: Iterable[float], whole: float) -> float:
    return min(1.0, math.fsum((part / whole) ** 2 for part in parts))


def normalised(index: float, suppliers: int) -> float | None:
    """Return H*, the index scaled to [0, 1] for that many suppliers; None for a single one."""
    if suppliers <= 1:
        return None
    return (index - 1 / suppliers) / (1 - 1 / suppliers)


def entropy_number(weights: Iterable[float]) -> float:
    """Return exp of the Shannon entropy of the shares: the other effective number of suppliers."""
    parts = [part for part in weights if part > 0]
    whole = math.fsum(parts)
    return math.exp(-math.fsum(part / whole * math.log(part / whole) for part in parts))
