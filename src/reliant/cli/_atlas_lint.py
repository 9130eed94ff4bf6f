"""`reliant atlas lint`: the checks of the atlas, and those of the rules on top."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reliant.atlas.compile import find_atlas
from reliant.atlas.lint import lint
from reliant.errors import RecordError, UsageError
from reliant.policy.lint import CHECKS


def checked(folder: Path | None, *, as_json: bool) -> tuple[str, int]:
    """Return every mistake as text, and how many there are.

    Raises:
        UsageError: No folder is named, and there is no checkout around.
    """
    root = folder or find_atlas(Path.cwd() / "here") or find_atlas()
    if root is None:
        raise UsageError("there is no folder of records here", hint="Name it: reliant atlas lint FOLDER")
    # The atlas may not import the layer of the rules, so the checks of that layer are given to it here.
    errors = lint(root, CHECKS)
    if as_json:
        found = [
            {"path": str(error.path), "line": error.line, "problem": error.problem, "hint": error.hint}
            for error in errors
        ]
        data = {"schema": "reliant.lint/1", "folder": str(root), "errors": found}
        return msgspec.json.format(msgspec.json.encode(data), indent=2).decode(), len(errors)
    return _text(root, errors), len(errors)


def _text(root: Path, errors: list[RecordError]) -> str:
    rows = []
    for error in errors:
        rows.append(f"{error.path}:{error.line}: {error.problem}")
        if error.hint:
            rows.append(f"    {error.hint}")
    count = f"{len(errors)} mistake{'s' * (len(errors) != 1)}" if errors else "no mistakes"
    return "\n".join([*rows, f"{root}: {count}"])
