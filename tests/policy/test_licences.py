"""Licences decide by their own terms."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from reliant.atlas import Atlas
from reliant.core.verdict import Axis, AxisAnswer, Verdict
from reliant.policy import RuleBook
from reliant.policy.licences import licence_rules
from support.atlas_builder import AtlasBuilder
from support.rules import named, rule

DAY = dt.date(2025, 1, 1)


def _atlas(**terms: Any) -> Atlas:
    return (
        AtlasBuilder().record("licences", "acme", name="Acme Licence", released="2024-01-01", **terms).build()
    )


def _ask(atlas: Atlas, channel: str = "self-hosted", **facts: Any) -> AxisAnswer:
    known = {"model.lineage.licence": ("LicenseRef-acme",), "channel": channel, "licence.granted": False}
    known |= {name.replace("__", "."): value for name, value in facts.items()}
    return RuleBook.from_atlas(atlas).decide(named(known), DAY).axes[Axis.LICENCE]


def test_a_licence_without_restrictions_is_open() -> None:
    assert _ask(_atlas()).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("commercial", "verdict"), [(True, Verdict.BLOCKED), (False, Verdict.OPEN), (None, Verdict.UNKNOWN)]
)
def test_a_non_commercial_licence_asks_for_the_use(commercial: bool | None, verdict: Verdict) -> None:
    atlas = _atlas(limitations=[{"term": "no-commercial-use"}])
    said = {} if commercial is None else {"use__commercial": commercial}
    assert _ask(atlas, **said).verdict is verdict


@pytest.mark.parametrize(("users", "verdict"), [(99, Verdict.OPEN), (101, Verdict.BLOCKED)])
def test_a_licence_may_stop_at_a_number_of_users(users: int, verdict: Verdict) -> None:
    atlas = _atlas(conditions=[{"term": "monthly-users-limit", "users_million": 100}])
    assert _ask(atlas, users__monthly_million=users).verdict is verdict


def test_a_licence_may_leave_out_places_for_users_and_for_the_company() -> None:
    atlas = _atlas(limitations=[{"term": "place-excluded", "places": ["KR", "GB"]}])
    assert _ask(atlas, user__region="KR", company__country="US").verdict is Verdict.BLOCKED
    assert _ask(atlas, user__region="US", company__country="GB").verdict is Verdict.BLOCKED
    assert _ask(atlas, user__region="US", company__country="US").verdict is Verdict.OPEN
    assert _ask(atlas, user__region="US").verdict is Verdict.UNKNOWN


def test_a_duty_makes_it_conditional_until_it_is_met() -> None:
    atlas = _atlas(limitations=[{"term": "no-training-of-other-models"}])
    assert _ask(atlas).verdict is Verdict.CONDITIONAL
    assert _ask(atlas, use__trains_other_models=False).verdict is Verdict.OPEN
    assert _ask(atlas, use__trains_other_models=True).verdict is Verdict.BLOCKED


def test_who_calls_a_hosted_model_is_not_bound_by_the_licence_of_its_weights() -> None:
    atlas = _atlas(limitations=[{"term": "no-commercial-use"}])
    assert _ask(atlas, "direct", use__commercial=True).verdict is Verdict.OPEN


def test_what_nobody_read_may_forbid_and_never_permits() -> None:
    atlas = _atlas(limitations=[{"term": "no-commercial-use", "from_memory": True}], confidence="uncertain")
    answer = _ask(atlas, use__commercial=True)
    assert answer.verdict is Verdict.UNKNOWN
    assert any("not confirmed by any page" in note for note in answer.notes)
    assert _ask(atlas, use__commercial=False).verdict is Verdict.UNKNOWN


def test_a_clause_that_a_record_holds_is_not_made_twice(atlas: Atlas) -> None:
    made = {one.id for one in licence_rules(atlas.licences.values(), atlas.rules.values())}
    assert "licence.llama-3.1.use-policy" in made
    assert "licence.llama-3.1.monthly-users-limit" not in made
    assert "licence.llama-4.place-excluded" not in made


def test_a_licence_was_public_when_its_first_model_came_out() -> None:
    one = rule(
        "licence.acme.x", kind="licence-clause", axis="licence", when={"x": 1}, force={"from": "2024-01-01"}
    )
    book = RuleBook([one])
    assert book.at(DAY, dt.date(2024, 2, 1)).entries
    assert not book.at(DAY, dt.date(2023, 2, 1)).entries
