"""When a rule holds, as far as its dates say."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from reliant.atlas.records.rule import Force
from reliant.policy import timeline
from reliant.policy.conditions import NO, UNKNOWN, YES
from support.rules import book, rule


def _on(day: str, **force: Any) -> int:
    span = timeline.window(msgspec.convert(force, Force))
    assert span is not None
    return span.covers(dt.date.fromisoformat(day).toordinal())


@pytest.mark.parametrize(
    ("force", "day", "answer"),
    [
        ({"from": "2024-07-09"}, "2024-07-08", NO),
        ({"from": "2024-07-09"}, "2024-07-09", YES),
        ({"from": "2024-07"}, "2024-06-30", NO),
        ({"from": "2024-07"}, "2024-07-09", UNKNOWN),
        ({"from": "2024-07"}, "2024-07-31", YES),
        ({"from": "2024-07-09", "from_precision": "first_known"}, "2020-01-01", UNKNOWN),
        ({"from": "2024-07-09", "from_precision": "first_known"}, "2024-07-09", YES),
        ({"from": "2024-07-09", "from_precision": "placeholder"}, "2024-07-08", UNKNOWN),
        ({"from": "2024-07-09", "from_precision": "not_later_than"}, "2024-07-08", UNKNOWN),
        ({"from": "2024-07-09", "from_precision": "not_earlier_than"}, "2024-07-08", NO),
        ({"from": "2024-07-09", "from_precision": "not_earlier_than"}, "2030-01-01", UNKNOWN),
        ({"from": "2025-04-08", "by": "2025-12-31"}, "2025-06-01", UNKNOWN),
        ({"from": "2025-04-08", "by": "2025-12-31"}, "2026-01-01", YES),
        ({"from": "2020-01-01", "to": "2024-07-09"}, "2024-07-08", YES),
        ({"from": "2020-01-01", "to": "2024-07-09"}, "2024-07-09", NO),
        ({"from": "2020-01-01", "to": "2024-07"}, "2024-07-09", UNKNOWN),
        ({"from": "2020-01-01", "to": "2024-05-01", "to_precision": "placeholder"}, "2024-04-01", UNKNOWN),
        ({"from": "2026-01-10", "last_known": "2026-01-21"}, "2026-01-21", YES),
        ({"from": "2026-01-10", "last_known": "2026-01-21"}, "2026-01-22", UNKNOWN),
        ({"from": None}, "2024-07-09", UNKNOWN),
    ],
)
def test_a_day_is_within_without_or_not_known(force: dict[str, Any], day: str, answer: int) -> None:
    assert _on(day, **force) == answer


def test_what_was_never_in_force_has_no_days() -> None:
    assert timeline.window(None) is None


def _story(**fields: Any) -> Any:
    return rule(
        "acme.block",
        when={"provider": "acme"},
        sources={
            "mail": {"title": "Mail", "kind": "primary", "published": "2024-06-24"},
            "end": {"title": "End", "kind": "press", "published": "2024-09-02"},
        },
        force={"from": "2024-07-09", "to": "2024-09-01"},
        timeline=[
            {"status": "announced", "on": "2024-06-24", "source": "mail"},
            {"status": "in-force", "on": "2024-07-09", "source": "mail"},
            {"status": "ended", "on": "2024-09-01", "source": "end"},
        ],
        **fields,
    )


def test_a_rule_is_hidden_until_one_of_its_sources_is_public() -> None:
    rules = book(_story())
    as_of = dt.date(2024, 7, 10)
    hidden, seen = (
        [entry.rule.id for entry in rules.at(as_of, known_on).entries]
        for known_on in (dt.date(2024, 6, 23), dt.date(2024, 6, 24))
    )
    assert "acme.block" not in hidden
    assert "acme.block" in seen


def test_an_end_is_unknown_until_its_source_is_public() -> None:
    rules = book(_story())
    after = dt.date(2024, 10, 1)
    assert "acme.block" not in [entry.rule.id for entry in rules.at(after).entries]
    blind = rules.at(after, dt.date(2024, 8, 1))
    assert "acme.block" in [entry.rule.id for entry in blind.entries]


def test_a_month_only_source_counts_from_its_last_day() -> None:
    one = rule(
        "a.b", sources={"page": {"title": "P", "kind": "press", "published": "2024-07"}}, when={"x": 1}
    )
    assert not timeline.public_by(one, dt.date(2024, 7, 30))
    assert timeline.public_by(one, dt.date(2024, 7, 31))
