"""`reliant atlas import` and `conflicts`: the cache of imported rows, and what it says against the atlas."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas import importers, load
from reliant.atlas.conflicts import Difference, compare
from reliant.cli._folders import cache_folder
from reliant.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def _cache(given: Path | None) -> Path:
    return given or cache_folder("imports")


def imported(files: Sequence[Path], kind: str | None, cache: Path | None, on: str, *, as_json: bool) -> str:
    """Read the files into the cache, and return what was read.

    Raises:
        UsageError: A file is of no known kind, or cannot be read.
    """
    done = []
    for path in files:
        name = kind or importers.guess(path)
        done.append(importers.store(importers.read(name, path), path, name, on=on, cache=_cache(cache)))
    if as_json:
        data = {"schema": "reliant.imports/1", "imports": msgspec.to_builtins(done)}
        return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    rows = [
        f"{one.kind:<14} {one.models:>7,} models {one.providers:>5,} providers  {one.file}" for one in done
    ]
    return "\n".join([*rows, f"Kept in {_cache(cache)}. Compare them: reliant atlas conflicts"])


def compared(
    cache: Path | None, *, kind: str | None, record: str | None, everything: bool, style: str
) -> tuple[str, int]:
    """Return the differences between the cache and the atlas, and the exit code.

    Raises:
        UnknownId: No record has the id `record`.
        UsageError: There is no such kind of data set.
    """
    if kind is not None and kind not in importers.formats():
        known = ", ".join(importers.formats())
        raise UsageError(f"nothing here reads {kind!r}", hint=f"Choose one of: {known}.")
    atlas = load()
    wanted = atlas.find(record)[0].id if record else None
    differences: list[Difference] = []
    counts = []
    for head, rows in importers.stored(_cache(cache)):
        if kind is not None and head.kind != kind:
            continue
        result = compare(atlas, rows)
        kept = [one for one in result.differences if wanted in (None, one.record)]
        differences += kept
        counts.append((Path(head.file).name, result.rows, result.matched, kept))
    if not counts:
        return "Nothing was imported yet: reliant atlas import FILE ...", 3
    shown = [one for one in differences if everything or not one.known]
    fresh = sum(not one.known for one in differences)
    if style == "json":
        data = {"schema": "reliant.conflicts/1", "differences": msgspec.to_builtins(shown)}
        return msgspec.json.format(msgspec.json.encode(data), indent=2).decode(), int(fresh > 0)
    if style == "csv":
        return _csv(shown), int(fresh > 0)
    lines = [
        f"{one.record}  {one.field}\n    atlas: {one.ours}\n    {one.at.data_set}: {one.theirs}  ({one.at})"
        + ("  named by the record" if one.known else "")
        for one in shown
    ]
    for name, rows_read, matched, kept in counts:
        named = sum(one.known for one in kept)
        lines.append(
            f"{name}: {rows_read:,} rows, {matched:,} about a record, {len(kept) - named} new differences, "
            f"{named} that the records name already"
        )
    return "\n".join(lines), int(fresh > 0)


def _csv(differences: Sequence[Difference]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("record", "field", "ours", "theirs", "data_set", "place", "known"))
    for one in differences:
        known = str(one.known).lower()
        writer.writerow((one.record, one.field, one.ours, one.theirs, one.at.data_set, str(one.at), known))
    return text.getvalue()
