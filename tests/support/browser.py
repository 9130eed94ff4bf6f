"""A real Chromium that opens a page from disk: no network, and nothing of the page may run.

What is asked of the page is asked from outside, through the driver.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.resources
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.chrome.webdriver import WebDriver

_PATIENCE_S = 120.0
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find() -> tuple[str, str]:
    """Return the paths of Chromium and of its driver; skip the test where one is not installed."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    chromium = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with its chromedriver is installed")
    return chromium, driver


@contextlib.contextmanager
def started(*, local: bool = False) -> Iterator[WebDriver]:
    """Give a running Chromium that can reach nothing but files, and with `local` what this machine serves."""
    chromium, driver = find()
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.chrome.webdriver import WebDriver

    options = Options()
    options.binary_location = chromium
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(word)
    options.add_argument("--proxy-server=127.0.0.1:9")
    if not local:
        options.add_argument("--proxy-bypass-list=<-loopback>")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = begun(lambda: WebDriver(options=options, service=Service(executable_path=driver)))
    try:
        running.set_page_load_timeout(_PATIENCE_S)
        running.set_script_timeout(_PATIENCE_S)
        yield running
    finally:
        running.quit()


def begun(begin: Callable[[], WebDriver]) -> WebDriver:
    """Begin a browser; the driver gives up after a minute, and a slow machine may need longer once."""
    from selenium.common.exceptions import WebDriverException

    for _ in range(2):
        with contextlib.suppress(WebDriverException):
            return begin()
    return begin()


def show(driver: WebDriver, page: Path, *, width: int, dark: bool = False, media: str = "") -> None:
    """Open a page from disk at a width, in a colour scheme, on the screen or as print."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
    driver.get(page.as_uri())


def look(driver: WebDriver) -> dict[str, Any]:
    """Return what a reader would see of the page that is shown, as `layout.js` lists it."""
    found = driver.execute_script(f"{_layout()}\nreturn look();")
    assert isinstance(found, dict)
    return found


def pale(driver: WebDriver) -> list[str]:
    """Return the texts with too little contrast: below 4.5, or 3 where they are large; in drawings too."""
    found = driver.execute_script(f"{_layout()}\nreturn pale();")
    assert isinstance(found, list)
    return found


@functools.cache
def _layout() -> str:
    return Path(__file__).with_name("layout.js").read_text(encoding="utf-8")


def ask(driver: WebDriver, expression: str) -> Any:
    """Return the value of a JavaScript expression about the page."""
    return driver.execute_script(f"return {expression}")


def axe(driver: WebDriver) -> list[str]:
    """Return what axe-core finds wrong, one line each."""
    pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    source = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    driver.execute_script(source)
    found = driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']})"
        ".then(r => done(r.violations), e => done(String(e)));"
    )
    assert isinstance(found, list), found
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        for node in one["nodes"][:3]
    ]
