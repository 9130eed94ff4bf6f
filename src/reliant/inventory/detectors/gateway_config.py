"""Configuration of gateways: the names that clients ask for, and who is behind them in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Channel, Kind, Role
from reliant.inventory.detectors._blocks import is_example
from reliant.inventory.detectors._formats import Use, entries_of, use_of
from reliant.inventory.detectors._routes import Upstream, is_own, own_gateway
from reliant.inventory.detectors._settings import setting_entries
from reliant.inventory.detectors._ways import PARAMETERS, scope_in, ways_of
from reliant.inventory.idforms import looks_like_id
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView

_CHANNELS = {channel.value for channel in Channel}


class GatewayConfig:
    """Reads lists of routes: the name that clients ask for is no model, what it leads to is."""

    id = "gateway-config"
    claim = Claim(
        reads="YAML and JSON with a list of models or targets of a gateway, and our own gateway.toml",
        finds=("provider", "model", "endpoint", "env", "role"),
        resolves=(
            "provider prefixes",
            "api_base beside a model",
            "deployments of one name, and its fallbacks, are alternatives in order",
            "what a route needs besides",
        ),
        limits="Routes that a gateway keeps in its database are not seen, nor what a virtual key stands for.",
    )
    wants = Wants(suffixes=(".yaml", ".yml", ".json", ".toml"), always=True, limit=2_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which gateway this is, where its routes lead, and in which order."""
        if file.name.lower().endswith(".toml"):
            if is_own(file.text):
                yield from _own(file)
            return
        if use_of(file) is not Use.GATEWAY:
            return
        entries = list(entries_of(file))
        yield from self._gateway(entries, file)
        yield from ways_of(entries, file)

    def _gateway(self, entries: list[Entry], file: FileView) -> Iterator[Signal]:
        for entry in entries:
            for key in entry.keys:
                match = PARAMETERS.match(key)
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


def _own(file: FileView) -> Iterator[Signal]:
    """Yield the ways and routes of our own gateway."""
    upstreams, routes = own_gateway(setting_entries(file.text))
    role = Role.OPTIONAL if is_example(file) else None
    asked: set[str] = set()
    for number, route in enumerate(routes):
        for needed in route.needed:
            groups = []
            for name in needed:
                upstream = upstreams.get(name)
                if upstream is None:
                    continue  # the gateway refuses such a file
                asked.add(name)
                groups.append(f"route {number} {name}")
                yield _handed(upstream, route.name, route.substitutes.get(name), groups[-1], file, role)
            yield Signal(
                what=What.ROUTE,
                line=route.line,
                block=("routes",),
                model=route.name,
                options=tuple(groups),
                scope=scope_in(file),
                where=f"{file.path}:{route.line}",
            )
    for name, upstream in upstreams.items():
        if name not in asked:
            yield _handed(upstream, "*", None, "", file, Role.OPTIONAL)


def _handed(
    upstream: Upstream, asked: str, instead: str | None, group: str, file: FileView, role: Role | None
) -> Signal:
    """Return what a call of a route becomes at an upstream."""
    vendors = file.vendors
    given, line = upstream.models.get(asked, (asked, upstream.line))
    model = instead or given
    told = model if looks_like_id(model) and not set(model) & set("*?[") else None
    known = told if told and (told != asked or vendors.knows_id(told) or vendors.developer(told)) else None
    provider = (upstream.provider or "").lower()
    return Signal(
        what=What.MODEL if known else What.ENDPOINT,
        line=line,
        block=(f"upstream {upstream.name}", group),
        provider=provider if provider in vendors.providers else vendors.slugs.get(provider),
        model=known,
        endpoint=(upstream.base_url or "").split("//", 1)[-1][:120] or None,
        channel=Channel(upstream.channel) if upstream.channel in _CHANNELS else None,
        region=upstream.region,
        run_time=known is None,
        group=group,
        where=f"{file.path}:{line}" if group else "",
        scope=scope_in(file),
        role=role,
        confidence=0.9,
    )


DETECTOR = GatewayConfig()
