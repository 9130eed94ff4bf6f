"""What hypothetical cuts would touch: ways to providers, and models by the weights they rest on.

A rule on closed weights leaves open ones alone: a copy that was published stays. What
it would touch is future versions, and that is said beside the figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reliant.assessment.country.models import Models
from reliant.assessment.country.reliance import Sides, standing
from reliant.assessment.measures.exposure import interval
from reliant.core.country import Exposure, Reach, by_way

if TYPE_CHECKING:
    from reliant.assessment.country.models import Made
    from reliant.core.country import Reliance


def exposures(
    rows: Iterable[Reach], models: Models, sides: Sides, on: str, counted: Reliance | None = None
) -> tuple[Exposure, ...]:
    """Return what three cuts would touch: hosted access, closed weights, and open weights too.

    Args:
        rows: The access table of the day.
        on: Name of the other country, for the sentences.
        counted: Figures over a hub, whose models are not in `models`.
    """
    weights = _weights(models, sides, on) if counted is None else _weights_of_hub(counted, on)
    return (_hosted(tuple(rows), on), *weights)


def _hosted(rows: tuple[Reach, ...], on: str) -> Exposure:
    counted = Counter(touched_by_closing(way) for way in by_way(rows))
    open_, unknown, blocked = counted["touched"], counted["unsure"], counted["exempt"]
    whole = counted.total()
    return Exposure(
        scenario=f"every hosted service of {on} closes",
        touched=interval(open_, unknown, whole),
        exempt=interval(blocked, 0, whole).low,
        whole="ways to a provider (provider and channel)",
        because=f"{_are(blocked, 'closed already')}; of {unknown or 'none'} it is not known",
        count=open_,
        of=whole,
    )


def touched_by_closing(way: Iterable[Reach]) -> str:
    """Return whether a way is `touched` if it closes, `unsure`, or `exempt` because it is closed already.

    Asked from a bloc, a way that is open from one member is touched.
    """
    verdicts = {row.verdict for row in way}
    if verdicts & {"OPEN", "CONDITIONAL"}:
        return "touched"
    return "unsure" if "UNKNOWN" in verdicts else "exempt"


def _are(count: int, what: str) -> str:
    return f"{count or 'none'} {'is' if count < 2 else 'are'} {what}"


def _weights(models: Models, sides: Sides, on: str) -> tuple[Exposure, ...]:
    own = [made for made in models.rows.values() if made.half and sides.own(made)]
    blank = sum(not made.recorded for made in own)
    counted = Counter(rests_on(made, models, sides) for made in own)
    closed, opened, unsaid, lost = (counted[one] for one in ("closed", "open", "unsaid", "unplaced"))
    whole = len(own)
    told = (
        f"{'; '.join(_not_told(blank, lost)) or 'of each the base is recorded'}; {whole} in all"
        if whole
        else "no such model is known"
    )
    stay = f"{opened or 'none'} {'rests' if opened < 2 else 'rest'} on open weights alone, which"
    return (
        Exposure(
            scenario=f"{on} withholds closed weights; open weights are exempt",
            touched=interval(closed, unsaid + blank + lost, whole),
            exempt=interval(opened, 0, whole).low,
            whole="models made in the country",
            because=f"{stay} were published and stay; {told}",
            count=closed,
            of=whole,
        ),
        Exposure(
            scenario=f"{on} withholds open weights as well, from the day on",
            touched=interval(closed + opened + unsaid, blank + lost, whole),
            exempt=0.0,
            whole="models made in the country",
            because=f"what was published stays: this is what loses its next version; {told}",
            count=closed + opened + unsaid,
            of=whole,
        ),
    )


def _weights_of_hub(found: Reliance, on: str) -> tuple[Exposure, ...]:
    """Return the same of a hub: it does not tell which weights are open."""
    reached, whole = in_counts(found), found.models
    told = "the files do not tell which weights are open"
    return (
        Exposure(
            scenario=f"{on} withholds closed weights; open weights are exempt",
            touched=interval(0, sum(reached), whole),
            exempt=0.0,
            whole="models made in the country",
            because=f"{reached[0]:,} descend from models made there; {told}",
            count=0,
            of=whole,
        ),
        Exposure(
            scenario=f"{on} withholds open weights as well, from the day on",
            touched=interval(*reached, whole),
            exempt=0.0,
            whole="models made in the country",
            because="what was published stays: this is what loses its next version",
            count=reached[0],
            of=whole,
        ),
    )


def in_counts(found: Reliance) -> tuple[int, int]:
    """Return how many models descend from the other country, and of how many more that is not known."""
    low, high = (round(one * found.models) for one in (found.look_through.low, found.look_through.high))
    return low, high - low


def _not_told(blank: int, lost: int) -> Iterator[str]:
    if blank:
        yield f"of {blank} no base is recorded"
    if lost:
        yield f"of {lost} it is not known who made a base"


def rests_on(made: Made, models: Models, sides: Sides) -> str | None:
    """Return which weights of the other country a model descends from: closed, open or unsaid.

    `unplaced` if a base leads somewhere unknown and none is known to lead there; None if none does.
    """
    if not made.recorded:
        return None
    over = models.ancestors(made)
    kinds = {one.weights for one in over if one.countries & sides.on}
    if not kinds:
        return "unplaced" if "unplaced" in standing(models, made, sides) else None
    if "closed" in kinds:
        return "closed"
    return "open" if kinds == {"open"} and all(one.countries for one in over) else "unsaid"
