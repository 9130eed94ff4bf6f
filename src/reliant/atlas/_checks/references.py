"""Checks that what a record names exists: countries, sources, other records."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from reliant.atlas._checks.walk import key_of, mappings, texts
from reliant.atlas.compile import country_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.atlas._read import Folder, Found
    from reliant.documents.yaml import Place
    from reliant.errors import RecordError

_COUNTRY_FIELDS = {"hq_country", "country", "countries", "operating_countries", "places"}
_COUNTRY = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?\Z")
_GROUPS = {"EU", "EEA"}
"""Words for several countries that a licence uses for its territory."""

_REFERENCES: dict[str, dict[str, str]] = {
    "providers": {
        "parent": "providers",
        "served_by": "providers",
        "serves": "providers",
        "downloads_from": "providers",
        "weights_developer": "providers",
    },
    "models": {
        "developer": "providers",
        "part_of": "models",
        "ancestor": "models",
        "ancestor_developer": "providers",
    },
    "events": {"providers": "providers", "models": "models"},
    "licences": {"issuer": "providers"},
    "observations": {"about": "providers", "rules": "rules"},
}
"""By folder: the fields that hold ids, and the folder in which these must be."""

_NO_LICENCE = {"", "AND", "OR", "WITH", "NONE", "NOASSERTION"}

_LICENCE_REF = re.compile(r"LicenseRef-([A-Za-z0-9.-]+)")


def places_are_countries(found: Found, folder: Folder) -> Iterator[RecordError]:
    """A country code is one of ISO 3166-1; a part of a country is named after it."""
    known = _countries(folder)
    for place, text in texts(found.document.data):
        if key_of(place) not in _COUNTRY_FIELDS or place[0] in {"epoch", "sources"}:
            continue
        match = _COUNTRY.match(text)
        if text not in _GROUPS and (match is None or match.group(1) not in known):
            yield found.error(place, f"{key_of(place)}: {text!r} is the code of no country")


def sources_are_named(found: Found, _: Folder) -> Iterator[RecordError]:
    """Every source that a part of the record rests on is among its sources."""
    known = found.record.sources
    for place, data in mappings(found.document.data):
        if not place or place[0] == "sources":
            continue
        given = data.get("sources", [])
        names = [*(given if isinstance(given, list) else []), data.get("source")]
        for name in names:
            if isinstance(name, str) and name not in known:
                key = "source" if name == data.get("source") else "sources"
                yield found.error((*place, key), f"{key}: the record has no source {name!r}")


def ids_exist(found: Found, folder: Folder) -> Iterator[RecordError]:
    """Every id that the record names is one."""
    for place, text, wanted in _named_ids(found):
        if text not in folder.records.get(wanted, {}):
            yield found.error(place, f"{key_of(place)}: {text!r} is no id under {wanted}/")
    replaced_by = found.record.replaced_by
    if replaced_by and not any(replaced_by in held for held in folder.records.values()):
        yield found.error(("replaced_by",), f"replaced_by: {replaced_by!r} is no id")
    if replaced_by == found.record.id:
        yield found.error(("replaced_by",), "replaced_by: names the record itself")


def _named_ids(found: Found) -> Iterator[tuple[Place, str, str]]:
    fields = _REFERENCES.get(found.kind.folder, {})
    for place, text in texts(found.document.data):
        if key_of(place) in fields and place[0] != "sources":
            yield place, text, fields[key_of(place)]
    licence: Any = found.document.data.get("licence")
    if found.kind.folder == "models" and isinstance(licence, str):
        for match in _LICENCE_REF.finditer(licence):
            yield ("licence",), match.group(1), "licences"


def licences_are_recorded(found: Found, folder: Folder) -> Iterator[RecordError]:
    """Every SPDX id in the licence of a model is that of a licence record."""
    licence: Any = found.document.data.get("licence")
    if found.kind.folder != "models" or not isinstance(licence, str):
        return
    known = {getattr(other.record, "spdx", None) for other in folder.records.get("licences", {}).values()}
    for word in re.split(r"[\s()]+", licence):
        if word not in known | _NO_LICENCE and not word.startswith("LicenseRef-"):
            yield found.error(("licence",), f"licence: {word!r} is the SPDX id of no licence record")


def _countries(folder: Folder) -> frozenset[str]:
    document = folder.documents.get("countries")
    left_out = tuple((document.data if document else {}).get("not_countries", ()))
    return _codes(left_out)


@functools.cache
def _codes(left_out: tuple[str, ...]) -> frozenset[str]:
    return frozenset(country_names(left_out))
