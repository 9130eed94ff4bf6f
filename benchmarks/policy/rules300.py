"""300 rules of realistic shape, and requests to ask them; seeded, so every run has the same.

Two in five are region lists of providers by channel, one in ten asks for ownership
above a half, one in five is a rule of a government on sector or public service, one
in eight is on the export of closed weights, one in six on thresholds of licences.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

from reliant.atlas.records.rule import Rule
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.policy import RuleBook

PROVIDERS = [f"provider-{number}" for number in range(24)]
CHANNELS = ["direct", "partner", "reseller", "self-hosted", "app"]
SECTORS = ["private", "government", "defence", "education", "critical-infrastructure"]
LICENCES = [f"LicenseRef-licence-{number}" for number in range(20)]
COUNTRIES = """
AD AE AF AG AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BY BZ CA CD CF CG CH
CI CL CM CN CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FR GA GB GD GE GH GM GN GQ
GR GT GW GY HK HN HR HT HU ID IE IL IN IQ IR IS IT JM JO JP KE KG KH KI KM KN KP KR KW KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD
""".split()  # noqa: SIM905 - a page of quotes reads worse

Request = dict[str, Value | tuple[Value, ...]]


def _rule(number: int, rng: random.Random) -> Rule:
    shape = rng.random()
    fields: dict[str, Any] = {"axis": "law", "effect": "deny"}
    if shape < 0.40:
        listed = rng.sample(COUNTRIES, rng.randint(30, 60))
        when: dict[str, Any] = {
            "provider": rng.choice(PROVIDERS),
            "channel": rng.sample(CHANNELS, rng.randint(1, 2)),
        }
        when["user.region"] = {"is_not": listed} if rng.random() < 0.5 else listed
        fields |= {"axis": "access", "by": "provider", "enforcement": "terms"}
    elif shape < 0.50:
        when = {
            "provider": rng.choice(PROVIDERS),
            "owner.country": rng.sample(COUNTRIES, 8),
            "owner.pct": {"above": 50},
        }
    elif shape < 0.70:
        when = {"user.region": rng.choice(COUNTRIES), "sector": rng.sample(SECTORS, 2)}
        when["service.public"] = rng.random() < 0.5
    elif shape < 0.83:
        when = {
            "developer.country": rng.choice(COUNTRIES),
            "model.weights": "closed",
            "user.region": rng.sample(COUNTRIES, 20),
        }
    else:
        when = {
            "model.licence": rng.choice(LICENCES),
            "users.monthly_million": {"above": rng.choice([1, 100, 700])},
        }
        fields |= {"axis": "licence"}
    fields["effect"] = (
        rng.choice(["deny", "deny", "require", "warn"]) if fields["axis"] != "access" else "deny"
    )
    start = f"20{rng.randint(20, 24)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    force = (
        None if rng.random() < 0.11 else {"from": start, "to": None if rng.random() < 0.9 else "2026-01-01"}
    )
    return msgspec.convert(
        {
            "id": f"bench.rule-{number}",
            "issuer": "bench",
            "kind": "rule" if force else "bill",
            "title": "A rule",
            "summary": "A rule.",
            "when": when,
            "force": force,
            "sources": {"page": {"title": "P", "kind": "press", "published": "2020-01-01"}},
            "confidence": "reported",
            "reviewed": {"on": "2026-11-20", "by": "bench"},
            **fields,
        },
        Rule,
    )


def book(count: int = 300, seed: int = 7) -> RuleBook:
    """Return a book of `count` rules."""
    rng = random.Random(seed)
    return RuleBook([_rule(number, rng) for number in range(count)])


def request(rng: random.Random) -> Request:
    """Return 14 facts."""
    return {
        "provider": rng.choice(PROVIDERS),
        "channel": rng.choice(CHANNELS),
        "user.region": rng.choice(COUNTRIES),
        "server.region": rng.choice(COUNTRIES),
        "company.country": rng.choice(COUNTRIES),
        "owner.country": rng.choice(COUNTRIES),
        "owner.pct": float(rng.choice([0, 20, 49, 51, 100])),
        "developer.country": rng.choice(COUNTRIES),
        "model.weights": rng.choice(["open", "closed"]),
        "model.licence": rng.choice(LICENCES),
        "sector": rng.choice(SECTORS),
        "service.public": rng.random() < 0.5,
        "users.monthly_million": float(rng.choice([0.5, 50, 500, 900])),
        "model.params_b": float(rng.choice([1, 7, 70])),
    }


def facts(values: Request) -> Facts:
    """Return them as facts."""
    origin = Provenance("given", "bench")
    return Facts({name: Fact(value, origin) for name, value in values.items()})
