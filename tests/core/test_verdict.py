from __future__ import annotations

from reliant.core.verdict import Verdict, worst


def test_unknown_is_never_better_than_conditional() -> None:
    assert worst([Verdict.CONDITIONAL, Verdict.UNKNOWN]) is Verdict.UNKNOWN


def test_blocked_on_one_axis_blocks() -> None:
    assert worst([Verdict.OPEN, Verdict.BLOCKED, Verdict.UNKNOWN]) is Verdict.BLOCKED


def test_with_nothing_to_go_by_it_is_unknown() -> None:
    assert worst([]) is Verdict.UNKNOWN
