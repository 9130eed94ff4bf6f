"""What to do first: actions by how much of the unreplaced share each takes away per effort.

An action is one of four: give what is cut another supplier that stands outside of the
cut; prove a replacement that is already named; keep a copy of weights; find out a link
nobody knows. Effort is engineer-days where they were told; otherwise each place to
change counts as one, and the action says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reliant.assessment.graph import Cut, Graph
from reliant.assessment.simulate.plans import Plans
from reliant.assessment.simulate.repairs import Repairs
from reliant.assessment.simulate.state import UNKNOWN, name_of
from reliant.core.need import Function, suppliers
from reliant.core.simulation import Action

TOLD = "engineer-days"
COUNTED = "engineer-days, counted as one per place to change"

_MOST_NAMED = 4
_WIDEST = 3


@dataclass
class _Candidate:
    kind: str
    uses: int = 0
    functions: list[Function] = field(default_factory=list)
    text: str = ""
    effort: float = 1.0
    unit: str = COUNTED
    names: tuple[str, ...] = ()

    @property
    def weight(self) -> float:
        return sum(function.weight for function in self.functions)


Open: TypeAlias = Sequence[tuple[Function, int]]
"""Functions that stop, or may, without a proven replacement, each with the node of its need."""


def best_actions(
    graph: Graph,
    level: Sequence[int],
    functions: Open,
    plans: Plans,
    *,
    places: Mapping[str, int],
    cuts: Sequence[Cut],
    limit: int = 3,
) -> tuple[Action, ...]:
    """Return the actions that save most per effort, best first.

    Args:
        level: Of each node of the graph after the cut.
        places: For each use, in how many places of the target it stands; 1 if not told.
    """
    found = [
        *_fallbacks(graph, level, functions, plans, places=places, limit=limit),
        *_proofs(functions, plans),
        *_open_questions(graph, level, functions, cuts),
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
            ids=tuple(function.id for function in one.functions),
            uses=one.names,
        )
        for one in found[:limit]
    )


def _fallbacks(
    graph: Graph,
    level: Sequence[int],
    functions: Open,
    plans: Plans,
    *,
    places: Mapping[str, int],
    limit: int,
) -> Iterable[_Candidate]:
    repairs = Repairs(graph, level, places)
    by_repair: dict[int, list[Function]] = defaultdict(list)
    for function, number in functions:
        by_repair[repairs.of(number)].append(function)
    groups: dict[int, _Candidate] = {}
    for repair, several in by_repair.items():
        uses, key = repairs.uses(repair), repairs.suppliers(repair)
        # An open question is answered, not replaced.
        if not uses or uses & repairs.unsure:
            continue
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Candidate("add-fallback")
        group.uses |= uses
        group.functions += several
    weight = {key: group.weight for key, group in groups.items()}
    places_of = {key: repairs.places(group.uses) for key, group in groups.items()}
    ranked: list[tuple[float, int, list[int]]] = []
    for key in groups:
        wide = [key, *[other for other in _subsets(key) if other in groups]]
        # Uses shared by two groups count twice here: this only ranks, the text counts exactly.
        counted = float(sum([places_of[other] for other in wide]))
        told = _told_effort(repairs.named(key), plans) if plans.effort else None
        ranked.append((-sum([weight[other] for other in wide]) / (told or counted), key, wide))
    # Names break ties; they are sorted only of those that can be among the first.
    last = sorted([one[0] for one in ranked])[:limit][-1:]
    best = [one for one in ranked if one[0] <= last[0]]
    best.sort(key=lambda one: (one[0], repairs.named(one[1])))
    for _, key, wide in best[:limit]:
        together = 0
        for other in wide:
            together |= groups[other].uses
        kept_by_it = {function.id for other in wide for function in groups[other].functions}
        kept = [function for function, _ in functions if function.id in kept_by_it]
        told = _told_effort(repairs.named(key), plans)
        effort, unit = (told, TOLD) if told else (float(repairs.places(together)), COUNTED)
        named = tuple(sorted(repairs.names(together)))
        names = _list(sorted({name_of(graph.chain(use)) for use in named}))
        text = f"Give {names} a second, proven supplier outside of the cut"
        yield _Candidate("add-fallback", together, kept, text, effort, unit, named)


def _told_effort(names: Iterable[str], plans: Plans) -> float | None:
    """Return the engineer-days told for all of these names together; None if one is not told."""
    days = [plans.effort.get(name) for name in names]
    told = [one for one in days if one is not None]
    return sum(told) if len(told) == len(days) else None


def _subsets(key: int) -> Iterable[int]:
    """Return the proper subsets of a small key; none of a large one, where the search is not worth it."""
    if key.bit_count() > _WIDEST:
        return
    below = (key - 1) & key
    while below:
        yield below
        below = (below - 1) & key


def _proofs(functions: Open, plans: Plans) -> Iterable[_Candidate]:
    groups: dict[str, _Candidate] = {}
    for function, _ in functions if plans.functions else ():
        for one in plans.of(function.id).replacements:
            if one.proven or one.reachable is False or one.permitted is False or one.parity == "failed":
                continue
            told = one.effort_days is not None and one.effort_days > 0
            group = groups.setdefault(one.name, _Candidate("prove"))
            if group.functions[-1:] == [function]:
                continue  # the same replacement told twice is one
            group.functions.append(function)
            group.effort = one.effort_days if told and one.effort_days else float(len(one.lacks))
            group.unit = TOLD if told else COUNTED
            group.text = f"Prove that {one.name} can take over (still to show: {', '.join(one.lacks)})"
    return groups.values()


def _open_questions(
    graph: Graph, level: Sequence[int], functions: Open, cuts: Sequence[Cut]
) -> Iterable[_Candidate]:
    hubs = {cut.id for cut in cuts if cut.level == "hub"}
    nodes = graph.nodes
    groups: dict[tuple[str, str], _Candidate] = defaultdict(lambda: _Candidate("find-out"))
    for function, number in functions:
        if level[number] != UNKNOWN:
            continue
        open_uses = sorted(use for use in suppliers(function.need) if level[nodes.leaves[use]] == UNKNOWN)
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
        group.names = tuple(sorted({*group.names, open_uses[0]}))
    return groups.values()


def _list(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return ", ".join(names[:_MOST_NAMED]) + f" and {len(names) - _MOST_NAMED} more"
