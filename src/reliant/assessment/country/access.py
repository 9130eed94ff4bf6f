"""Which providers of one country may and can be reached from another, by channel, on a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from reliant.core.country import Reach
from reliant.core.facts import Fact, Facts, Provenance
from reliant.core.verdict import Axis, Verdict, worst
from reliant.policy.ask import Asker, Question
from reliant.policy.ownership import Ownership

if TYPE_CHECKING:
    import datetime as dt

    from reliant.assessment.citing import Citations
    from reliant.atlas import Atlas
    from reliant.atlas.records.provider import Provider
    from reliant.core.verdict import AxisAnswer, Gate
    from reliant.policy import RuleBook

_ORDER = (Verdict.BLOCKED, Verdict.CONDITIONAL, Verdict.OPEN, Verdict.UNKNOWN)


def access_table(asking: Asking, home: str, on: Iterable[str], citations: Citations) -> tuple[Reach, ...]:
    """Return one row for each provider of `on` and channel, with the verdict of the access axis.

    Args:
        home: Code of the country that asks; a group is asked member by member.
        on: Codes of the countries whose providers are asked about.
    """
    wanted = set(on)
    rows = [
        one_row(asking, provider, channel, home, citations)
        for provider in asking.atlas.providers.values()
        if provider.hq_country in wanted
        for channel in channels(provider)
    ]
    return tuple(
        sorted(rows, key=lambda row: (_ORDER.index(Verdict(row.verdict)), row.name.casefold(), row.channel))
    )


def channels(provider: Provider) -> tuple[str, ...]:
    """Return the ways to a provider: its own API, a partner cloud, its app."""
    found = []
    if "partner-cloud" in provider.roles:
        found.append("partner")
    elif provider.api_hosts and {"lab", "api"} & set(provider.roles):
        found.append("direct")
    if provider.app_hosts and {"lab", "app"} & set(provider.roles):
        found.append("app")
    return tuple(found)


ASSUMED = (
    "Asked for a firm of the country, owned there, and for what a provider offers to all its customers: "
    "models under an order or a preview of their own are another question."
)
"""What the access table takes for granted, in words."""


@dataclass
class Asking:
    """Asks ways to providers from countries, as a firm of that country that is owned there.

    Attributes:
        rules: Of the atlas.
        known_on: Hide what was published later.
    """

    atlas: Atlas
    rules: RuleBook
    as_of: dt.date
    known_on: dt.date | None = None

    def __post_init__(self) -> None:
        self._asker = Asker(self.atlas, self.rules)
        self._firms: dict[str, Facts] = {}

    def facts(self, provider: Provider, channel: str, home: str) -> Facts:
        """Return what is asked: this provider, through this channel, from this country."""
        given = {"place": Provenance("given", "COUNTRY"), "channel": Provenance("atlas", provider.id)}
        question = Question(provider=provider.id, channel=channel, place=home, origin=given)
        found = self._asker.facts(question, self._firm(home))
        return found | {"model": Fact(_ANY_MODEL, Provenance("assumed", "what it offers to all"))}

    def _firm(self, home: str) -> Facts:
        if home not in self._firms:
            ours = Provenance("assumed", "a firm of the country, owned there")
            owned = Ownership.sole(home, "a firm of the country").facts(self.rules, self.as_of)
            told = {"company.country": Fact(home, ours), "user.nationality": Fact((home,), ours)}
            self._firms[home] = owned | told
        return self._firms[home]

    def axis(self, provider: Provider, channel: str, home: str) -> AxisAnswer:
        """Return the answer of the access axis."""
        asked = self.facts(provider, channel, home)
        return self.rules.decide(asked, self.as_of, self.known_on).axes[Axis.ACCESS]


_ANY_MODEL = "(any model)"


def one_row(asking: Asking, provider: Provider, channel: str, home: str, citations: Citations) -> Reach:
    """Return the row of one provider and channel."""
    answer = asking.axis(provider, channel, home)
    cited: dict[str, None] = {}
    for rule in answer.rules:
        record = asking.rules.rules[rule.id]
        names = [name.partition("#")[2] for name in rule.sources]
        cited.update(dict.fromkeys(citations.cite(record.sources, names)))
    seen = _seen(answer, asking.rules)
    since = _since(answer)
    return Reach(
        provider=provider.id,
        name=provider.name,
        channel=channel,
        verdict=answer.verdict.value,
        since=since,
        since_is="" if since is None else "seen" if since in seen else "began",
        sources=tuple(cited),
        gates=tuple(_gate(gate, gate.since in seen) for gate in answer.gates),
        missing=tuple(one.fact for one in answer.missing),
        places=(home,),
    )


def joined(rows: Iterable[Reach]) -> tuple[Reach, ...]:
    """Return rows that differ only in the place they were asked from as one, in the order given."""
    groups: dict[tuple[object, ...], list[Reach]] = {}
    for row in rows:
        groups.setdefault((row.provider, row.channel, row.verdict, row.since, row.gates), []).append(row)
    return tuple(
        msgspec.structs.replace(several[0], places=tuple(code for row in several for code in row.places))
        for several in groups.values()
    )


def _since(answer: AxisAnswer) -> str | None:
    """Return when the present state began: of a blocked way the first gate that closed it."""
    dates = [gate.since for gate in answer.gates if gate.verdict is answer.verdict and gate.since]
    return min(dates, default=None)


_EVIDENCE = {"first_known", "not_later_than"}
"""Starts of rules that are the day of the first evidence: it may have begun before."""


def _seen(answer: AxisAnswer, rules: RuleBook) -> set[str | None]:
    """Return the days of gates that are only those of the first evidence."""
    days = set[str | None]()
    for gate in answer.gates:
        rule = rules.rules.get(gate.rule) if gate.rule else None
        if rule is not None and rule.force is not None and rule.force.from_precision in _EVIDENCE:
            days.add(gate.since)
    return days - {None}


def _gate(gate: Gate, seen: bool) -> str:
    word = gate.enforcement.value if gate.enforcement else gate.verdict.value.lower()
    if gate.since is None:
        return f"{gate.by.value}: {word}"
    return f"{gate.by.value}: {word}{', first seen' if seen else ' since'} {gate.since}"


def combined(rows: Iterable[Reach]) -> Verdict:
    """Return the worst verdict of several rows."""
    return worst(Verdict(row.verdict) for row in rows)
