"""What one Python file tells the others: its constants, keys and fields that hold ids or endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from reliant.inventory.python.reader import Reader


class ModuleFacts(msgspec.Struct, frozen=True, tag="python"):
    """Constants of a module by name, as `(text, line, env)`."""

    module: str
    names: dict[str, list[tuple[str, int, str | None]]]


def collect(reader: Reader, module: str) -> ModuleFacts | None:
    """Return what other files may ask for, or None if there is nothing."""
    return None
