"""Permissions, so that some requests are OPEN at all."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from rules300 import CHANNELS, COUNTRIES, PROVIDERS

from reliant.atlas.records.rule import Rule


def permissions(seed: int) -> list[Rule]:
    """Return allowances on access, and axes that were searched, some of them for some places only."""
    rng = random.Random(seed)
    made: list[dict[str, Any]] = [
        {
            "axis": "access",
            "by": "provider",
            "effect": "allow",
            "when": {"provider": rng.sample(PROVIDERS, 16), "channel": rng.sample(CHANNELS, 4)},
        },
        {"axis": "law", "effect": "coverage", "when": {"user.region": rng.sample(COUNTRIES, 80)}},
        {"axis": "licence", "effect": "coverage", "when": {"model.weights": ["open", "closed"]}},
        {"axis": "register", "effect": "coverage", "when": {"user.region": rng.sample(COUNTRIES, 90)}},
    ]
    return [
        msgspec.convert(
            {
                "id": f"bench.permits-{number}",
                "issuer": "bench",
                "kind": "offer",
                "title": "P",
                "summary": "P.",
                "force": {"from": "2020-01-01"},
                "sources": {"page": {"title": "P", "kind": "press", "published": "2020-01-01"}},
                "confidence": "reported",
                "reviewed": {"on": "2026-11-20", "by": "bench"},
                **fields,
            },
            Rule,
        )
        for number, fields in enumerate(made)
    ]
