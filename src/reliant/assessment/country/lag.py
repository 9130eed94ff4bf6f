"""How many months the best of one country is behind the best of another, from boards of scores.

A board gives every model a rating that moves as votes come in. So ratings are taken
from one day, the last one known, and each model is dated by the day it first stood on
the board: the same ruler for all. A table of ratings by area has one day for all areas
and no dates; its models are dated by a board that is given beside it, by the record of
their release, or by a date in their name.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.assessment.country.flags import Lag, Score, lag, lag_range
from reliant.core.country import LagRow, Rise
from reliant.core.dates import PartialDate
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.assessment.country.reliance import Sides
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
    key: str = ""


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
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                line = reader.line_num
                rating = float(row["rating"])
                if None in row or not math.isfinite(rating):
                    said = "has more cells than the header" if None in row else f"rating {rating:g}"
                    raise ConfigError(path, line, f"a row cannot be read: {said}", hint=_ROW)
                day = dt.datetime.strptime(row["date"], "%Y%m%d").date()
                found.append(Rated(row["Model"], row["Organization"], day, rating, row["key"]))
    except UnicodeDecodeError as error:
        raise ConfigError(
            path, line, f"cannot be read as a table: {error}", hint="Save it as UTF-8."
        ) from error
    except (TypeError, ValueError, csv.Error) as error:
        raise ConfigError(path, line, f"a row cannot be read: {error}", hint=_ROW) from error
    return tuple(found)


_ROW = f"A row is {','.join(_HEADER)}: a finite rating, and the day as 20240531."


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
    return _row(found, area, data, dated=len(home) + len(other))


def _row(
    found: Sequence[Lag], area: str, data: str, *, dated: int = 0, without_day: tuple[str, ...] = ()
) -> LagRow | None:
    told = lag_range(found)
    points = [one for one in found if one.months is not None]
    if told is None:
        return None
    median, least, most = told
    end = points[-1]
    shown = f"{end.home.model} on {end.day}, {end.months} month{'' if end.months == 1 else 's'}"
    leads = len(found) - len(points)
    return LagRow(
        area,
        float(median),
        least,
        most,
        shown,
        len(points),
        data,
        leads,
        dated,
        len(without_day),
        tuple(map(_rise, found)),
        without_day,
    )


def _rise(one: Lag) -> Rise:
    there = one.foreign
    known = (there.model, there.score, there.day.isoformat()) if there is not None else ()
    return Rise(one.day.isoformat(), one.home.model, one.home.score, one.months, *known)


def first_days(rows: Iterable[Rated]) -> dict[str, dt.date]:
    """Return the day on which each model first stood on a board, by its name in lower case."""
    found: dict[str, dt.date] = {}
    for row in rows:
        for name in {row.model.casefold(), row.key.casefold()} - {""}:
            found[name] = min(row.day, found.get(name, row.day))
    return found


def is_areas(path: Path) -> bool:
    """Say whether a file holds ratings by area, `{area: {model: {"rating": ...}}}`, from its beginning."""
    try:
        with path.open("rb") as file:
            start = file.read(400).lstrip()
    except OSError:
        return False
    return start.startswith(b"{") and start.count(b"{") > 2 and b'"rating"' in start


def read_areas(path: Path) -> dict[str, dict[str, float]]:
    """Read ratings by area and model.

    Raises:
        ConfigError: The file is too large, or has another shape.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigError(path, 0, f"larger than {_MOST_BYTES:,} bytes")
    try:
        told = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, _Rating]])
    except msgspec.MsgspecError as error:
        raise ConfigError(
            path,
            0,
            f"holds no ratings by area: {error}",
            hint='Write {"area": {"model": {"rating": 1200.5}}}.',
        ) from error
    return {area: {name: one.rating for name, one in models.items()} for area, models in told.items()}


class _Rating(msgspec.Struct, frozen=True):
    rating: float


def area_lags(
    areas: Mapping[str, Mapping[str, float]],
    sides: Sides,
    atlas: Atlas,
    as_of: dt.date,
    *,
    first: Mapping[str, dt.date],
    data: str,
) -> tuple[LagRow, ...]:
    """Return how far the country is behind in each area; areas in which it cannot be told are left out.

    Args:
        first: The day from which a model is known to have been there, by its name in lower case.
    """
    places = _Places(atlas)
    found = []
    for area, models in sorted(areas.items()):
        home: list[Score] = []
        other: list[Score] = []
        undated: list[str] = []
        for model, rating in models.items():
            country = places.of_model(model)
            if country not in sides.home and country not in sides.on:
                continue
            day = _dated(model, atlas, first)
            if day is None:
                undated.append(model)
            elif day <= as_of:
                (home if country in sides.home else other).append(Score(day, rating, model))
        dated = len(home) + len(other)
        row = _row(
            lag(home, other), area.replace("_", " "), data, dated=dated, without_day=tuple(sorted(undated))
        )
        if row is not None:
            found.append(row)
    return tuple(found)


_DAY = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")


def _dated(model: str, atlas: Atlas, first: Mapping[str, dt.date]) -> dt.date | None:
    """Return the earliest day of which it is known that the model was there."""
    days = [first[model.casefold()]] if model.casefold() in first else []
    record = atlas.find_model(model).model
    if record is not None and record.released:
        days.append(PartialDate.parse(record.released).latest)
    told = _DAY.search(model)
    if told and not days:
        year, month, day = map(int, told.groups())
        with contextlib.suppress(ValueError):
            days.append(dt.date(year, month, day))
    return min(days, default=None)


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
            found = self.of_model(row.model)
        return found

    def of_model(self, model: str) -> str | None:
        """Return the country of the maker by the name of the model alone."""
        hit = self._atlas.find_model(model)
        return self._atlas.providers[hit.developer].hq_country if hit.developer else None

    def _provider(self, name: str) -> str | None:
        wanted = name.strip().casefold()
        for provider in self._atlas.providers.values():
            names = (provider.id, provider.name, provider.name.partition(" (")[0], *provider.aliases)
            if wanted in {one.casefold() for one in names}:
                return provider.hq_country
        return None
