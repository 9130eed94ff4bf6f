"""Where in the requests of an official SDK a text may stand, read from the SDK's own types."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import typing_extensions

from reliant.gateway.api.surface import find
from support.sdk_methods import Method, methods

_LITERALS = (typing.Literal, typing_extensions.Literal)
Place = tuple[str, ...]
"""Names from the outside in; `[]` stands for an entry of a list."""


def documented(name: re.Pattern[str]) -> Iterator[tuple[Method, str, Place]]:
    """Yield method, path and place of every text of such a name in the bodies of what is served."""
    for sdk, version in ((openai.OpenAI(api_key="x"), ""), (anthropic.Anthropic(api_key="x"), "/v1")):
        with sdk:
            for method in methods(sdk, version):
                path = "/v1" + re.sub(r"\{\w+\}", "thing-mine00001", method.path).partition("?")[0]
                if method.verb == "POST" and find("POST", path) is not None:
                    for place in sorted(places_of(sdk, method)):
                        if name.fullmatch([step for step in place if step != "[]"][-1]):
                            yield method, path, place


def form_name(place: Place) -> str:
    """Return the name of a form's field for a place."""
    first, *rest = place
    return first + "".join("[]" if step == "[]" else f"[{step}]" for step in rest)


def places_of(client: Any, method: Method) -> set[Place]:
    """Return every place of a text in the body of a method's request."""
    bound = client
    for step in method.name.split("."):
        bound = getattr(bound, step)
    function = inspect.unwrap(bound)
    hints = typing_extensions.get_type_hints(function)
    skipped = {"return", "extra_headers", "extra_query", "extra_body", "timeout", *method.places}
    found: set[Place] = set()
    for name, hint in hints.items():
        if name not in skipped:
            found |= set(_texts(hint, (name,), frozenset()))
    return found


def _texts(hint: Any, place: Place, above: frozenset[Any]) -> Iterator[Place]:
    origin = typing_extensions.get_origin(hint)
    if origin in _LITERALS:
        return
    if origin is not None:
        many = isinstance(origin, type) and issubclass(origin, (list, tuple, typing.Iterable))
        many = many and not issubclass(origin, dict)
        for one in typing_extensions.get_args(hint):
            yield from _texts(one, (*place, "[]") if many else place, above)
    elif typing_extensions.is_typeddict(hint):
        if hint not in above:
            for name, inner in typing_extensions.get_type_hints(hint).items():
                yield from _texts(inner, (*place, name), above | {hint})
    elif hint is str:
        yield place


def put(place: Place, value: object) -> dict[str, Any]:
    """Return the smallest body in which `value` stands at a place."""
    for step in reversed(place):
        value = [value] if step == "[]" else {step: value}
    assert isinstance(value, dict)
    return value
