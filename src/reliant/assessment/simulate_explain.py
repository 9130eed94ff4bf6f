"""Why a function stops, stays or is not known to, as a path and a sentence.

Many functions share what decides them, so an answer is kept by its reason: the leaves to blame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.nodes import ALL, LEAF, Nodes
from reliant.assessment.simulate_state import DOWN, UNKNOWN, UP, Levels, name_of, route

Told: TypeAlias = tuple[tuple[str, ...], str, str | None, Chain | None]
"""The path, the sentence, a built-in fallback that works, and the chain that decides."""

Reason: TypeAlias = tuple[int, ...]
"""A level, and numbers of the leaves that decide it: those to blame, the one that is used, or of
a fallback the one that is lost and those that take over."""

_NAMED = 3


@dataclass
class Explainer:
    """Explains one estate before and after some cuts.

    Attributes:
        before, after: The level of each node of the graph.
        down: The level of each use after the cuts.
    """

    graph: Graph
    before: Sequence[int]
    after: Sequence[int]
    down: Levels
    cuts: Sequence[Cut]
    _told: dict[Reason, Told] = field(default_factory=dict)
    _hits: dict[str, Cut | None] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _paths: dict[tuple[str, bool], tuple[str, ...]] = field(default_factory=dict)

    def reason(self, number: int) -> Reason:
        """Return what decides the level of the need of a node, the same for all that it decides."""
        level, nodes = self.after[number], self.graph.nodes
        if level != UP:
            return (level, *_blame(nodes, number, self.after, level))
        used = route(nodes, number, self.after)
        first = route(nodes, number, self.before)
        fallback = [leaf for leaf in used if leaf not in first] if first else []
        if fallback:
            for leaf in first:
                if self.after[leaf] != UP:
                    return (UP, leaf, *fallback)
        return (UP, *used[:1])

    def explain(self, reason: Reason) -> Told:
        """Return a reason as a path and a sentence."""
        if reason not in self._told:
            level, *leaves = reason
            uses = [self.graph.nodes.use(leaf) for leaf in leaves]
            if level != UP:
                self._told[reason] = self._blamed(uses, level)
            elif len(uses) > 1:
                self._told[reason] = self._taken_over(uses[0], uses[1:])
            elif uses:
                self._told[reason] = self._stays(self.graph.chain(uses[0]))
            else:
                self._told[reason] = (), "needs no AI that can be cut", None, None
        return self._told[reason]

    def name(self, use: str) -> str:
        """Return what a use is called."""
        if use not in self._names:
            self._names[use] = name_of(self.graph.chain(use))
        return self._names[use]

    def _stays(self, chain: Chain) -> Told:
        """Return why the use behind a chain stays."""
        if not chain.hosted:
            kept = "weights on disk stay" if chain.model else "it is software that is installed"
            why = f"{name_of(chain)} runs on own machines: {kept}"
        elif chain.channel == "partner":
            why = f"{name_of(chain)} comes through a partner that is not cut"
        else:
            why = f"{name_of(chain)} is not cut"
        return _chain_path(chain, None), why, None, chain

    def _taken_over(self, lost: str, fallback: Sequence[str]) -> Told:
        names = _several(dict.fromkeys(map(self.name, fallback)))
        how = "is gone" if self.down[lost] == DOWN else "may be gone"
        path = (*self._path(lost, cut=True), *self._path(fallback[0], cut=False))
        why = f"{self.name(lost)} {how}, {names} takes over"
        return path, why, names, self.graph.chain(fallback[0])

    def _path(self, use: str, *, cut: bool) -> tuple[str, ...]:
        """Return the nodes from a use upwards, to the cut that takes it away or to its country."""
        key = (use, cut)
        if key not in self._paths:
            self._paths[key] = _chain_path(self.graph.chain(use), self._hit(use) if cut else None)
        return self._paths[key]

    def _blamed(self, blamed: Sequence[str], level: int) -> Told:
        if not blamed:
            return (), "nothing could ever meet its need", None, None
        chain = self.graph.chain(blamed[0])
        cut = self._hit(blamed[0])
        names = _several(dict.fromkeys(map(self.name, blamed)))
        if level == UNKNOWN:
            why = f"it is not known whether {names} stays: {_unsure(chain, cut)}"
        elif cut is None:
            why = f"{names} is not reachable or not permitted already"
        elif cut.level == "use":
            why = f"needs {names}, which the scenario closes"
        else:
            why = f"needs {names}; {_by_way(chain, cut)}{cut} is cut"
        return _chain_path(chain, cut), why, None, chain

    def _hit(self, use: str) -> Cut | None:
        """Return the cut that takes the use away, or else the one that may."""
        if use not in self._hits:
            chain = self.graph.chain(use)
            ranked = [(cut.downs(chain).value, cut) for cut in self.cuts]
            worst = max((value for value, _ in ranked), default=0)
            self._hits[use] = next((cut for value, cut in ranked if value == worst), None) if worst else None
        return self._hits[use]


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
