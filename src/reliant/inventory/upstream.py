"""Who answers behind a gateway that hands calls on with the caller's own keys.

The call itself goes to the gateway. A client says behind it whom it means: by a field called
`provider`, by a header such as `x-...-provider`, or by the name that somebody gave to a stored key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reliant.inventory.vendors import Vendors

_PROVIDER = re.compile(r"(?:x-[a-z]+-)?provider\Z")
_KEY = re.compile(r"(?:x-[a-z]+-)?virtual[-_]?key\Z")

HEADERS = frozenset({"default_headers", "defaultHeaders", "headers", "extra_headers"})
"""Arguments of a client that hold its headers."""


def is_gateway(provider: str | None, vendors: Vendors) -> bool:
    """Say whether a provider is a gateway and nothing besides."""
    record = vendors.providers.get(provider or "")
    return record is not None and set(record.roles) == {"gateway"}


def tells_upstream(name: str) -> bool:
    """Say whether a field of a client or a header says who is meant.

    Examples:
        >>> [tells_upstream(n) for n in ("provider", "virtualKey", "x-acme-provider", "config")]
        [True, True, True, False]
    """
    low = name.lower()
    return _PROVIDER.match(low) is not None or _KEY.match(low) is not None


def upstream_of(name: str, text: str, vendors: Vendors) -> str | None:
    """Return the provider that such a field names; a stored key may carry a provider's name in its own.

    Args:
        name: The field.
        text: What it holds: `openai`, `@openai-prod`, `my-groq-key-81f2`.
        vendors: Whose names these may be.
    """
    plain = text.lstrip("@").lower()
    named = vendors.prefix(plain)
    if named is None and (text.startswith("@") or _KEY.match(name.lower())):
        found = vendors.providers_named(plain)
        named = next(iter(found)) if len(found) == 1 else None
    return named


__all__ = ["HEADERS", "is_gateway", "tells_upstream", "upstream_of"]
