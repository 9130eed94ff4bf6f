"""Checks that a name, a host or a pattern leads to one record only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from reliant.atlas._index import host_entries, model_names, provider_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.atlas._read import Folder, Found
    from reliant.atlas.records.model import Model
    from reliant.atlas.records.provider import Provider
    from reliant.errors import RecordError


def providers_have_their_own_names(folder: Folder) -> Iterator[RecordError]:
    """No two providers share an id, a former id, a name or an alias."""
    owners: dict[str, str] = {}
    for found in folder.records["providers"].values():
        record = cast("Provider", found.record)
        for name in {name for names in provider_names(record) for name in names}:
            yield from _claim(owners, name, found, ("aliases",))


def models_have_their_own_names(folder: Folder) -> Iterator[RecordError]:
    """No two models share an id, a hub id or an alias."""
    owners: dict[str, str] = {}
    for found in folder.records["models"].values():
        record = cast("Model", found.record)
        for name in {name for names in model_names(record) for name in names}:
            yield from _claim(owners, name, found, ("aliases",))


def hosts_have_one_owner(folder: Folder) -> Iterator[RecordError]:
    """No host belongs to two providers: from it alone a detector must know who serves."""
    owners: dict[str, str] = {}
    for found in folder.records["providers"].values():
        for host in {host for host, _ in host_entries(cast("Provider", found.record))}:
            yield from _claim(owners, host, found, ("api_hosts",))


def patterns_match_one_model(folder: Folder) -> Iterator[RecordError]:
    """The pattern of a model does not match the own name of another."""
    names = {
        text.rpartition("/")[2].casefold(): found.record.id
        for found in folder.records["models"].values()
        for text in (found.record.id.partition(".")[2], *cast("Model", found.record).aliases)
    }
    for found in folder.records["models"].values():
        for index, pattern in enumerate(cast("Model", found.record).id_patterns):
            try:
                compiled = re.compile(pattern)
            except re.error:
                continue  # Told by another check.
            for name, owner in names.items():
                if owner != found.record.id and compiled.search(name):
                    problem = f"id_patterns: {pattern!r} matches {name!r}, which is {owner}"
                    yield found.error(("id_patterns", index), problem)


def _claim(owners: dict[str, str], name: str, found: Found, place: tuple[str, ...]) -> Iterator[RecordError]:
    key = name.casefold()
    owner = owners.setdefault(key, found.record.id)
    if owner != found.record.id:
        yield found.error(place, f"{name!r} belongs to {owner} as well", "A name leads to one record.")
