"""Keys and values of YAML, read line by line: of templates and of what is commented out, too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reliant.inventory.detectors._entries import Entry, plain
from reliant.inventory.detectors._flow import flow_entries, until_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

_YAML_KEY = re.compile(
    r"""(?P<key>"[^"]{1,200}"|'[^']{1,200}'|[A-Za-z0-9_./$<{(-][^\s:#"'{}\[\],]*(?:\ [A-Za-z0-9_-]+){0,4})"""
    r"""\s*:(?:\s+(?P<value>.*)|\s*)$"""
)
_YAML_NOTE = re.compile(r"\s*#+\s?(?P<dash>(?:-\s+)?)(?P<rest>[A-Za-z_\"'][\w.\"'-]*\s*:\s+\S.*)$")
_BLOCK_TEXT = re.compile(r"[|>][0-9+-]*\s*(?:#.*)?$")
_ANCHOR = re.compile(r"(?:&\S+|!\S+)\s+")


class _Level(NamedTuple):
    indent: int
    label: str


def yaml_entries(text: str) -> Iterator[Entry]:
    r"""Yield the values of a YAML text, of a template of one, and of what is commented out in it.

    Examples:
        >>> text = "llm:\n  - name: a  # first\n    # model: old\n  - b: {c: d, e: [f]}\n"
        >>> text += "  run: |\n    x y\n    z\n"
        >>> for e in yaml_entries(text):
        ...     print(".".join(e.keys), repr(e.value), e.line, e.commented)
        llm.[0].name 'a' 2 False
        llm.[0].model 'old' 3 True
        llm.[1].b.c 'd' 4 False
        llm.[1].b.e.[0] 'f' 4 False
        llm.run 'x y\nz' 6 False
    """
    levels: list[_Level] = []
    counts: dict[tuple[str, ...], int] = {}
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        number += 1
        rest = line.lstrip(" ")
        indent = len(line) - len(rest)
        if not rest or rest.startswith(("{{", "%", "...")):
            continue
        if rest.startswith("---"):
            levels, counts = [], {}
            continue
        if rest.startswith("#"):
            yield from _note(line, number, levels)
            continue
        while rest.startswith("- ") or rest == "-":
            levels = [level for level in levels if level.indent < indent or _holds_list(level, indent)]
            parent = tuple(level.label for level in levels)
            place = counts.get(parent, 0)
            counts[parent] = place + 1
            levels.append(_Level(indent, f"[{place}]"))
            inner = rest[1:].lstrip(" ")
            indent += len(rest) - len(inner)
            rest = inner
        match = _YAML_KEY.match(rest)
        column = indent + 1
        if match is not None:
            levels = [level for level in levels if level.indent < indent]
            levels.append(_Level(indent, plain(match["key"])))
            keys = tuple(level.label for level in levels)
            counts.pop(keys, None)
            rest = _ANCHOR.sub("", match["value"] or "", count=1).strip()
            column = indent + 1 + (match.start("value") if match["value"] else 0)
            if _BLOCK_TEXT.match(rest):
                block, number_after = _text_block(lines, number, indent)
                yield Entry(keys, block, number + 1, 1)
                number = number_after
                continue
        else:
            keys = tuple(level.label for level in levels)
            if not keys or not keys[-1].startswith("["):
                continue
        if rest[:1] in {"{", "["} and not rest.startswith("{{"):
            whole, number_after = until_closed(rest, lines, number)
            yield from flow_entries(whole, keys, number, column)
            number = number_after
        elif rest and not rest.startswith(("*", "#")):
            yield Entry(keys, plain(rest), number, column)


def _holds_list(level: _Level, indent: int) -> bool:
    """Say whether a list at `indent` can belong to this level: a key may stand as far left as its list."""
    return level.indent == indent and not level.label.startswith("[")


def _note(line: str, number: int, levels: list[_Level]) -> Iterator[Entry]:
    match = _YAML_NOTE.match(line)
    if match is None:
        return
    found = _YAML_KEY.match(match["rest"])
    if found is None or not found["value"] or found["value"].endswith((".", ":")):
        return
    indent = len(line) - len(line.lstrip(" "))
    parents = tuple(level.label for level in levels if level.indent < indent)
    yield Entry((*parents, plain(found["key"])), plain(found["value"]), number, match.start("rest") + 1, True)


def _text_block(lines: list[str], number: int, indent: int) -> tuple[str, int]:
    """Return the text below a `|` or `>`, and the index of the line after it."""
    found: list[str] = []
    inside: int | None = None
    while number < len(lines):
        line = lines[number]
        depth = len(line) - len(line.lstrip(" "))
        if line.strip():
            if depth <= indent:
                break
            inside = depth if inside is None else inside
        found.append(line[inside or 0 :].rstrip())
        number += 1
    while found and not found[-1]:
        found.pop()
    return "\n".join(found), number
