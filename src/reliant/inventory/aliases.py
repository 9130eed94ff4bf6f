"""Joins calls with the gateway they go to: code that asks for a name relies on what the gateway says.

`client.chat.completions.create(model="chat")` names no model. Where a gateway's configuration in
the same target answers for `chat`, the call needs what that route needs: its deployments, one or
another. A name that is also a real model's (`gpt-4o`) is only taken for an alias where the client
speaks to a gateway, or to a server nobody knows.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Scope
from reliant.inventory.signals import What

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.inventory.placed import Placed
    from reliant.inventory.vendors import Vendors

_PRODUCT = frozenset({Scope.CODE, Scope.CONFIG})
_NAME = re.compile(r"[A-Za-z][\w.:@/-]{0,79}")


def may_be_alias(text: str) -> bool:
    """Say whether a text that a call gives for a model can be a name of a gateway.

    Examples:
        >>> may_be_alias("chat"), may_be_alias("team/fast-1"), may_be_alias("a sentence")
        (True, True, False)
    """
    return _NAME.fullmatch(text) is not None


def by_alias(placed: Sequence[Placed], vendors: Vendors) -> tuple[list[Placed], list[Placed]]:
    """Return the signals without calls of a gateway's names, and those calls.

    A call of a name is no use of a model with that name: what it uses is behind the gateway.
    """
    kept = [p for p in placed if p.signal.what is not What.NAMED]
    routes = [
        str(p.signal.model)
        for p in kept
        if p.signal.what is What.ROUTE and p.scope in _PRODUCT and p.signal.model
    ]
    if not routes:
        return kept, []
    asked: list[Placed] = []
    spots: set[tuple[str, int, str | None]] = set()
    for p in placed:
        if p.signal.what is What.NAMED and p.scope in _PRODUCT:
            route = _route(p, routes, vendors)
            if route is not None:
                asked.append(p._replace(signal=msgspec.structs.replace(p.signal, model=route)))
                spots.add((p.path, p.signal.line, p.signal.model))
    return [
        p
        for p in kept
        if p.signal.what is not What.MODEL or (p.path, p.signal.line, p.signal.model) not in spots
    ], asked


def _route(p: Placed, routes: Sequence[str], vendors: Vendors) -> str | None:
    """Return the route that answers a call, by its name or a pattern such as `gpt-*`; None if none does."""
    name = p.signal.model or ""
    record = vendors.providers.get(p.signal.provider or "")
    passed_on = p.signal.provider is None or (record is not None and "gateway" in record.roles)
    if name in routes:
        ours = vendors.developer(name) is None and vendors.serves_id(name) is None
        return name if passed_on or ours else None
    if not passed_on:
        return None
    return next((one for one in routes if "*" in one and fnmatch.fnmatchcase(name, one)), None)


__all__ = ["by_alias", "may_be_alias"]
