"""Descent at the size of a whole hub: two arrays of edges instead of objects.

A hub of five million models and 3.4 million edges fits in some hundred megabytes as
integers, and descent there is never deep, so rounds that each go one generation down
answer in a fraction of a second. The same call serves a thousand models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reliant.assessment.country.reliance import Sides
from reliant.assessment.graph import DESCENT_KINDS, FOLLOWED
from reliant.core.country import Half, Reliance, Weighed
from reliant.core.results import Interval
from reliant.errors import MissingExtra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]
    Weights = npt.NDArray[np.float64]

_MOST_ROUNDS = 10_000
_ON, _HOME, _OTHER, _UNKNOWN = 1, 2, 4, 8


def numpy_or_missing() -> Any:
    """Return numpy.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import numpy as np  # noqa: PLC0415  (the extra `country`)
    except ImportError:
        raise MissingExtra("Descent at the size of a hub", "country") from None
    return np


@dataclass(frozen=True)
class Hub:
    """Models and edges as arrays.

    Attributes:
        places: Codes of countries; `origin` points into it.
        origin: Of each model, int16; -1 if not known.
        child: Of each edge, the index of the model that descends.
        parent: Of each edge, the index of the model it descends from.
        kind: Of each edge, the index of its kind in `DESCENT_KINDS`, uint8.
        downloads: Of each model, not a number where it is not known; None if nobody counted.
        half: Of each model, year times 2 plus 0 or 1, int16; -1 without a date; None without any.
        ids: Names of the models; None if only numbers are needed.
        twice: Rows whose id an earlier row has.
    """

    places: tuple[str, ...]
    origin: npt.NDArray[np.int16]
    child: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    downloads: npt.NDArray[np.float64] | None = None
    half: npt.NDArray[np.int16] | None = None
    ids: Sequence[str] | None = None
    twice: int = 0

    def __len__(self) -> int:
        return len(self.origin)

    def made_in(self, codes: Iterable[str]) -> Flags:
        """Return which models were made in one of these countries."""
        np = numpy_or_missing()
        wanted = [at for at, place in enumerate(self.places) if place in set(codes)]
        found: Flags = np.isin(self.origin, wanted)
        return found

    def edges(
        self, followed: Iterable[str] = FOLLOWED
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return child and parent of the edges of these kinds."""
        np = numpy_or_missing()
        wanted = [DESCENT_KINDS.index(kind) for kind in followed]
        kept = np.isin(self.kind, wanted)
        return (self.child, self.parent) if kept.all() else (self.child[kept], self.parent[kept])


def reach(hub: Hub, codes: Iterable[str], followed: Iterable[str] = FOLLOWED) -> Flags:
    """Return which models have an ancestor that was made in one of these countries."""
    return _below(hub, hub.made_in(codes), followed)


def _below(hub: Hub, counts: Flags, followed: Iterable[str]) -> Flags:
    """Return which models have an ancestor among these; `counts` is written over."""
    np = numpy_or_missing()
    child, parent = hub.edges(followed)
    touched: Flags = np.zeros(len(hub), dtype=bool)
    for _ in range(_MOST_ROUNDS):
        hit = counts[parent]
        if not hit.any():
            break
        below = child[hit]
        touched[below] = True
        counts[below] = True
        # An edge that was used is used up; later rounds look only at the others.
        left = ~hit
        child, parent = child[left], parent[left]
    return touched


def roots(hub: Hub, sides: Sides, followed: Iterable[str] = FOLLOWED) -> npt.NDArray[np.uint8]:
    """Return, for each model, where its lines begin: 1 the other country, 2 home, 4 elsewhere, 8 unknown.

    The bits of several roots are joined; a model without parents begins its own line.
    """
    np = numpy_or_missing()
    child, parent = hub.edges(followed)
    own = np.full(len(hub), _OTHER, dtype=np.uint8)
    own[hub.origin < 0] = _UNKNOWN
    own[hub.made_in(sides.home)] = _HOME
    own[hub.made_in(sides.on)] = _ON
    derived = np.zeros(len(hub), dtype=bool)
    derived[child] = True
    mask = np.where(derived, 0, own).astype(np.uint8)
    for _ in range(_MOST_ROUNDS):
        told = mask[parent]
        new = (told & ~mask[child]) != 0
        if not new.any():
            break
        np.bitwise_or.at(mask, child[new], told[new])
    return mask  # type: ignore[no-any-return]


def reliance(hub: Hub, sides: Sides, followed: Iterable[str] = FOLLOWED) -> Reliance:
    """Return what the models of a country rest on, counted, and weighed by downloads if they are known."""
    np = numpy_or_missing()
    kinds = tuple(followed)
    own = hub.made_in(sides.home)
    child, _ = hub.edges(kinds)
    derived = np.zeros(len(hub), dtype=bool)
    derived[child] = True
    reached, mask = reach(hub, sides.on, kinds), roots(hub, sides, kinds)
    nowhere = derived & (mask == 0)  # a circle
    unplaced = (_below(hub, hub.origin < 0, kinds) | nowhere) & ~reached
    rooted, unsure = derived & ((mask & _ON) > 0), nowhere | (derived & ((mask & _UNKNOWN) > 0))
    at_home = derived & (mask == _HOME)
    maybe_home = unsure & ((mask & (_ON | _OTHER)) == 0)

    def share(chosen: Flags, weight: Weights | None) -> float:
        if weight is None:
            return int((own & chosen).sum()) / (int(own.sum()) or 1)
        return float(weight[own & chosen].sum()) / (float(weight[own].sum()) or 1.0)

    def figures(weight: Weights | None) -> dict[str, Any]:
        known_and_possible = {
            "look_through": (reached, unplaced),
            "root": (rooted, unsure & ~rooted),
            "home_rooted": (at_home, maybe_home),
        }
        found = {
            name: Interval(share(known, weight), share(known | possible | ~derived, weight))
            for name, (known, possible) in known_and_possible.items()
        }
        return {**found, "face_value": Interval(0.0, 0.0), "unknown": share(~derived, weight)}

    models = int(own.sum())
    weighed = None
    if hub.downloads is not None:
        told = ~np.isnan(hub.downloads)
        weight = np.where(told, hub.downloads, 0.0)
        total = float(weight[own].sum())
        if total > 0:
            counted = int((own & told).sum())
            weighed = Weighed(models=counted, of=models, downloads=total, **figures(weight))
    return Reliance(
        halves=_halves(hub, own, derived, mask) if hub.half is not None else (),
        models=models,
        base_known=int((own & derived).sum()),
        data=(f"hub of {len(hub):,} models and {len(hub.child):,} edges",),
        remarks=tuple(_remarks(hub, own)),
        by_downloads=weighed,
        **figures(None),
    )


def _remarks(hub: Hub, own: Flags) -> Iterator[str]:
    """Return what to know of the counts."""
    yield "A model of a hub has one origin, so none is made by both countries."
    undated = int(own.sum() if hub.half is None else (own & (hub.half < 0)).sum())
    if undated:
        yield f"Models without a date, counted on every day and in no half-year: {undated:,}."
    if hub.twice:
        yield f"Rows that repeat an id, of which the first is read: {hub.twice:,}."


def _halves(hub: Hub, own: Flags, derived: Flags, mask: npt.NDArray[np.uint8]) -> tuple[Half, ...]:
    np = numpy_or_missing()
    if hub.half is None:
        return ()
    rows = []
    dated = own & (hub.half >= 0)
    first = int(np.min(hub.half[dated])) if dated.any() else 0
    span = int(np.max(hub.half[dated])) - first + 1 if dated.any() else 0

    def count(flags: Flags) -> list[int]:
        found: list[int] = np.bincount(hub.half[flags] - first, minlength=span).tolist()  # type: ignore[index]
        return found

    models, known = count(dated), count(dated & derived)
    column = {bit: count(dated & derived & ((mask & bit) > 0)) for bit in (_ON, _HOME, _OTHER, _UNKNOWN)}
    for at in range(span):
        if not models[at]:
            continue
        year, second = divmod(first + at, 2)
        on = column[_ON][at]
        rows.append(
            Half(
                half=f"{year}H{second + 1}",
                models=models[at],
                base_known=known[at],
                root_on=on,
                root_home=column[_HOME][at],
                root_other=column[_OTHER][at],
                root_unknown=column[_UNKNOWN][at],
                share_of_known=on / known[at] if known[at] else None,
                floor=on / models[at],
            )
        )
    return tuple(rows)
