"""Works out what a Python expression may be, as far as the file itself says.

The answer is a small set of strings with the place each comes from and the environment name that
replaces it. A part that is not known stays as `{}` in the text; an expression of which nothing is
known gives a value without text.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reliant.inventory.python.glue import Glue
from reliant.inventory.python.nodes import (
    GIVEN,
    MOST,
    Value,
    argument,
    asks_for_itself,
    constant,
    dotted,
    entries,
    is_given,
    is_options,
    kept,
    keyword,
    overridable,
    unknown,
    untagged,
)
from reliant.inventory.python.tree import Block, Imported, Param

if TYPE_CHECKING:
    from reliant.inventory.python.tree import Bound, Tree

_DEEPEST = 9
_MOST_CALLS = 8


_READS_ENV = (
    "getenv", "environ.get", "env.str", "env.get", "getenv_or", "get_env", "env", "env_or_default",
    "from_env", "get_env_var", "get_from_env", "get_from_dict_or_env", "config",
)  # fmt: skip
_SAME = frozenset({
    "str", "SecretStr", "AnyUrl", "HttpUrl", "AnyHttpUrl", "Path", "cast", "expandvars", "URL",
    "parse_url", "copy", "deepcopy", "Some", "Default", "Literal",
})  # fmt: skip
_KEEPS = frozenset({
    "strip", "rstrip", "lstrip", "lower", "upper", "removesuffix", "removeprefix", "format_map",
    "get_secret_value", "decode", "encode", "as_posix",
})  # fmt: skip
_FIELD = frozenset({
    "Field", "field", "attrib", "ib", "Option", "Argument", "Parameter", "mapped_column", "Column",
    "Input", "traitlets", "Unicode", "CharField", "StringVar", "StrOpt", "Arg", "Required",
    "Optional",
})  # fmt: skip


class Evaluator(Glue):
    """Answers for one file."""

    def __init__(self, tree: Tree, options: dict[str, list[tuple[ast.expr, Block]]]) -> None:
        self.tree = tree
        self.options = options
        self._busy: set[int] = set()
        self._called: set[int] = set()
        self._returns: dict[int, list[ast.expr]] = {}
        self._calls: dict[str, list[tuple[ast.Call, Block]]] | None = None

    def values(self, node: ast.expr | None, block: Block, depth: int = 0) -> list[Value]:
        """Return what `node` may be, in the order in which the program would try it; at least one value."""
        if node is None:
            return []
        if depth > _DEEPEST:
            return [unknown(node)]
        found = list(dict.fromkeys(self._values(node, block, depth)))[:MOST]
        return untagged(found) or [unknown(node)]

    def _values(self, node: ast.expr, block: Block, depth: int) -> list[Value]:
        match node:
            case ast.Constant(value=str(text)):
                return [Value(text, node.lineno, node.col_offset + 1)]
            case ast.Constant(value=None):
                return [Value(None, node.lineno, node.col_offset + 1, none=True)]
            case ast.Constant():
                return (
                    [Value(str(node.value), node.lineno, node.col_offset + 1)]
                    if isinstance(node.value, int)
                    else []
                )
            case ast.Name():
                return self._name(node, block, depth)
            case ast.Attribute():
                return self._attribute(node, block, depth)
            case ast.Subscript():
                return self._subscript(node, block, depth)
            case ast.BoolOp(op=ast.Or()):
                return overridable(self._in_turn(node.values, block, depth))
            case ast.BoolOp():
                return self.values(node.values[-1], block, depth + 1)
            case ast.IfExp():
                if is_given(node):
                    return overridable(self._in_turn([node.body, node.orelse], block, depth))
                given = self.values(node.body, block, depth + 1) if asks_for_itself(node) else []
                if any(value.text for value in given):
                    return given
                return [
                    *self.values(node.body, block, depth + 1),
                    *self.values(node.orelse, block, depth + 1),
                ]
            case ast.JoinedStr():
                return self._joined(node, block, depth)
            case ast.BinOp(op=ast.Add()) if self._is_list(node.left, block) or self._is_list(
                node.right, block
            ):
                return [*self.values(node.left, block, depth + 1), *self.values(node.right, block, depth + 1)]
            case ast.BinOp(op=ast.Add()):
                return self._glued(node, [node.left, node.right], block, depth)
            case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(text))):
                return [Value(text.replace("%s", "{}"), node.lineno, node.col_offset + 1)]
            case ast.Call():
                return self._call(node, block, depth)
            case ast.NamedExpr():
                return self.values(node.value, block, depth + 1)
            case ast.Await():
                return self.values(node.value, block, depth + 1)
            case ast.List() | ast.Tuple() | ast.Set():
                return [
                    value for element in node.elts[:MOST] for value in self.values(element, block, depth + 1)
                ]
        return [unknown(node)]

    def _in_turn(self, parts: list[ast.expr], block: Block, depth: int) -> list[Value]:
        """Return the values of `a or b`: what is empty gives way to what stands behind it."""
        found = [self.values(part, block, depth + 1) for part in parts]
        before = [v for values in found[:-1] for v in values if not v.none and v.text != ""]
        return [*before, *found[-1]]

    def _is_list(self, node: ast.expr, block: Block) -> bool:
        if isinstance(node, ast.Name):
            found = block.find(node.id)
            return found is not None and any(isinstance(one, ast.List | ast.Tuple) for one in found[0])
        return isinstance(node, ast.List | ast.Tuple | ast.ListComp)

    def _name(self, node: ast.Name, block: Block, depth: int) -> list[Value]:
        found = block.find(node.id)
        if found is None:
            return [unknown(node)]
        bound, where = found
        return [value for one in bound[-8:] for value in self._bound(one, node.id, where, node, depth)]

    def _bound(self, one: Bound, name: str, where: Block, at: ast.expr, depth: int) -> list[Value]:
        if isinstance(one, Imported):
            module, _, last = one.dotted.rpartition(".")
            return [unknown(at)._replace(ref=f"name:{module}:{last}")]
        if isinstance(one, Block):
            return [unknown(at)]
        if isinstance(one, Param):
            return self._param(one, where, at, depth)
        if id(one) in self._busy:
            return [unknown(at)]
        self._busy.add(id(one))
        try:
            return self.values(one, where, depth + 1)
        finally:
            self._busy.discard(id(one))

    def _param(self, param: Param, where: Block, at: ast.expr, depth: int) -> list[Value]:
        option = self._decorated(param, where, depth)
        if option:
            return option
        if param.default is None:
            asked = unknown(at)._replace(ref=f"param:{where.name}:{param.name}")
            if id(where) in self._called:
                return [asked]  # the call that is being followed says it
            return self._handed_in(param, where, depth) or [asked]
        return self.values(param.default, where.parent or where, depth + 1)

    def _handed_in(self, param: Param, where: Block, depth: int) -> list[Value]:
        """Return the texts with which the file itself calls the function that has a parameter."""
        if depth > _DEEPEST - 3 or id(param) in self._busy or where.kind != "def":
            return []
        made = where.name == "__init__" and where.parent is not None
        name = where.parent.name if made and where.parent is not None else where.name
        self._busy.add(id(param))
        try:
            return [
                value._replace(ref=GIVEN)
                for call, block in self._calls_of(name)[:_MOST_CALLS]
                if (given := argument(call, where.node, param.name)) is not None
                for value in self.values(given, block, depth + 3)
                if value.text is not None
            ]
        finally:
            self._busy.discard(id(param))

    def _calls_of(self, name: str) -> list[tuple[ast.Call, Block]]:
        if self._calls is None:
            self._calls = {}
            for node, block in self.tree.nodes:
                if node.__class__ is not ast.Call:
                    continue
                assert isinstance(node, ast.Call)
                func = node.func
                if isinstance(func, ast.Name):
                    self._calls.setdefault(func.id, []).append((node, block))
                elif isinstance(func, ast.Attribute) and dotted(func.value) in {"self", "cls"}:
                    self._calls.setdefault(func.attr, []).append((node, block))
        return self._calls.get(name, [])

    def _decorated(self, param: Param, where: Block, depth: int) -> list[Value]:
        """Return the default that a click-like decorator gives to a parameter."""
        decorators = getattr(param.function, "decorator_list", [])
        for decorator in decorators:
            if not isinstance(decorator, ast.Call):
                continue
            flags = [
                a.value for a in decorator.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
            ]
            plain = {flag.lstrip("-").replace("-", "_") for flag in flags}
            if param.name in plain:
                default = keyword(decorator, "default")
                env = keyword(decorator, "envvar")
                flag = max(flags, key=len)
                name = env.value if isinstance(env, ast.Constant) and isinstance(env.value, str) else flag
                return [v._replace(env=v.env or name) for v in self.values(default, where, depth + 1)]
        return []

    def _attribute(self, node: ast.Attribute, block: Block, depth: int) -> list[Value]:
        if isinstance(node.value, ast.Name):
            if node.value.id in {"self", "cls"}:
                owner = block.enclosing_class()
                found = self.class_attr(owner, node.attr, depth)
                if found:
                    return found
                return [unknown(node)._replace(ref=f"self:{node.attr}")]
            bound = block.find(node.value.id)
            if bound is not None:
                for one in bound[0]:
                    if isinstance(one, Block) and one.kind == "class":
                        found = self.class_attr(one, node.attr, depth)
                        if found:
                            return found
                    if isinstance(one, Imported):
                        return [unknown(node)._replace(ref=f"name:{one.dotted}:{node.attr}")]
                    if isinstance(one, ast.Call):
                        found = self._of_instance(one, node.attr, bound[1], depth)
                        if found:
                            return found
        default = self.options.get(node.attr)
        if default and is_options(node.value):
            return [
                value._replace(env=value.env or f"--{node.attr.replace('_', '-')}")
                for expression, where in default
                for value in self.values(expression, where, depth + 1)
            ]
        return [unknown(node)._replace(ref=f"attr:{node.attr}")]

    def _of_instance(self, call: ast.Call, attr: str, block: Block, depth: int) -> list[Value]:
        if isinstance(call.func, ast.Name):
            found = block.find(call.func.id)
            for one in found[0] if found else ():
                if isinstance(one, Block) and one.kind == "class":
                    given = keyword(call, attr)
                    if given is not None:
                        return self.values(given, block, depth + 1)
                    return self.class_attr(one, attr, depth)
        return []

    def class_attr(self, owner: Block | None, attr: str, depth: int) -> list[Value]:
        """Return what an attribute of a class or of its bases in this file may be."""
        seen: set[int] = set()
        queue = [owner]
        while queue:
            current = queue.pop(0)
            if current is None or id(current) in seen:
                continue
            seen.add(id(current))
            if attr in current.attrs:
                return [
                    v
                    for expression, where in current.attrs[attr][:6]
                    for v in self._bound(expression, attr, where, expression, depth)
                ]
            for base in current.bases:
                found = (
                    current.parent.find(base.id) if isinstance(base, ast.Name) and current.parent else None
                )
                queue += [one for one in found[0] if isinstance(one, Block)] if found else []
        return []

    def dictionary(self, node: ast.expr, block: Block, depth: int = 0) -> list[tuple[ast.Dict, Block]]:
        """Return the dictionary literals that `node` may be."""
        if depth > 4:
            return []
        match node:
            case ast.Dict():
                return [(node, block)]
            case ast.Name():
                found = block.find(node.id)
                return [
                    d
                    for one in (found[0] if found else ())
                    if isinstance(one, ast.expr)
                    for d in self.dictionary(one, found[1] if found else block, depth + 1)
                ]
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                return self._own_dictionary(block.enclosing_class(), node.attr, depth)
            case ast.Attribute(value=ast.Name(id=name)):
                found = block.find(name)
                return [
                    d
                    for one in (found[0] if found else ())
                    if isinstance(one, Block)
                    for d in self._own_dictionary(one, node.attr, depth)
                ]
            case ast.BoolOp():
                return [d for part in node.values for d in self.dictionary(part, block, depth + 1)]
            case ast.Call(func=ast.Attribute(attr="copy", value=inner)):
                return self.dictionary(inner, block, depth + 1)
            case ast.Subscript():
                return [
                    (value, where)
                    for inner_dict, where in self.dictionary(node.value, block, depth + 1)
                    for value in entries(inner_dict, constant(node.slice))
                    if isinstance(value, ast.Dict)
                ]
        return []

    def _own_dictionary(self, owner: Block | None, attr: str, depth: int) -> list[tuple[ast.Dict, Block]]:
        if owner is None:
            return []
        return [
            d
            for expression, where in owner.attrs.get(attr, ())
            for d in self.dictionary(expression, where, depth + 1)
        ]

    def _subscript(self, node: ast.Subscript, block: Block, depth: int) -> list[Value]:
        key = constant(node.slice)
        if key is not None and dotted(node.value).endswith("environ"):
            return [unknown(node)._replace(env=key)]
        return self._looked_up(node, node.value, key, None, block, depth)

    def _looked_up(
        self,
        at: ast.expr,
        table: ast.expr,
        key: str | None,
        default: ast.expr | None,
        block: Block,
        depth: int,
    ) -> list[Value]:
        found: list[Value] = []
        for literal, where in self.dictionary(table, block):
            for value in entries(literal, key):
                found += self.values(value, where, depth + 1)
        if default is not None:
            found += self.values(default, block, depth + 1)
        if key is not None and not found and is_options(table):
            for expression, where in self.options.get(key, ()):
                found += [
                    v._replace(env=v.env or f"--{key.replace('_', '-')}")
                    for v in self.values(expression, where, depth + 1)
                ]
        if key is not None:
            found = [v._replace(env=v.env or (key if key.isupper() else None)) for v in found]
            if not [v for v in found if v.text is not None]:
                found.append(unknown(at)._replace(ref=f"key:{key}", env=key if key.isupper() else None))
        return found

    def _call(self, node: ast.Call, block: Block, depth: int) -> list[Value]:
        name = dotted(node.func)
        last = name.rpartition(".")[2]
        if name.endswith("environ.get") or (
            last in {"getenv", "env", "get_env", "getenv_or_default"} or name.endswith(_READS_ENV)
        ):
            key = constant(node.args[0]) if node.args else None
            if key is not None and (key.isupper() or "environ" in name or "getenv" in name):
                default = node.args[1] if len(node.args) > 1 else keyword(node, "default")
                if default is None:
                    return [unknown(node)._replace(env=key)]
                return [value._replace(env=key) for value in self.values(default, block, depth + 1)]
        if isinstance(node.func, ast.Attribute):
            if (
                last in {"get", "pop", "setdefault", "get_value", "getstr", "get_option", "get_setting"}
                and node.args
            ):
                default = (
                    node.args[1]
                    if len(node.args) > 1
                    else (keyword(node, "default") or keyword(node, "fallback"))
                )
                return self._looked_up(node, node.func.value, constant(node.args[0]), default, block, depth)
            if last == "replace" and len(node.args) == 2:
                return self._replaced(node, block, depth)
            if last == "format":
                return [
                    v._replace(text=v.text and v.text) for v in self.values(node.func.value, block, depth + 1)
                ]
            if last == "join" and node.args:
                return self._joined_path(node, block, depth)
            if last in _KEEPS:
                return [kept(v, last) for v in self.values(node.func.value, block, depth + 1)]
        if last == "getattr" and len(node.args) == 3:
            return self.values(node.args[2], block, depth + 1)
        if last in _FIELD:
            return self._field(node, block, depth)
        if last in _SAME and node.args:
            return self.values(node.args[-1 if last == "cast" else 0], block, depth + 1)
        if last in {"join", "urljoin"} and node.args:
            return self._joined_path(node, block, depth)
        if last in {"dict", "Box", "Namespace", "SimpleNamespace"}:
            return []
        return self._returned(node, block, depth)

    def _field(self, node: ast.Call, block: Block, depth: int) -> list[Value]:
        default = keyword(node, "default") or (node.args[0] if node.args else None)
        if isinstance(default, ast.Constant) and default.value is Ellipsis:
            default = None
        factory = keyword(node, "default_factory")
        if default is None and isinstance(factory, ast.Lambda):
            default = factory.body
        env = constant(
            keyword(node, "env")
            or keyword(node, "envvar")
            or keyword(node, "validation_alias")
            or keyword(node, "alias")
        )
        return [v._replace(env=v.env or env) for v in self.values(default, block, depth + 1)] or [
            unknown(node)._replace(env=env)
        ]

    def _returned(self, node: ast.Call, block: Block, depth: int) -> list[Value]:
        """Return what a function of this file returns."""
        target: Block | None = None
        if isinstance(node.func, ast.Name):
            found = block.find(node.func.id)
            target = next((one for one in found[0] if isinstance(one, Block)), None) if found else None
        elif (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in {"self", "cls"}
        ):
            owner = block.enclosing_class()
            inner = owner.names.get(node.func.attr) if owner else None
            target = next((one for one in inner if isinstance(one, Block)), None) if inner else None
        if (
            target is None
            or target.kind != "def"
            or not isinstance(target.node, ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            return [unknown(node)]
        if id(target) in self._called:
            return [unknown(node)]
        self._called.add(id(target))
        try:
            back = [
                value
                for returned in self._returns_of(target)
                for value in self.values(returned, target, depth + 2)
            ]
        finally:
            self._called.discard(id(target))
        return [v for value in back for v in self._given(value, node, target, block, depth)] or [
            unknown(node)
        ]

    def _returns_of(self, target: Block) -> list[ast.expr]:
        """Return the expressions that a function gives back, found once."""
        found = self._returns.get(id(target))
        if found is None:
            assert target.node is not None
            found = [
                statement.value
                for statement in ast.walk(target.node)
                if statement.__class__ is ast.Return
                and isinstance(statement, ast.Return)
                and statement.value is not None
            ]
            self._returns[id(target)] = found
        return found

    def _given(self, value: Value, call: ast.Call, target: Block, block: Block, depth: int) -> list[Value]:
        """Return what a function gives back where that is what it was called with."""
        if value.text is not None or value.ref is None or not value.ref.startswith(f"param:{target.name}:"):
            return [value]
        given = argument(call, target.node, value.ref.rpartition(":")[2])
        if given is None:
            return [value]
        return [v._replace(env=v.env or value.env) for v in self.values(given, block, depth + 1)]
