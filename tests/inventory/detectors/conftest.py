"""Looks at one file as the scanner would, with the atlas's knowledge of vendors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from reliant.inventory import Signal, Vendors, What
from reliant.inventory.engine import Scanner, Seen
from reliant.inventory.merge import merged
from reliant.inventory.scopes import scope_of

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.need import Function
    from reliant.core.use import Use

Look = Callable[..., "Found"]


class Found:
    """What one file gave: the signals of its detectors, and the uses they become."""

    def __init__(self, seen: Seen | None, vendors: Vendors) -> None:
        self.seen = seen
        self.signals: list[Signal] = [signal for _, signal, _ in seen.signals] if seen else []
        self.skipped = (*seen.skipped, *seen.failed) if seen else ()
        self.uses: tuple[Use, ...]
        self.functions: tuple[Function, ...]
        self.uses, self.functions, _ = merged([seen] if seen else [], vendors)

    @property
    def models(self) -> set[tuple[str | None, str | None]]:
        """Provider and model of each use that has a model and is not only listed."""
        return {(use.provider, use.model) for use in self.uses if use.model and use.role != "listed"}

    @property
    def providers(self) -> set[str | None]:
        return {use.provider for use in self.uses if use.provider}

    @property
    def listed(self) -> set[str | None]:
        return {use.model for use in self.uses if use.role == "listed"}

    @property
    def lines(self) -> dict[str | None, int]:
        """The first line that shows each model."""
        return {s.model: s.line for s in reversed(self.signals) if s.what is What.MODEL}


@pytest.fixture(scope="session")
def scanner(atlas: Atlas) -> Scanner:
    return Scanner(Vendors.from_atlas(atlas))


@pytest.fixture
def look(scanner: Scanner) -> Look:
    """Return a function of a path and a content."""

    def look_at(path: str, content: str | bytes) -> Found:
        data = content.encode() if isinstance(content, str) else content
        return Found(scanner.read(path, data, scope_of(path)), scanner.vendors)

    return look_at
