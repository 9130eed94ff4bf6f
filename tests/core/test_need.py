from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reliant.core.need import AllOf, AnyOf, Need, Supplier, met, suppliers

leaves = st.sampled_from("abcde").map(Supplier)
needs: st.SearchStrategy[Need] = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda of: AllOf(tuple(of))),
        st.lists(parts, max_size=3).map(lambda of: AnyOf(tuple(of))),
    ),
    max_leaves=8,
)


@given(needs, st.sets(st.sampled_from("abcde")), st.sampled_from("abcde"))
def test_one_more_supplier_never_stops_a_function(need: Need, has: set[str], more: str) -> None:
    assert met(need, (has | {more}).__contains__) >= met(need, has.__contains__)


@given(needs, st.sets(st.sampled_from("abcde")))
def test_only_named_suppliers_matter(need: Need, has: set[str]) -> None:
    assert met(need, has.__contains__) == met(need, (has & suppliers(need)).__contains__)


def test_nothing_needed_is_always_met_and_no_alternative_never() -> None:
    assert met(AllOf(()), lambda _: False)
    assert not met(AnyOf(()), lambda _: True)
