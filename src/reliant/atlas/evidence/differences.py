"""Shows what a copy says differently from its original, with both wordings.

Which wording is right cannot be told from the two alone. What can be told is where
they part: another date, another number or name, words in quotation marks that
changed, "announced" where the other has "found", "will" where it has "can".
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.atlas.evidence.text import stem, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.atlas.evidence.text import Text

_ALIGNED = 0.4
"""Share of common content words from which two sentences are versions of one."""

_ALIGNED_WORDS = 3

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(rf"\b(?:(?:{_MONTHS})(?: \d{{1,2}},?)?(?: \d{{4}})?|(?:19|20)\d\d)\b")
_NUMBER = re.compile(r"\b\d[\d,.]*(?:%|\b)")
_QUOTED = re.compile(r'"([^"]{3,})"')
_NAME = re.compile(r"\b[A-Z][\w'-]*(?:\.[A-Z][\w]*)*")
_SPEECH = frozenset(
    """
    admit admits admitted announce announced announces claim claimed claims confirm confirmed confirms
    declare declared denied deny discovered disclosed find found quoted report reported reports reveal
    revealed reveals said say says state stated states stating suggested told
    """.split()  # noqa: SIM905 - as readable words
)
_MODAL = frozenset({"can", "cannot", "could", "may", "might", "must", "shall", "should", "will", "would"})
_NEGATION = frozenset({"no", "not", "never", "none", "neither", "nor", "without"})


@dataclass(frozen=True)
class Contradiction:
    """One place where two copies part.

    Attributes:
        kinds: date, number, name, quotation, speech, modality, negation; or added, dropped.
        original: The sentence of the original; empty if it has none.
        copy: The sentence of the copy; empty if it has none.
        parts: The words that changed, as pairs of original and copy.
    """

    kinds: tuple[str, ...]
    original: str
    copy: str
    parts: tuple[tuple[str, str], ...] = ()


def contradictions(original: Text, copy: Text) -> tuple[Contradiction, ...]:
    """Return where `copy` parts from `original`, in the order of the copy, then what it drops."""
    found: list[Contradiction] = []
    met: set[int] = set()
    for sentence, content in zip(copy.sentences, copy.sentence_words, strict=True):
        index = _partner(content, original)
        if index is None:
            if len(content) >= _ALIGNED_WORDS:
                found.append(Contradiction(("added",), "", sentence))
            continue
        met.add(index)
        before = original.sentences[index]
        if kinds := tuple(_kinds(before, sentence)):
            found.append(Contradiction(kinds, before, sentence, _parts(before, sentence)))
    for index, sentence in enumerate(original.sentences):
        if index not in met and _partner(original.sentence_words[index], copy) is None:
            found.append(Contradiction(("dropped",), sentence, ""))
    return tuple(found)


def _partner(content: frozenset[str], text: Text) -> int | None:
    """Return the sentence of `text` that is a version of one with these words, or None."""
    best, best_share = None, 0.0
    for index, other in enumerate(text.sentence_words):
        common = len(content & other)
        shorter = min(len(content), len(other))
        if common < _ALIGNED_WORDS or not shorter:
            continue
        # The mean of both shares: a long sentence must not win by its length alone.
        share = (common / len(content) + common / len(other)) / 2
        if share > best_share and common / shorter >= _ALIGNED:
            best, best_share = index, share
    return best if best_share >= _ALIGNED else None


def _kinds(before: str, after: str) -> Iterator[str]:
    if set(_dated(before)) != set(_dated(after)):
        yield "date"
    if set(_NUMBER.findall(_DATE.sub("", before))) != set(_NUMBER.findall(_DATE.sub("", after))):
        yield "number"
    if _names(before) ^ _names(after):
        yield "name"
    if [words(text) for text in _QUOTED.findall(before)] != [words(text) for text in _QUOTED.findall(after)]:
        yield "quotation"
    for kind, wanted in (("speech", _SPEECH), ("modality", _MODAL), ("negation", _NEGATION)):
        if _of(before, wanted) != _of(after, wanted):
            yield kind


def _dated(sentence: str) -> Iterator[tuple[str, str]]:
    """Yield each date with the verb it stands with: "founded by X in 2023" is not "in 2023, X was ..."."""
    for clause in re.split(r"[,;:]", sentence):
        for match in _DATE.finditer(clause):
            before = [word for word in re.findall(r"[a-z]+", clause[: match.start()]) if word.endswith("ed")]
            yield match.group(), before[-1] if before else ""


def _names(sentence: str) -> set[str]:
    """Return the names in a sentence; its first word is none, for every sentence begins with a capital."""
    rest = sentence.partition(" ")[2]
    return {stem(name).replace(".", "").rstrip("s") for name in _NAME.findall(rest) if len(name) > 1}


def _of(sentence: str, wanted: frozenset[str]) -> set[str]:
    return {word for word in re.findall(r"[a-z]+", sentence.casefold()) if word in wanted}


def _parts(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Return the runs of words that were replaced, added or dropped."""
    left, right = before.split(), after.split()
    matcher = difflib.SequenceMatcher(
        None, [word.casefold() for word in left], [word.casefold() for word in right], autojunk=False
    )
    return tuple(
        (" ".join(left[a:b]), " ".join(right[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )
