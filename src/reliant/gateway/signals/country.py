"""The country of the client's address.

From the operator's MMDB, or from a table of ranges. What such a table knows is
often the country where the network is registered, not where the caller sits; the
evidence says which table it was and of which day.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reliant.errors import ConfigError, MissingExtra
from reliant.gateway.signals import Evidence, Seen
from reliant.gateway.signals._ranges import Ranges, is_private, read_country_csv

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
        if not isinstance(entry, dict):
            return []
        found = []
        country = entry.get("country") or entry.get("registered_country") or {}
        code = country.get("iso_code") if isinstance(country, dict) else None
        if code:
            found.append(Evidence("address.country", str(code), self._said_by))
        place = entry.get("location")
        if isinstance(place, dict) and "latitude" in place and "longitude" in place:
            text = f"{float(place['latitude']):.3f},{float(place['longitude']):.3f}"
            found.append(Evidence("address.coordinates", text, self._said_by))
        return found


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


SIGNAL = Country
