"""Why a function stops, stays or is not known to, as a path and a sentence.

Many functions share what decides them, so an answer is kept by its reason: the leaves to blame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.nodes import ALL, LEAF
from reliant.assessment.simulate.state import DOWN, UNKNOWN, UP, add_route, name_of

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
    _told: dict[int | Reason, Told] = field(default_factory=dict)

    def told(self, number: int) -> Told:
        """Return why the need of a node is met or not."""
        level = self.after[number]
        reason = self._way(number) if level == UP else self._blame(number, level)
        found = self._told.get(reason)
        if found is None:
            found = self._told[reason] = self._explain((UP, reason) if isinstance(reason, int) else reason)
        return found

    def _way(self, number: int) -> int | Reason:
        """Return what decides that the need of a node is met; where nothing of it is cut, its first leaf."""
        nodes, after = self.graph.nodes, self.after
        first: list[int] = []
        add_route(nodes.kinds, nodes.parts, number, self.before, first)
        for lost in first:
            if after[lost] != UP:
                used: list[int] = []
                add_route(nodes.kinds, nodes.parts, number, after, used)
                fallback = [leaf for leaf in dict.fromkeys(used) if leaf not in first]
                if fallback:
                    return (UP, lost, *fallback)
                first = used
                break
        return first[0] if first else (UP,)

    def _blame(self, number: int, level: int) -> Reason:
        """Return what decides that the need of a node is not met, or not known to be."""
        nodes, found = self.graph.nodes, [level]
        _add_blamed(nodes.kinds, nodes.parts, number, self.after, level, found)
        return tuple(found)

    def _explain(self, reason: Reason) -> Told:
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


def _add_blamed(
    kinds: Sequence[int],
    parts: Sequence[tuple[int, ...]],
    number: int,
    level_of: Sequence[int],
    level: int,
    found: list[int],
) -> None:
    """Add leaves that explain the level: of an AND its first such part, of an OR all of its parts."""
    kind = kinds[number]
    if kind == LEAF:
        found.append(number)
        return
    for part in parts[number]:
        if level_of[part] == level:
            if kinds[part] == LEAF:
                found.append(part)
            else:
                _add_blamed(kinds, parts, part, level_of, level, found)
            if kind == ALL:
                return


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
