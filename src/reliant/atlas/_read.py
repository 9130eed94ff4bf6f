"""Reads a folder of records, and keeps going past mistakes so that all of them are told at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.atlas._typed import all_problems
from reliant.atlas.records import kinds
from reliant.atlas.records.common import Record
from reliant.documents.yaml import Document, read_document
from reliant.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reliant.atlas.records.common import RecordKind
    from reliant.documents.yaml import Place

SOURCES_FOLDER = "sources"
"""Where the shared sources stand; they are read first, because records name them."""


@dataclass(frozen=True)
class Found:
    """One record, with the document it was read from."""

    kind: RecordKind
    record: Record
    document: Document

    def error(self, place: Place, problem: str, hint: str = "") -> RecordError:
        """Return `problem` as an error at the line of `place`."""
        return RecordError(self.document.path, self.document.line(place), problem, hint=hint)


@dataclass
class Folder:
    """What a folder of records holds.

    Attributes:
        records: By folder of the kind and id.
        documents: The YAML files that belong to no kind, by name without suffix.
        errors: Everything that could not be read as what it should be.
    """

    root: Path
    records: dict[str, dict[str, Found]] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    errors: list[RecordError] = field(default_factory=list)

    def __iter__(self) -> Iterator[Found]:
        for found in self.records.values():
            yield from found.values()


def read_folder(root: Path) -> Folder:
    """Return all records under `root`, and all that is wrong with the files as such."""
    folder = Folder(root)
    registry = kinds()
    shared: dict[str, dict[str, Any]] = {}
    for name in sorted(registry, key=lambda name: (name != SOURCES_FOLDER, name)):
        kind = registry[name]
        held = folder.records.setdefault(name, {})
        for path in sorted((root / name).rglob("*.yaml")):
            found = _read_record(path, kind, root / name, shared, folder.errors)
            if found is None:
                continue
            if found.record.id in held:
                other = held[found.record.id].document.path
                folder.errors.append(
                    found.error(("id",), f"id: {found.record.id!r} is that of {other} as well")
                )
                continue
            held[found.record.id] = found
            if name == SOURCES_FOLDER:
                shared[found.record.id] = _as_source(found.record)
    for path in sorted(root.glob("*.yaml")):
        try:
            folder.documents[path.stem] = read_document(path)
        except RecordError as error:
            folder.errors.append(error)
    return folder


def id_of(path: Path, root: Path) -> str:
    """Return the id that the path of a record gives it.

    Examples:
        >>> from pathlib import Path
        >>> id_of(Path("atlas/rules/acme/api.yaml"), Path("atlas/rules"))
        'acme.api'
    """
    return ".".join((*path.relative_to(root).parent.parts, path.name.removesuffix(".yaml")))


def _read_record(
    path: Path, kind: RecordKind, root: Path, shared: Mapping[str, Any], errors: list[RecordError]
) -> Found | None:
    try:
        document = read_document(path)
    except RecordError as error:
        errors.append(error)
        return None
    if not isinstance(document.data, dict):
        errors.append(RecordError(path, 1, "is no record: it holds no keys"))
        return None
    before = len(errors)
    errors.extend(_resolve_sources(document, shared))
    errors.extend(all_problems(document, kind.record))
    wanted = id_of(path, root)
    given = document.data.get("id")
    if isinstance(given, str) and given != wanted:
        problem = f"id: is {given!r}, and the path says {wanted!r}"
        errors.append(RecordError(path, document.line(("id",)), problem, hint="The path is the id."))
    if len(errors) > before:
        return None
    return Found(kind, msgspec.convert(document.data, kind.record), document)


def _resolve_sources(document: Document, shared: Mapping[str, Any]) -> Iterator[RecordError]:
    """Put the shared source in the place of its id."""
    sources = document.data.get("sources")
    if not isinstance(sources, dict):
        return
    for key, value in sources.items():
        if not isinstance(value, str):
            continue
        if value in shared:
            sources[key] = shared[value]
            continue
        line = document.line(("sources", key))
        yield RecordError(
            document.path,
            line,
            f"sources.{key}: there is no shared source {value!r}",
            hint=f"Write it to atlas/{SOURCES_FOLDER}/{value}.yaml, or write the source out here.",
        )
        sources[key] = {"title": value, "kind": "general"}


def _as_source(record: Record) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(record)
    kept = ("title", "kind", "publisher", "url", "published", "retrieved", "note")
    return {**{key: data[key] for key in kept if key in data}, "origin": record.id}
