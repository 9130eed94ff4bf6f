"""Checks that the descent edges of the models agree with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from reliant.atlas.records.model import WEIGHTS_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reliant.atlas._read import Folder, Found
    from reliant.atlas.records.model import Edge, Model
    from reliant.errors import RecordError

_HOLDS = {"confirmed", "reported"}


def origins_agree_with_edges(folder: Folder) -> Iterator[RecordError]:
    """Weights that are all one's own have no edge to another maker; weights that are not, have one."""
    models = folder.records["models"]
    for found in models.values():
        model = cast("Model", found.record)
        handed_on = [edge for edge in model.descent if edge.kind in WEIGHTS_KINDS and edge.status in _HOLDS]
        if model.weights_origin == "derived" and not handed_on:
            yield found.error(("weights_origin",), "weights_origin: is derived, and no edge carries weights")
        foreign = [edge for edge in handed_on if _maker(edge, models) not in (None, model.developer)]
        if model.weights_origin == "own" and foreign:
            problem = f"weights_origin: is own, and weights come from {foreign[0].ancestor}"
            yield found.error(("weights_origin",), problem)


def nothing_descends_from_itself(folder: Folder) -> Iterator[RecordError]:
    """Weights are not handed on in a circle."""
    models = folder.records["models"]
    for found in models.values():
        seen: set[str] = set()
        rest = [found.record.id]
        while rest:
            above = models.get(rest.pop())
            for edge in cast("Model", above.record).descent if above else ():
                if edge.kind in WEIGHTS_KINDS and edge.ancestor and edge.ancestor not in seen:
                    seen.add(edge.ancestor)
                    rest.append(edge.ancestor)
        if found.record.id in seen:
            yield found.error(("descent",), "descent: leads back to the model itself")


def families_are_families(folder: Folder) -> Iterator[RecordError]:
    """What a model is part of is a family."""
    models = folder.records["models"]
    for found in models.values():
        whole = models.get(cast("Model", found.record).part_of or "")
        if whole is not None and cast("Model", whole.record).level != "family":
            yield found.error(("part_of",), f"part_of: {whole.record.id} is no family")


def _maker(edge: Edge, models: Mapping[str, Found]) -> str | None:
    parent = models.get(edge.ancestor or "")
    return cast("Model", parent.record).developer if parent else edge.ancestor_developer
