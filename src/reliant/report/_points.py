"""Single points as a report shows them: a country twice only where that says more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.core.results import SinglePoint


POINT_LEVELS = {
    "provider": "provider",
    "jurisdiction": "country of providers",
    "reach": "country, with what is owned or made there",
}
"""The levels of single points, in words."""


def shown_points(points: Iterable[SinglePoint]) -> list[SinglePoint]:
    """Return single points, the largest first; a country twice only if its cut reaches more."""
    every = list(points)
    by_country = {point.supplier: point.functions for point in every if point.level == "jurisdiction"}
    kept = [
        point
        for point in every
        if point.level != "reach" or by_country.get(point.supplier) != point.functions
    ]
    return sorted(kept, key=lambda point: (-point.stop_share, point.level, point.supplier))
