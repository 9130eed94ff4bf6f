"""The models of a target in words: one line per level, never one figure for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.report._text import clean, listed, number, plural

if TYPE_CHECKING:
    from reliant.core.results import Assessment, ModelFile

_SHARES = ("exact", "near_copy", "derived", "partial", "same_space")
_SIZES = ("layers", "width", "inner_width", "experts", "vocabulary")


@dataclass(frozen=True)
class FileWords:
    """What each level says of one model file.

    Attributes:
        weights: "not compared", where nobody asked.
        shares: References that it shares weights with.
    """

    file: ModelFile
    about: str
    declared: str
    config: str
    tokenizer: str
    weights: str
    shares: tuple[str, ...]


def words_of(result: Assessment) -> list[FileWords]:
    """Return every model file in words; what has a finding or a relation comes first."""
    words = [_words(one) for one in result.model_files]
    return sorted(words, key=lambda one: (not one.file.findings, not one.shares, not one.file.claims))


def _words(one: ModelFile) -> FileWords:
    size = f"{one.parameters / 1e6:,.1f} M values" if one.parameters else "no weights read"
    shares = [found for found in one.weights if found.verdict in _SHARES]
    return FileWords(
        file=one,
        about=f"could not be read: {clean(one.problem)}"
        if one.problem
        else f"{one.format or 'no format'}, {size}",
        declared=_declared(one),
        config=_config(one),
        tokenizer=_tokenizer(one),
        weights=_weights(one),
        shares=tuple(found.reference for found in shares),
    )


def _declared(one: ModelFile) -> str:
    said = [f"{claim.kind} {clean(claim.value)} ({clean(claim.place)})" for claim in one.claims]
    return listed(said, at_most=3) if said else "says nothing of its origin"


def _config(one: ModelFile) -> str:
    sizes = ", ".join(
        f"{name.replace('_', ' ')} {number(one.sizes[name])}" for name in _SIZES if name in one.sizes
    )
    alike = (
        f"; same blueprint as {listed(map(clean, one.same_blueprint_as), at_most=2)}"
        if one.same_blueprint_as
        else ""
    )
    return f"{clean(one.architecture or 'architecture not said')}{f': {sizes}' if sizes else ''}{alike}"


def _tokenizer(one: ModelFile) -> str:
    if one.vocabulary is None:
        return "brings none that is read"
    alike = (
        f"; the same as in {listed(map(clean, one.same_tokenizer_as), at_most=2)}"
        if one.same_tokenizer_as
        else ""
    )
    return f"{one.vocabulary:,} tokens{alike}"


def _weights(one: ModelFile) -> str:
    if not one.weights:
        return "not compared"
    parts = [
        f"shares weights with {clean(found.reference)} ({found.verdict}, path {found.path})"
        if found.verdict != "same_space"
        else f"shares embeddings, and no layer, with {clean(found.reference)}"
        for found in one.weights
        if found.verdict in _SHARES
    ]
    none = [found for found in one.weights if found.verdict == "none_detected"]
    if none:
        limits = [found.detection_limit for found in none if found.detection_limit is not None]
        limit = f" at detection limit c {max(limits):g}" if limits else ""
        parts.append(f"none detected{limit} against {plural(len(none), 'model')}")
    open_ = sum(found.verdict == "not_testable" for found in one.weights)
    if open_:
        parts.append(f"not testable against {plural(open_, 'model')}")
    return "; ".join(parts)
