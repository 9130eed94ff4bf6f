"""Configuration of gateways: the names that clients ask for, and who is behind them in which order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Channel, Kind, Role, Scope
from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._formats import Use, entries_of, use_of
from reliant.inventory.detectors._routes import Routes, Upstream, Way, is_own, own_gateway, routes_of
from reliant.inventory.detectors._settings import setting_entries
from reliant.inventory.idforms import looks_like_id
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView

_PARAMETERS = re.compile(r"([a-z][a-z0-9]+)_(?:params|settings)\Z")
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
        routes = routes_of(entries, file.path)
        yield from self._gateway(entries, file)
        behind = {entry.keys[:-2] for entry in entries if _PARAMETERS.match("".join(entry.keys[-2:-1]))}
        settings = [
            entry
            for entry in entries
            if not (entry.key == "model_name" and entry.keys[:-1] in behind) and not _names(entry, routes)
        ]
        yield from _routed(list(signals_of(settings, file, optional=is_example(file))), entries, routes, file)

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


def _names(entry: Entry, routes: Routes) -> bool:
    """Say whether a setting only names a route, as the lists of fallbacks do."""
    return entry.value in routes.names and any(key.endswith("fallbacks") for key in entry.keys)


def _scope(file: FileView) -> Scope | None:
    return Scope.CONFIG if file.scope is Scope.CODE else None


def _routed(
    signals: list[Signal], entries: Sequence[Entry], routes: Routes, file: FileView
) -> Iterator[Signal]:
    """Yield the signals with each way's group, a signal for a way that said nothing, and the routes."""
    here = {way: f"{file.path}:{way.line}" for way in routes.ways}
    said: dict[Way, list[Signal]] = {way: [] for way in routes.ways}
    begins = {way.at: way for way in routes.ways}
    for signal in signals:
        block = signal.block
        at = next((block[:depth] for depth in range(len(block) + 1) if block[:depth] in begins), None)
        way = begins[at] if at is not None else None
        if way is None:
            yield signal
        elif not (signal.model or "").startswith("os.environ/"):  # the variable's name is no id
            said[way].append(msgspec.structs.replace(signal, group=way.group, where=here[way]))
    inside: dict[Way, list[Entry]] = {way: [] for way in routes.ways}
    for entry in entries:
        for depth in range(len(entry.keys)):
            if not entry.commented and entry.keys[:depth] in begins:
                inside[begins[entry.keys[:depth]]].append(entry)
    for way, own in said.items():
        elsewhere = [s for s in own if s.what is What.ENDPOINT and s.provider is None and s.endpoint]
        for signal in own:
            head, slash, rest = (signal.model or "").partition("/")
            if elsewhere and slash and signal.what is What.MODEL and file.vendors.prefix(head) is not None:
                # `openai/x` at an address of one's own names the language spoken, not who answers.
                yield msgspec.structs.replace(signal, model=rest, provider=None)
            else:
                yield signal
        if not own:
            yield _unsaid(way, inside[way], file, here[way])
    for path in routes.paths:
        yield Signal(
            what=What.ROUTE,
            line=path.line,
            block=("routes",),
            model=path.name,
            options=path.groups,
            scope=_scope(file),
            where=f"{file.path}:{path.line}",
        )


def _unsaid(way: Way, inside: Sequence[Entry], file: FileView, where: str) -> Signal:
    """Return what stands for a way of which the settings told nothing that is known."""
    model = next((e for e in inside if e.key == "model"), None)
    head, slash, rest = model.value.partition("/") if model else ("", "", "")
    return Signal(
        what=What.ENDPOINT,
        line=model.line if model else way.line,
        block=way.at,
        provider=file.vendors.prefix(head) if slash else None,
        env=rest if head == "os.environ" else None,
        run_time=not rest or rest == "*" or head == "os.environ",
        group=way.group,
        where=where,
        scope=_scope(file),
        role=Role.OPTIONAL if is_example(file) else None,
        confidence=0.7,
    )


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
                scope=_scope(file),
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
        scope=_scope(file),
        role=role,
        confidence=0.9,
    )


DETECTOR = GatewayConfig()
