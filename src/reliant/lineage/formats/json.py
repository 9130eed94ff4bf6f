"""JSON from strangers: nesting and size are bounded, and a key that comes twice is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from reliant.errors import WeightsError

MAX_DEPTH = 64


def loads_strict(data: bytes, name: str, what: str) -> Any:
    """Return the parsed `data`.

    Raises:
        WeightsError: It is not JSON, nests deeper than 64, or has a key twice in one object.
    """
    if _too_deep(data):
        raise WeightsError(name, f"the {what} nests deeper than {MAX_DEPTH}")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(items)
        if len(table) != len(items):
            raise WeightsError(name, f"the {what} has a key twice")
        return table

    def constant(word: str) -> NoReturn:
        raise WeightsError(name, f"the {what} has the value {word}, which JSON does not know")

    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=pairs, parse_constant=constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise WeightsError(name, f"the {what} is not JSON: {str(error)[:200]}") from error


def loads_or_none(data: bytes) -> Any:
    """Return the parsed `data`, or None if it cannot be parsed: for side files that merely help."""
    if _too_deep(data):
        return None
    try:
        return json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def _too_deep(data: bytes) -> bool:
    """Return True if brackets outside strings nest deeper than `MAX_DEPTH`, without recursion."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = b"".join(part.translate(None, _NOT_BRACKETS) for part in bare.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        if not left:
            return False
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    return bool(left)


_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
