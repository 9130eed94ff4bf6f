from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.core.dates import PartialDate, Span
from reliant.core.truth import Truth

days = st.dates(min_value=dt.date(1990, 1, 1), max_value=dt.date(2040, 12, 31))
partial_dates = st.builds(
    lambda day, parts: PartialDate(day.year, *(day.month, day.day)[:parts]), days, st.integers(0, 2)
)


def test_a_month_only_start_is_unknown_within_that_month() -> None:
    span = Span(PartialDate.parse("2024-07"))
    answers = [span.covers(dt.date(2024, *day)) for day in ((6, 30), (7, 1), (7, 30), (7, 31))]
    assert answers == [Truth.NO, Truth.UNKNOWN, Truth.UNKNOWN, Truth.YES]


def test_on_its_end_day_a_span_is_over() -> None:
    span = Span(PartialDate.parse("2026-06-12"), PartialDate.parse("2026-07-01"))
    assert span.covers(dt.date(2026, 6, 30)) is Truth.YES
    assert span.covers(dt.date(2026, 7, 1)) is Truth.NO


def test_before_a_first_known_day_nothing_is_known() -> None:
    span = Span(PartialDate.parse("2022-12-06"), exact_start=False)
    assert span.covers(dt.date(2022, 12, 5)) is Truth.UNKNOWN


def test_a_span_without_a_start_is_unknown_until_its_end() -> None:
    span = Span(None, PartialDate.parse("2024"))
    assert span.covers(dt.date(2023, 1, 1)) is Truth.UNKNOWN
    assert span.covers(dt.date(2025, 1, 1)) is Truth.NO


@pytest.mark.parametrize(
    "text", ["2024-7", "2024-13", "2024-02-30", "24-01-01", "2024-01-01T00", "", "NO", "2024-01-01\n"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        PartialDate.parse(text)


@given(partial_dates)
def test_a_date_reads_back_as_itself(date: PartialDate) -> None:
    assert PartialDate.parse(str(date)) == date


@given(partial_dates, days, days)
def test_once_reached_a_date_stays_reached(date: PartialDate, one: dt.date, other: dt.date) -> None:
    early, late = sorted((one, other))
    assert date.reached(early).value <= date.reached(late).value


@given(partial_dates, partial_dates)
def test_dates_have_one_order(one: PartialDate, other: PartialDate) -> None:
    assert (one < other) + (other < one) + (one == other) == 1
