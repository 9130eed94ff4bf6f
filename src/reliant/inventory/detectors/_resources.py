"""Which provider a resource type of an infrastructure description belongs to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from reliant.inventory.vendors import Vendors

_PART = re.compile(r"::|_|/|\.")


def resource_provider(
    type_: str, vendors: Vendors, registry: str, *, kinds: Collection[str] = ()
) -> str | None:
    """Return the provider of a resource type such as `cloud_service_thing` or `Cloud::Service::Thing`.

    Resource types are kept in the atlas like packages of a registry; the longest
    beginning that is known counts. A type whose first two or three parts are a
    provider's own name needs no record. Of a general type, one of `kinds` (what the
    resource says of itself) must be known as a service.
    """
    parts = _PART.split(type_)
    joint = "::" if "::" in type_ else "/" if "/" in type_ else "_"
    for length in range(len(parts), 0, -1):
        sdk = vendors.package(registry, joint.join(parts[:length]))
        if sdk is None:
            continue
        served = [sdk.services[kind] for kind in kinds if kind in sdk.services]
        if served or sdk.general:
            return next(iter(served), None)
        return sdk.provider
    if len(parts) < 2:
        return None
    for length in (3, 2):
        provider = vendors.slugs.get("".join(parts[:length]).lower())
        if provider is not None:
            return provider
    return None
