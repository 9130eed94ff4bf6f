"""Checks a folder of records and tells all that is wrong with it, each with file and line.

Reading already refuses what is no record. What is left are mistakes that a type
cannot see: an end before its beginning, an id that nobody has, two providers with
one alias. Each is one function here or in `_checks`; a layer above adds its own
(whether two rules contradict each other is for the rules to say).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from reliant.atlas._checks import FOLDER_CHECKS, RECORD_CHECKS
from reliant.atlas._read import Folder, Found, read_folder

if TYPE_CHECKING:
    from pathlib import Path

    from reliant.errors import RecordError

__all__ = ["Check", "Folder", "Found", "lint", "lint_folder"]

Check: TypeAlias = Callable[[Folder], Iterable["RecordError"]]
"""Looks at all records at once and yields what is wrong."""


def lint(root: Path, more: Sequence[Check] = ()) -> list[RecordError]:
    """Return every mistake under `root`, ordered by file and line; `more` are checks of a layer above."""
    return lint_folder(read_folder(root), more)


def lint_folder(folder: Folder, more: Sequence[Check] = ()) -> list[RecordError]:
    """Return every mistake in what was read, ordered by file and line."""
    errors = list(folder.errors)
    for found in folder:
        for record_check in RECORD_CHECKS:
            errors.extend(record_check(found, folder))
    for check in (*FOLDER_CHECKS, *more):
        errors.extend(check(folder))
    return sorted(errors, key=lambda error: (str(error.path), error.line, error.problem))
