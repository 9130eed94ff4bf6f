"""What stands behind each use: provider, owner, country, model, developer, licence, ancestors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from reliant.assessment.graph import DESCENT_KINDS, Chain, Link
from reliant.core.truth import Truth
from reliant.core.use import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.atlas import Atlas
    from reliant.atlas.records.model import Model
    from reliant.atlas.records.provider import Provider
    from reliant.core.results import Descent
    from reliant.core.use import Use

_LOCAL = {"framework", "local-runtime"}
"""Roles of what is a library or a program on own machines: nobody serves it."""


def chain_of(use: Use, atlas: Atlas) -> Chain:
    """Return the chain behind a use, as far as the atlas knows it."""
    provider = atlas.providers.get(use.provider) if use.provider else None
    hit = atlas.find_model(use.model) if use.model else None
    record = hit.model if hit else None
    developer = use.developer or (hit.developer if hit else None)
    self_hosted = use.channel is Channel.SELF_HOSTED or (
        provider is not None and set(provider.roles) <= _LOCAL
    )
    if self_hosted and developer is None and provider is not None:
        developer = provider.weights_developer
    maker = atlas.providers.get(developer) if developer else None
    if provider is not None and use.model is None and not use.endpoint and _only_passes_on(provider):
        # A library: whom it asks is a setting of whoever runs it.
        return Chain(
            use=use.id,
            channel=use.channel.value,
            descent_known=False,
            called=f"{provider.id} (asks whom it is told to)",
        )
    owner = provider.ultimate_parent if provider else None
    hidden = _hidden(provider, record, atlas)
    return Chain(
        use=use.id,
        provider=use.provider,
        jurisdiction=country_of(use, provider, atlas),
        owner=owner.name if owner else None,
        owner_jurisdiction=owner.country if owner else None,
        developer=developer,
        developer_jurisdiction=maker.hq_country if maker else None,
        developer_owner=maker.ultimate_parent.name if maker and maker.ultimate_parent else None,
        model=record.id if record else use.model,
        weights=record.weights if record else None,
        licence=record.licence if record else None,
        hub=_hub(provider) if self_hosted else None,
        channel=use.channel.value,
        self_hosted=self_hosted,
        links=links_of(record, atlas) if record else (),
        descent_known=record is not None and record.weights_origin is not None and "descent" not in hidden,
        hidden=hidden,
        called=f"{use.sdk} (server not known)" if use.sdk else "",
    )


_TRUTH = {"confirmed": Truth.YES, "reported": Truth.YES, "disputed": Truth.UNKNOWN, "denied": Truth.NO}


def with_found(chain: Chain, edges: Iterable[Descent], atlas: Atlas) -> Chain:
    """Return the chain with the edges that a model file itself shows, and with all above them."""
    links = list(chain.links)
    known = {(link.ancestor, link.kinds) for link in links}
    for edge in edges:
        record = atlas.models.get(edge.ancestor)
        here = chain.model or ""
        truth = _TRUTH[edge.status]
        maker = atlas.providers.get(record.developer) if record else None
        found = [
            Link(
                ancestor=edge.ancestor,
                kinds=(edge.kind,),
                truth=truth,
                developer=record.developer if record else None,
                jurisdiction=maker.hq_country if maker else None,
                licence=record.licence if record else None,
                path=(here, edge.ancestor),
            )
        ]
        for above in links_of(record, atlas) if record else ():
            found.append(
                dataclasses.replace(
                    above,
                    kinds=(edge.kind, *above.kinds),
                    truth=min(truth, above.truth, key=lambda one: one.value),
                    path=(here, *above.path),
                )
            )
        links += [link for link in found if (link.ancestor, link.kinds) not in known]
        known |= {(link.ancestor, link.kinds) for link in found}
    return dataclasses.replace(chain, links=tuple(links))


def _only_passes_on(provider: Provider) -> bool:
    """Say whether a provider is a library that hands calls on and serves nothing itself."""
    roles = set(provider.roles)
    return not provider.api_hosts and "gateway" in roles and roles <= {"gateway", "framework"}


def _hidden(provider: Provider | None, record: Model | None, atlas: Atlas) -> frozenset[str]:
    """Return what the atlas holds back because it became known only after the day of its view."""
    found = set()
    if provider is not None and atlas.hides_owner(provider.id):
        found.add("owner")
    if record is not None and atlas.hides_descent(record.id):
        found.add("descent")
    return frozenset(found)


def country_of(use: Use, provider: Provider | None, atlas: Atlas) -> str | None:
    """Return the country of the installation that a use calls: its host decides, not its model."""
    if use.endpoint:
        hit = atlas.host(host_of(use.endpoint))
        if hit is not None and hit.country is not None:
            return hit.country
    return provider.hq_country if provider else None


def host_of(endpoint: str) -> str:
    """Return the host of an endpoint, which may have a scheme, a port and a path.

    Examples:
        >>> host_of("https://api.acme.test:8443/v1")
        'api.acme.test'
    """
    return endpoint.rpartition("://")[2].partition("/")[0].partition(":")[0]


def links_of(record: Model, atlas: Atlas) -> tuple[Link, ...]:
    """Return every path from a model to an ancestor, along edges of any kind."""
    links = []
    for ancestor in atlas.ancestors(record.id, DESCENT_KINDS):
        maker = atlas.providers.get(ancestor.developer) if ancestor.developer else None
        above = atlas.models.get(ancestor.id) if ancestor.id else None
        links.append(
            Link(
                ancestor=ancestor.id or ancestor.said,
                kinds=ancestor.kinds,
                truth=ancestor.truth,
                developer=ancestor.developer,
                jurisdiction=maker.hq_country if maker else None,
                licence=above.licence if above else None,
                path=(record.id, *ancestor.path),
            )
        )
    return tuple(links)


def _hub(provider: Provider | None) -> str | None:
    if provider is None:
        return None
    if "hub" in provider.roles:
        return provider.id
    return provider.downloads_from[0] if provider.downloads_from else None
