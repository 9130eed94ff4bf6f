"""Use by origin, year by year: the screen for strategic dependence, and what of the use a rule covers.

Two things can be counted. What models made in a country are built on is use of a base,
and the data sets of models show it. What people there use is in none of them; whoever
has it (sales, traffic, a survey) brings a table:

    year,used_in,origin,amount,weights
    2024,CN,US,700,closed
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reliant.assessment.country.blocs import CountryNames
from reliant.assessment.country.flags import Flags, flags, persistent
from reliant.assessment.measures.exposure import interval
from reliant.core.country import Exposure, Origins, Screen, YearFlags
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.assessment.country.models import Models
    from reliant.assessment.country.reliance import Sides
    from reliant.atlas import Atlas

_NEEDED = ("year", "used_in", "origin", "amount")
_MOST_BYTES = 64_000_000
_YEAR_LETTERS = 4


@dataclass(frozen=True, slots=True)
class UseRow:
    """Some use in one year.

    Attributes:
        used_in: Codes of where; several if a thing was made together.
        origin: Codes of who made what is used; empty if not known.
        weights: open or closed; None if not known.
        at: File and line, or the model.
    """

    year: str
    used_in: frozenset[str]
    origin: frozenset[str]
    amount: float
    weights: str | None = None
    at: str = ""


def is_use(path: Path) -> bool:
    """Say whether a file is a table of use by origin, from its header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(next(csv.reader(file), [])[: len(_NEEDED)]) == _NEEDED
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def read_use(path: Path, atlas: Atlas) -> tuple[UseRow, ...]:
    """Read a table of use: year, used_in, origin (may be empty), amount, and if known weights.

    Raises:
        ConfigError: The file is too large, or a row is wrong.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigError(path, 0, f"larger than {_MOST_BYTES:,} bytes")
    try:
        return tuple(_rows_of_use(path, CountryNames(atlas)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(path, 0, f"cannot be read as a table: {error}", hint="Save it as UTF-8.") from error


def _rows_of_use(path: Path, names: CountryNames) -> Iterator[UseRow]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restval="")
        for row in reader:
            where = names.code(row["used_in"])
            origin = names.code(row["origin"])
            try:
                amount = float(row["amount"])
            except ValueError:
                amount = -1.0
            year = row["year"].strip()
            weights = (row.get("weights") or "").strip().lower()
            problem, hint = (
                (f"used_in: {row['used_in']!r} is no country", _CODE)
                if where is None
                else (f"origin: {row['origin']!r} is no country", f"{_CODE} Or leave it empty.")
                if origin is None and row["origin"].strip()
                else (
                    f"amount: {row['amount']!r} is no amount",
                    "Write a number from 0 up, without separators.",
                )
                if not (math.isfinite(amount) and amount >= 0)
                else (f"year: {year!r} is no year", "Write four digits: 2024.")
                if len(year) != _YEAR_LETTERS or not (year.isascii() and year.isdigit())
                else (
                    f"weights: {weights!r} is neither open nor closed",
                    "Leave it empty if it is not known.",
                )
                if weights not in {"", "open", "closed"}
                else ("has more cells than the header", "Put a cell that holds a comma in quotes.")
                if None in row
                else ("", "")
            )
            if problem or where is None:
                raise ConfigError(path, reader.line_num, problem, hint=hint)
            yield UseRow(
                year,
                frozenset((where,)),
                frozenset((origin,)) if origin else frozenset(),
                amount,
                weights or None,
                f"{path.name}:{reader.line_num}",
            )


_CODE = "Write an ISO 3166 code or the English name of a country."


def as_bases(models: Models) -> tuple[UseRow, ...]:
    """Return what models are built on as use: each counts one, shared among where its lines begin."""
    found = []
    for made in models.rows.values():
        if made.day is None or not made.countries:
            continue
        roots = models.roots(made)
        found += [
            UseRow(
                f"{made.day.year}",
                made.countries,
                root.countries,
                1 / len(roots),
                root.weights,
                f"{made.name} on {root.name}",
            )
            for root in roots
        ]
    return tuple(found)


FEW = 4
"""Fewer bases than this in a year say nothing of it."""


def screen(
    rows: Iterable[UseRow], sides: Sides, *, of: str, data: str = "", least: float = 0
) -> Screen | None:
    """Return B6, the three ticks year by year, for the use in the home country; None without any.

    Args:
        least: A year with less use of known origin than this says nothing.
    """
    imports: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    home: dict[str, float] = defaultdict(float)
    exports: dict[str, float] = defaultdict(float)
    years = set()
    for row in rows:
        abroad = not row.used_in & sides.home
        if not row.origin or (row.used_in - sides.home and not abroad):
            continue  # of unknown origin, or made together with others
        for code in row.origin:
            part = row.amount / len(row.origin)
            if abroad:
                exports[row.year] += part if code in sides.home else 0.0
                continue
            years.add(row.year)
            if code in sides.home:
                home[row.year] += part
            else:
                imports[row.year][code] += part
    told = tuple(_year(year, imports[year], home[year], exports[year]) for year in sorted(years))
    if not told:
        return None
    return Screen(of=of, years=told, dependent=_persistent(told, least), data=data)


def _persistent(years: Sequence[YearFlags], least: float) -> bool | None:
    """Say whether two of the three years up to the last one are dependent; None if fewer can be judged.

    A year without any use counts as one that is not dependent.
    """
    if len(years) < _TO_JUDGE:
        return None
    told = {int(one.year): one for one in years}
    window = [told.get(year) for year in range(max(told) - 2, max(told) + 1)]
    seen = [one for one in window if one and one.home + sum(one.imports.values()) >= least]
    if least and len(seen) < _TO_JUDGE:
        return None
    return persistent([flags(one.imports, one.home, one.exports) for one in seen])


_TO_JUDGE = 2


def _year(year: str, imports: dict[str, float], home: float, exports: float) -> YearFlags:
    found: Flags = flags(imports, home, exports)
    to_exports = found.to_exports
    if to_exports is not None and math.isinf(to_exports):
        to_exports = None
    ranked = sorted(imports.items(), key=lambda one: (-one[1], one[0]))
    return YearFlags(
        year=year,
        imports={code: round(part, 6) for code, part in ranked},
        home=round(home, 6),
        exports=round(exports, 6),
        index=found.index,
        foreign_share=found.foreign_share,
        to_exports=to_exports,
        ticks=found.ticks,
        dependent=found.dependent,
    )


def origins(rows: Iterable[UseRow], sides: Sides, *, data: str, until: int) -> tuple[Origins, ...]:
    """Return B2, where what is used in the home country comes from, for each year up to one."""
    by_year: dict[str, list[UseRow]] = defaultdict(list)
    for row in rows:
        if row.used_in & sides.home and int(row.year) <= until:
            by_year[row.year].append(row)
    found = []
    for year, several in sorted(by_year.items()):
        parts: dict[str, float] = defaultdict(float)
        for row in several:
            for side, share in _sides_of(row, sides).items():
                parts[side] += row.amount * share
                if side == "on" and row.weights:
                    parts[row.weights] += row.amount * share
        found.append(
            Origins(
                data=data,
                year=year,
                whole=sum(row.amount for row in several),
                on=parts["on"],
                home=parts["home"],
                other=parts["other"],
                unknown=parts["unknown"],
                closed_on=parts["closed"],
                open_on=parts["open"],
            )
        )
    return tuple(found)


def _sides_of(row: UseRow, sides: Sides) -> dict[str, float]:
    if not row.origin:
        return {"unknown": 1.0}
    found: dict[str, float] = defaultdict(float)
    for code in row.origin:
        side = "on" if code in sides.on else "home" if code in sides.home else "other"
        found[side] += 1 / len(row.origin)
    return found


def use_exposures(used: Origins, on: str) -> tuple[Exposure, ...]:
    """Return B7, the share of use that two rules would cover: on closed weights, and on all."""
    unsure = used.on - used.closed_on - used.open_on
    whole = f"use in {used.data}, {used.year}"
    return (
        Exposure(
            scenario=f"{on} withholds closed weights; open weights are exempt",
            touched=interval(used.closed_on, unsure + used.unknown, used.whole),
            exempt=interval(used.open_on, 0.0, used.whole).low,
            whole=whole,
            because=f"{used.open_on:g} is of open weights; of {unsure:g} the weights are not told, "
            f"of {used.unknown:g} the origin",
            count=round(used.closed_on),
            of=round(used.whole),
        ),
        Exposure(
            scenario=f"{on} withholds open weights as well",
            touched=interval(used.on, used.unknown, used.whole),
            exempt=0.0,
            whole=whole,
            because=f"of {used.unknown:g} the origin is not told",
            count=round(used.on),
            of=round(used.whole),
        ),
    )
