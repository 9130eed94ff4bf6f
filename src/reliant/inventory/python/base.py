"""What every part of the Python reader needs: the file, its blocks, and who a name is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reliant.core.use import Role
from reliant.inventory.idforms import is_reference
from reliant.inventory.python.nodes import Value, constant, dotted, keyword
from reliant.inventory.python.tree import Block, Imported, build
from reliant.inventory.python.values import Evaluator
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.endpoints import Endpoint
    from reliant.inventory.python.tree import Bound
    from reliant.inventory.vendor_facts import Name, SdkFacts
    from reliant.inventory.view import FileView

MODEL_KEYWORDS = (
    "repo_or_dir", "model", "model_name", "model_id", "azure_deployment", "deployment_name",
    "deployment_id", "deployment", "engine", "repo_id", "pretrained_model_name_or_path",
    "model_name_or_path", "modelId", "model_size_or_path", "model_path", "checkpoint",
    "model_repo_id", "repo", "embedding_model_name", "embed_model", "llm_model",
)  # fmt: skip
"""Keywords that hold a model id, the surest first."""

LABELS = frozenset({
    "name", "id", "provider", "provider_name", "provider_id", "slug", "key", "label", "service",
    "backend", "NAME", "ID",
})  # fmt: skip
"""Fields by which a program calls one of its alternatives."""

_TALK = frozenset({
    "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print", "echo",
    "secho", "write", "fail", "skip", "deprecated",
})  # fmt: skip  # fmt: skip
_ASKS = frozenset({
    "startswith", "endswith", "match", "search", "fullmatch", "index", "find", "count",
    "encoding_for_model", "get_encoding", "split", "partition", "load_dataset", "load_dataset_builder",
})  # fmt: skip  # fmt: skip
_EXPLAINS = frozenset({
    "help", "description", "title", "placeholder", "examples", "epilog", "choices", "label", "info",
    "tooltip",
})  # fmt: skip


_NAMING = frozenset({ast.Compare, ast.Dict, ast.Subscript, ast.Call, ast.Raise})


class Base:
    """One file while it is read."""

    def __init__(self, file: FileView, source: ast.Module) -> None:
        self.file = file
        self.vendors = file.vendors
        module = module_name(file.path)
        package = module if file.path.endswith("__init__.py") else module.rpartition(".")[0]
        self.tree = build(source, package)
        self.options = self._options()
        self.evaluator = Evaluator(self.tree, self.options)
        self.aside = self._aside()
        self.references = self._references()
        self.clients: dict[int, list[Endpoint]] = {}
        self.sdks: list[SdkFacts] = []
        self.resolved: dict[tuple[str, int, str], tuple[str, SdkFacts, Name | None] | None] = {}
        self.told: set[tuple[int, int, str, str | None]] = set()
        self.turns = self._turns()

    def _turns(self) -> set[tuple[int, int]]:
        """Places of texts that take the place of another only if something holds."""
        found: set[tuple[int, int]] = set()
        for target, value, block in self.tree.turns:
            if isinstance(target, ast.Name):
                around = block
                while around.kind == "branch" and around.parent is not None:
                    around = around.parent
                bound = around.find(target.id)
                several = bound is not None and len(bound[0]) > 1
            else:
                owner = block.enclosing_class()
                several = (
                    isinstance(target, ast.Attribute)
                    and owner is not None
                    and len(owner.attrs.get(target.attr, ())) > 1
                )
            if several:
                found.update(
                    (leaf.lineno, leaf.col_offset + 1)
                    for leaf in ast.walk(value)
                    if isinstance(leaf, ast.Constant)
                )
        return found

    def _turn(self, value: Value) -> Role | None:
        """Return the role of a value that is taken only if something holds."""
        return Role.OPTIONAL if (value.line, value.column) in self.turns else None

    def _options(self) -> dict[str, list[tuple[ast.expr, Block]]]:
        """Defaults of argparse options of the file, by the attribute they end up in."""
        found: dict[str, list[tuple[ast.expr, Block]]] = {}
        for node, block in self.tree.nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "add_argument"
            ):
                default = keyword(node, "default")
                if default is None:
                    continue
                flags = [
                    a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
                ]
                dest = keyword(node, "dest")
                if isinstance(dest, ast.Constant):
                    flags.append(str(dest.value))
                for flag in flags:
                    found.setdefault(flag.lstrip("-").replace("-", "_"), []).append((default, block))
        return found

    def _aside(self) -> set[int]:
        """Constants that are compared, logged, explained or used as keys: naming, not using."""
        found = set(self.tree.docstrings)
        for node, _ in self.tree.nodes:
            if node.__class__ not in _NAMING:  # nearly all
                continue
            match node:
                case ast.Compare():
                    found.update(
                        id(leaf) for part in (node.left, *node.comparators) for leaf in _leaves(part)
                    )
                case ast.Dict():
                    found.update(id(leaf) for key in node.keys if key is not None for leaf in _leaves(key))
                case ast.Subscript():
                    found.add(id(node.slice))
                case ast.Call():
                    last = dotted(node.func).rpartition(".")[2]
                    if last in _TALK or last in _ASKS or last.endswith(("Error", "Exception", "Warning")):
                        found.update(id(leaf) for part in node.args for leaf in _leaves(part))
                    for word in node.keywords:
                        if word.arg in _EXPLAINS:
                            found.update(id(leaf) for leaf in _leaves(word.value))
                case ast.Raise():
                    found.update(id(leaf) for leaf in ast.walk(node))
        return found

    def _references(self) -> set[int]:
        """Texts under a name that says they are for people: `source=`, `"docs_url":`."""
        found: set[int] = set()
        for node, _ in self.tree.nodes:
            if node.__class__ is ast.Dict and isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if value.__class__ is ast.Constant and is_reference(constant(key) or ""):
                        found.add(id(value))
            elif node.__class__ is ast.Call and isinstance(node, ast.Call) and node.keywords:
                found.update(
                    id(word.value)
                    for word in node.keywords
                    if word.arg and word.value.__class__ is ast.Constant and is_reference(word.arg)
                )
        return found

    def _signal(self, what: What, value: Value | None, block: Block, **more: object) -> Signal:
        line, column = (value.line, value.column) if value else (block.line, 0)
        return Signal(what=what, line=line, column=column, block=block.path, **more)  # type: ignore[arg-type]

    def _tell(self, value: Value, text: str) -> None:
        self.told.add((value.line, value.column, text, None))

    def _is_told(self, value: Value) -> bool:
        return (value.line, value.column, value.text or "", None) in self.told

    def resolve(
        self, node: ast.expr, block: Block, depth: int = 0
    ) -> tuple[str, SdkFacts, Name | None] | None:
        """Return the dotted name, the SDK and what the SDK says of the name, for a called expression."""
        parts: list[str] = []
        called = False
        while isinstance(node, ast.Attribute | ast.Call):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            else:
                node = node.func
                called = True
        if not isinstance(node, ast.Name):
            return None
        found = block.find(node.id)
        if found is None or depth > 3:
            return None
        tail = ".".join(reversed(parts))
        key = (node.id, id(found[0]), tail)
        if key not in self.resolved:
            self.resolved[key] = None  # a name that is bound to a call on itself ends here
            self.resolved[key] = self._resolve(tail, found, depth)
        made = self.resolved[key]
        # What is called on the result of a call is a method of a client, not another client;
        # only a client for many services (`Session().client("...")`) goes on.
        return None if called and made is not None and not made[1].general else made

    def _resolve(
        self, tail: str, found: tuple[list[Bound], Block], depth: int
    ) -> tuple[str, SdkFacts, Name | None] | None:
        for one in found[0][-12:]:
            if isinstance(one, Imported):
                full = f"{one.dotted}.{tail}" if tail else one.dotted
                sdk = self.vendors.module("python", full)
                if sdk is not None and full.partition(".")[0].lower() not in self.file.own:
                    names = full.split(".")
                    info = next((sdk.names[part] for part in reversed(names) if part in sdk.names), None)
                    return full, sdk, info
            elif isinstance(one, Block) and one.kind == "class" and not tail:
                for base in one.bases:
                    inherited = self.resolve(base, one.parent or one, depth + 1)
                    if inherited is not None:
                        return inherited
            elif isinstance(one, ast.Call) and tail:
                made = self.resolve(one.func, found[1], depth + 1)
                if made is not None and made[1].general:
                    return f"{made[0]}.{tail}", made[1], made[2]
        return None

    def endpoints_of(self, node: ast.expr, block: Block, depth: int = 0) -> list[Endpoint]:
        """Return where an object sends its calls, if it is a client made in this file."""
        if depth > 5:
            return []
        match node:
            case ast.Call():
                if id(node) in self.clients:
                    return self.clients[id(node)]
                return (
                    self.endpoints_of(node.func, block, depth + 1)
                    if isinstance(node.func, ast.Attribute)
                    else []
                )
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attr):
                owner = block.enclosing_class()
                made = owner.attrs.get(attr, []) if owner else []
                return [
                    e for expression, where in made for e in self.endpoints_of(expression, where, depth + 1)
                ]
            case ast.Attribute():
                return self.endpoints_of(node.value, block, depth + 1)
            case ast.Name():
                found = block.find(node.id)
                return [
                    e
                    for one in (found[0] if found else ())
                    if isinstance(one, ast.expr)
                    for e in self.endpoints_of(one, found[1] if found else block, depth + 1)
                ]
            case ast.Await():
                return self.endpoints_of(node.value, block, depth + 1)
        return []


def module_name(path: str) -> str:
    """Return the dotted name under which a file is imported, seen from the root of the target."""
    name = path[:-3] if path.endswith(".py") else path
    return name.removesuffix("/__init__").replace("/", ".")


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    yield node
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        for element in node.elts:
            yield from _leaves(element)
    elif isinstance(node, ast.BinOp):
        yield from _leaves(node.left)
        yield from _leaves(node.right)
    elif isinstance(node, ast.JoinedStr):
        yield from node.values
