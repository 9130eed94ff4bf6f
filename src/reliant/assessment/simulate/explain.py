"""Why a function stops, stays or is not known to, as a path and a sentence.

Many functions share what decides them, so an answer is kept by its reason: the leaves to blame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.nodes import ALL, ANY, LEAF, PICK, SET
from reliant.assessment.simulate.state import DOWN, UNKNOWN, UP, add_route
from reliant.assessment.simulate.words import Words, id_of, several

Behind: TypeAlias = tuple[str | None, str | None, str | None]
"""Provider, owner and country of the use that decides."""

NOBODY: Behind = (None, None, None)


Told: TypeAlias = tuple[tuple[str, ...], str, str | None, str | None, Behind]
"""The path, the sentence, what takes over or could be set (by ids, and by names), and who stands behind
the use that decides."""

Reason: TypeAlias = tuple[int, ...]
"""A level, and numbers of the leaves that decide it: those to blame, the one that is used, or of
a fallback the one that is lost and those that take over. What could be set instead follows after `_OR`."""

_OR = -1

_NOT_TODAY = " is not reachable or not permitted already"
_NEITHER = " are each not reachable or not permitted already"


class _Leaf(NamedTuple):
    """What is said of one use: the paths lead to its country, and to the cut that takes it away.

    Of a use that stays, nothing is said of a cut.
    """

    name: str
    id: str
    chain: Chain
    hit: Cut | None
    path: tuple[str, ...]
    path_to_cut: tuple[str, ...]
    gone: str
    needed: tuple[str, str]
    behind: Behind


@dataclass
class Explainer:
    """Explains one estate before and after some cuts.

    Attributes:
        before, after: The level of each node of the graph.
        names: What people call the ids in it.
    """

    graph: Graph
    before: Sequence[int]
    after: Sequence[int]
    cuts: Sequence[Cut]
    names: Mapping[str, str] = field(default_factory=dict)
    _leaves: dict[int, _Leaf] = field(default_factory=dict)
    _told: dict[int | Reason, Told] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._words = Words(self.names)
        self._kinds, self._parts = self.graph.nodes.kinds, self.graph.nodes.parts
        self._choices = SET in self._kinds or PICK in self._kinds

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
        kinds, parts, before, after = self._kinds, self._parts, self.before, self.after
        first = number
        while kinds[first] == ANY:
            for first in parts[first]:  # noqa: B020 - the way goes down the tree
                if before[first] == UP:
                    break
        if kinds[first] != LEAF:
            return self._ways(number)
        if after[first] == UP:
            return first
        used = number
        while kinds[used] == ANY:
            for used in parts[used]:  # noqa: B020 - as above
                if after[used] == UP:
                    break
        return (UP, first, used) if kinds[used] == LEAF else self._ways(number)

    def _ways(self, number: int) -> int | Reason:
        """Return the same where one of the two ways leads through an AND or a choice."""
        first: list[int] = []
        add_route(self._kinds, self._parts, number, self.before, first)
        for lost in first:
            if self.after[lost] != UP:
                used: list[int] = []
                add_route(self._kinds, self._parts, number, self.after, used)
                fallback = [leaf for leaf in dict.fromkeys(used) if leaf not in first]
                if fallback:
                    return (UP, lost, *fallback)
                first = used
                break
        return first[0] if first else (UP,)

    def _blame(self, number: int, level: int) -> Reason:
        """Return what decides that the need of a node is not met, or not known to be."""
        found = [level]
        if not self._choices:
            self._add_blamed(number, level, found)
            return tuple(found)
        others: list[int] = []
        self._add_blamed_and_others(number, level, found, others)
        others = [leaf for leaf in dict.fromkeys(others) if leaf not in found[1:]]
        return (*found, _OR, *others) if others else tuple(found)

    def _add_blamed(self, number: int, level: int, found: list[int]) -> None:
        """Add leaves that explain the level: of an AND its first such part, of an OR all of its parts."""
        kinds, parts, after = self._kinds, self._parts, self.after
        at = number
        while kinds[at] == ALL:
            for at in parts[at]:  # noqa: B020 - the way goes down the tree
                if after[at] == level:
                    break
        if kinds[at] == LEAF:
            found.append(at)
            return
        for part in parts[at]:
            if after[part] == level:
                if kinds[part] == LEAF:
                    found.append(part)
                else:
                    self._add_blamed(part, level, found)

    def _add_blamed_and_others(self, number: int, level: int, found: list[int], others: list[int]) -> None:
        """Add leaves that explain the level, where there are choices.

        Args:
            others: Gets what a choice could be set to, and would work.
        """
        kinds, after = self._kinds, self.after
        kind, parts = kinds[number], self._parts[number]
        if kind == LEAF:
            found.append(number)
            return
        if kind in (SET, PICK):
            for part in parts:
                if after[part] == UP:
                    add_route(kinds, self._parts, part, after, others)
            parts = parts[:1] if kind == SET else tuple([part for part in parts if after[part] != UP])
        for part in parts:
            if after[part] == level or kind == PICK:
                self._add_blamed_and_others(part, after[part], found, others)
                if kind == ALL:
                    return

    def _explain(self, reason: Reason) -> Told:
        """Return a reason as a path and a sentence."""
        level = reason[0]
        if len(reason) == 1:
            why = "needs no AI that can be cut" if level == UP else "nothing could ever meet its need"
            return (), why, None, None, NOBODY
        first = self._leaf(reason[1])
        if level == UP:
            return self._taken_over(first, reason[2:]) if len(reason) > 2 else self._stays(first)
        if self._choices:
            at = reason.index(_OR) if _OR in reason else len(reason)
            return self._blamed_of_choice(first, reason[1:at], level, reason[at + 1 :])
        return self._blamed(first, reason[1:])

    def _leaf(self, leaf: int) -> _Leaf:
        found = self._leaves.get(leaf)
        if found is None:
            chain, level = self.graph.chain(self.graph.nodes.use(leaf)), self.after[leaf]
            name, path = self._words.use(chain), _chain_path(chain, None)
            behind: Behind = ("own machines", None, None)
            if chain.hosted:
                behind = (chain.provider, chain.owner, chain.jurisdiction)
            to_cut, gone, needed = path, "", ("", "")
            hit = None if level == UP else self._hit(chain)
            if level != UP:
                to_cut = _chain_path(chain, hit)
                gone = f"{name} is gone" if level == DOWN else f"{name} may be gone"
                needed = self._needed(chain, hit, level)
            found = _Leaf(name, id_of(chain), chain, hit, path, to_cut, gone, needed, behind)
            self._leaves[leaf] = found
        return found

    def _hit(self, chain: Chain) -> Cut | None:
        """Return the cut that takes the use of a chain away, or else the one that may."""
        worst, hit = 0, None
        for cut in self.cuts:
            value = cut.downs(chain).value
            if value > worst:
                worst, hit = value, cut
        return hit

    def _needed(self, chain: Chain, cut: Cut | None, level: int) -> tuple[str, str]:
        """Return what is said before and after the names of uses that are blamed."""
        if level == UNKNOWN:
            return "it is not known whether ", f" stays: {self._unsure(chain, cut)}"
        if cut is None:
            return "", _NOT_TODAY
        if cut.level == "use":
            return "needs ", ", which the scenario closes"
        return "needs ", f"; {self._by_way(chain, cut)}{self._words.is_cut(cut)}"

    def _by_way(self, chain: Chain, cut: Cut) -> str:
        """Return how a country reaches a use whose provider is elsewhere; nothing where it is there."""
        if cut.level != "jurisdiction" or chain.jurisdiction == cut.id:
            return ""
        country = self._words.country(cut.id)
        if chain.owner_jurisdiction == cut.id:
            return f"its owner {chain.owner or 'there'} is of {country}, and "
        if chain.developer_jurisdiction == cut.id:
            maker = self._words.get(chain.developer) if chain.developer else "a developer"
            return f"its closed weights are of {maker} in {country}, and "
        return ""

    def _unsure(self, chain: Chain, cut: Cut | None) -> str:
        if cut is None:
            return "access today is not known"
        if cut.level == "hub":
            return "nobody said whether a copy of the weights is kept"
        if getattr(chain, cut.level, "") is None:
            return f"its {cut.level} is not known"
        name = self._words.named(cut)
        return f"the cut of {name} ({cut}) may reach it" if name else f"{cut} may reach it"

    def _stays(self, leaf: _Leaf) -> Told:
        """Return why a use stays."""
        if not leaf.chain.hosted:
            kept = "weights on disk stay" if leaf.chain.model else "it is software that is installed"
            why = f"{leaf.name} runs on own machines: {kept}"
        elif leaf.chain.channel == "partner":
            why = f"{leaf.name} comes through a partner that is not cut"
        else:
            why = f"{leaf.name} is not cut"
        return leaf.path, why, None, None, leaf.behind

    def _taken_over(self, lost: _Leaf, fallback: Sequence[int]) -> Told:
        first = self._leaf(fallback[0])
        ids, names = (first.id, first.name) if len(fallback) == 1 else self._called(fallback)
        path = lost.path_to_cut + first.path
        return path, f"{lost.gone}, {names} takes over", ids, names, first.behind

    def _blamed(self, first: _Leaf, blamed: Sequence[int]) -> Told:
        start, end = first.needed
        if len(blamed) == 1:
            return first.path_to_cut, f"{start}{first.name}{end}", None, None, first.behind
        every = [self._leaf(leaf) for leaf in blamed]  # all parts of an OR
        names = several([leaf.name for leaf in every], "or" if start else "and")
        ends = [leaf.needed[1].removeprefix("; ") for leaf in every if leaf.needed[1].startswith("; ")]
        if len(ends) == len(every):
            end = f"; {several(ends)}"
        return first.path_to_cut, f"{start}{names}{end if start else _NEITHER}", None, None, first.behind

    def _blamed_of_choice(
        self, first: _Leaf, blamed: Sequence[int], level: int, others: Sequence[int]
    ) -> Told:
        path, why, _, _, behind = self._blamed(first, blamed)
        if level == UNKNOWN and self.after[blamed[0]] == DOWN:  # of a choice that nobody knows
            names, hit = several([self._leaf(leaf).name for leaf in blamed], "or"), first.hit
            gone = "it is not reachable or not permitted already" if hit is None else self._words.is_cut(hit)
            why = f"stops where {names} is set: {gone}; which is set is not known"
        if not others:
            return path, why, None, None, behind
        ids, other = self._called(others)
        why += f"; {'could be set instead, untested' if level == DOWN else 'what stays'}: {other}"
        return path, why, ids, other, behind

    def _called(self, leaves: Sequence[int]) -> tuple[str, str]:
        """Return a few uses by their ids, and by their names."""
        found = [self._leaf(leaf) for leaf in leaves]
        return several([leaf.id for leaf in found]), several([leaf.name for leaf in found])


def _chain_path(chain: Chain, cut: Cut | None) -> tuple[str, ...]:
    """Return the nodes from the use upwards, ending at the cut if there is one."""
    path = [f"use:{chain.use}"]
    if chain.model is not None:
        path.append(f"model:{chain.model}")
    if chain.hosted and chain.provider is not None:
        path.append(f"provider:{chain.provider}")
    if cut is not None:
        upward = cut.level in ("jurisdiction", "developer")
        if upward and chain.owner and chain.jurisdiction != cut.id:
            path.append(f"owner:{chain.owner}")
        if (said := str(cut)) not in path:
            path.append(said)
    elif chain.hosted and chain.jurisdiction is not None:
        path.append(f"jurisdiction:{chain.jurisdiction}")
    return tuple(path)
