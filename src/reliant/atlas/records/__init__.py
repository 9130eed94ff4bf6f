"""The typed records of the atlas: one module per kind, each ending with its `KIND`.

A new kind is one new module: reading, the linter, the snapshot, `show` and
`search` find it here and know nothing else about it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import MappingProxyType
from typing import TYPE_CHECKING

from reliant.atlas.records.common import RecordKind

if TYPE_CHECKING:
    from collections.abc import Mapping


@functools.cache
def kinds() -> Mapping[str, RecordKind]:
    """Return every kind of record by its folder.

    Examples:
        >>> kinds()["providers"].name
        'provider'
    """
    found: dict[str, RecordKind] = {}
    for module in pkgutil.iter_modules(__path__):
        kind = getattr(importlib.import_module(f"{__name__}.{module.name}"), "KIND", None)
        if isinstance(kind, RecordKind):  # A module without one holds parts that records share.
            found[kind.folder] = kind
    return MappingProxyType(dict(sorted(found.items())))
