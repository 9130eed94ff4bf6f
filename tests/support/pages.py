"""Every page that a browser is shown, by name. A new kind of page adds its line here."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from click.testing import CliRunner

from reliant import report
from reliant.cli.main import cli
from reliant.core.results import Interval, SinglePoint
from reliant.core.simulation import Action, Comparison, FunctionRow, Simulation
from reliant.report.html.trace import to_html as trace_page
from support import assessments, traces

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOP = str(Path(__file__).resolve().parents[2] / "examples" / "shop")
_WHEN = ("--place", "CN", "--as-of", "2024-07-10")
NASTY = (
    "</title></style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>\"'`&amp;",
    "w" * 400,
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\u200bzero\u200dwidth\ufeff",
    "\U0001f469\u200d\U0001f680 \U0001f1e8\U0001f1f3 \U0001f600" * 12,
    '=HYPERLINK("http://x")',
    "很长的名字" * 40,
)
"""Names that a target or a table may hold: markup, very long, right to left, no width, emoji, a formula."""


def _printed(*words: str, style: str = "html") -> str:
    """Return what a command prints about the real atlas and the example shop."""
    done = CliRunner().invoke(cli, [*words, "--format", style], catch_exceptions=False)
    assert style != "html" or done.stdout.startswith("<!doctype html>"), done.output
    return done.stdout


@functools.cache
def _simulated() -> Simulation:
    told = _printed("simulate", _SHOP, "--cut", "provider:openai", *_WHEN, style="json")
    return msgspec.json.decode(told, type=Simulation)


def estate(functions: int) -> Simulation:
    """Return a what-if on so many functions; a country stops a third of them alone."""
    rows = tuple(
        FunctionRow(
            f"Function {n} of the estate",
            (True, None, False)[n % 3],
            None,
            (f"function:f{n}", "provider:openai"),
            None,
            None,
            None,
            None,
            None,
            id=f"f{n}",
            weight=1 + n % 7,
            why="needs OpenAI, which is cut",
            provider=f"provider-{n % 60}",
            owner=f"Owner {n % 50}",
            jurisdiction=("US", "CN", "FR", None)[n % 4],
        )
        for n in range(functions)
    )
    point = SinglePoint("US", "jurisdiction", 0.33, tuple(row.id for row in rows[::3]))
    return msgspec.structs.replace(
        _simulated(), functions=rows, single_points=(point,), stop_share=Interval(0.33, 0.66)
    )


def _hostile_simulation() -> Simulation:
    base = _simulated()
    rows = tuple(
        msgspec.structs.replace(
            row,
            name=nasty,
            id=f"f{at}",
            why=nasty,
            provider=nasty,
            owner=nasty,
            fallback=nasty,
            path=(nasty,),
        )
        for at, (nasty, row) in enumerate(zip(NASTY, base.functions, strict=False))
    )
    return msgspec.structs.replace(
        base,
        functions=rows,
        target=msgspec.structs.replace(base.target, name=NASTY[0]),
        scenario=msgspec.structs.replace(base.scenario, name=NASTY[1], summary=NASTY[2]),
        single_points=tuple(SinglePoint(nasty, "provider", 0.1, tuple(NASTY)) for nasty in NASTY),
        actions=tuple(Action("prove", nasty, 0.1, 1.0, nasty, (nasty,)) for nasty in NASTY[:3]),
        assumptions=NASTY,
        names={nasty: nasty for nasty in NASTY},
    )


def _hostile_comparison() -> Comparison:
    from reliant.assessment.simulate.play import compare

    return compare(_hostile_simulation(), _hostile_simulation())


def _hostile_country() -> str:
    """Return the page of a country over a table in which every name is nasty."""
    import csv

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "models.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(("name", "countries", "released", "base_models", "weights"))
            out.writerow(("root", "US", "2022-01-01", "", "open"))
            for at, nasty in enumerate(NASTY * 3):
                base = "root" if at < 8 else NASTY[at % 8]
                out.writerow((f"{nasty}{at}", "CN", f"202{3 + at % 3}-0{1 + at % 8}-11", base, "open"))
        return _printed("country", "CN", "--on", "US", "--as-of", "2026-01", "--data", str(table))


PAGES: dict[str, Callable[[], str]] = {
    "assessment": lambda: report.render(assessments.shop(), "html"),
    "assessment-crowd": lambda: report.render(assessments.crowd(), "html"),
    "assessment-empty": lambda: report.render(assessments.nothing_found(), "html"),
    "assessment-hostile": lambda: report.render(assessments.hostile(), "html"),
    "shop": lambda: _printed("assess", _SHOP, *_WHEN, "--no-cache"),
    "simulation": lambda: report.render(_simulated(), "html"),
    "simulation-hostile": lambda: report.render(_hostile_simulation(), "html"),
    "simulation-huge": lambda: report.render(estate(10_000), "html"),
    "comparison": lambda: _printed(
        "simulate", _SHOP, "--cut", "provider:openai", "--against", "jurisdiction:US", *_WHEN
    ),
    "comparison-hostile": lambda: report.render(_hostile_comparison(), "html"),
    "trace": lambda: trace_page(traces.TRACE),
    "country": lambda: _printed("country", "CN", "--on", "US", "--as-of", "2024-05"),
    "country-bloc": lambda: _printed("country", "EU", "--on", "US", "--as-of", "2026-11"),
    "country-little": lambda: _printed("country", "KE", "--on", "CN", "--as-of", "2026-11"),
    "country-hostile": _hostile_country,
}


@functools.cache
def page(name: str) -> str:
    """Return a page, made once."""
    return PAGES[name]()
