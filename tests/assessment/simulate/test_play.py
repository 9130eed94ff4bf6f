"""What a what-if says: each level of cut, days, rows, pairs, actions, and two side by side."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.estates import COUNTRIES, PROVIDERS, graphs, hosted_graphs, setting
from reliant.assessment.graph import LEVELS, Chain, Cut, Graph, Link
from reliant.assessment.measures.cuts import minimal_cut_sets
from reliant.assessment.measures.points import hosted_by, hosted_in
from reliant.assessment.simulate.chances import ordinary_day
from reliant.assessment.simulate.plans import Plan, Plans, Replacement
from reliant.assessment.simulate.play import Scenario, Stage, compare, simulate
from reliant.core.need import AllOf, AnyOf, Function, Need, OneOf, Supplier, met
from reliant.core.simulation import Simulation
from reliant.core.truth import Truth
from reliant.report import render

CLOSE = pytest.approx

HOSTED = Chain(
    "api",
    provider="openai",
    jurisdiction="US",
    owner="OpenAI Group",
    owner_jurisdiction="US",
    developer="openai",
    developer_jurisdiction="US",
    model="gpt-4o",
    weights="closed",
    licence="closed-terms",
    channel="direct",
    descent_known=True,
)
CLOUD = Chain(
    "cloud",
    provider="cloud-fr",
    jurisdiction="FR",
    owner="Big Inc.",
    owner_jurisdiction="US",
    developer="lab-cn",
    developer_jurisdiction="CN",
    model="qwen",
    weights="open",
    licence="Apache-2.0",
    channel="partner",
    descent_known=True,
)
OWN = Chain(
    "own",
    self_hosted=True,
    provider="runtime",
    jurisdiction="DE",
    developer="lab-us",
    developer_jurisdiction="US",
    model="tuned",
    weights="open",
    licence="MIT",
    hub="hf",
    links=(Link("base", ("weights",), licence="llama2"),),
    descent_known=True,
)


def _estate(*functions: Function) -> Graph:
    alone = tuple(Function(one.use, one.use, 1.0, Supplier(one.use)) for one in (HOSTED, CLOUD, OWN))
    return Graph(functions or alone, {one.use: one for one in (HOSTED, CLOUD, OWN)})


def _stops(result: Simulation, stops: bool | None) -> set[str]:
    return {row.id for row in result.functions if row.stops is stops}


@pytest.mark.parametrize(
    ("cut", "stop", "perhaps"),
    [
        ("use:api", {"api"}, set()),
        ("provider:openai", {"api"}, set()),
        ("provider:runtime", set(), set()),
        ("owner:Big Inc.", {"cloud"}, set()),
        ("owner:openai", {"api"}, set()),
        ("jurisdiction:US", {"api", "cloud"}, set()),
        ("jurisdiction:FR", {"cloud"}, set()),
        ("jurisdiction:CN", set(), set()),
        ("jurisdiction:DE", set(), set()),
        ("developer:openai", {"api"}, set()),
        ("developer:lab-us", set(), set()),
        ("model:qwen", {"cloud"}, set()),
        ("model:tuned", {"own"}, set()),
        ("licence:Apache-2.0", {"cloud"}, set()),
        ("licence:llama2", {"own"}, set()),
        ("hub:hf", set(), {"own"}),
        ("hub:cloud-fr", {"cloud"}, set()),
    ],
)
def test_a_cut_at_each_level_stops_what_stands_behind_it(cut: str, stop: set[str], perhaps: set[str]) -> None:
    assert Cut.parse(cut).level in LEVELS

    result = simulate(_estate(), Scenario.of(Cut.parse(cut)), Plans(), setting())

    assert (_stops(result, True), _stops(result, None)) == (stop, perhaps)
    assert (result.stop_share.low, result.stop_share.high) == CLOSE(
        (len(stop) / 3, (len(stop) + len(perhaps)) / 3)
    )
    for row in result.functions:
        gone = row.stops is not False
        assert (cut in row.path) is gone
        assert (cut in row.why or "which the scenario closes" in row.why or "nobody said" in row.why) is gone


def test_steps_are_played_in_the_order_of_their_days_and_each_keeps_what_was_cut_before() -> None:
    notice, first, second = dt.date(2024, 6, 24), dt.date(2024, 7, 9), dt.date(2024, 9, 1)
    stages = (
        Stage((Cut("use", "own"),), None, "some day"),
        Stage((Cut("provider", "cloud-fr"),), second, "more"),
        Stage((Cut("provider", "openai"),), first, "enforced"),
        Stage((), notice, "notice"),
    )

    result = simulate(_estate(), Scenario("steps", stages), Plans(), setting())

    assert [(one.on, one.label, one.stop_share.low) for one in result.scenario.steps] == [
        ("2024-06-24", "notice", 0.0),
        ("2024-07-09", "enforced", CLOSE(1 / 3)),
        ("2024-09-01", "more", CLOSE(2 / 3)),
        (None, "some day", 1.0),
    ]
    assert {row.id: row.when for row in result.functions} == {
        "api": "2024-07-09",
        "cloud": "2024-09-01",
        "own": None,
    }
    assert "2024-07-09" in render(result, "terminal")
    assert "2024-07-09 enforced" in render(result, "html")


PROVEN = Replacement(
    "spare",
    provider="spare",
    reachable=True,
    permitted=True,
    api_fits=True,
    parity="passed",
    evidence="parity/chat.json",
)


def _row(plan: Plan, cut: str = "provider:openai") -> object:
    result = simulate(_estate(), Scenario.of(Cut.parse(cut)), Plans({"api": plan}), setting())
    return next(row for row in result.functions if row.id == "api")


@pytest.mark.parametrize(
    ("told", "survive", "gap", "loss"),
    [
        ({"survive_days": 7.0, "recover_days": 20.0, "cost_per_day": 2000.0}, 7, 13, 26_000),
        ({"survive_days": 2.0, "recover_days": 1.0, "cost_per_day": 500.0}, 2, 0, 0),
        ({"survive_days": math.inf, "recover_days": 5.0, "cost_per_day": 1.0}, None, 0, 0),
        ({"survive_days": math.inf}, None, 0, None),
        ({"survive_days": 1.0}, 1, None, None),
        ({"recover_days": 9.0, "cost_per_day": 5.0}, None, None, None),
        (
            {"demand_per_day": 100.0, "stock": 700.0, "capacity_per_day": 30.0, "recover_days": 12.0},
            10,
            2,
            None,
        ),
    ],
)
def test_days_to_survive_to_recover_and_the_gap_between(
    told: dict[str, float], survive: float | None, gap: float | None, loss: float | None
) -> None:
    row = _row(Plan(**told))  # type: ignore[arg-type]

    assert (row.survive_days, row.recover_days) == (survive, told.get("recover_days"))  # type: ignore[attr-defined]
    assert (row.gap_days, row.loss) == (gap, loss)  # type: ignore[attr-defined]
    assert row.survives_for_ever is (told.get("survive_days") == math.inf)  # type: ignore[attr-defined]


def test_a_function_that_works_has_no_days_without_it() -> None:
    row = _row(Plan(survive_days=1.0, recover_days=9.0, cost_per_day=5.0), "provider:cloud-fr")

    assert (row.stops, row.gap_days, row.loss) == (False, None, None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("missing", ["reachable", "permitted", "api_fits", "parity", "evidence"])
def test_a_replacement_is_proven_only_if_nothing_of_five_is_missing(missing: str) -> None:
    told = {name: getattr(PROVEN, name) for name in PROVEN.__struct_fields__} | {missing: None}

    proven, open_ = _row(Plan(replacements=(PROVEN,))), _row(Plan(replacements=(Replacement(**told),)))

    assert (proven.proven, proven.replaced, proven.missing) == (True, True, ())  # type: ignore[attr-defined]
    assert (open_.proven, open_.replaced, open_.missing) == (False, False, (missing,))  # type: ignore[attr-defined]


def test_a_proven_replacement_that_is_cut_too_replaces_nothing() -> None:
    plans = Plans({"api": Plan(replacements=(PROVEN,))})
    cuts = (Cut("provider", "openai"), Cut("provider", "spare"))

    kept = simulate(_estate(), Scenario.of(*cuts[:1]), plans, setting())
    lost = simulate(_estate(), Scenario.of(*cuts), plans, setting())

    assert (kept.unreplaced.low, lost.unreplaced.low) == CLOSE((0, 1 / 3))


def test_what_may_stop_may_be_unreplaced_unless_a_proven_replacement_stands() -> None:
    def unreplaced(*replacements: Replacement) -> tuple[float, float]:
        plans = Plans({"own": Plan(replacements=replacements)})
        share = simulate(_estate(), Scenario.of(Cut("hub", "hf")), plans, setting()).unreplaced
        return share.low, share.high

    assert unreplaced() == CLOSE((0, 1 / 3))
    assert unreplaced(PROVEN) == (0, 0)


def test_what_another_use_takes_over_is_named_and_untested() -> None:
    graph = _estate(Function("f", "f", 1.0, AnyOf((Supplier("api"), Supplier("cloud")))))

    (row,) = simulate(graph, Scenario.of(Cut("provider", "openai")), Plans(), setting()).functions

    assert (row.stops, row.fallback, row.proven) == (False, "cloud-fr qwen", None)
    assert (row.provider, row.owner, row.jurisdiction) == ("cloud-fr", "Big Inc.", "FR")
    assert row.why == "openai gpt-4o is gone, cloud-fr qwen takes over"


def test_what_still_works_says_why() -> None:
    result = simulate(_estate(), Scenario.of(Cut("jurisdiction", "CN")), Plans(), setting())

    assert {row.id: row.why for row in result.functions} == {
        "api": "openai gpt-4o is not cut",
        "cloud": "cloud-fr qwen comes through a partner that is not cut",
        "own": "lab-us tuned runs on own machines: weights on disk stay",
    }
    for style in ("terminal", "html"):
        assert "weights on disk stay" in " ".join(render(result, style).split())


def test_what_is_assumed_is_said_and_only_that() -> None:
    def assumed(cut: str, plans: Plans, **more: object) -> str:
        result = simulate(_estate(), Scenario.of(Cut.parse(cut)), plans, setting(**more))
        return "\n".join(result.assumptions)

    told = Plans({"api": Plan(weight=2.0, replacements=(PROVEN,))}, weights_kept=True)
    nothing, asked = Plans(), {"already": {"api": Truth.NO}}
    for said, cut, more in (
        ("No place was given", "provider:openai", {}),
        ("An open question of law", "provider:openai", asked),
        ("Functions weigh what the code shows", "provider:openai", {}),
        ("No replacement was declared", "provider:openai", {}),
        ("copies of downloaded weights", "hub:hf", {}),
        ("survive the cut of a country", "jurisdiction:US", {}),
    ):
        assert said in assumed(cut, nothing, **more), said
    assert "No place" not in assumed("provider:openai", nothing, **asked)
    for said in ("copies of downloaded", "survive the cut"):
        assert said not in assumed("provider:openai", nothing)
    silent = assumed("hub:hf", told)
    for said in ("Functions weigh", "No replacement", "copies of downloaded", "survive the cut"):
        assert said not in silent


def test_two_scenarios_are_compared_function_by_function_with_shares_and_gaps() -> None:
    plans = Plans({"api": Plan(survive_days=1.0, recover_days=5.0)})
    left = simulate(_estate(), Scenario.of(Cut("provider", "openai")), plans, setting())
    right = simulate(_estate(), Scenario.of(Cut("jurisdiction", "FR")), plans, setting())

    both = compare(left, right)

    assert [
        (one.name, one.left, one.right, one.left_gap_days, one.right_gap_days) for one in both.functions
    ] == [
        ("api", True, False, 4.0, None),
        ("cloud", False, True, None, None),
        ("own", False, False, None, None),
    ]
    shown = " ".join(render(both, "terminal").split())
    assert "A provider:openai" in shown
    assert "B jurisdiction:FR" in shown
    assert "stops 33 % 33 %" in shown
    assert "2 functions of 3 differ" in shown
    page = render(both, "html")
    assert all(name in page for name in ("api", "cloud"))


def _plain(need: Need) -> bool:
    return isinstance(need, Supplier) or (not isinstance(need, OneOf) and all(map(_plain, need.of)))


@settings(max_examples=60)
@given(st.one_of(hosted_graphs(), graphs()))
def test_single_points_and_pairs_are_all_minimal_cut_sets_of_order_one_and_two(graph: Graph) -> None:
    result = simulate(graph, Scenario.of(), Plans(), setting())

    for level, of in (("provider", hosted_by), ("jurisdiction", hosted_in)):
        wanted: dict[frozenset[str], list[str]] = {}
        for function in graph.functions:
            for cut in minimal_cut_sets(function.need, 2, lambda use, of=of: of(graph.chain(use))):
                wanted.setdefault(cut, []).append(function.id)
        found = {
            frozenset((one.supplier,)): list(one.functions)
            for one in result.single_points
            if one.level == level
        }
        if level == "provider":
            found |= {frozenset(one.suppliers): list(one.functions) for one in result.pairs}
        else:
            wanted = {cut: stopped for cut, stopped in wanted.items() if len(cut) == 1}
        assert found == wanted
    weight = {one.id: one.weight for one in graph.functions}
    for one in (*result.single_points, *result.pairs):
        assert one.stop_share == CLOSE(sum(weight[name] for name in one.functions) / graph.weight)
    shares = [one.stop_share for one in result.pairs]
    assert shares == sorted(shares, reverse=True)


def test_a_pair_that_holds_a_single_point_is_no_pair() -> None:
    chains = {
        use: Chain(use, provider=provider) for use, provider in zip("abc", ("p", "p", "q"), strict=True)
    }
    need = AllOf((Supplier("a"), AnyOf((Supplier("b"), Supplier("c")))))

    result = simulate(Graph((Function("f", "f", 1.0, need),), chains), Scenario.of(), Plans(), setting())

    assert [one.supplier for one in result.single_points] == ["p"]
    assert result.pairs == ()


def _kept(need: Need, given_: set[str]) -> Need:
    """Return a need in which these uses have a second supplier that nothing cuts."""
    if isinstance(need, Supplier):
        return AnyOf((need, AllOf(()))) if need.id in given_ else need
    if isinstance(need, OneOf):
        return OneOf(tuple(_kept(part, given_) for part in need.of), need.default)
    parts = tuple(_kept(part, given_) for part in need.of)
    return AllOf(parts) if isinstance(need, AllOf) else AnyOf(parts)


@settings(max_examples=80)
@given(
    st.one_of(hosted_graphs(), graphs(known=True)),
    st.lists(st.sampled_from(PROVIDERS), min_size=1, max_size=3, unique=True),
)
def test_an_action_takes_off_at_least_what_it_says_and_the_best_comes_first(
    graph: Graph, cut: list[str]
) -> None:
    if not all(_plain(function.need) for function in graph.functions):
        return
    scenario = Scenario.of(*(Cut("provider", one) for one in cut))
    result = simulate(graph, scenario, Plans(), setting())
    gains = [one.saves / one.effort for one in result.actions]

    assert len(result.actions) <= 3
    assert gains == CLOSE(sorted(gains, reverse=True))
    assert bool(result.actions) is (result.unreplaced.high > 0)
    for one in result.actions:
        changed = tuple(
            Function(fn.id, fn.name, fn.weight, _kept(fn.need, set(one.uses))) for fn in graph.functions
        )
        after = simulate(Graph(changed, graph.chains), scenario, Plans(), setting())
        assert result.unreplaced.low - after.unreplaced.low >= one.saves - 1e-9
        assert set(one.ids) <= _stops(result, True)
        assert one.effort == len(one.uses)  # each stands in one place


@settings(max_examples=40)
@given(
    st.one_of(hosted_graphs(), graphs()),
    st.lists(st.sampled_from((0.0, 0.5, 0.9, 1.0)), min_size=4, max_size=4),
)
def test_the_ordinary_day_is_the_sum_over_all_states_of_the_providers(
    graph: Graph, chances: list[float]
) -> None:
    if not all(_plain(function.need) for function in graph.functions):
        return
    up = dict(zip(PROVIDERS, chances, strict=True))

    def expected(told: dict[str, float]) -> float:
        total = 0.0
        for there in itertools.product((False, True), repeat=len(PROVIDERS)):
            state = dict(zip(PROVIDERS, there, strict=True))
            chance = math.prod(told[one] if state[one] else 1 - told[one] for one in PROVIDERS)
            for function in graph.functions:

                def there_is(use: str, state: dict[str, bool] = state) -> bool:
                    return state.get(hosted_by(graph.chain(use)) or "", True)

                if met(function.need, there_is):
                    total += chance * function.weight
        return total / graph.weight

    share, importance = ordinary_day(graph, up)

    assert share == CLOSE(expected(up), abs=1e-9)
    for one in importance:
        decides = expected({**up, one.provider: 1.0}) - expected({**up, one.provider: 0.0})
        assert one.importance == CLOSE(decides, abs=1e-9)


def test_no_number_is_a_score_that_mixes_figures() -> None:
    result = simulate(_estate(), Scenario.of(Cut("jurisdiction", COUNTRIES[0])), Plans(), setting())

    text = msgspec.json.encode(result).decode()

    assert not [word for word in ("score", "rating", "grade", "risk") if f'"{word}' in text]
