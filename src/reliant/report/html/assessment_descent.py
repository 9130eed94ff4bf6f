"""What models descend from, on the page of an assessment: the tree with its kinds and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.report._view import descent_words
from reliant.report.html.descent import Relation, Tree, descent_tree
from reliant.report.html.figures import Column, Figure, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.core.results import Descent, Model, ModelClaim
    from reliant.report._view import View

_DRAWN_TREES = 25


def _relations(view: View, model: Model, seen: frozenset[str], depth: int) -> list[Relation]:
    found: list[Relation] = []
    for edge in model.descent:
        found.append(_relation(view, edge, depth))
        further = view.models.get(edge.ancestor)
        if further and further.id not in seen and depth < 4:
            found += _relations(view, further, seen | {further.id}, depth + 1)
    return found + [_claim(view, claim, depth) for claim in model.claims]


def _marks(view: View, ids: Iterable[str]) -> str:
    return " ".join(f"[{one}]" for one in view.best(ids))


def _claim(view: View, claim: ModelClaim, depth: int) -> Relation:
    """Return what is said of a model as a line of its tree; a saying is no descent."""
    against = f" against {_marks(view, claim.against)}" if claim.against else ""
    return Relation(
        words="it is said:",
        ancestor=claim.says,
        status=claim.status,
        counts=None,
        cites=_marks(view, claim.sources) + against,
        note=claim.note or "",
        depth=depth,
    )


def _relation(view: View, edge: Descent, depth: int) -> Relation:
    ancestor = view.models.get(edge.ancestor)
    return Relation(
        words=descent_words(edge),
        ancestor=(ancestor.name if ancestor else None) or edge.ancestor,
        status=edge.status,
        counts=edge.kind in view.result.impact.followed and edge.status != "denied",
        cites=_marks(view, edge.sources),
        note=edge.note or "",
        depth=depth,
    )


def model_words(view: View, model: Model) -> str:
    """Say whose model it is: developer, country, weights, licence."""
    parts = [
        view.name(model.developer, "developer not known"),
        view.place(model.country, "country not known"),
    ]
    parts.append(f"{model.weights} weights" if model.weights else "weights: not known")
    if model.licence:
        parts.append(model.licence)
    return ", ".join(parts)


def descent_figure(view: View) -> Figure | None:
    """Return the relations of every model that has any, or None."""
    models = [model for model in view.result.models if model.descent or model.claims]
    roots = [model for model in models if model.relied_on]
    if not roots:
        return None
    trees = [
        Tree(
            model.name or model.id,
            model_words(view, model),
            tuple(_relations(view, model, frozenset({model.id}), 0)),
        )
        for model in roots[:_DRAWN_TREES]
    ]
    rest = len(roots) - len(trees)
    title = "What the models descend from"
    says = (
        "Only descent by "
        f"{', '.join(view.result.impact.followed) or 'no kind'} counts in look-through figures. A shared "
        "architecture or tokenizer is a shared design, not descent."
    )
    if rest:
        says += f" {rest} more models are only in the table."
    rows = tuple(
        (
            model.name or model.id,
            descent_words(edge),
            edge.ancestor,
            edge.status,
            edge.basis,
            _marks(view, edge.sources),
        )
        for model in models
        for edge in model.descent
    ) + tuple(
        (
            model.name or model.id,
            "it is said",
            claim.says,
            claim.status,
            "declared",
            _marks(view, claim.sources)
            + (f" against {_marks(view, claim.against)}" if claim.against else ""),
        )
        for model in models
        for claim in model.claims
    )
    names = ("Model", "Relation", "Ancestor", "Status", "Basis", "Sources")
    return Figure.drawn(
        "descent",
        title,
        says,
        lambda size: descent_tree(trees, id_="descent", title=title, description=says, size=size),
        table=Table(title, tuple(map(Column, names)), rows, file_name="descent.csv"),
    )
