"""What a place of the code needs: of what excludes each other one, of everything else all.

The forks of a file say which of its uses exclude each other, and which is taken where nobody sets
anything. Where no fork does, providers that are alternatives all over the product (classes of one
table, adapters of one folder) are a choice as well. Only what is tried in turn when something
fails moves by itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from reliant.core.need import AllOf, AnyOf, Need, OneOf, Supplier, suppliers
from reliant.core.use import Kind, Role
from reliant.inventory.signals import What

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reliant.inventory.merge import Draft
    from reliant.inventory.placed import Placed
    from reliant.inventory.roles import Roles
    from reliant.inventory.shape import Shape, Way

NOTHING = AllOf(())
"""The need of an arm that asks nobody."""


class Ways:
    """Where in the forks of its file each use is called."""

    def __init__(self, placed: Iterable[Placed], shapes: Mapping[str, Shape]) -> None:
        self.shapes = shapes
        self._made: dict[tuple[str, str | None], dict[Way, None]] = defaultdict(dict)
        for p in placed:
            if p.path in shapes and p.signal.what is What.ENDPOINT:
                self._made[p.path, p.signal.provider].update(dict.fromkeys(_ways(p, shapes[p.path])))

    def of(self, draft: Draft, path: str) -> tuple[Way, ...]:
        """Return the ways to the calls of a use in a file; of one that is only named there, to its client.

        A call outside of all forks may go to a client that is made in one of their arms.
        """
        shape = self.shapes.get(path)
        if shape is None:
            return ((),)
        here = [p for p in draft.places if p.path == path]
        calls = [p for p in here if p.signal.where or p.signal.what is What.ENDPOINT] or here
        found = dict.fromkeys(way for p in calls for way in _ways(p, shape))
        made = self._made.get((path, draft.provider), {})
        if not made or () in made:
            return tuple(found)
        deeper: dict[Way, None] = {}
        for way in found:
            below = [one for one in made if one[: len(way)] == way]
            deeper.update(dict.fromkeys(below or (way,)))
        return tuple(deeper)


def _ways(p: Placed, shape: Shape) -> tuple[Way, ...]:
    """Return the ways to a signal: to the call, or to the value if that is in an arm and the call is not."""
    file, _, line = p.signal.where.rpartition(":")
    called = shape.ways_to(int(line)) if file == p.path else ()
    return called or shape.ways_to(p.signal.line, p.signal.column) or ((),)


def need_of(here: Iterable[tuple[Draft, tuple[Way, ...]]], shape: Shape | None, roles: Roles) -> Need:
    """Return what a place needs of its uses, each with the ways to it."""
    items = [(draft, way) for draft, ways in here for way in ways]
    if shape is None:
        return _need(list(dict.fromkeys(draft for draft, _ in items)), roles)
    if shape.unread:
        return _unread(list(dict.fromkeys(draft for draft, _ in items)), roles)
    return _composed(items, shape, roles)


def _unread(here: list[Draft], roles: Roles) -> Need:
    """Return what a file needs that was too large to be parsed: of its providers one, nobody knows which."""
    by: dict[str | None, list[Draft]] = defaultdict(list)
    for draft in here:
        by[draft.provider].append(draft)
    return one_of([_need(several, roles) for several in by.values()], default=False)


def _composed(items: list[tuple[Draft, Way]], shape: Shape, roles: Roles) -> Need:
    items = _without_single(items)
    straight = list(dict.fromkeys(draft for draft, way in items if not way))
    forks: dict[int, dict[int, list[tuple[Draft, Way]]]] = defaultdict(lambda: defaultdict(list))
    for draft, way in items:
        if way:
            forks[way[0]][way[1]].append((draft, way[2:]))
    needs: list[Need] = []
    for fork, arms in sorted(forks.items()):
        parts = {arm: _composed(inner, shape, roles) for arm, inner in sorted(arms.items())}
        needs.append(_forked(parts, shape.forks[fork].holds, tries=shape.forks[fork].tries))
    sure = [draft for draft in straight if draft.role is Role.DEFAULT]
    if straight and (sure or not needs):  # beside what is called for certain, an option is no need
        needs.insert(0, _need(straight, roles))
    flat = [part for need in needs for part in (need.of if isinstance(need, AllOf) else (need,))]
    providers = {draft.id: draft.provider for draft, _ in items}
    return _every_of(_one_menu(flat, providers, roles.chosen))


def _one_menu(
    needs: Iterable[Need], providers: Mapping[str, str | None], chosen: frozenset[str]
) -> list[Need]:
    """Return the needs, choices between the same providers made one: they ask for the same setting.

    A program that picks its client by the provider picks the model by it as well.
    """
    found: list[Need] = []
    menus: list[_Menu] = []
    for need in dict.fromkeys(needs):
        if not isinstance(need, OneOf):
            found.append(need)
            continue
        menu = _Menu.of(need, providers)
        same = next((one for one in menus if len(one.arms.keys() & menu.arms.keys()) > 1), None)
        if same is None:
            menus.append(menu)
        else:
            same.join(menu)
    for menu in menus:
        said = [key for key in menu.arms if key & chosen]
        if menu.first is None and len(said) == 1 and said[0] <= chosen:
            menu.first = said[0]  # the setting that another place of the program gives a default
    return [*found, *(menu.need() for menu in menus)]


_By: TypeAlias = frozenset[str | None]


class _Menu:
    """A choice, its parts by the providers that each asks.

    Attributes:
        first: The part that is set unless somebody sets another; None if nobody knows.
    """

    def __init__(self, arms: dict[_By, list[list[Need]]], first: _By | None) -> None:
        self.arms, self.first = arms, first

    @classmethod
    def of(cls, choice: OneOf, providers: Mapping[str, str | None]) -> _Menu:
        arms: dict[_By, list[list[Need]]] = {}
        keys = [frozenset(providers.get(use) for use in suppliers(part)) for part in choice.of]
        for key, part in zip(keys, choice.of, strict=True):
            arms.setdefault(key, [[]])[0].append(part)
        return cls(arms, keys[0] if choice.default else None)

    def join(self, other: _Menu) -> None:
        """Take in a choice between the same providers."""
        for key, several in other.arms.items():
            self.arms.setdefault(key, []).extend(several)
        self.first = self.first if self.first is not None else other.first

    def need(self) -> Need:
        """Return the choice: of each provider, what it needs of every menu that was joined."""
        keys = sorted(self.arms, key=lambda key: key != self.first)  # what is set by default comes first
        parts = [_every_of([one_of(part, default=False) for part in self.arms[key]]) for key in keys]
        return one_of(parts, default=self.first is not None)


def _every_of(needs: Iterable[Need]) -> Need:
    parts = tuple(dict.fromkeys(needs))
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _without_single(items: list[tuple[Draft, Way]]) -> list[tuple[Draft, Way]]:
    """Return the items, forks left out of which only one arm asks anybody."""
    while True:
        arms: dict[int, set[int]] = defaultdict(set)
        for _, way in items:
            if way:
                arms[way[0]].add(way[1])
        single = {fork for fork, several in arms.items() if len(several) == 1}
        if not single:
            return items
        items = [(draft, way[2:] if way and way[0] in single else way) for draft, way in items]


def _forked(parts: Mapping[int, Need], holds: tuple[bool | None, ...], *, tries: bool) -> Need:
    """Return the need of a fork from those of its arms."""
    if tries:
        return _any(dict.fromkeys(parts.values()))
    taken: dict[Need, None] = {}
    for arm, answer in enumerate(holds):
        if answer is not False and (arm in parts or answer):
            taken[parts.get(arm, NOTHING)] = None
        if answer:
            break
    if len(taken) == 1 and any(holds):
        default = next(iter(taken))
        return one_of([default, *(part for part in parts.values() if part != default)], default=True)
    return one_of(parts.values(), default=False)


def _any(parts: Iterable[Need]) -> Need:
    found = tuple(parts)
    return found[0] if len(found) == 1 else AnyOf(found)


def one_of(parts: Iterable[Need], *, default: bool) -> Need:
    """Return the choice of these; an inner choice is part of it where that says the same."""
    found: dict[Need, None] = {}
    for number, part in enumerate(parts):
        inner = isinstance(part, OneOf) and (part.default == default if number == 0 else True)
        found.update(dict.fromkeys(part.of if inner and isinstance(part, OneOf) else (part,)))
    several = tuple(found)
    return several[0] if len(several) == 1 else OneOf(several, default)


def _need(here: list[Draft], roles: Roles) -> Need:
    """Return what a place needs: of each set of alternatives one, of everything else all.

    A place that writes text and has only models to choose from for it needs one of these,
    whatever else it does: a model for images stands in for none of them.
    """
    text = [draft for draft in here if not _purpose(draft)]
    sure = _parts(text, roles)
    parts = [*sure, *_parts([draft for draft in here if _purpose(draft)], roles)]
    if parts and not sure and any(draft.model for draft in text):
        parts.append(_choice(text, roles))
    if not parts:
        return _choice(here, roles)
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _parts(here: list[Draft], roles: Roles) -> list[Need]:
    """Return the needs that are sure: one of each set of several providers, and what is used by default."""
    sets: dict[str, list[Draft]] = {}
    for draft in here:
        group = roles.alternatives(draft.provider)
        key = _purpose(draft) + (",".join(sorted(group)) if group else f"{draft.provider}")
        sets.setdefault(key, []).append(draft)
    parts: list[Need] = []
    for drafts in sets.values():
        needed = [draft for draft in drafts if draft.role is Role.DEFAULT]
        if len({draft.provider for draft in drafts}) > 1:
            parts.append(_choice(drafts, roles))
        elif needed:
            parts.append(_choice(needed, roles) if _same_purpose(needed) else _every(needed))
    return parts


_PURPOSES = {
    "image": re.compile(r"image|dall-e|imagen|flux|stable-diffusion|midjourney|ideogram|recraft"),
    "sound": re.compile(r"whisper|tts|transcri|speech|voice|audio|eleven"),
    "video": re.compile(r"video|sora|veo-|kling|hailuo|runway"),
    "ranking": re.compile(r"rerank"),
}
"""Words in the ids of models that do something else than write text: one is no alternative of the other."""


def _purpose(draft: Draft) -> str:
    """Return what a model is for, as far as its kind or its id says; nothing for text."""
    if draft.kind is Kind.EMBEDDING:
        return f"{draft.kind}:"
    low = (draft.model or "").lower()
    return next((f"{name}:" for name, words in _PURPOSES.items() if words.search(low)), "")


def _same_purpose(drafts: list[Draft]) -> bool:
    """Say whether the models of one provider stand in the same list or table, one to be picked."""
    if len(drafts) < 2:
        return False
    groups = frozenset().union(*(draft.groups for draft in drafts))
    return len(groups) == 1 and "" not in groups


def _choice(drafts: list[Draft], roles: Roles) -> Need:
    """Return the choice of these, with a default if the program names the provider that is taken unasked."""
    several = len({draft.provider for draft in drafts}) > 1
    taken = [
        draft
        for draft in drafts
        if draft.role is Role.DEFAULT and (not several or draft.provider in roles.chosen)
    ]
    if len({draft.provider for draft in taken}) != 1 or len(taken) == len(drafts):
        return one_of([Supplier(draft.id) for draft in drafts], default=False)
    first = one_of([Supplier(draft.id) for draft in taken], default=False)
    return one_of([first, *(Supplier(one.id) for one in drafts if one not in taken)], default=True)


def _every(drafts: list[Draft]) -> Need:
    leaves = tuple(Supplier(draft.id) for draft in drafts)
    return leaves[0] if len(leaves) == 1 else AllOf(leaves)
