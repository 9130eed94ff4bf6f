"""Months behind, from a dated board."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reliant.assessment.country_lag import Rated, board_lag, is_board, read_board
from reliant.assessment.country_reliance import Sides
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


def test_a_board_with_a_wrong_row_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "board.csv"
    file.write_text("key,Model,rating,License,Organization,date\na,A,high,MIT,Org,20240101\n")

    with pytest.raises(ConfigError):
        read_board(file)
