"""The country of the client's address.

From the operator's MMDB, or from a table of ranges. What such a table knows is
often the country where the network is registered, not where the caller sits; the
evidence says which table it was and of which day.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reliant.errors import ConfigError, MissingExtra
from reliant.gateway.signals import Evidence, Seen
from reliant.gateway.signals._ranges import Ranges, is_private, read_country_csv
from reliant.gateway.signals._sphere import Coordinates

if TYPE_CHECKING:
    from reliant.gateway.config import Config


class Country:
    """Address to country."""

    id = "country"
    order = 10

    def __init__(self, ranges: Ranges | None, reader: Any, said_by: str) -> None:
        self._ranges = ranges
        self._reader = reader
        self._said_by = said_by

    @classmethod
    def from_config(cls, config: Config) -> Country | None:
        """Return the signal if a table is given.

        Raises:
            ConfigError: The table cannot be read.
        """
        given = config.signals
        if given.country_mmdb:
            reader = open_mmdb(given.country_mmdb)
            try:
                _must_hold_countries(given.country_mmdb, reader)
            except ConfigError:
                reader.close()
                raise
            built = dt.datetime.fromtimestamp(reader.metadata().build_epoch, dt.UTC).date().isoformat()
            return cls(None, reader, f"{Path(given.country_mmdb).name} of {built}")
        if given.country_csv:
            dated = given.tables_dated or "unknown day"
            names = ", ".join(Path(path).name for path in given.country_csv)
            return cls(
                read_country_csv(given.country_csv), None, f"{names} of {dated}: registrant, not geolocation"
            )
        return None

    def look(self, seen: Seen) -> list[Evidence]:
        """Return the address's country, and its coordinates where the table has them."""
        if is_private(seen.address):
            return [Evidence("address.country", "private", "not a public address")]
        if self._ranges is not None:
            code = self._ranges.find(seen.address)
            return [Evidence("address.country", code, self._said_by)] if code else []
        entry = self._reader.get(seen.address)
        found = []
        code = _country(entry)
        if code:
            found.append(Evidence("address.country", code, self._said_by))
        place = _coordinates(entry)
        if place is not None:
            text = f"{place[0]:.3f},{place[1]:.3f}"
            found.append(Evidence("address.coordinates", text, self._said_by))
        return found


_CODE = re.compile(r"[A-Z]{2}")
_LOOKED_AT = 2_000
"""So many entries of a table are looked at before it is said that it holds no countries."""


def _country(entry: object) -> str | None:
    """Return the country code of an entry, in any of the shapes that makers of such tables use."""
    if not isinstance(entry, dict):
        return None
    for name in ("country", "country_code", "registered_country"):
        value = entry.get(name)
        if isinstance(value, dict):
            value = value.get("iso_code")
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
    return None


def _coordinates(entry: object) -> Coordinates | None:
    """Return latitude and longitude of an entry, if it has both."""
    if not isinstance(entry, dict):
        return None
    place = entry.get("location")
    place = place if isinstance(place, dict) else entry
    for names in (("latitude", "longitude"), ("lat", "lng")):
        try:
            latitude, longitude = (float(place[name]) for name in names)
        except (KeyError, TypeError, ValueError):
            continue
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
    return None


def open_mmdb(path: str) -> Any:
    """Return a reader of an MMDB file.

    Raises:
        ConfigError: It cannot be read.
        MissingExtra: The reader is not installed.
    """
    try:
        import maxminddb  # noqa: PLC0415 - only where such a table is given
    except ImportError:
        raise MissingExtra("reading an MMDB table", "gateway") from None
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise ConfigError(path, 0, f"is no MMDB table: {error}") from None


def _must_hold_countries(path: str, reader: Any) -> None:
    """Refuse a table of something else, for example of networks' owners: it would never place anybody."""
    import maxminddb  # noqa: PLC0415

    names: set[str] = set()
    try:
        for _, entry in itertools.islice(reader, _LOOKED_AT):
            if _country(entry) is not None:
                return
            if isinstance(entry, dict):
                names.update(map(str, entry))
    except (ValueError, maxminddb.InvalidDatabaseError) as error:
        raise ConfigError(path, 0, f"is no MMDB table: {error}") from None
    held = ", ".join(sorted(names)[:8]) or "nothing"
    raise ConfigError(
        path,
        0,
        f"holds no countries; its entries have: {held}",
        hint="Give a table with `country.iso_code`, `country_code` or `country`.",
    )


SIGNAL = Country
