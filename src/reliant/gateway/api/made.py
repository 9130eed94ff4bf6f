"""What an answer says was made at the provider: objects that its caller may name from now on.

Only what the interfaces themselves say is read, each where it stands: what a caller
wrote, and a provider repeats, makes nobody an object's owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from reliant.gateway.api.body import NOT_JSON
from reliant.gateway.api.events import data_of
from reliant.gateway.api.surface import CHAT, MESSAGES, Endpoint

_IDS = ("id", "output_file_id", "error_file_id", "fine_tuned_model", "thread_id")
_RESPONSES = "responses"

UNLIKE_ANY_OTHER = 14
"""Letters of an item's id. Small servers number what they say (`msg_1`): such an id is everybody's."""


def made_by(endpoint: Endpoint, body: bytes) -> list[str]:
    """Return the ids of what a whole answer says was made."""
    try:
        value = msgspec.json.decode(body)
    except NOT_JSON:
        return []
    return _texts(_in_answer(endpoint, value)) if isinstance(value, dict) else []


def made_in(endpoint: Endpoint, piece: bytes) -> list[str]:
    """Return the ids of what the events in a piece of a stream say was made."""
    found: list[str] = []
    for data in data_of(piece):
        try:
            event = msgspec.json.decode(data)
        except NOT_JSON:
            continue
        if isinstance(event, dict):
            found += _texts(_in_event(endpoint, event))
    return found


def ids_of(entry: dict[str, Any]) -> list[str]:
    """Return the ids that an object says of itself and of what was made with it."""
    return _texts(_in_object(entry))


def _texts(values: Iterator[object]) -> list[str]:
    return list(dict.fromkeys(one for one in values if isinstance(one, str) and one))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _in_answer(endpoint: Endpoint, value: dict[str, Any]) -> Iterator[object]:
    if endpoint.name == _RESPONSES:
        yield from _in_response(value)
    elif endpoint.name == MESSAGES.name:
        yield from _in_message(value)
    else:
        yield from _in_object(value)
    if endpoint is CHAT:
        for choice in _dicts(value.get("choices")):
            yield _dict(_dict(choice.get("message")).get("audio")).get("id")
    if endpoint.objects:
        # What belongs to an object: the items of a conversation, the files of a container.
        for entry in _dicts(value.get("data")):
            yield entry.get("id")


def _in_event(endpoint: Endpoint, event: dict[str, Any]) -> Iterator[object]:
    if endpoint.name == MESSAGES.name:
        yield from _in_message(_dict(event.get("message")))
        yield _dict(_dict(_dict(event.get("delta")).get("container"))).get("id")
        yield from _in_block(_dict(event.get("content_block")))
        return
    if endpoint.name == _RESPONSES:
        yield from _in_response(_dict(event.get("response")))
        yield from _in_item(_dict(event.get("item")))
        return
    yield event.get("id")
    for choice in _dicts(event.get("choices")) if endpoint is CHAT else []:
        yield _dict(_dict(choice.get("delta")).get("audio")).get("id")


def _in_object(value: dict[str, Any]) -> Iterator[object]:
    for name in _IDS:
        yield value.get(name)
    yield _dict(value.get("file")).get("id")
    files = value.get("result_files")
    yield from files if isinstance(files, list) else []


def _in_response(value: dict[str, Any]) -> Iterator[object]:
    yield value.get("id")
    for item in _dicts(value.get("output")):
        yield from _in_item(item)


def _in_item(item: dict[str, Any]) -> Iterator[object]:
    name = item.get("id")
    yield name if isinstance(name, str) and len(name) >= UNLIKE_ANY_OTHER else None
    yield item.get("container_id")


def _in_message(value: dict[str, Any]) -> Iterator[object]:
    yield value.get("id")
    yield _dict(value.get("container")).get("id")
    for block in _dicts(value.get("content")):
        yield from _in_block(block)


def _in_block(block: dict[str, Any]) -> Iterator[object]:
    """Yield the files that a tool which the provider ran has left."""
    if str(block.get("type")).endswith("_tool_result"):
        for inner in _dicts(_dict(block.get("content")).get("content")):
            yield inner.get("file_id")
