"""Bracketed values: JSON, JSON with comments, and the inline collections of YAML and TOML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.inventory.detectors._entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<note>//[^\n]*|/\*.*?\*/|\#[^\n]*)|(?P<mark>[{}\[\],:=])"""
    r"""|(?P<word>(?:[^\s{}\[\],:="'\#/]|[:/](?=[^\s{}\[\],"'/*]|//)|(?<=:)//)+)|(?P<end>\n)|\s+|.""",
    re.DOTALL,
)
_KEY_FOLLOWS = re.compile(r"\s*[:=]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MOST_DEPTH = 60
_MOST_LINES = 500


def flow_entries(text: str, keys: tuple[str, ...] = (), line: int = 1, column: int = 1) -> Iterator[Entry]:
    r"""Yield the values of JSON, of JSON with comments, and of the bracketed parts of YAML and TOML.

    Examples:
        >>> for entry in flow_entries('{"a": [1, "x"], // "b": 2\n "c": {"d": null}}'): print(entry[:3])
        (('a', '[0]'), '1', 1)
        (('a', '[1]'), 'x', 1)
        (('c', 'd'), 'null', 2)
    """
    path = list(keys)
    frames: list[_Frame] = []
    start, base = 0, column
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "end" or (kind == "note" and "\n" in match[0]):
            line += match[0].count("\n")
            start, base = match.start() + match[0].rfind("\n") + 1, 1
        elif kind in {"string", "word"}:
            value = _unescaped(match[0][1:-1]) if kind == "string" else match[0]
            frame = frames[-1] if frames else None
            if frame is not None and frame.mark == "{" and frame.key is None:
                if _KEY_FOLLOWS.match(text, match.end()):
                    frame.key = value
                continue
            yield Entry((*path, *(frame.label() if frame else ())), value, line, match.start() - start + base)
        elif kind == "mark" and match[0] in "{[":
            if len(frames) >= _MOST_DEPTH:
                return
            label = frames[-1].label() if frames else ()
            path.extend(label)
            frames.append(_Frame(match[0], len(label)))
        elif kind == "mark" and match[0] in "}]" and frames:
            closed = frames.pop()
            del path[len(path) - closed.labels :]
        elif kind == "mark" and match[0] == "," and frames:
            frames[-1].next()


class _Frame:
    """An open bracket, and the place in it."""

    def __init__(self, mark: str, labels: int) -> None:
        self.mark = mark
        self.labels = labels
        self.key: str | None = None
        self._index = 0

    def label(self) -> tuple[str, ...]:
        if self.mark == "[":
            return (f"[{self._index}]",)
        return () if self.key is None else (self.key,)

    def next(self) -> None:
        self.key = None
        self._index += 1


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else _ESCAPES.get(m[1], m[1]), text)


def until_closed(rest: str, lines: list[str], number: int) -> tuple[str, int]:
    """Return a bracketed part to its last bracket, and the index of the line after it."""
    whole = [rest]
    open_ = _balance(rest)
    while open_ > 0 and number < len(lines) and len(whole) < _MOST_LINES:
        whole.append(lines[number])
        open_ += _balance(lines[number])
        number += 1
    return "\n".join(whole), number


def _balance(line: str) -> int:
    return line.count("{") + line.count("[") - line.count("}") - line.count("]")
