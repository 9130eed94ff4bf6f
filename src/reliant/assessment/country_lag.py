"""How many months the best of one country is behind the best of another, from a dated board.

A board gives every model a rating that moves as votes come in. So ratings are taken
from one day, the last one known, and each model is dated by the day it first stood on
the board: the same ruler for all.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reliant.assessment.country_flags import Score, lag, lag_range
from reliant.core.country import LagRow
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.assessment.country_reliance import Sides
    from reliant.atlas import Atlas

_HEADER = ["key", "Model", "rating", "License", "Organization", "date"]
_MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Rated:
    """One model on one day of a board."""

    model: str
    organisation: str
    day: dt.date
    rating: float


def is_board(path: Path) -> bool:
    """Say whether a file is a history of a board, from its header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), []) == _HEADER
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def read_board(path: Path) -> tuple[Rated, ...]:
    """Read a history of a board: one row per model and day.

    Raises:
        ConfigError: The file is too large, or a row is wrong.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigError(path, 0, f"larger than {_MOST_BYTES:,} bytes")
    found = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                day = dt.datetime.strptime(row["date"], "%Y%m%d").date()
                found.append(Rated(row["Model"], row["Organization"], day, float(row["rating"])))
            except (TypeError, ValueError) as error:
                raise ConfigError(path, reader.line_num, f"a row cannot be read: {error}") from error
    return tuple(found)


def board_lag(
    rows: Iterable[Rated], sides: Sides, atlas: Atlas, as_of: dt.date, *, area: str, data: str
) -> LagRow | None:
    """Return how far the country is behind on this board by the day; None if it cannot be told.

    A model whose organisation the atlas does not place is left out on both sides.
    """
    seen = [row for row in rows if row.day <= as_of]
    first: dict[str, dt.date] = {}
    last: dict[str, Rated] = {}
    for row in seen:
        first[row.model] = min(row.day, first.get(row.model, row.day))
        if row.model not in last or last[row.model].day <= row.day:
            last[row.model] = row
    places = _Places(atlas)
    home: list[Score] = []
    other: list[Score] = []
    for model, row in last.items():
        country = places.of(row)
        if country in sides.home:
            home.append(Score(first[model], row.rating, model))
        elif country in sides.on:
            other.append(Score(first[model], row.rating, model))
    found = lag(home, other)
    told = lag_range(found)
    if told is None:
        return None
    median, least, most = told
    points = [one for one in found if one.months is not None]
    end = points[-1]
    shown = f"{end.home.model} on {end.day}, {end.months} months"
    return LagRow(area, float(median), least, most, shown, len(points), data)


class _Places:
    """Countries of organisations as a board writes them."""

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._known: dict[str, str | None] = {}

    def of(self, row: Rated) -> str | None:
        """Return the country of the maker: by its name, else by the name of the model."""
        if row.organisation not in self._known:
            self._known[row.organisation] = self._provider(row.organisation)
        found = self._known[row.organisation]
        if found is None:
            hit = self._atlas.find_model(row.model)
            found = self._atlas.providers[hit.developer].hq_country if hit.developer else None
        return found

    def _provider(self, name: str) -> str | None:
        wanted = name.strip().casefold()
        for provider in self._atlas.providers.values():
            names = (provider.id, provider.name, provider.name.partition(" (")[0], *provider.aliases)
            if wanted in {one.casefold() for one in names}:
                return provider.hq_country
        return None
