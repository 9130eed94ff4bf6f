"""A licence of a model: what it permits, on which conditions, and where it stops.

The words are a closed vocabulary, so that rules and reports can rely on them; what
a word means in this licence (the number of users, the places) stands beside it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from reliant.atlas.records.common import DateText, Name, Record, RecordKind

Permission: TypeAlias = Literal[
    "commercial-use", "research-use", "distribution", "modification", "hosted-service", "patent-use"
]
Condition: TypeAlias = Literal[
    "include-licence",
    "attribution",
    "state-changes",
    "name-in-derivatives",
    "use-policy",
    "pass-on-terms",
    "monthly-users-limit",
    "daily-users-limit",
    "revenue-limit",
    "commercial-by-agreement",
    "registration",
    "source-disclosure",
]
Limitation: TypeAlias = Literal[
    "no-commercial-use",
    "no-training-of-other-models",
    "no-rival-products",
    "place-excluded",
    "no-liability",
    "no-warranty",
    "no-trademark",
    "revocable",
    "field-of-use",
    "no-licence-given",
]


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The part that all terms share.

    Attributes:
        detail: What it says here, in our words.
        sources: Local names of the sources it was read in.
        from_memory: True if it was read in none of them.
    """

    detail: str | None = None
    sources: tuple[str, ...] = ()
    from_memory: bool = False


class PermissionTerm(Term, frozen=True, kw_only=True):
    """Something that is permitted."""

    term: Permission


class ConditionTerm(Term, frozen=True, kw_only=True):
    """Something that must be done or must hold for the permissions to hold.

    Attributes:
        users_million: Monthly users above which another licence is needed.
        daily_users_million: The same for daily users.
        revenue_usd_million: The same for yearly revenue.
    """

    term: Condition
    users_million: float | None = None
    daily_users_million: float | None = None
    revenue_usd_million: float | None = None


class LimitationTerm(Term, frozen=True, kw_only=True):
    """Something the licence does not give; `places` for a territory: country codes, or EU."""

    term: Limitation
    places: tuple[str, ...] = ()


class Licence(Record, frozen=True, kw_only=True):
    """One version of one licence.

    Attributes:
        spdx: SPDX id where there is one.
        issuer: Id of the provider that wrote it; None for a public licence.
        family: llama, gemma, openrail ...: versions of one text.
        released: From when models came under it.
        proprietary: No weights are handed out at all.
    """

    name: Name
    spdx: str | None = None
    issuer: str | None = None
    family: str | None = None
    released: DateText | None = None
    proprietary: bool = False
    former_ids: tuple[str, ...] = ()
    permissions: tuple[PermissionTerm, ...] = ()
    conditions: tuple[ConditionTerm, ...] = ()
    limitations: tuple[LimitationTerm, ...] = ()


KIND = RecordKind(name="licence", folder="licences", record=Licence)
