"""Every page, in a real browser: from disk, without a script, without a network."""

import itertools

import pytest

from support import browser
from support.pages import PAGES

pytestmark = pytest.mark.browser

# axe is slow, and what it can find depends on a page's pieces: the small page in both looks, the
# large ones in one each, and none twice.
LOOKS = [
    ("assessment", 400, True),
    ("assessment", 1400, False),
    ("assessment-empty", 1400, False),
    ("shop", 400, True),
    ("simulation", 1400, True),
    ("comparison", 400, False),
    ("country", 1400, False),
]


@pytest.fixture(scope="module")
def driver():
    with browser.started() as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    paths = {}
    for name, make in PAGES.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(make(), encoding="utf-8")
    return paths


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [400, 1400])
def test_a_page_never_scrolls_sideways(driver, files, name, width):
    browser.show(driver, files[name], width=width)

    assert browser.ask(driver, "document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fetches_nothing_and_runs_nothing(driver, files, name):
    driver.get_log("browser")  # of pages before
    browser.show(driver, files[name], width=1400)

    assert browser.ask(driver, "document.scripts.length") == 0
    assert browser.ask(driver, "performance.getEntriesByType('resource').length") == 0
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("name", PAGES)
def test_the_headings_of_a_page_never_skip_a_level(driver, files, name):
    browser.show(driver, files[name], width=1400)
    levels = browser.ask(
        driver, "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])"
    )

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [400, 1400])
def test_every_figure_shows_one_size_and_holds_a_title_a_description_and_a_table(driver, files, name, width):
    browser.show(driver, files[name], width=width)
    figures = browser.ask(
        driver,
        """[...document.querySelectorAll('figure')].map(f => {
            const all = [...f.querySelectorAll('svg.drawing')];
            const seen = all.filter(s => s.getBoundingClientRect().width > 0);
            const words = (s, tag) => s.querySelector(tag).textContent;
            return {
              id: f.id,
              sizes: [...new Set(seen.map(s => s.classList.contains('wide') ? 'wide' : 'narrow'))],
              told: seen.every(s => words(s, 'title') && words(s, 'desc')),
              rows: f.querySelectorAll('table tbody tr').length,
            };
        })""",
    )

    for figure in figures:
        assert figure["sizes"] == ["narrow" if width == 400 else "wide"], figure
        assert figure["told"], figure
        assert figure["rows"] > 0, figure


@pytest.mark.parametrize("name", PAGES)
def test_no_id_is_given_twice_and_every_link_within_a_page_leads_somewhere(driver, files, name):
    browser.show(driver, files[name], width=1400)
    ids = browser.ask(driver, "[...document.querySelectorAll('[id]')].map(e => e.id)")
    links = browser.ask(driver, "[...document.querySelectorAll('a[href^=\"#\"]')].map(e => e.hash.slice(1))")

    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_the_tables_of_the_figures_are_open(driver, files, name):
    browser.show(driver, files[name], width=800, media="print")
    heights = browser.ask(
        driver, "[...document.querySelectorAll('figure table')].map(t => t.getBoundingClientRect().height)"
    )

    assert all(height > 0 for height in heights)


@pytest.mark.parametrize(("name", "width", "dark"), LOOKS)
def test_axe_finds_nothing_wrong(driver, files, name, width, dark):
    browser.show(driver, files[name], width=width, dark=dark)

    assert browser.axe(driver) == []


def test_axe_does_find_what_is_wrong(driver, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><title>x</title><p style='color:#bbb;background:#fff'>hard to read<img src=''>"
    )
    browser.show(driver, page, width=400)

    found = " ".join(browser.axe(driver))
    assert "color-contrast" in found
    assert "html-has-lang" in found
