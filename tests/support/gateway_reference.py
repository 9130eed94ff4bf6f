"""Writes docs/gateway/configuration.md from the types that read the file.

python tests/support/gateway_reference.py > docs/gateway/configuration.md
"""

from __future__ import annotations

import re
import sys
from typing import Any

import msgspec

from reliant.gateway.config import Config

_HEAD = (
    "# Every key of the configuration\n\n"
    "Made from the types that read the file. Times are in seconds, sizes in bytes; `-` means none. "
    "A mistake is named with its line and the next step, and nothing is opened before the file is right: "
    "`reliant gateway check`.\n"
)
_WORDS = re.compile(r"^        (\w+): (.*?)(?=^        \w+: |\Z)", re.MULTILINE | re.DOTALL)


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for field in msgspec.structs.fields(Config):
        inner = getattr(field.type, "__args__", ())
        table = inner[0] if inner else field.type
        parts.append(_table(f"[[{field.name}]]" if inner else f"[{field.name}]", table))
        for below in msgspec.structs.fields(table):
            if _is_table(below):
                parts.append(_table(f"[{field.name}.{below.name}]", below.type))
    return "\n".join(parts)


def _is_table(field: Any) -> bool:
    return isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)


def _table(name: str, table: Any) -> str:
    said, _, attributes = (table.__doc__ or "").partition("Attributes:")
    words = {match[1]: " ".join(match[2].split()) for match in _WORDS.finditer(attributes)}
    paragraphs = [" ".join(one.split()) for one in said.strip().split("\n\n")]
    lines = [f"## `{name}`", "", "\n\n".join(paragraphs), ""]
    lines += ["| key | type | default | |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(table):
        if _is_table(field):
            lines.append(f"| `{field.name}` | table | - | See `[{name.strip('[]')}.{field.name}]`. |")
        else:
            text = words.get(field.name, "")
            lines.append(f"| `{field.name}` | {_type(field.type)} | {_default(field)} | {text} |")
    return "\n".join(lines) + "\n"


def _type(kind: Any) -> str:
    text = kind.__name__ if isinstance(kind, type) and not getattr(kind, "__args__", ()) else str(kind)
    text = re.sub(r"\b(typing|datetime|dt)\.", "", text).replace(" | None", "")
    text = text.replace("str | int | float | bool", "value")
    text = re.sub(r"dict\[(?:str|Literal\[[^]]*\]), (.*)\]\Z", r"table of \1", text)
    text = re.sub(r"tuple\[(.*?), \.\.\.\]", r"list of \1", text).replace("Literal[", "one of [")
    return f"`{text}`".replace("|", "\\|")


def _default(field: Any) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if value is None or value in ((), {}):
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
