"""Finds whose host an address names, and which model an id as written means.

People write one model in many ways: with the server before it (`azure/gpt-4o`), a
hub organisation (`Qwen/Qwen2.5-7B-Instruct`), a region and a version
(`us.anthropic.claude-3-haiku-20240307-v1:0`), a tag (`llama3:8b`). The parts are
taken off one by one, and the answer says by which of them it was found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas.records.model import Model
from reliant.core.heads import compiled, first_match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.atlas._snapshot import HostEntry, Index

_LONGEST_ID = 300
"""Longer texts are no model ids, and regular expressions run over them for nothing."""

_LONGEST_HOST = 253
"""RFC 1035; nothing longer resolves."""

_REGION = re.compile(r"^(?:us|us-gov|eu|apac|ap|global|jp|au|ca|sa)\.(?=[a-z0-9-]+\.)", re.IGNORECASE)
_VENDOR_DOT = re.compile(r"^[a-z0-9-]+\.(?=[a-z])", re.IGNORECASE)
_NO_ORGANISATION = {"models", "publishers", "deployments", "accounts", "endpoints", "library"}
"""Words of API paths that may stand where an organisation stands on a hub."""

_VERSION = re.compile(r"(?:-v\d+(?::\d+)?(?::\d+k)?|@[\w.-]+|:(?:free|nitro|online|extended|floor|latest))$")


class ModelHit(msgspec.Struct, frozen=True):
    """What an id as written means.

    Attributes:
        model: The record, or None if the atlas has none.
        developer: Id of who made it, or None if not known.
        how: name, pattern, hub-organisation, developer-pattern, derivative or none.
        server: Id of the provider whose prefix the id carries, or None.
        base_developer: For a derivative, whose model it is named after: `somebody/wav2vec2-...`
            was made by somebody, of what Meta made. A name is a hint, no descent.
    """

    model: Model | None
    developer: str | None
    how: str
    server: str | None = None
    base_developer: str | None = None


class HostHit(msgspec.Struct, frozen=True):
    """Whose host it is.

    Attributes:
        use: api, media, app or mirror.
        estate: The installation it belongs to, where the provider has several.
        country: Of that installation.
    """

    provider: str
    use: str
    estate: str | None = None
    country: str | None = None


def find_host(name: str, index: Index) -> HostHit | None:
    """Return whose host `name` is: the exact entry, else the most exact one with a `*`."""
    host = name.strip().rstrip(".").casefold()
    if host in index.hosts:
        return _host_hit(index.hosts[host])
    if len(host) > _LONGEST_HOST:
        return None
    return next(
        (_host_hit(entry) for pattern, entry in index.wildcards if compiled(pattern).fullmatch(host)), None
    )


def _host_hit(entry: HostEntry) -> HostHit:
    return HostHit(entry.provider, entry.use, entry.estate, entry.country)


def find_model(written: str, index: Index, models: Mapping[str, Model]) -> ModelHit:
    """Return what `written` means; the hit says how it was found."""
    text = written.strip()
    if not text or len(text) > _LONGEST_ID:
        return ModelHit(None, None, "none")
    server = first_match(index.servers, text)
    for form in _forms(text):
        if (key := index.models.get(form.casefold())) and key in models:
            return ModelHit(models[key], models[key].developer, "name", server)
    for form in _forms(text):
        if "/" not in form and (key := first_match(index.patterns, form)) and key in models:
            return ModelHit(models[key], models[key].developer, "pattern", server)
    *before, last = text.split("/")
    for organisation in reversed(before):
        if developer := index.hubs.get(organisation.casefold()):
            return ModelHit(None, developer, "hub-organisation", server)
    for form in _forms(last):
        if developer := first_match(index.developers, form):
            if _somebody(before, index):
                return ModelHit(None, None, "derivative", server, developer)
            return ModelHit(None, developer, "developer-pattern", server)
    return ModelHit(None, None, "none", server)


def _somebody(before: list[str], index: Index) -> bool:
    """Say whether what stands before a name is an organisation on a hub that nobody here is known by."""
    return (
        len(before) == 1 and before[0].casefold() not in index.prefixes and before[0] not in _NO_ORGANISATION
    )


def _forms(text: str) -> Iterator[str]:
    """Yield the id as written, then with more and more of what stands around its name taken off."""
    seen: set[str] = set()
    tail = text
    while tail:
        for form in _trimmed(tail):
            if form and form not in seen:
                seen.add(form)
                yield form
        tail = tail.partition("/")[2]


def _trimmed(text: str) -> Iterator[str]:
    yield text
    bare = _VERSION.sub("", text)
    yield bare
    if "/" not in text:
        for form in (text, bare):
            regional = _REGION.sub("", form)
            yield regional
            yield _VENDOR_DOT.sub("", regional)
