"""What a request lets run besides its own model: fallbacks, tools, plugins, the requests of a batch.

A batch is a file of requests that the provider carries out later, each with its
own model. They are judged when the file is handed in and when a batch is made of
it. What cannot be read then is refused: a model nobody saw would be a model nobody
permitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from reliant.gateway.api.body import (
    NOT_JSON,
    BadBody,
    Head,
    form_parts,
    hides_ascii,
    names_once,
    read_json,
    readable,
)
from reliant.gateway.api.named_objects import MOST_IN_BATCH, named_in, tools_later
from reliant.gateway.api.surface import RESPONSES, Endpoint, find

_MOST_NAMES = 1_000
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)
_MODEL = b'"model"'
_UNREADABLE = "a batch file must be JSON lines, so that the models in it can be judged; line {} is not"
_IN_PARTS = "the file of a batch must be handed in whole, by POST /v1/files"


_MODEL_NAMES = re.compile(r"(?:[a-z]+_)*models?", re.IGNORECASE)
_NOT_RUN = re.compile(r"excluded_\w+|pin_model", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")
_USUAL_MODEL = frozenset(
    {
        "image_generation",
        "openrouter:advisor",
        "openrouter:fusion",
        "openrouter:image_generation",
        "openrouter:subagent",
    }
)
"""Tools that run the provider's usual model where they name none."""


_FIELD_OF_MODEL = re.compile(r".*\[(?:[a-z]+_)*models?\](?:\[\w*\])?", re.IGNORECASE)


def others(head: Head, body: bytes, content_type: bytes = b"application/json") -> list[str]:
    """Return the other models that a body lets run: a provider's own fallbacks, tools, plugins.

    A name that is empty stands for a model that the provider chooses.

    Raises:
        BadBody: They cannot be read.
    """
    if content_type[:10].lower() == b"multipart/":
        fields = form_parts(body, content_type)
        named = [
            value.decode("utf-8", "replace") for name, value in fields if _FIELD_OF_MODEL.fullmatch(name)
        ]
        return _named(named, "model")
    found: list[str] = []
    for field, raw in (("models", head.models), ("fallbacks", head.fallbacks)):
        given = msgspec.json.decode(raw) if raw else None
        for one in given if isinstance(given, list) else [given]:
            found += _named(one.get("model") if isinstance(one, dict) else one, field)
    for field in ("tools", "plugins", "moderation", "svg"):
        raw = getattr(head, field)
        given = msgspec.json.decode(raw) if raw else None
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, dict):
                found += _in_tool(one, field)
    if tools_later(head, body):
        found += _in_turns(body)
    return found


class _Turns(msgspec.Struct):
    input: msgspec.Raw = msgspec.Raw()
    messages: msgspec.Raw = msgspec.Raw()


def _in_turns(body: bytes) -> list[str]:
    """Return the models of tools that are handed in among the messages, later than the first."""
    turns = msgspec.json.decode(body, type=_Turns)
    found: list[str] = []
    waiting: list[Any] = [msgspec.json.decode(one) for one in (turns.input, turns.messages) if one]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name in _TOOLS:
                    for tool in inner if isinstance(inner, list) else [inner]:
                        found += _in_tool(tool, name) if isinstance(tool, dict) else []
                elif isinstance(inner, dict | list):
                    waiting.append(inner)
    return found


_TOOLS = frozenset({"tools", "definition"})


def _named(value: object, field: str) -> list[str]:
    """Return the models that a value names; a pattern stands for whatever the provider chooses of it."""
    names = value if isinstance(value, list) else [value]
    found: list[str] = []
    for name in names:
        if name is not None and not isinstance(name, str):
            raise BadBody("a model's name is text", field)
        if name:
            found.append("" if _GLOB.search(name) else readable(name))
    return found


def _in_tool(tool: dict[str, Any], field: str) -> list[str]:
    """Return the models of a tool or plugin, however deep; what describes a function's input is none."""
    calls = tool.get("type") in {"function", "custom"} or "input_schema" in tool
    found: list[str] = []
    waiting: list[Any] = [{"model": tool.get("model")} if calls else tool]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
            continue
        if not isinstance(value, dict):
            continue
        for name, inner in value.items():
            if _MODEL_NAMES.fullmatch(name) and not _NOT_RUN.fullmatch(name):
                found += _named(inner, field)
            elif isinstance(inner, dict | list):
                waiting.append(inner)
    return found if found or tool.get("type") not in _USUAL_MODEL else [""]


class Inside(NamedTuple):
    """What a body lets run, each once.

    Attributes:
        models: Their names; one that is empty stands for the provider's usual one.
        endpoints: Kinds of request, by their names.
        objects: What may be the ids of objects that a provider holds.
    """

    models: list[str]
    endpoints: list[str]
    objects: frozenset[str] = frozenset()

    def and_also(self, other: Inside) -> Inside:
        """Return what both let run."""
        return Inside(
            [*self.models, *other.models],
            [*self.endpoints, *other.endpoints],
            self.objects | other.objects,
        )


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
    objects: set[str] = set()
    found = _gathered((pair for file in asked for pair in _in_lines(file, objects)), "batch file")
    return found._replace(objects=frozenset(objects))


def inside_lines(file: bytes) -> Inside:
    """Return what the lines of a batch file let run.

    Raises:
        BadBody: They cannot be read.
    """
    objects: set[str] = set()
    return _gathered(_in_lines(file, objects), "batch file")._replace(objects=frozenset(objects))


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
    plugins: msgspec.Raw = msgspec.Raw()
    tools: msgspec.Raw = msgspec.Raw()

    def plain(self) -> bool:
        return not (self.models or self.fallbacks or self.plugins or self.tools)


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


def _in_lines(file: bytes, objects: set[str]) -> Iterator[tuple[str, str]]:
    """Yield model and endpoint of each line, further models of it too; add to `objects` what it names."""
    for number, line in enumerate(file.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            asked = _LINE.decode(line)
        except NOT_JSON:
            raise BadBody(_UNREADABLE.format(number), "file") from None
        endpoint = find("POST", asked.url) if asked.url is not None else None
        kind = endpoint.name if endpoint is not None else ""
        objects |= named_in(line, b"application/json", endpoint or RESPONSES)
        if len(objects) > MOST_IN_BATCH:
            raise BadBody(f"a batch file names more than {MOST_IN_BATCH} objects", "file")
        inner = asked.body
        plain = inner is not None and inner.plain() and not hides_ascii(line)
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
        more = others(head, bytes(raw))
    except BadBody as error:
        raise BadBody(f"{where}: {error}", error.param) from None
    yield head.model or ""
    yield from more


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
