"""The Open LLM Leaderboard, first and second edition, as exported to CSV.

The architecture class and the declared base are what the uploader wrote: a claim
about blueprint and parentage, not a measurement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.atlas.importers._rows import Format, ModelRow, number, table
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST = "t,model,average"
_SECOND = "id,model_name,model_sha"


def _read(path: Path) -> Iterator[ModelRow]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, 0, f"cannot be read: {error}") from error
    if header.startswith(_SECOND):
        return _second(path)
    if header.startswith(_FIRST):
        return _first(path)
    raise ConfigError(path, 1, "is no export of the Open LLM Leaderboard")


def _first(path: Path) -> Iterator[ModelRow]:
    for place, row in table(path, "leaderboard", ("fullname", "architecture", "type", "date")):
        yield ModelRow(
            at=place,
            name=row["fullname"].rpartition("/")[2],
            hub_id=row["fullname"],
            organisations=(row["fullname"].partition("/")[0],) if "/" in row["fullname"] else (),
            architecture=_known(row["architecture"]),
            licence=row.get("hub_license") or None,
            params_b=number(row.get("params_b")),
            merged=_flag(row.get("merged", "")),
            weights="open",
            submitted=row["date"][:10] or None,
            note=row["type"] or None,
        )


def _second(path: Path) -> Iterator[ModelRow]:
    for place, row in table(path, "leaderboard", ("model_name", "model_architecture", "metadata_base_model")):
        hub_id = row["model_name"]
        base = row["metadata_base_model"]
        yield ModelRow(
            at=place,
            name=hub_id.rpartition("/")[2],
            hub_id=hub_id,
            organisations=(hub_id.partition("/")[0],) if "/" in hub_id else (),
            architecture=_known(row["model_architecture"]),
            # The export repeats the model's own id where no base was declared.
            base_models=(base,) if base and base not in {hub_id, "Removed", ""} else (),
            licence=row.get("metadata_hub_license") or None,
            params_b=number(row.get("metadata_params_billions")),
            merged=_flag(row.get("features_is_merged", "")),
            weights="open",
            submitted=row.get("metadata_submission_date", "")[:10] or None,
            note=row.get("model_type") or None,
        )


def _known(text: str) -> str | None:
    return text if text and text.lower() not in {"unknown", "?"} else None


def _flag(text: str) -> bool | None:
    return {"TRUE": True, "FALSE": False}.get(text.upper())


FORMAT = Format(
    name="leaderboard",
    title="Open LLM Leaderboard v1 and v2 (CSV exports)",
    licence="Apache-2.0 (as stated upstream)",
    read=_read,
    looks_like=lambda text: text.startswith((_FIRST, _SECOND)),
)
