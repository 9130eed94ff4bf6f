"""What an official SDK can ask for: every method of it, with the request that it makes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_REQUEST = re.compile(
    r"self\._(get|post|put|patch|delete|get_api_list)\(\s*(?:path_template\(\s*)?f?\"([^\"?]+)"
)
_VERB = re.compile(r'method="(\w+)"')
_QUOTED = re.compile(r"'(\w+)'")
_PLACE = re.compile(r"\{(\w+)\}")
_FILE = ("a.jsonl", b"stored")


class Method(NamedTuple):
    """One method: `name` as it is written in code, the request's verb and its path after the version."""

    name: str
    verb: str
    path: str

    @property
    def places(self) -> list[str]:
        """The ids that the path names, outermost first."""
        return _PLACE.findall(self.path)

    def call(self, client: Any, ids: dict[str, str], known: dict[str, Any]) -> Any:
        """Call it on `client`: `ids` for the ids in its path, `known` or anything fitting for the rest."""
        bound = client
        for step in self.name.split("."):
            bound = getattr(bound, step)
        given: dict[str, Any] = {}
        for name, one in inspect.signature(bound).parameters.items():
            optional = one.default is not inspect.Parameter.empty
            if optional and name not in ids and not (name == "model" and self.path == "/responses"):
                continue  # a response may come from a stored prompt, which is not tried here
            if one.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
                continue
            given[name] = ids.get(name) or known.get(name, _fitting(str(one.annotation)))
        try:
            return bound(**given)
        except TypeError as error:
            # The SDK checks combinations of arguments itself; the first that it names will do.
            missing = _QUOTED.findall(str(error).partition(")")[0])
            more = {name: known.get(name, "x") for name in missing}
        return bound(**{**given, **more})


def _fitting(annotation: str) -> Any:
    if "FileTypes" in annotation or "FileContent" in annotation:
        return _FILE
    for word, value in (("Iterable", []), ("List", []), ("Sequence", []), ("bool", True), ("Dict", {})):
        if word in annotation:
            return value
    if annotation.startswith("int"):
        return 1
    return "x" if "str" in annotation or "Literal" in annotation else {}


def methods(client: Any, version: str = "") -> Iterator[Method]:
    """Yield every method of a client's resources that makes one request of its own."""
    yield from _below(client, "", version, set())


def _below(thing: Any, name: str, version: str, seen: set[type]) -> Iterator[Method]:
    for attr in sorted(dir(type(thing))):
        if attr.startswith(("_", "with_")) or (name == "" and attr in {"copy", "close"}):
            continue
        static = inspect.getattr_static(type(thing), attr)
        if inspect.isfunction(static):
            if name:
                yield from _requests(static, f"{name}.{attr}", version)
            continue
        if not hasattr(static, "func") and not isinstance(static, property):
            continue
        below = getattr(thing, attr)
        if type(below).__module__.split(".")[1:2] == ["resources"]:
            yield from _below(below, f"{name}.{attr}".lstrip("."), version, seen)


def _requests(function: Any, name: str, version: str) -> Iterator[Method]:
    source = inspect.getsource(function)
    match = _REQUEST.search(source)
    if match is None:
        return
    verb = match[1].upper()
    if match[1] == "get_api_list":
        stated = _VERB.search(source)
        verb = stated[1].upper() if stated else "GET"
    yield Method(name, verb, match[2].removeprefix(version))
