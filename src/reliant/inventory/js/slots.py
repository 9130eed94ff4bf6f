"""Names that usually hold a model or a choice: variables, fields, keys, parameters, and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Role
from reliant.inventory.idforms import holds_model, is_weight_file, looks_like_id, snake
from reliant.inventory.js.base import Base
from reliant.inventory.js.tree import Block, Node, pairs, place_of, text_of
from reliant.inventory.js.values import values
from reliant.inventory.loose import each_id, how_sure
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABELS = frozenset({"name", "id", "provider", "providerId", "slug", "key"})
_CHOICES = ("provider", "backend", "service", "vendor", "llm_type", "llm_provider", "default_provider")
_ORDERS = (
    "order",
    "priority",
    "priorities",
    "preference",
    "preferences",
    "fallback",
    "fallbacks",
    "fallback_chain",
    "chain",
)


class Slots(Base):
    """What stands under a name that says what it is."""

    def _slots(self, node: Node, block: Block) -> Iterator[Signal]:
        kind = node.type
        if kind == "variable_declarator":
            yield from self._slot(
                text_of(node.child_by_field_name("name")), node.child_by_field_name("value"), block
            )
        elif kind in {"public_field_definition", "field_definition"}:
            name = text_of(node.child_by_field_name("name") or node.child_by_field_name("property"))
            yield from self._slot(name, node.child_by_field_name("value"), block)
        elif kind == "pair":
            key = text_of(node.child_by_field_name("key")).strip("'\"`")
            value = node.child_by_field_name("value")
            if (
                key in _LABELS
                and block.kind in {"entry", "value"}
                and value is not None
                and value.type == "string"
            ):
                line, column = place_of(value)
                yield Signal(
                    what=What.LABEL, line=line, column=column, block=block.path, model=text_of(value)[1:-1]
                )
            if key == "default" and node.parent is not None:
                # `{ name: "model", default: "acme-2" }` describes a setting.
                said = {name: given for name, given in pairs(node.parent) if name in {"name", "key"}}
                named = next((text_of(given).strip("'\"`") for given in said.values()), "")
                key = named if holds_model(named) else key
            yield from self._slot(key, value, block)
        elif kind == "assignment_expression":
            left = node.child_by_field_name("left")
            name = (
                text_of(left.child_by_field_name("property"))
                if left is not None and left.type == "member_expression"
                else text_of(left)
            )
            yield from self._slot(name, node.child_by_field_name("right"), block)
        elif kind in {"required_parameter", "optional_parameter"}:
            yield from self._slot(
                text_of(node.child_by_field_name("pattern")), node.child_by_field_name("value"), block
            )
        elif kind in {"assignment_pattern", "object_assignment_pattern"}:
            yield from self._slot(
                text_of(node.child_by_field_name("left")), node.child_by_field_name("right"), block
            )
        elif (
            kind == "return_statement"
            and block.kind == "def"
            and holds_model(block.name)
            and node.named_children
        ):
            yield from self._slot(block.name, node.named_children[0], block)

    def _slot(self, name: str, expression: Node | None, block: Block) -> Iterator[Signal]:
        if not name or expression is None or len(name) > 60:
            return
        if not holds_model(name):
            yield from self._choice(name, expression, block)
            return
        if expression.type in {
            "identifier",
            "member_expression",
            "subscript_expression",
            "object",
            "shorthand_property_identifier",
        }:
            if expression.type == "object":
                for key, value in pairs(expression):
                    if value is not None and value.type in {"string", "binary_expression"}:
                        said = key.strip("[]").rpartition(".")[2]
                        inner = Block("entry", said[:40], value.start_point[0] + 1, block)
                        yield from self._slot(name, value, inner)
            return
        listed = expression.type == "array" and len(expression.named_children) >= 4
        told = frozenset(self.told)
        for value, more in each_id(self.file, values(expression, block)):
            text = value.text
            if text is None or (value.line, value.column) in told:
                continue
            if expression.type == "call_expression" and value.line < expression.start_point[0] + 1:
                continue
            if not is_weight_file(text) and not looks_like_id(text):
                continue
            confidence = how_sure(self.file, name, text, bool(self.sdks))
            if confidence <= 0:
                continue
            self.told.add((value.line, value.column))
            yield Signal(
                what=What.MODEL,
                line=value.line,
                column=value.column,
                block=block.path,
                model=text,
                env=value.env,
                confidence=confidence,
                role=Role.OPTIONAL if listed or more else None,
            )

    def _choice(self, name: str, expression: Node, block: Block) -> Iterator[Signal]:
        if snake(name).endswith(_ORDERS) and expression.type == "array":
            texts = [v.text for v in values(expression, block) if v.text]
            if texts:
                line, column = place_of(expression)
                yield Signal(
                    what=What.CHOICE,
                    line=line,
                    column=column,
                    block=block.path,
                    model=texts[0],
                    options=tuple(texts[1:]),
                )
            return
        plain = snake(name)
        chooses = any(plain == word or plain.endswith(f"_{word}") for word in _CHOICES)
        if not chooses or expression.type in {
            "identifier",
            "object",
            "array",
            "call_expression",
            "member_expression",
        }:
            return
        for value in values(expression, block):
            if value.text and len(value.text) < 40 and " " not in value.text:
                yield Signal(
                    what=What.CHOICE,
                    line=value.line,
                    column=value.column,
                    block=block.path,
                    model=value.text,
                    provider=self.vendors.slugs.get(value.text.lower().replace("-", "").replace("_", ""))
                    or self.vendors.prefix(value.text),
                )

    def _labels(self) -> Iterator[Signal]:
        for block in self.tree.blocks:
            if block.kind == "class":
                for name in _LABELS:
                    for node in block.fields.get(name, [])[:2]:
                        if node is not None and node.type == "string":
                            line, column = place_of(node)
                            yield Signal(
                                what=What.LABEL,
                                line=line,
                                column=column,
                                block=block.path,
                                model=text_of(node)[1:-1],
                            )
            elif block.kind in {"entry", "branch"} and block.name:
                yield Signal(what=What.LABEL, line=block.line, block=block.path, model=block.name)
