"""An answer as plain text: each line is rule, truth, condition, value, and both origins.

The first origin says where the fact about you came from, the number in brackets
which source the rule rests on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reliant.core.results import Source
from reliant.core.verdict import AxisAnswer, Gate, RuleAnswer, Verdict
from reliant.policy.checked import Checked

_COLOURS = {Verdict.BLOCKED: "31", Verdict.UNKNOWN: "33", Verdict.CONDITIONAL: "36", Verdict.OPEN: "32"}

_WIDTH = 100

_SHOWN = 3
"""Sources that a line shows."""


def terminal(checked: Checked, *, colour: bool = False, every_rule: bool = False) -> str:
    """Return the answer for a person at a terminal; `every_rule` shows also what does not bear on it."""
    lines = list(_head(checked, colour))
    # On a screen a rule shows its first sources; all of them are in the JSON.
    for axis, answer in checked.axes.items():
        lines += _axis(str(axis), answer, colour, every_rule)
    if checked.observations:
        lines.append("")
        lines.append("Seen and reported (evidence, not rules)")
        for one in checked.observations[:5]:
            lines.append(f"  {one.on}  {one.saw}: {one.says} {_numbers(one.sources)}")
    if checked.changes:
        lines += ["", f"What the scenario {checked.scenario} changes"]
        lines += [
            f"  {change.axis}: {change.before} -> {change.after}"
            + (f" ({'; '.join(change.gates)})" if change.gates else "")
            + (f"  by {', '.join(change.because)}" if change.because else "")
            for change in checked.changes
        ]
    elif checked.scenario:
        lines += ["", f"The scenario {checked.scenario} changes no verdict."]
    text = "\n".join(lines)
    cited = set(re.findall(r"\[(\d+)\]", text))
    lines += ["", *_sources(tuple(one for one in checked.sources if one.id in cited))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def one_line(checked: Checked) -> str:
    """Return the answer in one line, for a batch."""
    axes = "  ".join(f"{axis} {answer.verdict}" for axis, answer in checked.axes.items())
    named = f"{checked.id}  " if checked.id else ""
    return f"{named}{checked.combined:<11}  {question(checked)}  |  {axes}"


def question(checked: Checked) -> str:
    """Return what was asked, in words."""
    facts = {name: asked.value for name, asked in checked.facts.items()}
    what = facts.get("model", "").partition(",")[0] or "any model"
    way = facts.get("provider", "an unknown provider")
    if "channel" in facts:
        way = f"{way}/{facts['channel']}"
    place = facts.get("user.region", "an unknown place")
    return f"{what} via {way} from {place}, as of {checked.as_of}"


def _head(checked: Checked, colour: bool) -> Iterator[str]:
    known = f", known on {checked.known_on}" if checked.known_on else ""
    what_if = f", what if {checked.scenario}" if checked.scenario else ""
    yield f"{_paint(checked.combined, colour)}  {question(checked)}{known}{what_if}"


def _axis(name: str, answer: AxisAnswer, colour: bool, every_rule: bool) -> Iterator[str]:
    yield f"  {name:<9}{_paint(answer.verdict, colour)}"
    for gate in answer.gates:
        yield f"    gate held by the {gate.by}: {_gate(gate)}"
    for rule in answer.rules:
        if rule.effect in ("inform", "coverage") and not every_rule:
            continue
        yield from _rule(rule, every_rule)
    for coming in answer.pending:
        start = f", in force from {coming.from_}" if coming.from_ else ", never in force so far"
        when = f" on {coming.on}" if coming.on else ""
        yield f"    pending: {coming.rule}, {coming.status}{when}{start} {_numbers(coming.sources)}"
    for missing in answer.missing:
        decides = ", ".join(missing.rules[:3]) + (" ..." if len(missing.rules) > 3 else "")
        yield f"    missing: {missing.fact}: {missing.question} (decides {decides})"
    for note in answer.notes:
        yield f"    note: {note}"


def _gate(gate: Gate) -> str:
    how = f", {gate.enforcement}" if gate.enforcement else ""
    since = f" since {gate.since}" if gate.since else ""
    rule = f" ({gate.rule})" if gate.rule else ""
    return f"{gate.verdict}{how}{since}{rule}"


def _rule(rule: RuleAnswer, every_rule: bool) -> Iterator[str]:
    truth = {"yes": "yes", "no": "no", "unknown": "not known"}[rule.truth]
    since = f"in force since {rule.since}" if rule.since and rule.truth == "yes" else f"applies: {truth}"
    origin = "" if rule.origin == "atlas" else f"  <{rule.origin}>"
    yield f"    {rule.effect:<8}{rule.id}  {since}  {_numbers(rule.sources)}{origin}"
    if every_rule:
        yield f"        {rule.summary}"
    for leaf in rule.because:
        said = f"{leaf.value}" if leaf.value is not None else "not given"
        where = f"; {leaf.origin}" if leaf.origin else ""
        yield _cut(f"        {leaf.fact} {leaf.test}: {leaf.truth} ({said}{where})")
    for obligation in rule.obligations:
        yield f"        asks for {obligation}"


def _sources(sources: tuple[Source, ...]) -> Iterator[str]:
    for one in sources:
        when = one.published or "undated"
        publisher = f"{one.publisher}, " if one.publisher else ""
        yield f"[{one.id}] {one.title}. {publisher}{when} ({one.kind})"
        if one.quote:
            yield f'    "{one.quote}"'
        if one.url:
            yield f"    {one.url}"


def _numbers(ids: tuple[str, ...]) -> str:
    return "".join(f"[{one}]" for one in ids[:_SHOWN]) + ("..." if len(ids) > _SHOWN else "")


def _cut(line: str) -> str:
    return line if len(line) <= 2 * _WIDTH else f"{line[: 2 * _WIDTH - 3]}..."


def _paint(verdict: Verdict, colour: bool) -> str:
    return f"\x1b[1;{_COLOURS[verdict]}m{verdict}\x1b[0m" if colour else str(verdict)
