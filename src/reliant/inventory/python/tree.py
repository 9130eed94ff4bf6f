"""The blocks of a Python file, and what each name in them is bound to.

A block is the module, a class, a function, or an entry of a dictionary literal. Names are bound to
expressions, not to values: whoever needs a value asks `values`, so that nothing is worked out
that nobody needs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(eq=False, slots=True)
class Imported:
    """A name that an import statement brings in."""

    dotted: str
    line: int
    guarded: bool


@dataclass(eq=False, slots=True)
class Param:
    """A parameter of a function, with its default."""

    name: str
    default: ast.expr | None
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


Bound: TypeAlias = "ast.expr | Imported | Param | Block"


@dataclass(eq=False, slots=True)
class Block:
    """A block and its names.

    Attributes:
        label: Unique within the file, for example `class Chat:10`.
        attrs: Of a class: what `self.NAME` and `cls.NAME` are bound to, with the block of the binding.
    """

    kind: str
    name: str
    line: int
    parent: Block | None
    node: ast.AST | None = None
    names: dict[str, list[Bound]] = field(default_factory=dict)
    attrs: dict[str, list[tuple[ast.expr, Block]]] = field(default_factory=dict)
    bases: list[ast.expr] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Its name and place."""
        return f"{self.kind} {self.name}:{self.line}"

    @property
    def path(self) -> tuple[str, ...]:
        """The labels of the blocks around it and its own, outermost first; the module has none."""
        parts: list[str] = []
        block: Block | None = self
        while block is not None and block.kind != "module":
            parts.append(block.label)
            block = block.parent
        return tuple(reversed(parts))

    def enclosing_class(self) -> Block | None:
        """The innermost class around it, or itself."""
        block: Block | None = self
        while block is not None and block.kind != "class":
            block = block.parent
        return block

    def bind(self, name: str, value: Bound) -> None:
        """Note one more thing that `name` may be; a branch binds for the function around it."""
        self.names.setdefault(name, []).append(value)
        if self.kind in {"branch", "value", "entry"} and self.parent is not None:
            self.parent.bind(name, value)

    def find(self, name: str) -> tuple[list[Bound], Block] | None:
        """Return what `name` may be, seen from here, and the block that binds it."""
        block: Block | None = self
        first = True
        while block is not None:
            # A class body is not seen from the functions inside it.
            if (first or block.kind != "class") and name in block.names:
                return block.names[name], block
            first = False
            block = block.parent
        return None


@dataclass(slots=True)
class Tree:
    """A parsed file: the module block, the block of every statement that has one, all imports."""

    module: Block
    blocks: list[Block]
    imports: list[tuple[Imported, Block]]
    nodes: list[tuple[ast.AST, Block]]
    docstrings: set[int]
    turns: list[tuple[ast.expr, ast.expr, Block]] = field(default_factory=list)
    """What a name is set to only if something holds: target, value, block."""

    def forget(self) -> None:
        """Let go of everything: blocks refer to each other, and would wait for the collector."""
        for block in self.blocks:
            block.names.clear()
            block.attrs.clear()
            block.bases = []
            block.parent = block.node = None
        self.blocks.clear()
        self.imports.clear()
        self.nodes.clear()


def build(source: ast.Module, package: str) -> Tree:
    """Return the blocks of `source`; relative imports are resolved against `package`."""
    builder = _Builder(package)
    builder.body(source.body, builder.module)
    return Tree(
        builder.module, builder.blocks, builder.imports, builder.nodes, builder.docstrings, builder.turns
    )


class _Builder:
    def __init__(self, package: str) -> None:
        self.package = package
        self.module = Block("module", "", 0, None)
        self.blocks = [self.module]
        self.imports: list[tuple[Imported, Block]] = []
        self.nodes: list[tuple[ast.AST, Block]] = []
        self.docstrings: set[int] = set()
        self.turns: list[tuple[ast.expr, ast.expr, Block]] = []
        self._tests: list[ast.expr | None] = []

    def body(self, statements: list[ast.stmt], block: Block, *, guarded: bool = False) -> None:
        for statement in statements:
            self.statement(statement, block, guarded=guarded)

    def statement(self, node: ast.stmt, block: Block, *, guarded: bool) -> None:
        match node:
            case ast.ClassDef():
                inner = self._open("class", node.name, node, block)
                inner.bases = node.bases
                block.bind(node.name, inner)
                for expression in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
                    self.expression(expression, block)
                self.body(node.body, inner)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = self._open("def", node.name, node, block)
                block.bind(node.name, inner)
                for expression in node.decorator_list:
                    self.expression(expression, block)
                self._parameters(node, inner, block)
                around, self._tests = self._tests, []
                self.body(node.body, inner)
                self._tests = around
            case ast.Import():
                for alias in node.names:
                    found = Imported(alias.name, node.lineno, guarded)
                    self.imports.append((found, block))
                    if alias.asname:
                        block.bind(alias.asname, found)
                    else:
                        head = alias.name.partition(".")[0]
                        block.bind(head, Imported(head, node.lineno, guarded))
            case ast.ImportFrom():
                base = self._absolute(node)
                for alias in node.names:
                    found = Imported(f"{base}.{alias.name}" if base else alias.name, node.lineno, guarded)
                    self.imports.append((found, block))
                    block.bind(alias.asname or alias.name, found)
            case ast.If():
                self.expression(node.test, block)
                typing_only = (
                    "TYPE_CHECKING" in ast.dump(node.test)
                    if isinstance(node.test, ast.Name | ast.Attribute)
                    else False
                )
                label = _compared(node.test)
                inner = self._open("branch", label, node, block) if label else block
                self._tests.append(node.test)
                self.body(node.body, inner, guarded=True)
                self._tests.pop()
                self.body(node.orelse, block, guarded=guarded or not typing_only)
            case ast.Try():
                catches = any(
                    _catches_import(handler) and not _gives_up(handler.body) for handler in node.handlers
                )
                self.body(node.body, block, guarded=guarded or catches)
                self._tests.append(None)
                for handler in node.handlers:
                    self.body(handler.body, block, guarded=True)
                self._tests.pop()
                self.body(node.orelse, block, guarded=guarded)
                self.body(node.finalbody, block, guarded=guarded)
            case ast.Assign():
                for target in node.targets:
                    self._assign(target, node.value, block)
                if self._tests and not any(_asks_for(test, node.targets[0]) for test in self._tests):
                    self.turns.append((node.targets[0], node.value, block))
                self.nodes.append((node, block))
                self.expression(node.value, self._value_block(node.targets[0], node.value, block))
            case ast.AnnAssign():
                if node.value is not None:
                    self._assign(node.target, node.value, block)
                    self.expression(node.value, self._value_block(node.target, node.value, block))
                self.nodes.append((node, block))
                for part in ast.walk(node.annotation):
                    if isinstance(part, ast.Call):
                        self.expression(part, block)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.expression(item.context_expr, block)
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr, block)
                self.body(node.body, block, guarded=guarded)
            case ast.For() | ast.AsyncFor():
                self._loop(node, block)
                self.expression(node.iter, block)
                self.body(node.body, block, guarded=guarded)
                self.body(node.orelse, block, guarded=guarded)
            case ast.While():
                self.expression(node.test, block)
                self.body(node.body, block, guarded=guarded)
                self.body(node.orelse, block, guarded=guarded)
            case ast.Match():
                self.expression(node.subject, block)
                for arm in node.cases:
                    label = _matched(arm.pattern)
                    inner = self._open("branch", label, arm.pattern, block) if label else block
                    self.body(arm.body, inner, guarded=True)
            case ast.Expr(value=ast.Constant(value=str())):
                self.docstrings.add(id(node.value))
            case _:
                self.nodes.append((node, block))
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.expression(child, block)
                    elif isinstance(child, ast.stmt):
                        self.statement(child, block, guarded=guarded)

    def expression(self, node: ast.expr, block: Block) -> None:
        """List every expression below `node` with its block; dictionaries in dictionaries open one."""
        stack: list[tuple[ast.AST, Block]] = [(node, block)]
        while stack:
            current, where = stack.pop()
            self.nodes.append((current, where))
            match current:
                case ast.Dict():
                    for key, value in zip(current.keys, current.values, strict=True):
                        if key is not None:
                            stack.append((key, where))
                        inner = where
                        if isinstance(value, ast.Dict | ast.Call) and isinstance(key, ast.Constant):
                            inner = self._open("entry", str(key.value)[:40], value, where)
                        stack.append((value, inner))
                case ast.List() | ast.Tuple() | ast.Set():
                    for element in current.elts:
                        inner = where
                        if isinstance(element, ast.Dict | ast.Call):
                            inner = self._open("entry", "", element, where)
                        stack.append((element, inner))
                case ast.Lambda():
                    inner = self._open("def", "lambda", current, where)
                    self._parameters(current, inner, where)
                    stack.append((current.body, inner))
                case ast.NamedExpr():
                    self._assign(current.target, current.value, where)
                    stack.append((current.value, where))
                case _:
                    self._children(current, where, stack)

    @staticmethod
    def _children(node: ast.AST, block: Block, stack: list[tuple[ast.AST, Block]]) -> None:
        """Push what stands below a node and may hold a text; names, numbers and arithmetic do not."""
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add | ast.Mod | ast.Div | ast.BitOr):
            return
        for name in _FIELDS.get(node.__class__, ()):
            value: Any = getattr(node, name, None)
            if value.__class__ is list:
                stack += [(child, block) for child in value if child.__class__ not in _NO_TEXT]
            elif value.__class__ not in _NO_TEXT:
                stack.append((value, block))

    def _value_block(self, target: ast.expr, value: ast.expr, block: Block) -> Block:
        """Return a block of its own for a literal or a call that a name is set to."""
        if isinstance(value, ast.Dict | ast.Call):
            name = (
                target.id
                if isinstance(target, ast.Name)
                else target.attr
                if isinstance(target, ast.Attribute)
                else ""
            )
            return self._open("value", name, value, block)
        return block

    def _open(self, kind: str, name: str, node: ast.AST, parent: Block) -> Block:
        block = Block(kind, name, getattr(node, "lineno", 0), parent, node)
        self.blocks.append(block)
        return block

    def _parameters(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, inner: Block, outer: Block
    ) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(every) - len(arguments.defaults))
        defaults += arguments.defaults
        for argument, default in (
            *zip(every, defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ):
            param = Param(argument.arg, default, node)
            inner.bind(argument.arg, param)
            self.nodes.append((argument, inner))
            if default is not None:
                self.expression(default, outer)
            if argument.annotation is not None and argument.annotation.__class__ is not ast.Name:
                for part in ast.walk(argument.annotation):
                    if isinstance(part, ast.Call):
                        self.expression(part, outer)

    def _assign(self, target: ast.expr, value: ast.expr, block: Block) -> None:
        match target:
            case ast.Name():
                block.bind(target.id, value)
                if block.kind == "class":
                    block.attrs.setdefault(target.id, []).append((value, block))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attr):
                owner = block.enclosing_class()
                if owner is not None:
                    owner.attrs.setdefault(attr, []).append((value, block))
            case ast.Tuple() | ast.List():
                if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                    for part, element in zip(target.elts, value.elts, strict=True):
                        self._assign(part, element, block)

    def _loop(self, node: ast.For | ast.AsyncFor, block: Block) -> None:
        if isinstance(node.target, ast.Name) and isinstance(node.iter, ast.List | ast.Tuple):
            for element in node.iter.elts:
                block.bind(node.target.id, element)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        parts = parts[: len(parts) - (node.level - 1)] if node.level > 1 else parts
        return ".".join((*parts, *([node.module] if node.module else [])))


_NO_TEXT = frozenset({None.__class__, str, ast.Name, ast.Slice, ast.UnaryOp})
_NO_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "kind", "conversion", "is_async"})
"""Fields of expressions that hold no expression."""
_EXPRESSIONS: list[type[ast.AST]] = [*ast.expr.__subclasses__(), ast.comprehension, ast.keyword]
_FIELDS = {
    kind: tuple(name for name in kind._fields if name not in _NO_NODES)
    for kind in _EXPRESSIONS
    if kind is not ast.Constant
}
"""The fields in which others stand, by class of node."""


def _compared(test: ast.expr) -> str:
    """Return the text with which an `if` compares something, if that is what it does."""
    if isinstance(test, ast.BoolOp):
        return next((label for part in test.values if (label := _compared(part))), "")
    if (
        not isinstance(test, ast.Compare)
        or len(test.ops) != 1
        or not isinstance(test.ops[0], ast.Eq | ast.In)
    ):
        return ""
    for side in (test.comparators[0], test.left):
        if isinstance(side, ast.Constant) and isinstance(side.value, str):
            return side.value[:40]
        if isinstance(side, ast.Tuple | ast.List | ast.Set) and side.elts and isinstance(test.ops[0], ast.In):
            first = side.elts[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return first.value[:40]
        if isinstance(side, ast.Attribute) and side.attr.isupper():
            return side.attr.lower()
    return ""


def _asks_for(test: ast.expr | None, target: ast.expr) -> bool:
    """Say whether a test asks if a name is empty: `if not model`, `if model is None`."""
    if test is None:
        return False
    if isinstance(test, ast.BoolOp):
        return any(_asks_for(part, target) for part in test.values)
    name = getattr(target, "id", getattr(target, "attr", None))
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        asked: ast.expr = test.operand
    elif isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.Eq | ast.NotIn):
        asked = test.left
    else:
        return False
    return name is not None and name in {getattr(asked, "id", None), getattr(asked, "attr", None)}


def _matched(pattern: ast.pattern) -> str:
    if isinstance(pattern, ast.MatchOr):
        return next((label for part in pattern.patterns if (label := _matched(part))), "")
    if isinstance(pattern, ast.MatchValue):
        if isinstance(pattern.value, ast.Constant) and isinstance(pattern.value.value, str):
            return pattern.value.value[:40]
        if isinstance(pattern.value, ast.Attribute):
            return pattern.value.attr.lower()
    return ""


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    said = ast.dump(handler.type)
    return "ImportError" in said or "ModuleNotFoundError" in said or "'Exception'" in said


def _gives_up(body: list[ast.stmt]) -> bool:
    """Say whether a handler ends in an error: what was tried is then needed."""
    last = body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        func = last.value.func
        return (func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")) in {
            "exit",
            "abort",
        }
    return isinstance(last, ast.Raise)
