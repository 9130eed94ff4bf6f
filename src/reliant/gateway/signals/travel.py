"""One key at two places, too far apart for the time between.

More than 1,000 km/h over at least 500 km cannot be one person travelling. It may
still be a team, so it is evidence and no verdict. Addresses of hosting, VPN and
relay networks are passed over: they are not where anybody sits.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from reliant.gateway.signals import Evidence, Seen
from reliant.gateway.signals._sphere import Coordinates, distance_km, parse_coordinates, read_places

if TYPE_CHECKING:
    from reliant.gateway.config import Config

FASTEST_KM_H = 1_000.0
SHORTEST_KM = 500.0
_REMEMBERED = 100_000


class Travel:
    """Remembers each key's last place."""

    id = "travel"
    order = 30

    def __init__(self, places: dict[str, Coordinates]) -> None:
        self._places = places
        self._last: OrderedDict[str, tuple[float, Coordinates, str]] = OrderedDict()

    @classmethod
    def from_config(cls, config: Config) -> Travel | None:
        """Return the signal if addresses can be placed."""
        given = config.signals
        if given.places_csv:
            return cls(read_places(given.places_csv))
        return cls({}) if given.country_mmdb else None

    def look(self, seen: Seen) -> list[Evidence]:
        """Return evidence if the key was elsewhere too short a time ago."""
        network = seen.found.get("address.network")
        if network is not None and network.value in {"hosting", "vpn", "relay"}:
            return []
        here = self._coordinates(seen)
        if here is None:
            return []
        before = self._last.get(seen.key)
        self._last[seen.key] = (seen.now, here, seen.address)
        self._last.move_to_end(seen.key)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        if before is None or before[2] == seen.address:
            return []
        then, there, _ = before
        far = distance_km(there, here)
        hours = max(seen.now - then, 1.0) / 3_600
        if far < SHORTEST_KM or far / hours <= FASTEST_KM_H:
            return []
        return [Evidence("travel", "impossible", f"{far:.0f} km in {hours * 60:.0f} min")]

    def _coordinates(self, seen: Seen) -> Coordinates | None:
        exact = seen.found.get("address.coordinates")
        if exact is not None:
            return parse_coordinates(exact.value)
        country = seen.found.get("address.country")
        return self._places.get(country.value) if country is not None else None


SIGNAL = Travel
