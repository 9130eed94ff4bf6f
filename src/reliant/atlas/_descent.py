"""Walks the descent edges between models, by kind, and never takes a missing parent for none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas._known import hidden
from reliant.atlas.records.model import WEIGHTS_KINDS, Edge, Model
from reliant.core.dates import PartialDate
from reliant.core.truth import Truth, every, some

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEAKEST_LAST = ("confirmed", "reported", "disputed", "denied")


class Ancestor(msgspec.Struct, frozen=True):
    """Something a model descends from.

    Attributes:
        id: Of the model or family; None where the sources do not name it.
        said: What they call it.
        developer: Who made it, if known.
        kinds: Of the edges from the model to here, in order.
        status: The weakest of these edges.
        component: The part that an edge is limited to, if one is.
        path: Ids from the model's first parent to here.
        sources: Local names of the last edge's sources, within `said_by`.
        said_by: Id of the record that holds the last edge.
    """

    id: str | None
    said: str
    developer: str | None
    kinds: tuple[str, ...]
    status: str
    component: str | None
    path: tuple[str, ...]
    sources: tuple[str, ...]
    said_by: str

    @property
    def steps(self) -> int:
        """How many edges away it is."""
        return len(self.kinds)

    @property
    def truth(self) -> Truth:
        """Whether it is an ancestor, for figures: what is reported counts, what is disputed is UNKNOWN.

        Rules are stricter on purpose: `reaches` takes a report for UNKNOWN unless it is
        told to believe reports, because nobody should be blocked on hearsay.
        """
        if self.status in ("confirmed", "reported"):
            return Truth.YES
        return Truth.NO if self.status == "denied" else Truth.UNKNOWN


def ancestors(models: Mapping[str, Model], start: str, kinds: frozenset[str]) -> tuple[Ancestor, ...]:
    """Return everything above `start`, nearest first; each ancestor once per kind of first edge."""
    found: list[Ancestor] = []
    seen: set[tuple[str, str]] = set()
    queue: deque[tuple[str, Ancestor | None]] = deque([(start, None)])
    while queue:
        here, before = queue.popleft()
        for edge in models[here].descent:
            if edge.kind not in kinds:
                continue
            step = _step(models, here, edge, before)
            mark = (step.id or step.said, step.kinds[0])
            if step.id == start or mark in seen:
                continue
            seen.add(mark)
            found.append(step)
            if step.id is not None and step.id in models and edge.status != "denied":
                queue.append((step.id, step))
    return tuple(found)


def _step(models: Mapping[str, Model], here: str, edge: Edge, before: Ancestor | None) -> Ancestor:
    known = models.get(edge.ancestor) if edge.ancestor else None
    said = edge.ancestor_said or (known.name if known else edge.ancestor) or "not named"
    statuses = (edge.status, before.status) if before else (edge.status,)
    return Ancestor(
        id=edge.ancestor,
        said=said,
        developer=known.developer if known else edge.ancestor_developer,
        kinds=(*(before.kinds if before else ()), edge.kind),
        status=max(statuses, key=_WEAKEST_LAST.index),
        component=edge.component or (before.component if before else None),
        path=(*(before.path if before else ()), edge.ancestor or said),
        sources=edge.sources,
        said_by=here,
    )


def reaches(
    models: Mapping[str, Model],
    start: str,
    target: str,
    *,
    kinds: frozenset[str],
    believed: frozenset[str],
    whole: Mapping[str, Model] | None = None,
) -> Truth:
    """Say whether `start` descends from `target` or, if that is a family, from a member.

    `whole` are all models with all edges, where `models` are only those known on a day:
    what is hidden makes the answer UNKNOWN, never NO.
    """
    everything = models if whole is None else whole

    def is_wanted(model: Model) -> bool:
        return target in {model.id, *_families(everything, model)}

    question = _Question(
        models,
        everything,
        is_wanted=is_wanted,
        kinds=kinds,
        believed=believed,
        exists_from=models[target].released,
        developer=models[target].developer,
    )
    return question.asked_of(models[start])


def reaches_developer(
    models: Mapping[str, Model],
    start: str,
    maker: str,
    *,
    kinds: frozenset[str],
    believed: frozenset[str],
    whole: Mapping[str, Model] | None = None,
) -> Truth:
    """Say whether `start`, or anything it descends from, was made by `maker`; `whole` as for `reaches`."""
    if models[start].developer == maker:
        return Truth.YES
    everything = models if whole is None else whole
    theirs = [model for model in everything.values() if model.developer == maker and not model.floating]
    dates = [model.released for model in theirs if model.released]
    question = _Question(
        models,
        everything,
        is_wanted=lambda model: model.developer == maker,
        kinds=kinds,
        believed=believed,
        exists_from=min(dates, default=None) if len(dates) == len(theirs) else None,
        developer=maker,
        any_of_developer=True,
    )
    return question.asked_of(models[start])


@dataclass(frozen=True)
class _Question:
    """Does a model descend from what is wanted?

    Attributes:
        models: As known on the day that is asked about.
        whole: The same with everything that was found out since.
        believed: Statuses of an edge that count as being there; any other but denied is UNKNOWN.
        exists_from: When the first wanted model was released: nothing older descends from it.
        developer: Who made what is wanted.
        any_of_developer: Every model of that developer is wanted, so that an edge that names
            only a developer can count.
    """

    models: Mapping[str, Model]
    whole: Mapping[str, Model]
    is_wanted: Callable[[Model], bool]
    kinds: frozenset[str]
    believed: frozenset[str]
    exists_from: str | None
    developer: str
    any_of_developer: bool = False

    def asked_of(self, model: Model, below: frozenset[str] = frozenset()) -> Truth:
        """Answer for `model`; `below` are the models already on the way, so that a circle ends."""
        if _older(model, self.exists_from):
            return Truth.NO
        edges = [edge for edge in model.descent if edge.kind in self.kinds]
        answers = [self._along(edge, below | {model.id}) for edge in edges]
        told = self._recorded(model) or any(self._denied(edge) for edge in edges)
        if not told or self._hides(model):
            answers.append(Truth.UNKNOWN)
        return some(answers)

    def _along(self, edge: Edge, below: frozenset[str]) -> Truth:
        holds = self._holds(edge)
        parent = self.models.get(edge.ancestor) if edge.ancestor else None
        if parent is None:
            certain = self.any_of_developer and edge.ancestor_developer == self.developer
            return every((holds, Truth.YES if certain else Truth.UNKNOWN))
        if self.is_wanted(parent):
            return holds
        return Truth.NO if parent.id in below else every((holds, self.asked_of(parent, below)))

    def _hides(self, model: Model) -> bool:
        """Say whether an edge of the model was found only after the day."""
        if self.whole is self.models:
            return False
        return hidden(self.whole[model.id].descent, model.descent, self.kinds)

    def _holds(self, edge: Edge) -> Truth:
        if edge.status in self.believed:
            return Truth.YES
        return Truth.NO if edge.status == "denied" else Truth.UNKNOWN

    def _recorded(self, model: Model) -> bool:
        """Say whether a wanted parent would have an edge; only of weights do records say so much."""
        if not self.kinds <= WEIGHTS_KINDS:
            return False
        if model.weights_origin == "own":
            return model.developer != self.developer
        return model.weights_origin == "derived"

    def _denied(self, edge: Edge) -> bool:
        """Say whether the edge denies what is asked for the whole model: that much is then known."""
        parent = self.models.get(edge.ancestor) if edge.ancestor else None
        return (
            edge.status == "denied" and not edge.component and parent is not None and self.is_wanted(parent)
        )


def _older(model: Model, exists_from: str | None) -> bool:
    """Say whether the model was released before there was anything it could descend from."""
    if model.released is None or exists_from is None:
        return False
    return PartialDate.parse(model.released).latest < PartialDate.parse(exists_from).earliest


def _families(models: Mapping[str, Model], model: Model) -> Iterator[str]:
    seen: set[str] = set()
    while model.part_of and model.part_of in models and model.part_of not in seen:
        seen.add(model.part_of)
        yield model.part_of
        model = models[model.part_of]
