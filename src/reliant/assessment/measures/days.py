"""How long work survives a cut, how long it takes to recover, and the gap between.

After Simchi-Levi: a function is at risk where its time to survive is shorter than
its time to recover. None as a number of days is "never ends" for survival and "not
known" for recovery; the two are never mixed up because each has its own argument.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


def survive_days(demand: float, stock: float, capacity: float) -> float:
    """Return for how many days demand is met without the supplier; infinity if forever.

    The closed form of the survival linear program for one function:
    stock / (demand - capacity) where demand is above capacity.

    Args:
        demand: Per day.
        stock: What a cache or a paid-up credit still serves, in the unit of demand.
        capacity: What the rest of the estate serves per day.

    Examples:
        >>> survive_days(demand=100, stock=700, capacity=30)
        10.0
    """
    if demand <= capacity:
        return math.inf
    return stock / (demand - capacity)


def gap_days(survive: float, recover: float) -> float:
    """Return A8, the days without the function: recover minus survive, never below 0.

    Examples:
        >>> gap_days(survive=7, recover=20), gap_days(survive=math.inf, recover=5)
        (13, 0.0)
    """
    if math.isinf(survive):
        return 0.0
    return max(0, recover - survive)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One function's days and what a day without it costs; the unit of money is the operator's."""

    per_day: float
    survive: float
    recover: float

    @property
    def gap(self) -> float:
        """Days without it."""
        return gap_days(self.survive, self.recover)

    @property
    def loss(self) -> float:
        """What these days cost."""
        return self.per_day * self.gap


def total_loss(exposures: Iterable[Exposure]) -> float:
    """Return what all gaps cost together."""
    return math.fsum(exposure.loss for exposure in exposures)
