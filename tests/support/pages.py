"""Every page that a browser is shown, by name. A new kind of page adds its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant import report
from support import assessments

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES: dict[str, Callable[[], str]] = {
    "assessment": lambda: report.render(assessments.shop(), "html"),
    "assessment-before": lambda: report.render(assessments.shop("2024-07-08"), "html"),
    "assessment-crowd": lambda: report.render(assessments.crowd(), "html"),
    "assessment-empty": lambda: report.render(assessments.nothing_found(), "html"),
    "assessment-hostile": lambda: report.render(assessments.hostile(), "html"),
}
