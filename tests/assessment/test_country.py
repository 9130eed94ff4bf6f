"""One country on another, from data sets and from the atlas."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reliant.assessment.country.ask import CountryQuestion, ask
from reliant.assessment.country.blocs import CountryNames, members
from reliant.assessment.country.models import Models, family, from_atlas, from_rows
from reliant.assessment.country.reliance import Sides, reliance
from reliant.assessment.country.scenario import exposure
from reliant.atlas.importers import ModelRow, Place, read
from reliant.errors import UsageError
from reliant.policy import RuleBook
from reliant.policy.scenario import find_scenario

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.country import Country, Exposure, Half

CN_US = Sides(frozenset({"CN", "HK", "MO"}), frozenset({"US"}))
EPOCH = (
    "epoch_all_ai_models_2025-03.csv",
    "epoch_notable_ai_models_2026-01.csv",
    "epoch_large_scale_ai_models_2026-01.csv",
)

# What differs from the published half-year table, each by its row.
EXPLAINED = {
    ("2022H1", "root_US"): "OntoProtein rests on ProtBERT-BFD, made by both countries, which counts in both",
    ("2022H1", "root_CN"): "the same model",
    ("2022H1", "root_other"): "the same model",
    ("2022H2", "models"): "Vega v2 has a US co-author in the newer table and is set aside as joint",
    ("2022H2", "root_other"): "AR-LDM and Taiyi-Stable Diffusion rest on Stable Diffusion 1.2, in no row",
    ("2022H2", "root_unresolved"): "the same two",
}


def _row(name: str, country: str, released: str, *bases: str, weights: str = "open") -> ModelRow:
    return ModelRow(
        at=Place("test", "t.csv", 1),
        name=name,
        countries=(country,) if country else (),
        released=released,
        base_models=bases,
        weights=weights,
    )


@pytest.fixture(scope="session")
def epoch(shared: Path, atlas: Atlas) -> Models:
    """The union of three tables of Epoch AI."""
    folder = shared / "data"
    rows = ((file, tuple(read("epoch", folder / file))) for file in EPOCH)
    return from_rows(
        [(name, [row for row in several if isinstance(row, ModelRow)]) for name, several in rows], atlas
    )


def test_the_half_year_table_is_reproduced_within_one_model_or_a_named_row(
    shared: Path, epoch: Models
) -> None:
    with (shared / "data" / "epoch_lineage_by_halfyear.csv").open() as file:
        published = {row["half"]: row for row in csv.DictReader(file) if row["developer"] == "CN"}
    found = {half.half: half for half in reliance(epoch, CN_US).halves}

    apart = {}
    for half, row in published.items():
        for name, value in _cells(found[half]).items():
            if value != int(row[name]):
                apart[half, name] = (value, int(row[name]))

    assert set(apart) <= set(EXPLAINED)
    beyond = {cell: both for cell, both in apart.items() if abs(both[0] - both[1]) > 1}
    assert set(beyond) == {("2022H2", "root_other"), ("2022H2", "root_unresolved")}


def _cells(half: Half) -> dict[str, int]:
    return {
        "models": half.models,
        "base_known": half.base_known,
        "root_US": half.root_on,
        "root_CN": half.root_home,
        "root_other": half.root_other,
        "root_unresolved": half.root_unknown,
    }


def test_the_rows_that_explain_a_difference_are_what_they_are_said_to_be(epoch: Models) -> None:
    assert epoch.rows["Vega v2"].countries >= {"CN", "US"}
    for name in ("AR-LDM", "Taiyi-Stable Diffusion"):
        assert [root.name for root in epoch.roots(epoch.rows[name])] == ["Stable Diffusion 1.2"]
        assert not epoch.roots(epoch.rows[name])[0].countries
    both = [
        made.name
        for made in epoch.rows.values()
        if made.half == "2022H1"
        and CN_US.own(made)
        and any(root.countries >= {"CN", "US"} for root in epoch.roots(made))
    ]
    assert both == ["OntoProtein"]


def test_the_dependence_turned_round_between_2023_and_2025(epoch: Models) -> None:
    found = {half.half: half for half in reliance(epoch, CN_US).halves}

    assert found["2023H1"].share_of_known == 1.0
    assert found["2025H1"].share_of_known == pytest.approx(1 / 13)
    assert found["2023H1"].floor == pytest.approx(9 / 29)


def test_the_reverse_shows_models_elsewhere_that_rest_on_chinese_ones(epoch: Models) -> None:
    back = Sides(CN_US.on, CN_US.home)
    found = {half.half: half for half in reliance(epoch, back).halves}

    assert found["2022H2"].root_on == 0
    assert found["2024H2"].root_on > 0


def test_a_day_hides_what_was_made_later(atlas: Atlas) -> None:
    models = from_rows(
        [
            (
                "t",
                [_row("a", "China", "2024-05-31"), _row("b", "China", "2024-06"), _row("c", "China", "2024")],
            )
        ],
        atlas,
    )

    assert set(models.until(dt.date(2024, 5, 31)).rows) == {"a"}
    assert set(models.until(dt.date(2024, 6, 30)).rows) == {"a", "b"}


def test_a_blank_base_widens_the_interval_and_is_no_home_root(atlas: Atlas) -> None:
    models = from_rows(
        [
            (
                "t",
                [
                    _row("llama", "United States of America", "2023-02-24"),
                    _row("zh-alpaca", "China", "2023-04-01", "llama"),
                    _row("blank", "China", "2023-05-01"),
                ],
            )
        ],
        atlas,
    )
    found = reliance(models, CN_US)
    (half,) = found.halves

    assert (half.models, half.base_known, half.root_on, half.root_home) == (2, 1, 1, 0)
    assert (half.share_of_known, half.floor) == (1.0, 0.5)
    assert (found.look_through.low, found.look_through.high, found.unknown) == (0.5, 1.0, 0.5)


def test_a_model_made_by_both_countries_is_set_aside(atlas: Atlas) -> None:
    both = ModelRow(
        at=Place("test", "t.csv", 1),
        name="both",
        countries=("China", "United States of America"),
        released="2023-04-01",
    )
    found = reliance(from_rows([("t", [both, _row("own", "China", "2023-04-01")])], atlas), CN_US)

    assert (found.models, found.halves[0].joint, found.face_value.low) == (1, 1, 0.5)


def test_descent_in_a_circle_ends(atlas: Atlas) -> None:
    models = from_rows(
        [("t", [_row("a", "China", "2023-04-01", "b"), _row("b", "China", "2023-04-01", "a")])], atlas
    )

    assert reliance(models, CN_US).halves[0].root_on == 0


def test_the_newer_data_set_wins_where_two_know_a_value(atlas: Atlas) -> None:
    old = ("old", [_row("a", "China", "2023-04-01", "x", weights="closed"), _row("z", "China", "2023-05-01")])
    new = ("new", [_row("a", "", "2023-04-02", "y"), _row("q", "China", "2025-01-01")])

    made = from_rows([new, old], atlas).rows["a"]

    assert (made.parents, made.weights, made.countries) == (("y",), "open", frozenset({"CN"}))


def test_a_family_name_leaves_out_sizes_and_versions() -> None:
    assert family("Stable Diffusion 1.2") == family("Stable Diffusion (LDM-KL-8-G)") == "stable diffusion"
    assert family("Qwen2.5-72B") != family("Llama 2-7B")


def test_names_of_countries_in_data_sets_become_codes(atlas: Atlas) -> None:
    names = CountryNames(atlas)

    assert names.code("Korea (Republic of)") == "KR"
    assert names.code("United States of America") == "US"
    assert names.code("Multinational") is None


def test_a_bloc_stands_for_its_members_and_nonsense_for_nothing(atlas: Atlas) -> None:
    assert len(members("eu", atlas)) == 27
    assert members("FR", atlas) == ("FR",)
    with pytest.raises(UsageError):
        members("XY", atlas)


def test_yi_has_the_blueprint_of_llama_and_not_its_weights(atlas: Atlas) -> None:
    models = from_atlas(atlas)
    yi = next(made for made in models.rows.values() if made.name.endswith(".yi-34b"))

    assert any("llama" in name for name in yi.blueprints)
    assert not any("llama" in origin.name for origin in models.ancestors(yi))


@pytest.fixture(scope="module")
def may_2024(atlas: Atlas) -> Country:
    """The question of the press in May 2024."""
    return ask(CountryQuestion("CN", "US", dt.date(2024, 5, 31)), atlas, RuleBook.from_atlas(atlas))


def test_in_may_2024_openai_is_closed_to_china_and_the_partner_cloud_is_not(may_2024: Country) -> None:
    ways = {(row.provider, row.channel): row for row in may_2024.access}

    assert ways["openai", "direct"].verdict == "BLOCKED"
    assert ways["openai", "direct"].sources
    assert ways["azure-openai", "partner"].verdict != "BLOCKED"


def test_nothing_later_than_the_day_shows_in_the_stance(may_2024: Country) -> None:
    dates = [row.since for row in may_2024.stance if row.since]

    assert dates
    assert max(dates) <= "2024-05-31"
    assert any(row.count == 40 and row.count_is == "at-least" for row in may_2024.stance)


def test_open_weights_are_exempt_from_a_rule_on_closed_ones(may_2024: Country) -> None:
    hosted, closed, opened = may_2024.impact

    assert closed.touched.low <= opened.touched.low
    assert closed.exempt > 0
    assert hosted.of == len(may_2024.access)


def test_every_source_that_is_cited_is_in_the_result(may_2024: Country) -> None:
    ids = {source.id for source in may_2024.sources}

    for row in (*may_2024.access, *may_2024.stance):
        assert set(row.sources) <= ids


def test_a_bloc_has_one_row_where_its_members_agree_and_names_them_where_not(atlas: Atlas) -> None:
    result = ask(CountryQuestion("EU", "US", dt.date(2023, 4, 15)), atlas, RuleBook.from_atlas(atlas))

    ways: dict[tuple[str, str], list[str]] = {}
    for row in result.access:
        ways.setdefault((row.provider, row.channel), []).extend(row.places)
    for places in ways.values():
        assert sorted(places) == sorted(result.country_codes)


@pytest.mark.parametrize(("home", "on"), [("US", "CN"), ("JP", "US")])
def test_any_pair_and_bloc_can_be_asked(atlas: Atlas, home: str, on: str) -> None:
    result = ask(CountryQuestion(home, on, dt.date(2026, 6, 30)), atlas, RuleBook.from_atlas(atlas))

    assert result.reliance.models > 0
    assert result.reliance.look_through.low <= result.reliance.look_through.high


def test_the_planned_rule_on_closed_weights_leaves_open_ones_alone_and_begins_on_its_day(
    atlas: Atlas,
) -> None:
    rules = RuleBook.from_atlas(atlas)
    scenario = find_scenario("closed-weight-guardrails-2024", atlas)

    def touched(day: dt.date, home: str = "CN") -> Exposure:
        return exposure(scenario, atlas, rules, home=(home,), on=("US",), as_of=day)

    before, after = touched(dt.date(2024, 5, 7)), touched(dt.date(2024, 6, 1))

    assert before.count == 0
    assert 0 < before.exempt < 1  # closed weights that no rule touches yet are not exempt
    assert 0 < after.count < after.of
    assert after.exempt > 0
    assert touched(dt.date(2024, 6, 1), "JP").count == 0
