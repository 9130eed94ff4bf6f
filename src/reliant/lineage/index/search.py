"""One suspect against an index: path I on every fingerprint of its width, then E and P on the rest.

Structure and tokenizer only set the order in which fingerprints are compared. None is left
out for looking different; what a fingerprint does not hold is counted as not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reliant.errors import WeightsError
from reliant.lineage.agreement import Bundle, unit
from reliant.lineage.coordinates import (
    Neurons,
    Turn,
    form_keys,
    neurons_of,
    reduced,
    turn_from_pairs,
    turn_from_signatures,
)
from reliant.lineage.formats.source import BudgetSpent
from reliant.lineage.index.make import affords_p, known_tokens, projection, rows_enough, table_rows
from reliant.lineage.matching import LayerMatch, Outcome, compare_layers, is_found, rank_of
from reliant.lineage.sample import LayerRows, spread_layers
from reliant.lineage.stages import inner_layers, readings_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.lineage.index.fingerprint import Block, Fingerprint
    from reliant.lineage.stages import Side
    from reliant.lineage.trace import Model

_FIRST_LAYERS = 6
_ROWS = 64
_MOST_E_LAYERS = 12


class Candidate(NamedTuple):
    """One fingerprint compared.

    Attributes:
        path: By which a relation was found; None if none was.
        tried: The paths it was compared by.
        agreement: The best layer's share of agreeing rows.
        log10_p: Corrected for layers and for the number of fingerprints searched.
        layers: Suspect layers found, of those compared.
        hits: In the best layer; `chance` is what strangers would have.
    """

    name: str
    path: str | None
    tried: tuple[str, ...]
    agreement: float
    log10_p: float
    cosine: float
    layers: int
    compared: int
    hits: int
    chance: float
    runner_up: int
    related: bool
    same_tokenizer: bool
    same_shape: bool


class Suspect:
    """A model that meets many fingerprints: what they ask of it is read once."""

    def __init__(self, model: Model, vocabulary_digest: str, header_digest: str) -> None:
        if model.side is None:
            raise WeightsError(model.name, "no feed-forward neurons were found, so it cannot be searched for")
        self.side: Side = model.side
        self.vocabulary_digest = vocabulary_digest
        self.header_digest = header_digest
        self._by_dimensions: dict[tuple[int, bool, str], list[LayerRows]] = {}
        self.readings = readings_of(self.side.sampler)
        self._tokens: dict[Any, Any] | None = None
        self._rows_e: dict[tuple[bool, str], list[LayerRows]] = {}
        self._neurons: dict[tuple[int, ...], list[Neurons] | None] = {}

    def identity_rows(self, dimensions: int, reading: tuple[bool, str]) -> list[LayerRows]:
        """Return rows of a few layers, projected as a fingerprint's are."""
        key = (dimensions, *reading)
        if key not in self._by_dimensions:
            turn = projection(self.side.sampler.d, dimensions)
            some = spread_layers(self.side.depth, _FIRST_LAYERS)
            swap, norm = reading
            self._by_dimensions[key] = [
                one._replace(
                    rows=Bundle(unit(one.rows.gate @ turn), unit(one.rows.up @ turn), one.rows.numbers)
                )
                for one in _usable(self.side.sampler.layer_rows(some, _ROWS, swap=swap, norm=norm))
            ]
        return self._by_dimensions[key]

    def token_table(self, hashes: Any, tables: int) -> tuple[Any, Any] | None:
        """Return our rows of these tokens, and which of them we have; None if they are too few."""
        if self._tokens is None:
            known = known_tokens(self.side)
            self._tokens = (
                {} if known is None else dict(zip(known[0].tolist(), known[1].tolist(), strict=True))
            )
        have = np.array([int(one) in self._tokens for one in hashes], bool)
        if have.sum() < 64:
            return None
        ids = np.array([self._tokens[int(one)] for one in hashes[have]], np.int64)
        found = table_rows(self.side, ids)
        if found is None:
            return None
        rows, ours = found
        shared = min(ours, tables)
        return rows[: shared * len(ids)], have

    def token_rows(self, rows: int, reading: tuple[bool, str]) -> list[LayerRows]:
        """Return neurons of the inner layers, for path E."""
        if reading not in self._rows_e:
            inner = inner_layers(self.side.depth)
            swap, norm = reading
            self._rows_e[reading] = []
            for count in (_MOST_E_LAYERS, 4, 2):
                layers = [inner[at] for at in spread_layers(len(inner), count)]
                wanted = max(rows, rows_enough(self.side.sampler.anatomy.ff))
                if self.side.affords(layers, wanted, 0.9):
                    found = self.side.sampler.layer_rows(layers, wanted, swap=swap, norm=norm)
                    self._rows_e[reading] = _usable(found)
                    break
        return self._rows_e[reading]

    def neurons(self, learned: tuple[int, ...], forms: tuple[str, ...]) -> list[Neurons] | None:
        """Return whole neurons of these layers, if they can be read and have the same forms."""
        if learned not in self._neurons:
            found = None
            if affords_p(self.side) and form_keys(self.side.sampler, list(learned)) == forms:
                found = neurons_of(self.side.sampler, list(learned))
            self._neurons[learned] = found
        return self._neurons[learned]

    def tested_rows(self, blocks: tuple[Block, ...]) -> list[LayerRows]:
        """Return neurons of the layers that path P is judged by."""
        tested = sorted({block.layer for block in blocks})
        return _usable(self.side.sampler.layer_rows(tested, rows_enough(self.side.sampler.anatomy.ff)))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a spoilt row is counted, not warned of
def search(model: Model, own: Fingerprint, index: Iterable[Fingerprint]) -> list[Candidate]:
    """Return every fingerprint that could be compared, the best first.

    Args:
        own: The suspect's own fingerprint, for its digests; no part of it need be there.
    """
    suspect = Suspect(model, own.vocabulary_digest, own.header_digest)
    pool = sorted(index, key=lambda one: _order(suspect, one))
    found: dict[str, Candidate] = {}
    for path in ("I", "E", "P"):
        # A relation found by a cheap path settles that fingerprint; the others go on.
        rest = [
            one for one in pool if path in one.parts and not (one.name in found and found[one.name].related)
        ]
        for one in rest:
            outcome = _outcome(suspect, one, path, len(pool))
            if outcome is not None:
                found[one.name] = _better(found.get(one.name), _candidate(suspect, one, path, outcome))
    return sorted(found.values(), key=lambda one: (-int(one.related), one.log10_p, -one.agreement, one.name))


def _order(suspect: Suspect, one: Fingerprint) -> tuple[bool, bool, str]:
    return (
        one.header_digest != suspect.header_digest,
        one.vocabulary_digest != suspect.vocabulary_digest,
        one.name,
    )


def _usable(rows: list[LayerRows]) -> list[LayerRows]:
    return [one for one in rows if len(one.rows.gate) >= 8]


def _outcome(suspect: Suspect, one: Fingerprint, path: str, searched: int) -> Outcome | None:
    """Return what one path finds, or None if the two cannot be compared by it.

    A suspect whose tensor roles had to be guessed is read in every way; each counts as a test.
    """
    part = one.parts[path]
    found: list[Outcome] = []
    try:
        turn = None
        if path == "I" and one.width != suspect.side.sampler.d:
            return None
        if path != "I":
            turn = _by_tokens(suspect, one) if path == "E" else _by_neurons(suspect, one)
            if turn is None:
                return None
        theirs = _usable(one.rows(path))
        for reading in suspect.readings if path != "P" else suspect.readings[:1]:
            if path == "I":
                ours = suspect.identity_rows(part.dimensions, reading)
            elif path == "E":
                ours = suspect.token_rows(rows_enough(one.inner_width), reading)
            else:
                ours = suspect.tested_rows(part.blocks)
            if ours and theirs:
                tries = searched * len(suspect.readings)
                found.append(compare_layers(path, ours, theirs, turn, tries))
    except BudgetSpent:
        return None
    return max(found, key=rank_of, default=None)


def _by_tokens(suspect: Suspect, one: Fingerprint) -> Turn | None:
    part = one.parts["E"]
    mine = suspect.token_table(one.arrays["E.tokens"].reshape(-1), part.tables)
    if mine is None:
        return None
    rows, have = mine
    theirs = unit(one.floats("E.table"))
    count = len(have)
    tables = len(rows) // int(have.sum())
    theirs = np.concatenate([theirs[at * count : (at + 1) * count][have] for at in range(tables)])
    small, basis = reduced(rows)
    turn = turn_from_pairs(small, theirs)
    return None if turn is None else Turn(basis @ turn.ours, turn.theirs)


def _by_neurons(suspect: Suspect, one: Fingerprint) -> Turn | None:
    part = one.parts["P"]
    side = suspect.side
    same = (side.sampler.d, side.depth, side.sampler.anatomy.ff) == (one.width, one.depth, one.inner_width)
    mine = suspect.neurons(part.learned, part.forms) if same else None
    if mine is None:
        return None
    theirs = [
        Neurons(
            (one.floats(f"P.lgate.{at}"), one.floats(f"P.lup.{at}"), one.floats(f"P.ldown.{at}")),
            one.floats(f"P.signature.{at}"),
        )
        for at in range(len(part.learned))
    ]
    return turn_from_signatures(mine, theirs)


def _candidate(suspect: Suspect, one: Fingerprint, path: str, outcome: Outcome) -> Candidate:
    best: LayerMatch = max(outcome.matches, key=lambda match: (match.reference is not None, -match.log10_p))
    related = is_found(outcome)
    return Candidate(
        name=one.name,
        path=path if related else None,
        tried=(path,),
        agreement=best.share,
        log10_p=best.log10_p,
        cosine=best.cosine,
        layers=rank_of(outcome)[0],
        compared=len(outcome.matches),
        hits=best.hits,
        chance=best.chance,
        runner_up=best.runner_up,
        related=related,
        same_tokenizer=one.vocabulary_digest == suspect.vocabulary_digest and one.vocabulary > 0,
        same_shape=one.header_digest == suspect.header_digest,
    )


def _better(first: Candidate | None, second: Candidate) -> Candidate:
    if first is None:
        return second
    best = second if (second.related, -second.log10_p) > (first.related, -first.log10_p) else first
    return best._replace(tried=(*first.tried, *second.tried))
