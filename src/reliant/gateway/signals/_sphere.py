"""Distances on the earth, and where countries are, from a table of the operator's."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from reliant.errors import ConfigError

EARTH_RADIUS_KM = 6_371.0088
"""Mean radius (IUGG)."""

Coordinates = tuple[float, float]


def distance_km(one: Coordinates, two: Coordinates) -> float:
    """Return the great-circle distance by the haversine formula.

    Examples:
        >>> round(distance_km((31.23, 121.47), (34.05, -118.24)), -2)
        10400.0
    """
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *two))
    part = math.sin((lat2 - lat1) / 2) ** 2
    part += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(part))


def read_places(path: str) -> dict[str, Coordinates]:
    """Return coordinates by country code from rows `code,latitude,longitude`.

    Raises:
        ConfigError: The file cannot be read, or a row is wrong.
    """
    number = 0
    places: dict[str, Coordinates] = {}
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):  # noqa: B007 - named in the error
                places[row[0].strip().upper()] = (float(row[1]), float(row[2]))
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError(path, number, f"is no table of places: {error}") from None
    return places


def parse_coordinates(text: str) -> Coordinates:
    """Return the two numbers of `latitude,longitude`."""
    latitude, _, longitude = text.partition(",")
    return float(latitude), float(longitude)
