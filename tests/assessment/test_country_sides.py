"""Sides that overlap, blocs, whose rules hold, and how sure the dates of a way are."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from reliant.assessment.country.ask import CountryQuestion, ask
from reliant.assessment.country.blocs import issuers, members, pair
from reliant.assessment.country.impact import exposures
from reliant.assessment.country.models import Models, from_rows
from reliant.assessment.country.reliance import Sides, reliance
from reliant.assessment.country.use import as_bases, screen
from reliant.atlas.importers import ModelRow, Place
from reliant.core.country import Reach, by_way
from reliant.core.dates import PartialDate
from reliant.errors import UsageError
from reliant.policy import RuleBook
from reliant.report.country import headlines, ways_counted

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.country import Country

CN_US = Sides(frozenset({"CN"}), frozenset({"US"}))
TODAY = dt.date(2026, 11, 20)


def answer(atlas: Atlas, country: str, on: str, day: dt.date = TODAY) -> Country:
    return ask(CountryQuestion(country, on, day), atlas, RuleBook.from_atlas(atlas))


def rows(atlas: Atlas, *told: tuple[str, str, str, tuple[str, ...], str | None]) -> Models:
    """Return models of name, country, day, bases and weights."""
    return from_rows(
        [
            (
                "t",
                [
                    ModelRow(
                        at=Place("test", "t.csv", line),
                        name=name,
                        countries=(country,) if country else (),
                        released=day,
                        base_models=bases,
                        weights=weights,
                    )
                    for line, (name, country, day, bases, weights) in enumerate(told, 2)
                ],
            )
        ],
        atlas,
    )


# Sides


def test_a_country_and_its_bloc_share_no_country(atlas: Atlas) -> None:
    france, rest = pair("FR", "EU", atlas)
    others, back = pair("EU", "FR", atlas)

    assert france.codes == back.codes == ("FR",)
    assert set(rest.codes) == set(others.codes) == set(members("EU", atlas)) - {"FR"}
    assert rest.name == others.name == "European Union without France"


def test_two_blocs_that_overlap_are_asked_without_what_they_share(atlas: Atlas) -> None:
    union, area = pair("EU", "EEA", atlas)

    assert len(union.codes) == 27
    assert set(area.codes) == {"IS", "LI", "NO"}


def test_the_same_countries_are_not_asked_about_themselves(atlas: Atlas) -> None:
    with pytest.raises(UsageError, match="the same countries"):
        pair("EU", "eu", atlas)


@pytest.mark.parametrize(("country", "on"), [("FR", "EU"), ("EU", "FR"), ("HK", "CN"), ("CN", "HK")])
def test_models_of_a_country_are_still_its_own_when_it_is_asked_about_its_bloc(
    atlas: Atlas, country: str, on: str
) -> None:
    result = answer(atlas, country, on)

    assert result.reliance.models > 0
    assert not set(result.country_codes) & set(result.on_codes)
    assert not {row.provider for row in result.access} & {
        one.id for one in atlas.providers.values() if one.hq_country in result.country_codes
    }


# Blocs


def test_a_way_from_a_bloc_counts_once_however_its_members_differ(atlas: Atlas) -> None:
    bloc, member = answer(atlas, "EU", "US"), answer(atlas, "FR", "US")

    assert len(bloc.access) > len(by_way(bloc.access)) == len(member.access)
    assert sum(ways_counted(bloc).values()) == len(member.access)
    assert ways_counted(bloc)["OPEN IN PART"] > 0
    assert f"Of {len(member.access)} ways" in headlines(bloc)[0]
    assert "open from some members, not known or closed from others" in headlines(bloc)[0]
    assert bloc.impact[0].of == len(member.access)


def test_closing_touches_a_way_that_is_open_from_one_member(atlas: Atlas) -> None:
    def way(provider: str, verdict: str, *places: str) -> Reach:
        return Reach(provider, "direct", verdict, None, (), places=places)

    told = [
        way("a", "OPEN", "DE"),
        way("a", "UNKNOWN", "FR"),
        way("b", "BLOCKED", "DE"),
        way("b", "UNKNOWN", "FR"),
        way("c", "BLOCKED", "DE", "FR"),
    ]
    hosted = exposures(told, rows(atlas), CN_US, "X")[0]

    assert (hosted.count, hosted.of) == (1, 3)
    assert (hosted.touched.low, hosted.touched.high) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert hosted.because == "1 is closed already; of 1 it is not known"


def test_a_part_of_a_state_that_is_on_no_list_is_not_called_blocked_where_its_state_is_let_in(
    atlas: Atlas,
) -> None:
    result = ask(CountryQuestion("FR", "US", TODAY, tiles=True), atlas, RuleBook.from_atlas(atlas))

    assert "openai:OPEN" in result.reach_elsewhere["FR"]
    assert "openai:UNKNOWN" in result.reach_elsewhere["RE"]
    assert "openai:BLOCKED" in result.reach_elsewhere["CN"]


def test_each_way_to_a_provider_is_asked_by_its_own_channel(atlas: Atlas) -> None:
    ways: dict[str, set[str]] = {}
    for row in answer(atlas, "CN", "US").access:
        ways.setdefault(row.provider, set()).add(row.channel)

    assert ways["openai"] == {"direct", "app"}
    assert ways["azure-openai"] == {"partner"}


# Whose rules hold


def test_the_rules_of_the_union_hold_in_it_and_in_its_members(atlas: Atlas) -> None:
    assert "EU" in issuers("FR", atlas)
    assert issuers("EU", atlas) >= {"EU", "FR", "IT"}
    assert "EU" not in issuers("US", atlas)
    assert issuers("CN", atlas) == {"CN", "HK", "MO"}
    for country in ("EU", "FR"):
        assert any(row.issuer == "eu.ai-act" for row in answer(atlas, country, "US").stance)


def test_what_an_official_said_is_a_statement_and_never_pending(atlas: Atlas) -> None:
    states = {row.id: row.state for row in answer(atlas, "CN", "US", dt.date(2024, 5, 31)).stance}

    assert states["hk.government.no-chatgpt"] == "statement"
    assert states["cn.cesi.llm-standard"] == "pending"


# How sure a date is


def test_the_day_of_a_first_evidence_is_not_told_as_a_beginning(atlas: Atlas) -> None:
    ways = {(row.provider, row.channel): row for row in answer(atlas, "CN", "US").access}
    openai, xai = ways["openai", "direct"], ways["xai", "direct"]

    assert "provider: enforced since 2024-07-09" in openai.gates
    assert xai.gates[0].startswith("provider: enforced, first seen ")
    assert xai.since_is == "seen"
    assert openai.since == "2023-03-02"  # the network block, before the provider's own
    closed = [row for row in ways.values() if row.verdict == "BLOCKED"]
    assert closed
    for row in closed:
        dates = re.findall(r"\d{4}-\d\d(?:-\d\d)?", "; ".join(row.gates))
        assert row.since == min(dates)
        assert row.since_is in {"began", "seen"}


def test_no_offer_by_a_list_of_places_begins_before_the_first_copy_of_the_list(atlas: Atlas) -> None:
    checked = 0
    for rule in atlas.rules.values():
        test = rule.when.get("user.region") if rule.effect == "allow" and rule.axis == "access" else None
        listed = getattr(test, "in_", None)
        for name in (listed,) if isinstance(listed, str) else listed or ():
            if name in atlas.lists and not name.startswith("groups.") and rule.force and rule.force.from_:
                first = PartialDate.parse(atlas.lists[name].copies[0].not_before)
                assert PartialDate.parse(rule.force.from_).latest >= first.earliest, rule.id
                checked += 1
    assert checked >= 5


# What a cut of weights would touch


def test_a_base_of_which_nobody_knows_the_maker_widens_both_cuts(atlas: Atlas) -> None:
    models = rows(
        atlas,
        ("us-open", "United States of America", "2023-01-01", (), "open"),
        ("on-open", "China", "2023-03-01", ("us-open",), "open"),
        ("on-nobody-s", "China", "2023-03-01", ("a model of nobody",), "open"),
        ("on-both", "China", "2023-03-01", ("us-open", "a model of nobody"), "open"),
        ("blank", "China", "2023-03-01", (), "open"),
    )
    _, closed, opened = exposures((), models, CN_US, "the United States")

    assert (closed.touched.low, closed.touched.high) == (0.0, 0.75)
    assert (opened.touched.low, opened.touched.high) == (0.5, 1.0)
    assert closed.exempt == 0.25
    assert "of 1 no base is recorded; of 1 it is not known who made a base; 4 in all" in closed.because


def test_weights_in_the_middle_of_a_line_are_withheld_too(atlas: Atlas) -> None:
    models = rows(
        atlas,
        ("fr-base", "France", "2023-01-01", (), "open"),
        ("us-tuned", "United States of America", "2023-02-01", ("fr-base",), "closed"),
        ("cn-on-it", "China", "2023-03-01", ("us-tuned",), "open"),
    )
    _, closed, opened = exposures((), models, CN_US, "the United States")

    assert (closed.count, opened.count, closed.of) == (1, 1, 1)


# The screen


def test_a_year_on_three_bases_is_no_reason_to_call_a_country_dependent(atlas: Atlas) -> None:
    few = rows(
        atlas,
        *(
            (f"cn-{year}-{at}", "China", f"{year}-03-01", ("us",), "open")
            for year in (2023, 2024)
            for at in "abc"
        ),
        ("us", "United States of America", "2022-01-01", (), "open"),
    )
    judged = screen(as_bases(few), CN_US, of="bases of models", least=4)
    anyway = screen(as_bases(few), CN_US, of="bases of models")

    assert judged is not None
    assert judged.dependent is None
    assert anyway is not None
    assert anyway.dependent is True


def test_the_last_three_years_are_years_of_the_calendar(atlas: Atlas) -> None:
    apart = rows(
        atlas,
        *(
            (f"cn-{year}-{at}", "China", f"{year}-03-01", ("us",), "open")
            for year in (2019, 2024)
            for at in "abcd"
        ),
        ("us", "United States of America", "2018-01-01", (), "open"),
    )
    judged = screen(as_bases(apart), CN_US, of="bases of models")

    assert judged is not None
    assert judged.dependent is False


# Roots


def test_a_line_through_the_other_country_that_begins_nowhere_known_may_begin_there(atlas: Atlas) -> None:
    found = reliance(
        rows(
            atlas,
            ("us-tuned", "United States of America", "2023-02-01", ("a model of nobody",), "open"),
            ("cn-on-it", "China", "2023-03-01", ("us-tuned",), "open"),
        ),
        CN_US,
    )

    assert (found.look_through.low, found.look_through.high) == (1.0, 1.0)
    assert (found.root.low, found.root.high) == (0.0, 1.0)
