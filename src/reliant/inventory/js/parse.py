"""Chooses the grammar and parses; the grammars are wheels, nothing is fetched."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import tree_sitter
import tree_sitter_javascript
import tree_sitter_typescript

if TYPE_CHECKING:
    from reliant.inventory.view import FileView

_SCRIPT = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(rb"\A---\n(.*?)\n---", re.DOTALL)


@functools.cache
def _parser(grammar: str) -> tree_sitter.Parser:
    language: Any = {
        "ts": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
        "js": tree_sitter_javascript.language,
    }[grammar]()
    return tree_sitter.Parser(tree_sitter.Language(language))


def parse(file: FileView, data: bytes) -> Any:
    """Return the root node of a file's data; of a component only the scripts are kept, at their lines."""
    name = file.name.lower()
    if name.endswith((".vue", ".svelte", ".astro")):
        grammar = "ts"
        data = _only_scripts(data)
    elif name.endswith((".tsx", ".jsx", ".js", ".mjs", ".cjs")):
        grammar = "tsx" if name.endswith(".tsx") else "js"
    else:
        grammar = "ts"
    return _parser(grammar).parse(data).root_node


def _only_scripts(data: bytes) -> bytes:
    kept = bytearray(re.sub(rb"[^\n]", b" ", data))
    for pattern in (_SCRIPT, _FENCE):
        for match in pattern.finditer(data):
            kept[match.start(1) : match.end(1)] = match[1]
    return bytes(kept)
