"""Reads other people's data sets about models and providers, row by row, with the place of each row.

What is imported stays in the user's cache and never enters the wheel: it says what
somebody else's table says. Where it differs from a record of the atlas, a person
decides (`reliant atlas conflicts`). A new data set is one module with a `FORMAT`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import MappingProxyType
from typing import TYPE_CHECKING

from reliant.atlas.importers._cache import Import, store, stored
from reliant.atlas.importers._rows import Format, ModelRow, Place, ProviderRow, Row
from reliant.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "Format",
    "Import",
    "ModelRow",
    "Place",
    "ProviderRow",
    "Row",
    "formats",
    "guess",
    "read",
    "store",
    "stored",
]


@functools.cache
def formats() -> Mapping[str, Format]:
    """Return the data sets that can be read, by name.

    Examples:
        >>> "epoch" in formats()
        True
    """
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            entry = importlib.import_module(f"{__name__}.{module.name}").FORMAT
            found[entry.name] = entry
    return MappingProxyType(dict(sorted(found.items())))


def read(kind: str, path: Path) -> Iterator[Row]:
    """Yield every row of the file, which is of the data set `kind`.

    Raises:
        UsageError: There is no such kind, or the file is not of it; with file and line.
    """
    if kind not in formats():
        raise UsageError(f"nothing here reads {kind!r}", hint=f"Choose one of: {', '.join(formats())}.")
    return formats()[kind].read(path)


def guess(path: Path) -> str:
    """Return the kind of data set that `path` looks like, from its first bytes.

    Raises:
        UsageError: It looks like none, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(65536)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    for entry in formats().values():
        if entry.looks_like(start.decode("utf-8", errors="replace").lstrip("\ufeff")):
            return entry.name
    raise UsageError(
        f"{path} looks like none of the data sets that can be imported",
        hint=f"Say which it is with --kind: {', '.join(formats())}.",
    )
