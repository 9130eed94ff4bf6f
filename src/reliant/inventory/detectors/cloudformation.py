"""CloudFormation and SAM templates: resources of AI services, with their region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._blocks import is_example, signals_of
from reliant.inventory.detectors._formats import Use, entries_of, use_of
from reliant.inventory.detectors._resources import resource_provider
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView


class CloudFormation:
    """Reads YAML and JSON templates."""

    id = "cloudformation"
    claim = Claim(
        reads="YAML and JSON with AWS::...::... resources",
        finds=("provider", "model", "endpoint", "env"),
        resolves=("model ids in properties and in resource names of policies",),
        limits="Parameters are not followed; the region is that of the stack and is not in the file.",
    )
    wants = Wants(suffixes=(".yaml", ".yml", ".json", ".template"), always=True, limit=1_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which resources are AI services and which models they name."""
        if use_of(file) is not Use.CLOUDFORMATION:
            return
        entries = list(entries_of(file))
        yield from signals_of(entries, file, optional=is_example(file))
        for entry in entries:
            if entry.commented:
                continue
            provider = resource_provider(entry.value, file.vendors, "cloudformation")
            if entry.key == "Type" and provider is not None:
                yield Signal(
                    what=What.ENDPOINT,
                    line=entry.line,
                    column=entry.column,
                    block=entry.keys[:-1],
                    provider=provider,
                )
            _, _, model = entry.value.partition("foundation-model/")
            if model and "*" not in model and file.vendors.developer(model):
                yield Signal(
                    what=What.MODEL, line=entry.line, column=entry.column, block=entry.keys[:-1], model=model
                )


DETECTOR = CloudFormation()
