"""The live page in a real browser, against a gateway that serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support.browser import axe, begun, find
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, get, post, until

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

KEY = {"authorization": "Bearer sk-test"}


@contextmanager
def browsing(url: str) -> Iterator[WebDriver]:
    """Give a browser, as narrow as a telephone and in dark colours, that shows a page."""
    program, driver = find()
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.chrome.webdriver import WebDriver

    options = Options()
    options.binary_location = program
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    page = begun(lambda: WebDriver(options=options, service=Service(executable_path=driver)))
    try:
        size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
        page.get(url)
        yield page
    finally:
        page.quit()


def test_the_page_is_read_by_keyboard_in_the_dark_and_on_a_telephone(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        get(f"{running.url}/admin")
        body = {"model": "gpt-4o", "messages": []}
        post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
        with browsing(f"{running.url}/admin") as page:
            from selenium.webdriver.common.keys import Keys

            page.find_element("id", "key").send_keys("sk-test", Keys.ENTER)
            until(lambda: page.find_elements("css selector", "#latest tr"), "the answer is shown")
            wide = page.execute_script("return document.documentElement.scrollWidth - innerWidth")
            text = page.find_element("css selector", "main").text
            complaints = page.get_log("browser")
            faults = axe(page)

    assert wide <= 0
    assert "serving" in text
    assert "gpt-4o" in text
    assert "sk-test" not in text
    assert complaints == []
    assert faults == [], faults
