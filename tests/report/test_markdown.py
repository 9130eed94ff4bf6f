from markdown_it import MarkdownIt

from reliant import report
from support import assessments


def html(result):
    return MarkdownIt("gfm-like", {"linkify": False}).render(report.render(result, "markdown"))


def test_the_page_of_the_day_after_the_block(snapshot):
    assert report.render(assessments.shop(), "markdown") == snapshot


def test_every_table_is_read_as_one():
    page = html(assessments.shop())

    assert page.count("<table>") == 4
    assert "<td>✕ BLOCKED</td>" in page


def test_nothing_of_a_target_becomes_markup():
    page = report.render(assessments.hostile(), "markdown")
    read = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(page)

    assert "<script" not in read
    assert "<img" not in read
    assert 'href="javascript' not in read


def test_a_hostile_name_stays_in_its_cell():
    rows = [
        line for line in report.render(assessments.hostile(), "markdown").splitlines() if "BLOCKED" in line
    ]

    assert rows
    for line in rows:
        assert line.replace("\\|", "").count("|") == 8


def test_every_source_number_leads_to_its_source():
    text = report.render(assessments.shop(), "markdown")

    for number in range(1, 9):
        assert f'<a id="source-{number}"></a>' in text
    assert "same text as \\[6\\]" in text
