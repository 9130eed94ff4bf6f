"""Fingerprints of a batch of models: a pure function of their names and bytes, for whatever runs batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reliant.errors import TargetError
from reliant.lineage.index.fingerprint import encode
from reliant.lineage.index.make import fingerprint
from reliant.lineage.opening import Limits, Online, open_named
from reliant.lineage.trace import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Made(NamedTuple):
    """The file of one fingerprint, or why there is none."""

    name: str
    data: bytes = b""
    problem: str = ""


def fingerprint_batch(
    names: Iterable[str], limits: Limits, online: Online | None = None, paths: Sequence[str] = ("I",)
) -> list[Made]:
    """Return one answer per name, in order; what cannot be read is an answer, not an exception."""
    made = []
    for name in names:
        try:
            made.append(Made(name, encode(fingerprint(prepare(open_named(name, limits, online)), paths))))
        except TargetError as error:
            made.append(Made(name, problem=str(error)))
    return made
