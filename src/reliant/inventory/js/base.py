"""What the parts of the reader of JavaScript share: the file, its blocks, the clients made in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.js.tree import Node, Tree

if TYPE_CHECKING:
    from reliant.inventory.endpoints import Endpoint
    from reliant.inventory.vendor_facts import SdkFacts
    from reliant.inventory.view import FileView


class Base:
    """One file while it is read."""

    def __init__(self, file: FileView, root: Node) -> None:
        self.file = file
        self.vendors = file.vendors
        self.tree = Tree(root)
        self.clients: dict[int, list[Endpoint]] = {}
        self.sdks: list[SdkFacts] = []
        self.told: set[tuple[int, int]] = set()
