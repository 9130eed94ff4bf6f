"""Literal beginnings of what a regular expression matches, for the prefilter pass."""

from __future__ import annotations

import importlib
from typing import Any

sre: Any = importlib.import_module("re._constants")
_parser: Any = importlib.import_module("re._parser")

_MOST = 400


def stems_of(pattern: str) -> frozenset[str]:
    """Return literal prefixes, lower case, such that every match begins with one of them.

    Prefixes end at the first part that is not a literal, a short class or a branch of those.
    A pattern whose beginning is open gives the empty set.

    Examples:
        >>> sorted(stems_of(r"(?i)^(ft:)?(Acme-[0-9]|zed[12]-)"))
        ['acme-', 'ft:acme-', 'ft:zed1-', 'ft:zed2-', 'zed1-', 'zed2-']
    """
    found, _ = _walk(list(_parser.parse(pattern)), {""})
    return frozenset(stem.lower() for stem in found if stem)


def _walk(parts: list[Any], heads: set[str]) -> tuple[set[str], bool]:
    """Return the heads grown by `parts`, and whether they may still grow."""
    for op, value in parts:
        if len(heads) > _MOST:
            return heads, False
        if op is sre.LITERAL:
            heads = {head + chr(value) for head in heads}
        elif op is sre.IN and 0 < len(value) <= 6 and all(o is sre.LITERAL for o, _ in value):
            heads = {head + chr(v) for head in heads for _, v in value}
        elif op is sre.SUBPATTERN:
            heads, grows = _walk(list(value[3]), heads)
            if not grows:
                return heads, False
        elif op is sre.BRANCH:
            grown: set[str] = set()
            open_end = False
            for branch in value[1]:
                more, grows = _walk(list(branch), heads)
                grown |= more
                open_end = open_end or not grows
            heads = grown
            if open_end:
                return heads, False
        elif op is sre.MAX_REPEAT and value[0] == 0 and value[1] == 1:
            more, grows = _walk(list(value[2]), heads)
            if not grows:
                return heads | more, False
            heads = heads | more
        elif op in {sre.AT, sre.ASSERT, sre.ASSERT_NOT}:
            continue
        else:
            return heads, False
    return heads, True
