"""The live page in a real browser, against a gateway that serves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support.browser import axe, pale, started
from support.gateway_provider import providers
from support.gateway_rig import config, gateway, get, post, until

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

KEY = {"authorization": "Bearer sk-test"}


@contextmanager
def browsing(url: str) -> Iterator[WebDriver]:
    """Give a browser, as narrow as a telephone and in dark colours, that shows a page."""
    with started(local=True) as page:
        size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
        page.get(url)
        yield page


def test_the_page_is_read_by_keyboard_in_the_dark_and_on_a_telephone(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house.no-minis"\nsummary = "S."\nwhen = { model = ["*-mini"] }\n'
    with providers("mock") as (mock,):
        bounded = "admin = true\nquota = { requests_per_day = 50_000 }\n"
        text = config(mock, more=rule).replace("admin = true\n", bounded)
        with gateway(tmp_path, text) as running:
            get(f"{running.url}/admin")
            for model in ("gpt-4o", "gpt-4o-mini"):
                body = {"model": model, "messages": []}
                post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
            with browsing(f"{running.url}/admin") as page:
                from selenium.webdriver.common.keys import Keys

                page.find_element("id", "key").send_keys("sk-test", Keys.ENTER)
                until(lambda: page.find_elements("css selector", "#latest tr"), "the answers are shown")
                wide = page.execute_script("return document.documentElement.scrollWidth - innerWidth")
                shown = page.find_element("css selector", "main").text
                complaints = page.get_log("browser")
                dim, faults = pale(page), axe(page)

    assert wide <= 0
    assert "serving" in shown
    assert "requests_per_day: 2 of 50,000" in shown
    assert "gpt-4o-mini refuse house.no-minis" in shown
    assert re.search(r"^12:\d\d:\d\d test gpt-4o-mini refuse", shown, re.MULTILINE)
    assert "sk-test" not in shown
    assert complaints == []
    assert dim == []
    assert faults == [], faults
