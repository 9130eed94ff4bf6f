"""Which of several settings side by side is taken: `type: local` beside `local:` and `cloud:`.

A setting that holds the key of a neighbour picks that neighbour; the others are there to be picked
instead. The key may stand one level further in: `default_vendor: acme` beside `vendors: {acme: ...}`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from reliant.inventory.idforms import snake

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from reliant.inventory.detectors._entries import Entry

_PICKS = re.compile(
    r"(?:^|_)(?:type|mode|default|active|current|selected|use|using|provider|backend|engine|vendor|service|profile"
    r"|default_\w+|active_\w+|selected_\w+|use_\w+)$"
)
_MOST = 2_000


def left_aside(entries: Iterable[Entry]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the keys of the blocks that another block was picked over, with the keys of that one.

    Examples:
        >>> from reliant.inventory.detectors._entries import Entry
        >>> rows = [(("type",), "b"), (("a", "model"), "x"), (("b", "model"), "y")]
        >>> left_aside([Entry(keys, value, 1, 1) for keys, value in rows])
        {('a',): ('b',)}
    """
    said = [entry for entry in entries if not entry.commented]
    picks = [entry for entry in said if entry.keys and _PICKS.search(snake(entry.keys[-1])) and entry.value]
    if not picks or len(said) > _MOST:
        return {}
    below: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for entry in said:
        for depth in range(len(entry.keys) - 1):
            below[entry.keys[:depth]].add(entry.keys[depth])
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for pick in picks:
        at = pick.keys[:-1]
        for place in (at, *((*at, child) for child in below.get(at, ()))):
            blocks = below.get(place, set())
            if len(blocks) > 1 and pick.value in blocks:
                found |= {(*place, other): (*place, pick.value) for other in blocks if other != pick.value}
    return found


def inside(keys: tuple[str, ...], blocks: Container[tuple[str, ...]]) -> bool:
    """Say whether a setting stands in one of some blocks."""
    return any(keys[:depth] in blocks for depth in range(1, len(keys) + 1))
