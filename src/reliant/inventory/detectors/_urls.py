"""Addresses in text: whose host it is, which region it names, which model of a hub it points to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendor_facts import Host
    from reliant.inventory.vendors import Vendors

_URL = re.compile(r"(?:https?|wss?|grpcs?)://[^\s\"'`<>\\,;|()\[\]]+", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![\w./@-])(?:[a-z0-9{}$*-]+\.)+[a-z]{2,}(?::\d+)?(?:/[^\s\"'`<>\\,;|()\[\]]*)?(?![\w@-])",
    re.IGNORECASE,
)
# Hosts that serve models by owner and name say so in the path.
_HUB_PATH = re.compile(
    r"^/(?:models/|api/v1/models/|hf-mirror/)?([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/(?:resolve|blob|raw|tree)/[^/]+(?:/(.+?))?)?/?(?:[?#].*)?$"
)
_FILE_OF_HUB = re.compile(r"/(?:resolve|blob|raw|tree)/")
_NOT_OWNERS = frozenset({
    "docs", "blog", "spaces", "datasets", "join", "pricing", "login", "settings", "papers", "learn", "api",
    "search", "tasks", "collections", "organizations", "welcome", "static", "front", "chat", "privacy",
    "terms-of-service", "models", "library", "public", "assets",
})  # fmt: skip


def urls_in(text: str, vendors: Vendors) -> Iterator[tuple[str, Host]]:
    """Yield the addresses in a text whose host belongs to a provider, with and without a scheme."""
    if "." not in text and "localhost" not in text:
        return
    seen: set[str] = set()
    for pattern in (_URL, _BARE):
        for match in pattern.finditer(text):
            found = vendors.host_in(match[0].rstrip(".:"))
            if found is not None and found[0] not in seen:
                seen.add(found[0])
                yield match[0].rstrip(".:"), found[1]
        if seen:
            return


_BODY_MODEL = re.compile(r"""\\?["']model\\?["']\s*(?::|=>)\s*\\?["']([A-Za-z0-9][\w.:/@-]{1,99})\\?["']""")


def models_in_body(text: str) -> Iterator[tuple[str, int]]:
    """Yield the models, and where they stand, that a JSON body written as text asks for.

    Examples:
        >>> list(models_in_body('{"model": "acme-1", "n": 1}'))
        [('acme-1', 11)]
    """
    if "model" in text:
        for match in _BODY_MODEL.finditer(text):
            yield match[1], match.start(1)


def model_at(url: str, host: Host, vendors: Vendors) -> str | None:
    """Return the model that an address of a hub points to, or None: most hosts are no hubs."""
    record = vendors.providers.get(host.provider)
    if record is None or "hub" not in record.roles or not (host.weak or _FILE_OF_HUB.search(url)):
        return None
    return hub_model(url)


def hub_model(url: str) -> str | None:
    """Return the owner and name of the model that a hub's address points to, or None.

    Examples:
        >>> hub_model("https://hub.test/acme/b-7b/resolve/main/b.gguf"), hub_model("https://hub.test/docs/x")
        ('acme/b-7b', None)
    """
    path = "/" + url.split("//", 1)[-1].partition("/")[2]
    match = _HUB_PATH.match(path)
    if match is None or match[1].partition("/")[0].lower() in _NOT_OWNERS:
        return None
    return match[1].removesuffix(".git")
