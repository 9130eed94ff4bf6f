"""genai-prices: providers with the pattern of their API addresses, and prices per model (JSON)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reliant.atlas.importers._rows import (
    Format,
    ModelRow,
    Place,
    ProviderRow,
    Row,
    document,
    mapping,
    number,
    text,
    texts,
    whole,
)
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _read(path: Path) -> Iterator[Row]:
    data = document(path)
    if not isinstance(data, list):
        raise ConfigError(path, 0, "is no copy of genai-prices: it is not a JSON list")
    for provider in data:
        if not isinstance(provider, dict) or not isinstance(provider.get("id"), str):
            continue
        key = provider["id"]
        pattern = text(provider.get("api_pattern"))
        yield ProviderRow(
            at=Place("genai-prices", path.name, key=key),
            id=key,
            name=text(provider.get("name")),
            host_patterns=(pattern,) if pattern else (),
            link=next(iter(texts(provider.get("pricing_urls"))), None),
        )
        models = provider.get("models")
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and isinstance(model.get("id"), str):
                yield _model(path, key, model)


def _model(path: Path, key: str, model: dict[str, Any]) -> ModelRow:
    prices = model.get("prices")
    if isinstance(prices, list):  # Prices that changed: the last entry without a condition on time holds.
        prices = mapping(prices[-1] if prices else None).get("prices")
    prices = mapping(prices)
    return ModelRow(
        at=Place("genai-prices", path.name, key=f"{key}.{model['id']}"),
        name=model["id"],
        served_by=key,
        context_tokens=whole(model.get("context_window")),
        input_usd_per_million=_price(prices.get("input_mtok")),
        output_usd_per_million=_price(prices.get("output_mtok")),
    )


def _price(value: object) -> float | None:
    """Return the base price; a tiered one is written with `base` and `tiers`."""
    return number(value.get("base") if isinstance(value, dict) else value)


FORMAT = Format(
    name="genai-prices",
    title="genai-prices, prices/data.json",
    licence="MIT",
    read=_read,
    looks_like=lambda start: start.startswith("[") and '"api_pattern"' in start,
)
