"""Small questions about the nodes of a syntax tree."""

from __future__ import annotations

import ast
from typing import NamedTuple

GIVEN = "given:"
"""`ref` of a value that the callers of a function hand in: it is theirs, not the function's."""

_TAG = ":latest"
MOST = 48
"""Values that an expression may have before the rest is left out."""


class Value(NamedTuple):
    """What an expression may be.

    Attributes:
        text: None if not known.
        env: The environment name or option that it is read from, or that replaces it.
        ref: For another file to answer: `name:package.module:NAME`, `key:KEY`,
            `attr:name`, or `self:name` for one that a base class elsewhere may hold.
    """

    text: str | None
    line: int
    column: int
    env: str | None = None
    ref: str | None = None
    none: bool = False


def argument(call: ast.Call, function: ast.AST | None, name: str) -> ast.expr | None:
    """Return the expression that a call gives for a parameter of a function of the file."""
    given = keyword(call, name)
    if given is not None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return given
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    if (
        names
        and names[0] in {"self", "cls"}
        and (isinstance(call.func, ast.Attribute) or function.name == "__init__")
    ):
        names = names[1:]
    if name not in names:
        return None
    at = names.index(name)
    if at >= len(call.args) or any(isinstance(one, ast.Starred) for one in call.args[: at + 1]):
        return None
    return call.args[at]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the expression given for a keyword."""
    return next((k.value for k in call.keywords if k.arg == name), None)


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for an attribute chain; what stands before a call or a subscript is left out.

    Examples:
        >>> dotted(ast.parse("os.environ.get", mode="eval").body)
        'os.environ.get'
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def constant(node: ast.expr | None) -> str | None:
    """Return the text that a node is, if it is one."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def entries(literal: ast.Dict, key: str | None) -> list[ast.expr]:
    """Return the values of a dictionary under a key; under any, if the key is not known."""
    if key is None:
        return literal.values[:MOST]
    return [value for name, value in zip(literal.keys, literal.values, strict=True) if constant(name) == key]


def unknown(node: ast.expr) -> Value:
    """Return a value of which only the place is known."""
    return Value(None, node.lineno, node.col_offset + 1)


def overridable(parts: list[Value]) -> list[Value]:
    """An environment name that is tried first replaces what stands behind it."""
    env = next((v.env for v in parts if v.text is None and v.env), None)
    return [v._replace(env=v.env or env) if v.text is not None else v for v in parts]


def untagged(values: list[Value]) -> list[Value]:
    """Return values without those that only add the usual tag to another: `acme` and `acme:latest`."""
    if not any(v.text and v.text.endswith(_TAG) for v in values):
        return values
    plain = {v.text for v in values}
    return [
        v for v in values if not (v.text and v.text.endswith(_TAG) and v.text.removesuffix(_TAG) in plain)
    ]


def kept(value: Value, method: str) -> Value:
    """Return what a method that changes a text only a little leaves of it."""
    if value.text is None:
        return value
    if method == "lower":
        return value._replace(text=value.text.lower())
    return value._replace(text=value.text.strip())


def is_options(node: ast.expr) -> bool:
    """Say whether an expression is what an argument parser or a configuration gives back."""
    return dotted(node).rpartition(".")[2].lower() in _OPTIONS


_OPTIONS = frozenset({
    "args", "opts", "options", "parsed", "ns", "namespace", "arguments", "cli_args", "parsed_args", "flags",
    "opt", "cfg", "config", "params", "conf",
})  # fmt: skip


def is_given(node: ast.IfExp) -> bool:
    """Say whether an expression is `x if x else y` or `x if x is not None else y`: the same as `x or y`."""
    test = node.test
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot | ast.NotEq):
        test = test.left
    return ast.dump(test) == ast.dump(node.body)


def asks_for_itself(node: ast.IfExp) -> bool:
    """Say whether an expression is `f(x) if x is not None else None`: what x is known to be holds."""
    test = node.test
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot):
        test = test.left
    if not isinstance(node.orelse, ast.Constant) or node.orelse.value is not None:
        return False
    asked = ast.dump(test)
    return any(ast.dump(part) == asked for part in ast.walk(node.body))
