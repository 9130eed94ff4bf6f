"""Which countries a name stands for: itself, a bloc, or a country with its regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.errors import UnknownId

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.atlas.records.place_list import PlaceList

_BLOCS = "groups."


def members(name: str, atlas: Atlas) -> tuple[str, ...]:
    """Return the country codes that a name stands for; of a bloc, its last recorded members.

    Raises:
        UnknownId: It is neither a country nor a group of the atlas.
    """
    code = name.strip().upper()
    groups = atlas.document("groups")["groups"]
    if code in groups:
        return tuple(groups[code]["members"])
    bloc = _bloc(code, atlas)
    if bloc is not None:
        return bloc.copies[-1].places
    if atlas.is_country(code):
        return (code,)
    blocs = (key.removeprefix(_BLOCS).upper() for key in atlas.lists if key.startswith(_BLOCS))
    raise UnknownId(name, tuple(sorted((*groups, *blocs))))


def title(name: str, atlas: Atlas) -> str:
    """Return the name of a country or bloc in English."""
    code = name.strip().upper()
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
