"""What the product does with AI: uses grouped by the place that calls them.

A function is a source file of the product that has calls to AI in it; what it needs of its uses
is worked out in `needs`.

The configuration of a gateway says it outright: each name that clients ask for is a function,
and the ways behind it are alternatives in the order in which they are tried.
"""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.use import Kind, Role, Scope
from reliant.inventory.needs import Ways, need_of
from reliant.inventory.signals import What

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    drafts: Iterable[Draft],
    roles: Roles,
    routes: Iterable[Placed] = (),
    asked: Iterable[Placed] = (),
    ways: Ways | None = None,
    left: Mapping[str, Sequence[Draft]] = MappingProxyType({}),
) -> tuple[Function, ...]:
    """Return the functions that the drafts show, ordered by id.

    Args:
        routes: Signals that say which ways a gateway has for a name. A file that has them
            is no function of its own.
        asked: Calls of such names. Code that calls a name needs what the name needs, and the
            name is then no function besides.
        ways: Where in the forks of its file each use is called.
        left: Of a file of settings, the uses that it leaves at the defaults of the program.
    """
    ways = ways or Ways((), {})
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
    paths = {p.path for draft in called for p in draft.places}
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
            used = [draft for draft in used if place not in paths or _is_called(draft, place)] or used
            here_used = [(draft, ways.of(draft, place)) for draft in dict.fromkeys(used)]
            needs.append(need_of(here_used, ways.shapes.get(place), roles))
        needs += [Supplier(draft.id) for draft in left.get(place, ()) if draft not in used]
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


def _is_called(draft: Draft, place: str) -> bool:
    """Say whether a use is called in a file, and not only its key read there."""
    return any(p.signal.what is not What.ENV for p in draft.places if p.path == place)


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
            needs[id_].append(_in_turn(list(dict.fromkeys(order))))
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
    return _adapters(path, draft, roles) or path


def _adapters(path: str, draft: Draft, roles: Roles) -> str:
    """Return the folder in which a file is one of several adapters to providers that exclude each other."""
    if draft.provider is None or not roles.alternatives(draft.provider):
        return ""
    folder, name = posixpath.split(path)
    if draft.provider.replace("-", "") in _letters(name.partition(".")[0]):
        return folder
    return roles.adapters.get(path, "")


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _in_turn(drafts: list[Draft]) -> Need:
    """Return the need of a name whose ways are tried one after the other."""
    leaves = tuple(Supplier(draft.id) for draft in drafts)
    return leaves[0] if len(leaves) == 1 else AnyOf(leaves)
