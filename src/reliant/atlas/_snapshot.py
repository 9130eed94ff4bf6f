"""The shape of the snapshot file: MessagePack, each record left encoded until it is asked for."""

from __future__ import annotations

from pathlib import Path

import msgspec

SNAPSHOT = Path(__file__).with_name("_snapshot.bin")
"""Where the snapshot lies: beside the code, in a checkout as in a wheel."""

FORMAT = 1
"""Raised whenever an older reliant could not read the file."""


class KindPart(msgspec.Struct, frozen=True, array_like=True):
    """The records of one kind, by id, and the module that holds their type."""

    kind: str
    module: str
    records: dict[str, msgspec.Raw]


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """Everything that is shipped.

    Attributes:
        version: Digest of the content.
        newest_source: The last publication date among all sources.
        kinds: By folder.
        documents: The files of the atlas that are no records, by name.
        countries: Names by code and language.
        index: An `Index`.
    """

    format: int
    version: str
    newest_source: str
    kinds: dict[str, KindPart]
    documents: dict[str, msgspec.Raw]
    countries: msgspec.Raw
    index: msgspec.Raw


class HostEntry(msgspec.Struct, frozen=True, array_like=True):
    """Whose host it is; `use` is api, app, media or mirror, `country` that of the estate."""

    provider: str
    use: str
    estate: str | None = None
    country: str | None = None


class Index(msgspec.Struct, frozen=True, array_like=True):
    """Look-ups made ready at build time; all keys in lower case.

    Attributes:
        providers: Ids, former ids and aliases of providers.
        hosts: By exact name.
        wildcards: Regular expression over a whole host name, the most exact first.
        models: Ids, short ids, former ids, aliases and hub ids of models.
        patterns: Regular expression and model id; over the last segment of an id.
        developers: Regular expression and provider id; the same.
        servers: Regular expression and provider id; over the whole id.
        hubs: Organisation on the Hugging Face hub and provider id.
        prefixes: What may stand before a model id to name a server, and provider id.
        ids: All ids, to the folders of their kinds.
        former: Former ids, to folder and id of what they became.
    """

    providers: dict[str, str]
    hosts: dict[str, HostEntry]
    wildcards: tuple[tuple[str, HostEntry], ...]
    models: dict[str, str]
    patterns: tuple[tuple[str, str], ...]
    developers: tuple[tuple[str, str], ...]
    servers: tuple[tuple[str, str], ...]
    hubs: dict[str, str]
    prefixes: dict[str, str]
    ids: dict[str, tuple[str, ...]]
    former: dict[str, tuple[tuple[str, str], ...]]
