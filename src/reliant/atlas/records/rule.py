"""A rule: what an issuer permits, forbids or asks for, of whom, and from when to when.

A rule is one claim. Terms of a provider, a network block by a state, a statute and
a clause of a licence have the same shape: conditions over named facts and an
effect. What was announced, what is in force and what is over are different
dates; a bill or a plan has a history but no `force`, so it decides nothing.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from reliant.atlas.records.common import DateText, Name, Record, RecordKind

RuleAxis: TypeAlias = Literal["access", "law", "licence", "register"]

RuleEffect: TypeAlias = Literal["deny", "require", "warn", "inform", "allow", "coverage", "exempt"]
"""deny forbids; require asks for obligations; warn and inform only tell; allow says positively that access is
given; coverage says that an axis was searched for a place; exempt defeats the rules that name it."""

Gatekeeper: TypeAlias = Literal["provider", "partner", "state"]

RuleKind: TypeAlias = Literal[
    "terms",
    "block",
    "offer",
    "rule",
    "standard",
    "programme",
    "bill",
    "plan",
    "request",
    "statement",
    "licence-clause",
    "search",
]
"""What it is on paper. Of bill, plan, request and statement, only a request was ever in force."""

Status: TypeAlias = Literal[
    "announced",
    "proposed",
    "adopted",
    "signed",
    "published",
    "in-force",
    "suspended",
    "superseded",
    "rescinded",
    "lapsed",
    "withdrawn",
    "ended",
    "upheld",
    "note",
]

Scalar: TypeAlias = str | int | float | bool


class FactTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A condition on one fact that is more than a list of values; all given parts must hold.

    Attributes:
        in_: Id of a place list, or several: the value is on one of them.
        not_in: The value is on none of them.
        is_not: The value is none of these.
        starts: The text starts with one of these; letter case does not count.
        above: The number is greater.
        at_least: The number is greater or equal.
        below: The number is less.
        share_above: For `owner.share`: the per cent held from the places of `in` or
            `not_in` is greater; `counted` says how shares of shares are counted.
        counted: multiplied along each path, or the whole stake of a controlled
            holder (`chain`), as in sanctions practice.
    """

    in_: str | tuple[str, ...] | None = msgspec.field(name="in", default=None)
    not_in: str | tuple[str, ...] | None = None
    is_not: tuple[Scalar, ...] | None = None
    starts: tuple[str, ...] | None = None
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    share_above: float | None = None
    counted: Literal["multiplied", "chain"] | None = None


Condition: TypeAlias = Scalar | tuple[Scalar, ...] | FactTest
"""One value, several of which one is enough, or a test."""

When: TypeAlias = dict[str, Condition]
"""By name of the fact; all must hold."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One date in the life of a rule.

    Attributes:
        on: None where the day is not known.
        source: Local name of the source that says so.
    """

    status: Status
    on: DateText | None
    source: str | None = None
    note: str | None = None


class Force(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """When the rule holds: from a day, to a day on which it is over.

    Attributes:
        from_: None means that the day is not known.
        from_precision: exact; first_known: earliest dated evidence, it may be older;
            placeholder: nothing supports the day; not_later_than: it was in force on
            that day; not_earlier_than: it began then or later.
        by: Latest day on which it may have begun, where that is later than `from`.
        to: First day on which it is over; None if no end is known.
        last_known: Last day on which it is known to hold; whether it held later was not found.
    """

    from_: DateText | None = msgspec.field(name="from", default=None)
    from_precision: Literal["exact", "first_known", "placeholder", "not_later_than", "not_earlier_than"] = (
        "exact"
    )
    by: DateText | None = None
    to: DateText | None = None
    to_precision: Literal["exact", "placeholder"] = "exact"
    last_known: DateText | None = None


class Obligation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Something that is asked for.

    Attributes:
        id: A word of the vocabulary of obligations.
        says: In one sentence.
        met_when: The facts that show it is met; without it nobody can tell.
    """

    id: Name
    says: str = ""
    met_when: When = {}


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One way to read a text that is open to more than one.

    Attributes:
        id: The operator chooses by it.
        by: Who reads it so.
        when: Conditions of this reading, on top of those of the rule.
        any_of: The same, of which one set is enough.
        effect: Where it differs from that of the rule.
        force: Where the dates depend on the reading.
        applies: False if under this reading the rule says nothing here.
    """

    id: Name
    says: Name
    by: str | None = None
    when: When = msgspec.field(default_factory=dict)
    any_of: tuple[When, ...] = ()
    effect: RuleEffect | None = None
    force: Force | None = None
    applies: bool = True


class Rule(Record, frozen=True, kw_only=True):
    """One rule.

    Attributes:
        issuer: Id of the provider, or `country.body`.
        by: Who holds the gate; on the access axis only.
        enforcement: On paper, or in practice; on the access axis only.
        binds: Who must obey.
        act: What is ruled on: a rule on supply is no ban on use.
        when: All of these hold.
        any_of: At least one of these sets holds as well, if there are any.
        unless: None of these sets holds: exemptions of the same text.
        exceptions: Ids of rules with the effect `exempt` that defeat this one.
        overrides: Ids of permissions of the same issuer that this rule cuts into on purpose.
        force: None for what was never in force: a bill, a plan.
        not_enforced: True where it is on the books and not applied.
        scope_ordered: What was ordered, where more or less was done.
        scope_cut: What was really cut.
        readings: If they lead to different answers, the answer is UNKNOWN.
        exempt_said: Exemptions of the text that no fact of the vocabulary can express.
        routes_said: What sources name as still open; a record of what was said, no advice.
    """

    axis: RuleAxis
    issuer: Name
    kind: RuleKind
    title: Name
    summary: Name
    effect: RuleEffect
    by: Gatekeeper | None = None
    enforcement: Literal["terms", "enforced"] | None = None
    binds: tuple[str, ...] = ()
    act: str = "use"
    when: When = msgspec.field(default_factory=dict)
    any_of: tuple[When, ...] = ()
    unless: tuple[When, ...] = ()
    exceptions: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    timeline: tuple[Step, ...] = ()
    force: Force | None = None
    not_enforced: bool = False
    readings: tuple[Reading, ...] = ()
    scope_ordered: str | None = None
    scope_cut: str | None = None
    exempt_said: str | None = None
    former_ids: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    routes_said: tuple[str, ...] = ()


KIND = RecordKind(name="rule", folder="rules", record=Rule)
