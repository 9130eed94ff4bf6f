"""Compose files: services, their images and variables, and which service serves another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.inventory.detectors._blocks import signals_of
from reliant.inventory.detectors._formats import YAML_ENDINGS, Use, entries_of, use_of
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView


class Compose:
    """Reads services; an endpoint that is another service is that service's image."""

    id = "compose"
    claim = Claim(
        reads="compose*.yaml, docker-compose*.yml, stack.yml",
        finds=("provider", "model", "endpoint", "env"),
        resolves=("a host that is a service of the file", "${NAME:-default}", "commands", "profiles"),
        limits="Files that are joined by `extends` or `-f` are read one by one.",
    )
    wants = Wants(suffixes=YAML_ENDINGS, always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the services are and what they call."""
        if use_of(file) is not Use.COMPOSE:
            return
        entries = list(entries_of(file))
        services = _services(entries, file)
        for signal in signals_of([entry for entry in entries if entry.keys[:1] != ("models",)], file):
            host = (signal.endpoint or "").partition("/")[0].partition(":")[0]
            if signal.provider is None and services.get(host):
                yield msgspec.structs.replace(signal, provider=services[host], confidence=0.8)
            else:
                yield signal
        yield from self._models(entries, file)

    def _models(self, entries: list[Entry], file: FileView) -> Iterator[Signal]:
        """Yield what the top-level `models` element names: compose runs them itself."""
        for entry in entries:
            if len(entry.keys) == 3 and entry.keys[0] == "models" and entry.keys[2] == "model":
                head, _, name = entry.value.rpartition("/")
                provider = file.vendors.image(entry.value) or file.vendors.prefix(head.partition("/")[0])
                yield Signal(
                    what=What.MODEL,
                    line=entry.line,
                    column=entry.column,
                    block=entry.keys[:-1],
                    model=name or entry.value,
                    provider=provider,
                )


def _services(entries: list[Entry], file: FileView) -> dict[str, str]:
    """Return the provider of each service that runs a known image; also by its container name."""
    images: dict[str, str] = {}
    names: dict[str, str] = {}
    for entry in entries:
        if len(entry.keys) == 3 and entry.keys[0] == "services" and not entry.commented:
            if entry.keys[2] == "image" and (provider := file.vendors.image(entry.value)):
                images[entry.keys[1]] = provider
            elif entry.keys[2] in {"container_name", "hostname"}:
                names[entry.value] = entry.keys[1]
    return images | {name: images[service] for name, service in names.items() if service in images}


DETECTOR = Compose()
