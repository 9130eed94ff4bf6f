"""Tiny rules and books of them, and hypothesis strategies that make many."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from hypothesis import strategies as st

from reliant.atlas.records.place_list import PlaceList
from reliant.atlas.records.rule import Rule
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.policy import RuleBook

GIVEN = Provenance("given", "the test")


def rule(key: str, **fields: Any) -> Rule:
    """Return a rule of the law axis that forbids, in force since 2020, unless told otherwise."""
    if fields.get("axis") == "access":
        fields.setdefault("by", "provider")
    filled: dict[str, Any] = {
        "id": key,
        "axis": "law",
        "issuer": key.partition(".")[0],
        "kind": "rule",
        "title": key,
        "summary": key,
        "effect": "deny",
        "force": {"from": "2020-01-01"},
        "sources": {"page": {"title": "The page", "kind": "primary", "published": "2019-12-01"}},
        "confidence": "confirmed",
        "reviewed": {"on": "2026-11-20", "by": "tests"},
        **fields,
    }
    return msgspec.convert(filled, Rule)


def places(key: str, *copies: tuple[str, str, list[str]]) -> PlaceList:
    """Return a list whose copies are (not before, not after, places)."""
    return msgspec.convert(
        {
            "id": key,
            "name": key,
            "issuer": key.partition(".")[0],
            "copies": [
                {"id": str(n), "not_before": early, "not_after": late, "places": held, "count": len(held)}
                for n, (early, late, held) in enumerate(copies)
            ],
            "sources": {"page": {"title": "The page", "kind": "primary"}},
            "confidence": "confirmed",
            "reviewed": {"on": "2026-11-20", "by": "tests"},
        },
        PlaceList,
    )


def facts(**values: Any) -> Facts:
    """Return facts; `user__region` stands for `user.region`."""
    return named({name.replace("__", "."): value for name, value in values.items()})


def named(values: dict[str, Value | tuple[Value, ...]]) -> Facts:
    """Return facts by their names."""
    return Facts({name: Fact(value, GIVEN) for name, value in values.items()})


def book(*rules: Rule, lists: list[PlaceList] | None = None) -> RuleBook:
    """Return a book of these rules, whose law, licence and register axes are searched everywhere."""
    searched = [
        rule(f"all.{axis}", axis=axis, effect="coverage", when={"searched": True})
        for axis in ("law", "licence", "register")
    ]
    return RuleBook([*rules, *searched], {one.id: one for one in lists or []})


# Generated rules.

DAY = dt.date(2024, 7, 9)

_TEXTS = {
    "provider": ["acme", "zed", "kay"],
    "channel": ["direct", "partner", "app"],
    "sector": ["private", "government"],
    "model.weights": ["open", "closed"],
    "developer": ["acme", "zed", "other"],
}
_PLACES = {"user.region": ["CN", "US", "US-TX", "SG", "DE"], "owner.country": ["CN", "SG", "US"]}
_NUMBERS = {
    "model.params_b": [1.0, 7.0, 70.0, 700.0],
    "users.monthly_million_at_release": [1.0, 699.0, 701.0],
}
_FLAGS = ["service.public", "use.commercial"]

FACT_VALUES: dict[str, list[Value]] = {
    **{name: list(values) for name, values in {**_TEXTS, **_PLACES}.items()},
    **{name: list(values) for name, values in _NUMBERS.items()},
    **{name: [True, False] for name in _FLAGS},
}

LISTS = [
    places(
        "acme.supported",
        ("2023-01-01", "2023-02-01", ["US", "DE"]),
        ("2024-01-01", "2025-01-01", ["US", "DE", "SG"]),
    ),
    places("groups.near", ("2020-01-01", "2020-01-01", ["SG", "US-TX"])),
]


@st.composite
def whens(draw: st.DrawFn, largest: int = 4) -> dict[str, Any]:
    """Return the conditions of a rule."""
    when: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(FACT_VALUES)), unique=True, max_size=largest)):
        if name in _NUMBERS:
            when[name] = {
                draw(st.sampled_from(["above", "at_least", "below"])): draw(st.sampled_from(_NUMBERS[name]))
            }
        elif name in _FLAGS:
            when[name] = draw(st.booleans())
        elif name in _PLACES and draw(st.booleans()):
            when[name] = {
                draw(st.sampled_from(["in", "not_in"])): draw(st.sampled_from([one.id for one in LISTS]))
            }
        else:
            some = draw(st.lists(st.sampled_from(FACT_VALUES[name]), min_size=1, max_size=3, unique=True))
            when[name] = {"is_not": some} if draw(st.booleans()) else some
    return when


_FORCES = [
    {"from": "2020-01-01"},
    {"from": "2024-07-09"},
    {"from": "2024-07-10"},
    {"from": "2024-07"},
    {"from": "2024-07-20", "from_precision": "first_known"},
    {"from": "2020-01-01", "to": "2024-07-09"},
    {"from": "2020-01-01", "to": "2024-07"},
    {"from": None},
]


@st.composite
def rules(draw: st.DrawFn, number: int = 0) -> Rule:
    """Return a rule of any axis and effect."""
    axis = draw(st.sampled_from(["access", "law", "licence", "register"]))
    effects = ["deny", "require", "warn"] + (["allow", "allow"] if axis == "access" else ["coverage"])
    effect = draw(st.sampled_from(effects))
    fields: dict[str, Any] = {
        "axis": axis,
        "effect": effect,
        "when": draw(whens()),
        "force": draw(st.sampled_from(_FORCES)),
    }
    if axis == "access":
        fields["by"] = draw(st.sampled_from(["provider", "partner", "state"]))
        fields["enforcement"] = draw(st.sampled_from(["terms", "enforced"])) if effect == "deny" else None
    if draw(st.booleans()):
        fields["any_of"] = draw(st.lists(whens(2), min_size=1, max_size=2))
    if draw(st.booleans()):
        fields["unless"] = [draw(whens(2).filter(bool))]
    if effect == "require" and draw(st.booleans()):
        fields["obligations"] = [{"id": "duty", "met_when": {"service.public": draw(st.booleans())}}]
    return rule(f"made.rule-{number}", **fields)


@st.composite
def books(draw: st.DrawFn, largest: int = 6) -> RuleBook:
    """Return a book of a few generated rules."""
    made = [draw(rules(number)) for number in range(draw(st.integers(1, largest)))]
    return RuleBook(made, {one.id: one for one in LISTS})


@st.composite
def values(draw: st.DrawFn) -> dict[str, Value | tuple[Value, ...]]:
    """Return some facts; some are missing, some have many values, some may have more."""
    found: dict[str, Value | tuple[Value, ...]] = {}
    for name, possible in FACT_VALUES.items():
        how = draw(st.sampled_from(["missing", "one", "one", "one", "many", "maybe more"]))
        if how == "one" or (how != "missing" and name in _NUMBERS):
            found[name] = draw(st.sampled_from(possible))
        elif how == "many":
            found[name] = tuple(
                draw(st.lists(st.sampled_from(possible), min_size=1, max_size=2, unique=True))
            )
        elif how == "maybe more" and name not in _FLAGS:
            found[name] = (*draw(st.lists(st.sampled_from(possible), max_size=1)), "?")
    return found


@st.composite
def completions(
    draw: st.DrawFn, known: dict[str, Value | tuple[Value, ...]]
) -> dict[str, Value | tuple[Value, ...]]:
    """Return the same facts with every missing one filled in, and every open end closed."""
    full: dict[str, Value | tuple[Value, ...]] = {}
    for name, possible in FACT_VALUES.items():
        value = known.get(name)
        if value is None:
            full[name] = draw(st.sampled_from(possible))
        elif isinstance(value, tuple) and "?" in value:
            more = draw(st.lists(st.sampled_from(possible), max_size=1))
            kept = tuple(one for one in value if one != "?")
            full[name] = tuple(dict.fromkeys((*kept, *more))) or (possible[0],)
        else:
            full[name] = value
    return full
