"""Whether the caller can be where it says, given how fast its packets come back.

Light in fibre covers 200 km in a millisecond, so a round trip takes at least
2 d / 200 ms. A shorter one shows the claimed place to be wrong. A longer one shows
nothing. Only for connections that come from the caller itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.gateway.signals import Evidence, Seen
from reliant.gateway.signals._sphere import Coordinates, distance_km, read_places

if TYPE_CHECKING:
    from reliant.gateway.config import Config

FIBRE_KM_PER_MS = 200.0
COUNTRY_RADIUS_KM = 2_500.0
"""A country is not a point: this much is taken off the distance to its centre."""


def shortest_rtt_ms(km: float) -> float:
    """Return the shortest round trip over `km` of fibre.

    Examples:
        >>> round(shortest_rtt_ms(9_333), 1)
        93.3
    """
    return 2 * km / FIBRE_KM_PER_MS


class Latency:
    """Compares the connection's round trip with the claimed place."""

    id = "latency"
    order = 40

    def __init__(self, places: dict[str, Coordinates], here: Coordinates) -> None:
        self._places = places
        self._here = here

    @classmethod
    def from_config(cls, config: Config) -> Latency | None:
        """Return the signal if the gateway's and the countries' places are given."""
        given = config.signals
        if given.places_csv is None or given.gateway_latitude is None or given.gateway_longitude is None:
            return None
        return cls(read_places(given.places_csv), (given.gateway_latitude, given.gateway_longitude))

    def look(self, seen: Seen) -> list[Evidence]:
        """Return evidence if the answer came too fast for the place that is claimed."""
        if not seen.direct or seen.rtt_ms is None or seen.rtt_ms <= 0 or seen.declared is None:
            return []
        place = self._places.get(seen.declared)
        if place is None:
            return []
        nearest = max(0.0, distance_km(self._here, place) - COUNTRY_RADIUS_KM)
        least = shortest_rtt_ms(nearest)
        if seen.rtt_ms >= least:
            return []
        return [
            Evidence(
                "latency", "impossible", f"{seen.rtt_ms:.1f} ms; {seen.declared} needs {least:.0f} ms or more"
            )
        ]


SIGNAL = Latency
