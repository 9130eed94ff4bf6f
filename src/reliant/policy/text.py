"""An answer as plain text: each line is rule, truth, condition, value, and both origins.

The first origin says where the fact about you came from, the number in brackets
which source the rule rests on.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reliant.atlas.records.common import Source as RecordSource
from reliant.atlas.records.rule import Rule
from reliant.core.facts import Facts, Value
from reliant.core.results import Source
from reliant.core.verdict import AxisAnswer, Gate, RuleAnswer, Verdict
from reliant.policy.checked import Checked
from reliant.policy.conditions import NO, UNKNOWN, YES, All, Any, Node, Not, compiled, says
from reliant.policy.explain import Explained
from reliant.policy.licences import LICENCE
from reliant.policy.verdict import shown

if TYPE_CHECKING:
    from reliant.policy.rulebook import RuleBook

_COLOURS = {Verdict.BLOCKED: "31", Verdict.UNKNOWN: "33", Verdict.CONDITIONAL: "36", Verdict.OPEN: "32"}

_WIDTH = 100

_SHOWN = 3
"""Sources that a line shows."""

_PROPOSALS = 8
"""Sets of facts that are shown; the JSON has all."""

_FEW = 3
"""Clauses of licences that a model may have or not: of more only the number is shown."""

_WORDS = {NO: "no", UNKNOWN: "not known", YES: "yes"}


def terminal(
    checked: Checked, *, colour: bool = False, every_rule: bool = False, more: Sequence[str] = ()
) -> str:
    """Return the answer for a person at a terminal.

    Args:
        checked: The answer.
        colour: Paint the verdicts.
        every_rule: Show also the rules that only inform.
        more: Lines to stand before the sources.
    """
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
    lines += more
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
    unlicensed = [] if every_rule else [rule for rule in answer.rules if _waits_for_licence(rule)]
    for rule in answer.rules:
        if rule.effect in ("inform", "coverage") and not every_rule:
            continue
        if len(unlicensed) > _FEW and rule in unlicensed:
            continue
        yield from _rule(rule, every_rule)
    if len(unlicensed) > _FEW:
        yield f"    {len(unlicensed)} clauses of licences  applies: not known"
        yield "        which licences the model has is not known; --all-rules shows each clause"
    for coming in answer.pending:
        start = f", in force from {coming.from_}" if coming.from_ else ", never in force so far"
        when = f" on {coming.on}" if coming.on else ""
        yield f"    pending: {coming.rule}, {coming.status}{when}{start} {_numbers(coming.sources)}"
    for missing in answer.missing:
        decides = ", ".join(missing.rules[:3]) + (" ..." if len(missing.rules) > 3 else "")
        yield f"    missing: {missing.fact}: {missing.question} (decides {decides})"
    for note in answer.notes:
        yield f"    note: {note}"


def _waits_for_licence(rule: RuleAnswer) -> bool:
    """Say whether it is open only because nobody knows which licences the model has."""
    return any(leaf.fact == LICENCE and leaf.truth == "unknown" for leaf in rule.because)


def _gate(gate: Gate) -> str:
    how = f", {gate.enforcement}" if gate.enforcement else ""
    since = f" since {gate.since}" if gate.since else ""
    rule = f" ({gate.rule})" if gate.rule else ""
    return f"{gate.verdict}{how}{since}{rule}"


def _rule(rule: RuleAnswer, every_rule: bool) -> Iterator[str]:
    truth = {"yes": "yes", "no": "no", "unknown": "not known"}[rule.truth]
    since = f"in force since {rule.since}" if rule.since and rule.truth == "yes" else f"applies: {truth}"
    origin = "" if rule.origin == "atlas" else f"  <{rule.origin}>"
    yield f"    {rule.effect:<8} {rule.id}  {since}  {_numbers(rule.sources)}{origin}"
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


def explanation(beside: Explained) -> list[str]:
    """Return what stands beside an answer, as lines."""
    lines: list[str] = []
    if beside.rests_on:
        lines += ["", "It rests on"]
        lines += [f"  {one.fact}: {one.value} ({one.origin})" for one in beside.rests_on]
    if beside.would_change:
        lines += ["", "What would change it (open questions and choices in your own house)"]
        for one in beside.would_change[:_PROPOSALS]:
            facts = " and ".join(f"{name} = {value}" for name, value in one.facts.items())
            axes = ", ".join(f"{axis} {verdict}" for axis, verdict in one.axes.items())
            lines.append(f"  {facts}: {one.combined} ({axes})")
    if beside.find_out_first:
        lines += ["", "What to find out first"]
        lines += [
            f"  {number}. {one.fact}: {one.question} (open axes: {one.verdicts}, rules: {one.rules})"
            for number, one in enumerate(beside.find_out_first, 1)
        ]
    if beside.next_change:
        after = beside.next_change
        what = [*(f"{axis} {verdict}" for axis, verdict in after.axes.items()), *after.gates]
        lines += ["", f"With the same facts it changes on {after.on}: {'; '.join(what)}"]
    return lines


def rule_text(
    book: RuleBook, rule_id: str, as_of: dt.date, known_on: dt.date | None, facts: Facts | None
) -> str:
    """Return a rule in full: what it says, when, how it may be read, and how it was decided."""
    rule = book.rules[rule_id]
    lines = [
        f"{rule.id}  ({rule.axis}, {rule.effect}, {book.origin(rule.id)})",
        f"  {rule.title}",
        f"  {rule.summary}",
    ]
    lines.append(f"  issuer {rule.issuer}; {rule.kind}; {rule.confidence}, reviewed {rule.reviewed.on}")
    names = {name: str(number) for number, name in enumerate(rule.sources, 1)}
    for step in rule.timeline:
        cited = f" [{names[step.source]}]" if step.source in names else ""
        note = f": {step.note}" if step.note else ""
        lines.append(f"  {step.on or 'day not known':<12}{step.status}{note}{cited}")
    lines += _force_lines(rule)
    for reading in rule.readings:
        by = f" (by {reading.by})" if reading.by else ""
        lines.append(f"  reading {reading.id}: {reading.says}{by}")
    for label, text in (
        ("ordered", rule.scope_ordered),
        ("really cut", rule.scope_cut),
        ("exempt", rule.exempt_said),
        ("note", rule.note),
    ):
        if text:
            lines.append(f"  {label}: {text}")
    snapshot = book.at(as_of, known_on)
    held = next((entry for entry in snapshot.entries if entry.rule.id == rule_id), None)
    if held is None:
        lines.append(f"  On {as_of} it is not in force, so it decides nothing.")
    else:
        lines += ["", f"  On {as_of}"]
        values = book.values(facts) if facts is not None else {}
        for variant in held.variants:
            named = f" under {variant.reading}" if variant.reading else ""
            answer = variant.decide(values) if variant.applies else NO
            lines.append(f"  fires{named}: {_WORDS[answer] if facts is not None else 'depends on'}")
            lines += _tree(variant.node, values, facts, 2)
    lines.append("")
    lines += [line for name, number in names.items() for line in _source_lines(number, rule.sources[name])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _force_lines(rule: Rule) -> list[str]:
    if rule.force is None:
        return ["  never in force"]
    force = rule.force
    how = "" if force.from_precision == "exact" else f" ({force.from_precision.replace('_', ' ')})"
    until = f" until {force.to}" if force.to else ""
    last = f", last known to hold on {force.last_known}" if force.last_known else ""
    return [f"  in force from {force.from_ or 'a day not known'}{how}{until}{last}"]


def _tree(
    node: Node, values: Mapping[str, Value | tuple[Value, ...]], facts: Facts | None, depth: int
) -> list[str]:
    """Return the condition as a tree, each part with its answer if there are facts."""
    pad = "  " * depth
    decided = f": {_WORDS[compiled(node)(values)]}" if facts is not None else ""
    match node:
        case All(parts=parts) | Any(parts=parts):
            word = "all of" if isinstance(node, All) else "one of"
            inner = [line for part in parts for line in _tree(part, values, facts, depth + 1)]
            return [f"{pad}{word}{decided}", *inner]
        case Not(part=part):
            return [f"{pad}not{decided}", *_tree(part, values, facts, depth + 1)]
        case _:
            fact = facts.get(node.fact) if facts is not None else None
            given = (
                f" ({shown(fact.value)}; {fact.origin})"
                if fact
                else (" (not given)" if facts is not None else "")
            )
            return [f"{pad}{node.fact} {says(node)}{decided}{given}"]


def _source_lines(number: str, source: RecordSource) -> list[str]:
    when = source.published or "undated"
    publisher = f"{source.publisher}, " if source.publisher else ""
    lines = [f"[{number}] {source.title}. {publisher}{when} ({source.kind})"]
    if source.quote:
        lines.append(f'    "{source.quote}"')
    if source.url:
        lines.append(f"    {source.url}")
    return lines
