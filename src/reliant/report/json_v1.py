"""JSON, the public contract, and its JSON Schema.

Every result is a struct whose fields are the contract, so both come from it: the
text from its values, the schema from its types. They cannot disagree.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import msgspec

from reliant.errors import MissingExtra, UnknownId
from reliant.report._registry import ANY, renders

# By command (`compare` is `simulate --against`): the struct that it prints. Read when
# asked for, so that the schema of one result does not import the code behind another.
_RESULTS = {
    "assess": "reliant.core.results:Assessment",
    "check": "reliant.policy.checked:Checked",
    "simulate": "reliant.core.simulation:Simulation",
    "compare": "reliant.core.simulation:Comparison",
    "country": "reliant.core.country:Country",
    "trace": "reliant.lineage.results:Trace",
}


SCHEMAS = tuple(_RESULTS)
"""The commands whose result has a published schema."""


@renders("json", ANY)
def to_json(result: Any, /, *, colour: bool = False) -> str:
    """Return the result as indented JSON, keys in the order of the contract."""
    del colour
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode()


def schema(name: str) -> str:
    """Return the JSON Schema (2020-12) of what `reliant NAME --format json` prints.

    Raises:
        UnknownId: No command of this name prints JSON with a published schema.
        MissingExtra: The command is an extra that is not installed.
    """
    if name not in _RESULTS:
        raise UnknownId(name, near=SCHEMAS[:3])
    module, _, attribute = _RESULTS[name].partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the schema of {name!r} (it wants {error.name})", name) from error
    (body,), definitions = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    word = next(field.default for field in msgspec.structs.fields(kind) if field.name == "schema")
    definitions[kind.__name__]["properties"]["schema"] = {"const": word}
    definitions[kind.__name__].setdefault("required", []).insert(0, "schema")
    for definition in definitions.values():
        _describe(definition)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": word,
        **body,
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def _describe(definition: dict[str, Any]) -> None:
    """Move what a docstring says about each attribute to that property, and keep its first lines."""
    text = inspect.cleandoc(definition.get("description", ""))
    head, _, attributes = text.partition("\nAttributes:\n")
    if text:
        definition["description"] = " ".join(head.split())
    for name, words in _ATTRIBUTE.findall(attributes):
        shown = definition["properties"].get(name.rstrip("_"))
        if shown is not None:
            shown["description"] = " ".join(words.split())
