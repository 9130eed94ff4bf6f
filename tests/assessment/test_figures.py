"""Every number of an answer has an explanation, and its rows give the number that was printed."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner

from reliant.assessment import assess_figures
from reliant.assessment.country.ask import ask
from reliant.assessment.country.figures import CountryFigures, unit_of
from reliant.assessment.figures import keys, numbers, resolve, worked_out, written
from reliant.atlas import Atlas
from reliant.cli._run import look
from reliant.cli.country import question_of
from reliant.cli.main import cli
from reliant.errors import UsageError
from reliant.policy import RuleBook
from support import tiny_models as tiny

TABLE = """name,countries,released,base_models,weights,downloads
Root,US,2022-11,,open,900
Secret,US,2022-12,,closed,
Child,CN,2023-03,Root,open,60
Grand,CN,2023-08,"Child, Stranger",open,30
Closed,CN,2023-09,Secret,,10
Alone,CN,2024-02,,open,5
Both,"CN,US",2024-03,Root,open,7
Nowhere,,2024-03,Root,open,1
"""
USE = """year,used_in,origin,amount,weights
2022,CN,US,30,closed
2023,CN,US,40,closed
2023,CN,US,35,open
2023,CN,CN,20,
2023,CN,,5,
2023,CN,FR,1.5,open
2023,US,CN,2,open
"""
BOARD = """key,Model,rating,License,Organization,date
gpt-4,GPT-4,1200,x,OpenAI,20230501
gpt-4o,GPT-4o,1290,x,OpenAI,20240501
qwen,Qwen-1,1100,x,Alibaba,20230701
qwen2,Qwen-2,1250,x,Alibaba,20240601
qwen3,Qwen-3,1300,x,Alibaba,20240701
"""


def desk(
    country: str, on: str, day: dt.date, atlas: Atlas, files: tuple[Path, ...] = (), scenario: str = ""
) -> CountryFigures:
    rules = RuleBook.from_atlas(atlas)
    question = question_of(country, on, day, None, files, (scenario,) if scenario else (), atlas)
    return CountryFigures(question, atlas, rules, ask(question, atlas, rules))


def check_all(told: CountryFigures) -> None:
    """Hold every number of the JSON against what its rows give."""
    assert told.addresses
    explained: dict[tuple[str, ...], dict[str, float]] = {}
    for address, printed in told.addresses.items():
        unit = unit_of(address)
        if unit not in explained:
            found = told.at(unit)
            assert found.means
            assert found.rows or found.at or not any(one.value for one in found.values), written(address)
            explained[unit] = {one.name: one.value for one in found.values}
        value = explained[unit][".".join(address[len(unit) :])]
        assert math.isclose(value, printed, rel_tol=1e-6, abs_tol=1e-8), written(address)


@pytest.fixture
def own_files(tmp_path: Path) -> tuple[Path, ...]:
    """Write a table of models, one of use, and a board."""
    found = []
    for name, text in {"models.csv": TABLE, "use.csv": USE, "board.csv": BOARD}.items():
        (tmp_path / name).write_text(text)
        found.append(tmp_path / name)
    return tuple(found)


@pytest.mark.parametrize(
    ("country", "on", "day"),
    [
        ("CN", "US", dt.date(2024, 5, 31)),
        ("US", "CN", dt.date(2026, 10, 31)),
        ("EU", "US", dt.date(2023, 4, 15)),
        ("FR", "CN", dt.date(2019, 1, 1)),
        ("FR", "EU", dt.date(2026, 10, 31)),
    ],
)
def test_every_number_about_a_country_is_given_by_its_rows(
    country: str, on: str, day: dt.date, atlas: Atlas
) -> None:
    check_all(desk(country, on, day, atlas))


def test_every_number_from_files_of_ones_own_is_given_by_its_rows(
    own_files: tuple[Path, ...], atlas: Atlas
) -> None:
    told = desk("CN", "US", dt.date(2024, 8, 1), atlas, own_files, "closed-weight-guardrails-2024")

    assert {address[0] for address in told.addresses} == {
        "access", "impact", "lag", "reach", "reliance", "screens", "stance", "used",
    } - {"access"}  # fmt: skip
    assert any("by_downloads" in address for address in told.addresses)
    assert any("rises" in address for address in told.addresses)
    check_all(told)


def test_every_number_over_a_hub_is_given_too(tmp_path: Path, atlas: Atlas) -> None:
    models = {
        "id": ["us", "cn-on-us", "cn-on-nobody-s", "cn-alone"],
        "origin": ["US", "CN", "CN", "CN"],
        "made": ["2023-01-01", "2023-02-01", "2023-09-01", None],
        "downloads": [5, 3, None, 1],
    }
    edges = {
        "child": ["cn-on-us", "cn-on-nobody-s"],
        "parent": ["us", "nobody-s"],
        "kind": ["weights", "merge"],
    }
    files = tmp_path / "m.parquet", tmp_path / "e.parquet"
    pl.DataFrame(models).write_parquet(files[0])
    pl.DataFrame(edges).write_parquet(files[1])

    told = desk("CN", "US", dt.date(2024, 8, 1), atlas, files)

    _, closed, opened = told.result.impact
    assert (closed.count, closed.of, closed.touched.high) == (0, 3, 1.0)
    assert (opened.count, opened.touched.low, opened.touched.high) == (1, pytest.approx(1 / 3), 1.0)
    check_all(told)


def test_every_number_from_the_tables_of_epoch_is_given_by_its_rows(shared: Path, atlas: Atlas) -> None:
    files = (
        shared / "data" / "epoch_all_ai_models_2025-03.csv",
        shared / "data" / "chatbot_arena_history_2023-05_2025-05.csv",
    )
    check_all(desk("CN", "US", dt.date(2025, 6, 30), atlas, files))


def test_a_row_names_its_record_its_sources_and_the_way_to_the_other_country(atlas: Atlas) -> None:
    (told,) = desk("CN", "US", dt.date(2024, 5, 31), atlas).explain("look_through")

    reached = [row for row in told.rows if "reached" in row.adds]
    assert len(reached) == told.columns["reached"]
    row = next(row for row in reached if row.id == "baai.bge-reranker-v2-m3")
    assert row.at == "baai.bge-reranker-v2-m3"
    assert "baai.bge-m3 <- meta.xlm-roberta" in row.says
    cited = {source.id: source for source in told.sources}
    assert row.sources
    assert all(cited[one].title for one in row.sources)


def test_a_row_of_a_file_names_its_line(own_files: tuple[Path, ...], atlas: Atlas) -> None:
    told = desk("CN", "US", dt.date(2024, 8, 1), atlas, own_files)

    (used,) = told.explain("used[2023].on")
    assert {row.at for row in used.rows if "on" in row.adds} == {"use.csv:3", "use.csv:4"}
    (value,) = used.values
    assert (value.name, value.value) == ("on", 75)


def test_a_month_of_lag_is_the_time_between_two_named_days(own_files: tuple[Path, ...], atlas: Atlas) -> None:
    told = desk("CN", "US", dt.date(2024, 8, 1), atlas, own_files)

    (lag,) = told.explain("lag[chat, by votes].rises[2024-06-01]")
    assert "Qwen-2" in lag.means
    assert "GPT-4o" in lag.means
    assert {one.name: one.value for one in lag.values} == {"score": 1250, "reached": 1290, "months": 1}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A target with code, a told function and two model files."""
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "app.py").write_text(
        "import openai\n\n\ndef chat():\n"
        '    return openai.OpenAI().responses.create(model="gpt-4o", input="")\n'
    )
    config = {"model_type": "llama", "hidden_size": tiny.D, "num_hidden_layers": 4, "vocab_size": tiny.VOCAB}
    for name in ("one", "two"):
        tiny.save(folder / name, tiny.llama(1), config=config, vocabulary=tiny.tokens())
    return folder


@pytest.mark.parametrize("what", ["shop", "files"])
def test_every_number_of_an_assessment_is_explained(what: str, root: Path, target: Path) -> None:
    from reliant.cli._run import Deep

    path = root / "examples" / "shop" if what == "shop" else target
    looked = look(
        str(path), {"place": "CN"}, as_of=dt.date(2024, 7, 10), cached=False, offline=True, deep=Deep()
    )
    result = looked.assessment()
    data = msgspec.to_builtins(result)
    explained: dict[tuple[str, ...], assess_figures.Explained] = {}
    heads = set()
    for address, printed in numbers(data):
        unit = assess_figures.unit_of(address)
        if unit not in explained:
            explained[unit] = assess_figures.at(unit, result, data, looked.atlas, looked.plans)
            assert explained[unit].means
        value = assess_figures.value_of(explained[unit], unit, address)
        assert value is not None
        assert math.isclose(value, printed, rel_tol=1e-6, abs_tol=1e-8), written(address)
        heads.add(address[0])

    assert heads >= {"target", "uses", "impact"} | ({"model_files"} if what == "files" else set())


def test_a_number_is_found_by_enough_of_its_words() -> None:
    every: dict[tuple[str, ...], float] = {
        ("lag", "[coding]", "median"): 4,
        ("lag", "[coding]", "least"): 1,
        ("lag", "[maths]", "median"): 7,
        ("reliance", "kept", "[0.5]", "shares", "on"): 0.1,
    }

    assert resolve("lag:coding:median", every) == ("lag", "[coding]", "median")
    assert resolve("lag[coding]", every) == ("lag", "[coding]")
    assert resolve("0.5:on", every) == ("reliance", "kept", "[0.5]", "shares", "on")
    with pytest.raises(UsageError, match="2 numbers are called 'median'") as raised:
        resolve("median", every)
    assert "lag[maths].median" in str(raised.value.hint)
    with pytest.raises(UsageError, match="no number is called 'lag:colour'"):
        resolve("lag:colour", every)


@pytest.mark.parametrize("formula", ["__import__('os')", "sum(a).real", "open(a)", "a", "sum(a) if 1 else 2"])
def test_a_formula_is_arithmetic_and_nothing_else(formula: str) -> None:
    with pytest.raises(ValueError, match="no part of a formula"):
        worked_out(formula, {"a": [1.0]})


def test_rows_that_share_a_name_are_told_apart_by_their_place() -> None:
    assert keys([{"id": "a"}, {"id": "a"}]) == ["[0]", "[1]"]
    assert keys([{"level": "provider", "supplier": "x"}, {"level": "reach", "supplier": "x"}]) == [
        "[provider:x]",
        "[reach:x]",
    ]


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, ["explain", *map(str, arguments)], catch_exceptions=False)


def test_the_screen_shows_formula_sums_rows_and_sources() -> None:
    shown = run("CN", "--on", "US", "--as-of", "2024-05", "--number", "look_through").stdout

    assert "low = sum(reached) / sum(own) = " in shown
    assert "bge-reranker-v2-m3" in shown
    assert "\nSources\n" in shown
    assert all(len(line) <= 100 for line in shown.partition("\nSources\n")[0].splitlines())


def test_the_names_of_all_numbers_are_listed_and_each_can_be_asked() -> None:
    listed = run("FR", "--on", "CN", "--as-of", "2024-05", "--number", "names", "--format", "json")

    names = json.loads(listed.stdout)
    assert "reliance.look_through.low" in names
    asked = run("FR", "--on", "CN", "--as-of", "2024-05", "--number", "look_through.low", "--format", "json")
    told = json.loads(asked.stdout)
    assert told["schema"] == "reliant.figure/1"
    assert [one["value"] for one in told["values"]] == [pytest.approx(names["reliance.look_through.low"])]


@pytest.mark.parametrize(
    "arguments",
    [("CN", "--on", "US"), ("--on", "US", "--number", "x"), ("CN", "--on", "US", "--number", "x y")],
)
def test_a_figure_that_is_not_named_is_a_wrong_question(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as raised:
        run(*arguments)

    assert "--number" in str(raised.value.hint)
