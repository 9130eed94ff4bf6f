"""Works out what a JavaScript expression may be, as far as the file itself says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reliant.inventory.js.tree import Block, Imported, Node, pairs, place_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEEPEST = 8
_ENDING = re.compile(r"\.(?:[cm]?[jt]sx?|json)$")
_MOST = 32
_WRAPPERS = frozenset({
    "parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression",
    "await_expression", "type_assertion",
})  # fmt: skip  # fmt: skip
_KEEPS = frozenset({
    "trim", "toLowerCase", "toString", "replace", "default", "optional", "url", "describe", "min",
    "catch", "nullable", "transform",
})  # fmt: skip
_READERS = frozenset({
    "get", "getenv", "env", "getEnv", "getString", "getOrThrow", "getConfig", "option", "requireEnv",
})  # fmt: skip


class Value(NamedTuple):
    """What an expression may be; `text` is None if not known, `ref` what another file must answer."""

    text: str | None
    line: int
    column: int
    env: str | None = None
    none: bool = False
    ref: str | None = None


def values(node: Node | None, block: Block, depth: int = 0) -> list[Value]:
    """Return what `node` may be, in the order in which the program would try it."""
    if node is None or depth > _DEEPEST:
        return []
    found = _values(node, block, depth)
    return list(dict.fromkeys(found))[:_MOST] or [_unknown(node)]


def _values(node: Node, block: Block, depth: int) -> list[Value]:
    kind = node.type
    if kind == "string":
        return [Value(_unquoted(node), *place_of(node))]
    if kind == "template_string":
        return _template(node, block, depth)
    if kind in _WRAPPERS:
        inner = node.named_children[0] if node.named_children else None
        return values(inner, block, depth + 1)
    if kind == "binary_expression":
        return _binary(node, block, depth)
    if kind == "ternary_expression":
        return [
            *values(node.child_by_field_name("consequence"), block, depth + 1),
            *values(node.child_by_field_name("alternative"), block, depth + 1),
        ]
    if kind in {"identifier", "shorthand_property_identifier"}:
        return _name(node, block, depth)
    if kind in {"undefined", "null"}:
        return [Value(None, *place_of(node), none=True)]
    if kind == "member_expression":
        return _member(node, block, depth)
    if kind == "subscript_expression":
        index = node.child_by_field_name("index")
        key = _unquoted(index) if index is not None and index.type == "string" else None
        if env_name(node) and key:
            return [_unknown(node)._replace(env=key)]
        return _of_object(node.child_by_field_name("object"), key, block, depth)
    if kind == "call_expression":
        return _call(node, block, depth)
    if kind == "array":
        return [value for child in node.named_children[:_MOST] for value in values(child, block, depth + 1)]
    return []


def _template(node: Node, block: Block, depth: int) -> list[Value]:
    texts = [""]
    env = None
    for child in node.children:
        if child.type == "template_substitution":
            inner = values(child.named_children[0] if child.named_children else None, block, depth + 1)
            env = env or next((v.env for v in inner if v.env), None)
            choices = list(dict.fromkeys(v.text if v.text is not None else "{}" for v in inner))[:3] or ["{}"]
        elif child.type in {"`"}:
            continue
        else:
            choices = [text_of(child)]
        texts = [head + tail for head in texts for tail in choices][:6]
    return [Value(text[:400], *place_of(node), env=env) for text in texts]


def _binary(node: Node, block: Block, depth: int) -> list[Value]:
    operator = text_of(node.child_by_field_name("operator"))
    left = node.child_by_field_name("left")
    right = node.child_by_field_name("right")
    if operator in {"||", "??"}:
        parts = [*values(left, block, depth + 1), *values(right, block, depth + 1)]
        env = next((v.env for v in parts if v.text is None and v.env), None)
        return [v._replace(env=v.env or env) if v.text is not None else v for v in parts]
    if operator == "&&":
        return values(right, block, depth + 1)
    if operator == "+":
        heads = values(left, block, depth + 1)[:3]
        tails = values(right, block, depth + 1)[:3]
        return [
            Value(
                f"{'{}' if h.text is None else h.text}{'{}' if t.text is None else t.text}"[:400],
                *place_of(node),
                env=h.env or t.env,
            )
            for h in heads
            for t in tails
        ]
    return []


def _name(node: Node, block: Block, depth: int) -> list[Value]:
    found = block.find(text_of(node))
    if found is None:
        return [Value(None, *place_of(node), none=text_of(node) == "undefined")]
    bound, where = found
    return [
        v
        for one in bound[-6:]
        if one != node
        for v in (_elsewhere(one, "", node) if isinstance(one, Imported) else values(one, where, depth + 1))
    ]


def _elsewhere(imported: Imported, member: str, at: Node) -> list[Value]:
    """Return the question for a name of another file of the project."""
    module = module_of(imported.module)
    name = ".".join(part for part in (imported.name if imported.name != "*" else "", member) if part)
    return [_unknown(at)._replace(ref=f"name:{module}:{name}")] if module and name else []


def module_of(written: str) -> str:
    """Return the dotted name of a file of the project that an import names; empty for a package.

    Examples:
        >>> module_of("../config/models.js"), module_of("@/config/index"), module_of("openai")
        ('config.models', 'config', '')
    """
    if not written.startswith((".", "@/", "~/", "#/", "src/")):
        return ""
    parts = [part for part in written.split("/") if part not in {".", "..", "@", "~", "#", ""}]
    if not parts:
        return ""
    parts[-1] = _ENDING.sub("", parts[-1])
    if parts[-1] == "index" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


def _member(node: Node, block: Block, depth: int) -> list[Value]:
    name = text_of(node.child_by_field_name("property"))
    if env_name(node):
        return [_unknown(node)._replace(env=name)]
    target = node.child_by_field_name("object")
    if target is not None and target.type == "this":
        owner = block.owner()
        return [
            v
            for one in (owner.fields.get(name, []) if owner else [])[:6]
            for v in values(one, block, depth + 1)
        ]
    bound = block.find(text_of(target)) if target is not None and target.type == "identifier" else None
    brought = [one for one in (bound[0] if bound else ()) if isinstance(one, Imported)]
    if brought:
        return _elsewhere(brought[-1], name, node)
    return _of_object(target, name, block, depth)


def _of_object(target: Node | None, key: str | None, block: Block, depth: int) -> list[Value]:
    return [
        v
        for literal in objects(target, block)
        for name, value in pairs(literal)
        if key is None or name == key
        for v in values(value, block, depth + 1)
    ]


def objects(node: Node | None, block: Block, depth: int = 0) -> list[Node]:
    """Return the object literals that `node` may be."""
    if node is None or depth > 4:
        return []
    if node.type == "object":
        return [node]
    if node.type in _WRAPPERS:
        return objects(node.named_children[0] if node.named_children else None, block, depth + 1)
    if node.type == "identifier":
        found = block.find(text_of(node))
        return [
            o
            for one in (found[0] if found else [])
            if not isinstance(one, Imported)
            for o in objects(one, block, depth + 1)
        ]
    if node.type in {"member_expression", "subscript_expression"}:
        key_node = node.child_by_field_name("property") or node.child_by_field_name("index")
        key = text_of(key_node).strip("'\"`")
        fixed = node.type == "member_expression" or (key_node is not None and key_node.type == "string")
        target = node.child_by_field_name("object")
        if target is not None and target.type == "this":
            owner = block.owner()
            return [
                o
                for one in (owner.fields.get(key, []) if owner else [])
                for o in objects(one, block, depth + 1)
            ]
        return [
            value
            for literal in objects(target, block, depth + 1)
            for name, value in pairs(literal)
            if (name == key or not fixed) and value is not None and value.type == "object"
        ]
    return []


def _call(node: Node, block: Block, depth: int) -> list[Value]:
    function = node.child_by_field_name("function")
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    if function is None:
        return []
    last = (
        text_of(function.child_by_field_name("property"))
        if function.type == "member_expression"
        else text_of(function)
    )
    if last in _READERS and given and given[0].type == "string":
        key = _unquoted(given[0])
        env = key if key.isupper() else None
        default = values(given[1], block, depth + 1) if len(given) > 1 else []
        return [v._replace(env=v.env or env) for v in default] or [_unknown(node)._replace(env=env)]
    if function.type == "member_expression" and last in _KEEPS:
        if last in {"default", "catch"} and given:
            return values(given[0], block, depth + 1)
        return values(function.child_by_field_name("object"), block, depth + 1)
    if last in {"String", "URL"} and given:
        return values(given[0], block, depth + 1)
    return []


def env_name(node: Node) -> str | None:
    """Return the environment name that `process.env.X`, `import.meta.env.X` and the like read."""
    target = text_of(node.child_by_field_name("object"))
    if target.endswith((".env", "Deno.env", "process.env")) or target in {"env", "ENV"}:
        name = text_of(node.child_by_field_name("property") or node.child_by_field_name("index")).strip(
            "'\"`"
        )
        return name if name.isupper() else None
    return None


def first_known(found: Iterable[Value]) -> Value | None:
    """Return the first value that has a text."""
    return next((v for v in found if v.text is not None), None)


def _unquoted(node: Node) -> str:
    return text_of(node)[1:-1]


def _unknown(node: Node) -> Value:
    return Value(None, *place_of(node))
