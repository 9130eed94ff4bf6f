"""Which file shows which result in which style.

A result is known by its `schema` word, not by its class, so a format can be
registered without importing the code that made the result. The files are
imported at the first question and not before: `reliant --help` needs none.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from reliant.errors import UnknownFormat, UsageError

ANY = "*"
"""Registered for this word, a style shows every result."""


class Result(Protocol):
    """What can be shown: a value that says what it is."""

    @property
    def schema(self) -> str:
        """For example `reliant.assessment/1`."""


class Renderer(Protocol):
    """Turns one result into text."""

    def __call__(self, result: Any, /, *, colour: bool) -> str:
        """Return the text; `colour` allows ANSI codes where the style has any."""


_renderers: dict[tuple[str, str], Renderer] = {}
_Shown = TypeVar("_Shown", bound=Renderer)


def renders(style: str, *schemas: str) -> Callable[[_Shown], _Shown]:
    """Register the decorated function as the `style` of results with these schema words."""

    def register(function: _Shown) -> _Shown:
        for word in schemas:
            _renderers[word, style] = function
        return function

    return register


@functools.cache
def _discover(style: str = "") -> None:
    """Import every file of this package that registers a format, or those that register `style`.

    A file without `@renders` in its text is a helper. It is left alone: one of them may
    need a heavy library that this result, or this installation, does not have.
    """
    package = importlib.import_module("reliant.report")
    for module in pkgutil.walk_packages(package.__path__, "reliant.report."):
        if not any(part.startswith("_") for part in module.name.split(".")) and _registers(
            module.name, style
        ):
            importlib.import_module(module.name)


def _registers(name: str, style: str) -> bool:
    if name in sys.modules:
        return False
    spec = importlib.util.find_spec(name)
    source = getattr(spec.loader, "get_source", None) if spec else None
    text = source(name) if source else None
    return text is None or re.search(rf'@renders\(\s*"{re.escape(style)}', text) is not None


def styles(schema: str) -> tuple[str, ...]:
    """Return the names of the styles that can show results of this schema, sorted."""
    _discover()
    return tuple(sorted({style for word, style in _renderers if word in {schema, ANY}}))


def render(result: Result, style: str, *, colour: bool = False) -> str:
    """Return `result` in the format `style`.

    Args:
        result: Any value of ours with a `schema` word.
        style: One of `styles(result.schema)`.
        colour: Allow ANSI colour codes; only the terminal style has any.

    Raises:
        UnknownFormat: There is no such style for this result.
        UsageError: The value is not a result.
    """
    word = getattr(result, "schema", None)
    if not isinstance(word, str):
        raise UsageError(f"a {type(result).__name__} is not a result that can be shown")
    _discover(style)
    renderer = _renderers.get((word, style)) or _renderers.get((ANY, style))
    if renderer is None:
        raise UnknownFormat(style, styles(word))
    return renderer(result, colour=colour)
