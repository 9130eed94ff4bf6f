"""genai-prices: providers with the pattern of their API addresses, and prices per model (JSON)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reliant.atlas.importers._rows import Format, ModelRow, Place, ProviderRow, Row, document, number
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
        pattern = provider.get("api_pattern")
        yield ProviderRow(
            at=Place("genai-prices", path.name, key=key),
            id=key,
            name=provider.get("name"),
            host_patterns=(pattern,) if isinstance(pattern, str) else (),
            link=next(iter(provider.get("pricing_urls") or ()), None),
        )
        for model in provider.get("models") or ():
            if isinstance(model, dict) and isinstance(model.get("id"), str):
                yield _model(path, key, model)


def _model(path: Path, key: str, model: dict[str, Any]) -> ModelRow:
    prices = model.get("prices")
    if isinstance(prices, list):  # Prices that changed: the last entry without a condition on time holds.
        prices = (prices[-1] or {}).get("prices") if prices and isinstance(prices[-1], dict) else None
    prices = prices if isinstance(prices, dict) else {}
    context = model.get("context_window")
    return ModelRow(
        at=Place("genai-prices", path.name, key=f"{key}.{model['id']}"),
        name=model["id"],
        served_by=key,
        context_tokens=context if isinstance(context, int) else None,
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
    looks_like=lambda text: text.startswith("[") and '"api_pattern"' in text,
)
