"""Every page that a browser is shown, by name. A new kind of page adds its line here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from reliant import report
from reliant.cli.main import cli
from reliant.report.html.trace import to_html as trace_page
from support import assessments, traces

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOP = str(Path(__file__).resolve().parents[2] / "examples" / "shop")
_WHEN = ("--place", "CN", "--as-of", "2024-07-10")


def _printed(*words: str) -> str:
    """Return the page that a command prints about the real atlas and the example shop."""
    done = CliRunner().invoke(cli, [*words, "--format", "html"], catch_exceptions=False)
    assert done.stdout.startswith("<!doctype html>"), done.output
    return done.stdout


PAGES: dict[str, Callable[[], str]] = {
    "assessment": lambda: report.render(assessments.shop(), "html"),
    "assessment-crowd": lambda: report.render(assessments.crowd(), "html"),
    "assessment-empty": lambda: report.render(assessments.nothing_found(), "html"),
    "assessment-hostile": lambda: report.render(assessments.hostile(), "html"),
    "shop": lambda: _printed("assess", _SHOP, *_WHEN, "--no-cache"),
    "simulation": lambda: _printed("simulate", _SHOP, "--cut", "provider:openai", *_WHEN),
    "comparison": lambda: _printed(
        "simulate", _SHOP, "--cut", "provider:openai", "--against", "jurisdiction:US", *_WHEN
    ),
    "trace": lambda: trace_page(traces.TRACE),
    "country": lambda: _printed("country", "CN", "--on", "US", "--as-of", "2024-05"),
}
