"""What a trace says: the shape of `reliant.trace/1`.

These structs are the public JSON: a field may be added, none may change its name, its type
or its meaning.
"""

from __future__ import annotations

import msgspec

from reliant.core.use import NotLookedAt
from reliant.lineage.blueprint import ConfigLevel
from reliant.lineage.declared import DeclaredLevel
from reliant.lineage.vocabulary import TokenizerLevel
from reliant.lineage.weights import Weights

TRACE_SCHEMA = "reliant.trace/1"

# Verdicts of the weights level that say there is a relation.
RELATED = ("exact", "near_copy", "derived", "partial", "same_space")


class Levels(msgspec.Struct, frozen=True):
    """The four kinds of evidence, side by side and never blended."""

    declared: DeclaredLevel
    config: ConfigLevel
    tokenizer: TokenizerLevel
    weights: Weights


class TraceResult(msgspec.Struct, frozen=True):
    """One suspect against one reference, which is named as the user gave it."""

    reference: str
    levels: Levels
    statement: str = ""


class Contradiction(msgspec.Struct, frozen=True):
    """Two levels that cannot both be right, or a relation that is kept quiet about."""

    kind: str
    reference: str
    text: str


class Facts(msgspec.Struct, frozen=True):
    """What the suspect is, from its headers."""

    format: str
    files: tuple[str, ...]
    tensors: int
    parameters: int
    architecture: str | None
    layers: int | None
    width: int | None
    inner_width: int | None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer for one suspect."""

    schema: str = TRACE_SCHEMA
    suspect: str
    results: tuple[TraceResult, ...]
    contradictions: tuple[Contradiction, ...]
    not_looked_at: tuple[NotLookedAt, ...]
    facts: Facts
    notes: tuple[str, ...] = ()


def statement(suspect: str, reference: str, found: Weights) -> str:
    """Return the verdict in one sentence: what is shared, never who took it from whom."""
    limit = "unknown" if found.detection_limit is None else f"{found.detection_limit:g}"
    matched = [match for match in found.layers if match.reference is not None]
    looked = len({match.layer for match in found.layers})
    if found.verdict == "exact":
        return f"{suspect} shares weights with {reference}: every tensor is equal to the last bit."
    if found.verdict == "near_copy":
        return (
            f"{suspect} shares weights with {reference}: nearly equal throughout (mean cosine "
            f"{found.cosine:.4f})."
        )
    if found.path == "bytes" and found.verdict in {"derived", "partial"}:
        return (
            f"{suspect} shares weights with {reference}{' in small part' * (found.verdict == 'partial')}: "
            f"{found.agreement:.0%} of its trained values lie in tensors that are equal."
        )
    if found.verdict == "derived" and found.path == "T":
        return (
            f"{suspect} shares weights (or their first random draw) with {reference}: {found.agreement:.0%} "
            f"of the rows of its best matrix agree twice (p 1e{found.log10_p:.0f})."
        )
    if found.verdict == "derived":
        layers = len({match.layer for match in matched})
        what = "heads" if found.path == "A" else f"neurons, in {layers} of {looked} layers looked at"
        return (
            f"{suspect} shares weights (or their first random draw) with {reference}: "
            f"{found.agreement:.0%} of {what}, agree twice (p 1e{found.log10_p:.0f})."
        )
    if found.verdict == "partial":
        return (
            f"{suspect} shares weights with {reference} in small part: {found.agreement:.1%} of "
            f"neurons agree twice."
        )
    if found.verdict == "same_space":
        return (
            f"{suspect} shares embeddings and residual space with {reference}, and no common layer was found."
        )
    if found.verdict == "none_detected":
        return f"No shared weights with {reference} detected at detection limit c >= {limit}."
    return f"The weights could not be tested against {reference}: {found.why}"
