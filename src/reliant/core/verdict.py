"""The answer per axis: may this be used here, on this day, through this channel?

Four axes never cancel each other: what a provider allows, a government may
forbid. Access itself is the worst of its gates, each held by somebody else and
each with its own date and source.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class Axis(enum.StrEnum):
    """Where a rule comes from."""

    ACCESS = "access"
    LAW = "law"
    LICENCE = "licence"
    REGISTER = "register"


class Verdict(enum.StrEnum):
    """The answer on an axis; UNKNOWN is never allowed."""

    OPEN = "OPEN"
    CONDITIONAL = "CONDITIONAL"
    UNKNOWN = "UNKNOWN"
    BLOCKED = "BLOCKED"


_WORST_LAST = (Verdict.OPEN, Verdict.CONDITIONAL, Verdict.UNKNOWN, Verdict.BLOCKED)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst in the order BLOCKED > UNKNOWN > CONDITIONAL > OPEN; UNKNOWN if there are none.

    Examples:
        >>> worst([Verdict.OPEN, Verdict.UNKNOWN, Verdict.CONDITIONAL]).name
        'UNKNOWN'
    """
    return max(verdicts, key=_WORST_LAST.index, default=Verdict.UNKNOWN)


class Gatekeeper(enum.StrEnum):
    """Who can close the way."""

    PROVIDER = "provider"
    PARTNER = "partner"
    STATE = "state"


class Enforcement(enum.StrEnum):
    """How a gate is closed: on paper, or in practice."""

    TERMS = "terms"
    ENFORCED = "enforced"


class Leaf(msgspec.Struct, frozen=True):
    """One condition of a rule as it was decided.

    Attributes:
        fact: Name of the fact, for example `user.region`.
        test: The condition in words, for example `not in openai.supported-countries (161 listed)`.
        truth: `yes`, `no` or `unknown`.
        value: The value as text, or None if not known.
        origin: Where the value came from, as text, or None.
    """

    fact: str
    test: str
    truth: str
    value: str | None
    origin: str | None


class RuleAnswer(msgspec.Struct, frozen=True):
    """One rule that bears on a use.

    Attributes:
        id: Of the rule.
        truth: `yes` (it fires), `no` or `unknown`.
        because: The leaves that decided it.
        sources: Ids into the sources of the result.
        effect: deny, require, warn or allow.
        summary: The rule in one sentence.
        since: Day, month or year it came into force; None if not known.
        obligations: What a `require` rule asks for.
        origin: `atlas`, `operator:FILE` or `scenario:NAME`.
    """

    id: str
    truth: str
    because: tuple[Leaf, ...]
    sources: tuple[str, ...]
    effect: str
    summary: str
    since: str | None = None
    obligations: tuple[str, ...] = ()
    origin: str = "atlas"


class Gate(msgspec.Struct, frozen=True):
    """One gate on the way to a provider; `since` is when its present state began."""

    by: Gatekeeper
    verdict: Verdict
    enforcement: Enforcement | None
    since: str | None
    rule: str | None


class Pending(msgspec.Struct, frozen=True):
    """A rule that is not in force on the day: announced, proposed or adopted for later."""

    rule: str
    status: str
    on: str | None
    from_: str | None = msgspec.field(name="from", default=None)
    summary: str = ""
    sources: tuple[str, ...] = ()


class Missing(msgspec.Struct, frozen=True):
    """A fact nobody gave, and the rules it would decide."""

    fact: str
    question: str
    rules: tuple[str, ...]


class AxisAnswer(msgspec.Struct, frozen=True):
    """The verdict on one axis and what it rests on; `gates` only on the access axis."""

    verdict: Verdict
    rules: tuple[RuleAnswer, ...] = ()
    pending: tuple[Pending, ...] = ()
    missing: tuple[Missing, ...] = ()
    gates: tuple[Gate, ...] = ()
    notes: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """The verdicts on all four axes, and the worst of them."""

    combined: Verdict
    axes: dict[Axis, AxisAnswer]


class VerdictChange(msgspec.Struct, frozen=True):
    """One axis on which a scenario gives another verdict, or shuts a gate in another way.

    Attributes:
        use: Id of the use, or empty for a single question.
        because: The rules of the scenario that bear on it.
        gates: What changes at the gates, for example `provider: BLOCKED terms -> BLOCKED enforced`.
    """

    use: str
    axis: Axis
    before: Verdict
    after: Verdict
    because: tuple[str, ...]
    gates: tuple[str, ...] = ()
