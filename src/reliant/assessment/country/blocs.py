"""Which countries a name stands for: itself, a bloc, or a country with its regions."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.core.country import the
from reliant.errors import UsageError

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.atlas.records.place_list import PlaceList

_BLOCS = "groups."


def code_of(name: str, atlas: Atlas) -> str:
    """Return the code of a country or bloc that is given by code or by name.

    Raises:
        UsageError: It is neither.
    """
    code = name.strip().upper()
    groups = atlas.document("groups")["groups"]
    if code in groups or atlas.is_country(code) or _bloc(code, atlas) is not None:
        return code
    named = CountryNames(atlas)
    found = named.code(name)
    if found is not None:
        return found
    near = named.near(name)
    blocs = [key.removeprefix(_BLOCS).upper() for key in atlas.lists if key.startswith(_BLOCS)]
    raise UsageError(
        f"{name!r} is no country or bloc",
        hint=f"Did you mean {' or '.join(near)}?"
        if near
        else f"Write an ISO 3166 code such as CN, or one of {', '.join(sorted({*groups, *blocs}))}.",
    )


def members(name: str, atlas: Atlas) -> tuple[str, ...]:
    """Return the country codes that a name stands for; of a bloc, its last recorded members.

    Raises:
        UsageError: It is neither a country nor a group of the atlas.
    """
    code = code_of(name, atlas)
    groups = atlas.document("groups")["groups"]
    if code in groups:
        return tuple(groups[code]["members"])
    bloc = _bloc(code, atlas)
    if bloc is not None:
        return bloc.copies[-1].places
    return (code,)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two countries or blocs that are asked about.

    Attributes:
        codes: The countries that count as it.
        name: In English.
    """

    codes: tuple[str, ...]
    name: str


def pair(country: str, on: str, atlas: Atlas) -> tuple[Side, Side]:
    """Return two sides that share no country: what lies in both counts as the smaller one's alone.

    So France is asked about the European Union without France, and not about itself.

    Raises:
        UsageError: One is no country or group, or nothing of one is left.
    """
    home, other = members(country, atlas), members(on, atlas)
    shared = set(home) & set(other)
    ours, theirs = title(country, atlas), title(on, atlas)
    if not shared:
        return Side(home, ours), Side(other, theirs)
    if len(home) > len(other):
        home, ours = tuple(code for code in home if code not in shared), f"{ours} without {the(theirs)}"
    else:
        other, theirs = tuple(code for code in other if code not in shared), f"{theirs} without {the(ours)}"
    if not home or not other:
        raise UsageError(
            f"{title(country, atlas)} and {title(on, atlas)} are the same countries",
            hint="Name another one with --on.",
        )
    return Side(home, ours), Side(other, theirs)


def issuers(name: str, atlas: Atlas) -> frozenset[str]:
    """Return whose rules hold for a country or bloc: its own, its members', and those of blocs it is in."""
    codes = frozenset(members(name, atlas))
    blocs = {
        key.removeprefix(_BLOCS).upper(): frozenset(found.copies[-1].places)
        for key, found in atlas.lists.items()
        if key.startswith(_BLOCS)
    }
    return codes | {bloc for bloc, places in blocs.items() if codes <= places or places <= codes}


def title(name: str, atlas: Atlas) -> str:
    """Return the name of a country or bloc in English."""
    code = code_of(name, atlas)
    bloc = None if atlas.is_country(code) else _bloc(code, atlas)
    return bloc.name.removeprefix("Member states of the ") if bloc else atlas.country_name(code)


def _bloc(code: str, atlas: Atlas) -> PlaceList | None:
    return atlas.lists.get(f"{_BLOCS}{code.lower()}")


class CountryNames:
    """Codes of countries as data sets write them."""

    def __init__(self, atlas: Atlas) -> None:
        names = {atlas.country_name(code).casefold(): code for code in atlas.countries}
        names |= {code.casefold(): code for code in atlas.countries}
        names |= {name.casefold(): code for name, code in atlas.document("groups")["names"].items()}
        self._codes = names

    def code(self, written: str) -> str | None:
        """Return the code of a country; None for a name that is none, such as "Multinational"."""
        return self._codes.get(written.strip().casefold())

    def near(self, written: str) -> tuple[str, ...]:
        """Return up to three names that are written alike, each with its code."""
        found = difflib.get_close_matches(written.strip().casefold(), list(self._codes), n=3, cutoff=0.75)
        return tuple(f"{name.title()} ({self._codes[name]})" for name in found if len(name) > 2)
