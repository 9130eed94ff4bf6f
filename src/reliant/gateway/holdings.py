"""Which upstream holds which object, and whose it is.

A file, a batch or a stored response lives at the provider where it was made:
requests about it go there or nowhere. Behind one provider key there are many
callers, so an object is also remembered with its owner; to everybody else it does
not exist, and lists show a caller its own objects only.
"""

from __future__ import annotations

import itertools
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.gateway.running import as_task

if TYPE_CHECKING:
    from reliant.gateway.context import Context
    from reliant.gateway.state import Store

_KEPT = 50_000
_ID = re.compile(rb'"id": ?"((?:resp|chatcmpl|conv)[A-Za-z0-9_\-]{4,120})"')


_NAMED = re.compile(
    rb'"((?:file|vs|vsfs|batch|resp|conv|cntr|cfile|upload|ft|asst|thread)[-_][A-Za-z0-9_\-]{4,120})"'
)
_MOST_NAMED = 500


def named_in(body: bytes) -> set[str]:
    """Return what in a body looks like the id of an object that a provider holds."""
    if b"_id" not in body:
        return set()
    return {match[1].decode() for match in itertools.islice(_NAMED.finditer(body), _MOST_NAMED)}


class _Made(msgspec.Struct):
    id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    result_files: list[str] | None = None

    def ids(self) -> list[str]:
        found = [self.id, self.output_file_id, self.error_file_id, *(self.result_files or [])]
        return [one for one in found if one]


class Holdings:
    """Remembers objects in the store, and the latest ones in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: OrderedDict[str, tuple[str, str]] = OrderedDict()

    async def find(self, object_id: str, owner: str) -> str | None:
        """Return the upstream that holds an object of `owner`; None if it is not known or another's."""
        held = self._recent.get(object_id) or await self._stored(object_id)
        if held is None or held[1] != owner:
            return None
        self._remember(object_id, held)
        return held[0]

    async def foreign(self, ids: Iterable[str], owner: str) -> str | None:
        """Return the first of these objects that is known and belongs to somebody else."""
        for object_id in ids:
            held = self._recent.get(object_id) or await self._stored(object_id)
            if held is not None and held[1] != owner:
                return object_id
        return None

    async def _stored(self, object_id: str) -> tuple[str, str] | None:
        await as_task()
        return await self._store.holder(object_id)

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
            for one in fresh:
                self._remember(one, (upstream, owner))

    async def seen(self, request: Context, status: int, body: bytes, upstream: str, owner: str) -> bytes:
        """Learn from an answer what was made; return it, a list cut down to the owner's objects."""
        if status >= 400:
            return body
        if request.endpoint.listing:
            return await self._own(body, owner)
        try:
            made = msgspec.json.decode(body, type=_Made)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return body
        await self.hold(made.ids(), upstream, owner)
        return body

    async def seen_stream(self, piece: bytes, upstream: str, request: Context) -> bool:
        """Learn the id of a response that is being streamed; True once it is known."""
        match = _ID.search(piece)
        if match is None:
            return False
        await self.hold([match[1].decode()], upstream, request.owner)
        return True

    async def _own(self, body: bytes, owner: str) -> bytes:
        try:
            listed: dict[str, Any] = msgspec.json.decode(body)
            data = listed["data"]
            kept = []
            for one in data:
                if isinstance(one, dict) and await self.find(str(one.get("id", "")), owner) is not None:
                    kept.append(one)
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
            return b'{"object":"list","data":[],"has_more":false}'
        listed["data"] = kept
        for edge, at in (("first_id", 0), ("last_id", -1)):
            if edge in listed:
                listed[edge] = kept[at].get("id") if kept else None
        return msgspec.json.encode(listed)
