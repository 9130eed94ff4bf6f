"""models.dev: providers with their keys, addresses and the models they serve (JSON)."""

from __future__ import annotations

import urllib.parse
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

_THIS_MACHINE = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}  # noqa: S104 - compared with, never bound to


def _read(path: Path) -> Iterator[Row]:
    data = document(path)
    providers = data.get("providers", data) if isinstance(data, dict) else None
    if not isinstance(providers, dict):
        raise ConfigError(path, 0, "is no copy of models.dev: it has no providers")
    for key, provider in providers.items():
        if not isinstance(provider, dict):
            continue
        address = text(provider.get("api")) or ""
        package = text(provider.get("npm"))
        host = _host(address)
        yield ProviderRow(
            at=Place("models.dev", path.name, key=f"providers.{key}"),
            id=key,
            name=text(provider.get("name")),
            hosts=(host,) if host else (),
            env_vars=texts(provider.get("env")),
            packages={"npm": (package,)} if package else {},
            link=text(provider.get("doc")),
            note=address or None,
        )
        for name, model in mapping(provider.get("models")).items():
            if isinstance(model, dict):
                yield _model(path, key, name, model)


def _host(address: str) -> str:
    """Return the host of an address; none where it is a placeholder or this machine."""
    try:
        host = urllib.parse.urlsplit(address).hostname or "" if "://" in address else ""
    except ValueError:
        return ""
    return "" if "$" in host or "{" in host or host in _THIS_MACHINE else host


def _model(path: Path, key: str, name: str, model: dict[str, Any]) -> ModelRow:
    cost, limit = mapping(model.get("cost")), mapping(model.get("limit"))
    opened, base = model.get("open_weights"), text(model.get("base_model"))
    return ModelRow(
        at=Place("models.dev", path.name, key=f"providers.{key}.models.{name}"),
        name=name,
        served_by=key,
        released=text(model.get("release_date")),
        weights={True: "open", False: "closed"}.get(opened) if isinstance(opened, bool) else None,
        domains=texts(mapping(model.get("modalities")).get("input")),
        base_models=(base,) if base else (),
        context_tokens=whole(limit.get("context")),
        input_usd_per_million=number(cost.get("input")),
        output_usd_per_million=number(cost.get("output")),
    )


FORMAT = Format(
    name="models.dev",
    title="models.dev, providers and models (JSON)",
    licence="MIT",
    read=_read,
    looks_like=lambda start: start.startswith("{") and ('"base_models"' in start or '"npm"' in start),
)
