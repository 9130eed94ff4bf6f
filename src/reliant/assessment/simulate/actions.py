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
from reliant.assessment.simulate.state import UNKNOWN
from reliant.assessment.simulate.words import Words
from reliant.core.need import Function, suppliers
from reliant.core.simulation import Action

TOLD = "engineer-days"
COUNTED = "engineer-days, counted as one per place to change"

_MOST_NAMED = 4
_WIDEST = 3


@dataclass
class _Candidate:
    kind: str
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
    words: Words,
    limit: int = 3,
) -> tuple[Action, ...]:
    """Return the actions that save most per effort, best first.

    Args:
        level: Of each node of the graph after the cut.
        places: For each use, in how many places of the target it stands; 1 if not told.
        words: What people call what is replaced.
    """
    found = [
        *_fallbacks(graph, level, functions, plans, places=places, words=words, limit=limit),
        *_proofs(functions, plans),
        *_open_questions(graph, level, functions, cuts, words),
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
    words: Words,
    limit: int,
) -> Iterable[_Candidate]:
    repairs = Repairs(graph, level, places)
    repair_of = [repairs.of(number) for _, number in functions]
    by_repair: dict[int, float] = defaultdict(float)
    for (function, _), repair in zip(functions, repair_of, strict=True):
        by_repair[repair] += function.weight
    # By who is replaced: the weight that it keeps, and the uses to change.
    weight: dict[int, float] = defaultdict(float)
    changed: dict[int, int] = defaultdict(int)
    key_of: dict[int, int] = {}
    for repair, part in by_repair.items():
        uses = repairs.uses(repair)
        # An open question is answered, not replaced.
        if uses and not uses & repairs.unsure:
            key = key_of[repair] = repairs.suppliers(repair)
            weight[key] += part
            changed[key] |= uses
    places_of = {key: repairs.places(uses) for key, uses in changed.items()}
    ranked: list[tuple[float, int]] = []
    for key, own in weight.items():
        # Uses shared by two groups count twice here: this only ranks, the text counts exactly.
        whole, counted = own, places_of[key]
        if key.bit_count() <= _WIDEST:
            below = (key - 1) & key
            while below:
                if below in places_of:
                    whole += weight[below]
                    counted += places_of[below]
                below = (below - 1) & key
        told = _told_effort(repairs.named(key), plans) if plans.effort else None
        ranked.append((-whole / (told or counted), key))
    # Names break ties; they are sorted only of those that can be among the first.
    last = sorted([value for value, _ in ranked])[:limit][-1:]
    best = [one for one in ranked if one[0] <= last[0]]
    best.sort(key=lambda one: (one[0], repairs.named(one[1])))
    for _, key in best[:limit]:
        wide = {key, *[other for other in _subsets(key) if other in places_of]}
        together = 0
        for other in wide:
            together |= changed[other]
        chosen = {repair for repair, one in key_of.items() if one in wide}
        kept = [one for (one, _), repair in zip(functions, repair_of, strict=True) if repair in chosen]
        told = _told_effort(repairs.named(key), plans)
        effort, unit = (told, TOLD) if told else (float(repairs.places(together)), COUNTED)
        named = tuple(sorted(repairs.names(together)))
        names = _list(sorted({words.use(graph.chain(use)) for use in named}))
        text = f"Give {names} a second, proven supplier outside of the cut"
        yield _Candidate("add-fallback", kept, text, effort, unit, named)


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
    graph: Graph, level: Sequence[int], functions: Open, cuts: Sequence[Cut], words: Words
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
            group.text = f"Keep a copy of the weights of {words.get(chain.model or chain.use)}, and say so"
        else:
            group = groups["find-out", chain.use]
            group.text = f"Find out who serves {words.use(chain)}, from where and on which terms"
        group.functions.append(function)
        group.names = tuple(sorted({*group.names, open_uses[0]}))
    return groups.values()


def _list(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return ", ".join(names[:_MOST_NAMED]) + f" and {len(names) - _MOST_NAMED} more"
