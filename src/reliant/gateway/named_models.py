"""The models that a request names inside: in the lines of a batch file, in an evaluation, in a run.

A batch is a file of requests that the provider carries out later, each with its
own model. They are judged when the file is handed in, for that is the last time
the gateway sees them. What cannot be read then is refused: a model nobody saw
would be a model nobody permitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from reliant.gateway.body import BadBody, form_parts
from reliant.gateway.surface import Endpoint

_MOST_NAMES = 1_000
_MAX_NAME = 256
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)
_UNREADABLE = "a batch file must be JSON lines, so that the models in it can be judged; line {} is not"


def models_within(endpoint: Endpoint, body: bytes, content_type: bytes) -> list[str]:
    """Return the models that a body for a held object names anywhere, each once.

    Raises:
        BadBody: A batch's requests cannot be read, or come in parts of which none can be judged.
    """
    if not body:
        return []
    if not content_type.lower().startswith(b"multipart/"):
        names = list(dict.fromkeys(_in_json(body)))
        if endpoint.name == "uploads" and b"batch" in body and _purpose(body) == "batch":
            raise BadBody("the file of a batch must be handed in whole, by POST /v1/files", "purpose")
        return names
    if endpoint.name != "files":
        return []
    purpose, files = "", []
    for name, value in form_parts(body, content_type):
        if name == "purpose":
            purpose = value.decode("utf-8", "replace").strip()
        elif name == "file":
            files.append(value)
    found: dict[str, None] = {}
    for file in files:
        if purpose == "batch" or _looks_like_requests(file):
            found |= dict.fromkeys(_in_lines(file))
            if len(found) > _MOST_NAMES:
                raise BadBody(f"a batch file names more than {_MOST_NAMES} models")
    return list(found)


class _Purpose(msgspec.Struct):
    purpose: str | None = None


def _purpose(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Purpose).purpose
    except msgspec.MsgspecError:
        return "batch"


class _Inner(msgspec.Struct):
    model: str | None = None


class _Line(msgspec.Struct):
    body: _Inner | None = None
    url: str | None = None


_LINE = msgspec.json.Decoder(_Line)


def _looks_like_requests(file: bytes) -> bool:
    first = file[:65_536].lstrip().partition(b"\n")[0]
    return b'"url"' in first and b'"body"' in first


def _in_lines(file: bytes) -> Iterator[str]:
    for number, line in enumerate(file.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            asked = _LINE.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BadBody(_UNREADABLE.format(number), "file") from None
        plain = b"\\u" not in line and line.lower().count(b'"model"') == 1
        if plain and asked.body is not None and asked.body.model is not None:
            yield _bounded(asked.body.model)
        else:
            yield from _in_json(line)


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
                yield _bounded(value)


def _text(inner: bytes) -> str | None:
    try:
        return msgspec.json.decode(b'"' + inner + b'"', type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _bounded(name: str) -> str:
    if len(name) > _MAX_NAME or not name.isprintable():
        raise BadBody("the model's name is too long or not printable", "model")
    return name
