"""Minimal cut sets: the smallest losses that stop a function.

A cut set of order 1 is a single point of failure; one of order 2 is a pair that
looks safe while you watch one supplier at a time. Sets come from the AND/OR tree
itself: what cuts an AND is what cuts any of its parts, what cuts an OR must cut
all of them. Sets above the asked order are dropped on the way, so the cost stays
small for order 2 (Vesely's MOCUS algorithm, cut short).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product

from reliant.core.need import AllOf, Need, OneOf, Supplier, met, suppliers

CutSet = frozenset[str]
Name = Callable[[str], str | None]


def _itself(supplier: str) -> str | None:
    return supplier


def minimal_cut_sets(need: Need, order: int = 2, name: Name = _itself) -> tuple[CutSet, ...]:
    """Return the minimal cut sets of at most `order` names, smallest first.

    Args:
        order: The largest size of a set that is looked for.
        name: Gives the name a supplier goes by at the level asked about (its provider,
            its country); None if it has none there, and so cannot be cut.

    Examples:
        >>> from reliant.core.need import AnyOf
        >>> batch = AnyOf((Supplier("openai"), AllOf((Supplier("zhipu"), Supplier("ocr")))))
        >>> [sorted(cut) for cut in minimal_cut_sets(batch)]
        [['ocr', 'openai'], ['openai', 'zhipu']]
    """
    return tuple(sorted(_cuts(need, order, name), key=lambda cut: (len(cut), sorted(cut))))


def _cuts(need: Need, order: int, name: Name) -> set[CutSet]:
    if isinstance(need, Supplier):
        called = name(need.id)
        return set() if called is None or order < 1 else {frozenset((called,))}
    if isinstance(need, OneOf) and need.default and need.of:
        return _cuts(need.of[0], order, name)
    parts = [_cuts(part, order, name) for part in need.of]
    if isinstance(need, AllOf):
        return _minimal(cut for part in parts for cut in part)
    found: set[CutSet] = {frozenset()}
    for part in parts:
        joined = (one | other for one, other in product(found, part))
        found = _minimal(cut for cut in joined if len(cut) <= order)
        if not found:
            return found
    return found


def _minimal(cuts: Iterable[CutSet]) -> set[CutSet]:
    kept: list[CutSet] = []
    for cut in sorted(set(cuts), key=len):
        if not any(smaller <= cut for smaller in kept):
            kept.append(cut)
    return set(kept)


def cut_order(need: Need, name: Name = _itself, limit: int = 4) -> int | None:
    """Return how many losses it takes to stop `need`; None if more than `limit` or never."""
    for order in range(1, limit + 1):
        cuts = _cuts(need, order, name)
        if cuts:
            return min(len(cut) for cut in cuts)
    return None


def availability(need: Need, up: Mapping[str, float]) -> float:
    """Return the probability that `need` is met if suppliers fail independently.

    Of a choice whose default is not known each part counts as likely to be the one that is set.
    Exact: the tree is conditioned on each supplier that it names more than once, so a
    shared supplier is not counted as two.

    Args:
        up: Probability in [0, 1] that each supplier is there.
    """
    return _probability(need, dict(up), tuple(sorted(repeated(need))))


def repeated(need: Need) -> set[str]:
    """Return the suppliers that a need names more than once."""
    once: set[str] = set()
    again: set[str] = set()

    def walk(part: Need) -> None:
        if isinstance(part, Supplier):
            (again if part.id in once else once).add(part.id)
            return
        for child in part.of:
            walk(child)

    walk(need)
    return again


def _probability(need: Need, up: dict[str, float], shared: tuple[str, ...]) -> float:
    if not shared:
        return _independent(need, up)
    first, rest = shared[0], shared[1:]
    with_it = _probability(need, {**up, first: 1.0}, rest)
    without = _probability(need, {**up, first: 0.0}, rest)
    return up[first] * with_it + (1 - up[first]) * without


def _independent(need: Need, up: Mapping[str, float]) -> float:
    if isinstance(need, Supplier):
        return up[need.id]
    if isinstance(need, OneOf):
        parts = [_independent(part, up) for part in need.of]
        if not parts:
            return 0.0
        return parts[0] if need.default else sum(parts) / len(parts)
    works = 1.0
    if isinstance(need, AllOf):
        for part in need.of:
            works *= _independent(part, up)
        return works
    for part in need.of:
        works *= 1 - _independent(part, up)
    return 1 - works


def birnbaum(need: Need, up: Mapping[str, float]) -> dict[str, float]:
    """Return Birnbaum's importance: how much availability each supplier decides.

    P(works | supplier is there) - P(works | supplier is gone), for each supplier named.
    """
    return {
        one: availability(need, {**up, one: 1.0}) - availability(need, {**up, one: 0.0})
        for one in sorted(suppliers(need))
    }


def cuts_it(need: Need, gone: CutSet) -> bool:
    """Say whether `need` stops once all of `gone` are gone."""
    return not met(need, lambda supplier: supplier not in gone)
