"""Laws that hold for every estate."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessment.estates import COUNTRIES, PROVIDERS, USES, graphs, needs, setting
from reliant.assessment.graph import Chain, Cut, Graph, Link
from reliant.assessment.measures.concentration import bounded, concentration
from reliant.assessment.measures.cuts import availability, cuts_it, minimal_cut_sets
from reliant.assessment.measures.exposure import (
    BOUGHT,
    face_value,
    impact,
    look_through,
    purchases,
    touches,
    use_shares,
)
from reliant.assessment.measures.lookthrough import Lineage, shares
from reliant.assessment.measures.origin import origin_of, origin_shares
from reliant.assessment.measures.points import single_points
from reliant.assessment.measures.stops import function_impacts, stop_share
from reliant.assessment.nodes import Nodes
from reliant.assessment.simulate.plans import Plan, Plans, Replacement
from reliant.assessment.simulate.play import Scenario, simulate
from reliant.core.need import AnyOf, Function, Need, OneOf, Supplier, in_force, met
from reliant.core.results import Interval
from reliant.core.truth import Truth
from reliant.core.verdict import Verdict

CUTS = st.sampled_from(
    [Cut("provider", one) for one in PROVIDERS]
    + [Cut("jurisdiction", one) for one in COUNTRIES]
    + [Cut("use", one) for one in USES]
)
CLOSE = pytest.approx


@given(graphs(), st.lists(CUTS, max_size=3), CUTS)
def test_cutting_more_never_stops_less(graph: Graph, cuts: list[Cut], more: Cut) -> None:
    fewer, all_of_them = stop_share(graph, graph.down(cuts)), stop_share(graph, graph.down([*cuts, more]))

    assert fewer.low <= all_of_them.low + 1e-9
    assert fewer.high <= all_of_them.high + 1e-9


PLANS = st.builds(
    lambda flags: Plans(
        {
            "f0": Plan(
                replacements=(
                    Replacement(
                        "own",
                        provider=flags[1],
                        self_hosted=flags[0],
                        reachable=True,
                        permitted=True,
                        api_fits=True,
                        parity="passed",
                        evidence="run",
                    ),
                )
            )
        }
    ),
    st.tuples(st.booleans(), st.sampled_from(PROVIDERS)),
)


@given(graphs(), st.lists(CUTS, max_size=3), CUTS, PLANS)
def test_what_is_unreplaced_grows_with_the_cut_and_never_passes_what_stops(
    graph: Graph, cuts: list[Cut], more: Cut, plans: Plans
) -> None:
    fewer = simulate(graph, Scenario.of(*cuts), plans, setting())
    wider = simulate(graph, Scenario.of(*cuts, more), plans, setting())

    for one in (fewer, wider):
        assert one.unreplaced.low <= one.stop_share.low + 1e-9
        assert one.unreplaced.high <= one.stop_share.high + 1e-9
    assert fewer.unreplaced.low <= wider.unreplaced.low + 1e-9
    assert fewer.unreplaced.high <= wider.unreplaced.high + 1e-9


@given(graphs(), st.lists(CUTS, max_size=3))
def test_a_simulation_stops_what_the_measure_says(graph: Graph, cuts: list[Cut]) -> None:
    result = simulate(graph, Scenario.of(*cuts), Plans(), setting())
    plain = stop_share(graph, graph.down(cuts))

    assert (result.stop_share.low, result.stop_share.high) == CLOSE((plain.low, plain.high))
    for row, function in zip(result.functions, graph.functions, strict=True):
        assert row.id == function.id
        assert row.path[0] == f"function:{function.id}"


@given(graphs())
def test_look_through_is_never_below_face_value(graph: Graph) -> None:
    through = {share.id: share.share for share in look_through(graph)}

    for share in face_value(graph):
        assert share.share.low <= through[share.id].low + 1e-9


@given(graphs(), st.lists(CUTS, max_size=3), st.sampled_from(USES))
def test_another_alternative_never_stops_more(graph: Graph, cuts: list[Cut], other: str) -> None:
    wider = Graph(
        tuple(
            Function(one.id, one.name, one.weight, AnyOf((one.need, Supplier(other))))
            for one in graph.functions
        ),
        graph.chains,
    )

    assert stop_share(wider, wider.down(cuts)).low <= stop_share(graph, graph.down(cuts)).low + 1e-9
    assert stop_share(wider, wider.down(cuts)).high <= stop_share(graph, graph.down(cuts)).high + 1e-9


@given(graphs())
def test_renaming_providers_leaves_concentration_as_it_is(graph: Graph) -> None:
    named = purchases(graph, lambda chain: chain.provider)
    renamed = purchases(graph, lambda chain: chain.provider and f"{chain.provider}-inc")

    one, other = concentration(named.known.values()), concentration(renamed.known.values())
    assert (one.index, one.effective, one.unknown) == CLOSE((other.index, other.effective, other.unknown))


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=20))
def test_concentration_lies_between_one_over_n_and_one(weights: list[float]) -> None:
    index = concentration(weights).index

    assert index is not None
    assert 1 / len(weights) - 1e-9 <= index <= 1


@given(st.lists(st.floats(0.01, 1e3), max_size=6), st.lists(st.floats(0.01, 1e3), max_size=4), st.data())
def test_the_bounds_of_concentration_hold_whoever_the_unknown_part_is_bought_from(
    known: list[float], hidden: list[float], data: st.DataObject
) -> None:
    found = bounded(known, math.fsum(hidden))
    real = list(known)
    for part in hidden:  # from somebody who is known already, or from somebody else
        at = data.draw(st.integers(0, len(real)))
        real[at:] = [real[at] + part, *real[at + 1 :]] if at < len(real) else [part]
    index = concentration(real).index

    if index is None:
        assert found.bounds is None
    else:
        assert found.bounds is not None
        assert found.bounds.low - 1e-9 <= index <= found.bounds.high + 1e-9


@given(graphs())
def test_concentration_has_wide_bounds_only_where_a_supplier_is_not_known(graph: Graph) -> None:
    for one in impact(graph, {}).hhi.values():
        assert one.bounds is not None
        assert (one.unknown > 0) == (one.bounds.high - one.bounds.low > 1e-9)


@given(graphs(), st.dictionaries(st.sampled_from(USES), st.sampled_from(list(Verdict))))
def test_splitting_a_function_in_two_halves_changes_no_figure(
    graph: Graph, verdicts: dict[str, Verdict]
) -> None:
    first, *others = graph.functions
    halves = tuple(Function(f"{first.id}-{at}", first.name, first.weight / 2, first.need) for at in range(2))
    split = Graph((*halves, *others), graph.chains)

    whole, parts = impact(graph, verdicts), impact(split, verdicts)

    def figures(one: object) -> list[float]:
        return [
            *(one.stop_share.low, one.stop_share.high, one.unknown),  # type: ignore[attr-defined]
            *(share.share.low for share in one.face_value),  # type: ignore[attr-defined]
            *(share.share.high for share in one.look_through),  # type: ignore[attr-defined]
            *(point.stop_share for point in one.single_points),  # type: ignore[attr-defined]
            *(one.hhi[level].unknown for level in ("provider", "jurisdiction")),  # type: ignore[attr-defined]
        ]

    assert figures(whole) == CLOSE(figures(parts))


@given(graphs(), st.dictionaries(st.sampled_from(USES), st.sampled_from(list(Verdict))))
def test_an_interval_is_as_wide_as_what_is_not_known(graph: Graph, verdicts: dict[str, Verdict]) -> None:
    found = impact(graph, verdicts)
    unknown = sum(one.function.weight for one in found.functions if one.state == "unknown") / graph.weight

    assert found.stop_share.high - found.stop_share.low == CLOSE(unknown)
    for share in found.face_value:
        assert share.share.high - share.share.low == CLOSE(found.unknown)
    for share in found.look_through:
        open_weight = sum(
            one.weight for one in graph.functions if _touched(graph, one.need, share.id) is Truth.UNKNOWN
        )
        assert share.share.high - share.share.low == CLOSE(open_weight / graph.weight)


def _touched(graph: Graph, need: Need, country: str) -> Truth:
    answers = {touches(graph.chain(use), country) for use in in_force(need)}
    return max(answers, key=lambda answer: answer.value)


@given(graphs(known=True), st.lists(CUTS, max_size=3))
def test_where_every_link_is_known_no_answer_is_unknown(graph: Graph, cuts: list[Cut]) -> None:
    share = stop_share(graph, graph.down(cuts))

    assert share.low == share.high


@given(needs())
def test_use_shares_of_a_function_sum_to_one(need: Need) -> None:
    assert math.fsum(use_shares(need).values()) == CLOSE(1)


@given(graphs())
def test_a_country_as_a_single_point_reaches_what_its_cut_stops(graph: Graph) -> None:
    reached = {point.supplier: point.stop_share for point in single_points(graph) if point.level == "reach"}

    for country in {*COUNTRIES, *reached}:
        stops = stop_share(graph, graph.down([Cut("jurisdiction", country)])).low
        assert reached.get(country, 0.0) == CLOSE(stops)


@given(needs())
def test_minimal_cut_sets_are_those_that_cut_and_of_which_no_part_does(need: Need) -> None:
    every = [frozenset(some) for size in (1, 2) for some in itertools.combinations(USES, size)]
    wanted = {
        cut for cut in every if cuts_it(need, cut) and not any(cuts_it(need, cut - {one}) for one in cut)
    }

    assert set(minimal_cut_sets(need)) == wanted
    masks = {use: 1 << at for at, use in enumerate(USES)}
    nodes = Nodes.of([need])
    (number,) = nodes.at
    every = (1 << len(USES)) - 1
    stands = nodes.solve({use: every ^ mask for use, mask in masks.items()}, every)
    assert every ^ stands[number] == sum(masks[use] for use in USES if frozenset(use) in wanted)
    pairs = nodes.pairs(stands, every).get(number, ())
    assert sorted(pairs) == sorted(sum(masks[use] for use in cut) for cut in wanted if len(cut) == 2)


@given(st.lists(needs(), min_size=1, max_size=4), st.sets(st.sampled_from(USES)))
def test_parts_that_are_built_alike_are_answered_once_and_as_the_whole_need(
    several: list[Need], gone: set[str]
) -> None:
    nodes = Nodes.of([*several, *several])

    answers = nodes.solve({use: int(use not in gone) for use in USES}, 1)

    assert nodes.at[: len(several)] == nodes.at[len(several) :]
    for need, number in zip(several, nodes.at, strict=False):
        assert answers[number] == met(need, lambda use: use not in gone)


@given(needs(known=True), st.lists(st.floats(0, 1), min_size=len(USES), max_size=len(USES)))
def test_availability_is_the_sum_over_all_states(need: Need, chances: list[float]) -> None:
    up = dict(zip(USES, chances, strict=True))
    total = 0.0
    for state in itertools.product((False, True), repeat=len(USES)):
        there = dict(zip(USES, state, strict=True))
        if met(need, there.__getitem__):
            total += math.prod(up[use] if there[use] else 1 - up[use] for use in USES)

    assert availability(need, up) == CLOSE(total, abs=1e-9)


@given(
    st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=3, unique=True)),
    st.floats(0, 1),
    st.lists(st.sampled_from(["US", "CN", None]), min_size=8, max_size=8),
)
def test_shares_of_a_model_sum_to_one_even_where_descent_runs_in_a_circle(
    parents: dict[int, list[int]], retained: float, origins: list[str | None]
) -> None:
    lineage = Lineage(
        {str(one): origins[one] for one in range(8)},
        {str(one): tuple(map(str, over)) for one, over in parents.items()},
    )

    assert math.fsum(shares(lineage, "0", retained).values()) == CLOSE(1, abs=1e-6)


@given(graphs())
def test_the_share_form_divides_all_that_is_used_and_no_more(graph: Graph) -> None:
    for one in origin_shares(graph):
        assert math.fsum(one.shares.values()) == CLOSE(1, abs=1e-6)


def test_a_model_on_a_base_of_another_country_is_divided_by_the_rule_and_a_disputed_edge_is_unknown() -> None:
    def chain(use: str, truth: Truth) -> Chain:
        link = Link("llama", ("weights",), truth, jurisdiction="US", path=(use, "llama"))
        return Chain(use, provider="own", developer_jurisdiction="CN", model=use, links=(link,))

    sure, disputed = chain("a", Truth.YES), chain("b", Truth.UNKNOWN)

    assert origin_of(sure, 0.0) == CLOSE({"US": 1.0})
    assert origin_of(sure, 0.5) == CLOSE({"CN": 0.5, "US": 0.5})
    assert origin_of(disputed, 0.5) == CLOSE({"CN": 0.5, "unknown": 0.5})
    assert origin_of(chain("c", Truth.NO), 0.5) == CLOSE({"CN": 1.0})


def test_weights_on_own_machines_count_at_every_level_under_whoever_they_are_from() -> None:
    yi = Chain(
        "u",
        provider="vllm",
        owner="vLLM Project",
        developer="01ai",
        developer_owner="01.AI Technology",
        developer_jurisdiction="CN",
        model="01ai.yi-34b",
        self_hosted=True,
    )
    graph = Graph((Function("f", "f", 1, Supplier("u")),), {"u": yi})

    bought = {level: purchases(graph, of).known for level, of in BOUGHT.items()}

    assert bought == {
        "provider": {"01ai": 1.0},
        "jurisdiction": {"CN": 1.0},
        "owner": {"01.AI Technology": 1.0},
        "model": {"01ai.yi-34b": 1.0},
    }


def test_weights_on_own_machines_from_nobody_knows_whom_are_unknown_at_every_level() -> None:
    graph = Graph((Function("f", "f", 1, Supplier("u")),), {"u": Chain("u", self_hosted=True)})

    found = impact(graph, {}).hhi

    assert {level: (one.index, one.unknown) for level, one in found.items()} == dict.fromkeys(
        ("provider", "jurisdiction", "owner", "model"), (None, 1.0)
    )
    assert all(one.bounds == Interval(0, 1) for one in found.values())


def test_a_use_of_which_nothing_is_known_is_unknown_and_not_open() -> None:
    graph = Graph((Function("f", "f", 1, Supplier("mystery")),), {})

    assert stop_share(graph, graph.down([Cut("provider", "openai")])).high == 1
    assert [one.state for one in function_impacts(graph, {})] == ["unknown"]


def test_weights_on_own_machines_survive_the_cut_of_the_country_they_come_from() -> None:
    chain = Chain("u", self_hosted=True, developer="meta", developer_jurisdiction="US", weights="open")

    assert Cut("jurisdiction", "US").downs(chain) is Truth.NO
    assert Cut("developer", "meta").downs(chain) is Truth.NO


def test_closed_weights_fall_with_the_country_of_their_developer_wherever_they_are_served() -> None:
    chain = Chain(
        "u",
        provider="cloud-fr",
        jurisdiction="FR",
        developer="lab",
        developer_jurisdiction="US",
        weights="closed",
    )

    assert Cut("jurisdiction", "US").downs(chain) is Truth.YES
    assert Cut("jurisdiction", "FR").downs(chain) is Truth.YES
    assert Cut("jurisdiction", "CN").downs(chain) is Truth.NO


def test_closed_weights_never_run_on_own_machines_whatever_a_scan_says() -> None:
    chain = Chain(
        "u",
        provider="huggingface",
        jurisdiction="US",
        developer="openai",
        developer_jurisdiction="US",
        model="openai.gpt-4o",
        weights="closed",
        self_hosted=True,
    )

    assert chain.hosted
    assert Cut("jurisdiction", "US").downs(chain) is Truth.YES


def test_a_hub_that_is_cut_leaves_open_whether_a_copy_is_kept() -> None:
    chain = Chain("u", self_hosted=True, hub="huggingface", model="yi-34b")
    cut = Cut("hub", "huggingface")

    assert cut.downs(chain) is Truth.UNKNOWN
    assert cut.downs(chain, weights_kept=True) is Truth.NO
    assert cut.downs(chain, weights_kept=False) is Truth.YES


def test_what_is_set_is_as_likely_as_any_other_setting_where_nobody_knows() -> None:
    up = {"a": 0.9, "b": 0.5}

    assert availability(OneOf((Supplier("a"), Supplier("b"))), up) == CLOSE(0.7)
    assert availability(OneOf((Supplier("a"), Supplier("b")), default=True), up) == CLOSE(0.9)


def test_a_switch_stops_with_its_default_and_one_without_is_not_known() -> None:
    chains = {use: Chain(use, provider=use) for use in ("openai", "azure-openai")}
    parts = (Supplier("openai"), Supplier("azure-openai"))
    graph = Graph(
        (
            Function("set", "set", 1.0, OneOf(parts, default=True)),
            Function("open", "open", 1.0, OneOf(parts)),
            Function("falls", "falls", 1.0, AnyOf(parts)),
        ),
        chains,
    )

    told = simulate(graph, Scenario.of(Cut("provider", "openai")), Plans(), setting())

    assert [row.stops for row in told.functions] == [True, None, False]
    assert [row.fallback is not None for row in told.functions] == [True, True, True]
    assert [row.proven for row in told.functions] == [None, None, None]
    assert told.stop_share.low == CLOSE(1 / 3)
    assert told.stop_share.high == CLOSE(2 / 3)
