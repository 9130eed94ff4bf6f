"""The ten worked examples of dependence, with their exact numbers."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from reliant.assessment.country.flags import Covered, Score, flags, lag, lag_range, persistent, rule_exposure
from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.measures.concentration import concentration, entropy_number, normalised
from reliant.assessment.measures.cuts import availability, birnbaum, cut_order, minimal_cut_sets
from reliant.assessment.measures.days import Exposure, gap_days, survive_days, total_loss
from reliant.assessment.measures.lookthrough import (
    Lineage,
    home_rooted_share,
    owned_shares,
    reach_share,
    roots,
    shares,
)
from reliant.assessment.measures.points import single_points
from reliant.assessment.measures.stops import stop_share
from reliant.core.need import AllOf, AnyOf, Function, Need, Supplier


def _all(*of: str | Need) -> Need:
    return AllOf(tuple(Supplier(one) if isinstance(one, str) else one for one in of))


def _any(*of: str | Need) -> Need:
    return AnyOf(tuple(Supplier(one) if isinstance(one, str) else one for one in of))


CHAT = _any("openai", "azure")
SEARCH = _all("openai", "vec")
OCR = Supplier("local")
BATCH = _any("openai", _all("zhipu", "ocrsvc"))


@pytest.fixture
def estate() -> Graph:
    """Four functions, weights 5, 3, 1 and 1."""
    places = {"openai": "US", "azure": "US", "vec": "US", "zhipu": "CN", "ocrsvc": "SE"}
    return Graph(
        functions=tuple(
            Function(name, name, weight, need)
            for name, weight, need in (
                ("chat", 5, CHAT),
                ("search", 3, SEARCH),
                ("ocr", 1, OCR),
                ("batch", 1, BATCH),
            )
        ),
        chains={
            **{use: Chain(use, provider=use, jurisdiction=place) for use, place in places.items()},
            "local": Chain("local", self_hosted=True, developer="paddle", developer_jurisdiction="CN"),
        },
    )


# T1


def test_three_suppliers_of_half_three_tenths_and_a_fifth_count_as_2_63() -> None:
    found = concentration([0.5, 0.3, 0.2])

    assert found.index == pytest.approx(0.38)
    assert found.effective == pytest.approx(2.632, abs=5e-4)
    assert normalised(0.38, 3) == pytest.approx(0.07)
    assert entropy_number([0.5, 0.3, 0.2]) == pytest.approx(2.800, abs=5e-4)


def test_a_single_supplier_is_full_concentration_and_has_no_scaled_index() -> None:
    found = concentration([17])

    assert (found.index, found.effective) == (1, 1)
    assert normalised(1, 1) is None


def test_four_equal_suppliers_count_as_four() -> None:
    found = concentration([1, 1, 1, 1])

    assert (found.index, found.effective, normalised(0.25, 4)) == (0.25, 4, 0)


def test_no_known_supplier_gives_no_index_and_says_how_much_is_unknown() -> None:
    found = concentration([], unknown=3)

    assert (found.index, found.effective, found.unknown) == (None, None, 1.0)


# T2


def test_inputs_bought_from_japan_hide_three_tenths_that_come_from_china() -> None:
    lineage = Lineage({"app": "app", "jp": "JP", "cn": "CN"}, {"app": ("jp", "cn"), "jp": ("cn",)})

    found = shares(lineage, "app", inputs={"app": {"jp": 0.6, "cn": 0.4}, "jp": {"cn": 0.5}})

    assert found == pytest.approx({"CN": 0.70, "JP": 0.30})
    assert sum(found.values()) == pytest.approx(1)
    assert found["CN"] - 0.40 == pytest.approx(0.30)


# T3


@pytest.mark.parametrize(
    ("cuts", "stops"),
    [
        (("provider:openai",), 0.3),
        (("provider:azure",), 0),
        (("provider:vec",), 0.3),
        (("use:local",), 0.1),
        (("provider:zhipu",), 0),
        (("jurisdiction:US",), 0.8),
        (("provider:openai", "provider:zhipu"), 0.4),
    ],
)
def test_the_share_that_stops_under_each_cut(estate: Graph, cuts: tuple[str, ...], stops: float) -> None:
    found = stop_share(estate, estate.down(map(Cut.parse, cuts)))

    assert found.low == pytest.approx(stops)
    assert found.high == found.low


@pytest.mark.parametrize(
    ("need", "expected"),
    [
        (CHAT, [{"openai", "azure"}]),
        (SEARCH, [{"openai"}, {"vec"}]),
        (OCR, [{"local"}]),
        (BATCH, [{"openai", "zhipu"}, {"openai", "ocrsvc"}]),
    ],
)
def test_the_minimal_cut_sets_of_each_function(need: Need, expected: list[set[str]]) -> None:
    assert set(minimal_cut_sets(need)) == {frozenset(cut) for cut in expected}
    assert cut_order(need) == len(expected[0])


def test_single_points_are_the_cut_sets_of_one(estate: Graph) -> None:
    found = single_points(estate, ("provider", lambda chain: chain.provider))

    assert [(one.supplier, one.stop_share, one.functions) for one in found] == [
        ("openai", 0.3, ("search",)),
        ("vec", 0.3, ("search",)),
    ]


def test_a_pair_of_providers_in_one_country_is_a_single_point_of_that_country(estate: Graph) -> None:
    found = single_points(estate, ("jurisdiction", lambda chain: chain.jurisdiction))

    assert [(one.supplier, one.stop_share, one.functions) for one in found] == [
        ("US", 0.8, ("chat", "search")),
    ]


# T4


def test_batch_is_there_981_times_in_a_thousand_and_rests_most_on_openai() -> None:
    up = {"openai": 0.9, "zhipu": 0.9, "ocrsvc": 0.9}

    assert availability(BATCH, up) == pytest.approx(0.981)
    assert birnbaum(BATCH, up) == pytest.approx({"openai": 0.19, "zhipu": 0.09, "ocrsvc": 0.09})


def test_a_supplier_named_twice_is_not_two_suppliers() -> None:
    assert availability(_any("a", _all("a", "b")), {"a": 0.5, "b": 0.5}) == pytest.approx(0.5)


# T5


def test_gaps_are_days_without_the_function_and_cost_what_a_day_costs() -> None:
    functions = [
        Exposure(per_day=5000, survive=0, recover=3),
        Exposure(per_day=2000, survive=7, recover=20),
        Exposure(per_day=0, survive=math.inf, recover=5),
        Exposure(per_day=500, survive=2, recover=1),
    ]

    assert [one.gap for one in functions] == [3, 13, 0, 0]
    assert total_loss(functions) == 41_000
    assert gap_days(0, 3) == 3


# T6


def test_a_cache_of_seven_days_lasts_ten_if_a_fallback_serves_three_tenths() -> None:
    assert survive_days(demand=100, stock=700, capacity=30) == 10
    assert survive_days(demand=100, stock=700, capacity=100) == math.inf


# T7


@pytest.fixture
def hub() -> Lineage:
    """Eight models along edges of weights."""
    return Lineage(
        origin={
            "llama2-7b": "US",
            "llama2-13b": "US",
            "cn-a": "CN",
            "baichuan2": "CN",
            "zh-alpaca": "CN",
            "qwen-7b": "CN",
            "merge-x": "CN",
            "x-gguf": None,
        },
        parents={
            "cn-a": ("llama2-13b",),
            "zh-alpaca": ("llama2-7b",),
            "merge-x": ("zh-alpaca", "qwen-7b"),
            "x-gguf": ("merge-x",),
        },
        weight={
            "llama2-7b": 100,
            "llama2-13b": 50,
            "cn-a": 40,
            "baichuan2": 30,
            "zh-alpaca": 60,
            "qwen-7b": 80,
            "merge-x": 20,
            "x-gguf": 10,
        },
    )


def test_three_of_five_home_models_reach_abroad_though_none_was_made_there(hub: Lineage) -> None:
    by_count = Lineage(hub.origin, hub.parents)

    assert (len(hub.of("CN")), hub.weigh(hub.of("CN"))) == (5, 230)
    assert reach_share(by_count, "CN", "US") == pytest.approx(0.6)
    assert reach_share(hub, "CN", "US") == pytest.approx(120 / 230)
    assert reach_share(hub, "CN", "US") == pytest.approx(0.5217, abs=5e-5)
    assert home_rooted_share(by_count, "CN") == pytest.approx(0.4)


@pytest.mark.parametrize(("retained", "us", "cn"), [(0.0, 0.4783, 0.5217), (0.5, 0.2283, 0.7717)])
def test_shares_pass_on_what_a_derived_model_does_not_keep(
    hub: Lineage, retained: float, us: float, cn: float
) -> None:
    assert owned_shares(hub, "CN", retained) == pytest.approx({"US": us, "CN": cn}, abs=5e-5)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("merge-x", {"CN": 0.875, "US": 0.125}),
        ("x-gguf", {"unknown": 0.5, "CN": 0.4375, "US": 0.0625}),
    ],
)
def test_each_row_of_shares_sums_to_one(hub: Lineage, model: str, expected: dict[str, float]) -> None:
    found = shares(hub, model, retained=0.5)

    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


def test_a_merge_has_the_roots_of_both_parents(hub: Lineage) -> None:
    assert roots(hub, "x-gguf") == {"llama2-7b", "qwen-7b"}


# T8


def test_three_thresholds_passed_flag_a_dependence() -> None:
    found = flags({"US": 700, "FR": 200, "KR": 100}, home=400, exports=250)

    assert (found.index, found.foreign_share, found.to_exports) == pytest.approx((0.54, 0.714, 4.0), abs=5e-4)
    assert found.dependent


def test_even_import_shares_do_not_flag_a_dependence() -> None:
    found = flags({"US": 340, "FR": 330, "KR": 330}, home=400, exports=250)

    assert found.index == pytest.approx(0.3334)
    assert not found.dependent


def test_a_flag_needs_two_of_three_years() -> None:
    yes = flags({"US": 700, "FR": 200, "KR": 100}, home=400, exports=250)
    no = flags({"US": 340, "FR": 330, "KR": 330}, home=400, exports=250)

    assert persistent([yes, no, yes])
    assert not persistent([yes, yes, no, no])


# T9


def test_home_is_fifteen_and_then_eight_months_behind() -> None:
    foreign = [
        Score(dt.date(2023, 3, 1), 50),
        Score(dt.date(2024, 2, 1), 60),
        Score(dt.date(2024, 5, 1), 70),
    ]
    home = [Score(dt.date(2024, 6, 1), 50), Score(dt.date(2025, 1, 1), 70)]

    found = lag(home, foreign)

    assert [(one.day, one.months) for one in found] == [
        (dt.date(2024, 6, 1), 15),
        (dt.date(2025, 1, 1), 8),
    ]
    assert lag_range(found) == (11.5, 8, 15)


def test_a_home_model_ahead_of_all_others_has_no_lag() -> None:
    found = lag([Score(dt.date(2024, 6, 1), 90)], [Score(dt.date(2023, 3, 1), 50)])

    assert [one.months for one in found] == [None]
    assert lag_range(found) is None


# T10


def test_a_rule_that_exempts_open_weights_touches_less_and_nothing_before_its_day() -> None:
    used = [Covered("US", "closed", 40), Covered("US", "open", 35), Covered("CN", "open", 25)]
    since = dt.date(2024, 7, 1)

    def closed(use: Covered) -> bool:
        return use.origin == "US" and use.weights == "closed"

    def both(use: Covered) -> bool:
        return use.origin == "US"

    assert rule_exposure(used, closed, on=since, since=since) == pytest.approx(0.40)
    assert rule_exposure(used, both, on=since, since=since) == pytest.approx(0.75)
    assert rule_exposure(used, both, on=dt.date(2024, 6, 30), since=since) == 0
