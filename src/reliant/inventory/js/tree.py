"""The blocks of a JavaScript or TypeScript file, and what each name in them is bound to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Node: TypeAlias = Any
"""A node of tree-sitter."""

_CLASSES = frozenset({"class_declaration", "class", "abstract_class_declaration"})
_FUNCTIONS = frozenset({
    "function_declaration", "function_expression", "method_definition", "arrow_function",
    "generator_function_declaration", "function",
})  # fmt: skip  # fmt: skip
_DEEPEST = 400


@dataclass(eq=False, slots=True)
class Imported:
    """A name that an import brings in; `name` is `default`, `*` or the exported name."""

    module: str
    name: str
    line: int
    dynamic: bool = False


@dataclass(eq=False, slots=True)
class Block:
    """A class, a function, an object in an object; the outermost is the module."""

    kind: str
    name: str
    line: int
    parent: Block | None
    names: dict[str, list[Node | Imported]] = field(default_factory=dict)
    fields: dict[str, list[Node]] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...]:
        """The labels of the blocks around it and its own, outermost first; the module has none."""
        parts: list[str] = []
        block: Block | None = self
        while block is not None and block.kind != "module":
            parts.append(f"{block.kind} {block.name}:{block.line}")
            block = block.parent
        return tuple(reversed(parts))

    def bind(self, name: str, value: Node | Imported) -> None:
        """Note one more thing that `name` may be; a branch binds for the function around it."""
        self.names.setdefault(name, []).append(value)
        if self.kind in {"branch", "entry", "value"} and self.parent is not None:
            self.parent.bind(name, value)

    def owner(self) -> Block | None:
        """The innermost class around it, or itself."""
        block: Block | None = self
        while block is not None and block.kind != "class":
            block = block.parent
        return block

    def find(self, name: str) -> tuple[list[Node | Imported], Block] | None:
        """Return what `name` may be, seen from here."""
        block: Block | None = self
        while block is not None:
            if name in block.names:
                return block.names[name], block
            block = block.parent
        return None


class Tree:
    """A file, with every node that says something and the block it stands in."""

    def __init__(self, root: Node) -> None:
        self.module = Block("module", "", 0, None)
        self.blocks = [self.module]
        self.imports: list[tuple[Imported, Block]] = []
        self.nodes: list[tuple[Node, Block]] = []
        self.cut = False
        self._walk(root)

    def forget(self) -> None:
        """Let go of everything: blocks refer to each other, and would wait for the collector."""
        for block in self.blocks:
            block.names.clear()
            block.fields.clear()
            block.parent = None
        self.blocks.clear()
        self.imports.clear()
        self.nodes.clear()

    def _walk(self, root: Node) -> None:
        stack: list[tuple[Node, Block, int]] = [(root, self.module, 0)]
        while stack:
            node, block, depth = stack.pop()
            if depth > _DEEPEST:
                self.cut = True
                continue
            kind = node.type
            if kind in {"comment", "regex", "jsx_text", "import_statement"}:
                if kind == "import_statement":
                    self._import(node, block)
                continue
            inner = block
            if kind in _CLASSES:
                inner = self._open("class", text_of(node.child_by_field_name("name")), node, block)
            elif kind in _FUNCTIONS:
                name = text_of(node.child_by_field_name("name")) or _bound_name(node)
                inner = self._open("def", name, node, block)
            elif kind == "object" and node.parent is not None and node.parent.type == "variable_declarator":
                inner = self._open("value", text_of(node.parent.child_by_field_name("name")), node, block)
            elif kind == "object" and node.parent is not None and node.parent.type in {"pair", "array"}:
                name = (
                    text_of(node.parent.child_by_field_name("key")).strip("'\"")
                    if node.parent.type == "pair"
                    else ""
                )
                inner = self._open("entry", name, node, block)
            elif kind in {"if_statement", "switch_case"}:
                label = _label(node)
                if label and kind == "switch_case":
                    inner = self._open("branch", label, node, block)
                elif label:
                    self._branch(node, label, block, stack, depth)
                    self.nodes.append((node, block))
                    continue
            self._bind(node, kind, inner if kind in _FUNCTIONS else block)
            self.nodes.append((node, inner))
            for child in reversed(node.named_children):
                stack.append((child, inner, depth + 1))

    def _branch(
        self, node: Node, label: str, block: Block, stack: list[tuple[Node, Block, int]], depth: int
    ) -> None:
        """Give the body of an `if x === "label"` a block of its own; the rest stays where it is."""
        inner = self._open("branch", label, node, block)
        body = node.child_by_field_name("consequence")
        for child in reversed(node.named_children):
            stack.append((child, inner if child == body else block, depth + 1))

    def _open(self, kind: str, name: str, node: Node, parent: Block) -> Block:
        block = Block(kind, name[:40], node.start_point[0] + 1, parent)
        self.blocks.append(block)
        return block

    def _bind(self, node: Node, kind: str, block: Block) -> None:
        if kind == "variable_declarator":
            self._declare(node.child_by_field_name("name"), node.child_by_field_name("value"), block)
        elif kind in {"public_field_definition", "field_definition"}:
            name = text_of(node.child_by_field_name("name") or node.child_by_field_name("property"))
            value = node.child_by_field_name("value")
            owner = block.owner()
            if owner is not None and value is not None:
                owner.fields.setdefault(name, []).append(value)
        elif kind == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if (
                left is not None
                and left.type == "member_expression"
                and text_of(left.child_by_field_name("object")) == "this"
            ):
                owner = block.owner()
                if owner is not None:
                    owner.fields.setdefault(text_of(left.child_by_field_name("property")), []).append(right)
            elif left is not None and left.type == "identifier":
                block.bind(text_of(left), right)
        elif kind in {"required_parameter", "optional_parameter"}:
            value = node.child_by_field_name("value")
            pattern = node.child_by_field_name("pattern")
            if value is not None and pattern is not None and pattern.type == "identifier":
                block.bind(text_of(pattern), value)
        elif kind in {"assignment_pattern", "object_assignment_pattern"}:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None:
                block.bind(text_of(left), right)

    def _declare(self, name: Node, value: Node, block: Block) -> None:
        if name is None or value is None:
            return
        module = required(value)
        if module is not None:
            source, member = module
            line = name.start_point[0] + 1
            if name.type == "identifier":
                found = Imported(source, member or "*", line, dynamic=True)
                block.bind(text_of(name), found)
                self.imports.append((found, block))
            elif name.type == "object_pattern":
                for child in name.named_children:
                    exported, local = _pattern(child)
                    found = Imported(source, exported, line, dynamic=True)
                    block.bind(local, found)
                    self.imports.append((found, block))
        elif name.type == "identifier":
            block.bind(text_of(name), value)

    def _import(self, node: Node, block: Block) -> None:
        source = node.child_by_field_name("source")
        module = text_of(source).strip("'\"`")
        line = node.start_point[0] + 1
        typed = any(child.type == "type" for child in node.children)
        clause = next((child for child in node.named_children if child.type == "import_clause"), None)
        found: list[tuple[str, Imported]] = []
        for child in clause.named_children if clause is not None else ():
            if child.type == "identifier":
                found.append((text_of(child), Imported(module, "default", line)))
            elif child.type == "namespace_import":
                found.append((text_of(child.named_children[0]), Imported(module, "*", line)))
            elif child.type == "named_imports":
                for part in child.named_children:
                    name = text_of(part.child_by_field_name("name"))
                    alias = text_of(part.child_by_field_name("alias")) or name
                    found.append((alias, Imported(module, name, line)))
        for local, imported in found:
            block.bind(local, imported)
        if not typed:
            self.imports.append((found[0][1] if found else Imported(module, "*", line), block))


def required(node: Node) -> tuple[str, str] | None:
    """Return the module that `require(..)` or `await import(..)` brings, and the member taken of it."""
    member = ""
    for _ in range(6):
        if node is None:
            return None
        if node.type in {
            "await_expression",
            "parenthesized_expression",
            "as_expression",
            "non_null_expression",
        }:
            node = node.named_children[0] if node.named_children else None
        elif node.type == "member_expression":
            member = text_of(node.child_by_field_name("property"))
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            function = node.child_by_field_name("function")
            arguments = node.child_by_field_name("arguments")
            first = (
                arguments.named_children[0] if arguments is not None and arguments.named_children else None
            )
            if text_of(function).startswith(("__import", "_interop")):  # what compilers put around it
                node = first
                continue
            if function is None or (function.type != "import" and text_of(function) != "require"):
                return None
            if first is None or first.type != "string":
                return None
            return text_of(first).strip("'\"`"), member
        else:
            return None
    return None


def text_of(node: Node | None) -> str:
    """Return the source of a node; empty for none."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def place_of(node: Node) -> tuple[int, int]:
    """Return line and column of a node, from 1."""
    return node.start_point[0] + 1, node.start_point[1] + 1


def pairs(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield key and value of an object literal; a shorthand is its own value."""
    if node is None or node.type != "object":
        return
    for child in node.named_children:
        if child.type == "pair":
            yield text_of(child.child_by_field_name("key")).strip("'\"`"), child.child_by_field_name("value")
        elif child.type == "shorthand_property_identifier":
            yield text_of(child), child


def _label(node: Node) -> str:
    """Return the text with which an `if` or a `case` compares something."""
    if node.type == "switch_case":
        value = node.child_by_field_name("value")
        return text_of(value).strip("'\"`")[:40] if value is not None and value.type == "string" else ""
    condition = node.child_by_field_name("condition")
    test = condition.named_children[0] if condition is not None and condition.named_children else None
    if (
        test is None
        or test.type != "binary_expression"
        or text_of(test.child_by_field_name("operator")) not in {"===", "=="}
    ):
        return ""
    for side in (test.child_by_field_name("right"), test.child_by_field_name("left")):
        if side is not None and side.type == "string":
            return text_of(side).strip("'\"`")[:40]
    return ""


def _pattern(node: Node) -> tuple[str, str]:
    if node.type == "pair_pattern":
        key = text_of(node.child_by_field_name("key"))
        return key, text_of(node.child_by_field_name("value")) or key
    name = text_of(node).partition("=")[0].strip()
    return name, name


def _bound_name(node: Node) -> str:
    parent = node.parent
    if parent is None:
        return ""
    if parent.type == "variable_declarator":
        return text_of(parent.child_by_field_name("name"))
    if parent.type == "pair":
        return text_of(parent.child_by_field_name("key")).strip("'\"")
    return ""
