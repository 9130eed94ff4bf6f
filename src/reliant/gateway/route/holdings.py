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
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.gateway.http.running import as_task
from reliant.gateway.request.body import NOT_JSON, form_fields, hides_ascii, shown
from reliant.gateway.request.events import data_of

if TYPE_CHECKING:
    from reliant.gateway.context import Context
    from reliant.gateway.state import Store

_KEPT = 50_000


_NAMED = re.compile(
    rb'"((?:file|vs|vsfs|vsfb|batch|msgbatch|resp|conv|cntr|container|cfile|upload|ft|ftjob|asst|thread'
    rb'|video|eval|evalrun|skill)[-_][A-Za-z0-9_\-]{4,120})"'
)
_MARKS = (b"_id", b"cntr_", b"container_")
_MOST_NAMED = 500
_RESULTS = re.compile(rb'("results_url": ?")[^"]*?(/v1/messages/batches/)')


def named_in(body: bytes, content_type: bytes, *, everywhere: bool = False) -> set[str]:
    """Return what in a body looks like the id of an object that a provider holds.

    In a form only fields are looked at: what stands in a file is nothing that is asked for.

    Args:
        body: As it was sent.
        content_type: What it is said to be.
        everywhere: Look also where nothing in the body says that ids stand in it.
    """
    if content_type[:10].lower() == b"multipart/":
        fields = (shown(one.strip()) for one in form_fields(body, content_type) if len(one) < _LONGEST_FIELD)
        return {name for value in fields for name in (*_quoted_in(value), *_quoted_in(b'"%b"' % value))}
    hidden = hides_ascii(body)
    if not (everywhere or hidden or any(mark in body for mark in _MARKS)):
        return set()
    return set(_quoted_in(shown(body) if hidden else body))


_LONGEST_FIELD = 65_536


def _quoted_in(text: bytes) -> Iterator[str]:
    return (match[1].decode() for match in itertools.islice(_NAMED.finditer(text), _MOST_NAMED))


class _File(msgspec.Struct):
    id: str | None = None


class _Made(msgspec.Struct):
    """What an answer about an object says was made, by the names that the interfaces use."""

    id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    result_files: list[str] | None = None
    fine_tuned_model: str | None = None
    thread_id: str | None = None
    file: _File | None = None

    def ids(self) -> list[str]:
        found = [
            self.id,
            self.output_file_id,
            self.error_file_id,
            self.fine_tuned_model,
            self.thread_id,
            self.file.id if self.file is not None else None,
            *(self.result_files or []),
        ]
        return [one for one in found if one]


More = Callable[[str], Awaitable[bytes | None]]


class _Item(msgspec.Struct):
    container_id: str | None = None


class _Response(msgspec.Struct):
    """What a response says was made. What stands elsewhere in it, its caller may have written."""

    id: str | None = None
    output: list[_Item] = []

    def containers(self) -> list[str]:
        return [one.container_id for one in self.output if one.container_id]


class _Event(msgspec.Struct):
    """An event of a stream of chat, which has the id itself, or of a response."""

    id: str | None = None
    item: _Item | None = None
    response: _Response | None = None


_RESPONSE = msgspec.json.Decoder(_Response)
_EVENT = msgspec.json.Decoder(_Event)


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
                # Whoever had it first has it: an id that is said once more changes nothing.
                held = await self._store.holder(one)
                if held is not None:
                    self._remember(one, held)

    async def seen(
        self, request: Context, status: int, body: bytes, upstream: str, more: More | None = None
    ) -> bytes:
        """Learn from an answer what was made; return it as its caller may see it.

        Args:
            request: What was asked.
            status: Of the answer.
            body: The whole answer.
            upstream: Who gave it.
            more: Asks the same upstream for the page of a list after an object.
        """
        if status >= 400:
            return body
        if request.endpoint.listing:
            body = await self._own(request, body, upstream, more)
        else:
            try:
                made = msgspec.json.decode(body, type=_Made).ids()
                if request.endpoint.name == "responses":
                    made += _RESPONSE.decode(body).containers()
            except NOT_JSON:
                return body
            await self.hold(made, upstream, request.owner)
        # Its own host's address would lead the caller, and the gateway's key, past the gateway.
        return _RESULTS.sub(rb"\1\2", body) if b'"results_url"' in body else body

    async def seen_stream(self, piece: bytes, upstream: str, request: Context) -> None:
        """Learn from a piece of a stream the id of what it makes, and of the containers it runs in."""
        if request.learnt and b"container_id" not in piece:
            return
        made: list[str] = []
        for data in data_of(piece):
            try:
                event = _EVENT.decode(data)
            except NOT_JSON:
                continue
            said = event.response
            if not request.learnt and (found := event.id or (said.id if said is not None else None)):
                request.learnt = True
                made.append(found)
            made += said.containers() if said is not None else []
            if event.item is not None and event.item.container_id:
                made.append(event.item.container_id)
        if made:
            await self.hold(made, upstream, request.owner)

    async def _own(self, request: Context, body: bytes, upstream: str, more: More | None) -> bytes:
        """Return a list cut down to its owner's objects, filled up from the provider's further pages."""
        listed = _page_of(body)
        if listed is None:
            return b'{"object":"list","data":[],"has_more":false}'
        wanted = _limit(request.query) or len(listed["data"])
        kept: list[Any] = []
        page, pages, rest = listed, 1, bool(listed.get("has_more"))
        while True:
            for one in page["data"]:
                if (
                    isinstance(one, dict)
                    and await self.find(str(one.get("id", "")), request.owner) is not None
                ):
                    await self.hold(_ids_of(one), upstream, request.owner)
                    kept.append(one)
            last = page["data"][-1] if page["data"] else None
            if len(kept) >= wanted or not rest or more is None or pages >= _MOST_PAGES:
                break
            if not isinstance(last, dict) or not isinstance(last.get("id"), str):
                break
            following = _page_of(await more(last["id"]) or b"")
            if following is None or not following["data"]:
                rest = False
                break
            page, pages, rest = following, pages + 1, bool(following.get("has_more"))
        listed["data"] = kept[:wanted]
        if "has_more" in listed:
            listed["has_more"] = rest or len(kept) > wanted
        for edge, at in (("first_id", 0), ("last_id", -1)):
            if edge in listed:
                listed[edge] = listed["data"][at].get("id") if listed["data"] else None
        return msgspec.json.encode(listed)


_MOST_PAGES = 20
"""So many pages of a provider are looked through for one page of a caller's."""


def _page_of(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except NOT_JSON:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("data"), list) else None


def _ids_of(value: dict[str, Any]) -> list[str]:
    try:
        return msgspec.convert(value, _Made).ids()
    except msgspec.ValidationError:
        return []


def _limit(query: bytes) -> int:
    """Return how many entries a page may have that `query` asks for; 0 if it does not say."""
    match = re.search(rb"(?:\A|&)limit=(\d{1,5})(?:&|\Z)", query)
    return int(match[1]) if match else 0
