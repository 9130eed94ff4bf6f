"""Scans tiny trees with what the atlas knows of vendors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reliant.inventory import Inventory, Vendors, scan
from reliant.targets import open_target

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.use import Use

Tree = dict[str, str | bytes]


class Result:
    """What a tree gave, as tests ask it."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.uses = inventory.uses
        self.functions = inventory.functions

    @property
    def used(self) -> tuple[Use, ...]:
        """Uses that are not only listed."""
        return tuple(use for use in self.uses if use.role != "listed")

    @property
    def providers(self) -> set[str]:
        return {use.provider for use in self.used if use.provider}

    @property
    def models(self) -> set[tuple[str | None, str | None]]:
        return {(use.provider, use.model) for use in self.used if use.model}

    def use(self, model: str) -> Use:
        """Return the one use of a model."""
        found = [use for use in self.uses if use.model == model]
        assert len(found) == 1, f"{model}: {[(u.provider, u.model, u.scope) for u in self.uses]}"
        return found[0]


@pytest.fixture(scope="session")
def vendors(atlas: Atlas) -> Vendors:
    return Vendors.from_atlas(atlas)


@pytest.fixture
def scanned(tmp_path: Path, vendors: Vendors) -> Callable[[Tree], Result]:
    """Write a tree and scan it."""

    def run(tree: Tree) -> Result:
        root = tmp_path / "app"
        for path, content in tree.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        with open_target(str(root)) as target:
            return Result(scan(target, vendors, workers=1))

    return run
