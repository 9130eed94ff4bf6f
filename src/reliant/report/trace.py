"""A trace for the terminal: a tree with one branch per reference, and one line per level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.lineage.results import RELATED

if TYPE_CHECKING:
    from reliant.lineage.behaviour import EndpointTrace
    from reliant.lineage.results import Trace, TraceResult
    from reliant.lineage.weights import Weights

_COLOURS = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}
MAX_LINES = 40


def render_trace(result: Trace, *, colour: bool = False) -> str:
    """Return the trace as text."""
    paint = _painter(colour)
    facts = result.facts
    size = f"{facts.parameters / 1e6:,.1f} M parameters" if facts.parameters else "no weights"
    sizes = f", {facts.layers} layers, width {facts.width}" if facts.layers else ""
    lines = [paint("bold", clean(result.suspect)), f"  {facts.format or 'no weight file'}, {size}{sizes}"]
    lines += [f"  {clean(note)}" for note in result.notes]
    for at, one in enumerate(result.results):
        last = at == len(result.results) - 1
        lines += _branch(one, paint, last=last)
    if result.contradictions:
        lines += ["", paint("bold", "Contradictions")]
        lines += [f"  ! {clean(one.text)}" for one in result.contradictions]
    lines += ["", _skipped(result)]
    return "\n".join(lines) + "\n"


def render_trace_json(result: Trace) -> str:
    """Return the trace as the JSON of `reliant.trace/1`."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def render_endpoint(result: EndpointTrace) -> str:
    """Return the verdict on an endpoint as text."""
    lines = [clean(result.endpoint)]
    for one in result.results:
        level = "no controls" if one.control_agreement is None else f"controls {one.control_agreement:.0%}"
        own = "" if one.self_agreement is None else f", the reference with itself {one.self_agreement:.0%}"
        lines.append(f"  {one.verdict}: {clean(one.reference)}")
        if one.usable:
            lines.append(f"    {one.agreement:.0%} of {one.usable} first words equal ({level}{own})")
        lines.append(f"    token counts: {one.tokenizer}. {one.why}")
        lines.append(
            f"    error rate at most {one.error_rate:g}" + ("" if one.p is None else f", p {one.p:.2g}")
        )
    lines.append(f"  cost: {result.calls:,} calls, {result.tokens:,} tokens")
    return "\n".join(lines) + "\n"


def _branch(one: TraceResult, paint: _Painter, *, last: bool) -> list[str]:
    head, side = ("└─", "  ") if last else ("├─", "│ ")
    levels = one.levels
    colour = "red" if levels.weights.verdict in RELATED else "green"
    if levels.weights.verdict == "not_testable":
        colour = "yellow"
    lines = [f"{head} {paint('bold', clean(one.reference))}"]
    declared = "names this reference" if levels.declared.names_reference else "does not name this reference"
    if levels.declared.says_from_scratch:
        declared += "; says it was trained from scratch"
    claims = ", ".join(f"{claim.kind} {claim.value!r}" for claim in levels.declared.claims[:3])
    lines.append(f"{side} declared   {declared}{f' ({clean(claims)})' if claims else ''}")
    lines.append(f"{side} config     {levels.config.verdict}: {levels.config.text}")
    jaccard = "" if levels.tokenizer.jaccard is None else f", Jaccard {levels.tokenizer.jaccard:.2f}"
    lines.append(f"{side} tokenizer  {levels.tokenizer.verdict}{jaccard}: {levels.tokenizer.text}")
    lines.append(f"{side} weights    {paint(colour, levels.weights.verdict)}: {clean(one.statement)}")
    lines += [f"{side}            {line}" for line in _details(levels.weights)]
    return lines


def _details(found: Weights) -> list[str]:
    lines = []
    if found.layers:
        lines.append(f"layer map  {map_text(found)}")
        best = max(found.layers, key=lambda match: match.hits)
        lines.append(
            f"best layer {best.hits} hits ({best.chance:g} by chance), runner-up {best.runner_up}; "
            f"path {found.path or 'none'} of {', '.join(found.paths_tried)}; {found.tests} tests"
        )
    if found.second_opinion is not None:
        lines.append(
            f"second opinion: exact permutation test p {found.second_opinion:.3f} (least possible 0.001)"
        )
    for name, share in found.shares.items():
        lines.append(f"share of {clean(name)} in the weights: {share:.2f}")
    lines += [f"hint: {clean(hint)}" for hint in found.hints]
    limit = "" if found.detection_limit is None else f", detection limit c >= {found.detection_limit:g}"
    rows = f" ({found.rows_read:,} rows)" if found.rows_read else ""
    lines.append(
        f"read {size_text(found.bytes_read)} of the suspect{rows}, "
        f"{size_text(found.reference_bytes_read)} of the reference{limit}"
    )
    return lines


def map_text(found: Weights) -> str:
    """Return the layer map as text: `-` not found, `?` not looked at."""
    looked = {match.layer for match in found.layers}
    words = [
        str(one) if one is not None else "-" if at in looked else "?"
        for at, one in enumerate(found.layer_map)
    ]
    if len(words) > MAX_LINES:
        return " ".join(words[:MAX_LINES]) + f" ... ({len(words)} layers)"
    return " ".join(words)


def size_text(count: int) -> str:
    """Return a byte count in a readable unit.

    Examples:
        >>> size_text(12_700_000)
        '12.7 MB'
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def clean(text: str) -> str:
    """Return text from a model without control characters, which could rewrite the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _skipped(result: Trace) -> str:
    if not result.not_looked_at:
        return "Not looked at: nothing was set aside."
    shown = [f"  {clean(one.path)}: {clean(one.reason)}" for one in result.not_looked_at[:10]]
    more = len(result.not_looked_at) - len(shown)
    return "\n".join(["Not looked at:", *shown, *([f"  and {more} more"] if more > 0 else [])])


class _Painter:
    def __init__(self, *, on: bool) -> None:
        self._on = on

    def __call__(self, colour: str, text: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._on else text


def _painter(on: bool) -> _Painter:
    return _Painter(on=on)
