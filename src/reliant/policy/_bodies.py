"""Which public bodies somebody can be: what follows from the sector, the seat and the body that is named.

A body that has its seat in one country is no body of another. The rules of a state of
the US do not bind bodies of the federation: whoever does not say so is taken for one
that they bind, since that is the stricter answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.policy.conditions import OneOf

BODY = "public_body"

FEDERAL = "public_body.federal"

ANOTHER_BODY = "another"
"""Stands for a public body that no rule names."""

_FEDERATION = "US"
"""Bodies are named `country.body`, so those of the federation begin with its code."""

_UNLESS_SAID = Provenance("assumed", "vocabulary", "unless you say otherwise")


def with_bodies(facts: Facts, named: Iterable[str]) -> Facts:
    """Return the facts with what follows about the public body; what is said stays.

    Args:
        facts: What is known so far.
        named: The bodies that some rule names.
    """
    return facts | dict(_found(facts, tuple(named)))


def _found(facts: Facts, named: tuple[str, ...]) -> Iterator[tuple[str, Fact]]:
    sector = _only(facts, "sector")
    if sector == "private":
        if BODY not in facts:
            origin = Provenance("given", facts["sector"].origin.place, "follows from sector: private")
            yield BODY, Fact("none", origin)
        return
    seat = _only(facts, "company.country")
    if BODY not in facts and seat is not None and seat != _FEDERATION:
        theirs = [body for body in named if body.startswith(f"{str(seat).lower()}.")]
        place = facts["company.country"].origin.place
        origin = Provenance("given", place, f"follows from company.country: {seat}")
        yield BODY, Fact(OneOf((*theirs, ANOTHER_BODY)) if theirs else ANOTHER_BODY, origin)
    if FEDERAL in facts:
        return
    if BODY in facts:
        said = facts[BODY]
        bodies = said.value if isinstance(said.value, tuple) else (said.value,)
        federal = any(str(body).startswith(f"{_FEDERATION.lower()}.") for body in bodies)
        yield FEDERAL, Fact(federal, Provenance(said.origin.kind, said.origin.place, f"follows from {BODY}"))
    elif _in_the_federation(facts):
        yield FEDERAL, Fact(False, _UNLESS_SAID)


def _only(facts: Facts, name: str) -> Value | None:
    """Return the value of a fact that has one that is known."""
    value = facts[name].value if name in facts else None
    return None if isinstance(value, tuple | OneOf) else value


def _in_the_federation(facts: Facts) -> bool:
    places = facts["user.region"].value if "user.region" in facts else ()
    many = places if isinstance(places, tuple) else (places,)
    return any(str(place).partition("-")[0] == _FEDERATION for place in many)
