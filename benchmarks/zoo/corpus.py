"""An invented language with two data sets and two tokenizers: enough for weights to leave their start.

Words are syllables; sentences follow a table of which word class follows which. Two data
sets differ in that table, two tokenizers in where they cut words.
"""

from __future__ import annotations

import itertools

import numpy as np

_ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "ch", "sh"]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ou"]
WORDS = 700
CLASSES = 24


def words() -> list[str]:
    """Return the words of the language, the frequent ones first and short."""
    syllables = [onset + vowel for onset in _ONSETS for vowel in _VOWELS]
    generator = np.random.default_rng(7)
    found = dict.fromkeys(syllables[:90])
    while len(found) < WORDS:
        found["".join(generator.choice(syllables, generator.integers(2, 4)))] = None
    return list(found)


def text(data: int, length: int) -> np.ndarray:
    """Return `length` word numbers of data set `data`."""
    generator = np.random.default_rng(1000 + data)
    follows = generator.dirichlet(np.full(CLASSES, 0.15), size=(CLASSES, CLASSES))
    member = np.arange(WORDS) % CLASSES
    inside = [np.flatnonzero(member == one) for one in range(CLASSES)]
    weight = [1.0 / (1 + np.arange(len(one))) for one in inside]
    weight = [one / one.sum() for one in weight]
    found = np.empty(length, dtype=np.int64)
    a, b = 0, 1
    uniform = generator.random((length, 2))
    steps = follows.cumsum(axis=2)
    inner = [one.cumsum() for one in weight]
    for at in range(length):
        a, b = b, min(int(np.searchsorted(steps[a, b], uniform[at, 0])), CLASSES - 1)
        pick = min(int(np.searchsorted(inner[b], uniform[at, 1])), len(inside[b]) - 1)
        found[at] = inside[b][pick]
    return found


class Tokenizer:
    """Cuts words: `whole` keeps them and joins frequent pairs, `pieces` cuts all but the frequent ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        every = words()
        if kind == "whole":
            sample = text(0, 60_000)
            pairs, counts = np.unique(sample[:-1] * WORDS + sample[1:], return_counts=True)
            best = pairs[np.argsort(-counts, kind="stable")[:300]]
            self.tokens = ["<s>", "</s>", "<unk>", *every]
            self._pair = {int(pair): len(self.tokens) + at for at, pair in enumerate(best)}
            self.tokens += [f"{every[pair // WORDS]} {every[pair % WORDS]}" for pair in best]
        else:
            syllables = [onset + vowel for onset in _ONSETS for vowel in _VOWELS]
            self.tokens = ["<s>", "</s>", "<unk>", *dict.fromkeys([*every[:250], *syllables])]
            place = {token: at for at, token in enumerate(self.tokens)}
            self._cut = [self._pieces(word, place) for word in every]

    @staticmethod
    def _pieces(word: str, place: dict[str, int]) -> list[int]:
        if word in place:
            return [place[word]]
        found, at = [], 0
        while at < len(word):
            length = next(size for size in (4, 3, 2, 1) if word[at : at + size] in place or size == 1)
            found.append(place.get(word[at : at + length], 2))
            at += length
        return found

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Return token ids of a text of word numbers."""
        if self.kind == "pieces":
            return np.fromiter(
                itertools.chain.from_iterable(self._cut[one] for one in numbers), dtype=np.int64
            )
        found, at = [], 0
        while at < len(numbers):
            joined = (
                None if at + 1 == len(numbers) else self._pair.get(int(numbers[at] * WORDS + numbers[at + 1]))
            )
            found.append(int(numbers[at]) + 3 if joined is None else joined)
            at += 1 if joined is None else 2
        return np.array(found, dtype=np.int64)
