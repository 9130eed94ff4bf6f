"""Keys and values of configuration files, each with its line, read so that nothing stops the reading.

Configuration is often a template, half of it commented out, or not quite valid. A
parser that refuses such a file sees nothing, and one that accepts it forgets the
comments and the lines. These readers go line by line instead and give what has the
form of a key with a value; what they do not understand they pass over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """One value.

    Attributes:
        keys: From the outermost; a place in a list is `[n]`.
        value: Without quotes and comments; of a block of text, the whole text.
        line: From 1; of a block of text, its first line.
        column: From 1.
        commented: It stands in a comment.
    """

    keys: tuple[str, ...]
    value: str
    line: int
    column: int
    commented: bool = False

    @property
    def key(self) -> str:
        """The last key that is a name; empty if there is none."""
        return next((key for key in reversed(self.keys) if not key.startswith("[")), "")


_ENV = re.compile(
    r"""\s*(?P<hash>\#\s*)?(?:export\s+|set\s+)?(?P<key>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?P<value>.*)"""
)


def env_entries(text: str) -> Iterator[Entry]:
    """Yield the assignments of a `.env` file; a commented one only if its name is in upper case.

    Examples:
        >>> [(e.key, e.value, e.commented) for e in env_entries('export A="x y" # z\\n# B=1\\n# see c=d')]
        [('A', 'x y', False), ('B', '1', True)]
    """
    for number, line in enumerate(text.split("\n"), 1):
        match = _ENV.match(line)
        if match is None or (match["hash"] and match["key"] != match["key"].upper()):
            continue
        yield Entry(
            (match["key"],), plain(match["value"]), number, match.start("value") + 1, bool(match["hash"])
        )


def plain(value: str) -> str:
    """Return a scalar without its quotes and without a comment behind it.

    Examples:
        >>> plain("'a # b' # c"), plain("a#b # c"), plain('"x"'), plain("!Ref x")
        ('a # b', 'a#b', 'x', '!Ref x')
    """
    value = value.strip()
    if value[:1] in {'"', "'"}:
        end = value.find(value[0], 1)
        if end > 0:
            return value[1:end]
    cut = value.find(" #")
    if value.startswith("#"):
        return ""
    return (value[:cut] if cut >= 0 else value).strip().rstrip("\r")


_YAML_KEY = re.compile(
    r"""(?P<key>"[^"]{1,200}"|'[^']{1,200}'|[A-Za-z0-9_./$<{(-][^\s:#"'{}\[\],]*(?:\ [A-Za-z0-9_-]+){0,4})\s*:(?:\s+(?P<value>.*)|\s*)$"""
)
_YAML_NOTE = re.compile(r"\s*#+\s?(?P<dash>(?:-\s+)?)(?P<rest>[A-Za-z_\"'][\w.\"'-]*\s*:\s+\S.*)$")
_BLOCK_TEXT = re.compile(r"[|>][0-9+-]*\s*(?:#.*)?$")
_ANCHOR = re.compile(r"(?:&\S+|!\S+)\s+")


class _Level(NamedTuple):
    indent: int
    label: str


def yaml_entries(text: str) -> Iterator[Entry]:
    """Yield the values of a YAML text, of a template of one, and of what is commented out in it.

    Examples:
        >>> text = "llm:\\n  - name: a  # first\\n    # model: old\\n  - b: {c: d, e: [f]}\\n  run: |\\n    x y\\n    z\\n"
        >>> for entry in yaml_entries(text): print(".".join(entry.keys), repr(entry.value), entry.line, entry.commented)
        llm.[0].name 'a' 2 False
        llm.[0].model 'old' 3 True
        llm.[1].b.c 'd' 4 False
        llm.[1].b.e.[0] 'f' 4 False
        llm.run 'x y\\nz' 6 False
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
            whole, number_after = _until_closed(rest, lines, number)
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


def _until_closed(rest: str, lines: list[str], number: int) -> tuple[str, int]:
    """Return a flow collection to its last bracket, over at most 500 lines."""
    whole = rest
    for _ in range(500):
        if whole.count("{") + whole.count("[") <= whole.count("}") + whole.count("]") or number >= len(lines):
            break
        whole += "\n" + lines[number]
        number += 1
    return whole, number


_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<note>//[^\n]*|/\*.*?\*/|\#[^\n]*)|(?P<mark>[{}\[\],:=])"""
    r"""|(?P<word>(?:[^\s{}\[\],:="'\#/]|[:/](?=[^\s{}\[\],"'/*]|//)|(?<=:)//)+)|(?P<end>\n)|\s+|.""",
    re.DOTALL,
)
_KEY_FOLLOWS = re.compile(r"\s*[:=]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MOST_DEPTH = 60


def flow_entries(text: str, keys: tuple[str, ...] = (), line: int = 1, column: int = 1) -> Iterator[Entry]:
    """Yield the values of JSON, of JSON with comments, and of the bracketed parts of YAML and TOML.

    Examples:
        >>> for entry in flow_entries('{"a": [1, "x"], // "b": 2\\n "c": {"d": null}}'): print(entry[:3])
        (('a', '[0]'), '1', 1)
        (('a', '[1]'), 'x', 1)
        (('c', 'd'), 'null', 2)
    """
    path: list[str] = list(keys)
    opened: list[tuple[str, int]] = []
    pending: str | None = None
    start = 0
    base = column
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "end":
            line, start, base = line + 1, match.end(), 1
            continue
        if kind == "note":
            inside = match[0].count("\n")
            if inside:
                line, start, base = line + inside, match.start() + match[0].rfind("\n") + 1, 1
            continue
        if kind is None:
            continue
        if kind in {"string", "word"}:
            value = _unescaped(match[0][1:-1]) if kind == "string" else match[0]
            after = _next_mark(text, match.end())
            if opened and opened[-1][0] == "{" and pending is None and after in {":", "="}:
                pending = value
                continue
            here = _label(opened, pending)
            yield Entry((*path, *here), value, line, match.start() - start + base)
            pending = _after(opened)
            continue
        mark = match[0]
        if mark in "{[":
            if len(opened) >= _MOST_DEPTH:
                return
            here = _label(opened, pending)
            path.extend(here)
            opened.append((mark, len(here)))
            pending = None if mark == "{" else "[0]"
        elif mark in "}]" and opened:
            _, length = opened.pop()
            if length:
                del path[-length:]
            pending = _bump(text, opened, path, pending)
        elif mark == "," and opened and opened[-1][0] == "{":
            pending = None
    del base


def _label(opened: list[tuple[str, int]], pending: str | None) -> tuple[str, ...]:
    return (pending,) if opened and pending is not None else ()
