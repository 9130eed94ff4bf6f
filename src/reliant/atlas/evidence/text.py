"""A document as sentences and bare words, so that wording can be compared."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"(?<=[.!?])(?<![A-Z]\.[A-Z]\.)[\"']?\s+|(?<=[.!?][\"'])\s+|(?<=[。！？])")
_WORD = re.compile(r"[\w][\w'’-]*")
_LEAST_WORDS = 5
"""Shorter lines are headings, captions and buttons."""

_LITTLE_WORDS = frozenset(
    """
    a about after all also an and any are as at be because been before being both but by can could did
    do does during each for from had has have he her here his how i if in into is it its just many may
    might more most must no not of on only or other out over own per she should so some such than that
    the their them then there these they this those through to too under until up very was we were
    what when where which while who whom why will with would you your
    """.split()  # noqa: SIM905 - a column of a hundred strings would hide the story
)
"""Words that every English text has: they say nothing about where it came from."""

_ENDINGS = ("ingly", "edly", "ments", "ment", "ings", "ing", "ied", "ies", "ers", "ed", "es", "ly", "s")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "´": "'", "\u00a0": " "})


def plain(text: str) -> str:
    """Return the text with one kind of quotation marks, dashes and spaces.

    Examples:
        >>> plain("China  “severely lacks autonomy”")
        'China "severely lacks autonomy"'
    """
    straight = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    return re.sub(r"\s+", " ", re.sub(r"[‐-―]", "-", straight)).strip()


def stem(word: str) -> str:
    """Return a word without its ending, roughly: enough to see that two forms are one word.

    Examples:
        >>> stem("models"), stem("OpenAI's"), stem("building")
        ('model', 'openai', 'build')
    """
    bare = word.casefold().strip("'’-").removesuffix("'s").removesuffix("’s")
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= 4:
            return bare[: -len(ending)]
    return bare


def words(text: str) -> tuple[str, ...]:
    """Return the words that carry content, without their endings, in order."""
    found = _WORD.findall(text)
    return tuple(stem(word) for word in found if word.casefold() not in _LITTLE_WORDS)


@dataclass(frozen=True)
class Text:
    """One document; `name` is what it is called by."""

    name: str
    body: str

    @functools.cached_property
    def sentences(self) -> tuple[str, ...]:
        """The sentences, without headings and buttons; each text once."""
        found: dict[str, None] = {}
        for line in self.body.splitlines():
            for part in _SENTENCE_END.split(plain(line)):
                bare = part.strip(" •*-–")
                if len(_WORD.findall(bare)) >= _LEAST_WORDS:
                    found.setdefault(bare)
        return tuple(found)

    @functools.cached_property
    def sentence_words(self) -> tuple[frozenset[str], ...]:
        """The content words of each sentence."""
        return tuple(frozenset(words(sentence)) for sentence in self.sentences)

    @functools.cached_property
    def shingles(self) -> frozenset[str]:
        """Pairs of content words that follow each other."""
        run = [word for sentence in self.sentences for word in words(sentence)]
        return frozenset(f"{first} {second}" for first, second in itertools.pairwise(run))
