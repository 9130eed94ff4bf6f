"""Dates as sources give them: a day, a month, or only a year.

A rule dated "2024-07" began on some day of that month. Asked about a day within
it, the honest answer is UNKNOWN; only before and after it is anything known. So
a date here is an interval of days, and being within a span is a `Truth`.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re
from dataclasses import dataclass

from reliant.core.truth import Truth, every, negate

_FORM = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z")


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class PartialDate:
    """A day, a month or a year; orders by its earliest day, a wider date first."""

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no date.

        Raises:
            ValueError: The parts name no calendar day, or a day lacks its month.
        """
        if self.day is not None and self.month is None:
            msg = "a day needs its month"
            raise ValueError(msg)
        dt.date(self.year, self.month or 1, self.day or 1)

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """Read `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.

        Raises:
            ValueError: The text has another form or names no calendar day.

        Examples:
            >>> PartialDate.parse("2024-07").latest
            datetime.date(2024, 7, 31)
        """
        match = _FORM.match(text)
        if match is None:
            msg = f"{text!r} is not a date of the form YYYY, YYYY-MM or YYYY-MM-DD"
            raise ValueError(msg)
        year, month, day = match.groups()
        try:
            return cls(int(year), int(month) if month else None, int(day) if day else None)
        except ValueError as error:
            msg = f"{text!r} is not a date: {error}"
            raise ValueError(msg) from None

    @property
    def earliest(self) -> dt.date:
        """The first day it may mean."""
        return dt.date(self.year, self.month or 1, self.day or 1)

    @property
    def latest(self) -> dt.date:
        """The last day it may mean."""
        month = self.month or 12
        return dt.date(self.year, month, self.day or calendar.monthrange(self.year, month)[1])

    def reached(self, day: dt.date) -> Truth:
        """Say whether `day` is this date or later.

        Examples:
            >>> PartialDate.parse("2024-07").reached(dt.date(2024, 7, 9)).name
            'UNKNOWN'
        """
        if day >= self.latest:
            return Truth.YES
        return Truth.NO if day < self.earliest else Truth.UNKNOWN

    def __lt__(self, other: PartialDate) -> bool:
        return (self.earliest, other.latest) < (other.earliest, self.latest)

    def __str__(self) -> str:
        parts = [f"{self.year:04d}"]
        parts += [f"{part:02d}" for part in (self.month, self.day) if part is not None]
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class Span:
    """From a date to a date, the last day excluded: on `end` it is over.

    Attributes:
        start: None if it is not known when, or whether, it began.
        end: None if it has not ended as far as is known.
        exact_start: False where `start` is only the earliest day with evidence:
            before it nothing is known.
    """

    start: PartialDate | None
    end: PartialDate | None = None
    exact_start: bool = True

    def covers(self, day: dt.date) -> Truth:
        """Say whether `day` lies within.

        Examples:
            >>> Span(PartialDate(2024, 7, 9)).covers(dt.date(2024, 7, 8)).name
            'NO'
        """
        if self.start is None:
            begun = Truth.UNKNOWN
        else:
            begun = self.start.reached(day)
            if begun is Truth.NO and not self.exact_start:
                begun = Truth.UNKNOWN
        over = Truth.NO if self.end is None else self.end.reached(day)
        return every((begun, negate(over)))
