"""What the parts of the reader of JavaScript share: the file, its blocks, the clients made in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reliant.inventory.js.tree import Node, Tree

if TYPE_CHECKING:
    from reliant.core.use import Kind
    from reliant.inventory.vendor_facts import SdkFacts
    from reliant.inventory.view import FileView


class Endpoint(NamedTuple):
    """Where a client of the file sends its calls."""

    provider: str | None
    sdk: SdkFacts | None
    kind: Kind | None
    host: str | None
    estate: str | None
    env: str | None
    confidence: float
    asks: str = ""


class Base:
    """One file while it is read."""

    def __init__(self, file: FileView, root: Node) -> None:
        self.file = file
        self.vendors = file.vendors
        self.tree = Tree(root)
        self.clients: dict[int, list[Endpoint]] = {}
        self.sdks: list[SdkFacts] = []
        self.told: set[tuple[int, int]] = set()
