"""Names and globs, looked up without trying one after the other where it can be helped."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")
_SPECIAL = re.compile(r"[*?\[]")


class GlobTable(Generic[_Value]):
    """The first entry whose glob matches; entries without special signs are found at once.

    Examples:
        >>> table = GlobTable([("gpt-*", 1), ("gpt-4o", 2), ("*", 3)])
        >>> table.find("gpt-4o"), table.find("o1")
        (2, 3)
    """

    def __init__(self, entries: Iterable[tuple[str, _Value]]) -> None:
        self._exact: dict[str, _Value] = {}
        self._globs: list[tuple[re.Pattern[str], _Value]] = []
        self._everything: list[_Value] = []
        for glob, value in entries:
            if glob == "*":
                self._everything.append(value)
            elif _SPECIAL.search(glob):
                self._globs.append((re.compile(fnmatch.translate(glob)), value))
            else:
                self._exact.setdefault(glob, value)

    def find(self, name: str) -> _Value | None:
        """Return the value for `name`: an exact entry, else the first glob, else `*`."""
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        for pattern, value in self._globs:
            if pattern.match(name):
                return value
        return self._everything[0] if self._everything else None

    def names(self) -> list[str]:
        """Return the entries without special signs."""
        return list(self._exact)


class GlobSet:
    """Whether a name is one of some names or globs.

    Examples:
        >>> "o1-mini" in GlobSet(["gpt-4o", "o1*"])
        True
    """

    def __init__(self, globs: Iterable[str]) -> None:
        globs = list(globs)
        self.everything = "*" in globs
        self._names = frozenset(glob for glob in globs if not _SPECIAL.search(glob))
        self._globs = [re.compile(fnmatch.translate(glob)) for glob in globs if _SPECIAL.search(glob)]

    def __contains__(self, name: object) -> bool:
        if self.everything or name in self._names:
            return True
        return isinstance(name, str) and any(glob.match(name) for glob in self._globs)
