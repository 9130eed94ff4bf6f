"""What hypothetical cuts would touch: ways to providers, and models by the weights they rest on.

A rule on closed weights leaves open ones alone: a copy that was published stays. What
it would touch is future versions, and that is said beside the figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.assessment.country.models import Models
from reliant.assessment.country.reliance import Sides
from reliant.assessment.measures.exposure import interval
from reliant.core.country import Exposure, Reach

if TYPE_CHECKING:
    from reliant.assessment.country.models import Made


def exposures(rows: Iterable[Reach], models: Models, sides: Sides, on: str) -> tuple[Exposure, ...]:
    """Return what three cuts would touch: hosted access, closed weights, and open weights too.

    Args:
        rows: The access table of the day.
        on: Name of the other country, for the sentences.
    """
    return (_hosted(tuple(rows), on), *_weights(models, sides, on))


def _hosted(rows: tuple[Reach, ...], on: str) -> Exposure:
    passable = [row for row in rows if row.verdict in {"OPEN", "CONDITIONAL"}]
    unknown = [row for row in rows if row.verdict == "UNKNOWN"]
    blocked = len(rows) - len(passable) - len(unknown)
    return Exposure(
        scenario=f"every hosted service of {on} closes",
        touched=interval(len(passable), len(unknown), len(rows)),
        exempt=interval(blocked, 0, len(rows)).low,
        whole="ways to a provider (provider and channel)",
        because=f"{blocked} are closed already; of {len(unknown)} it is not known",
        count=len(passable),
        of=len(rows),
    )


def _weights(models: Models, sides: Sides, on: str) -> tuple[Exposure, ...]:
    own = [made for made in models.rows.values() if made.half and sides.own(made)]
    blank = sum(not made.recorded for made in own)
    counted = Counter(rests_on(made, models, sides) for made in own)
    closed, opened, unsaid = counted["closed"], counted["open"], counted["unsaid"]
    whole = len(own)
    told = "of " + (
        f"{blank} of {whole} models no base is recorded" if whole else "no model anything is known"
    )
    return (
        Exposure(
            scenario=f"{on} withholds closed weights; open weights are exempt",
            touched=interval(closed, unsaid + blank, whole),
            exempt=interval(opened, 0, whole).low,
            whole="models made in the country",
            because=f"{opened} rest on open weights that were published and stay; {told}",
            count=closed,
            of=whole,
        ),
        Exposure(
            scenario=f"{on} withholds open weights as well, from the day on",
            touched=interval(closed + opened + unsaid, blank, whole),
            exempt=0.0,
            whole="models made in the country",
            because=f"what was published stays: this is what loses its next version; {told}",
            count=closed + opened + unsaid,
            of=whole,
        ),
    )


def rests_on(made: Made, models: Models, sides: Sides) -> str | None:
    """Return which weights of the other country a model begins with: closed, open or unsaid; None if none."""
    kinds = {root.weights for root in models.roots(made) if root.countries & sides.on}
    if not kinds:
        return None
    return "closed" if "closed" in kinds else "unsaid" if None in kinds else "open"
