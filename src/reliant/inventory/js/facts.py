"""What one JavaScript file tells the others: constants that hold ids or endpoints, by the name they go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.across import FileFacts, Known
from reliant.inventory.idforms import holds_model
from reliant.inventory.js.tree import Imported, Node, pairs, text_of
from reliant.inventory.js.values import module_of, values
from reliant.inventory.loose import known_form
from reliant.inventory.urls import is_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.js.reader import Reader
    from reliant.inventory.js.tree import Block

_MOST = 400
_LONGEST = 200


def collect(reader: Reader) -> FileFacts | None:
    """Return what other files may ask for, or None if there is nothing."""
    names: dict[str, list[Known]] = {}
    module = reader.tree.module
    for name, bound in module.names.items():
        for one in bound[-2:]:
            if not isinstance(one, Imported):
                for key, value in _leaves(name, one):
                    _add(names, key, reader, value, module)
    for node, block in reader.tree.nodes:
        if node.type == "assignment_expression":
            left = text_of(node.child_by_field_name("left"))
            if left == "module.exports" or left.startswith(("exports.", "module.exports.")):
                name = left.removeprefix("module.").removeprefix("exports").removeprefix(".")
                for key, value in _leaves(name, node.child_by_field_name("right")):
                    _add(names, key, reader, value, block)
        elif node.type == "export_statement":
            for key, value in _leaves("default", node.child_by_field_name("value")):
                _add(names, key, reader, value, block)
    if not names:
        return None
    return FileFacts(module=module_of(f"./{reader.file.path}"), names=names)


def _leaves(name: str, node: Node | None, depth: int = 0) -> Iterator[tuple[str, Node]]:
    """Yield the values of an object with the names that lead to them; any other node as it is."""
    while node is not None and node.type in {"as_expression", "satisfies_expression", "call_expression"}:
        inner = node.named_children[0] if node.named_children else None
        if node.type == "call_expression":
            if text_of(node.child_by_field_name("function")) != "Object.freeze":
                break
            arguments = node.child_by_field_name("arguments")
            inner = (
                arguments.named_children[0] if arguments is not None and arguments.named_children else None
            )
        node = inner
    if node is None:
        return
    if node.type != "object":
        yield name, node
        return
    for key, value in pairs(node) if depth < 2 else ():
        yield from _leaves(f"{name}.{key}" if name else key, value, depth + 1)


def _add(table: dict[str, list[Known]], name: str, reader: Reader, node: Node, block: Block) -> None:
    if len(table) >= _MOST or node.type in {"array", "arrow_function", "function_expression", "class"}:
        return
    last = name.rpartition(".")[2]
    for value in values(node, block)[:4]:
        text = value.text
        if text is None or not 1 < len(text) < _LONGEST or " " in text:
            continue
        if (
            last.lower().endswith(("region", "location"))
            or holds_model(last)
            or is_server(last)
            or "://" in text
            or known_form(reader.file, text)
        ):
            said = reader.file.line(value.line)
            table.setdefault(name, []).append(Known(text, value.line, value.column, value.env, said))
