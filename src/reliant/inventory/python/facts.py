"""What one Python file tells the others: constants, fields and keys that hold ids or endpoints."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reliant.inventory.across import FileFacts, Form, Known
from reliant.inventory.idforms import holds_model, snake
from reliant.inventory.loose import known_form
from reliant.inventory.python.nodes import dotted

if TYPE_CHECKING:
    from reliant.inventory.python.reader import Reader
    from reliant.inventory.python.tree import Block

_ENDPOINT = ("url", "base", "host", "endpoint", "uri", "api_base", "server")
_SETTINGS = frozenset({"BaseSettings", "BaseModel", "Settings", "dataclass"})
_PLAIN = frozenset({"str", "int", "float", "bool", "list", "dict", "Any"})
_LONGEST = 200
_MOST = 400


def collect(reader: Reader, module: str) -> FileFacts | None:
    """Return what other files may ask for, or None if there is nothing."""
    names: dict[str, list[Known]] = {}
    fields: dict[str, list[Known]] = {}
    keys: dict[str, list[Known]] = {}
    for name, bound in reader.tree.module.names.items():
        for one in bound[-3:]:
            if isinstance(one, ast.expr) and (_wanted(name) or _names_model(reader, one)):
                _add(names, name, reader, one, reader.tree.module)
    for block in reader.tree.blocks:
        if block.kind == "class":
            for name, made in block.attrs.items():
                for expression, where in made[:3]:
                    if _wanted(name) or _names_model(reader, expression):
                        _add(fields, name, reader, expression, where)
    for node, block in reader.tree.nodes:
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and _wanted(key.value):
                    _add(keys, key.value, reader, value, block)
    forms = _forms(reader)
    if not (names or fields or keys or forms):
        return None
    return FileFacts(module=module, names=names, fields=fields, keys=keys, forms=forms)


def _forms(reader: Reader) -> dict[str, Form]:
    """Return the classes of settings: those whose fields a file of settings may set."""
    found: dict[str, Form] = {}
    for block in reader.tree.blocks:
        node = block.node
        if block.kind != "class" or not isinstance(node, ast.ClassDef):
            continue
        named = [*block.bases, *(d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)]
        if not any(dotted(one).rpartition(".")[2] in _SETTINGS for one in named):
            continue
        fields = [
            one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        ]
        models: dict[str, tuple[int, int]] = {}
        inner: dict[str, str] = {}
        for field in fields:
            assert isinstance(field.target, ast.Name)
            kind = field.annotation.id if isinstance(field.annotation, ast.Name) else "str"
            if kind not in _PLAIN:
                inner[field.target.id] = kind
            elif field.value is not None and kind == "str":
                models[field.target.id] = (field.value.lineno, field.value.end_lineno or field.value.lineno)
        if models or inner:
            names = tuple(one.target.id for one in fields if isinstance(one.target, ast.Name))
            found[block.name] = Form(names, models, inner)
    return found


def _wanted(name: str) -> bool:
    plain = snake(name)
    return (
        holds_model(name)
        or plain.endswith(("region", "location"))
        or any(word in plain for word in _ENDPOINT)
    )


def _names_model(reader: Reader, expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Constant)
        and isinstance(expression.value, str)
        and known_form(reader.file, expression.value)
    )


def _add(
    table: dict[str, list[Known]], name: str, reader: Reader, expression: ast.expr, block: Block
) -> None:
    if len(table) >= _MOST or isinstance(expression, ast.Dict | ast.List | ast.Tuple | ast.Set):
        return
    found = [
        Known(value.text, value.line, value.column, value.env, reader.file.line(value.line))
        for value in reader.evaluator.values(expression, block)
        if value.text is not None and 1 < len(value.text) < _LONGEST and " " not in value.text
    ]
    if found:
        table.setdefault(name, []).extend(found[:4])
