"""Reads the blocks of one Python file and says what they show."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import msgspec

from reliant.inventory.across import FileFacts
from reliant.inventory.python.base import module_name
from reliant.inventory.python.clients import Clients
from reliant.inventory.python.facts import collect
from reliant.inventory.python.forks import Forks
from reliant.inventory.python.routes import Routes
from reliant.inventory.python.slots import Slots
from reliant.inventory.python.strings import Strings
from reliant.inventory.shape import worth_a_look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView


class Reader(Clients, Routes, Slots, Strings):
    """All parts of the reader on one file."""

    def read(self) -> Iterator[Signal]:
        """Yield all signals, clients before the models that are asked of them."""
        yield from self._imports()
        if b"litellm_params" in self.file.data:
            yield from self._routes()
        calls = [(node, block) for node, block in self.tree.nodes if isinstance(node, ast.Call)]
        for call, block in calls:
            yield from self._constructor(call, block)
        for call, block in calls:
            yield from self._asked(call, block)
            yield from self._spawned(call, block)
        yield from self._slots()
        yield from self._strings()
        yield from self._labels()


def read(file: FileView, source: ast.Module) -> Iterator[Signal]:
    """Yield the signals of a parsed file, and leave its facts for other files in `file.facts`."""
    reader = Reader(file, source)
    signals = list(reader.read())
    facts = collect(reader, module_name(file.path))
    if worth_a_look(signals):
        shape = Forks(reader).read(source).shape(file.path, signals)
        if shape is not None:
            facts = msgspec.structs.replace(facts or FileFacts(module_name(file.path)), shape=shape)
    if facts is not None:
        file.facts.append(facts)
    reader.tree.forget()
    yield from signals
