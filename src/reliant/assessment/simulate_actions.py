"""What to do first: actions by how much of the unreplaced share each takes away per effort.

An action is one of four: give what is cut another supplier that stands outside of the
cut; prove a replacement that is already named; keep a copy of weights; find out a link
nobody knows. Effort is engineer-days where they were told; otherwise each place to
change counts as one, and the action says so.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reliant.assessment.graph import Cut, Graph
from reliant.assessment.simulate_plans import Plans
from reliant.assessment.simulate_state import DOWN, UNKNOWN, UP, Levels, met_at, name_of
from reliant.core.need import AllOf, Function, Need, Supplier
from reliant.core.simulation import Action

TOLD = "engineer-days"
COUNTED = "engineer-days, counted as one per place to change"

_MOST_NAMED = 4
_WIDEST = 3


@dataclass
class _Candidate:
    kind: str
    uses: set[str] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)
    text: str = ""
    effort: float = 1.0
    unit: str = COUNTED

    @property
    def weight(self) -> float:
        return sum(function.weight for function in self.functions)


def best_actions(
    graph: Graph,
    down: Levels,
    functions: Sequence[Function],
    plans: Plans,
    *,
    places: Mapping[str, int],
    cuts: Sequence[Cut],
    limit: int = 3,
) -> tuple[Action, ...]:
    """Return the actions that save most per effort, best first.

    Args:
        down: The level of each use after the cut.
        functions: Those that stop, or may, without a proven replacement.
        places: For each use, in how many places of the target it stands; 1 if not told.
    """
    found = [
        *_fallbacks(graph, down, functions, plans, places=places, limit=limit),
        *_proofs(functions, plans),
        *_open_questions(graph, down, functions, cuts),
    ]
    found.sort(key=lambda one: (-one.weight / one.effort, one.effort, one.kind, one.text))
    return tuple(
        Action(
            kind=one.kind,
            text=one.text,
            saves=round(one.weight / graph.weight, 12),
            effort=one.effort,
            unit=one.unit,
            functions=tuple(function.name for function in one.functions),
        )
        for one in found[:limit]
    )


def _fallbacks(
    graph: Graph,
    down: Levels,
    functions: Sequence[Function],
    plans: Plans,
    *,
    places: Mapping[str, int],
    limit: int,
) -> Iterable[_Candidate]:
    by_need: dict[Need, list[Function]] = defaultdict(list)
    for function in functions:
        by_need[function.need].append(function)
    groups: dict[frozenset[str], _Candidate] = {}
    supplier_of: dict[str, str] = {}
    for use in graph.uses:
        provider = graph.chain(use).provider
        supplier_of[use] = f"provider:{provider}" if provider else f"use:{use}"
    for need, several in by_need.items():
        uses = _cheapest(need, down, places)
        # An open question is answered, not replaced.
        if not uses or any(down.get(use, UNKNOWN) != DOWN for use in uses):
            continue
        key = frozenset(map(supplier_of.__getitem__, uses))
        group = groups.setdefault(key, _Candidate("add-fallback"))
        group.uses |= uses
        group.functions += several
    weight = {key: group.weight for key, group in groups.items()}
    places_of = {key: _places(group.uses, places) for key, group in groups.items()}
    ranked: list[tuple[float, frozenset[str], list[frozenset[str]]]] = []
    for key in groups:
        wide = [key, *(other for other in _subsets(key) if other in groups)]
        # Uses shared by two groups count twice here: this only ranks, the text counts exactly.
        counted = float(sum(places_of[other] for other in wide))
        effort = _told_effort(key, plans) or counted
        ranked.append((-sum(weight[other] for other in wide) / effort, key, wide))
    ranked.sort(key=lambda one: (one[0], sorted(one[1])))
    for _, key, wide in ranked[:limit]:
        together = set().union(*(groups[other].uses for other in wide))
        kept = [function for other in wide for function in groups[other].functions]
        told = _told_effort(key, plans)
        effort, unit = (told, TOLD) if told else (float(_places(together, places)), COUNTED)
        names = _list(sorted({name_of(graph.chain(use)) for use in together}))
        text = f"Give {names} a second, proven supplier outside of the cut"
        yield _Candidate("add-fallback", together, kept, text, effort, unit)


def _places(uses: Iterable[str], places: Mapping[str, int]) -> int:
    return sum(max(1, places.get(use, 1)) for use in uses)


def _told_effort(key: frozenset[str], plans: Plans) -> float | None:
    """Return the engineer-days told for all of these names together; None if one is not told."""
    days = [plans.effort.get(name) for name in key]
    told = [one for one in days if one is not None]
    return sum(told) if len(told) == len(days) else None


def _subsets(key: frozenset[str]) -> Iterable[frozenset[str]]:
    """Return the proper subsets of a small key; none of a large one, where the search is not worth it."""
    if len(key) > _WIDEST:
        return
    for size in range(1, len(key)):
        yield from map(frozenset, itertools.combinations(sorted(key), size))


def _cheapest(need: Need, down: Levels, places: Mapping[str, int]) -> frozenset[str]:
    """Return the uses that, were they up again, would meet the need with the fewest places touched."""
    if isinstance(need, Supplier):
        return frozenset() if down.get(need.id, UNKNOWN) == UP else frozenset((need.id,))
    parts = [_cheapest(part, down, places) for part in need.of]
    if isinstance(need, AllOf):
        return frozenset().union(*parts)
    if not parts or met_at(need, down) == UP:
        return frozenset()
    return min(parts, key=lambda uses: (sum(places.get(use, 1) for use in uses), sorted(uses)))


def _proofs(functions: Sequence[Function], plans: Plans) -> Iterable[_Candidate]:
    groups: dict[str, _Candidate] = {}
    for function in functions:
        for one in plans.of(function.id).replacements:
            if one.proven or one.reachable is False or one.permitted is False or one.parity == "failed":
                continue
            told = one.effort_days is not None and one.effort_days > 0
            group = groups.setdefault(one.name, _Candidate("prove"))
            group.functions.append(function)
            group.effort = one.effort_days if told and one.effort_days else float(len(one.lacks))
            group.unit = TOLD if told else COUNTED
            group.text = f"Prove that {one.name} can take over (still to show: {', '.join(one.lacks)})"
    return groups.values()


def _open_questions(
    graph: Graph, down: Levels, functions: Sequence[Function], cuts: Sequence[Cut]
) -> Iterable[_Candidate]:
    hubs = {cut.id for cut in cuts if cut.level == "hub"}
    groups: dict[tuple[str, str], _Candidate] = defaultdict(lambda: _Candidate("find-out"))
    for function in functions:
        if met_at(function.need, down) != UNKNOWN:
            continue
        open_uses = sorted(use for use in graph.needs[function.need] if down.get(use, UNKNOWN) == UNKNOWN)
        if not open_uses:
            continue
        chain = graph.chain(open_uses[0])
        if chain.hub in hubs and chain.self_hosted:
            group = groups["keep-weights", chain.model or chain.use]
            group.kind = "keep-weights"
            group.text = f"Keep a copy of the weights of {chain.model or chain.use}, and say so"
        else:
            group = groups["find-out", chain.use]
            group.text = f"Find out who serves {name_of(chain)}, from where and on which terms"
        group.functions.append(function)
        group.unit = COUNTED
    return groups.values()


def _list(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return ", ".join(names[:_MOST_NAMED]) + f" and {len(names) - _MOST_NAMED} more"
