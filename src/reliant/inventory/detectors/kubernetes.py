"""Kubernetes objects: containers, their variables and arguments, config maps, model servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import is_example, signals_of
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


class Kubernetes:
    """Reads YAML that has an `apiVersion` and a `kind`."""

    id = "kubernetes"
    claim = Claim(
        reads="YAML with apiVersion and kind",
        finds=("provider", "model", "endpoint", "env", "region"),
        resolves=(
            "env name and value pairs",
            "container arguments",
            "container images",
            "files in the text of a config map",
        ),
        limits="A variable taken from a secret is known by its name only.",
    )
    wants = Wants(suffixes=YAML_ENDINGS, always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the objects run and what they tell it."""
        if worth_reading(file) and use_of(file) is Use.KUBERNETES:
            yield from signals_of(with_texts(entries_of(file)), file, optional=is_example(file))


DETECTOR = Kubernetes()
