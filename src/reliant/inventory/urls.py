"""What a URL or a prefixed id says, the same for every language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendors import Vendors

_URL = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/@\s]*@)?([^/:?#\s\"']+)(?::(\d+))?", re.IGNORECASE)
_BARE = re.compile(
    r"^([A-Za-z0-9_.{}$<>%*-]+\.[A-Za-z]{2,}|localhost|\d+\.\d+\.\d+\.\d+)(?::(\d+))?(?=[/?#]|$)"
)


_LOCAL = re.compile(
    r"localhost$|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.0\.0\.0|\[?::1|.*\.(?:local|internal)$"
)
_SERVER = re.compile(r"(?i)^(?:default_|llm_|chat_|openai_)*(?:base_?url|api_?base|api_?url|api_?endpoint)$")


def host_of(text: str) -> str | None:
    """Return the host in a URL or in a bare `host[:port][/path]`.

    Examples:
        >>> host_of("https://{name}.acme.test/v1"), host_of("api.acme.test"), host_of("a sentence.")
        ('{name}.acme.test', 'api.acme.test', None)
    """
    match = _URL.match(text) or _BARE.match(text)
    return match[1].lower() if match else None


def port_of(text: str) -> int | None:
    """Return the port in a URL or in a bare `host:port`."""
    match = _URL.match(text) or _BARE.match(text)
    return int(match[2]) if match and match[2] and len(match[2]) < 6 else None


def split_prefix(text: str, vendors: Vendors) -> tuple[str | None, str]:
    """Return the provider that stands in front of an id, and the id without it."""
    for separator in ("/", ":"):
        head, found, rest = text.partition(separator)
        if found and rest:
            provider = vendors.prefix(head)
            if provider is not None:
                return provider, rest
    return None, text


def hub_repo(url: str) -> str | None:
    """Return `owner/name` of a hub URL that points at weights.

    Examples:
        >>> hub_repo("https://hub.test/acme/base-7b/resolve/main/model.gguf")
        'acme/base-7b'
    """
    path = url.split("://", 1)[-1].partition("/")[2]
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[2] in {"resolve", "raw", "blob"} and "{" not in parts[0] + parts[1]:
        return f"{parts[0]}/{parts[1]}"
    return None


def plain_slug(name: str) -> str:
    """Return a name as slugs are compared: letters and digits in lower case."""
    return "".join(c for c in name.lower() if c.isalnum())


def is_local(host: str) -> bool:
    """Say whether a host is this machine or a network of one's own."""
    return _LOCAL.match(host) is not None


def is_server(name: str) -> bool:
    """Say whether a setting of this name holds the address of an API.

    Examples:
        >>> is_server("base_url"), is_server("apiBase"), is_server("homepage_url")
        (True, True, False)
    """
    return _SERVER.search(name) is not None


def is_call(url: str) -> bool:
    """Say whether a URL of a web site is one that programs call, not one that people open.

    Examples:
        >>> is_call("https://chat.test/backend-api/conversation"), is_call("https://chat.test/docs")
        (True, False)
    """
    path = url.split("://", 1)[-1].partition("/")[2]
    return path.startswith(("api/", "backend", "v1/", "graphql"))


_MODEL_PATH = re.compile(
    r"/(models?|deployments|engines|publishers/[\w-]+/models)/(?!(?:search|list)\b)([A-Za-z0-9][\w.:@-]*(?:/[A-Za-z0-9][\w.-]*)??)"
    r"(?=:[a-z]+[A-Z]|/(?:chat|completions?|embeddings?|predictions|predict|invoke|converse|images|audio|responses"
    r"|generate|infer|streamGenerateContent|invoke-with-response-stream)|[?#]|$)"
)


def model_in_path(url: str) -> tuple[str, bool] | None:
    """Return the model that an API's address names in its path, and whether it is only a deployment's name.

    Examples:
        >>> model_in_path("https://h.test/v1beta/models/acme-1.5-fast:generateContent")
        ('acme-1.5-fast', False)
        >>> model_in_path("https://h.test/openai/deployments/chat/chat/completions?v=1")
        ('chat', True)
        >>> model_in_path("https://h.test/v1/models")
        >>> model_in_path("https://h.test/ai/models/search?search=acme")
    """
    match = _MODEL_PATH.search(url)
    if match is None or "{" in match[2]:
        return None
    model = match[2].rpartition(":")[0] if re.search(r":[a-z]+[A-Z]", match[2]) else match[2]
    return model, match[1] == "deployments"


# A region as clouds write it, standing alone between dots, dashes or slashes.
_REGION = re.compile(
    r"(?<![a-z0-9])("
    r"(?:us|eu|ap|ca|sa|me|af|il|mx|us-gov|asia|europe|australia|northamerica|southamerica)-"
    r"(?:north|south|east|west|central|gov)+-?\d"
    r"|cn-[a-z]{4,12}(?:-\d)?"
    r"|(?:east|west|north|south|central|sweden|japan|china|korea|france|germany|uk|canada|australia|brazil"
    r"|switzerland|norway|poland|italy|spain|southeast|northeurope|westeurope)[a-z]*"
    r"(?:us|asia|india|europe|africa|central|east|west|north|south)\d?"
    r")(?![a-z0-9])"
)


def region_in(text: str) -> Iterator[str]:
    """Yield the regions that an address or a setting names.

    Examples:
        >>> [list(region_in(text)) for text in ("https://x.us-east-1.cloud.test/", "eastus2", "east")]
        [['us-east-1'], ['eastus2'], []]
    """
    for match in _REGION.finditer(text.lower()):
        yield match[1]
