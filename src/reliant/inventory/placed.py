"""Signals with their places, and what can be said of them before and after they are linked.

Declared packages are joined with the code that uses them, clients left alone go to their own vendor,
tables of models are set aside, and of two signals at one place the call counts.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.core.use import Role, Scope
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.inventory.engine import Seen
    from reliant.inventory.vendor_facts import SdkFacts
    from reliant.inventory.vendors import Vendors

_TABLE = 20
_CATALOGUE = 20
"""More files of settings than this in one folder, each with ids of models, are a catalogue."""
_DIRECTORY = 30
"""A file with the addresses of more providers than this lists them all."""

PRODUCT = frozenset({Scope.CODE, Scope.CONFIG, Scope.MANIFEST})


class Placed(NamedTuple):
    """A signal with its file, its detector and the line it stands on."""

    path: str
    scope: Scope
    detector: str
    signal: Signal
    text: str


def place(seen: Iterable[Seen]) -> list[Placed]:
    """Return the signals of all files, ordered by path and line."""
    placed = [
        Placed(entry.path, signal.scope or entry.scope, detector, signal, text)
        for entry in seen
        for detector, signal, text in entry.signals
    ]
    placed.sort(key=lambda p: (p.path, p.signal.line, p.signal.column, p.detector))
    return placed


def joined(placed: Sequence[Placed], vendors: Vendors) -> list[Placed]:
    """Join declared packages with what the code does with them.

    A package that speaks to many servers stands for its own vendor only if the code leaves it
    there; a package that does much besides AI counts only if the code asks it for AI.
    """
    spoken: dict[str, list[str]] = defaultdict(list)
    for p in placed:
        signal = p.signal
        if (
            p.scope is Scope.CODE
            and signal.sdk
            and signal.provider
            and signal.what in {What.ENDPOINT, What.MODEL}
        ):
            sdk = sdk_named(vendors, signal.sdk)
            if sdk is not None:
                spoken[sdk.id].append(signal.provider)
    imported = {
        p.signal.sdk for p in placed if p.signal.what is What.SDK and p.scope is Scope.CODE and p.signal.sdk
    }
    asked = {
        sdk.id
        for p in placed
        if p.signal.what in {What.ENDPOINT, What.MODEL} and p.signal.sdk
        if (sdk := sdk_named(vendors, p.signal.sdk)) is not None
    }
    free = _free(placed)
    kept = []
    for p in placed:
        signal = p.signal
        if signal.what is not What.SDK or signal.provider is not None or not signal.sdk:
            kept.append(p)
            continue
        sdk = sdk_named(vendors, signal.sdk)
        providers = spoken.get(sdk.id, []) if sdk else []
        if sdk is not None and sdk.general:
            named = next((provider for provider in providers), None)
            if named is None:
                continue
            kept.append(p._replace(signal=msgspec.structs.replace(signal, provider=named)))
        elif (
            sdk is not None
            and signal.role is not Role.LISTED
            and (
                sdk.provider in providers
                # Imported, never asked, and nobody else is called: what it gives is its own vendor's.
                or (
                    sdk.id not in asked and sdk.provider and signal.sdk in imported and free <= {sdk.provider}
                )
            )
        ):
            kept.append(p._replace(signal=msgspec.structs.replace(signal, provider=sdk.provider)))
        else:
            kept.append(p)
    return kept


def by_default(placed: Sequence[Placed], vendors: Vendors) -> list[Placed]:
    """Return the signals with clients of unset endpoint at their own vendor, if nothing speaks against it.

    A client whose endpoint is a setting goes to its own vendor unless set. If the project names
    endpoints of others that no client of their own takes up, it may as well go to one of those.
    """
    free = _free(placed)
    found = []
    for p in placed:
        signal = p.signal
        sdk = sdk_named(vendors, signal.sdk) if signal.sdk else None
        unsure = (
            signal.what is What.ENDPOINT
            and signal.provider is None
            and not signal.endpoint
            and not signal.run_time
            and sdk is not None
            and sdk.replaceable
            and sdk.provider is not None
        )
        if unsure and sdk is not None and free <= {sdk.provider}:
            signal = msgspec.structs.replace(signal, provider=sdk.provider, confidence=0.5)
        found.append(p._replace(signal=signal))
    return found


def in_one_region(placed: Sequence[Placed], vendors: Vendors) -> list[Placed]:
    """Return the signals; what a file asks of a cloud goes to the one region that the file gives for it."""
    regions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for p in placed:
        if p.signal.provider and p.signal.region:
            regions[p.path, p.signal.provider].add(p.signal.region)
    found = []
    for p in placed:
        known = regions.get((p.path, p.signal.provider or ""), set())
        record = vendors.providers.get(p.signal.provider or "")
        if p.signal.region is None and len(known) == 1 and record and "partner-cloud" in record.roles:
            found.append(p._replace(signal=msgspec.structs.replace(p.signal, region=next(iter(known)))))
        else:
            found.append(p)
    return found


def without_borrowed_keys(placed: Sequence[Placed], vendors: Vendors) -> list[Placed]:
    """Return the signals without variables of a vendor whose client is only ever sent elsewhere.

    `OPENAI_API_KEY` beside a client of that SDK for another's server is the key for that server.
    """
    borrowed = sent_elsewhere(placed, vendors)
    return [p for p in placed if p.signal.what is not What.ENV or p.signal.provider not in borrowed]


def sent_elsewhere(placed: Sequence[Placed], vendors: Vendors) -> set[str]:
    """Return the vendors whose SDK the product uses, with clients for known servers of others only."""
    spoken: dict[str, set[str]] = defaultdict(set)
    called: set[str] = set()
    for p in placed:
        signal = p.signal
        if p.scope not in PRODUCT or signal.what not in {What.ENDPOINT, What.MODEL}:
            continue
        if signal.provider:
            called.add(signal.provider)
        sdk = sdk_named(vendors, signal.sdk) if signal.sdk else None
        if sdk is not None and sdk.provider and signal.what is What.ENDPOINT:
            spoken[sdk.provider].add(signal.provider or sdk.provider)
    return {own for own, others in spoken.items() if own not in others} - called


def _free(placed: Sequence[Placed]) -> set[str]:
    """Return the providers of endpoints that no client of their own takes up."""
    return {
        p.signal.provider
        for p in placed
        if p.scope in PRODUCT
        and p.signal.what is What.ENDPOINT
        and p.signal.provider
        and p.signal.role is not Role.LISTED
        and not p.signal.fixed
    }


def sdk_named(vendors: Vendors, name: str) -> SdkFacts | None:
    """Return the SDK that is published under a name in some registry."""
    for registry in ("pypi", "npm", "maven", "go", "cargo", "nuget", "rubygems", "packagist", "pub"):
        found = vendors.package(registry, name)
        if found is not None:
            return found
    return None


def without_tables(placed: Sequence[Placed]) -> tuple[list[Placed], dict[str, int]]:
    """Return the signals without those of tables of models, and how many ids each such file names.

    A file that names this many ids outside of any call holds prices, limits or a catalogue: it
    describes models, it does not use them.
    """
    ids: dict[str, set[str]] = defaultdict(set)
    for p in placed:
        if p.signal.what is What.MODEL and not p.signal.where and p.signal.model:
            ids[p.path].add(p.signal.model)
    tables = {path: len(found) for path, found in ids.items() if len(found) > _TABLE}
    folders = _catalogues(placed)
    servers: dict[str, set[str]] = defaultdict(set)
    for p in placed:
        if p.path in tables and p.signal.endpoint and p.signal.provider:
            servers[p.path].add(p.signal.provider)
    directories = {path for path, found in servers.items() if len(found) > _DIRECTORY}
    kept = [
        p
        for p in placed
        if (p.path not in tables and posixpath.dirname(p.path) not in folders)
        or p.signal.where
        or (p.path not in tables and p.scope is not Scope.CONFIG)
        or not _of_table(p, directories)
    ]
    shown = {path: count for path, count in tables.items() if posixpath.dirname(path) not in folders}
    return kept, {**shown, **{f"{folder}/": len(found) for folder, found in folders.items()}}


def _catalogues(placed: Sequence[Placed]) -> dict[str, set[str]]:
    """Return the folders that hold a catalogue in many files, one model or family in each, with the ids.

    Settings of one program are a handful of files; so many side by side, each with ids and none
    with an address, describe what there is.
    """
    files: dict[str, set[str]] = defaultdict(set)
    ids: dict[str, set[str]] = defaultdict(set)
    for p in placed:
        signal = p.signal
        if p.scope is Scope.CONFIG and signal.what is What.MODEL and signal.model and not signal.where:
            folder = posixpath.dirname(p.path)
            files[folder].add(p.path)
            ids[folder].add(signal.model)
    return {folder: ids[folder] for folder, paths in files.items() if folder and len(paths) > _CATALOGUE}


def _of_table(p: Placed, directories: set[str]) -> bool:
    """Say whether a signal of a file that holds a table is of the table, not beside it.

    Settings that give a server's address, and the model asked there, are called and not just described.
    """
    if p.scope is Scope.CONFIG:
        called = p.signal.endpoint and p.signal.role is not Role.LISTED
        return not called or p.path in directories
    if p.signal.what is not What.MODEL:
        return False
    inside = bool(p.signal.block) and p.signal.block[-1].startswith(("entry ", "value "))
    return p.signal.role is not None or inside


def called_first(placed: Sequence[Placed]) -> list[Placed]:
    """Return the signals; where a call asks for an id, the bare mention of it at its place says no more."""
    called = {
        (p.path, p.signal.line, p.signal.model)
        for p in placed
        if p.signal.what is What.MODEL and p.signal.where and p.signal.model
    }
    return [
        p
        for p in placed
        if p.signal.what is not What.MODEL
        or (p.signal.model and (p.signal.where or (p.path, p.signal.line, p.signal.model) not in called))
    ]
