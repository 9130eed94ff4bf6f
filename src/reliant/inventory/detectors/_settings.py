"""Keys and values of TOML, INI, `.properties` and their like, read line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.detectors._entries import Entry, plain
from reliant.inventory.detectors._flow import flow_entries, until_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTION = re.compile(r"\s*(\[\[?)\s*([^\]=]+?)\s*\]\]?\s*(?:[#;].*)?$")
_SETTING = re.compile(
    r"""\s*(?P<note>[#;]+\s*)?(?P<key>[A-Za-z_][\w.-]*(?:\[\w+\])?|"[^"]+"|'[^']+')\s*(?P<sign>[=:])\s*(?P<value>.*)$"""
)


def setting_entries(text: str) -> Iterator[Entry]:
    r"""Yield the values; dotted keys are taken apart.

    Examples:
        >>> text = '[[tool.llm]]\na.b = "x" # y\n# c = "z"\nd = [\n  "p", "q"]\ne = {f = "g"}\n'
        >>> for e in setting_entries(text):
        ...     print(".".join(e.keys), e.value, e.line, e.commented)
        tool.llm.[0].a.b x 2 False
        tool.llm.[0].c z 3 True
        tool.llm.[0].d.[0] p 5 False
        tool.llm.[0].d.[1] q 5 False
        tool.llm.[0].e.f g 6 False
    """
    section: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        number += 1
        opened = _SECTION.match(line)
        if opened is not None:
            section = _parts(opened[2])
            if opened[1] == "[[":
                place = counts.get(opened[2], 0)
                counts[opened[2]] = place + 1
                section = (*section, f"[{place}]")
            continue
        match = _SETTING.match(line)
        if match is None or (match["note"] and (match["sign"] == ":" or match["value"].endswith("."))):
            continue
        keys = (*section, *_parts(match["key"]))
        value, column = match["value"], match.start("value") + 1
        if match["note"]:
            yield Entry(keys, plain(value), number, column, commented=True)
        elif value.startswith(('"""', "'''")):
            first, block, number = number, *_long_text(value, lines, number)
            yield Entry(keys, block, first, column)
        elif value[:1] in {"[", "{"}:
            first = number
            whole, number = until_closed(value, lines, number)
            yield from flow_entries(whole, keys, first, column)
        elif value:
            yield Entry(keys, plain(value), number, column)


def _long_text(value: str, lines: list[str], number: int) -> tuple[str, int]:
    """Return a text between triple quotes, and the index of the line after it."""
    quotes, found = value[:3], [value[3:]]
    while quotes not in found[-1] and number < len(lines) and len(found) < 2_000:
        found.append(lines[number])
        number += 1
    return "\n".join(found).partition(quotes)[0], number


def _parts(key: str) -> tuple[str, ...]:
    if key[:1] in {'"', "'"} and key.count(key[0]) == 2:
        return (key[1:-1],)
    return tuple(part.strip().strip("\"'") for part in key.split(".") if part.strip())
