"""Keys and values of configuration files, each with its line, read so that nothing stops the reading.

Configuration is often a template, half of it commented out, or not quite valid. A
parser that refuses such a file sees nothing, and one that accepts it forgets the
comments and the lines. These readers go line by line instead and give what has the
form of a key with a value; what they do not understand they pass over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        keys = self.keys
        if keys and keys[-1][:1] != "[":  # nearly always
            return keys[-1]
        return next((key for key in reversed(keys) if not key.startswith("[")), "")


_ENV = re.compile(
    r"""\s*(?P<hash>\#\s*)?(?:export\s+|set\s+)?(?P<key>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?P<value>.*)"""
)


def env_entries(text: str) -> Iterator[Entry]:
    r"""Yield the assignments of a `.env` file; a commented one only if its name is in upper case.

    Examples:
        >>> [(e.key, e.value, e.commented) for e in env_entries('export A="x y" # z\n# B=1\n# see c=d')]
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
