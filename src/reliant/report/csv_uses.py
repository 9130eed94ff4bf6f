"""CSV: one row per use, with its verdicts and the first line that shows it.

For a spreadsheet or a data frame. No cell can run as a formula, and the columns are
part of the contract: one may be added at the end, none moves.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.verdict import Axis, AxisAnswer, Verdict
from reliant.report._registry import renders
from reliant.report._text import clean, unformula
from reliant.report._view import View

if TYPE_CHECKING:
    from reliant.core.results import Assessment
    from reliant.core.use import Use

COLUMNS = (
    *("use", "provider", "channel", "kind", "role", "scope", "sdk", "developer", "model", "confidence"),
    *("combined", "access", "law", "licence", "register", "gates", "missing", "pending"),
    *("functions", "path", "line", "places", "place", "as_of", "ignored"),
)
_NOT_ASKED = AxisAnswer(Verdict.UNKNOWN)


@renders("csv", ASSESSMENT_SCHEMA)
def to_csv(result: Assessment, /, *, colour: bool = False) -> str:
    """Return one header and one row per use, comma-separated, with CRLF line ends (RFC 4180)."""
    del colour
    view = View(result)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for use in result.uses:
        writer.writerow({name: unformula(clean(text)) for name, text in _row(view, use).items()})
    return out.getvalue()


def _row(view: View, use: Use) -> dict[str, str]:
    answer = view.answers.get(use.id)
    axes = {axis: answer.axes.get(axis, _NOT_ASKED) if answer else _NOT_ASKED for axis in Axis}
    first = use.evidence[0] if use.evidence else None
    return {
        "use": use.id,
        "provider": use.provider or "",
        "channel": use.channel.value,
        "kind": use.kind.value,
        "role": use.role.value,
        "scope": use.scope.value,
        "sdk": use.sdk or "",
        "developer": use.developer or "",
        "model": use.model or "",
        "confidence": f"{use.confidence:.2f}",
        "combined": view.combined(use).value,
        **{axis.value: said.verdict.value for axis, said in axes.items()},
        "gates": "; ".join(view.gate_words(gate) for gate in axes[Axis.ACCESS].gates),
        "missing": "; ".join(dict.fromkeys(item.fact for said in axes.values() for item in said.missing)),
        "pending": "; ".join(dict.fromkeys(item.rule for said in axes.values() for item in said.pending)),
        "functions": "; ".join(use.functions),
        "path": first.path if first else "",
        "line": str(first.line) if first else "",
        "places": str(len(use.evidence)),
        "place": view.result.place or "",
        "as_of": view.result.as_of,
        "ignored": (answer.ignored or "") if answer else "",
    }
