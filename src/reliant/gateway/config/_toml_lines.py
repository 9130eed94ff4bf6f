"""Where in a TOML text each value stands.

The standard parser gives values without places, and a message without a line is
a riddle in a file of three hundred. This walks the text once more, only to find
the line on which every table and key begins.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[|\[)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-]+))*)\s*=(.*)$"""
)
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_\-]+)""")


def _parts(dotted: str) -> list[str]:
    return [next(group for group in match.groups() if group is not None) for match in _PART.finditer(dotted)]


def _still_open(text: str) -> tuple[str, int]:
    """Return the multi-line quote that `text` leaves open, and how many brackets."""
    quote, depth, at = "", 0, 0
    while at < len(text):
        if quote:
            end = text.find(quote, at)
            if end < 0:
                return quote, depth
            at, quote = end + len(quote), ""
            continue
        for mark in ('"""', "'''", '"', "'"):
            if text.startswith(mark, at):
                quote, at = mark, at + len(mark)
                break
        else:
            if text[at] == "#":
                return "", depth
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[at], 0)
            at += 1
        if len(quote) == 1:
            at = _past_short_string(text, at, quote)
            quote = ""
    return quote, depth


def _past_short_string(text: str, at: int, quote: str) -> int:
    while at < len(text) and text[at] != quote:
        at += 2 if quote == '"' and text[at] == "\\" else 1
    return at + 1


def locate(text: str) -> dict[Path, int]:
    r"""Return the line, from 1, of every table and key; an array of tables counts from 0.

    Examples:
        >>> locate('[a]\nb = 1\n[[c]]\nd = 2\n')[("c", 0, "d")]
        4
    """
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    carried = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if carried:
            carried += "\n" + line
            quote, depth = _still_open(carried)
            carried = carried if quote or depth > 0 else ""
            continue
        header = _HEADER.match(line)
        if header:
            table = _enter(header[1] == "[[", _parts(header[2]), counts)
            lines.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            path: Path = table
            for part in _parts(key[1]):
                path = (*path, part)
                lines.setdefault(path, number)
            quote, depth = _still_open(key[2])
            carried = key[2] if quote or depth > 0 else ""
    return lines


def _enter(is_array: bool, parts: list[str], counts: dict[Path, int]) -> Path:
    """Return the path of the table that a header opens; inner parts point into the newest element."""
    path: Path = ()
    for place, part in enumerate(parts):
        path = (*path, part)
        last = place == len(parts) - 1
        if last and is_array:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of `path`, or of the nearest place around it; 0 if there is none."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0
