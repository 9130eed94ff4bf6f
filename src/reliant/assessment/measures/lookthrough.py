"""Descent of many models looked through to its origin, under a stated rule.

Three rules, never mixed in one number: `reach` (any ancestor counts, yes or no),
`root` (only where the lines begin), and `shares` (each model keeps a part for itself
and passes the rest to its parents). Reach can exceed 1 summed over countries; shares
sum to 1, with "not known" as one of the places they go.

The share form is the value-added one of input-output analysis: diag(v)(I - A)^-1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

UNKNOWN = "unknown"
"""The place of what is not known."""

_ROUNDS = 10_000
_DUST = 1e-12

Parents = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Models, their origin, and the parents of each along followed descent.

    Attributes:
        origin: Of each model: usually a country; None if not known.
        parents: Of each model; a model without parents begins a line. A parent that
            `origin` does not name is one of unknown origin.
        weight: Of each model, for example downloads; 1 if not given.
    """

    origin: Mapping[str, str | None]
    parents: Parents = field(default_factory=dict)
    weight: Mapping[str, float] = field(default_factory=dict)

    def of(self, place: str) -> tuple[str, ...]:
        """Return the models that come from `place`, in the order given."""
        return tuple(model for model, origin in self.origin.items() if origin == place)

    def weigh(self, models: Iterable[str]) -> float:
        """Return the sum of the weights of these models."""
        return sum(self.weight.get(model, 1.0) for model in models)


def ancestors(lineage: Lineage, model: str) -> frozenset[str]:
    """Return every ancestor of a model; the model itself only if descent runs in a circle."""
    seen: set[str] = set()
    todo = list(lineage.parents.get(model, ()))
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo.extend(lineage.parents.get(one, ()))
    return frozenset(seen)


def roots(lineage: Lineage, model: str) -> frozenset[str]:
    """Return where the lines of a model begin; the model itself if it has no parents."""
    every = ancestors(lineage, model)
    ends = frozenset(one for one in every if not lineage.parents.get(one))
    return ends or frozenset((model,))


def reaches(lineage: Lineage, model: str, place: str) -> bool:
    """Say whether any known ancestor of the model comes from `place`."""
    return any(lineage.origin.get(one) == place for one in ancestors(lineage, model))


def reach_share(lineage: Lineage, owner: str, place: str) -> float:
    """Return B3: of the models that `owner` made, the weight whose descent reaches `place`."""
    owned = lineage.of(owner)
    whole = lineage.weigh(owned)
    return lineage.weigh(one for one in owned if reaches(lineage, one, place)) / whole if whole else 0.0


def home_rooted_share(lineage: Lineage, owner: str) -> float:
    """Return B4: of the models that `owner` made, the weight all of whose roots are its own."""
    owned = lineage.of(owner)
    whole = lineage.weigh(owned)
    home = [one for one in owned if all(lineage.origin.get(root) == owner for root in roots(lineage, one))]
    return lineage.weigh(home) / whole if whole else 0.0


def shares(
    lineage: Lineage,
    model: str,
    retained: float = 0.0,
    inputs: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, float]:
    """Return how much of a model each origin holds; the values sum to 1.

    A model with parents keeps `retained` for its own origin and passes the rest on in
    equal parts; one without keeps everything. What never arrives, because descent runs
    in a circle, is unknown.

    Args:
        retained: In [0, 1].
        inputs: For a model, the exact part that each parent has; overrides the rule for it.
    """
    found: dict[str, float] = defaultdict(float)
    flow: dict[str, float] = {model: 1.0}
    for _ in range(_ROUNDS):
        if not flow:
            break
        onward: dict[str, float] = defaultdict(float)
        for one, amount in flow.items():
            given = (inputs or {}).get(one)
            if given is None:
                over = tuple(lineage.parents.get(one, ()))
                given = {parent: (1.0 - retained) / len(over) for parent in over}
            found[lineage.origin.get(one) or UNKNOWN] += amount * (1.0 - sum(given.values()))
            for parent, part in given.items():
                onward[parent] += amount * part
        flow = {one: amount for one, amount in onward.items() if amount > _DUST}
    lost = 1.0 - sum(found.values())
    if lost > _DUST:
        found[UNKNOWN] += lost
    return {origin: share for origin, share in found.items() if share > _DUST}


def owned_shares(lineage: Lineage, owner: str, retained: float = 0.0) -> dict[str, float]:
    """Return `shares` over all models that `owner` made, by weight; the values sum to 1."""
    owned = lineage.of(owner)
    whole = lineage.weigh(owned)
    found: dict[str, float] = defaultdict(float)
    for one in owned:
        for origin, share in shares(lineage, one, retained).items():
            found[origin] += share * lineage.weight.get(one, 1.0) / whole
    return dict(found)
