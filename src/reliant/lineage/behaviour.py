"""Models behind an API: does an endpoint answer as the model it claims to be?

No weights can be read there, so the question is weaker: on prompts whose continuation is
open, does the endpoint choose the reference's first token more often than unrelated models
do? Unrelated controls set the level, since all models agree on easy prompts (after Nikolic,
Baluta and Saxena 2025, arXiv 2502.00706). How many tokens each side counts for the same
texts says, besides, whether they cut text alike; a relay can forge that number.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

ALPHA = 0.01
FEWEST = 60
_TOO_EASY = 0.9
_WORDS = [
    "amber",
    "anchor",
    "basket",
    "bridge",
    "candle",
    "canyon",
    "copper",
    "cotton",
    "crystal",
    "desert",
    "ember",
    "falcon",
    "feather",
    "forest",
    "garden",
    "glacier",
    "granite",
    "hammer",
    "harbor",
    "hollow",
    "island",
    "ivory",
    "jacket",
    "kettle",
    "ladder",
    "lantern",
    "marble",
    "meadow",
    "mirror",
    "mountain",
    "needle",
    "orchard",
    "paper",
    "pepper",
    "pillar",
    "planet",
    "pocket",
    "quarry",
    "ribbon",
    "river",
    "saddle",
    "shadow",
    "silver",
    "spiral",
    "stone",
    "thunder",
    "timber",
    "tunnel",
    "valley",
    "velvet",
    "violet",
    "walnut",
    "whistle",
    "window",
    "winter",
]
_TEXTS = (
    "naïve café", "1234567890", "def f(x):\n    return x+1", "你好，世界", "こんにちは", "Ελλάδα",
    "    indented", "a" * 37, "https://example.org/?q=1&r=2", "ALL CAPS WORDS", "e=mc^2 ∑∞√", "🙂🙃🚀",
    "Донаудампф", "x_y_z--__--", "3.14159,2.71828", "\t\ttabs", "antidisestablishmentarianism", "안녕하세요",
    "<b>html</b>", "…—–‘’“”", "नमस्ते", "שלום",
)  # fmt: skip


class Probe(msgspec.Struct, frozen=True):
    """One prompt; `counting` ones only measure how many tokens a text is."""

    text: str
    counting: bool = False


class Answers(msgspec.Struct, frozen=True):
    """What one endpoint said to the probes, in their order; None where it gave no usable answer."""

    first_tokens: tuple[str | None, ...]
    prompt_tokens: tuple[int | None, ...]
    calls: int = 0
    tokens: int = 0


class Behaviour(msgspec.Struct, frozen=True):
    """One suspect endpoint against one reference.

    Attributes:
        verdict: consistent (answers as the reference does, and controls do not), differs (it
            does not answer as the reference does), or not_decidable.
        agreement: Share of equal first tokens.
        control_agreement: The highest share among the controls.
        self_agreement: Of the reference with its own second run, if one was made.
        p: Largest over the controls, after Holm's correction.
        tokenizer: same, different or unknown, by counted tokens.
        error_rate: At most this share of unrelated endpoints would be called consistent.
    """

    reference: str
    verdict: str
    agreement: float
    control_agreement: float | None
    self_agreement: float | None
    p: float | None
    tokenizer: str
    usable: int
    error_rate: float
    why: str


class EndpointTrace(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `reliant trace endpoint`."""

    schema: str = "reliant.trace-endpoint/1"
    endpoint: str
    results: tuple[Behaviour, ...]
    calls: int
    tokens: int


def probes(count: int, seed: int = 0) -> list[Probe]:
    """Return open-ended prompts, the same for the same seed, and the texts for counting tokens."""
    found = []
    for at in range(count):
        digest = hashlib.sha256(f"{seed}:{at}".encode()).digest()
        words = [_WORDS[byte % len(_WORDS)] for byte in digest[: 5 + digest[20] % 6]]
        found.append(Probe("Continue with exactly one word, nothing else: " + " ".join(words)))
    return found + [Probe(text, counting=True) for text in _TEXTS]


def judge(
    suspect: Answers,
    references: Mapping[str, Answers],
    controls: Mapping[str, Answers],
    again: Mapping[str, Answers] | None = None,
    *,
    alpha: float = ALPHA,
) -> list[Behaviour]:
    """Return the verdict on the suspect for every reference.

    Args:
        suspect: Of the endpoint in question.
        references: What it may be.
        controls: Models known to be unrelated to every reference.
        again: A second run of a reference, for how steady its own answers are.
        alpha: Error rate over all references and controls together.
    """
    tests = {
        (name, control): fisher(_equal(suspect, answers), _equal(controls[control], answers))
        for name, answers in references.items()
        for control in controls
    }
    corrected = holm(tests)
    return [
        _one(name, suspect, answers, controls, (again or {}).get(name), corrected, alpha)
        for name, answers in references.items()
    ]


def _one(
    name: str,
    suspect: Answers,
    answers: Answers,
    controls: Mapping[str, Answers],
    second: Answers | None,
    corrected: Mapping[tuple[str, str], float],
    alpha: float,
) -> Behaviour:
    hits, usable = _equal(suspect, answers)
    share = hits / usable if usable else 0.0
    levels = [_share(_equal(control, answers)) for control in controls.values()]
    level = max(levels, default=None)
    own = None if second is None else _share(_equal(second, answers))
    p = max((corrected[name, control] for control in controls), default=None)
    tokenizer = same_counts(suspect, answers)
    verdict, why = "differs", "It does not choose the reference's tokens more often than unrelated models do."
    if level is None or p is None:
        verdict, why = "not_decidable", "Without controls it is not known how often unrelated models agree."
    elif usable < FEWEST:
        verdict, why = "not_decidable", f"Only {usable} prompts were answered by both; {FEWEST} are needed."
    elif level >= _TOO_EASY:
        verdict, why = (
            "not_decidable",
            "Unrelated controls agree nearly always: the prompts do not tell models apart.",
        )
    elif p < alpha:
        verdict, why = "consistent", "It chooses the reference's tokens more often than every control does."
        if tokenizer == "different":
            verdict, why = (
                "not_decidable",
                "It answers like the reference and counts tokens otherwise: perhaps a relative.",
            )
        elif own is not None and fisher(_equal(second or answers, answers), (hits, usable)) < alpha:
            why += " It agrees less than the reference does with itself: altered, or another version."
    elif own is not None and own < share + 0.1 and share > level:
        verdict, why = "not_decidable", "The reference's own answers are too unsteady to tell."
    return Behaviour(name, verdict, round(share, 4), level, own, p, tokenizer, usable, alpha, why)


def same_counts(ours: Answers, theirs: Answers) -> str:
    """Return whether two endpoints count tokens alike, apart from a fixed part of every prompt."""
    pairs = [
        (a, b)
        for a, b in zip(ours.prompt_tokens, theirs.prompt_tokens, strict=True)
        if a is not None and b is not None
    ]
    if len(pairs) < 10:
        return "unknown"
    offset = pairs[0][0] - pairs[0][1]
    equal = sum(a - b == offset for a, b in pairs)
    return "same" if equal == len(pairs) else "different"


def _equal(ours: Answers, theirs: Answers) -> tuple[int, int]:
    pairs = [
        (a, b)
        for a, b in zip(ours.first_tokens, theirs.first_tokens, strict=True)
        if a is not None and b is not None
    ]
    return sum(a == b for a, b in pairs), len(pairs)


def _share(pair: tuple[int, int]) -> float:
    return round(pair[0] / pair[1], 4) if pair[1] else 0.0


def fisher(more: tuple[int, int], less: tuple[int, int]) -> float:
    """Return Fisher's exact one-sided p that `more` (hits, tries) has the higher rate.

    Examples:
        >>> round(fisher((8, 10), (1, 10)), 4)
        0.0027
    """
    (a, n1), (c, n2) = more, less
    hits = a + c

    def log_choose(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    whole = log_choose(n1 + n2, hits)
    terms = (
        math.exp(log_choose(n1, k) + log_choose(n2, hits - k) - whole)
        for k in range(max(a, hits - n2), min(n1, hits) + 1)
    )
    return min(1.0, sum(terms))


def holm(tests: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Return p values after Holm's step-down correction."""
    found: dict[tuple[str, str], float] = {}
    last = 0.0
    for at, (key, p) in enumerate(sorted(tests.items(), key=lambda pair: (pair[1], pair[0]))):
        last = max(last, min(1.0, p * (len(tests) - at)))
        found[key] = last
    return found
