"""Reads the blocks of one JavaScript or TypeScript file and says what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.js.clients import Clients
from reliant.inventory.js.slots import Slots
from reliant.inventory.js.strings import Strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal


class Reader(Clients, Slots, Strings):
    """All parts of the reader on one file."""

    def read(self) -> Iterator[Signal]:
        """Yield all signals, clients before the models that are asked of them."""
        if self.tree.cut:
            self.file.skip("nested too deeply, the inner part was not read")
        yield from self._imports()
        calls = [(n, b) for n, b in self.tree.nodes if n.type in {"new_expression", "call_expression"}]
        for node, block in calls:
            yield from self._constructor(node, block)
        for node, block in calls:
            yield from self._asked(node, block)
            yield from self._spawned(node, block)
        for node, block in self.tree.nodes:
            yield from self._slots(node, block)
        for node, block in self.tree.nodes:
            yield from self._strings(node, block)
        yield from self._labels()
