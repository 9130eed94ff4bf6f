"""Configuration of gateways: routes with the models behind them, and their fallbacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Kind
from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._formats import Use, entries_of, use_of
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView

_PARAMETERS = re.compile(r"([a-z][a-z0-9]+)_(?:params|settings)\Z")


class GatewayConfig:
    """Reads lists of routes: the name that clients ask for is no model, what it leads to is."""

    id = "gateway-config"
    claim = Claim(
        reads="YAML and JSON with a list of models or targets of a gateway",
        finds=("provider", "model", "endpoint", "env", "role"),
        resolves=("provider prefixes", "api_base beside a model", "fallbacks are optional"),
        limits="Routes that a gateway keeps in its database are not seen.",
    )
    wants = Wants(suffixes=(".yaml", ".yml", ".json"), always=True, limit=2_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which gateway this is and where its routes lead."""
        if use_of(file) is not Use.GATEWAY:
            return
        entries = list(entries_of(file))
        yield from self._gateway(entries, file)
        behind = {entry.keys[:-2] for entry in entries if _PARAMETERS.match("".join(entry.keys[-2:-1]))}
        routes = [entry for entry in entries if not (entry.key == "model_name" and entry.keys[:-1] in behind)]
        yield from signals_of(routes, file, optional=is_example(file))

    def _gateway(self, entries: list[Entry], file: FileView) -> Iterator[Signal]:
        for entry in entries:
            for key in entry.keys:
                match = _PARAMETERS.match(key)
                provider = file.vendors.prefix(match[1]) if match else None
                record = file.vendors.providers.get(provider or "")
                if record is not None and "gateway" in record.roles:
                    yield Signal(
                        what=What.ENDPOINT,
                        line=entry.line,
                        block=("the gateway itself",),
                        provider=record.id,
                        kind=Kind.GATEWAY,
                        confidence=0.9,
                    )
                    return


DETECTOR = GatewayConfig()
