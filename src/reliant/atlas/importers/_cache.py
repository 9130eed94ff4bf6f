"""Keeps imported rows in a folder of the user: one file per import, a line per row."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas.importers._rows import Row
from reliant.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROW = msgspec.json.Decoder(Row)


class Import(msgspec.Struct, frozen=True):
    """One import: what was read, from where, when, and how much.

    Attributes:
        kind: Name of the format.
        file: Path as it was given.
        sha256: Of the file.
        on: The day of the import.
    """

    kind: str
    file: str
    sha256: str
    on: str
    models: int = 0
    providers: int = 0


def store(rows: Iterable[Row], path: Path, kind: str, *, on: str, cache: Path) -> Import:
    """Write the rows of `path` to the cache, in place of an earlier import of a file of that name.

    Raises:
        UsageError: The cache cannot be written.
        ConfigError: The file cannot be read to the end.
    """
    encode = msgspec.json.Encoder().encode
    held = list(rows)
    models = sum(row.__struct_config__.tag == "model" for row in held)
    head = Import(
        kind=kind,
        file=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        on=on,
        models=models,
        providers=len(held) - models,
    )
    target = cache / f"{kind}-{hashlib.sha256(path.name.encode()).hexdigest()[:12]}.jsonl"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, suffix=".part", delete=False) as file:
            file.write(encode(head) + b"\n")
            file.writelines(encode(row) + b"\n" for row in held)
        Path(file.name).replace(target)
    except OSError as error:
        raise UsageError(f"cannot write the cache {cache}: {error.strerror}") from error
    return head


def stored(cache: Path) -> Iterator[tuple[Import, Iterator[Row]]]:
    """Yield every import in the cache with its rows, ordered by kind and file.

    Raises:
        ConfigError: A file of the cache is damaged.
    """
    for path in sorted(cache.glob("*.jsonl")):
        with path.open("rb") as file:
            first = file.readline()
        try:
            yield msgspec.json.decode(first, type=Import), _rows(path)
        except msgspec.DecodeError as error:
            raise ConfigError(
                path, 1, f"is no import: {error}", hint="Delete it and import again."
            ) from error


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                continue
            try:
                yield _ROW.decode(line)
            except msgspec.DecodeError as error:
                hint = "Delete it and import again."
                raise ConfigError(path, number, f"is no imported row: {error}", hint=hint) from error
