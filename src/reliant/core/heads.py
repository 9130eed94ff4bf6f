"""The literal beginnings of what a pattern matches, found without compiling it.

Some hundred patterns of model ids are asked for an id, and all but one or two fail at its first
letters. Comparing those first saves compiling the patterns, which takes longer than all else.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WRAPPED = re.compile(r"\(\?i\)\^\((?:\?:)?(.*)\)\$?", re.DOTALL)
_BARE = re.compile(r"\(\?i\)\^(.*)", re.DOTALL)
_ENDS = frozenset("([{.*+?|^$)]}\\")
_MAYBE = frozenset("*?{")


@functools.lru_cache(maxsize=4096)
def heads(pattern: str) -> tuple[str, ...]:
    r"""Return beginnings, lower case, one of which every match has; the empty text if one is open.

    Only for patterns that ignore case and are tied to the beginning; any other gives the empty text.

    Examples:
        >>> heads(r"(?i)^(?:acme-[12](-mini)?|zed\.x?)$"), heads("(?i)^acme"), heads("acme")
        (('acme-', 'zed.'), ('acme',), ('',))
    """
    match = _WRAPPED.fullmatch(pattern)
    if match is not None and _closed(match[1]):
        return tuple(dict.fromkeys(_heads_of(match[1])))
    bare = _BARE.fullmatch(pattern)
    if bare is None or len(_parts(_words(bare[1]))) > 1:  # a bar: the others may begin anywhere
        return ("",)
    return tuple(dict.fromkeys(_heads_of(bare[1])))


def may_match(pattern: str, folded: str) -> bool:
    """Say whether a pattern can match a text at all, given in lower case."""
    return folded.startswith(heads(pattern))


def first_match(patterns: Iterable[tuple[str, str]], text: str) -> str | None:
    """Return the key of the first pattern that matches the beginning of a text."""
    folded = text.lower()
    return next(
        (key for pattern, key in patterns if may_match(pattern, folded) and compiled(pattern).search(text)),
        None,
    )


@functools.lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern compiled, once."""
    return re.compile(pattern)


def _closed(body: str) -> bool:
    """Say whether every bracket that closes in a body was opened in it."""
    depth = 0
    for char in _words(body):
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def _heads_of(body: str) -> list[str]:
    return [head for part in _parts(_words(body)) for head in _of_part(part)]


def _parts(words: list[str]) -> list[list[str]]:
    """Return the alternatives of a body, split at its outermost bars."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if word == "|" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _words(body: str) -> list[str]:
    """Return the characters of a body; what is escaped, and a class, are one word."""
    found = []
    at = 0
    while at < len(body):
        end = at + 1
        if body[at] == "\\":
            end += 1
        elif body[at] == "[":
            end = body.find("]", at + 2) + 1 or len(body)
        found.append(body[at:end])
        at = end
    return found


def _of_part(part: list[str]) -> list[str]:
    """Return the beginnings of one alternative: of a group in front, and behind it if it may lack."""
    if part[:1] != ["("]:
        return [_head(part)]
    depth = end = 0
    for end, word in enumerate(part):  # noqa: B007 - the place is what is wanted
        depth += (word == "(") - (word == ")")
        if depth == 0:
            break
    inside, behind = part[1:end], part[end + 1 :]
    if inside[:2] == ["?", ":"]:
        inside = inside[2:]
    elif inside[:1] == ["?"]:
        return [""]
    found = [head for one in _parts(inside) for head in _of_part(one)]
    if behind[:1] == ["?"] or behind[:1] == ["*"]:
        return [*found, *_of_part(behind[1:])]
    return [""] if behind[:1] == ["{"] else found


def _head(part: list[str]) -> str:
    head = ""
    for word in part:
        if word[0] == "\\" and len(word) == 2 and not word[1].isalnum():
            head += word[1].lower()
        elif len(word) > 1 or word in _ENDS:
            return head[:-1] if word in _MAYBE else head
        else:
            head += word.lower()
    return head
