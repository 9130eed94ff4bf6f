"""`reliant country` on the atlas and on a small table."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from reliant.cli.country import country
from reliant.errors import ReliantError, UsageError

TABLE = """\
Model,Organization,Publication date,Country (of organization),Base model,Domain,Model accessibility
LLaMA-65B,Meta AI,2023-02-24,United States of America,,Language,Open weights (non-commercial)
Alpha,A Lab,2023-04-01,China,LLaMA-65B,Language,Open weights (unrestricted)
Beta,B Lab,2023-05-01,China,,Language,Unreleased
Gamma,C Lab,2024-08-01,China,Beta,Language,Open weights (unrestricted)
<b>Delta</b>,D Lab,2024-09-01,China,LLaMA-65B,Language,Open weights (unrestricted)
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Five models, one with a name that is markup."""
    file = tmp_path / "models.csv"
    file.write_text(TABLE)
    return file


def run(*arguments: str | Path) -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(country, list(map(str, arguments)), catch_exceptions=False)
    return result.stdout


def test_the_json_has_the_fields_of_the_contract(table: Path) -> None:
    found = json.loads(run("CN", "--on", "US", "--as-of", "2024-12", "--data", table, "--format", "json"))

    assert found["schema"] == "reliant.country/1"
    assert (found["country"], found["on"], found["as_of"]) == ("CN", "US", "2024-12-31")
    assert set(found["access"][0]) >= {"provider", "channel", "verdict", "since", "sources"}
    halves = found["reliance"]["halves"]
    assert [(half["half"], half["models"], half["root_on"], half["root_home"]) for half in halves] == [
        ("2023H1", 2, 1, 0),
        ("2024H2", 2, 1, 1),
    ]
    assert halves[0]["share_of_known"] == 1.0
    assert halves[0]["floor"] == 0.5
    assert {"face_value", "look_through", "unknown"} <= set(found["reliance"])


def test_the_csv_has_one_line_for_each_half_year(table: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("CN", "--on", "US", "--data", table, "--format", "csv"))))

    assert [(row["half"], row["share_of_known"], row["floor"]) for row in rows] == [
        ("2023H1", "1.0000", "0.5000"),
        ("2024H2", "0.5000", "0.5000"),
    ]


def test_the_screen_keeps_to_eighty_columns_and_prints_what_is_blank(table: Path) -> None:
    shown = run("CN", "--on", "US", "--as-of", "2024-12", "--data", table)

    assert max(map(len, shown.splitlines())) <= 80
    assert "Of 25 % nobody recorded" in " ".join(shown.split())


def test_the_page_needs_no_script_and_escapes_what_a_table_says(table: Path) -> None:
    page = run("CN", "--on", "US", "--as-of", "2024-12", "--data", table, "--format", "html")

    assert "<script" not in page
    assert "<b>Delta" not in page
    assert "&lt;b&gt;Delta" in page
    assert page.count("Table of this figure") == page.count("<figure")
    assert not re.findall(r'(?:src|href)="(?!#|data:|https?://)', page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_a_country_cannot_be_asked_about_itself() -> None:
    with pytest.raises(UsageError):
        run("CN", "--on", "cn")


def test_a_name_that_is_no_country_is_refused() -> None:
    with pytest.raises(UsageError):
        run("XX", "--on", "US")


def test_a_file_that_is_no_table_of_models_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")

    with pytest.raises(ReliantError):
        run("CN", "--on", "US", "--data", tmp_path / "x.csv")


def test_the_same_question_gives_the_same_bytes(table: Path) -> None:
    once = run("EU", "--on", "US", "--as-of", "2025-06", "--format", "json")

    assert once == run("EU", "--on", "US", "--as-of", "2025-06", "--format", "json")


def test_a_hub_is_asked_with_the_same_words(tmp_path: Path) -> None:
    import polars as pl

    pl.DataFrame({"id": ["a", "b", "c"], "origin": ["US", "CN", "CN"]}).write_parquet(tmp_path / "m.parquet")
    pl.DataFrame({"child": ["b"], "parent": ["a"], "kind": ["weights"]}).write_parquet(tmp_path / "e.parquet")
    files = ("--data", tmp_path / "m.parquet", "--data", tmp_path / "e.parquet")

    found = json.loads(run("CN", "--on", "US", *files, "--format", "json"))["reliance"]

    assert (found["models"], found["look_through"]) == (2, {"low": 0.5, "high": 1.0})
    with pytest.raises(UsageError):
        run("CN", "--on", "US", *files[:2])


def _asked(*arguments: str) -> str:
    from reliant.cli.main import cli

    done = CliRunner().invoke(cli, ["country", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_a_country_is_asked_by_its_name_as_well() -> None:
    assert _asked("china", "--on", "United States", "--as-of", "2024-05") == _asked(
        "CN", "--on", "US", "--as-of", "2024-05"
    )


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("XX", "ISO 3166"), ("Chna", "China (CN)"), ("Frnace", "France (FR)"), ("", "ISO 3166")],
)
def test_what_is_no_country_is_said_so_with_what_may_be_meant(asked: str, hint: str) -> None:
    for arguments in ((asked, "--on", "US"), ("CN", "--on", asked)):
        with pytest.raises(UsageError, match="is no country or bloc") as raised:
            _asked(*arguments)
        assert hint in raised.value.hint


def test_a_day_before_the_atlas_is_said_to_be_one() -> None:
    told = _asked("CN", "--on", "US", "--as-of", "1999-01")

    assert "none is recorded as open or closed" in told
    assert "The models of the atlas begin at 2018" in told
    assert "none with a date by then" in told


def test_rows_that_cannot_be_counted_are_named(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text(
        "name,countries,released,base_models\nA,US,2023-01,\nB,Chinaa,2023-05,A\n,CN,2023-06,A\nD,CN,never,A\n"
        "E,CN,2024-01,A\n"
    )
    told = _asked("CN", "--on", "US", "--data", str(table))

    assert "1 of a country that is not known (Chinaa in own.csv:3)" in told
    assert "1 without a name (own.csv:4)" in told
    assert "1 with a date that is none (never in own.csv:5)" in told
    assert "Of 1 model made in China, 100 % descend" in told


def test_a_name_that_stands_twice_in_one_table_is_named_with_both_places(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("name,countries,released,base_models\nA,CN,2023-05,\nB,CN,2023-06,A\nA,CN,2024-01,B\n")
    told = _asked("CN", "--on", "US", "--data", str(table))

    assert "Rows of one name are read as one model, the later one first: A (own.csv:2 and own.csv:4)." in told


def test_an_origin_of_a_hub_that_is_no_country_is_refused(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="the extra `country` is not installed")
    models, edges = tmp_path / "models.parquet", tmp_path / "edges.parquet"
    polars.DataFrame({"id": ["a", "b"], "origin": ["USA", "CN"]}).write_parquet(models)
    polars.DataFrame({"child": ["b"], "parent": ["a"], "kind": ["weights"]}).write_parquet(edges)

    with pytest.raises(UsageError, match="'USA', which is no country") as raised:
        _asked("CN", "--on", "US", "--data", str(models), "--data", str(edges))
    assert "ISO 3166" in raised.value.hint


def test_bases_in_a_circle_begin_nowhere_that_is_known(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("name,countries,released,base_models\nA,CN,2023-05,A\nB,CN,2023-06,C\nC,CN,2023-07,B\n")
    told = _asked("CN", "--on", "US", "--data", str(table))

    assert "A, B, C lead back to themselves" in told
    assert "All lines begin in China: 0 to 100 %" in told
    assert "0 to 100 % descend from a model made in the United States" in told


def test_a_table_that_is_none_is_told_what_it_needs(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("nam,country\nA,US\n")
    with pytest.raises(UsageError, match="looks like none") as raised:
        _asked("CN", "--on", "US", "--data", str(table))
    assert "a header: name" in raised.value.hint
    assert "--kind" not in raised.value.hint


def test_every_source_that_a_line_of_the_screen_cites_is_listed_under_it() -> None:
    for asked in (["CN", "--on", "US"], ["EU", "--on", "US"], ["US", "--on", "KE"]):
        shown = CliRunner().invoke(country, [*asked, "--as-of", "2026-11-20"]).output
        above, _, below = shown.partition("SOURCES")

        cited = set(re.findall(r"\[(\d+)\]", above))
        assert cited
        assert cited == set(re.findall(r"^  \[(\d+)\]", below, re.MULTILINE))
        assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("said", "meant"), [("usa", "US"), ("UK", "GB"), ("uae", "AE"), ("South Korea", "KR")]
)
def test_a_country_is_known_by_the_name_people_write(said: str, meant: str) -> None:
    asked = ["--on", "CN", "--as-of", "2026-11-20", "--format", "json"]

    assert json.loads(CliRunner().invoke(country, [said, *asked]).output)["country"] == meant


def test_a_country_without_providers_leaves_nothing_to_close() -> None:
    shown = CliRunner().invoke(country, ["US", "--on", "KE", "--as-of", "2026-11-20"]).output

    assert "every hosted service of Kenya closes: there are no ways to a provider" in " ".join(shown.split())
    assert "0 of 0" not in shown


def test_a_table_without_countries_is_told_why_nothing_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    file.write_text("name,released\none,2024-01-01\ntwo,2024-01-01\nthree,\nfour,2024\n", encoding="utf-8")

    shown = (
        CliRunner().invoke(country, ["CN", "--on", "US", "--as-of", "2026-11-20", "--data", str(file)]).output
    )

    said = (
        "Models that are not counted: 3 without a country, 1 without a date, 1 without a month in their date."
    )
    assert said in " ".join(shown.split())


def test_a_turn_is_named_with_its_counts_and_the_half_year_since_which_it_holds(tmp_path: Path) -> None:
    halves = {"2023-03": 4, "2023-09": 3, "2024-03": 1, "2024-09": 0}
    lines = ["name,countries,released,base_models", "Foreign,US,2022-01-01,", "Own,CN,2022-01-01,"]
    for month, foreign in halves.items():
        lines += [f"m{month}-{at},CN,{month}-01,{'Foreign' if at < foreign else 'Own'}" for at in range(4)]
    file = tmp_path / "turn.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    shown = (
        CliRunner().invoke(country, ["CN", "--on", "US", "--as-of", "2024-12-31", "--data", str(file)]).output
    )
    text = " ".join(shown.split())

    assert (
        "The dependence turned round: of models with a recorded base, those with a root in the United States "
        "went from 100 % in 2023H1 (4 of 4) to 0 % in 2024H2 (0 of 4), and are under half since 2024H1."
    ) in text

    out = (
        CliRunner()
        .invoke(
            country, ["CN", "--on", "US", "--as-of", "2024-12-31", "--data", str(file), "--format", "csv"]
        )
        .output
    )
    told = [(row["half"], row["root_on"], row["root_home"]) for row in csv.DictReader(io.StringIO(out))]
    assert told[1:] == [
        ("2023H1", "4", "0"),
        ("2023H2", "3", "1"),
        ("2024H1", "1", "3"),
        ("2024H2", "0", "4"),
    ]


def test_the_trees_are_of_models_with_a_root_in_the_other_country_only(tmp_path: Path) -> None:
    file = tmp_path / "trees.csv"
    file.write_text(
        "name,countries,released,base_models\nForeign,US,2022-01-01,\nOwn,CN,2022-01-01,\n"
        "On-foreign,CN,2023-01-01,Foreign\nOn-own,CN,2023-01-01,Own\n",
        encoding="utf-8",
    )
    asked = ["CN", "--on", "US", "--as-of", "2024-12-31", "--data", str(file), "--format", "html"]

    page = CliRunner().invoke(country, asked).output
    trees = page[page.index('id="fig-trees"') :].partition("</figure>")[0]

    assert "On-foreign" in trees
    assert "On-own" not in trees
