"""Markdown: the headline, the verdicts and their sources, short enough for a pull request.

Whatever comes from the target or from a source is escaped, so that a model called
`[x](javascript:...)` stays a name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.verdict import Axis, Verdict
from reliant.report._model_files import words_of
from reliant.report._points import shown_points
from reliant.report._registry import renders
from reliant.report._text import clean, listed, number, percent, plural
from reliant.report._view import View, descent_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.core.results import Assessment
    from reliant.report._view import Group

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@])")
_MARKS = {Verdict.BLOCKED: "✕", Verdict.UNKNOWN: "?", Verdict.CONDITIONAL: "◐", Verdict.OPEN: "✓"}
_SKIPPED = 20
_ROWS = 60


def escaped(text: str) -> str:
    r"""Return `text` as Markdown that shows it letter by letter.

    Examples:
        >>> print(escaped("a|b [x](y)"))
        a\|b \[x\](y)
    """
    return _SPECIAL.sub(r"\\\1", clean(text)).replace("://", ":\u200b//")


def code(text: str) -> str:
    """Return `text` as a code span that a table cell can hold."""
    return "`" + clean(text).replace("`", "ˋ").replace("|", "¦") + "`"


@renders("markdown", ASSESSMENT_SCHEMA)
def to_markdown(result: Assessment, /, *, colour: bool = False) -> str:
    """Return the assessment as GitHub-flavoured Markdown."""
    del colour
    view = View(result)
    parts = [
        f"# {escaped(view.question)}",
        f"**{escaped(view.stop_sentence)}**",
        f"**{escaped(view.reliance_sentence)}**" if view.reliance_sentence else "",
        escaped(view.scenario_sentence),
        *_verdicts(view),
        *_functions(view),
        *_descent(view),
        *_model_files(view),
        *_open(view),
        *_sources(view),
        f"Facts: atlas {escaped(result.atlas.version)}, newest source {escaped(result.atlas.newest_source)}. "
        f"Made by {escaped(result.tool.name)} {escaped(result.tool.version)}; no legal advice.",
        _not_looked_at(view),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells must be escaped already."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _cites(view: View, ids: Iterable[str]) -> str:
    return "".join(f" [{one}](#source-{one})" for one in view.best(ids))


def _verdicts(view: View) -> list[str]:
    parts = []
    if view.groups:
        heads = ("Verdict", "Provider", "Models", "Access", "Law", "Licence", "Register")
        parts.append(table(heads, (_group(view, group) for group in view.groups)))
    else:
        parts.append("Nothing that the product relies on was found.")
    if view.mentioned:
        parts.append(f"{plural(len(view.mentioned), 'use')} more only in docs, tests, examples or lists.")
    if view.set_aside:
        parts.append(f"{plural(len(view.set_aside), 'finding')} set aside by the configuration.")
    return ["## Verdicts", *parts]


def _group(view: View, group: Group) -> tuple[str, ...]:
    gates = [
        escaped(view.gate_words(gate)) + _cites(view, view.sources_of(gate.rule)) for gate in group.gates
    ]
    axes = []
    for axis in Axis:
        verdict = group.worst_on(axis)
        if axis is Axis.ACCESS and gates:
            axes.append("<br>".join(gates))
        elif verdict is Verdict.UNKNOWN and group.needs(axis):
            axes.append(f"UNKNOWN, needs {', '.join(map(code, group.needs(axis)))}")
        else:
            rules = [code(rule.id) + _cites(view, rule.sources) for rule in group.deciding(axis)]
            said = f": {listed(rules, at_most=2)}" if rules and verdict is not Verdict.OPEN else ""
            axes.append(verdict.value + said)
    models = listed(map(code, group.models), at_most=5) or plural(len(group.uses), "use")
    verdict_cell = f"{_MARKS[group.verdict]} {group.verdict.value}"
    return (verdict_cell, f"{escaped(group.label)}, {group.channel.value}", models, *axes)


def _functions(view: View) -> list[str]:
    impact = view.result.impact
    if not impact.functions:
        return []
    rows = [
        (escaped(item.function.name), number(item.function.weight), item.state, escaped(item.function.where))
        for state in ("stops", "unknown", "works")
        for item in view.by_state(state)
    ]
    parts = ["## Functions", table(("Function", "Weight", "State", "Named in"), rows[:_ROWS])]
    if len(rows) > _ROWS:
        parts.append(f"{plural(len(rows) - _ROWS, 'function')} more; the JSON has all.")
    if impact.face_value or impact.look_through:
        face = {share.id: share.share for share in impact.face_value}
        deep = {share.id: share.share for share in impact.look_through}
        shares = [
            (
                escaped(view.place(id_)),
                *(percent(found[id_]) if id_ in found else "0 %" for found in (face, deep)),
            )
            for id_ in dict.fromkeys((*deep, *face))
        ]
        parts.append(table(("Country", "Face value", "Look-through"), shares))
    points = shown_points(impact.single_points)
    if points:
        said = [
            f"{escaped(view.name(p.supplier) if p.level == 'provider' else view.place(p.supplier))} "
            f"{percent(p.stop_share)}{' (with what is owned or made there)' if p.level == 'reach' else ''}"
            for p in points
        ]
        parts.append(f"Stops if cut alone: {listed(said, at_most=8)}.")
    return parts


def _descent(view: View) -> list[str]:
    rows = [
        (
            escaped(model.name or model.id),
            escaped(descent_words(edge)),
            escaped(edge.ancestor),
            edge.status + (", measured" if edge.basis == "measured" else "") + _cites(view, edge.sources),
        )
        for model in view.result.models
        for edge in model.descent
    ]
    rows += [
        (
            escaped(model.name or model.id),
            "it is said",
            escaped(claim.says),
            escaped(claim.status)
            + _cites(view, claim.sources)
            + (", against" if claim.against else "")
            + _cites(view, claim.against),
        )
        for model in view.result.models
        for claim in model.claims
    ]
    return ["## Descent", table(("Model", "Relation", "Ancestor", "Status"), rows)] if rows else []


def _model_files(view: View) -> list[str]:
    words = words_of(view.result)
    if not words:
        return []
    rows = [
        (
            code(one.file.path),
            escaped(one.about),
            escaped(one.declared),
            escaped(one.config),
            escaped(one.tokenizer),
            escaped(one.weights),
        )
        for one in words[:_ROWS]
    ]
    findings = [
        f"- {code(found.id)} ({found.basis}): {escaped(found.text)}"
        for one in words
        for found in one.file.findings
    ]
    heads = ("Model file", "What it is", "Declared", "Config", "Tokenizer", "Weights")
    parts = ["## Model files", table(heads, rows)]
    if len(words) > _ROWS:
        parts.append(f"{plural(len(words) - _ROWS, 'model file')} more; the JSON has all.")
    return [*parts, "\n".join(findings)] if findings else parts


def _open(view: View) -> list[str]:
    lines = [
        f"- Pending, {escaped(view.pending_words(item))}: {escaped(item.summary or item.rule)}"
        f"{_cites(view, item.sources)} ({code(item.rule)})"
        for item in view.pending
    ]
    lines += [f"- Missing: {escaped(item.question)} ({code(item.fact)})" for item in view.missing]
    return ["## Pending and missing", "\n".join(lines)] if lines else []


def _sources(view: View) -> list[str]:
    lines = []
    for source in view.sources:
        at, same = view.numbers[source.id], view.same_text_as(source)
        about = ", ".join(escaped(part) for part in (source.publisher, source.published) if part)
        url = source.url if source.url and source.url.startswith(("https://", "http://")) else None
        title = (
            f"[{escaped(source.title)}](<{url}>)"
            if url and not set(url) & set("<>\n ")
            else escaped(source.title)
        )
        copy = f", same text as \\[{same}\\]" if same else ""
        lines.append(
            f'{at}. <a id="source-{at}"></a>{title}{", " if about else ""}{about} ({source.kind}{copy})'
        )
    return ["## Sources", "\n".join(lines)] if lines else []


def _not_looked_at(view: View) -> str:
    skipped = view.result.not_looked_at
    if not skipped:
        return "Not looked at: nothing was skipped."
    said = listed((f"{code(item.path)} ({escaped(item.reason)})" for item in skipped), at_most=_SKIPPED)
    return f"Not looked at: {said}."
