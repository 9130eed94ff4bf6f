"""Holdings: shares multiplied, control chains, and what is not known of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas import Atlas
from reliant.atlas.records.ownership import OwnershipFile
from reliant.core.facts import Facts
from reliant.core.truth import Truth
from reliant.core.verdict import Axis, Verdict
from reliant.errors import ConfigError, RecordError
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question
from reliant.policy.ownership import Ownership

RULE_DAY = dt.date(2025, 9, 5)


def _graph(**companies: Any) -> Ownership:
    return Ownership(msgspec.convert({"company": "acme", "companies": companies}, OwnershipFile))


def _held(
    *stakes: tuple[str, float | None], seat: str | None = "SG", complete: bool = True
) -> dict[str, Any]:
    held = [{"holder": holder, "share_pct": share} for holder, share in stakes]
    return {"seat": seat, "held_by": held, "complete": complete}


def _china(country: str) -> Truth:
    return Truth.of(country == "CN")


def _chain(first: float, second: float) -> Ownership:
    """Acme of SG is held so much by a holding of SG, which is held so much from CN."""
    return _graph(
        acme=_held(("holding", first), ("locals", 100 - first)),
        holding=_held(("parent", second), ("locals", 100 - second)),
        parent={"seat": "CN"},
        locals={"seat": "SG"},
    )


@pytest.mark.parametrize(
    ("first", "second", "multiplied", "chain"),
    [(60, 90, 54.0, 60.0), (55, 90, 49.5, 55.0), (90, 40, 36.0, 0.0), (40, 90, 36.0, 40.0)],
)
def test_the_two_ways_of_counting(first: float, second: float, multiplied: float, chain: float) -> None:
    graph = _chain(first, second)
    assert graph.multiplied(_china).low == pytest.approx(multiplied)
    assert graph.chain(_china).low == pytest.approx(chain)


@pytest.fixture(scope="module")
def verdict(atlas: Atlas) -> Any:
    """Ask whether a company of SG with these owners may use Claude."""
    book = RuleBook.from_atlas(atlas)
    asker = Asker(atlas, book)

    def asked(graph: Ownership, day: dt.date = RULE_DAY, **more: Any) -> Any:
        about = graph.facts(book, day) | more.get("facts", Facts())
        known = asker.facts(Question(provider="anthropic", place="SG"), about)
        return book.decide(known, day).axes[Axis.ACCESS]

    return asked


def test_60_percent_of_90_percent_is_refused_from_2025_09_05_and_not_before(verdict: Any) -> None:
    assert verdict(_chain(60, 90), dt.date(2025, 9, 4)).verdict is Verdict.OPEN
    assert verdict(_chain(60, 90)).verdict is Verdict.BLOCKED


def test_55_percent_of_90_percent_depends_on_the_reading_and_names_both(verdict: Any) -> None:
    answer = verdict(_chain(55, 90))
    assert answer.verdict is Verdict.UNKNOWN
    (missing,) = [one for one in answer.missing if one.fact == "reading:anthropic.ownership"]
    assert "multiplied:" in missing.question
    assert "chain:" in missing.question


@pytest.mark.parametrize(("reading", "expected"), [("multiplied", Verdict.OPEN), ("chain", Verdict.BLOCKED)])
def test_the_operators_reading_is_followed(
    verdict: Any, atlas: Atlas, reading: str, expected: Verdict
) -> None:
    from reliant.policy.ask import given as said

    chosen = said({"reading:anthropic.ownership": reading}, "reliant.toml")
    assert verdict(_chain(55, 90), facts=chosen).verdict is expected


def test_an_unknown_link_is_unknown_and_is_named(verdict: Any) -> None:
    graph = _graph(
        acme=_held(("holding", 60), ("locals", 40)),
        holding=_held(("parent", None)),
        parent={"seat": "CN"},
        locals={"seat": "SG"},
    )
    answer = verdict(graph)
    assert answer.verdict is Verdict.UNKNOWN
    assert any("how much parent holds of holding" in one.question for one in answer.missing)


def test_an_unknown_link_that_cannot_matter_is_no_obstacle(verdict: Any) -> None:
    graph = _graph(
        acme=_held(("locals", 80), ("stranger", 20)), locals={"seat": "SG"}, stranger={"seat": None}
    )
    assert verdict(graph).verdict is Verdict.OPEN


def test_holders_that_are_not_named_may_be_anybody() -> None:
    graph = _graph(acme=_held(("locals", 40), complete=False), locals={"seat": "SG"})
    assert str(graph.multiplied(_china)) == "0 to 60 %"
    assert graph.open_links() == ["who holds the other 60 % of acme"]


def test_control_by_other_means_is_a_fact_of_its_own(verdict: Any) -> None:
    graph = _graph(
        acme={
            "seat": "SG",
            "complete": True,
            "held_by": [
                {"holder": "parent", "share_pct": 10, "controls": True},
                {"holder": "locals", "share_pct": 90},
            ],
        },
        parent={"seat": "CN"},
        locals={"seat": "SG"},
    )
    assert graph.controlled_from() == ("CN",)
    assert verdict(graph).verdict is Verdict.BLOCKED


def test_holdings_in_a_circle_are_worked_out() -> None:
    graph = _graph(
        acme=_held(("a", 50), ("parent", 50)),
        a=_held(("acme", 50), ("parent", 50)),
        parent={"seat": "CN"},
    )
    assert graph.multiplied(_china).low == pytest.approx(100.0)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_what_is_sure_is_never_more_than_what_is_possible(first: float, second: float, third: float) -> None:
    total = first + second
    scale = 100 / total if total > 100 else 1
    graph = _graph(
        acme=_held(("a", first * scale), ("b", second * scale), complete=False),
        a=_held(("parent", third), complete=False),
        b={"seat": None},
        parent={"seat": "CN"},
    )
    for held in (graph.multiplied(_china), graph.chain(_china)):
        assert -1e-9 <= held.low <= held.high + 1e-9 <= 100 + 1e-6


def test_a_holder_without_an_entry_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="'ghost', which holds 'acme'"):
        _graph(acme=_held(("ghost", 10)))


def test_shares_above_100_percent_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="add up to 110 %"):
        _graph(acme=_held(("a", 60), ("b", 50)), a={"seat": "SG"}, b={"seat": "SG"})


def test_a_file_that_is_none_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "owners.yaml"
    file.write_text("company: acme\ncompanies:\n  acme: {seat: SG, owned_by: []}\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"owners\.yaml:3"):
        Ownership.read(file)
