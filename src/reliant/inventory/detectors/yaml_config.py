"""YAML configuration of programs: blocks that name a provider, an endpoint or a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._formats import YAML_ENDINGS, Use, entries_of, use_of, worth_reading
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView


class YamlConfig:
    """Reads any YAML that is for no special purpose."""

    id = "yaml-config"
    claim = Claim(
        reads="*.yaml, *.yml, and templates of them",
        finds=("provider", "model", "endpoint", "env", "region", "role"),
        resolves=(
            "${NAME:-default}",
            "settings of one block belong together",
            "comments are listed, not used",
        ),
        limits="Anchors are not copied to where they are used.",
    )
    wants = Wants(suffixes=(*YAML_ENDINGS, ".j2"), always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the settings name."""
        if file.name.lower().endswith(".json.j2"):
            return
        if worth_reading(file) and use_of(file) is Use.PLAIN:
            yield from signals_of(entries_of(file), file, optional=is_example(file))


DETECTOR = YamlConfig()
