"""Finds out who serves each model, for every language in the same way.

A signal says where it stands: its file and its block. Calls of a block go to the endpoints of
that block; if it names none, to those of the block around it; then to those of the file; then
of the package. Where a level names several, the one whose developer made the model is taken,
and if that does not decide, nothing is: an unknown provider is an answer.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Kind, Role, Scope
from reliant.inventory.idforms import is_weight_file
from reliant.inventory.placed import PRODUCT, Placed, sdk_named, sent_elsewhere
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import plain_slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.inventory.vendors import Vendors

_PLAIN = 0.6
"""A plain word (`small`) counts as a model only if a library that knows it is there."""


class Linker:
    """Knows the endpoints of a target, by file and block."""

    def __init__(self, placed: Sequence[Placed], vendors: Vendors) -> None:
        self.vendors = vendors
        self._by_file: dict[str, list[Signal]] = defaultdict(list)
        self._by_block: dict[str, dict[tuple[str, ...], list[Signal]]] = {}
        self._of_block: dict[tuple[str, tuple[str, ...], str | None, bool, bool], Signal | None] = {}
        self._product: dict[str, float] = {}
        self._any: dict[str, float] = {}
        self._declared: set[str] = set()
        self._defaults: set[str] = set()
        for p in placed:
            signal = p.signal
            if signal.what is What.SDK and signal.provider:
                self._declared.add(signal.provider)
            elif signal.what is What.SDK and signal.sdk and p.scope is Scope.CODE:
                sdk = sdk_named(vendors, signal.sdk)
                if sdk is not None and sdk.provider and not sdk.general:
                    self._defaults.add(sdk.provider)
            if not _names_provider(signal):
                continue
            self._by_file[p.path].append(signal)
            if signal.provider:
                table = self._product if p.scope in PRODUCT else self._any
                table[signal.provider] = max(table.get(signal.provider, 0.0), signal.confidence)

        self._defaults -= sent_elsewhere(placed, vendors)

    def linked(self, placed: Sequence[Placed]) -> list[Placed]:
        """Return the signals with the provider filled in wherever it can be told."""
        found = []
        claimed: dict[tuple[str, int, str | None], set[str]] = defaultdict(set)
        for p in placed:
            if p.signal.what is What.MODEL and p.signal.provider:
                claimed[p.path, p.signal.line, p.signal.model].add(p.signal.provider)
        for p in placed:
            if self._is_a_rivals(p.signal, claimed[p.path, p.signal.line, p.signal.model]):
                continue
            signal = self._link(p)
            if signal is not None:
                found.append(p._replace(signal=signal))
        return found

    def _is_a_rivals(self, signal: Signal, rivals: set[str]) -> bool:
        """Say whether a model of a table belongs to another of the clients that one call may go to.

        `client.create(model=NAMES[which])` asks `client`, which is one of several: the form of the
        id says which, and an id in its maker's own form goes to the maker.
        """
        if len(rivals) < 2 or signal.what is not What.MODEL or not signal.model:
            return False
        formed = self.vendors.serves_id(signal.model)
        if formed in rivals:
            return signal.provider != formed
        record = self.vendors.providers.get(signal.provider or "")
        developer = self.vendors.developer(signal.model)
        return formed is None and developer in rivals and bool(record and record.serving_ids)

    def _link(self, p: Placed) -> Signal | None:
        signal = p.signal
        if signal.what is not What.MODEL or not signal.model:
            return signal
        developer = self.vendors.developer(signal.model) or self._lab_in_front(signal.model)
        formed = self.vendors.serves_id(signal.model)
        if signal.provider:
            if not signal.where and not self._may_serve(signal.provider, developer):
                return None  # a prefix glued to whatever id a variable may hold
            record = self.vendors.providers.get(signal.provider)
            home = self._own_server(developer) if self._only_passes_on(signal.provider) else None
            if home is not None and signal.kind is not Kind.TOKENIZER:
                return msgspec.structs.replace(signal, provider=home)
            if formed and record and "hub" in record.roles and "/" not in signal.model:
                return self._loaded(msgspec.structs.replace(signal, provider=formed))
            return self._loaded(signal)
        if formed is not None and (formed in self._product or formed in self._declared):
            return self._loaded(msgspec.structs.replace(signal, provider=formed))
        if is_weight_file(signal.model):
            return self._of_file(p, developer)
        if signal.model.isalpha() and signal.confidence <= _PLAIN and developer is None:
            return None
        head, colon, rest = signal.model.partition(":")
        if colon and rest and self.vendors.prefix(head) is not None:
            # `openai:gpt-x` is how some libraries write provider and model in one text.
            return self._loaded(
                msgspec.structs.replace(signal, provider=self.vendors.prefix(head), model=rest)
            )
        prefixed = self._by_prefix(p, signal.model, developer)
        if prefixed is not None:
            return self._loaded(msgspec.structs.replace(signal, provider=prefixed))
        labelled = self._by_label(p)
        if labelled is not None:
            return msgspec.structs.replace(signal, provider=labelled)
        distinct = formed is not None and not signal.model.isalpha()
        local = self._in_file(p, developer, shallowest=1)
        if local is None and not distinct:
            called = self._by_class(p, developer)
            if called is not None:
                return self._loaded(
                    msgspec.structs.replace(signal, provider=called, confidence=min(signal.confidence, 0.7))
                )
            local = self._in_file(p, developer)
        if local is not None and self._only_passes_on(local.provider):
            home = self._own_server(developer)
            if home is not None:
                return msgspec.structs.replace(signal, provider=home, sdk=signal.sdk or local.sdk)
        if local is not None:
            return self._loaded(_served(signal, local))
        if distinct:
            return msgspec.structs.replace(signal, provider=formed)
        placed = self._by_file_name(p, developer)
        if placed is not None:
            return msgspec.structs.replace(signal, provider=placed, confidence=min(signal.confidence, 0.7))
        if signal.kind in {Kind.OPEN_WEIGHTS, Kind.TOKENIZER}:
            return signal
        return self._in_package(signal, developer, p.scope)

    def _of_file(self, p: Placed, developer: str | None) -> Signal:
        """Return a file of weights as what runs it here: no maker's server is asked for a file."""
        local = self._in_file(p, developer)
        if local is not None and local.provider and self._has_weights(local.provider):
            return self._loaded(_served(p.signal, local))
        pool = [provider for provider in self._product if self._has_weights(provider)]
        kind = p.signal.kind or Kind.OPEN_WEIGHTS
        if len(pool) == 1:
            sure = min(p.signal.confidence, 0.6)
            return self._loaded(
                msgspec.structs.replace(p.signal, provider=pool[0], kind=kind, confidence=sure)
            )
        return msgspec.structs.replace(p.signal, kind=kind)

    def _has_weights(self, provider: str) -> bool:
        record = self.vendors.providers.get(provider)
        return record is not None and (
            bool({"hub", "local-runtime"} & set(record.roles)) or record.downloads_from is not None
        )

    def _loaded(self, signal: Signal) -> Signal:
        """Return a model that a library fetches from a hub as served by that hub, with the library as SDK."""
        record = self.vendors.providers.get(signal.provider or "")
        if record is None or not record.downloads_from or signal.model is None:
            return signal
        if self.vendors.is_closed(signal.model):
            home = self._own_server(self.vendors.developer(signal.model))
            return msgspec.structs.replace(signal, provider=home, sdk=None) if home else signal
        if self.vendors.developer(signal.model) == record.id or is_weight_file(signal.model):
            return msgspec.structs.replace(signal, kind=signal.kind or Kind.OPEN_WEIGHTS)
        names = record.packages.get("pypi") or ()
        return msgspec.structs.replace(
            signal,
            provider=record.downloads_from,
            kind=signal.kind or Kind.OPEN_WEIGHTS,
            sdk=signal.sdk or (names[0] if names else None),
            developer=signal.developer or record.developer,
        )

    def _by_prefix(self, p: Placed, model: str, developer: str | None) -> str | None:
        """Return the provider that stands in front of an id, unless it is only the developer's name.

        `groq/llama-x` names the server. `anthropic/claude-x` names the developer where an aggregator
        is asked, and the server where a library reads the prefix.
        """
        head, slash, _ = model.partition("/")
        named = self.vendors.prefix(head) if slash else None
        if named is None:
            return None
        unlike = head.lower() != named and not self.vendors.is_organisation(head)
        if named != developer or unlike:
            return named if developer is not None or named in self._product else None
        local = self._in_file(p, developer)
        if local is not None and local.provider and self._resells(local.provider):
            return None
        return self._broker_instead_of(named) or named

    def _lab_in_front(self, model: str) -> str | None:
        """Return the lab that an id begins with, for a model of it that no record lists."""
        head, slash, _ = model.partition("/")
        named = self.vendors.prefix(head) if slash else None
        record = self.vendors.providers.get(named or "")
        return named if record is not None and "lab" in record.roles else None

    def _broker_instead_of(self, named: str) -> str | None:
        """Return the one aggregator that the project calls, if nothing in it knows the way to `named`."""
        if named in {*self._product, *self._declared, *self._defaults}:
            return None
        brokers = [
            provider
            for provider in self._product
            if {"gateway", "reseller"} & set(self.vendors.providers[provider].roles)
            and self._sells(provider)
            and not self._only_passes_on(provider)
        ]
        return brokers[0] if len(brokers) == 1 else None

    def _only_passes_on(self, provider: str | None) -> bool:
        """Say whether a provider is a library that hands calls on and serves nothing itself."""
        record = self.vendors.providers.get(provider or "")
        return (
            record is not None
            and not record.hosts
            and "gateway" in record.roles
            and set(record.roles) <= {"gateway", "framework"}
        )

    def _nearer_home(self, found: Signal, developer: str | None, model: str) -> bool:
        """Say whether a plain id is rather its developer's own than an aggregator's of the same file.

        Aggregators write `owner/name`; a plain id beside one goes home if the project knows the way.
        """
        record = self.vendors.providers.get(found.provider or "")
        if record is None or developer is None or "/" in model or "gateway" not in record.roles:
            return False
        return developer in {*self._product, *self._declared, *self._defaults} and developer != found.provider

    def _sells(self, provider: str) -> bool:
        """Say whether a provider can serve a model whose weights are not handed out."""
        record = self.vendors.providers.get(provider)
        if record is None:
            return True
        roles = set(record.roles)
        return "local-runtime" not in roles and bool({"api", "partner-cloud", "reseller", "gateway"} & roles)

    def _own_server(self, developer: str | None) -> str | None:
        record = self.vendors.providers.get(developer or "")
        return developer if record is not None and record.hosts and "api" in record.roles else None

    def _resells(self, provider: str) -> bool:
        record = self.vendors.providers.get(provider)
        if record is None:
            return False
        roles = set(record.roles)
        return "lab" not in roles or bool(roles & {"gateway", "reseller", "hub", "partner-cloud"})

    def _by_class(self, p: Placed, developer: str | None) -> str | None:
        """Return the provider after which the innermost class around a signal is named, if one is."""
        for part in reversed(p.signal.block):
            if part.startswith("class "):
                return self._named(part.partition(" ")[2].rpartition(":")[0], developer)
        return None

    def _by_file_name(self, p: Placed, developer: str | None) -> str | None:
        return self._named(p.path.rpartition("/")[2], developer)

    def _named(self, place: str, developer: str | None) -> str | None:
        """Return the one provider of the package that a class or file name contains."""
        known = {*self._product, *self._declared, *self._defaults}
        if developer is not None:
            known.add(developer)
        named = {provider for provider in known if self.vendors.named_in(place, provider)}
        if len(named) > 1:  # `azure-openai` contains `openai`
            longest = max(named, key=len)
            named = {provider for provider in named if provider == longest or provider not in longest}
        return named.pop() if len(named) == 1 else None

    def _by_label(self, p: Placed) -> str | None:
        """Return the provider whose name the innermost table entry or branch around a signal carries."""
        for part in reversed(p.signal.block):
            kind, _, rest = part.partition(" ")
            if kind in {"entry", "branch", "case"}:
                name = rest.rpartition(":")[0]
                provider = self.vendors.prefix(name) or self.vendors.slugs.get(plain_slug(name))
                if provider is not None:
                    return provider
        return None

    def _in_file(self, p: Placed, developer: str | None, *, shallowest: int = 0) -> Signal | None:
        """Return the endpoint of the innermost block around the signal that settles it."""
        if p.path not in self._by_file:
            return None
        block = p.signal.block
        for depth in range(len(block), shallowest - 1, -1):
            found = self._inside(p.path, block[:depth], developer, p.signal.model or "")
            if found is not None and depth == 0 and self._nearer_home(found, developer, p.signal.model or ""):
                return None
            if found is not None:
                return found
        return None

    def _inside(self, path: str, block: tuple[str, ...], developer: str | None, model: str) -> Signal | None:
        """Return the endpoint that settles a block for models of a developer, worked out once."""
        closed = self.vendors.is_closed(model)
        key = (path, block, developer, closed, "/" in model)
        if key not in self._of_block:
            inside = self._blocks_of(path).get(block, [])
            if closed:
                inside = [e for e in inside if e.provider is None or self._sells(e.provider)]
            if not block:
                inside = [e for e in inside if e.provider or e.sdk]
            self._of_block[key] = self._settled(
                inside, developer, hub_form="/" in model, whole_file=not block
            )
        return self._of_block[key]

    def _blocks_of(self, path: str) -> dict[tuple[str, ...], list[Signal]]:
        """Return the endpoints of a file by each block that they stand in."""
        found = self._by_block.get(path)
        if found is None:
            found = self._by_block[path] = defaultdict(list)
            for endpoint in self._by_file[path]:
                for depth in range(len(endpoint.block) + 1):
                    found[endpoint.block[:depth]].append(endpoint)
        return found

    def _settled(
        self, inside: list[Signal], developer: str | None, *, hub_form: bool, whole_file: bool
    ) -> Signal | None:
        strong = [e for e in inside if e.what is What.ENDPOINT]
        for candidates in (strong, [e for e in inside if e.what is not What.ENDPOINT]):
            named: dict[str | None, Signal] = {}
            for endpoint in candidates:
                named.setdefault(endpoint.provider, endpoint)
            if None in named and not named[None].endpoint:
                del named[None]
            if len(named) == 1:
                only = next(iter(named.values()))
                if only.provider is None or self._may_serve(only.provider, developer):
                    return only
            elif named:
                fitting = self._fitting(named, developer, hub_form=hub_form)
                if len(fitting) == 1:
                    return fitting[0]
                known = {
                    provider: e
                    for provider, e in named.items()
                    if provider and self._may_serve(provider, developer)
                }
                if len(known) == 1 and not whole_file:
                    return next(iter(known.values()))
        return None

    def _fitting(
        self, named: dict[str | None, Signal], developer: str | None, *, hub_form: bool
    ) -> list[Signal]:
        """Return the endpoints that are at home with a model's developer."""
        if hub_form and any(provider and self._resells(provider) for provider in named):
            named = {provider: e for provider, e in named.items() if provider and self._resells(provider)}
            if len(named) == 1:
                return list(named.values())
        return [e for provider, e in named.items() if provider and self._is_home(provider, developer)]

    def _may_serve(self, provider: str, developer: str | None) -> bool:
        """Say whether a provider can be meant for a model that stands somewhere in its file."""
        if developer is None or developer == provider:
            return True
        record = self.vendors.providers.get(provider)
        maker = self.vendors.providers.get(developer)
        if record is None or maker is None:
            return True
        only_own = "lab" in record.roles and set(record.roles) <= {"lab", "api", "app"}
        return not only_own or developer in self._family(provider)

    def _is_home(self, provider: str, developer: str | None) -> bool:
        return developer is not None and (provider == developer or developer in self._family(provider))

    def _family(self, provider: str) -> set[str]:
        record = self.vendors.providers.get(provider)
        return {provider, *(record.serves if record else ())}

    def _in_package(self, signal: Signal, developer: str | None, scope: Scope) -> Signal:
        pool = self._product or self._any
        if self.vendors.is_closed(signal.model or ""):
            pool = {provider: sure for provider, sure in pool.items() if self._sells(provider)}
        if "/" in (signal.model or "") and not (signal.model or "").startswith(("models/", "publishers/")):
            pool = {provider: sure for provider, sure in pool.items() if self._resells(provider)}
            hubs = [p for p in pool if "hub" in self.vendors.providers[p].roles]
            if len(hubs) == 1:
                return msgspec.structs.replace(
                    signal, provider=hubs[0], confidence=min(signal.confidence, 0.6)
                )
        if developer is not None:
            home = [provider for provider in pool if self._is_home(provider, developer)]
            if len(home) == 1:
                return msgspec.structs.replace(
                    signal, provider=home[0], confidence=min(signal.confidence, 0.75)
                )
            if len(home) > 1 and developer in home:
                return msgspec.structs.replace(
                    signal, provider=developer, confidence=min(signal.confidence, 0.6)
                )
        if developer in self._defaults:
            return msgspec.structs.replace(
                signal, provider=developer, confidence=min(signal.confidence, 0.55)
            )
        home_of_it = self._own_server(developer)
        if home_of_it is not None and any(self._only_passes_on(provider) for provider in pool):
            # A library that hands calls on is somewhere in the project, and sends a plain id to its maker.
            return msgspec.structs.replace(
                signal, provider=home_of_it, confidence=min(signal.confidence, 0.55)
            )
        if len(pool) == 1 and self._may_serve(next(iter(pool)), developer):
            return msgspec.structs.replace(
                signal, provider=next(iter(pool)), confidence=min(signal.confidence, 0.6)
            )
        return signal


def _names_provider(signal: Signal) -> bool:
    if signal.role is Role.LISTED:
        return False
    if signal.what is What.ENDPOINT:
        return True
    return signal.what in {What.ENV, What.SDK} and signal.provider is not None


def _served(signal: Signal, by: Signal) -> Signal:
    kind = signal.kind
    if kind is None and by.kind in {Kind.OPEN_WEIGHTS, Kind.EMBEDDING, Kind.TOKENIZER}:
        kind = by.kind
    return msgspec.structs.replace(
        signal,
        provider=by.provider,
        sdk=signal.sdk or by.sdk,
        kind=kind,
        endpoint=signal.endpoint or by.endpoint,
        region=signal.region or by.region,
        channel=signal.channel or by.channel,
        family=signal.family or by.family,
        confidence=min(signal.confidence, max(by.confidence, 0.6)),
    )
