"""How a record is printed: every field, and at the end every source by number."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.atlas.records.common import Source, independent
from reliant.atlas.search import label, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.atlas import Atlas
    from reliant.atlas.records.common import Record

_WIDTH = 100
_SHOWN_APART = {"id", "sources", "confidence", "reviewed", "from_memory", "note"}
_SOURCE_FIELDS = {"sources", "source"}


def as_json(atlas: Atlas, records: Sequence[Record]) -> str:
    """Return the records as `reliant.records/1`."""
    found = [
        {
            "kind": atlas.kind_of(record),
            "independent_sources": independent(record.sources),
            "record": msgspec.to_builtins(record),
        }
        for record in records
    ]
    stamp = {"version": atlas.version, "newest_source": atlas.newest_source}
    then = {"known_on": atlas.day.isoformat()} if atlas.day else {}
    return _json({"schema": "reliant.records/1", "atlas": stamp, **then, "records": found})


def as_text(atlas: Atlas, records: Sequence[Record]) -> str:
    """Return the records for reading, one after the other."""
    return "\n\n".join("\n".join(_record(atlas, record)) for record in records)


def hits(
    atlas: Atlas, words: Sequence[str], kind: str | None, limit: int, *, as_json: bool
) -> tuple[str, int]:
    """Return what a search found, and how many records that are."""
    found = search(atlas, words, kind)
    if as_json:
        listed = msgspec.to_builtins(found[:limit])
        return _json({"schema": "reliant.search/1", "total": len(found), "hits": listed}), len(found)
    if not found:
        return f"No record has all of: {' '.join(words)}.", 0
    wide = max(len(hit.id) for hit in found[:limit])
    rows = [
        f"{hit.kind:<12} {hit.id:<{wide}}  {textwrap.shorten(hit.label, 80, placeholder=' ...')}"
        for hit in found[:limit]
    ]
    if len(found) > limit:
        rows.append(f"... and {len(found) - limit} more; narrow it down, or raise --limit.")
    return "\n".join(rows), len(found)


def _record(atlas: Atlas, record: Record) -> Iterator[str]:
    numbers = {name: number for number, name in enumerate(record.sources, 1)}
    yield f"{record.id}  ({atlas.kind_of(record)}, {record.confidence})"
    about = label(record)
    if about:
        yield about
    yield ""
    data = {
        key: value
        for key, value in msgspec.to_builtins(record).items()
        if key not in _SHOWN_APART and value != about
    }
    yield from _fields(data, numbers, 2)
    if record.note:
        yield from _wrapped("note", record.note, 2)
    if record.from_memory:
        yield from _wrapped("from memory, not read anywhere", ", ".join(record.from_memory), 2)
    yield ""
    alone = independent(record.sources)
    yield f"Sources: {len(record.sources)}, of which {alone} stand for themselves"
    for name, source in record.sources.items():
        yield from _source(numbers[name], source)
    reviewed = record.reviewed
    yield f"Reviewed {reviewed.on} by {reviewed.by}."
    if atlas.day:
        yield f"As known on {atlas.day}: what was published later is not shown."


def _fields(data: dict[str, Any], numbers: dict[str, int], indent: int) -> Iterator[str]:
    for key, value in data.items():
        if value is None or value in ((), [], {}):
            continue
        name = key.replace("_", " ")
        if key in _SOURCE_FIELDS and indent > 2:
            names = value if isinstance(value, list | tuple) else [value]
            yield from _wrapped(name, _cited(names, numbers), indent)
        elif isinstance(value, dict):
            yield f"{' ' * indent}{name}:"
            yield from _fields(value, numbers, indent + 2)
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            yield f"{' ' * indent}{name}:"
            for item in value:
                rows = list(_fields(item, numbers, indent + 4))
                if rows:
                    yield f"{' ' * (indent + 2)}- {rows[0].strip()}"
                    yield from rows[1:]
        elif isinstance(value, list | tuple):
            yield from _wrapped(name, ", ".join(str(item) for item in value), indent)
        else:
            yield from _wrapped(name, str(value), indent)


def _cited(names: Sequence[str], numbers: dict[str, int]) -> str:
    return "".join(f"[{numbers[name]}]" if name in numbers else f"[{name}]" for name in names)


def _wrapped(name: str, text: str, indent: int) -> Iterator[str]:
    start = " " * indent
    yield from textwrap.wrap(
        f"{name}: {text}",
        _WIDTH,
        initial_indent=start,
        subsequent_indent=start + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _source(number: int, source: Source) -> Iterator[str]:
    parts = [source.title]
    if source.publisher:
        parts.append(source.publisher)
    parts.append(f"published {source.published}" if source.published else "undated")
    if source.retrieved:
        parts.append(f"retrieved {source.retrieved}")
    parts.append(source.kind)
    if source.origin:
        parts.append(f"origin {source.origin}")
    yield from textwrap.wrap(
        f"[{number}] {'. '.join(parts)}.",
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if source.url:
        yield f"      {source.url}"
    if source.quote:
        yield from textwrap.wrap(
            f"“{source.quote}”", _WIDTH, initial_indent="      ", subsequent_indent="      "
        )
    if source.note:
        yield from textwrap.wrap(source.note, _WIDTH, initial_indent="      ", subsequent_indent="      ")


def _json(data: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
