"""Which objects that a provider holds a body reaches for, wherever in it their ids stand.

Ids stand in many places: a file in a part of a message, a vector store in a tool, an
item of an earlier response among the input. Whatever stands under the name of an id,
and whatever looks like one of the large interfaces' ids, is taken for one; who owns
it is looked up later. The text is searched as it was sent: a name that stands twice,
or in other letters, is seen as often as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from reliant.gateway.api.body import (
    NOT_JSON,
    BadBody,
    Head,
    form_fields,
    form_parts,
    hides_ascii,
    names_nothing,
    shown,
)
from reliant.gateway.api.made import UNLIKE_ANY_OTHER
from reliant.gateway.api.surface import CHAT, MESSAGES, RESPONSES, Endpoint

_PREFIXED = re.compile(
    rb'"(?=[abcefmrstuv][a-z]{1,8}[-_])'  # most of what is quoted goes no further
    rb"((?:file|vs|vsfs|vsfb|batch|msgbatch|resp|conv|cntr|container|cfile|upload|ft|ftjob|asst|thread"
    rb'|video|eval|evalrun|skill|audio)[-_][A-Za-z0-9_\-]{4,120})"'
)
_ID = rb"[A-Za-z0-9][A-Za-z0-9_.:/\-]{3,127}"
_REFERENCE = rb"(?:[A-Za-z]+_)*ids?|container|conversation|training_file|validation_file"
_UNDER = re.compile(
    rb'"(?=[A-Za-z_]++(?<=[_"INin][DELOIdeloi][DENRSdenrs])"\s*:)'  # and most names end otherwise
    rb"((?i:" + _REFERENCE + rb'))"\s*:\s*(?:"(' + _ID + rb')"|\[([^\[\]{}]*)\])'
)
_FIELD_NAME = re.compile(r"(?:.*\[)?(?:" + _REFERENCE.decode() + r")(?:\]|\[\w*\])*", re.IGNORECASE)
_ALONE = re.compile(_ID)
_ESCAPED_SLASH = re.compile(rb"/(?<=\\/)")  # backslashes may be many
_QUOTED = re.compile(rb'"(' + _ID + rb')"')
_LABELS = frozenset({b"tool_call_id", b"tool_use_id", b"call_id", b"custom_id", b"user_id"})
"""Ids that callers give to what stands in the same request, or to people."""

_MARKS = (b"_id", b"cntr_", b"container", b"audio_")
MOST_NAMED = 2_100
"""More than OpenAI lets one request name, which is 2,000 files."""

MOST_IN_BATCH = 100_000
"""As many as a batch has requests, at most."""

_LONGEST_FIELD = 65_536
_MESSAGE_BATCHES = "message_batches"


def named_in(body: bytes, content_type: bytes, endpoint: Endpoint, *, hidden: bool | None = None) -> set[str]:
    """Return what in a body may be the id of an object that a provider holds.

    In a form only fields are looked at: what stands in a file is nothing that is asked for.

    Args:
        body: As it was sent.
        content_type: What it is said to be.
        endpoint: Of the request; where it keeps objects, everything called `id` may be one.
        hidden: What `hides_ascii` says of it, where that is known.

    Raises:
        BadBody: More is named than can be looked up.
    """
    if content_type[:10].lower() == b"multipart/":
        return _few(_in_form(body, content_type))
    if hidden is None:
        hidden = hides_ascii(body)
    batch = endpoint.name == _MESSAGE_BATCHES
    bare = (endpoint.objects and not batch) or endpoint.name == RESPONSES.name
    if not (bare or hidden or any(mark in body for mark in _MARKS)):
        return set()
    most = MOST_IN_BATCH if batch else MOST_NAMED
    return _few(_ids_in(shown(body) if hidden else body, bare=bare), most)


def _few(names: Iterable[str], most: int = MOST_NAMED) -> set[str]:
    found: set[str] = set()
    for name in names:
        found.add(name)
        if len(found) > most:
            raise BadBody(f"the body names more than {most} objects")
    return found


def _in_form(body: bytes, content_type: bytes) -> Iterator[str]:
    for field in form_fields(body, content_type):
        if len(field) < _LONGEST_FIELD:
            value = shown(field.strip())
            yield from _ids_in(value, bare=True)
            yield from (match[1].decode() for match in _PREFIXED.finditer(b'"%b"' % value))
    for name, value in form_parts(body, content_type):
        if _FIELD_NAME.fullmatch(name) and _ALONE.fullmatch(value.strip()):
            yield value.strip().decode()


def _ids_in(text: bytes, *, bare: bool) -> Iterator[str]:
    for match in _PREFIXED.finditer(text):
        yield match[1].decode()
    for match in _UNDER.finditer(text.replace(b"\\/", b"/") if _ESCAPED_SLASH.search(text) else text):
        name = match[1].lower()
        if name in _LABELS or (name == b"id" and not bare):
            continue
        if match[2] is not None:
            yield match[2].decode()
        else:
            yield from (one[1].decode() for one in _QUOTED.finditer(match[3]))


# As patterns: in a long text these are found in half the time that `in` takes.
_TOOLS_THAT = (
    *(re.compile(b"models"), re.compile(b"code_execution")),
    *(re.compile(b"image_generation"), re.compile(b"openrouter:")),
)
"""What stands in tools that run code or a model without naming a container or a `model`."""

_TOOLS, _DEFINITION = re.compile(b'"tools"'), re.compile(b'"definition"')


def like_another(endpoint: Endpoint, head: Head, body: bytes) -> bool:
    """Say whether what was decided about the request before it may hold for this one as well.

    It may where nothing in the body could name an object or let something else run.
    """
    if not names_nothing(head, body) or head.plugins or head.thread or head.moderation or head.svg:
        return False
    if head.tools and any(one.search(head.tools) for one in _TOOLS_THAT):
        return False
    if endpoint is CHAT:
        return True
    if endpoint.name in _LATER_TOOLS and tools_later(head, body):
        return False
    return endpoint.name != RESPONSES.name or b'"id"' not in body


_LATER_TOOLS = frozenset({RESPONSES.name, MESSAGES.name})


def tools_later(head: Head, body: bytes) -> bool:
    """Say whether tools may stand among the messages of a body, besides those at its top."""
    return len(_TOOLS.findall(body)) > bool(head.tools) or _DEFINITION.search(body) is not None


class _Input(msgspec.Struct):
    input: msgspec.Raw = msgspec.Raw()
    items: msgspec.Raw = msgspec.Raw()


_INPUT = msgspec.json.Decoder(_Input)


def references(body: bytes) -> list[str]:
    """Return the ids of the items that a body for responses or conversations only refers to.

    Such an item says nothing of its own, so that its id must be known.
    """
    if b'"id"' not in body and not hides_ascii(body):
        return []
    found: list[str] = []
    try:
        given = _INPUT.decode(body)
        for raw in (given.input, given.items):
            items: Any = msgspec.json.decode(raw) if bytes(raw).startswith(b"[") else []
            found += [one["id"] for one in items if isinstance(one, dict) and _only_refers(one)]
    except NOT_JSON:
        return found
    return found


def _only_refers(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    alone = kind is None and "role" not in item and "content" not in item
    name = item.get("id")
    long = isinstance(name, str) and len(name) >= UNLIKE_ANY_OTHER
    return long and (kind == "item_reference" or alone)
