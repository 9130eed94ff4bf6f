"""Measures of a country beside the half-year table: shares, downloads, and what was known on a day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from reliant.assessment.country.ask import CountryQuestion, ask
from reliant.assessment.country.models import Models, from_rows
from reliant.assessment.country.reliance import Sides, reliance
from reliant.atlas.importers import ModelRow, read
from reliant.cli.country import country
from reliant.policy import RuleBook

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.country import Country

CN_US = Sides(frozenset({"CN", "HK", "MO"}), frozenset({"US"}))

# The worked mini-hub, as a table of one's own.
MINI = """name,countries,released,base_models,downloads
llama2-7b,US,2023-07-18,,100
llama2-13b,US,2023-07-18,,50
cn-a,CN,2023-08-01,llama2-13b,40
baichuan2,CN,2023-09-06,,30
zh-alpaca,CN,2023-08-01,llama2-7b,60
qwen-7b,CN,2023-08-03,,80
merge-x,CN,2024-02-01,"zh-alpaca, qwen-7b",20
"""


@pytest.fixture
def mini(tmp_path: Path, atlas: Atlas) -> Models:
    """The mini-hub, read by the importer of one's own tables."""
    file = tmp_path / "mini.csv"
    file.write_text(MINI, encoding="utf-8")
    rows = [row for row in read("own", file) if isinstance(row, ModelRow)]
    return from_rows([("mini.csv", rows)], atlas)


def test_the_worked_shares_by_count_and_by_downloads(mini: Models) -> None:
    found = reliance(mini, CN_US)

    assert (found.models, found.look_through.low) == (5, 0.6)
    assert found.by_downloads is not None
    assert (found.by_downloads.models, found.by_downloads.downloads) == (5, 230)
    assert found.by_downloads.look_through.low == pytest.approx(120 / 230)
    assert found.face_value.low == found.by_downloads.face_value.low == 0


def test_lines_that_all_begin_at_home_are_counted_apart_from_those_that_do_in_part(mini: Models) -> None:
    found = reliance(mini, CN_US)

    assert found.home_rooted is not None  # merge-x rests on both; two have no recorded base
    assert (found.home_rooted.low, found.home_rooted.high) == (0.0, 0.4)


def test_the_share_form_sums_to_one_and_follows_its_rule(mini: Models) -> None:
    passed_on, half_kept = reliance(mini, CN_US).kept

    assert sum(passed_on.shares.values()) == pytest.approx(1)
    assert sum(half_kept.shares.values()) == pytest.approx(1)
    # Two models rest wholly on the US and one by half; of the two blank ones nothing is known.
    assert passed_on.shares["on"] == pytest.approx((1 + 1 + 0.5) / 5)
    assert passed_on.shares["unknown"] == pytest.approx(2 / 5)
    assert half_kept.shares["on"] == pytest.approx((0.5 + 0.5 + 0.125) / 5)


def test_a_data_set_without_downloads_says_so_instead_of_weighing(atlas: Atlas) -> None:
    result = ask(CountryQuestion("CN", "US", dt.date(2024, 5, 31)), atlas, RuleBook.from_atlas(atlas))

    assert result.reliance.by_downloads is None
    assert any("the atlas tells no downloads" in remark for remark in result.reliance.remarks)


def test_downloads_reach_the_page_the_terminal_and_the_json(tmp_path: Path) -> None:
    file = tmp_path / "mini.csv"
    file.write_text(MINI, encoding="utf-8")
    asked = ["CN", "--on", "US", "--as-of", "2024-05-31", "--data", str(file), "--format"]

    shown = {style: CliRunner().invoke(country, [*asked, style]) for style in ("terminal", "json", "html")}

    assert "By downloads (230 in all, of 5 of 5 models)" in " ".join(shown["terminal"].output.split())
    assert '"by_downloads"' in shown["json"].output
    assert "downloads.csv" in shown["html"].output


def _ways(atlas: Atlas, country: str, day: dt.date, known_on: dt.date | None = None) -> Country:
    return ask(CountryQuestion(country, "US", day, known_on=known_on), atlas, RuleBook.from_atlas(atlas))


def test_a_firm_of_a_listed_country_finds_providers_open(atlas: Atlas) -> None:
    ways = {
        (row.provider, row.channel): row.verdict for row in _ways(atlas, "FR", dt.date(2026, 6, 1)).access
    }

    assert ways["openai", "direct"] == ways["anthropic", "direct"] == "OPEN"


def test_the_answer_says_whom_it_is_asked_for(atlas: Atlas) -> None:
    assert "owned there" in _ways(atlas, "FR", dt.date(2026, 6, 1)).assumptions[0]


def test_what_was_published_later_is_hidden(atlas: Atlas) -> None:
    day = dt.date(2024, 5, 31)
    now, then = _ways(atlas, "CN", day), _ways(atlas, "CN", day, known_on=day)

    assert then.known_on == "2024-05-31"
    assert then.reliance.base_known < now.reliance.base_known
    earlier = _ways(atlas, "CN", day, known_on=dt.date(2023, 12, 31))
    assert {row.id for row in earlier.stance} < {row.id for row in now.stance}
    assert {source.published for source in then.sources if source.published} <= {
        source.published for source in now.sources if source.published
    }
