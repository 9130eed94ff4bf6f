"""The shape of an imported row, and how a file is read without trusting it."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from reliant.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 256_000_000
"""The largest of the known data sets has 4 MB; this leaves them room to grow."""


class Place(msgspec.Struct, frozen=True):
    """Where a row stands.

    Attributes:
        data_set: Name of the format.
        file: Name of the file, without folders.
        line: From 1; 0 where the file has no lines of its own.
        key: Path inside a JSON file.
    """

    data_set: str
    file: str
    line: int = 0
    key: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line or self.key}"


class ModelRow(msgspec.Struct, frozen=True, kw_only=True, tag="model", omit_defaults=True):
    """What one row says about one model; what it does not say is None or empty.

    Attributes:
        name: As written, without surrounding space.
        hub_id: On the Hugging Face hub.
        served_by: Provider as the data set calls it, where the row is about a served model.
        organisations: Makers as written.
        countries: Countries of the makers as written, in the same order as far as given.
        released: A date, a month or a year.
        submitted: Day on which it was handed in to a leaderboard.
        accessibility: In the words of the data set.
        weights: open or closed, where the row says so.
        base_models: Names of the models it is said to be built on.
        region: china, us, eu, other or unknown, as a list gives it.
        input_usd_per_million: Price of input tokens; `output_...` that of output tokens.
        downloads: From a hub, as the data set counts them.
    """

    at: Place
    name: str
    hub_id: str | None = None
    served_by: str | None = None
    organisations: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    released: str | None = None
    submitted: str | None = None
    accessibility: str | None = None
    weights: str | None = None
    base_models: tuple[str, ...] = ()
    params_b: float | None = None
    active_params_b: float | None = None
    training_flop: float | None = None
    architecture: str | None = None
    licence: str | None = None
    merged: bool | None = None
    region: str | None = None
    context_tokens: int | None = None
    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    downloads: float | None = None
    link: str | None = None
    note: str | None = None


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True, tag="provider", omit_defaults=True):
    """What one row says about one provider.

    Attributes:
        id: In the data set.
        hosts: Of its API.
        host_patterns: Regular expressions over API addresses.
        env_vars: Names of environment variables.
        packages: By ecosystem.
        region: As a list gives it.
    """

    at: Place
    id: str
    name: str | None = None
    hosts: tuple[str, ...] = ()
    host_patterns: tuple[str, ...] = ()
    env_vars: tuple[str, ...] = ()
    packages: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    region: str | None = None
    link: str | None = None
    note: str | None = None


Row: TypeAlias = ModelRow | ProviderRow


@dataclass(frozen=True)
class Format:
    """One data set that can be read; each module of this package ends with one, named `FORMAT`.

    Attributes:
        title: What it is, for the help.
        licence: Under which it was published, as far as known.
        looks_like: Says from the first text of a file whether it is of this kind.
    """

    name: str
    title: str
    licence: str
    read: Callable[[Path], Iterator[Row]]
    looks_like: Callable[[str], bool]


def table(
    path: Path, data_set: str, needed: tuple[str, ...], *, exact: bool = False
) -> Iterator[tuple[Place, dict[str, str]]]:
    """Yield the rows of a CSV file with a header, each with the line it begins on.

    Args:
        exact: Refuse a row with more cells than the header; without it they are left out.

    Raises:
        ConfigError: The file cannot be read, is no CSV, or lacks a needed column.
    """
    for place, cells in _lines(path, data_set):
        if place.line == 0:
            twice = next((name for at, name in enumerate(cells) if name and name in cells[:at]), None)
            if exact and twice is not None:
                raise ConfigError(path, 1, f"has the column {twice!r} twice", hint="Keep one of them.")
            missing = [name for name in needed if name not in cells]
            if missing:
                raise ConfigError(path, 1, f"has no column {missing[0]!r}; it is no {data_set} table")
            header = cells
            continue
        if exact and any(cell.strip() for cell in cells[len(header) :]):
            raise ConfigError(
                path,
                place.line,
                f"has {len(cells)} cells, and the header {len(header)}",
                hint='Put a cell that holds a comma in quotes: "Llama 2 (7B), CLIP".',
            )
        if any(cell.strip() for cell in cells):  # An empty line is no row; a short one has empty cells.
            filled = itertools.zip_longest(header, cells[: len(header)], fillvalue="")
            yield place, {name: value.strip() for name, value in filled}


def _lines(path: Path, data_set: str) -> Iterator[tuple[Place, list[str]]]:
    _refuse_large(path)
    before = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                yield Place(data_set, path.name, before + 1 if before else 0), cells
                before = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        line = _undecodable(path) if isinstance(error, UnicodeDecodeError) else before
        raise ConfigError(path, line, f"cannot be read as a table: {error}", hint=_as_table(error)) from error


def _undecodable(path: Path) -> int:
    """Return the first line that is not UTF-8; 0 if there is none."""
    with path.open("rb") as file:
        for line, text in enumerate(file, start=1):
            try:
                text.decode()
            except UnicodeDecodeError:
                return line
    return 0


def _as_table(error: Exception) -> str:
    """Return the next step for a table that cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return "Save it as UTF-8."
    return "" if isinstance(error, OSError) else "Save it as CSV: a header, commas, and text in quotes."


def lines(path: Path, data_set: str) -> Iterator[tuple[Place, list[str]]]:
    """Yield the rows of a CSV file without a header; lines that begin with # are left out.

    Raises:
        ConfigError: The file cannot be read, or is no CSV.
    """
    for place, cells in _lines(path, data_set):
        if cells and not cells[0].startswith("#"):
            yield Place(data_set, place.file, place.line or 1), cells


def document(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ConfigError: The file cannot be read, or is no JSON.
    """
    _refuse_large(path)
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(path, getattr(error, "lineno", 0), f"cannot be read as JSON: {error}") from error


def _refuse_large(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ConfigError(path, 0, f"cannot be read: {error.strerror}") from error
    if size > MAX_BYTES:
        raise ConfigError(path, 0, f"is {size:,} bytes, more than {MAX_BYTES:,}")


def several(text: str) -> tuple[str, ...]:
    """Return the parts of a list that is written with commas; a comma in brackets divides nothing.

    Examples:
        >>> several("Qwen2.5 Instruct (72B), CLIP (L, 14)")
        ('Qwen2.5 Instruct (72B)', 'CLIP (L, 14)')
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(part.strip() for part in parts if part.strip())


def number(text: Any) -> float | None:
    """Return a finite number, or None where there is none.

    Examples:
        >>> number("7e9"), number("Infinity"), number("")
        (7000000000.0, None, None)
    """
    if isinstance(text, bool):
        return None
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if abs(value) < float("inf") else None


def mapping(value: Any) -> dict[str, Any]:
    """Return a JSON object, or an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return a text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts in a JSON list; none where there is something else."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def whole(value: Any) -> int | None:
    """Return a whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
