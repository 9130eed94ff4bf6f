"""Why a function stops, stays or is not known to, as a path and a sentence.

Many functions share what decides them, so an answer is kept by the uses to blame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.simulate_state import DOWN, UNKNOWN, UP, Levels, met_at, name_of, route
from reliant.core.need import AllOf, Need, Supplier

Told: TypeAlias = tuple[tuple[str, ...], str, str | None, Chain | None]
"""The path, the sentence, a built-in fallback that works, and the chain that decides."""

_NAMED = 3


@dataclass
class Explainer:
    """Explains one estate before and after some cuts."""

    graph: Graph
    before: Levels
    down: Levels
    cuts: Sequence[Cut]
    _told: dict[tuple[str, ...], Told] = field(default_factory=dict)
    _hits: dict[str, Cut | None] = field(default_factory=dict)

    def explain(self, need: Need, level: int) -> Told:
        """Return why the need is at this level after the cuts."""
        if level == UP:
            return self._met(need)
        blamed = tuple(_blame(need, self.down, level))
        if blamed not in self._told:
            self._told[blamed] = self._blamed(blamed, level)
        return self._told[blamed]

    def stays(self, chain: Chain) -> Told:
        """Return why the use behind a chain stays."""
        if not chain.hosted:
            kept = "weights on disk stay" if chain.model else "it is software that is installed"
            why = f"{name_of(chain)} runs on own machines: {kept}"
        elif chain.channel == "partner":
            why = f"{name_of(chain)} comes through a partner that is not cut"
        else:
            why = f"{name_of(chain)} is not cut"
        return _chain_path(chain, None), why, None, chain

    def _met(self, need: Need) -> Told:
        used = route(need, self.down)
        first = route(need, self.before)
        fallback = [use for use in used if use not in first] if first else []
        lost = [use for use in first if self.down[use] != UP]
        if fallback and lost:
            gone, taken = self.graph.chain(lost[0]), self.graph.chain(fallback[0])
            names = _several(dict.fromkeys(name_of(self.graph.chain(use)) for use in fallback))
            how = "is gone" if self.down[lost[0]] == DOWN else "may be gone"
            path = (*_chain_path(gone, self._hit(lost[0])), *_chain_path(taken, None))
            return path, f"{name_of(gone)} {how}, {names} takes over", names, taken
        if not used:
            return (), "needs no AI that can be cut", None, None
        return self.stays(self.graph.chain(used[0]))

    def _blamed(self, blamed: tuple[str, ...], level: int) -> Told:
        if not blamed:
            return (), "nothing could ever meet its need", None, None
        chain = self.graph.chain(blamed[0])
        cut = self._hit(blamed[0])
        names = _several(dict.fromkeys(name_of(self.graph.chain(use)) for use in blamed))
        if level == UNKNOWN:
            why = f"it is not known whether {names} stays: {_unsure(chain, cut)}"
        elif cut is None:
            why = f"{names} is not reachable or not permitted already"
        elif cut.level == "use":
            why = f"needs {names}, which the scenario closes"
        else:
            why = f"needs {names}; {cut} is cut"
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


def _unsure(chain: Chain, cut: Cut | None) -> str:
    if cut is None:
        return "access today is not known"
    if cut.level == "hub":
        return "nobody said whether a copy of the weights is kept"
    return f"its {cut.level} is not known" if getattr(chain, cut.level, "") is None else f"{cut} may reach it"


def _blame(need: Need, down: Levels, level: int) -> list[str]:
    """Return uses that explain the level: of an AND its first such part, of an OR all of its parts."""
    if isinstance(need, Supplier):
        return [need.id]
    found: list[str] = []
    for part in need.of:
        own = down[part.id] if isinstance(part, Supplier) else met_at(part, down)
        if own != level:
            continue
        found += [part.id] if isinstance(part, Supplier) else _blame(part, down, level)
        if isinstance(need, AllOf):
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
