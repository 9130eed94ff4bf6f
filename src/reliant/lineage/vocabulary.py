"""The tokenizer level: which texts the token ids of a model stand for.

It says "same tokenizer" and no more: unrelated models often share one. It also names the
tokens that two models have in common, by text and not by id, for path E.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from reliant.lineage.opened import Opened

MAX_TOKENS = 1_000_000
_MERGES_COMPARED = 1000


class Vocabulary(msgspec.Struct, frozen=True):
    """A tokenizer's table: text -> id, and the first merges in order."""

    ids: dict[str, int]
    merges: tuple[str, ...]
    place: str


class TokenizerLevel(msgspec.Struct, frozen=True):
    """How two tokenizers compare.

    Attributes:
        verdict: same, extended, contained, overlapping, different or unknown.
        shared: Tokens with the same text in both.
        jaccard: Shared over all; None if one vocabulary is not known.
        same_ids: Of the shared tokens, the part with the same id.
        merges_equal: Of the first thousand merges, the part that is equal in order.
    """

    verdict: str
    shared: int = 0
    jaccard: float | None = None
    same_ids: float | None = None
    merges_equal: float | None = None
    text: str = ""


def vocabulary_of(opened: Opened) -> Vocabulary | None:
    """Return the tokenizer's table, or None if the model brings none that is read."""
    tokens = opened.metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, list):
        merges = opened.metadata.get("tokenizer.ggml.merges") or []
        return _table(enumerate(tokens), merges, "GGUF metadata")
    if opened.format == "gguf":
        return None
    whole = opened.json("tokenizer.json")
    if isinstance(whole, dict) and isinstance(whole.get("model"), dict):
        return _from_tokenizer_json(whole)
    listed = opened.json("vocab.json")
    if isinstance(listed, dict):
        return _table(((number, text) for text, number in listed.items()), [], "vocab.json")
    text = opened.text("vocab.txt")
    if text is not None:
        return _table(enumerate(text.decode("utf-8", "replace").splitlines()), [], "vocab.txt")
    return None


def _from_tokenizer_json(whole: dict[str, Any]) -> Vocabulary | None:
    model = whole["model"]
    vocabulary = model.get("vocab")
    pairs: list[tuple[Any, Any]] = []
    if isinstance(vocabulary, dict):
        pairs = [(number, text) for text, number in vocabulary.items()]
    elif isinstance(vocabulary, list):  # unigram: [text, score] in order of id
        pairs = [(at, one[0]) for at, one in enumerate(vocabulary) if isinstance(one, list) and one]
    added = whole.get("added_tokens")
    for one in added if isinstance(added, list) else []:
        if isinstance(one, dict):
            pairs.append((one.get("id"), one.get("content")))
    merges = model.get("merges") or []
    return _table(pairs, merges if isinstance(merges, list) else [], "tokenizer.json")


def _table(pairs: Any, merges: list[Any], place: str) -> Vocabulary | None:
    ids: dict[str, int] = {}
    for number, text in pairs:
        if type(number) is int and 0 <= number < 1 << 31 and isinstance(text, str):
            ids.setdefault(normal(text), number)
            if len(ids) > MAX_TOKENS:
                break
    first = tuple(
        " ".join(str(part) for part in one) if isinstance(one, list) else str(one)
        for one in merges[:_MERGES_COMPARED]
    )
    return Vocabulary(ids, first, place) if ids else None


def normal(token: str) -> str:
    """Return a token's text with the marks for a leading space made one.

    Examples:
        >>> normal("Ġthe") == normal("▁the") == " the"
        True
    """
    return token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")


def digest_of(vocabulary: Vocabulary | None) -> str:
    """Return a digest of the token texts by id: equal for equal tokenizers; empty if there is none."""
    if vocabulary is None:
        return ""
    tokens = sorted(vocabulary.ids, key=vocabulary.ids.__getitem__)
    return hashlib.sha256("\n".join(tokens).encode("utf-8", "replace")).hexdigest()[:32]


def compare_tokenizers(ours: Vocabulary | None, theirs: Vocabulary | None) -> TokenizerLevel:
    """Return how two tokenizers compare."""
    if ours is None or theirs is None:
        return TokenizerLevel("unknown", text="One of the two brings no tokenizer that is read.")
    shared = ours.ids.keys() & theirs.ids.keys()
    jaccard = len(shared) / max(1, len(ours.ids.keys() | theirs.ids.keys()))
    same = sum(ours.ids[text] == theirs.ids[text] for text in shared) / max(1, len(shared))
    merges = None
    if ours.merges and theirs.merges:
        length = min(len(ours.merges), len(theirs.merges))
        merges = sum(a == b for a, b in zip(ours.merges, theirs.merges, strict=False)) / length
    if len(shared) == len(ours.ids) == len(theirs.ids):
        verdict, text = "same", "The same tokenizer; unrelated models often share one."
    elif len(shared) == len(theirs.ids):
        verdict, text = "extended", f"All tokens of the reference and {len(ours.ids) - len(shared):,} more."
    elif len(shared) == len(ours.ids):
        verdict, text = "contained", "A part of the reference's tokens."
    elif jaccard >= 0.5:
        verdict, text = "overlapping", "Much of the vocabulary is common, which is usual for one language."
    else:
        verdict, text = "different", "Another tokenizer."
    return TokenizerLevel(verdict, len(shared), round(jaccard, 4), round(same, 4), merges, text)


def shared_ids(
    ours: Vocabulary | None, theirs: Vocabulary | None, limit: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return (our id, their id) of the tokens in common, by our id.

    Without both vocabularies the ids themselves are taken to mean the same: if they do not,
    path E finds nothing, which is safe.
    """
    if ours is None or theirs is None:
        return [(one, one) for one in range(min(limit))]
    pairs = ((ours.ids[text], theirs.ids[text]) for text in ours.ids.keys() & theirs.ids.keys())
    return sorted(pair for pair in pairs if pair[0] < limit[0] and pair[1] < limit[1])
