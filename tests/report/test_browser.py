"""Every page, in a real browser: from disk, without a script, without a network."""

import itertools

import pytest

from support import browser
from support.pages import PAGES, page

pytestmark = pytest.mark.browser

WIDTHS = (400, 1400)
# axe is slow, and what it can find depends on a page's pieces: the small page of an assessment in two looks,
# one page of each other kind in one. Contrast is measured besides, on every page in every look.
LOOKS = [
    ("assessment", 400, True),
    ("assessment", 1400, False),
    ("simulation", 1400, True),
    ("comparison", 400, False),
    ("country", 400, False),
    ("country-little", 1400, True),
    ("trace", 400, True),
]


@pytest.fixture(scope="module")
def driver():
    with browser.started() as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")

    def file(name):
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(page(name), encoding="utf-8")
        return path

    return file


@pytest.fixture(scope="module")
def looked(driver, files):
    """What is seen of a page at a width, looked at once."""
    found = {}

    def look(name, width, media=""):
        if (name, width, media) not in found:
            driver.get_log("browser")  # of pages before
            browser.show(driver, files(name), width=width, media=media)
            found[name, width, media] = {**browser.look(driver), "log": driver.get_log("browser")}
        return found[name, width, media]

    return look


every_page = pytest.mark.parametrize("name", PAGES)
every_width = pytest.mark.parametrize("width", WIDTHS)


@every_page
@every_width
def test_a_page_never_scrolls_sideways(looked, name, width):
    assert looked(name, width)["across"] <= width


@every_page
@every_width
def test_no_text_of_a_figure_leaves_its_box_or_lies_on_another(looked, name, width):
    for figure in looked(name, width)["figures"]:
        for drawing in figure["drawings"]:
            assert drawing["outside"] == [], figure["id"]
            assert drawing["over"] == [], figure["id"]


@pytest.mark.parametrize("name", [name for name in PAGES if not name.endswith("-huge")])
def test_every_text_stands_out_from_what_is_behind_it_in_both_colours(driver, files, name):
    for width, dark in ((400, True), (1400, True), (1400, False), (400, False)):
        browser.show(driver, files(name), width=width, dark=dark)

        assert browser.pale(driver) == [], (width, dark)


@every_page
def test_a_page_fetches_nothing_and_runs_nothing(looked, name):
    found = looked(name, 1400)

    assert found["scripts"] == 0
    assert found["fetched"] == 0
    assert found["log"] == []


@every_page
def test_the_headings_of_a_page_never_skip_a_level_and_none_is_there_twice(looked, name):
    levels, said = zip(*looked(name, 1400)["headings"], strict=True)

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(said) == len(set(said)) or name == "trace"


@every_page
@every_width
def test_every_figure_shows_one_size_and_holds_a_title_a_description_a_table_and_its_csv(looked, name, width):
    for figure in looked(name, width)["figures"]:
        assert {one["size"] for one in figure["drawings"]} == {"narrow" if width == 400 else "wide"}, figure
        assert all(one["told"] for one in figure["drawings"]), figure
        assert figure["rows"] > 0, figure
        assert figure["csv"] == 1, figure
        assert figure["caption"], figure


@every_page
def test_no_id_is_given_twice_and_every_link_and_source_number_leads_somewhere(looked, name):
    found = looked(name, 1400)

    assert len(found["ids"]) == len(set(found["ids"]))
    assert set(found["links"]) <= set(found["ids"])
    assert {f"source-{number}" for number in found["cited"]} <= set(found["ids"])


@every_page
@every_width
def test_everything_that_can_be_used_is_reached_by_the_keyboard(looked, name, width):
    assert looked(name, width)["reached"] == 0


@every_page
def test_a_phone_shows_no_label_of_a_cell_without_one(looked, name):
    assert looked(name, 400)["empty"] == 0


@every_page
def test_on_paper_tables_are_open_and_none_is_cut(looked, name):
    a4_within_margins = 718
    found = looked(name, a4_within_margins, "print")

    assert found["closed"] == 0
    assert found["across"] <= a4_within_margins
    for table in found["tables"]:
        assert table["right"] <= a4_within_margins + 1, table


def test_the_first_key_leads_past_the_head_of_the_page(driver, files):
    from selenium.webdriver.common.keys import Keys

    browser.show(driver, files("assessment"), width=1400)
    driver.find_element("tag name", "body").send_keys(Keys.TAB)

    assert browser.ask(driver, "document.activeElement.className") == "skip"
    assert browser.ask(driver, "document.activeElement.getBoundingClientRect().left") > 0


@pytest.mark.parametrize(("name", "width", "dark"), LOOKS)
def test_axe_finds_nothing_wrong(driver, files, name, width, dark):
    browser.show(driver, files(name), width=width, dark=dark)

    assert browser.axe(driver) == []


def test_what_is_wrong_is_found(driver, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><title>x</title><p style='color:#bbb;background:#fff'>hard to read<img src=''>"
        "<figure><figcaption>x</figcaption><svg class='drawing wide' width=100 height=50><title>a</title>"
        "<desc>b</desc><text x=10 y=20>one</text><text x=15 y=22>two</text><text x=90 y=40>outside</text>"
        "</svg></figure><table style='width:2000px'><tr><td>wide</table>"
    )
    browser.show(driver, bad, width=400)

    found = " ".join(browser.axe(driver))
    assert "color-contrast" in found
    assert "html-has-lang" in found
    seen = browser.look(driver)
    assert seen["across"] > 400
    assert seen["figures"][0]["drawings"][0]["outside"] == ["outside"]
    assert seen["figures"][0]["drawings"][0]["over"] == ["one | two"]
    assert browser.pale(driver) == ["hard to read rgb(255, 255, 255)"]
