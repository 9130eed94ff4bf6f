"""Picks from the atlas what the inventory needs to know; the only file that knows both."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from reliant.errors import UnknownId
from reliant.inventory.vendor_facts import Name, ProviderFacts, SdkFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Facts(NamedTuple):
    """Providers, SDKs, the developer of each listed model id, and names that mean something else as often."""

    providers: list[ProviderFacts]
    sdks: list[SdkFacts]
    model_ids: dict[str, str]
    closed: tuple[str, ...]
    ambiguous: frozenset[str]
    weak_env: frozenset[str]


def facts_of(atlas: Any) -> Facts:
    """Return what the inventory needs of an atlas."""
    ids: dict[str, str] = {}
    closed: list[str] = []
    for model in atlas.models.values():
        if model.weights == "closed":
            closed += model.id_patterns
        for written in (*model.aliases, *model.hf_ids, model.models_dev_id or ""):
            last = written.rpartition("/")[2]
            if last and " " not in last:
                ids.setdefault(last, model.developer)
    try:
        names = atlas.document("ambiguous-names")
    except UnknownId:  # a small atlas of somebody's own
        names = {}
    houses: dict[str, list[str]] = defaultdict(list)
    for record in atlas.providers.values():
        if record.ultimate_parent is not None:
            houses[record.ultimate_parent.name].append(record.id)
    return Facts(
        providers=[
            _provider(
                record, houses[record.ultimate_parent.name] if record.ultimate_parent is not None else ()
            )
            for record in atlas.providers.values()
        ],
        sdks=[sdk_facts(record) for record in atlas.records("sdks").values()],
        model_ids=ids,
        closed=tuple(closed),
        ambiguous=frozenset(name for row in names.get("names", ()) for name in row),
        weak_env=frozenset(name for row in names.get("weak_env", ()) for name in row),
    )


def _provider(record: Any, house: Iterable[str]) -> ProviderFacts:
    base_hosts = tuple(
        url.split("//", 1)[-1].split("/", 1)[0].rpartition("@")[2].partition(":")[0]
        for url in (*record.api_base_urls, record.default_base_url or "")
        if url
    )
    every = dict.fromkeys((*record.api_hosts, *record.media_hosts, *base_hosts))
    local = {"localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104 - compared, never bound
    return ProviderFacts(
        id=record.id,
        aliases=(*record.aliases, *record.former_ids),
        roles=record.roles,
        hosts=tuple(host for host in every if not _weak(host, record.roles) and host not in local),
        weak_hosts=tuple(
            dict.fromkeys(
                [host for host in every if _weak(host, record.roles) and host not in local]
                + list(record.mirror_hosts)
                + list(record.app_hosts)
            )
        ),
        estates={estate.id: estate.hosts for estate in record.estates},
        env=record.env_vars,
        weak_env=record.env_vars_weak,
        packages=dict(record.sdk_packages),
        adapters=dict(record.sdk_adapters),
        model_ids=record.model_id_regex,
        serving_ids=record.serving_id_regex,
        prefixes=(*record.litellm_providers, *record.models_dev_ids),
        hub_orgs=record.hf_orgs,
        images=record.container_images,
        port=record.default_port,
        torch_hub=record.torch_hub,
        downloads_from=record.downloads_from[0] if record.downloads_from else None,
        developer=record.weights_developer,
        serves=tuple(other for other in house if other != record.id),
    )


def _weak(host: str, roles: Iterable[str]) -> bool:
    """Say whether a host is also an ordinary web site: naming it then proves no API call."""
    if host.startswith(("www.", "download.")) or host.count(".") == 0:
        return True
    return host.count(".") == 1 and ("hub" in roles or "local-runtime" in roles)


def sdk_facts(record: Any) -> SdkFacts:
    """Return what is needed of an SDK's record."""
    names: Mapping[str, Any] = record.names
    return SdkFacts(
        id=record.id,
        packages=dict(record.packages),
        modules=dict(record.modules),
        provider=record.provider,
        replaceable=record.replaceable,
        general=record.general,
        kind=record.kind,
        names={
            name: Name(provider=info)
            if isinstance(info, str)
            else Name(
                provider=info.provider,
                kind=info.kind,
                model=info.model,
                prefixed=info.prefixed,
                default_model=info.default_model,
                replaceable=info.replaceable,
                ignore=info.ignore,
            )
            for name, info in names.items()
        },
        services=dict(record.services),
        base_url_env=record.base_url_env,
        downloads_from=record.downloads_from,
    )
