"""Why a function stops, stays or is not known to, as a path and a sentence.

Many functions share what decides them, so an answer is kept by its reason: the leaves to blame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.nodes import ALL, ANY, LEAF, Nodes
from reliant.assessment.simulate_state import DOWN, UNKNOWN, UP, name_of, route

Behind: TypeAlias = tuple[str | None, str | None, str | None]
"""Provider, owner and country of the use that decides."""

Told: TypeAlias = tuple[tuple[str, ...], str, str | None, Behind]
"""The path, the sentence, a built-in fallback that works, and who stands behind the use that decides."""

Reason: TypeAlias = tuple[int, ...]
"""A level, and numbers of the leaves that decide it: those to blame, the one that is used, or of
a fallback the one that is lost and those that take over."""

_NAMED = 3


NOBODY: Behind = (None, None, None)


class _Leaf(NamedTuple):
    """What is said of one use: the paths lead to its country, and to the cut that takes it away."""

    name: str
    chain: Chain
    hit: Cut | None
    path: tuple[str, ...]
    path_to_cut: tuple[str, ...]
    gone: str
    behind: Behind


@dataclass
class Explainer:
    """Explains one estate before and after some cuts.

    Attributes:
        before, after: The level of each node of the graph.
    """

    graph: Graph
    before: Sequence[int]
    after: Sequence[int]
    cuts: Sequence[Cut]
    _leaves: dict[int, _Leaf] = field(default_factory=dict)

    def blame(self, number: int) -> Reason:
        """Return what decides that the need of a node is not met, or not known to be."""
        level = self.after[number]
        return (level, *_blame(self.graph.nodes, number, self.after, level))

    def way(self, number: int) -> Reason:
        """Return what decides that the need of a node is met, the same for all that it decides."""
        nodes, before, after = self.graph.nodes, self.before, self.after
        kinds, parts = nodes.kinds, nodes.parts
        now = then = number
        while now == then and kinds[now] == ANY:  # as far as both go the same way
            several = parts[now]
            for now in several:
                if after[now] == UP:
                    break
            for then in several:
                if before[then] == UP:
                    break
        if now == then and kinds[now] == LEAF:
            return (UP, now)
        used, first = route(nodes, now, after), route(nodes, then, before)
        if used != first and first:
            fallback = [leaf for leaf in used if leaf not in first]
            if fallback:
                for leaf in first:
                    if after[leaf] != UP:
                        return (UP, leaf, *fallback)
        return (UP, *used[:1])

    def explain(self, reason: Reason) -> Told:
        """Return a reason as a path and a sentence."""
        level = reason[0]
        if len(reason) == 1:
            why = "needs no AI that can be cut" if level == UP else "nothing could ever meet its need"
            return (), why, None, NOBODY
        first = self._leaf(reason[1])
        if level != UP:
            return self._blamed(first, reason[1:], level)
        return self._taken_over(first, reason[2:]) if len(reason) > 2 else self._stays(first)

    def _leaf(self, leaf: int) -> _Leaf:
        found = self._leaves.get(leaf)
        if found is None:
            chain = self.graph.chain(self.graph.nodes.use(leaf))
            hit, name = self._hit(chain), name_of(chain)
            gone = f"{name} {'is gone' if self.after[leaf] == DOWN else 'may be gone'}"
            behind: Behind = ("own machines", None, None)
            if chain.hosted:
                behind = (chain.provider, chain.owner, chain.jurisdiction)
            paths = _chain_path(chain, None), _chain_path(chain, hit)
            found = self._leaves[leaf] = _Leaf(name, chain, hit, *paths, gone, behind)
        return found

    def _hit(self, chain: Chain) -> Cut | None:
        """Return the cut that takes the use of a chain away, or else the one that may."""
        ranked = [(cut.downs(chain).value, cut) for cut in self.cuts]
        worst = max((value for value, _ in ranked), default=0)
        return next((cut for value, cut in ranked if value == worst), None) if worst else None

    def _stays(self, leaf: _Leaf) -> Told:
        """Return why a use stays."""
        if not leaf.chain.hosted:
            kept = "weights on disk stay" if leaf.chain.model else "it is software that is installed"
            why = f"{leaf.name} runs on own machines: {kept}"
        elif leaf.chain.channel == "partner":
            why = f"{leaf.name} comes through a partner that is not cut"
        else:
            why = f"{leaf.name} is not cut"
        return leaf.path, why, None, leaf.behind

    def _taken_over(self, lost: _Leaf, fallback: Sequence[int]) -> Told:
        first = self._leaf(fallback[0])
        names = first.name if len(fallback) == 1 else self._names(fallback)
        return lost.path_to_cut + first.path, f"{lost.gone}, {names} takes over", names, first.behind

    def _blamed(self, first: _Leaf, blamed: Sequence[int], level: int) -> Told:
        chain, cut = first.chain, first.hit
        names = first.name if len(blamed) == 1 else self._names(blamed)
        if level == UNKNOWN:
            why = f"it is not known whether {names} stays: {_unsure(chain, cut)}"
        elif cut is None:
            why = f"{names} is not reachable or not permitted already"
        elif cut.level == "use":
            why = f"needs {names}, which the scenario closes"
        else:
            why = f"needs {names}; {_by_way(chain, cut)}{cut} is cut"
        return first.path_to_cut, why, None, first.behind

    def _names(self, leaves: Sequence[int]) -> str:
        return _several(dict.fromkeys([self._leaf(leaf).name for leaf in leaves]))


def _several(names: Iterable[str]) -> str:
    """Return a few names joined, and how many more there are."""
    every = list(names)
    if len(every) <= _NAMED:
        return " and ".join(every)
    return f"{', '.join(every[:_NAMED])} and {len(every) - _NAMED} more"


def _by_way(chain: Chain, cut: Cut) -> str:
    """Return how a country reaches a use whose provider is elsewhere; nothing where it is there."""
    if cut.level != "jurisdiction" or chain.jurisdiction == cut.id:
        return ""
    if chain.owner_jurisdiction == cut.id:
        return f"its owner {chain.owner or 'there'} is of {cut.id}, and "
    if chain.developer_jurisdiction == cut.id:
        return f"its closed weights are of {chain.developer or 'a developer'} in {cut.id}, and "
    return ""


def _unsure(chain: Chain, cut: Cut | None) -> str:
    if cut is None:
        return "access today is not known"
    if cut.level == "hub":
        return "nobody said whether a copy of the weights is kept"
    return f"its {cut.level} is not known" if getattr(chain, cut.level, "") is None else f"{cut} may reach it"


def _blame(nodes: Nodes, number: int, level_of: Sequence[int], level: int) -> list[int]:
    """Return leaves that explain the level: of an AND its first such part, of an OR all of its parts."""
    kind = nodes.kinds[number]
    if kind == LEAF:
        return [number]
    found: list[int] = []
    for part in nodes.parts[number]:
        if level_of[part] != level:
            continue
        found += [part] if nodes.kinds[part] == LEAF else _blame(nodes, part, level_of, level)
        if kind == ALL:
            break
    return found


def _chain_path(chain: Chain, cut: Cut | None) -> tuple[str, ...]:
    """Return the nodes from the use upwards, ending at the cut if there is one."""
    path = [f"use:{chain.use}"]
    if chain.model is not None:
        path.append(f"model:{chain.model}")
    if chain.hosted and chain.provider is not None:
        path.append(f"provider:{chain.provider}")
    upward = {"owner": chain.owner, "jurisdiction": chain.jurisdiction, "developer": chain.developer}
    if cut is not None:
        if cut.level in upward and cut.level != "owner" and chain.owner and chain.jurisdiction != cut.id:
            path.append(f"owner:{chain.owner}")
        if str(cut) not in path:
            path.append(str(cut))
    elif chain.hosted and chain.jurisdiction is not None:
        path.append(f"jurisdiction:{chain.jurisdiction}")
    return tuple(path)
