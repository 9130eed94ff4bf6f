from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reliant.core.need import AllOf, AnyOf, Need, OneOf, Supplier, in_force, met, suppliers

leaves = st.sampled_from("abcde").map(Supplier)
needs: st.SearchStrategy[Need] = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda of: AllOf(tuple(of))),
        st.lists(parts, max_size=3).map(lambda of: AnyOf(tuple(of))),
        st.builds(OneOf, st.lists(parts, max_size=3).map(tuple), st.booleans()),
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


def test_a_choice_stops_with_its_default_though_another_could_be_set() -> None:
    chat = OneOf((Supplier("openai"), Supplier("azure")), default=True)

    assert not met(chat, {"azure"}.__contains__)
    assert in_force(chat) == {"openai"}
    assert suppliers(chat) == {"openai", "azure"}


def test_a_choice_that_nobody_knows_stops_for_certain_only_with_all_of_it() -> None:
    chat = OneOf((Supplier("openai"), Supplier("azure")))

    assert met(chat, {"azure"}.__contains__)
    assert not met(chat, set[str]().__contains__)
    assert in_force(chat) == {"openai", "azure"}


@given(needs)
def test_what_is_in_force_is_named(need: Need) -> None:
    assert in_force(need) <= suppliers(need)
