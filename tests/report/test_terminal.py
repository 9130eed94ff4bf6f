import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant import report
from reliant.core.results import Interval
from reliant.report._text import clean, fit, percent, width, wrap
from support import assessments

ANSI = re.compile(r"\x1b\[\d*m")


def screen(result, *, colour=False):
    return report.render(result, "terminal", colour=colour)


def test_the_screen_of_the_day_after_the_block(snapshot):
    assert screen(assessments.shop()) == snapshot


def test_the_screen_of_the_day_before_the_block(snapshot):
    assert screen(assessments.shop("2024-07-08")) == snapshot


def test_the_screen_of_a_tree_without_ai(snapshot):
    assert screen(assessments.nothing_found()) == snapshot


def test_the_two_dates_differ_in_the_gate_of_the_provider():
    before, after = (screen(assessments.shop(day)) for day in ("2024-07-08", "2024-07-10"))

    assert "provider: blocked (terms) since 2022-11-30 [1]" in before
    assert "provider: blocked (enforced) since 2024-07-09 [1]" in after
    assert "announced 2024-06-24, from 2024-07-09" in " ".join(before.split())


def test_colour_changes_no_letter():
    plain, coloured = screen(assessments.shop()), screen(assessments.shop(), colour=True)

    assert ANSI.search(coloured)
    assert not ANSI.search(plain)
    assert ANSI.sub("", coloured) == plain


def test_the_last_words_are_what_was_not_looked_at():
    assert screen(assessments.nothing_found()).splitlines()[-1] == "Not looked at: nothing was skipped."
    assert "Not looked at: 2 paths" in screen(assessments.shop())


def test_a_name_in_a_target_cannot_send_codes_to_the_terminal():
    text = screen(assessments.hostile())

    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("providers", [0, 3, 40])
def test_it_is_one_screen_of_forty_lines_and_eighty_columns(providers):
    lines = screen(assessments.crowd(providers)).splitlines()

    assert len(lines) <= 40
    assert max(map(width, lines)) <= 80


def test_three_thousand_uses_are_one_screen_too():
    lines = screen(assessments.large(3000)).splitlines()

    assert len(lines) <= 40
    assert max(map(width, lines)) <= 80


def test_what_does_not_fit_is_counted():
    text = screen(assessments.crowd(40))

    shown = sum(line.startswith(("BLOCKED", "UNKNOWN", "CONDITIONAL", "OPEN")) for line in text.splitlines())
    more = int(re.search(r"and (\d+) more lines: ", text)[1])
    assert shown + more == 44


def test_every_number_in_brackets_has_its_source_or_is_counted():
    text = screen(assessments.shop("2024-07-08"))

    cited = set(re.findall(r" \[(\d+)\]", text))
    assert cited == set(re.findall(r"^\[(\d+)\]", text, re.M))


@given(st.text(max_size=300), st.integers(20, 100))
def test_wrapped_text_is_never_wider_than_asked_and_loses_no_letter(text, columns):
    lines = wrap(clean(text), columns, indent="  ", first="")

    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(clean(text).split())


@given(st.text(max_size=60), st.integers(1, 40))
def test_fitted_text_takes_exactly_the_columns_asked(text, columns):
    assert width(fit(clean(text), columns)) == columns


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_share_reads_zero_or_hundred_percent_only_if_it_is(low, high):
    assert (percent(low) == "0 %") is (low == 0)
    assert (percent(low) == "100 %") is (low == 1)
    assert percent(Interval(min(low, high), max(low, high))).endswith(" %")


def test_a_use_that_nobody_asked_about_reads_unknown():
    result = assessments.shop(verdicts=())

    assert "UNKNOWN" in screen(result)
    assert "OPEN" not in screen(result)


def test_a_result_about_no_place_says_so():
    assert "no place given" in screen(msgspec.structs.replace(assessments.shop(), place=None))
