"""The lists of the ATOM project: tracked models, sizes, regions of organisations, corrected dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.atlas.importers._rows import Format, ModelRow, ProviderRow, Row, lines, number, table
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MODELS = "org,model,modelId"
_SIZES = "model_id,total_params_b,active_params_b"
_REGIONS = "hf_org,region"
_DATES = "# Manual release date corrections"


def _read(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, 0, f"cannot be read: {error}") from error
    for start, reader in _READERS.items():
        if first.startswith(start):
            return reader(path)
    raise ConfigError(path, 1, "is none of the lists of the ATOM project")


def _models(path: Path) -> Iterator[Row]:
    for place, row in table(path, "atom", ("org", "model", "modelId")):
        yield ModelRow(
            at=place,
            name=row["model"],
            hub_id=row["modelId"] or None,
            organisations=(row["org"],),
            weights="open",
        )


def _sizes(path: Path) -> Iterator[Row]:
    for place, row in table(path, "atom", ("model_id", "total_params_b")):
        yield ModelRow(
            at=place,
            name=row["model_id"].rpartition("/")[2],
            hub_id=row["model_id"],
            params_b=number(row["total_params_b"]),
            active_params_b=number(row.get("active_params_b")),
            note=row.get("notes") or None,
        )


def _regions(path: Path) -> Iterator[Row]:
    for place, row in table(path, "atom", ("hf_org", "region")):
        yield ProviderRow(
            at=place, id=row["hf_org"], region=row["region"] or "unknown", note=row.get("notes") or None
        )


def _dates(path: Path) -> Iterator[Row]:
    """Yield one row for each line `hub id, date on the hub, true date, note`."""
    for place, cells in lines(path, "atom"):
        if len(cells) < 3 or "/" not in cells[0]:
            continue
        hub_id, _, released, *note = (cell.strip() for cell in cells)
        name = hub_id.rpartition("/")[2]
        yield ModelRow(
            at=place, name=name, hub_id=hub_id, released=released or None, note=", ".join(note) or None
        )


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    _MODELS: _models,
    _SIZES: _sizes,
    _REGIONS: _regions,
    _DATES: _dates,
}

FORMAT = Format(
    name="atom",
    title="ATOM project, tracked models (CSV)",
    licence="Apache-2.0",
    read=_read,
    looks_like=lambda text: text.startswith(tuple(_READERS)),
)
