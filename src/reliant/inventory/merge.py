"""Makes uses of signals: one per provider, model, kind and scope, with all the places that show it."""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from reliant.core.need import suppliers
from reliant.core.use import Channel, Evidence, Kind, NotLookedAt, Role, Scope, Use
from reliant.inventory.across import answered
from reliant.inventory.aliases import by_alias
from reliant.inventory.link import Linker
from reliant.inventory.placed import (
    Placed,
    by_default,
    called_first,
    in_one_region,
    joined,
    place,
    without_borrowed_keys,
    without_tables,
)
from reliant.inventory.roles import Roles, roles_of, with_alternatives
from reliant.inventory.served import only_what_is_served
from reliant.inventory.signals import What

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.core.need import Function
    from reliant.inventory.engine import Seen
    from reliant.inventory.vendor_facts import ProviderFacts
    from reliant.inventory.vendors import Vendors

_MOST_EVIDENCE = 25
"""Places kept per use; the first ones by path and line."""


def merged(
    seen: Iterable[Seen], vendors: Vendors
) -> tuple[tuple[Use, ...], tuple[Function, ...], tuple[NotLookedAt, ...]]:
    """Return the uses, the functions of the product that need them, and the tables left aside."""
    from reliant.inventory.functions import functions_of  # noqa: PLC0415 - functions know uses
    from reliant.inventory.needs import Ways  # noqa: PLC0415
    from reliant.inventory.presets import defaults_left  # noqa: PLC0415

    entries = sorted(seen, key=lambda entry: entry.path)
    placed = by_default(called_first(answered(place(entries), entries, vendors)), vendors)
    placed = in_one_region(without_borrowed_keys(placed, vendors), vendors)
    linked = only_what_is_served(joined(Linker(placed, vendors).linked(placed), vendors), vendors)
    linked, asked = by_alias(linked, vendors)
    linked, tables = without_tables(linked)
    roles = roles_of(linked, vendors)
    linked = with_alternatives(linked, roles)
    drafts = _drafts(linked, vendors, roles)
    shapes = {entry.path: facts.shape for entry in entries for facts in entry.facts if facts.shape}
    routes = [p for p in linked if p.signal.what is What.ROUTE]
    functions = functions_of(
        drafts, roles, routes, asked, Ways(linked, shapes), defaults_left(entries, drafts)
    )
    needed: dict[str, list[str]] = defaultdict(list)
    for function in functions:
        for use in suppliers(function.need):
            needed[use].append(function.id)
    uses = [draft.use(vendors, tuple(needed.get(draft.id, ()))) for draft in drafts]
    aside = tuple(
        NotLookedAt(path, f"names {count:,} model ids in a table: prices or a catalogue, not counted as uses")
        for path, count in sorted(tables.items())
    )
    return tuple(sorted(uses, key=_order)), functions, aside


class Draft:
    """A use while its evidence is being gathered."""

    def __init__(
        self, provider: str | None, model: str | None, kind: Kind, scope: Scope, sdk: str | None
    ) -> None:
        self.provider = provider
        self.model = model
        self.kind = kind
        self.scope = scope
        self.sdk = sdk
        self.places: list[Placed] = []
        self.decided = Role.DEFAULT

    def use(self, vendors: Vendors, functions: tuple[str, ...]) -> Use:
        """Return the finished use."""
        signals = [p.signal for p in self.places]
        best = max(signals, key=lambda s: s.confidence)
        told = next((s.developer for s in signals if s.developer), None)
        developer = (vendors.developer(self.model) if self.model else None) or told
        record = vendors.providers.get(self.provider or "")
        if developer is None and self.model and record and record.developer:
            developer = record.developer
        return Use(
            id=self.id,
            provider=self.provider,
            sdk=self.sdk,
            developer=developer,
            model=self.model,
            kind=self.kind,
            channel=best.channel or _channel(self.provider, self.kind, vendors),
            role=self.role,
            scope=self.scope,
            confidence=round(best.confidence, 2),
            functions=functions,
            evidence=self.evidence(),
            overridable_by=next((s.env for s in signals if s.env), None),
            chosen_at_run_time=self.model is None and any(s.run_time for s in signals),
            region=next((s.region for s in signals if s.region), None),
            endpoint=next((s.endpoint for s in signals if s.endpoint), None),
        )

    @property
    def id(self) -> str:
        """Stable over runs: from what is used, not from where."""
        named = "\0".join((self.provider or "", self.sdk or "", self.model or "", self.kind, self.scope))
        head = self.model or self.sdk or self.provider or "unknown"
        plain = "".join(c if c.isalnum() or c in "-." else "-" for c in head.lower())[:40].strip("-")
        return f"{plain}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"

    @functools.cached_property
    def groups(self) -> frozenset[str]:
        """The sets of alternatives that its places are of; empty text for a place of none."""
        return frozenset(p.signal.group for p in self.places)

    @functools.cached_property
    def role(self) -> Role:
        """The strongest role that any place shows."""
        if all(p.signal.what is What.ENV for p in self.places):
            return max(
                Role.OPTIONAL, self.decided, key=_STRONGEST.index
            )  # a key that is read is a door, not a call
        roles = [p.signal.role or self.decided for p in self.places]
        return min(roles, key=_STRONGEST.index)

    def evidence(self) -> tuple[Evidence, ...]:
        """The places, in order, each line once; the surest ones first choice if there are too many."""
        found: dict[tuple[str, int], Evidence] = {}
        sure = sorted(self.places, key=lambda p: -p.signal.confidence)[: _MOST_EVIDENCE * 4]
        for p in sure:
            key = (p.path, p.signal.line)
            if key not in found and len(found) < _MOST_EVIDENCE:
                found[key] = Evidence(p.path, p.signal.line, p.signal.column, p.text, p.detector)
        return tuple(sorted(found.values()))


_UNSURE = 0.5
"""A text that may be an id, of nobody known, served by nobody known, is a text."""

_ANYBODYS = frozenset({
    "model.bin", "pytorch_model.bin", "model.onnx", "model.safetensors", "model.pt", "model.pth",
    "adapter_model.bin",
})  # fmt: skip
"""Names that every weight file has: without a provider they say nothing."""

_THE_FILE = "model-file"
"""Id of the detector that saw the file itself, and not only its name."""

_SCOPES = list(Scope)
_STRONGEST = [Role.DEFAULT, Role.OPTIONAL, Role.LISTED]
_ASIDE = frozenset({Scope.TESTS, Scope.DOCS, Scope.EXAMPLES, Scope.TOOLING})


def _decided(provider: str | None, scope: Scope, roles: Roles, coded: set[str | None]) -> Role:
    """Return the role of a provider where the signal itself does not say it."""
    if scope in _ASIDE:
        return Role.OPTIONAL
    if provider in roles.of:
        return roles.of[provider]
    if scope is Scope.MANIFEST and provider is not None and coded and provider not in coded:
        return Role.OPTIONAL
    return Role.DEFAULT


def _drafts(placed: Sequence[Placed], vendors: Vendors, decided: Roles) -> list[Draft]:
    drafts: dict[tuple[str | None, str | None, Kind, Scope, str | None], Draft] = {}
    coded: set[str | None] = {
        p.signal.provider for p in placed if p.scope is Scope.CODE and p.signal.provider
    }
    for p in placed:
        signal = p.signal
        if signal.what in {What.CHOICE, What.LABEL, What.ROUTE, What.KIN, What.NAMED}:
            continue
        named = signal.model.lower() if signal.model else ""
        if signal.provider is None and named in _ANYBODYS and p.detector != _THE_FILE:
            continue
        nobody = signal.what is What.ENDPOINT and not (signal.provider or signal.sdk or signal.where)
        if nobody and signal.confidence < _UNSURE:
            continue
        unsure = signal.what is What.MODEL and signal.provider is None and signal.confidence <= _UNSURE
        if unsure and vendors.developer(signal.model or "") is None:
            continue
        kind = _kind(p, vendors)
        model = signal.model if signal.what is What.MODEL else None
        sdk = signal.sdk if signal.what is What.SDK else None
        key = (signal.provider, model.lower() if model else None, kind, p.scope, sdk)
        draft = drafts.get(key)
        if draft is None:
            draft = drafts[key] = Draft(signal.provider, model, kind, p.scope, signal.sdk)
            draft.decided = _decided(signal.provider, p.scope, decided, coded)
        draft.sdk = draft.sdk or signal.sdk
        draft.places.append(p)
    return _without_shadows(drafts.values())


def _without_shadows(drafts: Iterable[Draft]) -> list[Draft]:
    """Drop an endpoint without a model where the same provider and scope has one with a model."""
    found = list(drafts)
    with_model: dict[tuple[str | None, Scope], list[Draft]] = defaultdict(list)
    for draft in found:
        if draft.model and draft.role is not Role.LISTED:
            with_model[draft.provider, draft.scope].append(draft)
    kept = []
    for draft in found:
        served = with_model.get((draft.provider, draft.scope), [])
        weaker = draft.role is Role.DEFAULT and all(d.role is not Role.DEFAULT for d in served)
        if draft.model is None and draft.kind is not Kind.SDK and served and draft.provider and not weaker:
            paths = {p.path for d in served for p in d.places}
            ways = {(p.path, p.signal.group) for d in served for p in d.places} | {*_no_way(draft)}
            if all(p.path in paths and (p.path, p.signal.group) in ways for p in draft.places):
                for d in served:
                    d.sdk = d.sdk or draft.sdk
                continue
        kept.append(draft)
    return kept


def _no_way(draft: Draft) -> Iterable[tuple[str, str]]:
    """Return the places of a draft that are not a way of a gateway's route."""
    return ((p.path, "") for p in draft.places if not p.signal.group)


def _kind(p: Placed, vendors: Vendors) -> Kind:
    signal = p.signal
    if signal.what is What.SDK:
        return signal.kind or Kind.SDK
    if signal.kind is not None:
        return signal.kind
    if signal.model and _embeds(signal.model):
        return Kind.EMBEDDING
    record = vendors.providers.get(signal.provider or "")
    roles = set(record.roles) if record else set()
    if "local-runtime" in roles or roles == {"hub"} or (record is not None and _runs_here(record)):
        return Kind.OPEN_WEIGHTS
    if "gateway" in roles and not roles & {"api", "reseller", "lab"}:
        return Kind.GATEWAY
    return Kind.HOSTED_API


def _runs_here(record: ProviderFacts) -> bool:
    """Say whether a provider is a library that fetches weights and has no server: nobody is called."""
    return (
        "framework" in record.roles and not {"api", "gateway", "hub"} & set(record.roles) and not record.hosts
    )


def _embeds(model: str) -> bool:
    low = model.lower()
    return "embed" in low or low.startswith(("bge-", "gte-", "voyage-")) or "/bge-" in low


def _channel(provider: str | None, kind: Kind, vendors: Vendors) -> Channel:
    record = vendors.providers.get(provider or "")
    if kind is Kind.OPEN_WEIGHTS:
        return Channel.SELF_HOSTED
    if record is None:
        return Channel.UNKNOWN
    roles = set(record.roles)
    if _runs_here(record):
        return Channel.SELF_HOSTED
    if "local-runtime" in roles and ("api" not in roles or kind is Kind.SDK):
        return Channel.SELF_HOSTED  # a runtime's own package speaks to this machine unless told otherwise
    if "partner-cloud" in roles:
        return Channel.PARTNER
    if roles & {"lab", "api", "hub"}:
        return Channel.DIRECT
    if roles & {"reseller", "gateway"}:
        return Channel.RESELLER
    return Channel.APP if "app" in roles else Channel.DIRECT


def _order(use: Use) -> tuple[int, int, str, str, str]:
    return (
        _SCOPES.index(use.scope),
        _STRONGEST.index(use.role),
        use.provider or "~",
        use.model or "",
        use.id,
    )
