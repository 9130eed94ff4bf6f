"""What holds for every page, whatever it is of: valid, small, whole by itself, and harmless."""

import re

import pytest

from reliant import report
from support import assessments, drawings
from support.pages import NASTY, PAGES, estate, page

SMALL = 600_000

every_page = pytest.mark.parametrize("name", PAGES)


@every_page
def test_a_page_is_valid_html(name):
    drawings.valid(page(name))


def test_what_is_not_valid_is_found():
    with pytest.raises(Exception, match="end tag"):
        drawings.valid("<!doctype html><title>x</title><p><div></p></div>")


@every_page
def test_a_page_is_one_small_file_that_asks_for_nothing(name):
    markup = page(name)

    assert len(markup.encode()) < SMALL
    assert "default-src 'none'" in markup
    assert not re.search(r'<script|<link|<iframe|<object|<embed|@import|url\((?!#)|\son\w+="', markup)
    assert not re.search(r"(?:src|poster|action|srcset)=", re.sub(r">[^<]*<", "><", markup))
    assert set(re.findall(r'href="([a-z]+:)', markup)) <= {"http:", "https:", "data:"}


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith("-hostile")])
def test_hostile_names_stay_text_in_the_page_and_in_its_csv(name):
    markup = page(name)

    assert "<img" not in markup
    assert not set(markup) & {"\u202e", "\u202c", "\u200b", "\u200d", "\ufeff", "\x1b"}
    for _, rows in drawings.tables(markup):
        for row in rows:
            assert None not in row
            assert not any(cell[:1] in {"=", "+", "@"} for cell in row.values() if cell)


def test_long_names_are_told_whole_where_a_drawing_cuts_them():
    figures = drawings.figures(page("simulation-hostile"))
    told = " ".join(shape.title for drawing in figures["fig-flow"].wide for shape in drawing)

    assert "w" * 400 in told
    assert "w" * 400 in figures["fig-flow"].column("function")
    assert len(NASTY) <= len(figures["fig-flow"].rows) + 1


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_ten_thousand_functions_take_no_more_room_than_a_thousand(count):
    few = len(report.render(estate(1_000), "html"))
    markup = report.render(estate(count), "html")

    assert len(markup) < 1.1 * few
    assert f"{count - 300:,} rows more, not in the CSV either; <code>--format json</code> has all." in markup
    assert "others, " in markup


def test_an_assessment_of_ten_thousand_functions_stays_small_and_says_what_it_leaves_out():
    markup = report.render(assessments.large(10_000), "html")

    assert len(markup) < 1_000_000
    assert "9,700 rows more, not in the CSV either" in markup
    assert "9,600 uses more" in markup
