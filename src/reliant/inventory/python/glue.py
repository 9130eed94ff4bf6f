"""Texts that are put together: f-strings, sums, paths, and replaced parts."""

from __future__ import annotations

import abc
import ast
from typing import TYPE_CHECKING

from reliant.inventory.python.nodes import Value, constant

if TYPE_CHECKING:
    from reliant.inventory.python.tree import Block


class Glue(abc.ABC):
    """Puts the texts of parts together; what a part may be is for `values` to say."""

    @abc.abstractmethod
    def values(self, node: ast.expr | None, block: Block, depth: int = 0) -> list[Value]:
        """Return what `node` may be."""

    def _replaced(self, node: ast.Call, block: Block, depth: int) -> list[Value]:
        old, new = (constant(argument) for argument in node.args)
        assert isinstance(node.func, ast.Attribute)
        whole = self.values(node.func.value, block, depth + 1)
        if old is None:
            return whole
        return [
            v._replace(text=v.text.replace(old, new if new is not None else "{}")) if v.text else v
            for v in whole
        ]

    def _joined(self, node: ast.JoinedStr, block: Block, depth: int) -> list[Value]:
        parts: list[ast.expr] = [
            part.value if isinstance(part, ast.FormattedValue) else part for part in node.values
        ]
        return self._glued(node, parts, block, depth)

    def _glued(self, at: ast.expr, parts: list[ast.expr], block: Block, depth: int) -> list[Value]:
        texts = [""]
        env: str | None = None
        origin = Value("", at.lineno, at.col_offset + 1)
        for part in parts[:24]:
            values = self.values(part, block, depth + 1)
            env = env or next((v.env for v in values if v.env), None)
            choices = list(dict.fromkeys(v.text if v.text is not None else "{}" for v in values))[:4]
            texts = [head + tail for head in texts for tail in choices][:8]
        return [origin._replace(text=text[:400], env=env) for text in texts]

    def _joined_path(self, node: ast.Call, block: Block, depth: int) -> list[Value]:
        arguments = node.args
        if len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple):
            arguments = arguments[0].elts
        glue: list[ast.expr] = []
        for part in arguments[:8]:
            if glue:
                glue.append(ast.copy_location(ast.Constant("/"), node))
            glue.append(part.value if isinstance(part, ast.Starred) else part)
        return [
            v._replace(text=v.text.replace("//", "/").replace(":/", "://") if v.text else None)
            for v in self._glued(node, glue, block, depth)
        ]
