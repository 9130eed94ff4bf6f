"""Epoch AI's tables of models (all, notable, large-scale, frontier): CSV with a header.

A blank base model means trained from scratch or not recorded; the tables do not
tell the two apart, so neither does a row. Dates are often those of the paper.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.atlas.importers._rows import Format, ModelRow, number, several, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z")

_NO_WEIGHTS = ("unreleased", "api access", "hosted access")


def _read(path: Path) -> Iterator[ModelRow]:
    for place, row in table(path, "epoch", ("Model", "Organization", "Publication date", "Base model")):
        released = row["Publication date"][:10]
        access = row.get("Model accessibility") or None
        params = number(row.get("Parameters"))
        yield ModelRow(
            at=place,
            name=row["Model"],
            organisations=several(row["Organization"]),
            countries=several(
                row.get("Country (from Organization)") or row.get("Country (of organization)") or ""
            ),
            domains=several(row.get("Domain", "")),
            # One that is none is kept as written: who counts by date says which rows it leaves out.
            released=(released if _DATE.match(released) else row["Publication date"]) or None,
            accessibility=access,
            weights=_weights(access),
            base_models=several(row["Base model"]),
            params_b=params / 1e9 if params is not None else None,
            training_flop=number(row.get("Training compute (FLOP)")),
            link=row.get("Link") or None,
        )


def _weights(access: str | None) -> str | None:
    if access is None:
        return None
    if access.lower().startswith("open weights"):
        return "open"
    return "closed" if access.lower().startswith(_NO_WEIGHTS) else None


FORMAT = Format(
    name="epoch",
    title="Epoch AI, Data on AI Models (CSV)",
    licence="CC-BY-4.0",
    read=_read,
    looks_like=lambda text: (
        "Base model" in text.partition("\n")[0] and "Organization" in text.partition("\n")[0]
    ),
)
