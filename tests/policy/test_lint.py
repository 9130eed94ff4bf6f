"""Mistakes in rules are named with file and line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from reliant.atlas.lint import lint
from reliant.policy import RuleBook
from reliant.policy.analysis import Analysis
from reliant.policy.conditions import YES
from reliant.policy.lint import CHECKS
from support.atlas_builder import AtlasBuilder
from support.rules import DAY, books, rule, values

_VOCABULARY = {
    "facts": {
        "provider": {"type": "id", "about": "thing", "question": "Who?"},
        "channel": {"type": "text", "about": "thing", "question": "How?", "values": ["direct", "app"]},
        "user.region": {"type": "place", "about": "you", "question": "Where?"},
        "model.params_b": {"type": "number", "about": "thing", "question": "How large?"},
    }
}


def _with(*rules: dict[str, Any], **lists: Any) -> AtlasBuilder:
    atlas = AtlasBuilder().document("vocabulary", _VOCABULARY).provider("acme")
    for number, fields in enumerate(rules):
        filled = {
            "axis": "law",
            "issuer": "acme",
            "kind": "rule",
            "title": "A rule",
            "summary": "A rule.",
            "effect": "deny",
            "when": {"provider": "acme"},
            "force": {"from": "2024-01-01"},
            **fields,
        }
        atlas.record(
            "rules", f"rule-{number}", **{key: value for key, value in filled.items() if value is not None}
        )
    for key, fields in lists.items():
        atlas.record("lists", key, name=key, issuer="acme", **fields)
    return atlas


def _problems(atlas: AtlasBuilder, folder: Path) -> list[str]:
    errors = lint(atlas.write(folder), CHECKS)
    assert all(error.line >= 1 and Path(error.path).is_file() for error in errors)
    return [f"{Path(error.path).name}: {error.problem}" for error in errors]


def test_a_rule_that_is_right_has_no_mistakes(tmp_path: Path) -> None:
    assert _problems(_with({}), tmp_path) == []


_DENY = {"axis": "access", "by": "provider", "enforcement": "terms"}
_ALLOW = {"axis": "access", "by": "provider", "effect": "allow"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sources": {}}, "has no source"),
        ({"force": {"from": "2024-07-09", "to": "2024-07-01"}}, "lies before from"),
        ({"when": {"user.region": "XQ"}}, "is the code of no country"),
        ({"when": {"user.place": "CN"}}, "there is no fact 'user.place'"),
        ({"when": {"channel": "carrier-pigeon"}}, "is none of its values"),
        ({"when": {"user.region": {"not_in": "acme.nowhere"}}}, "there is no list 'acme.nowhere'"),
        ({"exceptions": ["acme.nothing"]}, "there is no rule 'acme.nothing'"),
        ({"when": {}}, "would hold of everything"),
        ({"force": None}, "says nothing of when"),
        ({"kind": "bill"}, "was never in force"),
        ({"axis": "access"}, "says who holds the gate"),
        ({"readings": [{"id": "one", "says": "One."}]}, "one reading is no choice"),
        (
            {"timeline": [{"status": "in-force", "on": "2024-01-01", "source": "gone"}]},
            "there is no source 'gone'",
        ),
        ({"when": {"model.params_b": {"above": 7, "below": 5}}}, "it can never fire"),
        ({"when": {"provider": "acme"}, "unless": [{"provider": "acme"}]}, "it can never fire"),
        (
            {"sources": {"page": {"title": "P", "kind": "press", "quote": " ".join(["word"] * 26)}}},
            "more than 25",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_named(fields: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert any(said in problem for problem in _problems(_with(fields), tmp_path))


def test_two_rules_of_one_issuer_may_not_contradict_each_other_silently(tmp_path: Path) -> None:
    deny = {**_DENY, "when": {"provider": "acme", "user.region": "CN"}}
    allow = {**_ALLOW, "when": {"provider": "acme", "user.region": ["CN", "US"]}}
    assert _problems(_with(allow, deny), tmp_path) == [
        "rule-1.yaml: contradicts rule-0, which permits what this forbids"
    ]
    said = {**deny, "overrides": ["rule-0"]}
    assert _problems(_with(allow, said), tmp_path / "said") == []


def test_what_cannot_meet_does_not_contradict(tmp_path: Path) -> None:
    deny = {**_DENY, "when": {"provider": "acme", "user.region": "CN"}}
    allow = {**_ALLOW, "when": {"provider": "acme", "user.region": "US"}}
    later = {**_ALLOW, "when": {"provider": "acme"}, "force": {"from": "2025-01-01"}}
    ended = {**deny, "force": {"from": "2024-01-01", "to": "2025-01-01"}}
    assert _problems(_with(allow, deny), tmp_path / "places") == []
    assert _problems(_with(later, ended), tmp_path / "days") == []


def test_a_list_that_misses_its_count_is_named(tmp_path: Path) -> None:
    copy = {"id": "a", "not_before": "2024", "not_after": "2024", "places": ["US", "DE"], "count": 160}
    problems = _problems(_with({}, **{"acme-list": {"copies": [copy]}}), tmp_path)
    assert any("says 160, and there are 2 places" in problem for problem in problems)


def test_the_rules_of_the_atlas_have_no_mistakes(root: Path) -> None:
    assert lint(root / "atlas", CHECKS) == []


@given(books(4), values())
@settings(max_examples=60)
def test_a_rule_called_dead_never_fires(book: RuleBook, known: dict[str, Any]) -> None:
    single = {name: value for name, value in known.items() if not isinstance(value, tuple)}
    dead = set(Analysis(book.rules, book.lists, DAY).dead())
    fired = {entry.rule.id for entry in book.at(DAY).entries if entry.answer(single) == YES}
    assert not dead & fired


@given(books(4), values())
@settings(max_examples=60)
def test_rules_that_fire_together_are_found_to_overlap(book: RuleBook, known: dict[str, Any]) -> None:
    single = {name: value for name, value in known.items() if not isinstance(value, tuple)}
    fired = [entry.rule for entry in book.at(DAY).entries if entry.answer(single) == YES]
    pairs = {frozenset((pair.one, pair.other)) for pair in Analysis(book.rules, book.lists, DAY).overlaps()}
    for one in fired:
        for other in fired:
            if one.effect != other.effect:
                assert frozenset((one.id, other.id)) in pairs


def test_a_dead_rule_and_an_overlap_are_told_apart() -> None:
    dead = rule("a.dead", when={"provider": "acme", "model.params_b": {"above": 5, "below": 5}})
    live = rule("a.live", when={"provider": "acme"})
    warns = rule("a.warns", effect="warn", when={"provider": ["acme", "zed"]})
    analysis = Analysis({one.id: one for one in (dead, live, warns)}, {}, dt.date(2024, 7, 9))
    assert analysis.dead() == ["a.dead"]
    assert [(pair.one, pair.other) for pair in analysis.overlaps()] == [("a.live", "a.warns")]
