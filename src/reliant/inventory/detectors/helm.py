"""Helm charts: default values and templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import signals_of
from reliant.inventory.detectors._formats import (
    YAML_ENDINGS,
    Use,
    entries_of,
    use_of,
    with_texts,
    worth_reading,
)
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView


class Helm:
    """Reads charts line by line: a template is no valid YAML."""

    id = "helm"
    claim = Claim(
        reads="values*.yaml, templates/*.yaml, helmfile.yaml",
        finds=("provider", "model", "endpoint", "env", "region", "role"),
        resolves=("image repository and tag", "env lists", "`enabled: false` makes a block optional"),
        limits="Templates are not rendered; a value set by a flag of helm is not known.",
    )
    wants = Wants(suffixes=YAML_ENDINGS, always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the chart runs and what it tells it."""
        if worth_reading(file) and use_of(file) is Use.HELM:
            yield from signals_of(with_texts(entries_of(file)), file)


DETECTOR = Helm()
