"""The weights of a target's model files: against reference indexes, and against each other.

What is found is "shares weights with"; which of two models came first is not in the
weights. What is not found is "none detected at detection limit c", never independence.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.assessment.graph import FOLLOWED
from reliant.assessment.model_files import CONTRADICTED, with_findings
from reliant.core.results import Descent, ModelFile, ModelFinding, WeightsFound
from reliant.core.use import NotLookedAt
from reliant.errors import WeightsError
from reliant.lineage.index import Store, compared
from reliant.lineage.opened import open_model
from reliant.lineage.results import RELATED
from reliant.lineage.trace import Model, prepare, retold, trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reliant.assessment.model_files import Group, ModelFiles
    from reliant.atlas import Atlas
    from reliant.lineage.results import Trace, TraceResult

EACH = 512 << 20  # bytes of weights read of one model, for all its comparisons
MOST = 24  # models of one target compared with each other: 276 pairs


class Indexes(NamedTuple):
    """Folders of fingerprints to search; `budget` is of bytes per model."""

    folders: tuple[Path, ...] = ()
    budget: int = EACH


def with_weights(
    found: ModelFiles, groups: Sequence[Group], root: Path, atlas: Atlas, indexes: Indexes
) -> ModelFiles:
    """Return `found` with the weights level, and with the edges and contradictions that follow."""
    notes = list(found.not_looked_at)
    models: dict[str, Model] = {}
    readable = {one.path for one in found.files if not one.problem}
    for group in groups:
        if group.path not in readable:
            continue
        if len(models) == MOST:
            notes.append(NotLookedAt(group.path, f"weights: at most {MOST} models are compared"))
            continue
        try:
            models[group.path] = prepare(open_model(group.place(root, indexes.budget)))
        except WeightsError as error:
            notes.append(NotLookedAt(group.path, error.problem))
    traces: dict[str, list[Trace]] = {path: [] for path in models}
    for one, other in itertools.combinations(models.values(), 2):
        told = trace(one, [other])
        traces[one.name].append(told)
        # The relation has no direction, and what it costs to find is paid once.
        traces[other.name].append(retold(other, one, told.results[0].levels.weights))
    stores = [Store(folder) for folder in indexes.folders]
    searched: dict[str, Trace] = {}
    for model in models.values() if stores else ():
        try:
            searched[model.name] = compared(model, stores)
        except WeightsError as error:
            notes.append(NotLookedAt(model.name, f"not searched for in the index: {error.problem}"))
            continue
        notes += searched[model.name].not_looked_at
    files = tuple(
        _joined(one, traces.get(one.path, []), searched.get(one.path), atlas) for one in found.files
    )
    return type(found)(files, tuple(dict.fromkeys(notes)))


def _joined(one: ModelFile, pairs: Iterable[Trace], index: Trace | None, atlas: Atlas) -> ModelFile:
    """Return a model file with what its weights say.

    Names of an index were given by whoever built it, so the atlas is asked what they mean. A
    path of the target is only a path: what lies there may be called anything.
    """
    told = [*((one, False) for one in pairs), *(((index, True),) if index is not None else ())]
    weights: list[WeightsFound] = []
    findings: list[ModelFinding] = []
    edges: dict[str, Descent] = {}
    refuted: set[str] = set()
    for trace_, named in told:
        for result in trace_.results:
            found = result.levels.weights
            weights.append(
                WeightsFound(
                    reference=result.reference, verdict=found.verdict, statement=result.statement,
                    path=found.path, agreement=found.agreement, log10_p=found.log10_p,
                    detection_limit=found.detection_limit, bytes_read=found.bytes_read,
                )
            )  # fmt: skip
            record = atlas.find_model(_bare(result.reference)).model if named else None
            ancestor = record.id if record else result.reference
            if found.verdict in RELATED:
                edges.setdefault(ancestor, _edge(ancestor, result))
            elif found.verdict == "none_detected":
                refuted.add(ancestor)
        findings += [
            ModelFinding(CONTRADICTED, said.kind, said.text, "measured", said.reference)
            for said in trace_.contradictions
            if said.kind != "names_another" or (named and not _of_one_family(one, said.reference, atlas))
        ]
    declared = tuple(
        msgspec.structs.replace(edge, status="disputed", note=f"{edge.note}; no shared weights were detected")
        if edge.ancestor in refuted and edge.ancestor not in edges and edge.kind in FOLLOWED
        else edge
        for edge in one.descent
    )
    weighed = msgspec.structs.replace(one, weights=tuple(weights), descent=(*edges.values(), *declared))
    return with_findings(weighed, findings)


def _of_one_family(one: ModelFile, reference: str, atlas: Atlas) -> bool:
    """Return True if the reference and a base that the file names are relatives anyway.

    A tuned model, its base and the base's other children all share weights; naming the base
    and being found near a sister contradicts nothing.
    """

    def family(name: str) -> set[str]:
        record = atlas.find_model(_bare(name)).model
        above = atlas.ancestors(record.id) if record else ()
        return {record.id, *(found.id for found in above if found.id)} if record else set()

    theirs = family(reference)
    return any(family(edge.ancestor) & theirs for edge in one.descent if edge.basis == "declared")


def _edge(ancestor: str, result: TraceResult) -> Descent:
    """Return the edge of a measured relation; common embeddings alone are no common layers."""
    found = result.levels.weights
    limit = "" if found.detection_limit is None else f", detection limit c {found.detection_limit:g}"
    note = f"{result.statement} Path {found.path}{limit}."
    status = "disputed" if found.verdict == "same_space" else "confirmed"
    return Descent(ancestor, "weights", status, "measured", note=note)


def _bare(reference: str) -> str:
    """Return a name the atlas may know: a hub id as it is, of a path the last part."""
    parts = reference.rstrip("/").split("/")
    return reference if len(parts) == 2 and not reference.startswith((".", "/", "~")) else parts[-1]
