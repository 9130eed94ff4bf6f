"""What a key may use: when each bound begins anew, and by how much it can be passed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.gateway.admit.limits import Meter
from reliant.gateway.config import Quota

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def call(meter: Meter, now: float, *, tokens: int = 0, usd: float = 0.0) -> bool:
    """Make a call that uses so much; say whether it was let in."""
    if meter.enter(now) is not None:
        return False
    meter.leave(now, tokens, usd)
    return True


@pytest.mark.parametrize(
    ("quota", "last", "first"),
    [
        (Quota(requests_per_minute=1), "2026-11-20T12:00:59.9", "2026-11-20T12:01:00"),
        (Quota(requests_per_day=1), "2026-11-20T23:59:59", "2026-11-21T00:00:00"),
        (Quota(tokens_per_minute=5), "2026-11-20T12:00:59.9", "2026-11-20T12:01:00"),
        (Quota(tokens_per_day=5), "2026-11-20T23:59:59", "2026-11-21T00:00:00"),
        (Quota(usd_per_day=0.5), "2026-11-20T23:59:59", "2026-11-21T00:00:00"),
        (Quota(usd_per_month=0.5), "2026-11-30T23:59:59", "2026-12-01T00:00:00"),
        (Quota(usd_per_month=0.5), "2026-12-31T23:59:59", "2027-01-01T00:00:00"),
        (Quota(usd_per_month=0.5), "2028-02-29T23:59:59", "2028-03-01T00:00:00"),
    ],
)
def test_a_bound_begins_anew_with_its_span_of_utc(quota: Quota, last: str, first: str) -> None:
    meter = Meter(quota)

    assert call(meter, at(last), tokens=5, usd=0.5)
    exceeded = meter.enter(at(last))
    assert exceeded is not None
    assert exceeded.retry_after_s == max(1, int(at(first) - at(last)))
    assert call(meter, at(first), tokens=5, usd=0.5)
    assert meter.enter(at(first)) is not None


def test_a_month_is_not_over_with_its_first_day_and_one_says_how_long_it_lasts() -> None:
    meter = Meter(Quota(usd_per_month=0.5))
    call(meter, at("2026-11-01T00:00:00"), usd=0.5)

    exceeded = meter.enter(NOON)

    assert exceeded is not None
    assert NOON + exceeded.retry_after_s == at("2026-12-01T00:00:00")


def test_so_many_at_once_and_no_more() -> None:
    meter = Meter(Quota(concurrent=2))

    assert [meter.enter(NOON) is None for _ in range(3)] == [True, True, False]
    meter.leave(NOON, 0, 0.0)
    assert meter.enter(NOON) is None


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 100))
def test_tokens_pass_a_bound_by_what_one_call_uses_and_by_no_more(calls: list[int], bound: int) -> None:
    meter = Meter(Quota(tokens_per_day=bound))
    used = 0
    for tokens in calls:
        let_in = call(meter, NOON, tokens=tokens)
        assert let_in == (used < bound)
        used += tokens if let_in else 0

    assert used < bound + max(calls, default=0) + 1


@given(st.lists(st.integers(0, 119), max_size=60), st.integers(1, 10))
def test_a_clock_that_wavers_gives_each_of_two_minutes_once(seconds: list[int], bound: int) -> None:
    meter = Meter(Quota(requests_per_minute=bound))

    assert sum(call(meter, NOON + second) for second in seconds) <= 2 * bound


def test_a_bound_that_is_changed_keeps_what_was_used() -> None:
    meter = Meter(Quota(requests_per_day=5))
    for _ in range(3):
        call(meter, NOON)

    meter.configure(Quota(requests_per_day=4, tokens_per_day=9))

    assert [call(meter, NOON) for _ in range(2)] == [True, False]
    assert meter.bounds() == {"requests_per_day": 4, "tokens_per_day": 9}
