"""Use by origin: face value, the screen for strategic dependence, and what a rule covers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reliant.assessment.country.ask import CountryQuestion, ask
from reliant.assessment.country.models import from_rows
from reliant.assessment.country.reliance import Sides
from reliant.assessment.country.use import as_bases, is_use, origins, read_use, screen, use_exposures
from reliant.atlas.importers import ModelRow, Place, read
from reliant.errors import ConfigError
from reliant.policy import RuleBook
from reliant.policy.scenario import find_scenario

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.country import Country

CN_US = Sides(frozenset({"CN", "HK", "MO"}), frozenset({"US"}))

# The worked screen: 1,400 used in CN, of which 1,000 from abroad, and 250 of its own used elsewhere.
DEPENDENT = "{0},CN,US,700,closed\n{0},CN,FR,200,\n{0},CN,KR,100,\n{0},CN,CN,400,open\n{0},JP,CN,250,\n"
SPREAD = "{0},CN,US,340,\n{0},CN,FR,330,\n{0},CN,KR,330,\n{0},CN,CN,400,\n{0},JP,CN,250,\n"
HEADER = "year,used_in,origin,amount,weights\n"


def _table(folder: Path, *years: str) -> Path:
    file = folder / "use.csv"
    file.write_text(HEADER + "".join(years), encoding="utf-8")
    return file


def test_a_table_of_use_is_told_by_its_header(tmp_path: Path) -> None:
    assert is_use(_table(tmp_path, DEPENDENT.format(2024)))
    (tmp_path / "other.csv").write_text("name,released\n", encoding="utf-8")
    assert not is_use(tmp_path / "other.csv")


def test_the_worked_year_sets_all_three_flags_and_an_even_one_does_not(tmp_path: Path, atlas: Atlas) -> None:
    rows = read_use(_table(tmp_path, DEPENDENT.format(2023), SPREAD.format(2024)), atlas)

    found = screen(rows, CN_US, of="use")

    assert found is not None
    first, second = found.years
    assert (first.index, first.foreign_share) == (pytest.approx(0.54), pytest.approx(1000 / 1400))
    assert (first.to_exports, first.ticks, first.dependent) == (4.0, (True, True, True), True)
    assert second.index == pytest.approx(0.3334)
    assert (second.ticks, second.dependent) == ((False, True, True), False)
    assert found.dependent is False


def test_two_dependent_years_of_the_last_three_are_a_dependency_and_one_year_alone_says_nothing(
    tmp_path: Path, atlas: Atlas
) -> None:
    table = _table(tmp_path, DEPENDENT.format(2022), SPREAD.format(2023), DEPENDENT.format(2024))
    three = screen(read_use(table, atlas), CN_US, of="use")
    one = screen(read_use(_table(tmp_path, DEPENDENT.format(2024)), atlas), CN_US, of="use")

    assert three is not None
    assert three.dependent is True
    assert one is not None
    assert one.dependent is None


def test_without_use_abroad_the_third_figure_is_not_a_number_and_its_flag_is_set(
    tmp_path: Path, atlas: Atlas
) -> None:
    found = screen(read_use(_table(tmp_path, "2024,CN,US,10,\n"), atlas), CN_US, of="use")

    assert found is not None
    assert (found.years[0].to_exports, found.years[0].ticks[2]) == (None, True)


def test_closed_use_is_covered_open_use_is_exempt_and_the_unknown_widens_the_share(
    tmp_path: Path, atlas: Atlas
) -> None:
    told = "2024,CN,US,40,closed\n2024,CN,US,30,open\n2024,CN,US,5,\n2024,CN,CN,20,\n2024,CN,,5,\n"
    (used,) = origins(read_use(_table(tmp_path, told), atlas), CN_US, data="use.csv", until=2024)

    closed, every = use_exposures(used, "the United States")

    assert (used.whole, used.on, used.home, used.unknown) == (100, 75, 20, 5)
    assert (closed.touched.low, closed.touched.high, closed.exempt) == (0.4, 0.5, 0.3)
    assert (every.touched.low, every.touched.high) == (0.75, 0.8)


def test_a_scenario_of_rules_is_asked_row_by_row_and_covers_nothing_before_its_day(
    tmp_path: Path, atlas: Atlas
) -> None:
    told = "2024,CN,US,40,closed\n2024,CN,US,35,open\n2024,CN,CN,25,closed\n2025,CN,CN,25,closed\n"
    rows = read_use(_table(tmp_path, told), atlas)
    rules = RuleBook.from_atlas(atlas)

    def touched(day: dt.date) -> float:
        question = CountryQuestion(
            "CN",
            "US",
            day,
            use=(("use.csv", rows),),
            scenarios=(find_scenario("closed-weight-guardrails-2024", atlas),),
        )
        found = [one for one in ask(question, atlas, rules).impact if one.whole.startswith("use in")]
        return next(one.touched.low for one in found if one.scenario.startswith("scenario"))

    assert touched(dt.date(2024, 6, 1)) == 0.4
    assert touched(dt.date(2024, 5, 7)) == 0.0


@pytest.mark.parametrize(
    "row",
    [
        "2024,Atlantis,US,1,\n",
        "2024,CN,Atlantis,1,\n",
        "2024,CN,US,much,\n",
        "2024,CN,US,-1,\n",
        "2024,CN,US,nan,\n",
        "2024,CN,US,1e999,\n",
        "now,CN,US,1,\n",
        "\uff12\uff10\uff12\uff14,CN,US,1,\n",
        "2024,CN,US,1,half\n",
        "2024,CN,US,1,200,open\n",
        "2024,CN\n",
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path, atlas: Atlas, row: str) -> None:
    with pytest.raises(ConfigError) as told:
        read_use(_table(tmp_path, "2024,CN,US,1,\n", row), atlas)

    assert "use.csv:3" in str(told.value)
    assert told.value.hint


def test_a_table_of_use_in_another_encoding_is_refused(tmp_path: Path, atlas: Atlas) -> None:
    file = tmp_path / "use.csv"
    file.write_bytes(
        "year,used_in,origin,amount\n2024,CN,US,1\n2024,CN,C\u00f4te d'Ivoire,1\n".encode("latin-1")
    )

    with pytest.raises(ConfigError, match=r"use\.csv.*cannot be read") as told:
        read_use(file, atlas)
    assert told.value.hint == "Save it as UTF-8."


def _model(name: str, country: str, released: str, *bases: str) -> ModelRow:
    return ModelRow(
        at=Place("test", "t.csv", 1),
        name=name,
        countries=(country,),
        released=released,
        base_models=bases,
    )


def test_what_models_are_built_on_counts_as_use_of_the_countries_of_its_roots(atlas: Atlas) -> None:
    models = from_rows(
        [
            (
                "t",
                [
                    _model("llama", "United States of America", "2023-02-24"),
                    _model("qwen", "China", "2023-08-03"),
                    _model("zh-alpaca", "China", "2023-04-01", "llama"),
                    _model("merge", "China", "2024-02-01", "zh-alpaca", "qwen"),
                    _model("abroad", "Japan", "2024-03-01", "qwen"),
                ],
            )
        ],
        atlas,
    )
    found = screen(as_bases(models), CN_US, of="bases")

    assert found is not None
    told = {year.year: (year.imports, year.home, year.exports) for year in found.years}
    assert told == {"2023": ({"US": 1.0}, 0.0, 0.0), "2024": ({"US": 0.5}, 0.5, 1.0)}


@pytest.fixture(scope="module")
def epoch_screen(shared: Path, atlas: Atlas) -> Country:
    """China on the United States, over three tables of Epoch AI."""
    names = (
        "epoch_all_ai_models_2025-03.csv",
        "epoch_notable_ai_models_2026-01.csv",
        "epoch_large_scale_ai_models_2026-01.csv",
    )
    files = tuple(
        (name, tuple(row for row in read("epoch", shared / "data" / name) if isinstance(row, ModelRow)))
        for name in names
    )
    question = CountryQuestion("CN", "US", dt.date(2025, 12, 31), files)
    return ask(question, atlas, RuleBook.from_atlas(atlas))


def test_bases_of_chinese_models_were_a_strategic_dependency_until_2023_and_are_none_since(
    epoch_screen: Country,
) -> None:
    (found,) = epoch_screen.screens
    dependent = {year.year: year.dependent for year in found.years}

    assert (dependent["2022"], dependent["2023"]) == (True, True)
    assert (dependent["2024"], dependent["2025"]) == (False, False)
    assert found.dependent is False
