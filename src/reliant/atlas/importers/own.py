"""A person's own table of models, as CSV or YAML.

CSV: a header with `name` and any of the other columns below; several values in
one cell are divided by commas. YAML: a list of models with the same keys.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.atlas.importers._rows import Format, ModelRow, number, several, table
from reliant.documents.yaml import read_document
from reliant.errors import ConfigError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SEVERAL = ("organisations", "countries", "domains", "base_models")
_NUMBERS = (
    "params_b",
    "active_params_b",
    "training_flop",
    "input_usd_per_million",
    "output_usd_per_million",
    "downloads",
)
_TEXTS = (
    "hub_id",
    "served_by",
    "released",
    "accessibility",
    "weights",
    "architecture",
    "licence",
    "region",
    "link",
    "note",
)
COLUMNS = ("name", *_SEVERAL, *_NUMBERS, *_TEXTS)
"""All that a row may say."""


def _read(path: Path) -> Iterator[ModelRow]:
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _yaml(path)
    return _csv(path)


def _csv(path: Path) -> Iterator[ModelRow]:
    for place, row in table(path, "own", ("name",), exact=True):
        _refuse_unknown(path, place.line, row)
        data: dict[str, Any] = {"name": row["name"], "at": place}
        data |= {key: several(row[key]) for key in _SEVERAL if row.get(key)}
        for key in _NUMBERS:
            if row.get(key):
                data[key] = number(row[key])
                if data[key] is None:
                    raise ConfigError(path, place.line, f"{key}: {row[key]!r} is no number", hint=_NUMBER)
        data |= {key: row[key] for key in _TEXTS if row.get(key)}
        yield _checked(ModelRow(**data), path, place.line)


def _yaml(path: Path) -> Iterator[ModelRow]:
    try:
        document = read_document(path)
    except RecordError as error:
        raise ConfigError(path, error.line, error.problem, hint=error.hint) from error
    if not isinstance(document.data, list):
        raise ConfigError(path, 1, "is not a list of models")
    for index, entry in enumerate(document.data):
        line = document.line((index,))
        if not isinstance(entry, dict) or "name" not in entry:
            raise ConfigError(path, line, "is no model: it has no name")
        _refuse_unknown(path, line, entry)
        place = {"data_set": "own", "file": path.name, "line": line}
        try:
            row = msgspec.convert({**entry, "at": place, "type": "model"}, ModelRow)
        except msgspec.ValidationError as error:
            raise ConfigError(path, line, str(error)) from error
        yield _checked(row, path, line)


def _checked(row: ModelRow, path: Path, line: int) -> ModelRow:
    """Return a row whose numbers and weights can be read; who counts rows says which have no date or name.

    Raises:
        ConfigError: A number is below 0 or none, or the weights are neither open nor closed.
    """
    for key in _NUMBERS:
        told = getattr(row, key)
        if told is not None and not (math.isfinite(told) and told >= 0):
            raise ConfigError(path, line, f"{key}: {told:g} is no number from 0 up", hint=_NUMBER)
    if row.weights not in {None, "open", "closed"}:
        raise ConfigError(path, line, f"weights: {row.weights!r} is neither open nor closed", hint=_OR_EMPTY)
    return row


_OR_EMPTY = "Leave the cell empty if it is not known."
_NUMBER = f"Write digits and a point, as 1200000 or 7.5. {_OR_EMPTY}"


def _refuse_unknown(path: Path, line: int, row: dict[str, Any]) -> None:
    unknown = [key for key in row if key not in COLUMNS]
    if unknown:
        raise ConfigError(
            path, line, f"has the unknown column {unknown[0]!r}", hint=f"Known are: {', '.join(COLUMNS)}."
        )


def _looks_like(text: str) -> bool:
    first = text.partition("\n")[0].strip()
    return (
        first.startswith(("name,", "- name:", "- {name:")) or first == "name"
    ) and "Base model" not in first


FORMAT = Format(
    name="own",
    title="your own table (CSV with a header, or YAML)",
    licence="yours",
    read=_read,
    looks_like=_looks_like,
)
