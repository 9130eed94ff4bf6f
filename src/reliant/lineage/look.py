"""What a model file says by its headers alone: the level that an assessment uses by default.

Nothing here needs numpy, and no tensor value is read. It says what a model claims and how
it is built; whether its weights are somebody's is `trace`'s question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import NotLookedAt
from reliant.errors import TargetError
from reliant.lineage.blueprint import Blueprint, blueprint_of
from reliant.lineage.declared import Claim, declared_by
from reliant.lineage.formats.header import count_of
from reliant.lineage.formats.source import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.vocabulary import digest_of, vocabulary_of

if TYPE_CHECKING:
    from pathlib import Path

    from reliant.lineage.place import Place

BUDGET = 64 << 20


class Seen(msgspec.Struct, frozen=True):
    """One model seen by its headers.

    Attributes:
        path: As given.
        format: safetensors, gguf, pytorch, onnx or npz; empty if only a description was found.
        files: The weight files.
        parameters: Values in all tensors.
        vocabulary: Tokens in its tokenizer; None if it brings none.
        vocabulary_digest: Of the token texts in order of id; equal for equal tokenizers.
        claims: What it says of its origin.
        adapter: True if it holds a change to another model, not a model.
        problem: Why it could not be read; empty if it could.
    """

    path: str
    format: str = ""
    files: tuple[str, ...] = ()
    parameters: int = 0
    blueprint: Blueprint = Blueprint(None, {})
    vocabulary: int | None = None
    vocabulary_digest: str = ""
    claims: tuple[Claim, ...] = ()
    adapter: bool = False
    bytes_read: int = 0
    problem: str = ""
    not_looked_at: tuple[NotLookedAt, ...] = ()


def look(path: Path | str, *, budget: int = BUDGET) -> Seen:
    """Return what headers and side files say; a file that cannot be read is said so, not raised."""
    meter = Meter(budget)
    try:
        return look_at(local_place(str(path), meter))
    except TargetError as error:
        return Seen(str(path), bytes_read=meter.bytes_read, problem=str(error))


def look_at(place: Place) -> Seen:
    """Return the same of a place, whose meter holds the budget."""
    try:
        opened = open_model(place)
        vocabulary = vocabulary_of(opened)
    except TargetError as error:
        return Seen(place.name, bytes_read=place.meter.bytes_read, problem=str(error))
    return Seen(
        path=place.name,
        format=opened.format,
        files=opened.files,
        parameters=sum(count_of(tensor.shape) for tensor in opened.tensors.values()),
        blueprint=blueprint_of(opened),
        vocabulary=None if vocabulary is None else len(vocabulary.ids),
        vocabulary_digest=digest_of(vocabulary),
        claims=declared_by(opened),
        adapter=opened.adapter is not None,
        bytes_read=place.meter.bytes_read,
        not_looked_at=tuple(opened.not_looked_at),
    )
