"""The models that lie in a target: what their headers and side files say of their descent.

Four levels stand side by side, as in `reliant.lineage`: what a model declares, its
blueprint, its tokenizer, and its weights. This file reads the first three, within a byte
budget; `model_weights` reads the fourth, when it is asked for. Each edge of descent keeps
the level it rests on as its basis, so no claim is ever taken for a measurement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.core.results import Descent, FileClaim, ModelFile, ModelFinding
from reliant.core.use import NotLookedAt
from reliant.lineage import Seen, look_at
from reliant.lineage.formats import Meter
from reliant.lineage.formats.sniff import SUFFIXES
from reliant.lineage.place import LocalFew

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from reliant.atlas import Atlas
    from reliant.core.use import Use

DETECTOR = "model-file"
CONTRADICTED, INCONSISTENT = "RLT-LIN-001", "RLT-LIN-002"
EACH = 32 << 20  # bytes of headers and side files read of one model; a large tokenizer has 20 MB
TOTAL = 256 << 20
MOST = 200
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.\w+$)")
_EDGES = {"base": "weights", "merge": "merge", "adapter": "adapter"}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*")


class Group(NamedTuple):
    """The weight files of one model, in one folder of the target.

    Attributes:
        path: What it is called in the result: its folder, or its file if others lie beside it.
    """

    path: str
    folder: str
    files: tuple[str, ...]
    uses: tuple[str, ...]

    def place(self, root: Path, budget: int | None) -> LocalFew:
        """Return where it can be read, with a meter of its own."""
        return LocalFew(root / self.folder, self.files, Meter(budget), name=self.path)


class ModelFiles(NamedTuple):
    """What the model files of a target gave."""

    files: tuple[ModelFile, ...]
    not_looked_at: tuple[NotLookedAt, ...] = ()

    def edges(self) -> Mapping[str, tuple[Descent, ...]]:
        """Return the edges of descent behind each use, what was measured first."""
        found: dict[str, list[Descent]] = defaultdict(list)
        for one in self.files:
            for use in one.uses if one.descent else ():
                found[use] += one.descent
        return {
            use: tuple(sorted(edges, key=lambda edge: edge.basis != "measured"))
            for use, edges in found.items()
        }


def groups_of(uses: Iterable[Use]) -> list[Group]:
    """Return the models whose files show a use, in order of their path."""
    shown: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for use in uses:
        for seen in use.evidence:
            if seen.detector == DETECTOR and seen.path.lower().endswith(SUFFIXES):
                folder, _, file = seen.path.rpartition("/")
                shown[folder, _SHARD.sub("", file)][file].append(use.id)
    alone = {folder: sum(one == folder for one, _ in shown) == 1 for folder, _ in shown}
    return [
        Group(
            path=folder if alone[folder] and folder else f"{folder}/{min(files)}".lstrip("/"),
            folder=folder,
            files=tuple(sorted(files)),
            uses=tuple(sorted({use for ids in files.values() for use in ids})),
        )
        for (folder, _), files in sorted(shown.items())
    ]


def look_into(groups: Iterable[Group], root: Path, atlas: Atlas, *, cut_at: int | None = None) -> ModelFiles:
    """Return what headers, configs, cards and tokenizers say; no value of a tensor is read.

    Args:
        cut_at: Members of an archive were unpacked up to this many bytes; None if all is there.
    """
    skipped: list[NotLookedAt] = []
    looked: list[tuple[Group, Seen]] = []
    left = TOTAL
    for group in groups:
        if len(looked) >= MOST or left <= 0:
            skipped.append(NotLookedAt(group.path, "the byte budget for the headers of models is spent"))
            continue
        seen = look_at(group.place(root, min(EACH, left)))
        if seen.problem and cut_at and _is_cut(group, root, cut_at):
            about = f"only its first {cut_at >> 20} MiB were unpacked: unpack it, and name the folder"
            seen = msgspec.structs.replace(seen, problem=about)
        left -= seen.bytes_read
        skipped += [NotLookedAt(f"{group.path}: {one.path}", one.reason) for one in seen.not_looked_at]
        looked.append((group, seen))
    alike = _alike(looked)
    return ModelFiles(
        tuple(_model_file(group, seen, alike[group.path], atlas) for group, seen in looked), tuple(skipped)
    )


def _is_cut(group: Group, root: Path, cut_at: int) -> bool:
    sizes = [one.stat().st_size for name in group.files if (one := root / group.folder / name).is_file()]
    return cut_at in sizes


class _Alike(NamedTuple):
    blueprint: tuple[str, ...]
    tokenizer: tuple[str, ...]


def _alike(looked: list[tuple[Group, Seen]]) -> dict[str, _Alike]:
    """Return, by path, the models with the same blueprint and with the same tokenizer."""
    blueprints: dict[object, list[str]] = defaultdict(list)
    tokenizers: dict[str, list[str]] = defaultdict(list)
    for group, seen in looked:
        if len(seen.blueprint.sizes) >= 3:
            blueprints[tuple(sorted(seen.blueprint.sizes.items()))].append(group.path)
        if seen.vocabulary_digest:
            tokenizers[seen.vocabulary_digest].append(group.path)

    def others(table: Iterable[list[str]], path: str) -> tuple[str, ...]:
        return tuple(one for names in table if path in names for one in names if one != path)

    return {
        group.path: _Alike(others(blueprints.values(), group.path), others(tokenizers.values(), group.path))
        for group, _ in looked
    }


def _model_file(group: Group, seen: Seen, alike: _Alike, atlas: Atlas) -> ModelFile:
    claims = tuple(FileClaim(one.kind, one.value, one.place) for one in seen.claims)
    return ModelFile(
        path=group.path,
        uses=group.uses,
        format=seen.format,
        files=seen.files,
        parameters=seen.parameters,
        architecture=seen.blueprint.architecture,
        sizes=dict(seen.blueprint.sizes),
        vocabulary=seen.vocabulary,
        same_blueprint_as=alike.blueprint,
        same_tokenizer_as=alike.tokenizer,
        claims=claims,
        descent=_declared(claims, atlas),
        findings=_inconsistent(group.path, claims),
        bytes_read=seen.bytes_read,
        problem=seen.problem,
    )


def _declared(claims: Iterable[FileClaim], atlas: Atlas) -> tuple[Descent, ...]:
    """Return an edge per model that is named as the origin.

    A name it gives itself counts only if the atlas knows a model by it: most are paths of
    somebody's disk.
    """
    found: dict[tuple[str, str], Descent] = {}
    for claim in claims:
        record = atlas.find_model(claim.value).model
        if claim.kind in _EDGES:
            kind, said = _EDGES[claim.kind], "names it as its base"
        elif claim.kind == "self" and record is not None:
            kind, said = "weights", "goes by its name"
        else:
            continue
        if record is None and not _HUB_ID.fullmatch(claim.value):
            continue
        ancestor = record.id if record else claim.value
        note = f"{said}: {claim.value} ({claim.place})"
        found.setdefault((ancestor, kind), Descent(ancestor, kind, "reported", "declared", note=note))
    return tuple(found.values())


def _inconsistent(path: str, claims: tuple[FileClaim, ...]) -> tuple[ModelFinding, ...]:
    scratch = next((one for one in claims if one.kind == "scratch"), None)
    base = next((one for one in claims if one.kind in _EDGES), None)
    if scratch is None or base is None:
        return ()
    text = (
        f'{path} says it was trained from scratch ({scratch.place}: "{scratch.value}"), and names '
        f"{base.value} as its base ({base.place})."
    )
    return (ModelFinding(INCONSISTENT, "scratch_and_base", text, "declared", base.value),)


def with_findings(one: ModelFile, findings: Iterable[ModelFinding]) -> ModelFile:
    """Return the model file with more findings, each once."""
    return msgspec.structs.replace(one, findings=tuple(dict.fromkeys((*one.findings, *findings))))
