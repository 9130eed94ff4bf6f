from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.core.truth import Truth, every, negate, some

truths = st.sampled_from(Truth)


def test_a_truth_refuses_to_be_read_as_a_bool() -> None:
    with pytest.raises(TypeError, match=r"is Truth\.YES"):
        bool(Truth.YES)


@given(st.lists(truths))
def test_not_every_is_some_not(answers: list[Truth]) -> None:
    assert negate(every(answers)) is some(negate(answer) for answer in answers)


@given(st.lists(truths), st.randoms())
def test_the_order_of_conditions_never_matters(answers: list[Truth], random: object) -> None:
    shuffled = sorted(answers, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert every(shuffled) is every(answers)
    assert some(shuffled) is some(answers)


@given(st.lists(truths), st.integers(min_value=0), st.sampled_from([Truth.YES, Truth.NO]))
def test_learning_an_unknown_never_flips_a_decided_answer(
    answers: list[Truth], at: int, learnt: Truth
) -> None:
    unknown = [i for i, answer in enumerate(answers) if answer is Truth.UNKNOWN]
    if not unknown:
        return
    later = list(answers)
    later[unknown[at % len(unknown)]] = learnt
    for combine in (every, some):
        before = combine(answers)
        assert before is Truth.UNKNOWN or combine(later) is before


def test_a_missing_bool_is_unknown() -> None:
    assert [Truth.of(value) for value in (True, False, None)] == [Truth.YES, Truth.NO, Truth.UNKNOWN]
