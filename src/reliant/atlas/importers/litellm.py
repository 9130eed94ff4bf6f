"""LiteLLM's table of models and prices (JSON): the id as LiteLLM takes it, who serves it, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.atlas.importers._rows import Format, ModelRow, Place, document, number, text, whole
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EXAMPLE = "sample_spec"
"""The first entry explains the fields; it is no model."""


def _read(path: Path) -> Iterator[ModelRow]:
    data = document(path)
    if not isinstance(data, dict):
        raise ConfigError(path, 0, "is no table of LiteLLM: it is not a JSON object")
    for name, entry in data.items():
        if name == _EXAMPLE or not isinstance(entry, dict):
            continue
        mode, ends = text(entry.get("mode")), text(entry.get("deprecation_date"))
        yield ModelRow(
            at=Place("litellm", path.name, key=name),
            name=name,
            served_by=text(entry.get("litellm_provider")),
            domains=(mode,) if mode else (),
            context_tokens=whole(entry.get("max_input_tokens")) or whole(entry.get("max_tokens")),
            input_usd_per_million=_per_million(entry.get("input_cost_per_token")),
            output_usd_per_million=_per_million(entry.get("output_cost_per_token")),
            link=text(entry.get("source")),
            note=f"deprecated from {ends}" if ends else None,
        )


def _per_million(cost: object) -> float | None:
    value = number(cost)
    return None if value is None else round(value * 1e6, 9)


FORMAT = Format(
    name="litellm",
    title="LiteLLM, model_prices_and_context_window (JSON)",
    licence="MIT",
    read=_read,
    looks_like=lambda start: start.startswith("{") and '"litellm_provider"' in start,
)
