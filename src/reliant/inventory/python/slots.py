"""Names of a Python file that hold models, and what the program calls its alternatives."""

from __future__ import annotations

import ast
import functools
import posixpath
import re
from typing import TYPE_CHECKING

from reliant.core.use import Role
from reliant.inventory.idforms import (
    holds_model,
    is_hub_id,
    is_weight_file,
    looks_like_id,
    snake,
)
from reliant.inventory.loose import each_id, how_sure, known_form
from reliant.inventory.python.base import LABELS, Base
from reliant.inventory.python.nodes import GIVEN, Value, constant, dotted, keyword
from reliant.inventory.python.tree import Block, Imported, Param
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import host_of, is_local, is_server, plain_slug, split_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERFACE = re.compile(
    r"(?:model|llm|provider|client|backend|engine|embedd\w*|chat|translat\w*|generat\w*|adapter|transcri\w*|tts|stt"
    r"|speech|synthes\w*|completion|vendor)(?:_|$)|^base$"
)
_HOLDERS = frozenset({ast.Assign, ast.AnnAssign, ast.Call, ast.Dict, ast.Return})
_SWITCHES = frozenset({"enabled", "enable", "active"})
_PLAIN = 0.5
"""So sure or less are words that only the runtime beside them makes a model."""
_PLURAL_LISTED = 4
_TABLE_LISTED = 12
_CHOICES = (
    "provider", "backend", "service", "llm_type", "vendor", "api_type", "llm_provider", "engine",
    "translator", "method", "client_type", "mode_provider",
)  # fmt: skip
_ORDERS = (
    "order", "priority", "priorities", "preference", "preferences", "fallback", "fallbacks",
    "fallback_chain", "chain",
)  # fmt: skip


_TOLD = ("Error", "Exception", "Warning", "Result", "Response", "Usage", "Event")
"""How classes end that report who was asked, and decide nothing."""

_PROVIDERS = ("provider", "provider_name", "provider_id", "llm_provider", "model_provider", "vendor")
_NAMES = ("name", "id", "slug", "value", "key")


class Slots(Base):
    """Assignments, defaults, options, dictionary values and returns under a name that holds models."""

    def _pairs(self) -> Iterator[Signal]:
        for node, block in self.tree.nodes:
            if node.__class__ is ast.Call and isinstance(node, ast.Call):
                if node.keywords and id(node) not in self.clients:
                    yield from self._paired({w.arg: w.value for w in node.keywords if w.arg}, block)
            elif node.__class__ is ast.Dict and isinstance(node, ast.Dict):
                said = zip(node.keys, node.values, strict=True)
                fields = {name: value for key, value in said if (name := constant(key)) is not None}
                yield from self._paired(fields, self._entry_block(node, block))

    def _slots(self) -> Iterator[Signal]:
        yield from self._pairs()
        for node, block in self.tree.nodes:
            if node.__class__ not in _HOLDERS:  # nearly all
                continue
            match node:
                case ast.Assign():
                    for target in node.targets:
                        name = _target_name(target)
                        if not _adds_to_itself(name, node.value):
                            yield from self._slot(name, node.value, block)
                case ast.AnnAssign(value=ast.expr() as given):
                    yield from self._slot(_target_name(node.target), given, block)
                case ast.Call():
                    yield from self._call_slots(node, block)
                case ast.Dict():
                    yield from self._picked(node, block)
                    yield from self._described(node, block)
                    for key, value in zip(node.keys, node.values, strict=True):
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            if (
                                key.value in LABELS
                                and isinstance(value, ast.Constant)
                                and isinstance(value.value, str)
                            ):
                                yield from self._label(value, block)
                            yield from self._slot(key.value, value, self._entry_block(value, block))
                case ast.Return(value=ast.expr() as given) if block.kind == "def" and holds_model(block.name):
                    yield from self._slot(block.name, given, block)
        for block in self.tree.blocks:
            if block.kind != "def":
                continue
            for name, bound in block.names.items():
                for one in bound:
                    if isinstance(one, Param) and one.default is not None:
                        if holds_model(name):
                            yield from self._slot(name, one.default, block)
                        else:  # the caller replaces it, as a user does an option
                            yield from self._choice(name, one.default, block, None, env=name)

    def _picked(self, table: ast.Dict, block: Block) -> Iterator[Signal]:
        """Yield what a table picks of itself: `{"mode": "local", "local": {...}, "cloud": {...}}`."""
        fields = {
            name: value
            for key, value in zip(table.keys, table.values, strict=True)
            if (name := constant(key))
        }
        blocks = tuple(name for name, value in fields.items() if isinstance(value, ast.Dict))
        for value in fields.values() if len(blocks) > 1 else ():
            text = constant(value)
            if text in blocks:
                place = Value(text, value.lineno, value.col_offset + 1)
                others = tuple(name for name in blocks if name != text)
                yield self._signal(What.CHOICE, place, block, model=text, options=others)
        yield from self._registered(fields, block)

    def _described(self, table: ast.Dict, block: Block) -> Iterator[Signal]:
        """Yield the default of a setting that a table describes: `{"name": "model", "default": "acme-2"}`."""
        fields = {constant(key): value for key, value in zip(table.keys, table.values, strict=True)}
        name = constant(fields.get("name")) or constant(fields.get("key"))
        if name and "default" in fields and holds_model(name):
            yield from self._slot(name, fields["default"], block)

    def _registered(self, fields: dict[str, ast.expr], block: Block) -> Iterator[Signal]:
        """Yield the provider whose class a registry keeps as its default: `{"default": AcmeChat, ...}`."""
        taken = fields.get("default")
        if len(fields) < 2 or not isinstance(taken, ast.Name | ast.Attribute):
            return
        named = self.vendors.providers_named(dotted(taken).rpartition(".")[2])
        if len(named) == 1:
            place = Value(None, taken.lineno, taken.col_offset + 1)
            yield self._signal(What.CHOICE, place, block, model=named.pop(), env="default")

    def _entry_block(self, value: ast.expr, block: Block) -> Block:
        return (
            next((b for b in self.tree.blocks if b.node is value), block)
            if isinstance(value, ast.Dict)
            else block
        )

    def _call_slots(self, call: ast.Call, block: Block) -> Iterator[Signal]:
        last = dotted(call.func).rpartition(".")[2] or (
            call.func.attr if isinstance(call.func, ast.Attribute) else ""
        )
        strings = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if last in {"add_argument", "option", "Option", "add_option", "argument"} and strings:
            default = keyword(call, "default")
            flag = max(strings, key=len)
            if default is not None:
                yield from self._slot(flag.lstrip("-"), default, block, env=flag)
                yield from self._choice(flag.lstrip("-"), default, block, keyword(call, "choices"), env=flag)
            return
        if (
            last in {"getenv", "get", "getattr", "env", "get_env", "setdefault", "getstr", "str", "config"}
            and len(call.args) >= 2
            and strings
        ):
            key = strings[0]
            position = 2 if last == "getattr" else 1
            if len(call.args) > position:
                env = key if key.isupper() else None
                yield from self._slot(key, call.args[position], block, env=env)
                yield from self._choice(key, call.args[position], block, None, env=env)
        if id(call) in self.clients:
            return
        if last == "dict" and call.keywords:
            yield from self._registered({word.arg: word.value for word in call.keywords if word.arg}, block)
        told = last.endswith(_TOLD)
        for word in call.keywords:
            if word.arg and not (told and _is_choice(snake(word.arg))):
                if (
                    word.arg in LABELS
                    and isinstance(word.value, ast.Constant)
                    and isinstance(word.value.value, str)
                ):
                    yield from self._label(word.value, block)
                yield from self._slot(word.arg, word.value, block)

    def _paired(self, fields: dict[str, ast.expr], block: Block) -> Iterator[Signal]:
        """Yield the model that stands beside its provider: `(name="acme-2", provider="acme")`."""
        said = next((fields[name] for name in _PROVIDERS if name in fields), None)
        provider = self._provider_in(said)
        if provider is None:
            return
        labels = [
            fields[name]
            for name in _NAMES
            if isinstance(fields.get(name), ast.Constant) and isinstance(fields[name].value, str)  # type: ignore[attr-defined]
        ]
        for label in labels:
            text = label.value  # type: ignore[attr-defined]
            if not looks_like_id(text) or not known_form(self.file, text):
                continue
            priced = any("price" in snake(name) or "cost" in snake(name) for name in fields)
            value = Value(text, label.lineno, label.col_offset + 1)
            for other in labels:
                self.told.add((other.lineno, other.col_offset + 1, other.value, None))  # type: ignore[attr-defined]
            _, model = split_prefix(text, self.vendors) if "/" in text else (None, text)
            yield self._signal(
                What.MODEL,
                value,
                block,
                model=model if self.vendors.developer(model) else text,
                provider=provider,
                confidence=0.75,
                role=Role.LISTED if priced else Role.OPTIONAL,
            )
            return

    def _provider_in(self, said: ast.expr | None) -> str | None:
        """Return the provider that a text, or the last part of a name, is called after."""
        name = (
            said.value
            if isinstance(said, ast.Constant) and isinstance(said.value, str)
            else said.attr
            if isinstance(said, ast.Attribute)
            else ""
        )
        return (self.vendors.prefix(name) or self.vendors.slugs.get(plain_slug(name))) if name else None

    def _keyed(self, name: str, table: ast.Dict, block: Block, env: str | None) -> Iterator[Signal]:
        """Yield the ids of a table by what their keys are called: `{"groq": "llama-x"}`."""
        for key, value in zip(table.keys, table.values, strict=True):
            said = (
                key.value
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
                else key.attr
                if isinstance(key, ast.Attribute)
                else ""
            )
            if said and not isinstance(value, ast.Dict):
                inner = Block("entry", said[:40], value.lineno, block)
                yield from self._slot(name, value, inner, env)

    def _slot(
        self, name: str, expression: ast.expr, block: Block, env: str | None = None
    ) -> Iterator[Signal]:
        if not name:
            return
        if not holds_model(name):
            yield from self._server(name, expression, block)
            yield from self._choice(name, expression, block, None)
            return
        if isinstance(expression, ast.Dict) and any(_names_somebody(self, key) for key in expression.keys):
            yield from self._keyed(name, expression, block, env)
            return
        listed = len(expression.elts) if isinstance(expression, ast.List | ast.Tuple | ast.Set) else 0
        for value, more in each_id(self.file, self._slot_values(expression, block)):
            text = value.text
            if text is None or value.ref == GIVEN or self._is_told(value):
                continue
            weights = is_weight_file(text) and "{" not in posixpath.basename(text)
            if weights:
                text = posixpath.basename(text)
            elif not looks_like_id(text):
                continue
            confidence = how_sure(self.file, name, text, bool(self.sdks)) if not weights else 0.6
            runtime = None
            if confidence <= _PLAIN and text.isascii() and text[0].isalpha():
                runtime = self._runtime_of(block)
                confidence = 0.75 if runtime else confidence
            if confidence <= 0:
                continue
            role = (
                Role.LISTED
                if listed > _TABLE_LISTED
                else Role.OPTIONAL
                if more or listed >= _PLURAL_LISTED or self._is_off(block)
                else self._turn(value)
            )
            self._tell(value, value.text or "")
            if runtime is not None:
                yield self._signal(
                    What.MODEL,
                    value,
                    block,
                    model=text,
                    provider=runtime,
                    env=value.env or env,
                    confidence=confidence,
                    role=role,
                )
                continue
            provider, model = split_prefix(text, self.vendors) if ":" in text or "/" in text else (None, text)
            if provider is not None and not (self._prefix_counts(text) and looks_like_id(model)):
                provider, model = None, text
            yield self._signal(
                What.MODEL,
                value,
                block,
                model=model if provider else text,
                provider=provider,
                env=value.env or env,
                confidence=confidence,
                role=role,
            )

    @staticmethod
    def _is_off(block: Block) -> bool:
        """Say whether a block is switched off unless asked for: `{"enabled": False, "model": ...}`."""
        table = block.node
        return isinstance(table, ast.Dict) and any(
            constant(key) in _SWITCHES and isinstance(value, ast.Constant) and value.value is False
            for key, value in zip(table.keys, table.values, strict=True)
        )

    def _runtime_of(self, block: Block) -> str | None:
        """Return the local runtime that a block is about, where a plain word such as `mistral` is a model.

        A field beside says so (`provider: str = "..."`), or the class is called after it.
        """
        for word in _PROVIDERS:
            for one in block.names.get(word, ())[:2]:
                given = one.default if isinstance(one, Param) else one
                text = constant(given) if isinstance(given, ast.expr) else None
                named = self.vendors.prefix(text) if text else None
                if named is not None:
                    return named if self._runs_here(named) else None
        beside = {}
        if isinstance(block.node, ast.Dict):
            beside = {
                constant(key): value for key, value in zip(block.node.keys, block.node.values, strict=True)
            }
        for word in _PROVIDERS:
            text = constant(beside.get(word))
            if text:
                named = self.vendors.prefix(text)
                return named if named is not None and self._runs_here(named) else None
        owner = block.enclosing_class()
        called = self.vendors.providers_named(owner.name) if owner is not None else set()
        here = [provider for provider in called if self._runs_here(provider)]
        return here[0] if len(here) == len(called) == 1 else None

    def _runs_here(self, provider: str) -> bool:
        record = self.vendors.providers.get(provider)
        return record is not None and "local-runtime" in record.roles

    def _server(self, name: str, expression: ast.expr, block: Block) -> Iterator[Signal]:
        """Yield the server of nobody known to which a class or an entry of a table sends its calls."""
        if block.kind not in {"class", "entry", "value"} or not is_server(name):
            return
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            text = expression.value
            host = host_of(text) if "://" in text and len(text) < 200 else None
            if host and "." in host and self.vendors.host_in(text) is None and not is_local(host):
                value = Value(text, expression.lineno, expression.col_offset + 1)
                yield self._signal(What.ENDPOINT, value, block, endpoint=host, confidence=0.4)

    def _prefix_counts(self, text: str) -> bool:
        """A prefix names the server only where a library that reads prefixes is used."""
        head = text.replace(":", "/", 1).partition("/")[0].lower()
        if any(sdk.kind in {"gateway", "framework"} for sdk in self.sdks):
            return True
        return self.vendors.prefix(head) is not None and not is_hub_id(text) and ":" not in text

    def _slot_values(self, expression: ast.expr, block: Block) -> Iterator[Value]:
        """Yield the values that stand in the expression itself; names are told where they are bound."""
        match expression:
            case ast.Dict():
                for entry in expression.values:
                    if not isinstance(entry, ast.Dict):
                        yield from self._slot_values(entry, block)
            case ast.List() | ast.Tuple() | ast.Set():
                for element in expression.elts:
                    yield from self._slot_values(element, block)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return
            case ast.Constant() | ast.BoolOp() | ast.IfExp() | ast.Call() | ast.JoinedStr() | ast.BinOp():
                if isinstance(expression, ast.Call) and id(expression) in self.clients:
                    return
                for value in self.evaluator.values(expression, block):
                    if isinstance(expression, ast.Call) and value.line < expression.lineno:
                        continue
                    yield value

    def _labels(self) -> Iterator[Signal]:
        for block in self.tree.blocks:
            if block.kind == "class":
                yield from self._kin(block)
                for name in LABELS:
                    for expression, where in block.attrs.get(name, ())[:2]:
                        if (
                            isinstance(expression, ast.Constant)
                            and isinstance(expression.value, str)
                            and where is block
                        ):
                            value = Value(expression.value, expression.lineno, expression.col_offset + 1)
                            yield self._signal(What.LABEL, value, block, model=expression.value)
            elif block.kind in {"entry", "branch"} and block.name:
                yield Signal(what=What.LABEL, line=block.line, block=block.path, model=block.name)

    def _kin(self, block: Block) -> Iterator[Signal]:
        """Yield the base of a class, if it is one of this project that ways of asking models share."""
        for base in block.bases:
            name = dotted(base)
            if not _INTERFACE.search(snake(name.rpartition(".")[2])):
                continue
            found = block.parent.find(name.partition(".")[0]) if block.parent else None
            brought = [one for one in (found[0] if found else ()) if isinstance(one, Imported)]
            if any(one.dotted.partition(".")[0].lower() not in self.file.own for one in brought):
                continue
            yield Signal(
                what=What.KIN,
                line=block.line,
                block=block.path,
                model=name.rpartition(".")[2],
            )

    def _label(self, node: ast.Constant, block: Block) -> Iterator[Signal]:
        if block.kind in {"entry", "value"} and len(node.value) < 40:  # type: ignore[arg-type]
            value = Value(str(node.value), node.lineno, node.col_offset + 1)
            yield self._signal(What.LABEL, value, block, model=value.text)

    def _choice(
        self,
        name: str,
        expression: ast.expr,
        block: Block,
        choices: ast.expr | None,
        env: str | None = None,
    ) -> Iterator[Signal]:
        plain = snake(name)
        if plain.endswith(_ORDERS) and isinstance(expression, ast.List | ast.Tuple):
            texts = [v.text for v in self._slot_values(expression, block) if v.text]
            if texts:
                value = Value(texts[0], expression.lineno, expression.col_offset + 1)
                yield self._signal(What.CHOICE, value, block, model=texts[0], options=tuple(texts[1:]))
            return
        if not _is_choice(plain):
            return
        options = (
            tuple(v.text for v in self.evaluator.values(choices, block) if v.text)
            if choices is not None
            else ()
        )
        for value in self._slot_values(expression, block):
            if value.text and len(value.text) < 40 and " " not in value.text:
                yield self._signal(
                    What.CHOICE,
                    value,
                    block,
                    model=value.text,
                    options=options,
                    env=value.env or env,
                    provider=self.vendors.slugs.get(value.text.lower().replace("-", "").replace("_", ""))
                    or self.vendors.prefix(value.text),
                )


@functools.lru_cache(maxsize=20_000)
def _is_choice(name: str) -> bool:
    """Say whether a name holds which of several providers is taken: `llm_provider`, not `volcengine`."""
    return any(name == word or name.endswith(f"_{word}") for word in _CHOICES)


def _names_somebody(slots: Slots, key: ast.expr | None) -> bool:
    """Say whether a key of a table is called like a provider."""
    said = (
        key.value if isinstance(key, ast.Constant) else key.attr if isinstance(key, ast.Attribute) else None
    )
    return isinstance(said, str) and (
        slots.vendors.prefix(said) is not None or plain_slug(said) in slots.vendors.slugs
    )


def _adds_to_itself(name: str, value: ast.expr) -> bool:
    """Say whether a text is put around what a name holds already: `model = model + ":latest"`."""
    return isinstance(value, ast.BinOp | ast.JoinedStr) and any(
        name in {getattr(leaf, "id", None), getattr(leaf, "attr", None)} for leaf in ast.walk(value)
    )


def _target_name(target: ast.expr) -> str:
    match target:
        case ast.Name():
            return target.id
        case ast.Attribute():
            return target.attr
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
    return ""
