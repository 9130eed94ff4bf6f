"""Makes the look-ups of the snapshot from the records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from reliant.atlas._snapshot import HostEntry, Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reliant.atlas.records.common import Record
    from reliant.atlas.records.model import Model
    from reliant.atlas.records.provider import Provider


def build_index(records: Mapping[str, Mapping[str, Record]]) -> Index:
    """Return the look-ups over all records; an id always wins over somebody's alias."""
    providers = cast("Mapping[str, Provider]", records.get("providers", {}))
    models = cast("Mapping[str, Model]", records.get("models", {}))
    hosts: dict[str, HostEntry] = {}
    wildcards: dict[str, HostEntry] = {}
    for provider in providers.values():
        for host, entry in host_entries(provider):
            if "*" in host:
                wildcards.setdefault(host.lower(), entry)
            else:
                hosts.setdefault(host.lower(), entry)
    ids: dict[str, tuple[str, ...]] = {}
    for folder, held in records.items():
        for key in held:
            ids[key] = (*ids.get(key, ()), folder)
    former: dict[str, tuple[tuple[str, str], ...]] = {}
    for folder, held in records.items():
        for key, record in held.items():
            for old in getattr(record, "former_ids", ()):
                former[old] = (*former.get(old, ()), (folder, key))
    return Index(
        providers=_first_wins(
            (name, p.id) for rank in range(3) for p in providers.values() for name in provider_names(p)[rank]
        ),
        hosts=hosts,
        wildcards=tuple(
            (host_pattern(host), wildcards[host]) for host in sorted(wildcards, key=_most_exact_first)
        ),
        models=_first_wins(
            (name, m.id) for rank in range(3) for m in models.values() for name in model_names(m)[rank]
        ),
        patterns=tuple((pattern, m.id) for m in models.values() for pattern in m.id_patterns),
        developers=tuple((p.model_id_regex, p.id) for p in providers.values() if p.model_id_regex),
        servers=tuple((p.serving_id_regex, p.id) for p in providers.values() if p.serving_id_regex),
        hubs=_first_wins((org, p.id) for p in providers.values() for org in p.hf_orgs),
        prefixes=_first_wins(
            (name, p.id)
            for p in providers.values()
            for name in (p.id, *p.former_ids, *p.litellm_providers, *p.models_dev_ids, *p.aliases)
        ),
        ids=ids,
        former=former,
    )


def host_entries(provider: Provider) -> Iterator[tuple[str, HostEntry]]:
    """Yield every host of a provider; that of an estate comes with the estate's country."""
    for estate in provider.estates:
        for host in estate.hosts:
            yield host, HostEntry(provider.id, "api", estate.id, estate.country)
    uses = (
        ("api", provider.api_hosts),
        ("media", provider.media_hosts),
        ("app", provider.app_hosts),
        ("mirror", provider.mirror_hosts),
    )
    for use, hosts in uses:
        for host in hosts:
            yield host, HostEntry(provider.id, use)


def host_pattern(host: str) -> str:
    """Return the regular expression of a host in which `*` stands for one or more labels, or a part of one.

    Examples:
        >>> bool(re.fullmatch(host_pattern("*.openai.azure.com"), "mine.openai.azure.com"))
        True
    """
    return "[a-z0-9.-]+".join(re.escape(part).replace("\\-", "-") for part in host.split("*"))


def _most_exact_first(host: str) -> tuple[int, str]:
    return -len(host.replace("*", "")), host


def provider_names(provider: Provider) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the id, then the former ids, then the name and aliases."""
    return (provider.id,), provider.former_ids, (provider.name, *provider.aliases)


def model_names(model: Model) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the ids, then what it was called before and on the hub, then its aliases."""
    short = model.id.partition(".")[2]
    return (model.id, short), (*model.former_ids, *model.hf_ids), model.aliases


def _first_wins(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    held: dict[str, str] = {}
    for name, key in pairs:
        held.setdefault(name.casefold(), key)
    return held
