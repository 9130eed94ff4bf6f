"""What the product does with AI: uses grouped by the place that calls them.

A function is a source file of the product that has calls to AI in it. Within one, uses that
exclude each other (a configuration switch, classes of one plugin table, a fallback) are
alternatives: one is enough. Uses that the same run goes through are all needed.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier
from reliant.core.use import Kind, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.inventory.merge import Draft

_CALLED = frozenset({Scope.CODE, Scope.CONFIG})


def functions_of(drafts: Iterable[Draft]) -> tuple[Function, ...]:
    """Return the functions that the drafts show, ordered by id."""
    called = [
        draft
        for draft in drafts
        if draft.scope in _CALLED
        and draft.role is not Role.LISTED
        and draft.kind not in {Kind.SDK, Kind.TOKENIZER}
    ]
    by_file: dict[str, list[Draft]] = defaultdict(list)
    for draft in called:
        for path in dict.fromkeys(p.path for p in draft.places):
            by_file[path].append(draft)
    found = []
    for path, here in sorted(by_file.items()):
        need, sites = _need(path, here)
        first = min((p.signal.line for draft in here for p in draft.places if p.path == path), default=0)
        stem = posixpath.splitext(path)[0]
        found.append(
            Function(
                id=stem,
                name=posixpath.basename(stem).replace("_", " "),
                weight=float(max(sites, 1)),
                need=need,
                where=f"{path}:{first}",
            )
        )
    return tuple(found)


def _need(path: str, here: list[Draft]) -> tuple[Need, int]:
    """Return what a file needs, and the number of its call sites."""
    always = [draft for draft in here if draft.role is Role.DEFAULT]
    choices = [draft for draft in here if draft.role is Role.OPTIONAL]
    sites = len({p.signal.block[:1] for draft in here for p in draft.places if p.path == path})
    parts: list[Need] = [_either(group) for group in _alternatives(path, always)]
    if not parts:
        return _either(choices), sites
    if len(parts) == 1 and choices and isinstance(parts[0], Supplier):
        alike = [draft for draft in choices if draft.kind is always[0].kind]
        if alike:
            return AnyOf((parts[0], *(Supplier(draft.id) for draft in alike))), sites
    return (parts[0] if len(parts) == 1 else AllOf(tuple(parts))), sites


def _alternatives(path: str, drafts: list[Draft]) -> list[list[Draft]]:
    """Group drafts that stand in the same group or in sibling classes: one of each group is enough."""
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        here = [p.signal for p in draft.places if p.path == path]
        key = next((s.group for s in here if s.group), "")
        if not key:
            heads = {s.block[0] for s in here if s.block and s.block[0].startswith("class ")}
            key = f"classes:{draft.kind}" if len(heads) == 1 and len({*heads}) == 1 else f"one:{draft.id}"
        groups.setdefault(key, []).append(draft)
    return list(groups.values())


def _either(drafts: list[Draft]) -> Need:
    leaves = tuple(Supplier(draft.id) for draft in drafts)
    return leaves[0] if len(leaves) == 1 else AnyOf(leaves)
