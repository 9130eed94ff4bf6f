"""Texts anywhere in a JavaScript file: hosts, environment names, ids outside of any slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Kind, Role
from reliant.inventory.embedded import settings_in
from reliant.inventory.idforms import is_hub_id, is_reference, looks_like_id
from reliant.inventory.js.base import Base
from reliant.inventory.js.tree import Block, Node, place_of, text_of
from reliant.inventory.js.values import env_name, values
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import hub_repo, is_call, model_in_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASKS = frozenset({"startsWith", "endsWith", "includes", "indexOf", "match", "test", "split"})
_TALK = frozenset({"log", "warn", "error", "info", "debug", "fail", "message", "describe"})


class Strings(Base):
    """Every text of the file that names a server or a model."""

    def _strings(self, node: Node, block: Block) -> Iterator[Signal]:
        kind = node.type
        if kind == "member_expression":
            name = env_name(node)
            entry = self.vendors.env(name) if name else None
            if entry is not None and not entry.weak:
                line, column = place_of(node)
                yield Signal(
                    what=What.ENV,
                    line=line,
                    column=column,
                    block=block.path,
                    provider=entry.provider,
                    env=name,
                    confidence=0.5,
                )
            return
        if kind == "template_string":
            text = text_of(node)[1:-1].replace("${", "{")
            if text.startswith("{"):  # `${BASE}/models/...`: the address begins elsewhere
                text = next((v.text for v in values(node, block) if v.text and "://" in v.text), text)
        elif kind == "string":
            text = text_of(node)[1:-1]
        else:
            return
        line, column = place_of(node)
        if "\n" in text:
            yield from settings_in(text, self.file, line, block.path)
            return
        if not 3 <= len(text) <= 400:
            return
        aside = _aside(node)
        if ("." in text or "://" in text) and " " not in text.strip() and not _reference(node):
            hit = self.vendors.host_in(text.strip())
            if hit is not None:
                repo = hub_repo(text) if hit[1].weak else None
                if repo is not None:
                    yield Signal(
                        what=What.MODEL,
                        line=line,
                        column=column,
                        block=block.path,
                        model=repo,
                        provider=hit[1].provider,
                        endpoint=hit[0],
                        kind=Kind.OPEN_WEIGHTS,
                        confidence=0.8,
                    )
                elif (
                    not hit[1].weak
                    or is_call(text)
                    or (
                        hit[1].port
                        and self.vendors.named_in(
                            f"{self.file.name} {self.file.line(line)} {' '.join(block.path)}", hit[1].provider
                        )
                    )
                ):
                    yield Signal(
                        what=What.ENDPOINT,
                        line=line,
                        column=column,
                        block=block.path,
                        provider=hit[1].provider,
                        endpoint=hit[0],
                        region=hit[1].estate,
                        confidence=0.6 if aside else 0.85,
                        role=Role.LISTED if aside else None,
                    )
                    named = model_in_path(text)
                    if named is not None and not aside and looks_like_id(named[0]):
                        yield Signal(
                            what=What.MODEL,
                            line=line,
                            column=column,
                            block=block.path,
                            model=named[0],
                            provider=hit[1].provider,
                            endpoint=hit[0],
                            region=hit[1].estate,
                            family=named[1],
                            confidence=0.85,
                        )
                return
        if "/" in text and ":" in text and "//" not in text and not aside:
            image = self.vendors.image(text)
            if image is not None:
                yield Signal(
                    what=What.ENDPOINT,
                    line=line,
                    column=column,
                    block=block.path,
                    provider=image,
                    confidence=0.7,
                )
                return
        if (line, column) in self.told or not looks_like_id(text) or not any(c.isdigit() for c in text):
            return
        known = self.vendors.knows_id(text) or (is_hub_id(text) and self.vendors.developer(text) is not None)
        if known and not aside and any(c in text for c in "-/:"):
            yield Signal(
                what=What.MODEL,
                line=line,
                column=column,
                block=block.path,
                model=text,
                confidence=0.55,
                role=Role.OPTIONAL,
            )


def _reference(node: Node) -> bool:
    """Say whether a text stands under a name that says it is for people, as `docsUrl`."""
    parent = node.parent
    if parent is None or parent.type != "pair":
        return False
    key = parent.child_by_field_name("key")
    return key != node and is_reference(text_of(key).strip("'\"`"))


def _aside(node: Node) -> bool:
    """Say whether a string is compared, logged, a type or a key: named, not used."""
    parent = node.parent
    for _ in range(3):
        if parent is None:
            return False
        kind = parent.type
        if kind in {"literal_type", "union_type", "switch_case", "throw_statement"}:
            return True
        if kind == "binary_expression":
            return text_of(parent.child_by_field_name("operator")) in {"===", "==", "!==", "!=", "in"}
        if kind == "pair":
            return bool(parent.child_by_field_name("key") == node)
        if kind == "arguments":
            function = parent.parent.child_by_field_name("function") if parent.parent is not None else None
            last = (
                text_of(function.child_by_field_name("property"))
                if function is not None and function.type == "member_expression"
                else text_of(function)
            )
            return last in _ASKS or last in _TALK
        if kind in {"statement_block", "program", "class_body", "variable_declarator"}:
            return False
        parent = parent.parent
    return False
