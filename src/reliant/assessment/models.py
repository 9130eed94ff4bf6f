"""The models that uses rely on, and all that they descend from, as the atlas records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.assessment.graph import DESCENT_KINDS
from reliant.core.results import Descent, Model, ModelClaim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reliant.assessment.citing import Citations
    from reliant.atlas import Atlas
    from reliant.atlas.records.model import Model as ModelRecord
    from reliant.core.use import Use


def models_of(
    uses: Iterable[Use],
    atlas: Atlas,
    citations: Citations,
    found: Mapping[str, tuple[Descent, ...]] | None = None,
) -> tuple[Model, ...]:
    """Return each model once: first those relied on by id, then the ancestors they lead to.

    A model the atlas does not know is listed under the id as written: that it is not
    known is part of the answer.

    Args:
        found: By use, the edges that its model file shows, beside what the atlas records.
    """
    shown: dict[str, list[Descent]] = {}
    records: dict[str, ModelRecord] = {}
    unrecorded: dict[str, Model] = {}
    for use in uses:
        if use.model is None:
            continue
        hit = atlas.find_model(use.model)
        edges = found.get(use.id, ()) if found else ()
        if edges:
            shown.setdefault(hit.model.id if hit.model else use.model, []).extend(edges)
        if hit.model is not None:
            records[hit.model.id] = hit.model
        else:
            developer = use.developer or hit.developer
            unrecorded[use.model] = Model(
                id=use.model,
                developer=developer,
                weights=None,
                licence=None,
                descent=(),
                country=_country(developer, atlas),
            )
    above: dict[str, ModelRecord] = {}
    for record in records.values():
        for ancestor in atlas.ancestors(record.id, DESCENT_KINDS):
            if ancestor.id is not None and ancestor.id in atlas.models and ancestor.id not in records:
                above[ancestor.id] = atlas.models[ancestor.id]
    for edge in (edge for edges in shown.values() for edge in edges):
        if edge.ancestor in atlas.models and edge.ancestor not in records:
            above[edge.ancestor] = atlas.models[edge.ancestor]
            for ancestor in atlas.ancestors(edge.ancestor, DESCENT_KINDS):
                if ancestor.id is not None and ancestor.id in atlas.models and ancestor.id not in records:
                    above[ancestor.id] = atlas.models[ancestor.id]
    relied_on = [_model(record, atlas, citations) for _, record in sorted(records.items())]
    ancestors = [_model(above[key], atlas, citations, relied_on=False) for key in sorted(above)]
    all_models = (*relied_on, *(unrecorded[key] for key in sorted(unrecorded)), *ancestors)
    if not shown:
        return all_models
    return tuple(
        msgspec.structs.replace(one, descent=tuple(dict.fromkeys((*one.descent, *shown.get(one.id, ())))))
        for one in all_models
    )


def _model(record: ModelRecord, atlas: Atlas, citations: Citations, *, relied_on: bool = True) -> Model:
    def cite(names: Iterable[str]) -> tuple[str, ...]:
        return citations.cite(record.sources, names)

    return Model(
        id=record.id,
        developer=record.developer,
        weights=record.weights,
        licence=record.licence,
        descent=tuple(
            Descent(
                ancestor=edge.ancestor or edge.ancestor_said or "not named",
                kind=edge.kind,
                status=edge.status,
                basis="declared",
                sources=cite(edge.sources),
                note=edge.note or (f"only its {edge.component}" if edge.component else None),
            )
            for edge in record.descent
        ),
        name=record.name,
        country=_country(record.developer, atlas),
        relied_on=relied_on,
        descent_known=record.weights_origin is not None,
        claims=tuple(
            ModelClaim(
                says=claim.says,
                status=claim.status,
                sources=cite(claim.sources),
                against=cite(name for contra in claim.contradicted_by for name in contra.sources),
                note=claim.note,
            )
            for claim in record.claims
        ),
    )


def _country(developer: str | None, atlas: Atlas) -> str | None:
    if developer is None or developer not in atlas.providers:
        return None
    return atlas.providers[developer].hq_country
