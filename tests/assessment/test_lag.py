"""Months behind, from a dated board."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reliant.assessment.country.lag import (
    Rated,
    area_lags,
    board_lag,
    first_days,
    is_areas,
    is_board,
    read_areas,
    read_board,
)
from reliant.assessment.country.reliance import Sides
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.atlas import Atlas

CN_US = Sides(frozenset({"CN"}), frozenset({"US"}))


def test_each_model_is_dated_by_its_first_day_and_rated_by_its_last(atlas: Atlas) -> None:
    rows = (
        Rated("GPT-4", "OpenAI", dt.date(2023, 5, 8), 1250),
        Rated("GPT-4", "OpenAI", dt.date(2024, 5, 8), 1200),
        Rated("Qwen-72B", "Alibaba", dt.date(2024, 5, 8), 1190),
        Rated("Later", "Alibaba", dt.date(2025, 1, 1), 1300),
    )

    found = board_lag(rows, CN_US, atlas, dt.date(2024, 12, 31), area="chat", data="board.csv")

    assert found is not None
    assert (found.median, found.least, found.most, found.points) == (12.0, 12, 12, 1)


def test_a_model_below_the_best_of_its_country_is_no_point_of_the_lag(atlas: Atlas) -> None:
    rows = (
        Rated("GPT-4", "OpenAI", dt.date(2023, 5, 8), 1250),
        Rated("Qwen-72B", "Alibaba", dt.date(2024, 5, 8), 1200),
        Rated("Qwen-1B", "Alibaba", dt.date(2025, 5, 8), 900),
    )

    found = board_lag(rows, CN_US, atlas, dt.date(2025, 12, 31), area="chat", data="board.csv")

    assert found is not None
    assert (found.points, found.most, found.latest) == (1, 12, "Qwen-72B on 2024-05-08, 12 months")


def test_a_country_without_a_model_on_the_board_has_no_lag(atlas: Atlas) -> None:
    rows = (Rated("GPT-4", "OpenAI", dt.date(2023, 5, 8), 1250),)

    assert board_lag(rows, CN_US, atlas, dt.date(2024, 12, 31), area="chat", data="board.csv") is None


def test_the_arena_shows_china_catching_up(shared: Path, atlas: Atlas) -> None:
    file = shared / "data" / "chatbot_arena_history_2023-05_2025-05.csv"
    assert is_board(file)
    rows = read_board(file)

    early = board_lag(rows, CN_US, atlas, dt.date(2024, 5, 31), area="chat", data=file.name)
    late = board_lag(rows, CN_US, atlas, dt.date(2025, 5, 31), area="chat", data=file.name)

    assert early is not None
    assert late is not None
    assert late.least < early.median


@pytest.mark.parametrize(
    "row",
    [
        "a,A,high,MIT,Org,20240101",
        "a,A,nan,MIT,Org,20240101",
        "a,A,inf,MIT,Org,20240101",
        "a,A,1,MIT,Org,20240231",
        "a,A,1,MIT,Org,2024-01-01",
        "a,A,1,MIT",
        "a,A,1,MIT,Org,20240101,more",
        "a,A,1,MIT,\u00d8rg,20240101",
    ],
)
def test_a_board_with_a_wrong_row_is_refused_with_the_next_step(tmp_path: Path, row: str) -> None:
    file = tmp_path / "board.csv"
    text = f"key,Model,rating,License,Organization,date\na,A,1,MIT,Org,20240101\n{row}\n"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigError, match=r"board\.csv") as told:
        read_board(file)
    assert told.value.hint


def test_a_model_of_a_table_by_area_is_dated_by_a_board_its_record_or_its_name(
    tmp_path: Path, atlas: Atlas
) -> None:
    file = tmp_path / "areas.json"
    file.write_text(
        '{"math": {"gpt-4-2023-03-14": {"rating": 60}, "qwen-new": {"rating": 59},'
        ' "gpt-later": {"rating": 70}},'
        ' "poetry": {"gpt-4-2023-03-14": {"rating": 1}, "qwen-new": {"rating": 2}}}',
        encoding="utf-8",
    )
    assert is_areas(file)
    first = first_days([Rated("Qwen new", "Alibaba", dt.date(2024, 3, 20), 1.0, key="qwen-new")])

    found = area_lags(read_areas(file), CN_US, atlas, dt.date(2024, 12, 31), first=first, data="areas.json")

    (math,) = found  # in poetry the home model was ahead of all: a lead is no lag
    assert (math.area, math.median, math.points, math.dated, math.undated) == ("math", 12.0, 1, 2, 1)


def test_the_lag_of_china_differs_from_area_to_area(shared: Path, atlas: Atlas) -> None:
    folder = shared / "data"
    first = first_days(read_board(folder / "chatbot_arena_history_2023-05_2025-05.csv"))
    areas = read_areas(folder / "arena_catalog_leaderboard_text_2025-12.json")

    found = area_lags(areas, CN_US, atlas, dt.date(2025, 12, 31), first=first, data="areas")

    assert len(found) > 20
    assert len({row.median for row in found}) > 1
    assert all(row.least <= row.median <= row.most for row in found)


def test_a_table_of_areas_with_another_shape_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "areas.json"
    file.write_text('{"math": {"gpt-4": {"rating": "high"}}}', encoding="utf-8")

    with pytest.raises(ConfigError):
        read_areas(file)
