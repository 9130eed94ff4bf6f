"""Every number of a what-if has an address, and the rows behind it give the number that was printed."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.estates import COUNTRIES, PROVIDERS, USES, graphs, hosted_graphs, setting
from reliant.assessment.explain.desk import Desk
from reliant.assessment.figures import written
from reliant.assessment.graph import Cut, Graph
from reliant.assessment.simulate.figures import SimulationFigures, unit_of, value_of
from reliant.assessment.simulate.plans import Plan, Plans, Replacement
from reliant.assessment.simulate.play import Scenario, Stage, simulate
from reliant.atlas import Atlas
from reliant.cli.main import cli
from reliant.cli.simulate import Table
from reliant.core.truth import Truth

CUTS = st.one_of(
    st.sampled_from(PROVIDERS).map(lambda one: Cut("provider", one)),
    st.sampled_from(COUNTRIES).map(lambda one: Cut("jurisdiction", one)),
    st.sampled_from(USES).map(lambda one: Cut("use", one)),
)
STAGES = st.builds(
    Stage,
    st.lists(CUTS, max_size=2).map(tuple),
    st.none() | st.dates(dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
)
DAYS = st.none() | st.sampled_from((0.0, 1.0, 2.5, 30.0, math.inf))
REPLACEMENTS = st.builds(
    Replacement,
    name=st.sampled_from(("one", "other")),
    provider=st.sampled_from(PROVIDERS),
    reachable=st.just(value=True),
    permitted=st.just(value=True),
    api_fits=st.sampled_from((True, None)),
    parity=st.sampled_from(("passed", None)),
    evidence=st.just("parity.json"),
    effort_days=st.none() | st.just(2.0),
)
PLANS = st.builds(
    Plan,
    weight=st.none(),
    survive_days=DAYS,
    recover_days=st.none() | st.sampled_from((0.0, 3.0, 20.0)),
    demand_per_day=st.none() | st.just(100.0),
    stock=st.none() | st.just(700.0),
    capacity_per_day=st.none() | st.just(30.0),
    cost_per_day=st.none() | st.just(500.0),
    replacements=st.lists(REPLACEMENTS, max_size=2).map(tuple),
)


def check_all(told: SimulationFigures) -> set[str]:
    """Hold every number of the JSON against what its rows give; return the fields that had numbers."""
    explained: dict[tuple[str, ...], Any] = {}
    for address, printed in told.addresses.items():
        unit = unit_of(address)
        if unit not in explained:
            explained[unit] = told.at(unit)
            assert explained[unit].means
            assert explained[unit].rows or explained[unit].at or unit[0] in {"target", "functions"}
        value = value_of(explained[unit], unit, address)
        assert value is not None, written(address)
        assert math.isclose(value, printed, rel_tol=1e-6, abs_tol=1e-8), written(address)
    return {address[0] for address in told.addresses}


@settings(max_examples=60)
@given(
    graphs() | hosted_graphs(),
    st.lists(STAGES, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(("f0", "f1", "f2")), PLANS),
    st.dictionaries(st.sampled_from(USES), st.sampled_from(list(Truth))),
    st.dictionaries(st.sampled_from(PROVIDERS), st.sampled_from((0.9, 0.5, 1.0))),
    st.dictionaries(st.sampled_from(tuple(f"provider:{one}" for one in PROVIDERS)), st.just(3.0)),
    st.dictionaries(st.sampled_from(USES), st.integers(0, 4)),
)
def test_every_number_of_a_what_if_is_the_sum_of_its_rows(
    atlas: Atlas,
    graph: Graph,
    stages: list[Stage],
    told: dict[str, Plan],
    already: dict[str, Truth],
    up: dict[str, float],
    effort: dict[str, float],
    places: dict[str, int],
) -> None:
    plans = Plans(told, effort, None, up)
    given_ = setting(already=already, places=places)
    scenario = Scenario("several days", tuple(stages))
    # Nothing is read of an assessment here: the estate is made up, so no rule decided anything.
    desk = Desk(None, atlas, graph, {}, {}, {})  # type: ignore[arg-type]
    result = simulate(graph, scenario, plans, given_)

    check_all(SimulationFigures(graph, scenario, plans, given_, desk, result))


def _figures(path: Path, cuts: tuple[str, ...] = (), scenario: Path | None = None, **who: str) -> Any:
    table = Table.of(str(path), who, dt.date(2024, 7, 10), None, offline=True)
    played = table.play(str(scenario) if scenario else None, cuts)
    desk = Desk.of(played.today, played.atlas, played.plans)
    return SimulationFigures(played.graph, played.scenario, played.plans, played.setting, desk, played.result)


NOTICE = """name: notice, then a country
steps:
  - {on: 2024-06-24, label: notice}
  - {on: 2024-07-09, label: enforced, cuts: [provider:openai]}
  - {on: 2024-09-01, label: more, cuts: [jurisdiction:US, hub:huggingface]}
"""


@pytest.mark.parametrize("place", ["", "CN"])
def test_every_number_of_the_shop_is_explained_with_places_and_sources(
    root: Path, tmp_path: Path, place: str
) -> None:
    file = tmp_path / "notice.yaml"
    file.write_text(NOTICE, encoding="utf-8")

    told = _figures(root / "examples" / "shop", (), file, **({"place": place} if place else {}))

    heads = check_all(told)
    assert heads >= {"target", "scenario", "functions", "stop_share", "unreplaced", "actions"}
    (share,) = told.explain("stop_share")
    stops = [row for row in share.rows if "stops" in row.adds]
    assert stops
    assert all(row.at and row.says for row in stops)
    assert {number for row in stops for number in row.sources} <= {one.id for one in share.sources}


def _run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, ["explain", *map(str, arguments)], catch_exceptions=False)


def test_a_number_of_simulate_is_explained_on_the_command_line(root: Path, tmp_path: Path) -> None:
    shop = root / "examples" / "shop"
    asked = (shop, "--cut", "provider:openai", "--as-of", "2024-07-10", "--offline", "--format", "json")

    names = json.loads(_run(*asked, "--number", "names").stdout)
    assert names["stop_share.low"] == pytest.approx(3.5 / 16)
    share = json.loads(_run(*asked, "--number", "stop_share").stdout)
    assert [one["value"] for one in share["values"]] == pytest.approx([3.5 / 16, 3.5 / 16])
    gap = json.loads(_run(*asked, "--number", "functions[pictures].gap_days").stdout)
    assert gap["rows"][0]["at"] == "reliant.toml"


def test_a_scenario_of_cuts_is_asked_by_its_file_and_each_of_its_days(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "notice.yaml"
    file.write_text(NOTICE, encoding="utf-8")
    shop = root / "examples" / "shop"

    shown = _run(shop, "--scenario", file, "--number", "steps[1].stop_share", "--offline", "--format", "json")
    (low, _) = json.loads(shown.stdout)["values"]

    assert low["value"] == pytest.approx(3.5 / 16)


def test_a_what_if_without_a_cut_or_a_number_is_a_wrong_question(root: Path) -> None:
    from reliant.errors import UsageError

    for arguments in (("--cut", "provider:openai"), ("--what-if", "--number", "stop_share")):
        with pytest.raises(UsageError, match="which what-if") as raised:
            _run(root / "examples" / "shop", *arguments)
        assert "--number names" in str(raised.value.hint)
