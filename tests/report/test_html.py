import html.parser
import re

import msgspec
import pytest

from reliant import report
from reliant.assessment.measures.exposure import use_shares
from reliant.core.need import AllOf, AnyOf, Supplier
from reliant.core.results import Interval, Share
from reliant.report._view import View
from reliant.report.html.base import breakable, prose, web_link
from support import assessments


def page(result):
    return report.render(result, "html")


def text(markup):
    """The words of a page, as a reader meets them."""
    words = []

    class Reader(html.parser.HTMLParser):
        skipping = False

        def handle_starttag(self, tag, attrs):
            self.skipping = tag == "style"

        def handle_endtag(self, tag):
            self.skipping = False

        def handle_data(self, data):
            if not self.skipping:
                words.append(data)

    Reader().feed(markup)
    return re.sub(r"\s+", " ", "".join(words))


def test_the_page_opens_with_the_two_headline_sentences():
    words = text(page(assessments.shop()))

    assert "30 % of weighted AI functions stop; for another 10 % it is not known." in words
    assert (
        "Most relied on abroad: United States (US), face value 80 to 90 %, look-through 80 to 90 %." in words
    )


def test_the_two_dates_differ_in_the_gate_of_the_provider():
    before, after = (text(page(assessments.shop(day))) for day in ("2024-07-08", "2024-07-10"))

    assert "provider: blocked (terms) since 2022-11-30" in before
    assert "announced 2024-06-24, from 2024-07-09" in before
    assert "provider: blocked (enforced) since 2024-07-09" in after
    assert "announced 2024-06-24" not in after


def test_a_shared_architecture_is_not_shown_as_descent_and_a_dispute_is_shown_as_one():
    words = text(page(assessments.shop()))

    assert "same architecture as llama-2" in words
    assert "confirmed [5], not counted as descent" in words
    assert "built on the weights of llama-2" in words
    assert "denied [5], not counted as descent" in words
    assert "it is said: built on Llama" in words
    assert "disputed [6] against [5]" in words


def test_a_finding_that_was_set_aside_keeps_its_verdict_and_says_why():
    answers = assessments.shop().verdicts
    aside = msgspec.structs.replace(answers[0], ignored="contract ends in 2024 (until 2024-12-31)")
    words = text(page(assessments.shop(verdicts=(aside, *answers[1:]))))

    assert "BLOCKED set aside: contract ends in 2024 (until 2024-12-31)" in words


def test_copies_of_one_text_count_as_one_source():
    words = text(page(assessments.shop()))

    assert "8 texts, 7 independent" in words
    assert "same text as [6], counted once" in words


def test_a_missing_fact_is_asked_as_a_question():
    assert "Is the service offered to the public in China? service.public" in text(page(assessments.shop()))


def test_every_use_is_shown_with_the_line_that_shows_it():
    words = text(page(assessments.shop()))

    for use in assessments.USES:
        for one in use.evidence:
            assert f"{one.path}:{one.line}" in words
            assert one.text in words


def test_a_page_needs_no_script_and_fetches_nothing():
    markup = page(assessments.shop())

    assert "<script" not in markup
    assert "default-src 'none'" in markup
    assert not re.search(r'(?:src|poster|action|data)="(?!data:)', markup)
    assert not re.search(r"<link|@import|url\((?!#)", markup)


def test_nothing_of_a_target_becomes_markup():
    markup = page(assessments.hostile())

    assert "<script" not in markup
    assert "<img" not in markup
    assert "\u202e" not in markup
    assert "\x1b" not in markup


def test_only_an_address_of_the_web_becomes_a_link():
    bad = msgspec.structs.replace(assessments.SOURCES[0], url="javascript:alert(1)")
    markup = page(assessments.shop(sources=(bad, *assessments.SOURCES[1:])))

    assert "javascript:" not in markup
    assert str(web_link("javascript:alert(1)", "x")) == "x"


def test_a_normal_page_is_under_150_kilobytes():
    assert len(page(assessments.shop()).encode()) < 150_000


def test_a_page_of_three_thousand_uses_stays_small_and_counts_what_it_leaves_out():
    markup = page(assessments.large(3000))

    assert len(markup.encode()) < 1_000_000
    assert "2,600 uses more; the JSON and the CSV have all." in markup
    assert "2,700 rows more, not in the CSV either; <code>--format json</code> has all." in markup


def test_a_tree_without_ai_has_no_empty_figure_and_says_so():
    words = text(page(assessments.nothing_found()))

    assert "No function that uses AI was found" in words
    assert "No use of AI was found." in words
    assert "<figure" not in page(assessments.nothing_found())


def test_the_same_result_gives_the_same_page():
    assert page(assessments.shop()) == page(assessments.shop())


def test_a_source_has_the_same_number_on_the_page_and_on_the_terminal():
    words, screen = text(page(assessments.shop())), report.render(assessments.shop(), "terminal")

    assert "since 2024-07-09 [1]" in words
    assert "since 2024-07-09 [1]" in screen


@pytest.mark.parametrize(
    ("need", "shares"),
    [
        (Supplier("a"), {"a": 1}),
        (AnyOf((Supplier("a"), Supplier("b"))), {"a": 0.5, "b": 0.5}),
        (AllOf((Supplier("a"), AnyOf((Supplier("a"), Supplier("b"))))), {"a": 0.75, "b": 0.25}),
        (AllOf(()), {}),
    ],
)
def test_the_flow_divides_a_function_evenly_over_its_suppliers(need, shares):
    assert use_shares(need) == shares


def test_paths_may_break_and_dates_may_not():
    assert str(breakable("a/b.py")) == "a/<wbr>b.<wbr>py"
    assert str(breakable("<x>")) == "&lt;x&gt;"
    assert str(prose("since 2024-07-09, 80 to 90 %")) == (
        'since <span class="nb">2024-07-09</span>, 80 to <span class="nb">90 %</span>'
    )


def test_the_place_most_relied_on_is_never_the_place_asked_from():
    view = View(msgspec.structs.replace(assessments.shop(), place="US"))

    assert "China (CN)" in view.reliance_sentence


def test_a_choice_between_two_countries_is_not_said_to_reach_either_only_through_others():
    result = assessments.large(3)  # OpenAI, Azure and Alibaba
    one, _, other = (item.function for item in result.impact.functions)
    choice = msgspec.structs.replace(one, need=AnyOf((*(Supplier(f"large{n}") for n in range(3)),)))
    item = msgspec.structs.replace(result.impact.functions[0], function=choice)
    whole = (Share("US", Interval(1.0, 1.0)), Share("CN", Interval(1.0, 1.0)))
    impact = msgspec.structs.replace(result.impact, functions=(item,), look_through=whole)
    view = View(msgspec.structs.replace(result, impact=impact))

    assert view.only_through_others("US") == view.only_through_others("CN") == 0.0
    only_cn = msgspec.structs.replace(item, function=other)
    view = View(msgspec.structs.replace(result, impact=msgspec.structs.replace(impact, functions=(only_cn,))))
    assert (view.only_through_others("US"), view.only_through_others("CN")) == (1.0, 0.0)
    assert "100 % of it only through others" in view.reliance_sentence
