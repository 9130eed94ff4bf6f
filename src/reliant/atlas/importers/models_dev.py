"""models.dev: providers with their keys, addresses and the models they serve (JSON)."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from reliant.atlas.importers._rows import Format, ModelRow, Place, ProviderRow, Row, document, number
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
        address = provider.get("api") or ""
        host = _host(address)
        yield ProviderRow(
            at=Place("models.dev", path.name, key=f"providers.{key}"),
            id=key,
            name=provider.get("name"),
            hosts=(host,) if host else (),
            env_vars=tuple(name for name in provider.get("env", ()) if isinstance(name, str)),
            packages={"npm": (provider["npm"],)} if provider.get("npm") else {},
            link=provider.get("doc"),
            note=address or None,
        )
        for name, model in (provider.get("models") or {}).items():
            if isinstance(model, dict):
                yield _model(path, key, name, model)


def _host(address: str) -> str:
    """Return the host of an address; none where it is a placeholder or this machine."""
    host = urllib.parse.urlsplit(address).hostname or "" if "://" in address else ""
    return "" if "$" in host or "{" in host or host in _THIS_MACHINE else host


def _model(path: Path, key: str, name: str, model: dict[str, Any]) -> ModelRow:
    cost, limit = model.get("cost") or {}, model.get("limit") or {}
    opened = model.get("open_weights")
    return ModelRow(
        at=Place("models.dev", path.name, key=f"providers.{key}.models.{name}"),
        name=name,
        served_by=key,
        released=model.get("release_date"),
        weights={True: "open", False: "closed"}.get(opened) if isinstance(opened, bool) else None,
        domains=tuple((model.get("modalities") or {}).get("input", ())),
        base_models=(model["base_model"],) if isinstance(model.get("base_model"), str) else (),
        context_tokens=limit.get("context") if isinstance(limit.get("context"), int) else None,
        input_usd_per_million=number(cost.get("input")),
        output_usd_per_million=number(cost.get("output")),
    )


FORMAT = Format(
    name="models.dev",
    title="models.dev, providers and models (JSON)",
    licence="MIT",
    read=_read,
    looks_like=lambda text: text.startswith("{") and ('"base_models"' in text or '"npm"' in text),
)
