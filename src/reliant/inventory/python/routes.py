"""Routes that a program hands to a gateway's library: `Router(model_list=[{"model_name": ...}])`.

The list means what the same list in a configuration file means, and is read by the same code: names
that the program asks for, and behind each the deployments that answer, one or another.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import msgspec

from reliant.inventory.detectors._entries import Entry
from reliant.inventory.detectors._ways import ways_of
from reliant.inventory.python.base import Base
from reliant.inventory.python.nodes import Value, constant, keyword
from reliant.inventory.signals import What
from reliant.inventory.urls import split_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.python.tree import Block
    from reliant.inventory.signals import Signal

_NAME, _PARAMETERS = "model_name", "litellm_params"
_FALLBACKS = ("fallbacks", "default_fallbacks")
_DEEPEST = 8


class Routes(Base):
    """Lists of deployments in a program."""

    def _routes(self) -> Iterator[Signal]:
        entries: list[Entry] = []
        rows = 0
        for node, block in self.tree.nodes:
            if node.__class__ is ast.Dict and isinstance(node, ast.Dict):
                keys = {constant(key) for key in node.keys}
                if _NAME in keys and _PARAMETERS in keys:
                    entries += self._settings(node, ("model_list", f"[{rows}]"), block)
                    rows += 1
        if not rows:
            return
        for node, block in self.tree.nodes:
            if node.__class__ is ast.Call and isinstance(node, ast.Call) and keyword(node, "model_list"):
                for name in _FALLBACKS:
                    given = keyword(node, name)
                    if given is not None:
                        entries += self._settings(given, (name,), block)
        for signal in ways_of(entries, self.file, code=True):
            provider, model = split_prefix(signal.model or "", self.vendors)
            if signal.what is What.MODEL and provider is not None and provider == signal.provider:
                yield msgspec.structs.replace(signal, model=model)
            else:
                yield signal

    def _settings(
        self, node: ast.expr, keys: tuple[str, ...], block: Block, depth: int = 0
    ) -> Iterator[Entry]:
        """Yield what a literal holds as settings; what is told here is not told again by its name."""
        if depth > _DEEPEST:
            return
        if isinstance(node, ast.Name):
            found = block.find(node.id)
            for one in found[0][-1:] if found else ():
                if isinstance(one, ast.List | ast.Dict | ast.Tuple):
                    yield from self._settings(one, keys, found[1] if found else block, depth + 1)
                    return
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                name = constant(key)
                if name is not None:
                    yield from self._settings(value, (*keys, name), block, depth + 1)
        elif isinstance(node, ast.List | ast.Tuple):
            for number, element in enumerate(node.elts):
                yield from self._settings(element, (*keys, f"[{number}]"), block, depth + 1)
        else:
            leaf = next(iter(self.evaluator.values(node, block)), Value(None, node.lineno, 0))
            if leaf.text is not None:
                self._tell(leaf, leaf.text)
            text = leaf.text or (f"os.environ/{leaf.env}" if leaf.env else "")
            if text:
                yield Entry(keys, text, leaf.line, leaf.column)
