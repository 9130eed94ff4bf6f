"""The two clocks, handed in: tests and replays bring their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` counts seconds since 1970, `steady` never goes back."""

    wall: Callable[[], float]
    steady: Callable[[], float]

    def today(self) -> dt.date:
        """Return the day in UTC."""
        return dt.datetime.fromtimestamp(self.wall(), dt.UTC).date()
