"""Country screens that need only totals: trade flags, rule exposure, lag in months.

The flags are the European Commission's screen of 2021 for dependent products and the
persistence rule of CEPII's GeoDep; the lag is Epoch AI's rule. Each is a tick or a
number of its own: they are not added up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from reliant.assessment.measures.exposure import concentration

CONCENTRATED = 0.4
FOREIGN_SHARE = 0.5
FOREIGN_TO_EXPORTS = 1.0


@dataclass(frozen=True, slots=True)
class Flags:
    """The three ticks for one year, and the figures they rest on."""

    index: float | None
    foreign_share: float | None
    to_exports: float | None

    @property
    def ticks(self) -> tuple[bool, bool, bool]:
        """Whether each of the three thresholds is passed."""
        return (
            self.index is not None and self.index > CONCENTRATED,
            self.foreign_share is not None and self.foreign_share > FOREIGN_SHARE,
            self.to_exports is not None and self.to_exports > FOREIGN_TO_EXPORTS,
        )

    @property
    def dependent(self) -> bool:
        """True if all three thresholds are passed."""
        return all(self.ticks)


def flags(imports: Mapping[str, float], home: float, exports: float) -> Flags:
    """Return B6 for one year.

    Args:
        imports: Use by foreign origin, in any unit.
        home: Use of the country's own, in the same unit.
        exports: Use of the country's own abroad; 0 makes the third figure infinite.
    """
    foreign = sum(imports.values())
    whole = foreign + home
    if foreign <= 0:
        return Flags(None, 0.0 if whole > 0 else None, 0.0 if exports > 0 else None)
    return Flags(
        concentration(imports.values()).index,
        foreign / whole,
        foreign / exports if exports > 0 else float("inf"),
    )


def persistent(years: Sequence[Flags]) -> bool:
    """Say whether the last three years hold at least two dependent ones: one year alone is churn."""
    return sum(year.dependent for year in years[-3:]) >= 2


@dataclass(frozen=True, slots=True)
class Covered:
    """One thing that is used, as far as a rule's scope asks."""

    origin: str
    weights: str
    amount: float


def rule_exposure(
    uses: Iterable[Covered], covers: Callable[[Covered], bool], *, on: dt.date, since: dt.date
) -> float:
    """Return B7, the share of use that a rule covers; 0 before its first day."""
    every = tuple(uses)
    whole = sum(use.amount for use in every)
    if on < since or whole <= 0:
        return 0.0
    return sum(use.amount for use in every if covers(use)) / whole


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one model on one day."""

    day: dt.date
    score: float
    model: str = ""


@dataclass(frozen=True, slots=True)
class Lag:
    """On `day` the home best equals what the foreign best was `months` earlier."""

    day: dt.date
    months: int | None
    home: Score
    foreign: Score | None


def months_between(earlier: dt.date, later: dt.date) -> int:
    """Return whole calendar months, a begun month not counted."""
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return months - (later.day < earlier.day)


def lag(home: Iterable[Score], foreign: Iterable[Score]) -> tuple[Lag, ...]:
    """Return B8: for each day the home best rises, how long ago the foreign best was there.

    lag(t) = t - min{s : best foreign(s) >= best home(t)}. `months` is None where no
    foreign score had reached the home one by that day: home leads.
    """
    ahead = sorted(foreign, key=lambda one: one.day)
    found: list[Lag] = []
    best: float | None = None
    for score in sorted(home, key=lambda one: one.day):
        if best is not None and score.score <= best:
            continue
        best = score.score
        first = next((one for one in ahead if one.score >= score.score and one.day <= score.day), None)
        months = None if first is None else months_between(first.day, score.day)
        found.append(Lag(score.day, months, score, first))
    return tuple(found)


def lag_range(lags: Iterable[Lag]) -> tuple[float, int, int] | None:
    """Return the median, the least and the largest lag in months; None if there is none."""
    months = [one.months for one in lags if one.months is not None]
    return (median(months), min(months), max(months)) if months else None
