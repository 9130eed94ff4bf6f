"""What the product does with AI: uses grouped by the place that calls them.

A function is a source file of the product that has calls to AI in it. Within one, uses that
exclude each other (a configuration switch, classes of one plugin table, a fallback) are
alternatives: one is enough. Uses that the same run goes through are all needed.

The configuration of a gateway says it outright: each name that clients ask for is a function,
and the ways behind it are alternatives in the order in which they are tried.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.use import Kind, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.inventory.merge import Draft
    from reliant.inventory.placed import Placed
    from reliant.inventory.roles import Roles

_CALLED = frozenset({Scope.CODE, Scope.CONFIG})
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
"""Files that name types and call nothing."""
_SCRIPTS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
"""The nearest to what a person wrote comes first."""
_BUILT = frozenset({"src", "dist", "lib", "es", "esm", "cjs", "build", "out", "node"})
"""Folders that hold the same modules for another reader."""


def functions_of(
    drafts: Iterable[Draft], roles: Roles, routes: Iterable[Placed] = (), asked: Iterable[Placed] = ()
) -> tuple[Function, ...]:
    """Return the functions that the drafts show, ordered by id.

    Args:
        routes: Signals that say which ways a gateway has for a name. A file that has them
            is no function of its own.
        asked: Calls of such names. Code that calls a name needs what the name needs, and the
            name is then no function besides.
    """
    called = [
        draft
        for draft in drafts
        if draft.scope in _CALLED
        and draft.role is not Role.LISTED
        and draft.kind not in {Kind.SDK, Kind.TOKENIZER}
    ]
    found = _routed(called, [p for p in routes if p.scope in _CALLED])
    routed = {function.where.rpartition(":")[0] for function in found}
    behind = {function.name: function.need for function in reversed(found)}
    calls: dict[str, list[Placed]] = defaultdict(list)
    for p in asked:
        if p.path not in routed and p.signal.model in behind:
            calls[p.path].append(p)
    names = {p.signal.model for several in calls.values() for p in several}
    found = [function for function in found if function.name not in names]
    by_place: dict[str, list[Draft]] = defaultdict(list)
    sites_of: dict[str, list[Placed]] = defaultdict(list)
    for draft in called:
        lying: dict[str, str] = {}
        for p in draft.places:
            if p.path not in lying:
                lying[p.path] = _place(p.path, draft, roles)
                if p.path not in routed and not p.path.endswith(_DECLARATIONS):
                    by_place[lying[p.path]].append(draft)
            sites_of[lying[p.path]].append(p)
    only_calls: dict[str, list[Draft]] = {place: [] for place in calls if place not in by_place}
    by_place = {**_built_once(by_place), **only_calls}
    stems = Counter(posixpath.splitext(place)[0] for place in by_place)
    taken = {function.id for function in found}
    for place, here in sorted(by_place.items()):
        sites = sites_of[place]
        needs = list(dict.fromkeys(behind[str(p.signal.model)] for p in calls.get(place, ())))
        # A library that passes calls on is how it gets there: a need only where nothing else is known.
        used = [draft for draft in here if draft.kind is not Kind.GATEWAY] or here
        if needs:  # so is the gateway that answers the name
            used = [draft for draft in here if not _passes_on(draft)]
            sites = [*calls[place], *(p for draft in used for p in draft.places if p.path == place)]
        if used:
            needs.append(_need(list(dict.fromkeys(used)), roles))
        first = min(sites, key=lambda p: (p.path, p.signal.line))
        stem = posixpath.splitext(place)[0]
        found.append(
            Function(
                # `index.js` beside `index.cjs`, `llm.py` beside `llm/`: each is called by its whole name.
                id=stem if stems[stem] == 1 and stem not in taken else place,
                name=_called(stem),
                weight=float(len({(p.path, p.signal.block[:2]) for p in sites}) or 1),
                need=needs[0] if len(needs) == 1 else AllOf(tuple(needs)),
                where=f"{first.path}:{first.signal.line}",
            )
        )
    return _told_apart(sorted(found, key=lambda function: function.id))


def _told_apart(found: list[Function]) -> tuple[Function, ...]:
    """Return the functions, those of one name called after their folders too, or by their ids."""
    for name_of in (_with_folder, lambda function: function.id):
        often = Counter(function.name for function in found)
        found = [
            function
            if often[function.name] == 1
            else msgspec.structs.replace(function, name=name_of(function))
            for function in found
        ]
    return tuple(found)


def _with_folder(function: Function) -> str:
    folder = posixpath.basename(posixpath.dirname(function.where))
    return f"{folder}/{function.name}" if folder else function.name


def _built_once(by_place: dict[str, list[Draft]]) -> dict[str, list[Draft]]:
    """Return the places without those that are another one built for a second module system.

    A package of JavaScript carries `src/client.ts`, `client.js` and `client.mjs`: one function.
    """
    found: dict[tuple[str, frozenset[str]], str] = {}
    for place in sorted(by_place, key=_nearest_to_source):
        stem, suffix = posixpath.splitext(place)
        if suffix in _SCRIPTS:
            stem = "/".join(part for part in stem.split("/") if part not in _BUILT)
        found.setdefault((stem, frozenset(draft.id for draft in by_place[place])), place)
    kept = set(found.values())
    return {place: drafts for place, drafts in by_place.items() if place in kept}


def _nearest_to_source(place: str) -> tuple[int, str]:
    suffix = posixpath.splitext(place)[1]
    return (_SCRIPTS.index(suffix) if suffix in _SCRIPTS else 0, place)


def _called(stem: str) -> str:
    """Return the name of a function for people; a package's own file is called after its folder."""
    base = posixpath.basename(stem)
    if base == "__init__":
        base = posixpath.basename(posixpath.dirname(stem)) or base
    return base.strip("_").replace("_", " ")


def _passes_on(draft: Draft) -> bool:
    """Say whether a use is only the way to a gateway: itself, or a server of which nothing else is known."""
    return draft.kind is Kind.GATEWAY or (draft.provider is None and draft.model is None)


def _routed(called: Iterable[Draft], routes: Iterable[Placed]) -> list[Function]:
    """Return one function for each name that a gateway answers."""
    ways: dict[tuple[str, str], list[Draft]] = defaultdict(list)
    for draft in called:
        for p in draft.places:
            if p.signal.group:
                ways[p.path, p.signal.group].append(draft)
    needs: dict[str, list[Need]] = defaultdict(list)
    first: dict[str, Placed] = {}
    for p in routes:
        name = str(p.signal.model)
        stem = posixpath.splitext(p.path)[0]
        id_ = stem if name == posixpath.basename(stem) else f"{stem}/{name}"
        order = [_answering(ways[p.path, group]) for group in p.signal.options if ways[p.path, group]]
        if order and first.setdefault(id_, p).path == p.path:
            needs[id_].append(_either(list(dict.fromkeys(order))))
    return [
        Function(
            id=id_,
            name=str(first[id_].signal.model),
            weight=1.0,
            need=parts[0] if len(parts) == 1 else AllOf(tuple(dict.fromkeys(parts))),
            where=f"{first[id_].path}:{first[id_].signal.line}",
        )
        for id_, parts in needs.items()
    ]


def _answering(drafts: list[Draft]) -> Draft:
    """Return the use that a way comes to: the model if it is known, else whoever is called."""
    return max(drafts, key=lambda draft: (draft.model is not None, draft.kind is not Kind.GATEWAY))


def _place(path: str, draft: Draft, roles: Roles) -> str:
    """Return the file, or the folder of adapters, whose function a use belongs to."""
    return (posixpath.dirname(path) or path) if _adapter(path, draft, roles) else path


def _adapter(path: str, draft: Draft, roles: Roles) -> bool:
    """Say whether a file is one of several adapters to providers that exclude each other."""
    if draft.provider is None or not roles.alternatives(draft.provider):
        return False
    stem = posixpath.basename(path).partition(".")[0].lower().replace("_", "").replace("-", "")
    return draft.provider.replace("-", "") in stem


def _need(here: list[Draft], roles: Roles) -> Need:
    """Return what a place needs: of each set of alternatives one, of everything else all.

    A place that writes text and has only models to choose from for it needs one of these,
    whatever else it does: a model for images stands in for none of them.
    """
    text = [draft for draft in here if not _purpose(draft)]
    sure = _parts(text, roles)
    parts = [*sure, *_parts([draft for draft in here if _purpose(draft)], roles)]
    if parts and not sure and any(draft.model for draft in text):
        parts.append(_either(text))
    if not parts:
        return _either(here)
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
            parts.append(_either(drafts))
        elif needed:
            parts.append(_either(needed) if _same_purpose(needed) else _every(needed))
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


def _either(drafts: list[Draft]) -> Need:
    leaves = tuple(Supplier(draft.id) for draft in drafts)
    return leaves[0] if len(leaves) == 1 else AnyOf(leaves)


def _every(drafts: list[Draft]) -> Need:
    leaves = tuple(Supplier(draft.id) for draft in drafts)
    return leaves[0] if len(leaves) == 1 else AllOf(leaves)
