"""Says which documents are one text: copies, rewordings and summaries of it.

A copy shares most of its word pairs with the original. A summary shares few of
them, but nearly all it says is said in single sentences of the original; another
report on the same subject shares the words and not the sentences.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reliant.errors import MissingExtra

if TYPE_CHECKING:
    from reliant.atlas.evidence.text import Text

COPY_LIKENESS = 0.12
"""Share of common word pairs from which two documents are copies. On the five press texts of the
project's tests: rewordings 0.17 to 0.32, another paper's report on the same subject 0.03."""

SUMMARY_PAIRS = 0.10
"""Share of a summary's word pairs that its original has: 0.17 there, 0.06 for the other paper's report."""

SUMMARY_SENTENCES = 1 / 3
"""Share of a summary's sentences that single sentences of the original carry: 0.5 there, else 0.06."""

_CARRIED = 0.5
"""A sentence carries another if it has this share of its content words ..."""

_CARRIED_WORDS = 4
"""... and at least so many of them: two sentences about "AI models in China" share three."""

_PERMUTATIONS = 256
"""Error of an estimated likeness near 0.1: about 0.02."""

_CANDIDATE = 0.01
"""Estimated likeness below which two documents are not compared in full."""


@dataclass(frozen=True)
class Likeness:
    """How alike two documents are.

    Attributes:
        pairs: Common word pairs over all word pairs, in [0, 1].
        held: Share of the smaller document's word pairs that the larger one has.
        carried: Share of its sentences that single sentences of the larger one carry.
    """

    smaller: str
    larger: str
    pairs: float
    held: float
    carried: float

    @property
    def verdict(self) -> str:
        """Copy, summary or different."""
        if self.pairs >= COPY_LIKENESS:
            return "copy"
        if self.held >= SUMMARY_PAIRS and self.carried >= SUMMARY_SENTENCES:
            return "summary"
        return "different"


@dataclass(frozen=True)
class Group:
    """Documents that are one text.

    Attributes:
        origin: Name of the member that carries most of the others: the nearest there is to the original.
        members: All names, the origin first.
        links: The pairs that joined them.
    """

    origin: str
    members: tuple[str, ...]
    links: tuple[Likeness, ...]


def likeness(one: Text, other: Text) -> Likeness:
    """Return how alike two documents are, exactly."""
    smaller, larger = sorted((one, other), key=lambda text: (len(text.shingles), text.name))
    common = len(smaller.shingles & larger.shingles)
    every = len(smaller.shingles | larger.shingles)
    return Likeness(
        smaller=smaller.name,
        larger=larger.name,
        pairs=common / every if every else 0.0,
        held=common / len(smaller.shingles) if smaller.shingles else 0.0,
        carried=carried(smaller, larger),
    )


def carried(text: Text, by: Text) -> float:
    """Return the share of the sentences of `text` that single sentences of `by` carry."""
    sentences = [words for words in text.sentence_words if len(words) >= _CARRIED_WORDS]
    if not sentences:
        return 0.0
    found = sum(
        any(len(words & other) >= max(_CARRIED_WORDS, _CARRIED * len(words)) for other in by.sentence_words)
        for words in sentences
    )
    return found / len(sentences)


def group(texts: Sequence[Text]) -> tuple[Group, ...]:
    """Return the documents grouped by the text they come from, larger groups first.

    Raises:
        MissingExtra: The library that finds candidates is not installed.
    """
    links = [
        found for one, other in _candidates(texts) if (found := likeness(one, other)).verdict != "different"
    ]
    leader = {text.name: text.name for text in texts}

    def root(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for link in links:
        leader[root(link.smaller)] = root(link.larger)
    members: dict[str, list[Text]] = {}
    for text in texts:
        members.setdefault(root(text.name), []).append(text)
    groups = [_group(held, links) for held in members.values()]
    return tuple(sorted(groups, key=lambda found: (-len(found.members), found.origin)))


def _group(held: list[Text], links: list[Likeness]) -> Group:
    def carries(text: Text) -> tuple[float, str]:
        return sum(carried(other, text) for other in held if other is not text), text.name

    origin = max(held, key=carries).name
    names = {text.name for text in held}
    rest = sorted(names - {origin})
    inner = tuple(link for link in links if link.smaller in names)
    return Group(origin, (origin, *rest), inner)


def _candidates(texts: Sequence[Text]) -> list[tuple[Text, Text]]:
    """Return the pairs worth comparing in full, by MinHash: a desk may hold thousands of documents."""
    sketches = {text.name: _sketch(text) for text in texts}
    return [
        (one, other)
        for one, other in itertools.combinations(texts, 2)
        if sketches[one.name].jaccard(sketches[other.name]) >= _CANDIDATE
    ]


def _sketch(text: Text) -> Any:
    try:
        import rensa  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra: only the desk needs it
    except ImportError as error:
        raise MissingExtra("finding copies of documents", "evidence") from error
    sketch = rensa.RMinHash(num_perm=_PERMUTATIONS, seed=1)
    sketch.update(sorted(text.shingles))
    return sketch
