"""What a request lets run inside: the lines of a batch file, the requests of a batch, an evaluation.

A batch is a file of requests that the provider carries out later, each with its
own model. They are judged when the file is handed in and when a batch is made of
it. What cannot be read then is refused: a model nobody saw would be a model nobody
permitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from reliant.gateway.request.body import (
    NOT_JSON,
    BadBody,
    form_parts,
    hides_ascii,
    names_once,
    read_json,
    readable,
)
from reliant.gateway.request.surface import Endpoint, find

_MOST_NAMES = 1_000
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)
_MODEL = b'"model"'
_UNREADABLE = "a batch file must be JSON lines, so that the models in it can be judged; line {} is not"
_IN_PARTS = "the file of a batch must be handed in whole, by POST /v1/files"


class Inside(NamedTuple):
    """What a body lets run, each once.

    Attributes:
        models: Their names; one that is empty stands for the provider's usual one.
        endpoints: Kinds of request, by their names.
    """

    models: list[str]
    endpoints: list[str]


def inside(endpoint: Endpoint, body: bytes, content_type: bytes) -> Inside:
    """Return what a body for a held object lets run.

    Raises:
        BadBody: A batch's requests cannot be read, or come in parts of which none can be judged.
    """
    if not body:
        return Inside([], [])
    if endpoint.name == "message_batches":
        return _gathered(((model, "messages") for model in _in_requests(body)), "batch of messages")
    if not content_type.lower().startswith(b"multipart/"):
        if endpoint.name == "uploads" and b"batch" in body and _purpose(body) == "batch":
            raise BadBody(_IN_PARTS, "purpose")
        return Inside(list(dict.fromkeys(_in_json(body))), [])
    if endpoint.name != "files":
        return Inside([], [])
    purpose, files = "", []
    for name, value in form_parts(body, content_type):
        if name == "purpose":
            purpose = value.decode("utf-8", "replace").strip()
        elif name == "file":
            files.append(value)
    asked = [file for file in files if purpose == "batch" or _looks_like_requests(file)]
    return _gathered((pair for file in asked for pair in _in_lines(file)), "batch file")


def inside_lines(file: bytes) -> Inside:
    """Return what the lines of a batch file let run.

    Raises:
        BadBody: They cannot be read.
    """
    return _gathered(_in_lines(file), "batch file")


def _gathered(found: Iterator[tuple[str, str]], what: str) -> Inside:
    models: dict[str, None] = {}
    endpoints: dict[str, None] = {}
    for model, endpoint in found:
        models[model] = None
        if endpoint:
            endpoints[endpoint] = None
        if len(models) > _MOST_NAMES:
            raise BadBody(f"a {what} names more than {_MOST_NAMES} models")
    return Inside(list(models), list(endpoints))


class _Purpose(msgspec.Struct):
    purpose: str | None = None


def _purpose(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Purpose).purpose
    except NOT_JSON:
        return "batch"


class _Inner(msgspec.Struct):
    model: str | None = None
    models: msgspec.Raw = msgspec.Raw()
    fallbacks: msgspec.Raw = msgspec.Raw()


class _Line(msgspec.Struct):
    body: _Inner | None = None
    url: str | None = None


class _RawLine(msgspec.Struct):
    body: msgspec.Raw = msgspec.Raw()


_LINE = msgspec.json.Decoder(_Line)
_RAW_LINE = msgspec.json.Decoder(_RawLine)
_PARTS_OF_LINE = frozenset({"body", "url", "method"})


def _looks_like_requests(file: bytes) -> bool:
    first = file[:65_536].lstrip().partition(b"\n")[0]
    return b'"url"' in first and b'"body"' in first


def _in_lines(file: bytes) -> Iterator[tuple[str, str]]:
    """Yield model and endpoint of each line, further models of it with no endpoint."""
    for number, line in enumerate(file.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            asked = _LINE.decode(line)
        except NOT_JSON:
            raise BadBody(_UNREADABLE.format(number), "file") from None
        endpoint = find("POST", asked.url) if asked.url is not None else None
        kind = endpoint.name if endpoint is not None else ""
        inner = asked.body
        plain = inner is not None and not inner.models and not inner.fallbacks and not hides_ascii(line)
        if plain and line.lower().count(_MODEL) == 1 and inner is not None and inner.model is not None:
            yield readable(inner.model), kind
            continue
        names_once(line, _PARTS_OF_LINE)
        for model in _models_of(_RAW_LINE.decode(line).body, f"line {number}"):
            yield model, kind


class _Params(msgspec.Struct):
    params: msgspec.Raw


class _Requests(msgspec.Struct):
    requests: list[msgspec.Raw]


_REQUESTS = msgspec.json.Decoder(_Requests)
_REQUEST = msgspec.json.Decoder(_Params)


def _in_requests(body: bytes) -> Iterator[str]:
    """Yield the models of the requests of a batch of messages."""
    names_once(body, frozenset({"requests"}))
    try:
        requests = _REQUESTS.decode(body).requests
    except NOT_JSON as error:
        raise BadBody(str(error).partition(" - at ")[0], "requests") from None
    for number, request in enumerate(requests):
        names_once(bytes(request), frozenset({"params"}))
        try:
            params = _REQUEST.decode(request).params
        except NOT_JSON as error:
            raise BadBody(str(error).partition(" - at ")[0], f"requests.{number}") from None
        yield from _models_of(params, f"requests.{number}.params")


def _models_of(raw: msgspec.Raw, where: str) -> Iterator[str]:
    """Yield the models of one request; an empty name where it states none."""
    try:
        head = read_json(bytes(raw) or b"{}")
        others = head.others()
    except BadBody as error:
        raise BadBody(f"{where}: {error}", error.param) from None
    yield head.model or ""
    yield from others


def _in_json(text: bytes) -> Iterator[str]:
    """Yield each string that stands under a name `model`, whatever its letters and however deep."""
    wanted = False
    end = 0
    for match in _STRING.finditer(text):
        if match[2] is not None:
            name = _text(match[1])
            wanted, end = name is not None and name.casefold() == "model", match.end()
        elif wanted:
            wanted = False
            value = _text(match[1])
            if value and not text[end : match.start()].strip():
                yield readable(value)


def _text(inner: bytes) -> str | None:
    try:
        return msgspec.json.decode(b'"' + inner + b'"', type=str)
    except NOT_JSON:
        return None
