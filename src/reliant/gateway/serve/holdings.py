"""Which upstream holds which object, and whose it is.

A file, a batch or a stored response lives at the provider where it was made:
requests about it go there or nowhere. Behind one provider key there are many
callers, so an object is also remembered with its owner; to everybody else it does
not exist.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.gateway.api.made import made_by, made_in
from reliant.gateway.http.running import as_task

if TYPE_CHECKING:
    from reliant.gateway.serve.context import Context
    from reliant.gateway.state import Store

_KEPT = 50_000
_AT_ONCE = 5_000

_RESULTS = re.compile(rb'("results_url": ?")[^"]*?(/v1/messages/batches/)')


class Holdings:
    """Remembers objects in the store, and the latest ones in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: OrderedDict[str, tuple[str, str]] = OrderedDict()

    async def find(self, object_id: str, owner: str) -> str | None:
        """Return the upstream that holds an object of `owner`; None if it is not known or another's."""
        held = (await self.known([object_id])).get(object_id)
        if held is None or held[1] != owner:
            return None
        self._remember(object_id, held)
        return held[0]

    async def foreign(self, ids: Iterable[str], owner: str) -> str | None:
        """Return the first of these objects that is known and belongs to somebody else."""
        held = await self.known(ids)
        return next((one for one, (_, whose) in held.items() if whose != owner), None)

    async def known(self, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return the upstream and the owner of each of these objects that is known, in the order given."""
        wanted = list(dict.fromkeys(ids))
        away = [one for one in wanted if one not in self._recent]
        stored: dict[str, tuple[str, str]] = {}
        if away:
            await as_task()
        for begin in range(0, len(away), _AT_ONCE):
            stored |= await self._store.holders(away[begin : begin + _AT_ONCE])
        held = ((one, self._recent.get(one) or stored.get(one)) for one in wanted)
        return {one: found for one, found in held if found is not None}

    async def upstreams_of(self, owner: str) -> list[str]:
        """Return the upstreams that hold something of `owner`."""
        await as_task()
        return await self._store.upstreams_of(owner)

    def _remember(self, object_id: str, held: tuple[str, str]) -> None:
        self._recent[object_id] = held
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)

    async def hold(self, ids: list[str], upstream: str, owner: str) -> None:
        """Remember new objects; they are in the store when this returns."""
        fresh = [one for one in ids if one not in self._recent]
        if fresh:
            await as_task()
            await self._store.hold(fresh, upstream, owner)
            # Whoever had it first has it: an id that is said once more changes nothing.
            for one, held in (await self._store.holders(fresh)).items():
                self._remember(one, held)

    async def seen(self, request: Context, status: int, body: bytes, upstream: str) -> bytes:
        """Learn from a whole answer what was made; return it as its caller may see it."""
        if status >= 400:
            return body
        if not request.endpoint.listing:
            await self.hold(made_by(request.endpoint, body), upstream, request.owner)
        # Its own host's address would lead the caller, and the gateway's key, past the gateway.
        return _RESULTS.sub(rb"\1\2", body) if b'"results_url"' in body else body

    async def seen_stream(self, piece: bytes, upstream: str, request: Context) -> None:
        """Learn from a piece of a stream what is made."""
        if request.learnt and not any(mark in piece for mark in _MADE_LATER):
            return
        made = made_in(request.endpoint, piece)
        if made:
            request.learnt = True
            await self.hold(made, upstream, request.owner)


_MADE_LATER = (b'"container', b"output_item.", b'"audio"', b"_tool_result")
"""What stands in those events of a stream, after the first, that tell of something made."""
