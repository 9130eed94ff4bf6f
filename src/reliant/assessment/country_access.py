"""Which providers of one country may and can be reached from another, by channel, on a day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from reliant.core.country import Reach
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.core.verdict import Axis, Verdict, worst

if TYPE_CHECKING:
    import datetime as dt

    from reliant.assessment.citing import Citations
    from reliant.atlas import Atlas
    from reliant.atlas.records.provider import Provider
    from reliant.core.verdict import AxisAnswer, Gate
    from reliant.policy import RuleBook

_ORDER = (Verdict.BLOCKED, Verdict.CONDITIONAL, Verdict.OPEN, Verdict.UNKNOWN)


def access_table(
    atlas: Atlas, rules: RuleBook, home: str, on: Iterable[str], *, as_of: dt.date, citations: Citations
) -> tuple[Reach, ...]:
    """Return one row for each provider of `on` and channel, with the verdict of the access axis.

    Args:
        home: Code of the country that asks; a group is asked member by member.
        on: Codes of the countries whose providers are asked about.
    """
    wanted = set(on)
    rows = []
    for provider in atlas.providers.values():
        if provider.hq_country not in wanted:
            continue
        for channel in channels(provider):
            rows.append(one_row(provider, channel, home, as_of=as_of, rules=rules, citations=citations))
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


def facts(provider: Provider, channel: str, home: str) -> Facts:
    """Return what is asked: this provider, through this channel, from this country."""

    def recorded(value: Value) -> Fact:
        return Fact(value, Provenance("atlas", provider.id))

    known: dict[str, Fact] = {
        "provider": recorded(provider.id),
        "channel": recorded(channel),
        "user.region": Fact(home, Provenance("given", "COUNTRY")),
    }
    if provider.hq_country is not None:
        known["provider.country"] = recorded(provider.hq_country)
    if channel == "partner":
        known["partner"] = recorded(provider.id)
    return Facts(known)


def one_row(
    provider: Provider, channel: str, home: str, *, as_of: dt.date, rules: RuleBook, citations: Citations
) -> Reach:
    """Return the row of one provider and channel."""
    answer = rules.decide(facts(provider, channel, home), as_of).axes[Axis.ACCESS]
    cited: dict[str, None] = {}
    for rule in answer.rules:
        record = rules.rules[rule.id]
        names = [name.partition("#")[2] for name in rule.sources]
        cited.update(dict.fromkeys(citations.cite(record.sources, names)))
    return Reach(
        provider=provider.id,
        name=provider.name,
        channel=channel,
        verdict=answer.verdict.value,
        since=_since(answer),
        sources=tuple(cited),
        gates=tuple(map(_gate, answer.gates)),
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


def _gate(gate: Gate) -> str:
    word = gate.enforcement.value if gate.enforcement else gate.verdict.value.lower()
    since = f" since {gate.since}" if gate.since else ""
    return f"{gate.by.value}: {word}{since}"


def combined(rows: Iterable[Reach]) -> Verdict:
    """Return the worst verdict of several rows."""
    return worst(Verdict(row.verdict) for row in rows)
