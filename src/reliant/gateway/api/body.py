"""What must be known of a request's body, and the guard against bodies read in two ways.

A body that says `model` twice, or once more in other letters, may be read one way
here and another way by the provider: then a refused model would be let through.
Such a body is refused. Otherwise the caller's bytes go on as they are; only where
the provider knows the model by another name is that one value replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

_CODE_EXECUTION = re.compile(b"code_execution")


class Head(msgspec.Struct):
    """The part of a JSON body that decides where it may go."""

    model: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    previous_response_id: str | None = None
    input_file_id: str | None = None
    training_file: str | None = None
    validation_file: str | None = None
    file_ids: list[str] | None = None
    conversation: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    models: msgspec.Raw = msgspec.Raw()
    fallbacks: msgspec.Raw = msgspec.Raw()
    container: msgspec.Raw = msgspec.Raw()
    tools: msgspec.Raw = msgspec.Raw()
    plugins: msgspec.Raw = msgspec.Raw()
    thread: msgspec.Raw = msgspec.Raw()
    audio: msgspec.Raw = msgspec.Raw()
    moderation: msgspec.Raw = msgspec.Raw()
    svg: msgspec.Raw = msgspec.Raw()
    store: bool | None = None
    n: int | None = None
    hidden: bool = msgspec.field(default=False, name="reliant:hidden")
    """Whether plain letters stand in the body as escapes; set by `read_json`, whatever the body says."""

    def refers(self) -> bool:
        """Say whether the request is about an object that a provider holds."""
        return not (
            self.previous_response_id is None
            and self.input_file_id is None
            and self.training_file is None
            and self.validation_file is None
            and self.file_ids is None
            and not self.conversation
        )

    def refers_to(self) -> list[str]:
        """Return the ids of objects, held by a provider, that the request is about."""
        found = [self.previous_response_id, self.input_file_id, self.training_file, self.validation_file]
        found += self.file_ids or []
        if self.conversation:
            found.append(_told(self.conversation, "id"))
        if self.thread:
            found.append(_told(self.thread, "previous_message_id"))
        return [one for one in found if one]

    def keeps(self) -> bool:
        """Say whether the answer may name what the provider keeps, where it usually does not."""
        return bool(
            self.store
            or self.container
            or self.thread
            or self.audio
            or (self.tools and _CODE_EXECUTION.search(self.tools) is not None)
        )

    def most_tokens(self) -> int:
        """Return the bound on tokens of the answer that the caller set, or 0."""
        return self.max_completion_tokens or self.max_output_tokens or self.max_tokens or 0


class BadBody(ValueError):
    """A body that cannot be judged; `param` names the part."""

    def __init__(self, text: str, param: str | None = None) -> None:
        super().__init__(text)
        self.param = param


NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading the JSON of others may end in; the last is what is nested too deep."""

_HEAD = msgspec.json.Decoder(Head)
_PARTS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FIELD = re.compile(rb'(?:^|;)\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))', re.IGNORECASE)
_BOUNDARY = re.compile(rb'boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_MAX_MODEL = 256
_MODEL = b'"model"'
_PLAIN = rb"(2[Dd]|3[0-9]|[46][1-9A-Fa-f]|5[0-9AaFf]|7[0-9Aa])"
_ESCAPE = re.compile(rb"\\u00" + _PLAIN)
"""A letter or digit, `-` or `_` that is written in a way that only hides it: names and ids consist of these.

Other signs are written so by whole languages: what programs in Go send has each `<`, `>` and `&` like this.
"""


_ESCAPED = re.compile(rb"u00(?<=\\u00)" + _PLAIN)
"""The same, found faster where backslashes are many."""


def hides_ascii(body: bytes) -> bool:
    """Say whether a body writes plain letters as escapes, so that names cannot be found by looking."""
    return b"\\" in body and _ESCAPED.search(body) is not None


def shown(body: bytes) -> bytes:
    """Return a body with plain letters in place of their escapes, to look for names in."""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), body)


def readable(name: str) -> str:
    """Return the name of a model.

    Raises:
        BadBody: It is too long or not printable.
    """
    if len(name) > _MAX_MODEL or not name.isprintable():
        raise BadBody("the model's name is too long or not printable", "model")
    return name


def _told(raw: msgspec.Raw, name: str) -> str | None:
    """Return the id that a value is, or holds under a name."""
    try:
        value = msgspec.json.decode(raw)
    except NOT_JSON:
        return None
    if isinstance(value, dict):
        value = value.get(name)
    return value if isinstance(value, str) else None


def read_json(body: bytes) -> Head:
    """Return what decides about a JSON body.

    Raises:
        BadBody: It is not a JSON object, or can be read in two ways.
    """
    try:
        if not body.isascii():
            body.decode()  # what is not looked at below would pass as it is, and be read in other ways
        if len(body) > _LONG:
            return _read_long(body)
        head = _HEAD.decode(body)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at ")
        raise BadBody(text, where.strip("`$.") or None) from None
    except NOT_JSON as error:
        raise BadBody(f"the body is not JSON: {error}") from None
    if head.model is not None:
        readable(head.model)
    head.hidden = hides_ascii(body)
    named = body.lower().count(_MODEL)
    further = head.models or head.fallbacks or head.plugins or (head.tools and body.count(b'"tools"') > 1)
    if named > 1 or (named and head.model is None) or further or head.hidden:
        names_once(body, _DECIDING)
    return head


_LONG = 8_192
"""Beyond this, looking for a name in all of a body costs more than looking at its parts."""


def _read_long(body: bytes) -> Head:
    """Return the same of a long body; each name that decides must stand once, for here that costs nothing."""
    parts = _PARTS.decode(body)
    _once(_names_of(parts, body), _DECIDING)
    small = [b'"%b":%b' % (name.encode(), raw) for name, raw in parts.items() if name in _VALUES]
    head = _HEAD.decode(b"{%b}" % b",".join(small))
    for name in _RAW:
        if name in parts:
            setattr(head, name, parts[name])
    if head.model is not None:
        readable(head.model)
    head.hidden = hides_ascii(body)
    return head


_ID = re.compile(b"_(?:(?=id)|(?<=audio_))")  # with one sure letter: found faster
_ID_MARKS = 8


def names_nothing(head: Head, body: bytes) -> bool:
    """Say whether a body names no object that a provider may hold, and no further model."""
    return not (
        head.hidden
        or head.refers()
        or head.container
        or head.models
        or head.fallbacks
        or (head.tools and _tools_name(bytes(head.tools)))
        or _has_id(body)
    )


_MODEL_NAMED = re.compile(rb'model"[ \t\n\r]*:')
_CONTAINER_NAMED = re.compile(rb'container"[ \t\n\r]*:')


def _tools_name(tools: bytes) -> bool:
    """Say whether a tool may name a model, or where code runs, which no `_id` says."""
    small = tools.lower()
    return _MODEL_NAMED.search(small) is not None or _CONTAINER_NAMED.search(small) is not None


def _has_id(body: bytes) -> bool:
    """Say whether `_id` or `audio_` stands in a body; most have few low lines, which are found fastest."""
    at = body.find(b"_")
    for _ in range(_ID_MARKS):
        if at < 0:
            return False
        if body.startswith(b"id", at + 1) or body.endswith(b"audio", 0, at):
            return True
        at = body.find(b"_", at + 1)
    return at >= 0 and _ID.search(body, at) is not None


_DECIDING = frozenset(Head.__struct_encode_fields__)
_RAW = tuple(one.encode_name for one in msgspec.structs.fields(Head) if one.type is msgspec.Raw)
_VALUES = _DECIDING.difference(_RAW)


def names_once(body: bytes, deciding: frozenset[str]) -> None:
    """Look that each of some names stands once at the top of an object, and in its own letters.

    Raises:
        BadBody: One does not.
    """
    try:
        names = _names_of(_PARTS.decode(body), body)
    except NOT_JSON:
        names = _top_names(body)
    _once(names, deciding)


def _once(names: Iterable[str], deciding: frozenset[str]) -> None:
    seen: set[str] = set()
    for name in names:
        folded = name.casefold()
        if folded in deciding:
            if folded in seen or name != folded:
                raise BadBody(f"{name!r} stands more than once, or in other letters", folded)
            seen.add(folded)


_NAME = re.compile(rb'[ \t\n\r]*,?[ \t\n\r]*"(?:[^"\\]|\\.)*"[ \t\n\r]*:[ \t\n\r]*', re.DOTALL)
_LAST = re.compile(rb"[ \t\n\r]*\}[ \t\n\r]*")


def _names_of(parts: Mapping[str, msgspec.Raw], body: bytes) -> Iterable[str]:
    """Return the names at the top of an object that was read as `parts`, with doubles.

    Of doubles `parts` has the last value in the place of the first. So where each value
    stands after the one before, with a name between and nothing else, there are none.
    No JSON value but a number is the beginning of another, and a number's end shows.
    """
    at = body.find(b"{") + 1
    for raw in parts.values():
        named = _NAME.match(body, at)
        if named is None or not body.startswith(raw, named.end()):
            return _top_names(body)
        at = named.end() + len(raw)
    return parts if _LAST.fullmatch(body, at) else _top_names(body)


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)


def _top_names(body: bytes) -> list[str]:
    """Return the names at the top of an object that is known to be JSON, with doubles."""
    names: list[str] = []
    depth, expects_name = 0, False
    for match in _TOKEN.finditer(body):
        token = match[0]
        first = token[0]
        if first == 0x22:
            if depth == 1 and expects_name:
                try:
                    names.append(msgspec.json.decode(token, type=str))
                except msgspec.DecodeError as error:
                    raise BadBody(f"the body is not JSON: {error}") from None
                expects_name = False
        elif first in b"{[":
            depth += 1
            expects_name = depth == 1 and first == 0x7B
        elif first in b"}]":
            depth -= 1
        elif first == 0x2C and depth == 1:
            expects_name = True
    return names


def with_model(body: bytes, model: str) -> bytes:
    """Return a JSON body with the model's name replaced; other values keep their bytes and order."""
    parts = _PARTS.decode(body)
    parts["model"] = msgspec.Raw(msgspec.json.encode(model))
    return msgspec.json.encode(parts)


def read_form(body: bytes, content_type: bytes) -> str | None:
    """Return the model that a multipart body names.

    Raises:
        BadBody: It is not a form, or names a model twice.
    """
    found: list[str] = []
    for name, value in form_parts(body, content_type):
        if name.casefold() == "model":
            if name != "model":
                raise BadBody("the field 'model' stands in other letters", "model")
            found.append(value.decode("utf-8", "replace"))
    if len(found) > 1:
        raise BadBody("the field 'model' stands more than once", "model")
    return readable(found[0]) if found else None


def form_parts(body: bytes, content_type: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and value of the parts of a form.

    Raises:
        BadBody: It is not a form, or a part has no single name.
    """
    return ((name, value) for name, _, value in _parts(body, content_type))


def form_fields(body: bytes, content_type: bytes) -> Iterator[bytes]:
    """Yield the values of those parts of a form that are no files, and of files of a word or two.

    Raises:
        BadBody: It is not a form, or a part has no single name.
    """
    for _, head, value in _parts(body, content_type):
        if b"filename" not in head.lower() or (len(value) < _FEW_LETTERS and b'"' not in value):
            yield value


_FEW_LETTERS = 200
"""Somebody may take a field that calls itself a file for a field all the same."""


def _parts(body: bytes, content_type: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield name, head and value of each part."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None or b"multipart/form-data" not in content_type.lower():
        raise BadBody("the body must be multipart/form-data with a boundary")
    if len(_BOUNDARY.findall(content_type)) > 1:
        raise BadBody("the type of the body states two boundaries")
    before, *parts = body.split(b"--" + (boundary[1] or boundary[2]))
    if before.strip():
        raise BadBody("something stands before the first part of the form")
    ended = False
    for part in parts:
        if ended or (part.startswith(b"--") and part[2:].strip()):
            raise BadBody("something stands after the end of the form")
        if part.startswith(b"--"):
            ended = True
            continue
        head, separator, value = part.partition(b"\r\n\r\n")
        name = _part_name(head) if separator and head.startswith(b"\r\n") else None
        if name is None:
            raise BadBody("a part of the form has no name, or is not written as a part")
        yield name, head, value.removesuffix(b"\r\n")


def _part_name(head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-disposition":
            names = _FIELD.findall(value)
            if len(names) != 1:
                raise BadBody("a part of the form has no single name")
            found: bytes = names[0][0] or names[0][1]
            return found.decode("utf-8", "replace")
    return None


def form_with_model(body: bytes, content_type: bytes, model: str) -> bytes:
    """Return a multipart body with the field `model` replaced."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return with_model(body, model) if body.lstrip().startswith(b"{") else body
    mark = b"--" + (boundary[1] or boundary[2])
    parts = body.split(mark)
    for at, part in enumerate(parts):
        head, separator, _ = part.partition(b"\r\n\r\n")
        if separator and _part_name(head) == "model":
            parts[at] = head + separator + model.encode() + b"\r\n"
    return mark.join(parts)


class Usage(msgspec.Struct):
    """Tokens as OpenAI or Anthropic count them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def both(self) -> tuple[int, int]:
        """Return tokens in and out."""
        return self.prompt_tokens or self.input_tokens, self.completion_tokens or self.output_tokens


class _Counted(msgspec.Struct):
    usage: Usage | None = None


_COUNTED = msgspec.json.Decoder(_Counted)


def tokens_of(body: bytes) -> tuple[int, int]:
    """Return the tokens in and out that an answer reports; (0, 0) if it does not."""
    at = body.rfind(b'"usage"')
    if at < 0:
        return 0, 0
    try:
        # Usage usually stands last; reading from there spares a long answer.
        counted = _COUNTED.decode(b"{" + body[at:])
    except NOT_JSON:
        try:
            counted = _COUNTED.decode(body)
        except NOT_JSON:
            return 0, 0
    return counted.usage.both() if counted.usage is not None else (0, 0)
