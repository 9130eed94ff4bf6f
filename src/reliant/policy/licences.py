"""Rules from the licences of the atlas: what a licence asks of somebody who runs the weights.

A licence record is a list of terms from a closed vocabulary, so its rules need not be
written a second time. Only terms that bear on use become rules; what binds whoever
passes weights on (keep the notice, state changes) is shown with the licence. Clauses
that records of rules already hold in full are left to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reliant.atlas.records.common import Reviewed, Source
from reliant.atlas.records.licence import ConditionTerm, Licence, LimitationTerm
from reliant.atlas.records.rule import FactTest, Force, Obligation, Rule, When

LICENCE = "model.lineage.licence"

_UNDATED = Force(from_="2019", from_precision="placeholder")
"""For a licence whose day is not known: no model of the atlas is older than this."""

_GROUPS = {"EU": "groups.eu", "EEA": "groups.eea"}

_DUTIES = {
    "use-policy": "Keep to the use policy of the licence.",
    "registration": "Register with the licensor before commercial use.",
    "commercial-by-agreement": "Agree with the licensor before commercial use.",
    "attribution": "Name the model as the licence asks.",
    "field-of-use": "Keep to the fields of use that the licence allows.",
    "no-training-of-other-models": "Do not improve other models with it or its output.",
}

_COMMERCIAL_ONLY = frozenset({"registration", "commercial-by-agreement"})


def licence_rules(licences: Iterable[Licence], rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield the rules of the licences, without the clauses that `rules` already hold.

    A clause is held if a rule on the licence axis names the licence and the same fact.
    """
    licences = tuple(licences)
    held = {
        (str(licence), fact)
        for rule in rules
        if rule.axis == "licence" and rule.effect in ("deny", "require")
        for licence in _values(rule.when.get(LICENCE))
        for fact in _asked(rule)
    }
    for licence in licences:
        if licence.replaced_by is None and not licence.proprietary:
            name = licence.spdx or f"LicenseRef-{licence.id}"
            terms: tuple[ConditionTerm | LimitationTerm, ...] = (*licence.conditions, *licence.limitations)
            for term in terms:
                rule = _rule(licence, name, term)
                if rule is None:
                    continue
                turns_on = _asked(rule) | _SAME_MATTER.get(term.term, frozenset())
                if not any((name, fact) in held for fact in turns_on):
                    yield rule
    read = tuple(
        licence.spdx or f"LicenseRef-{licence.id}"
        for licence in licences
        if licence.confidence != "uncertain" and licence.replaced_by is None
    )
    if read:
        yield _searched(read, max(licence.reviewed.on for licence in licences))


_SAME_MATTER = {
    "monthly-users-limit": frozenset({"users.monthly_million_at_release"}),
    "place-excluded": frozenset({"user.region", "company.country"}),
}
"""Facts by which a written rule may hold the clause of a term in other words."""


def _asked(rule: Rule) -> set[str]:
    """Return the facts that a rule turns on, apart from the licence itself."""
    whens = [rule.when, *rule.any_of, *(one.met_when for one in rule.obligations)]
    return {fact for when in whens for fact in when} - {LICENCE, "channel", "service.public"}


def _values(condition: Any) -> tuple[Any, ...]:
    if condition is None or isinstance(condition, FactTest):
        return ()
    return condition if isinstance(condition, tuple) else (condition,)


def _rule(licence: Licence, name: str, term: ConditionTerm | LimitationTerm) -> Rule | None:
    """Return the rule of one term, or None if it does not bear on use."""
    when: When = {LICENCE: name, "channel": "self-hosted"}
    unless: tuple[When, ...] = ()
    any_of: tuple[When, ...] = ()
    duty: Obligation | None = None
    if term.term == "no-commercial-use":
        when |= {"use.commercial": True}
        unless = ({"licence.granted": True},)
    elif term.term == "place-excluded" and isinstance(term, LimitationTerm) and term.places:
        any_of = tuple(
            {fact: FactTest(in_=_GROUPS[place]) if place in _GROUPS else place}
            for place in term.places
            for fact in ("user.region", "company.country")
        )
    elif term.term == "monthly-users-limit" and isinstance(term, ConditionTerm) and term.users_million:
        when |= {"users.monthly_million": FactTest(above=term.users_million)}
        unless = ({"licence.granted": True},)
    elif term.term == "attribution" and licence.issuer is None:
        return None  # in a public licence it binds whoever passes the weights on
    elif term.term in _DUTIES:
        duty = _duty(term)
        if term.term in _COMMERCIAL_ONLY:
            when |= {"use.commercial": True}
        if term.term == "attribution":
            when |= {"service.public": True}
    else:
        return None
    detail = term.detail or _DUTIES.get(term.term) or _said(term)
    return Rule(
        id=f"licence.{licence.id}.{term.term}",
        axis="licence",
        issuer=licence.issuer or "licence",
        kind="licence-clause",
        title=f"{licence.name}: {term.term.replace('-', ' ')}",
        summary=detail,
        effect="require" if duty else "deny",
        when=when,
        any_of=any_of,
        unless=unless,
        obligations=(duty,) if duty else (),
        force=Force(from_=licence.released) if licence.released else _UNDATED,
        sources=licence.sources,
        confidence="uncertain" if term.from_memory else licence.confidence,
        reviewed=licence.reviewed,
        related=(),
    )


def _duty(term: ConditionTerm | LimitationTerm) -> Obligation:
    met: When = {}
    if term.term == "no-training-of-other-models":
        met = {"use.trains_other_models": False}
    elif term.term in _COMMERCIAL_ONLY:
        met = {"licence.granted": True}
    return Obligation(id=term.term, says=term.detail or _DUTIES[term.term], met_when=met)


def _said(term: ConditionTerm | LimitationTerm) -> str:
    if isinstance(term, ConditionTerm) and term.users_million:
        return f"Above {term.users_million:g} million monthly users another licence is needed."
    if isinstance(term, LimitationTerm) and term.places:
        return f"The licence does not apply in {', '.join(term.places)}."
    return f"The licence says: {term.term.replace('-', ' ')}."


def _searched(names: tuple[str, ...], reviewed: str) -> Rule:
    """Return the coverage of the licence axis: the licences whose terms were read or reported."""
    title = "Licences whose terms are in the atlas"
    return Rule(
        id="licence.terms-known",
        axis="licence",
        issuer="reliant",
        kind="search",
        title=title,
        summary="The terms of these licences that bear on use are in the atlas.",
        effect="coverage",
        when={LICENCE: names},
        force=Force(from_="2019-01-01"),
        sources={"search": Source(title=title, kind="dataset", publisher="reliant maintainers")},
        confidence="reported",
        reviewed=Reviewed(on=reviewed, by="reliant maintainers"),
    )
