"""An ordinary day: expected share and Birnbaum's importance, from chances that were told."""

from __future__ import annotations

import pytest

from assessment.estates import setting
from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.simulate.chances import ordinary_day
from reliant.assessment.simulate.plans import Plans, parse_plans
from reliant.assessment.simulate.play import Scenario, simulate
from reliant.core.need import AllOf, AnyOf, Function, Supplier
from reliant.errors import ConfigError
from reliant.report import render

BATCH = AnyOf((Supplier("openai"), AllOf((Supplier("zhipu"), Supplier("ocrsvc")))))


def _graph(*, own: str = "") -> Graph:
    uses = ("openai", "zhipu", "ocrsvc")
    chains = {use: Chain(use, provider=use, self_hosted=use == own) for use in uses}
    return Graph((Function("batch", "Batch", 1.0, BATCH),), chains)


def test_the_worked_example_of_importance() -> None:
    expected, told = ordinary_day(_graph(), {"openai": 0.9, "zhipu": 0.9, "ocrsvc": 0.9})

    assert expected == pytest.approx(0.981)
    assert {one.provider: one.importance for one in told} == pytest.approx(
        {"openai": 0.19, "zhipu": 0.09, "ocrsvc": 0.09}
    )
    assert told[0].provider == "openai"


def test_what_runs_on_own_machines_and_what_nobody_told_of_is_always_there() -> None:
    expected, told = ordinary_day(_graph(own="zhipu"), {"openai": 0.9, "zhipu": 0.1})

    assert expected == 1.0
    assert {one.provider: one.importance for one in told} == {"openai": 0.0}


def test_two_uses_of_one_provider_fail_together() -> None:
    chains = {use: Chain(use, provider="openai") for use in "ab"}
    graph = Graph((Function("f", "f", 1.0, AnyOf((Supplier("a"), Supplier("b")))),), chains)

    assert ordinary_day(graph, {"openai": 0.9})[0] == pytest.approx(0.9)


def test_without_chances_nothing_is_said_of_an_ordinary_day() -> None:
    result = simulate(_graph(), Scenario.of(Cut("provider", "openai")), Plans(), setting())

    assert (result.expected, result.importance) == (None, ())
    assert "ordinary day" not in render(result, "terminal")


def test_chances_are_read_from_the_file_and_shown() -> None:
    plans = parse_plans('[availability]\n"provider:openai" = 0.9\nzhipu = 0.9\nocrsvc = 0.9\n')
    result = simulate(_graph(), Scenario.of(Cut("provider", "openai")), plans, setting())

    assert result.expected == pytest.approx(0.981)
    shown = " ".join(render(result, "terminal").split())
    assert "98 % is expected to work" in shown
    assert "openai 0.190" in shown
    assert "ordinary day" in render(result, "html")


def test_a_chance_outside_of_zero_to_one_is_refused() -> None:
    with pytest.raises(ConfigError):
        parse_plans("[availability]\nopenai = 99.5\n")
