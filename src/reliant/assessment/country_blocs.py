"""Which countries a name stands for: itself, a bloc, or a country with its regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.errors import UnknownId

if TYPE_CHECKING:
    from reliant.atlas import Atlas


def members(name: str, atlas: Atlas) -> tuple[str, ...]:
    """Return the country codes that a name stands for.

    Raises:
        UnknownId: It is neither a country nor a group of the atlas.
    """
    code = name.strip().upper()
    groups = atlas.document("groups")["groups"]
    if code in groups:
        return tuple(groups[code]["members"])
    if atlas.is_country(code):
        return (code,)
    raise UnknownId(name, tuple(sorted(groups)))


def title(name: str, atlas: Atlas) -> str:
    """Return the name of a country or group in English."""
    code = name.strip().upper()
    groups = atlas.document("groups")["groups"]
    if code in groups and not atlas.is_country(code):
        return str(groups[code]["name"])
    return atlas.country_name(code)


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
