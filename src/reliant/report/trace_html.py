"""A trace as one HTML page: opens from disk, prints, and needs no script and no network.

Every text of a model (tensor names, cards, paths) is escaped; nothing of it is ever markup.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from reliant.lineage.results import RELATED
from reliant.report.trace import best_by_layer, clean, map_text, size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.lineage.results import Trace, TraceResult
    from reliant.lineage.weights import Weights

_CELL = 16
_STYLE = """
:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--line:#bbb;
--found:#b3261e;--none:#2e6b34;--open:#8a6100}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#181818;--line:#555;
--found:#ff8a80;--none:#8fd694;--open:#ffd479}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
th,td{border:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}caption{text-align:left;font-weight:600}
.found{color:var(--found)}.none{color:var(--none)}.open{color:var(--open)}
section{border-top:2px solid var(--line);margin-top:2rem}
svg{max-width:100%;height:auto}svg text{font:10px system-ui;fill:var(--ink)}figure{margin:0}
"""


def render_trace_html(result: Trace) -> str:
    """Return the trace as a page."""
    title = f"Trace of {clean(result.suspect)}"
    facts = result.facts
    summary = [
        ("Format", facts.format or "none"),
        ("Files", ", ".join(facts.files) or "none"),
        ("Parameters", f"{facts.parameters:,}"),
        ("Architecture", facts.architecture or "not said"),
        ("Layers", "not found" if facts.layers is None else str(facts.layers)),
        ("Width", "not found" if facts.width is None else str(facts.width)),
    ]
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src '
        "'unsafe-inline'\">",
        f"<title>{_e(title)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{_e(title)}</h1>",
        _table("The suspect", ("", ""), summary, heads=True),
        "<p>Four kinds of evidence stand side by side. Only the weights decide, and they say who "
        "<em>shares weights</em>, not who took them from whom.</p>",
    ]
    if result.contradictions:
        parts.append("<section><h2>Contradictions</h2><ul>")
        parts += [f"<li>{_e(one.text)}</li>" for one in result.contradictions]
        parts.append("</ul></section>")
    parts += [_section(one) for one in result.results]
    parts.append("<section><h2>Not looked at</h2>")
    if result.not_looked_at:
        parts.append(_table("", ("What", "Why"), [(one.path, one.reason) for one in result.not_looked_at]))
    else:
        parts.append("<p>Nothing was set aside.</p>")
    parts.append("</section></main></body></html>")
    return "\n".join(parts) + "\n"


def _section(one: TraceResult) -> str:
    levels, found = one.levels, one.levels.weights
    kind = "found" if found.verdict in RELATED else "open" if found.verdict == "not_testable" else "none"
    claims = (
        "; ".join(f"{claim.kind}: {claim.value} ({claim.place})" for claim in levels.declared.claims)
        or "no claim"
    )
    named = "names this reference" if levels.declared.names_reference else "does not name this reference"
    jaccard = "" if levels.tokenizer.jaccard is None else f" Jaccard {levels.tokenizer.jaccard:.3f}."
    rows = [
        ("Declared", named, claims),
        ("Config", levels.config.verdict, levels.config.text),
        ("Tokenizer", levels.tokenizer.verdict, levels.tokenizer.text + jaccard),
        ("Weights", found.verdict, one.statement),
    ]
    limit = "not measured" if found.detection_limit is None else f"cosine {found.detection_limit:g}"
    measures = [
        ("Path", f"{found.path or 'none'} (tried: {', '.join(found.paths_tried) or 'none'})"),
        (
            "Agreement of the best layer",
            f"{found.agreement:.1%}, p 1e{found.log10_p:.1f} after {found.tests} tests",
        ),
        ("Layer map", map_text(found) if found.layer_map else "none"),
        (
            "Nearest runner-up",
            str(max((match.runner_up for match in found.layers), default=0)) + " hits in another layer",
        ),
        ("Detection limit", limit),
        (
            "Read of the suspect",
            f"{size_text(found.bytes_read)}, {found.rows_read:,} rows, {found.ranges:,} ranges",
        ),
        ("Read of the reference", size_text(found.reference_bytes_read)),
    ]
    if found.second_opinion is not None:
        measures.append(("Exact permutation test", f"p {found.second_opinion:.3f}"))
    measures += [(f"Share of {name}", f"{share:.2f}") for name, share in found.shares.items()]
    measures += [("Hint", hint) for hint in found.hints]
    return "\n".join(
        [
            f"<section><h2>{_e(one.reference)}</h2>",
            f'<p class="{kind}"><strong>{_e(one.statement)}</strong></p>',
            _table("Evidence", ("Level", "Verdict", "What it says"), rows),
            _layer_figure(found),
            _table("How it was measured", ("", ""), measures, heads=True),
            "</section>",
        ]
    )


def _layer_figure(found: Weights) -> str:
    """Return the layer map as a drawing: suspect's layers across, reference's down."""
    best = best_by_layer(found)
    if not best or not any(one is not None for one in found.layer_map):
        return ""
    across = len(found.layer_map)
    down = max(one for one in found.layer_map if one is not None) + 1
    width, height = (across + 4) * _CELL, (down + 3) * _CELL
    marks = []
    for at, target in enumerate(found.layer_map):
        x = (at + 3) * _CELL
        marks.append(f'<text x="{x + 3}" y="{_CELL}">{at}</text>')
        if target is None:
            word = "not found" if at in best else "not looked at"
            marks.append(
                f'<rect x="{x}" y="{(down + 1.2) * _CELL:.0f}" width="{_CELL - 2}" height="4" '
                f'fill="gray"><title>layer {at}: {word}</title></rect>'
            )
            continue
        share = best[at].share if at in best else 0.0
        marks.append(
            f'<rect x="{x}" y="{(target + 1.2) * _CELL:.0f}" width="{_CELL - 2}" '
            f'height="{_CELL - 2}" fill="#b3261e" '
            f'fill-opacity="{0.25 + 0.75 * share:.2f}"><title>layer {at} is layer {target}: '
            f"{share:.0%} agree</title></rect>"
        )
    marks += [f'<text x="4" y="{(at + 2) * _CELL}">{at}</text>' for at in range(down)]
    label = f"Layer map: {map_text(found)}"
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{_e(label)}">'
        + "".join(marks)
        + "</svg><figcaption>Across: layers of the suspect; down: of the reference. Darker: more agree."
        "</figcaption></figure>"
    )


def _table(
    caption: str, heads_row: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, heads: bool = False
) -> str:
    lines = [f"<table>{f'<caption>{_e(caption)}</caption>' if caption else ''}"]
    if any(heads_row):
        lines.append("<tr>" + "".join(f'<th scope="col">{_e(one)}</th>' for one in heads_row) + "</tr>")
    for row in rows:
        first = f'<th scope="row">{_e(row[0])}</th>' if heads else f"<td>{_e(row[0])}</td>"
        lines.append(f"<tr>{first}" + "".join(f"<td>{_e(one)}</td>" for one in row[1:]) + "</tr>")
    return "\n".join([*lines, "</table>"])


def _e(text: str) -> str:
    return escape(clean(text), quote=True)
