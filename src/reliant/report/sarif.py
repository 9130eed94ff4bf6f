"""SARIF 2.1.0: one result per blocked use, at the line that shows it.

For code-scanning views, where noise is what kills. What is not known or on conditions is
one result per provider, channel and axis, and a pending rule is one result: the other
lines are related locations. A fingerprint is made of what is relied on, not of the line,
so that moving code neither closes nor opens an alert.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.verdict import Axis, AxisAnswer, Verdict
from reliant.report._points import POINT_LEVELS, shown_points
from reliant.report._registry import renders
from reliant.report._text import clean, listed
from reliant.report._view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.core.results import Assessment, UseAnswer
    from reliant.core.use import Evidence, Use
    from reliant.report._view import Group

_LEVELS = {Verdict.BLOCKED: "error", Verdict.UNKNOWN: "warning", Verdict.CONDITIONAL: "note"}
# What code-scanning services take per upload; beyond it the run says how many are left out.
_MOST = 25_000
_MOST_NOTES = 1_000
_MOST_RELATED = 20


@dataclass(frozen=True)
class Rule:
    """A kind of finding; its id never changes its meaning."""

    id: str
    name: str
    short: str
    help: str
    level: str


# Per axis: the code in the ids, the name, who decides, and the three short descriptions.
_AXES = {
    Axis.ACCESS: (
        *("ACC", "Access", "the provider, a partner or a state"),
        ("Access is blocked", "Whether there is access is not known", "Access is on conditions"),
    ),
    Axis.LAW: (
        *("LAW", "Law", "a law or an order of a government"),
        ("A law forbids it", "Whether a law forbids it is not known", "A law sets conditions"),
    ),
    Axis.LICENCE: (
        *("LIC", "Licence", "the licence of the model or the terms of the service"),
        ("The licence forbids it", "What the licence says is not known", "The licence sets conditions"),
    ),
    Axis.REGISTER: (
        *("REG", "Register", "a register or filing that the use needs"),
        (
            "It is not registered as it must be",
            "Whether it is registered is not known",
            "A register sets conditions",
        ),
    ),
}
_WORDS = {
    Verdict.BLOCKED: (
        *("001", "Blocked"),
        "It is forbidden or closed by {by}. The message names the rule and its date.",
    ),
    Verdict.UNKNOWN: (
        *("002", "Unknown"),
        "A fact is missing, or no record says. Unknown is never counted as allowed. Give the named facts.",
    ),
    Verdict.CONDITIONAL: (
        *("003", "Conditional"),
        "It is allowed while conditions of {by} are met. Check that they are.",
    ),
}


def _rules() -> dict[tuple[Axis, Verdict], Rule]:
    made = {}
    for axis, (code, about, by, shorts) in _AXES.items():
        for (verdict, (number, name, help_)), short in zip(_WORDS.items(), shorts, strict=True):
            made[axis, verdict] = Rule(
                f"RLT-{code}-{number}", f"{about}{name}", short, help_.format(by=by), _LEVELS[verdict]
            )
    return made


RULES = _rules()
PENDING = Rule(
    "RLT-ACC-004",
    "AccessPending",
    "A rule that is not in force yet would bear on it",
    "It is announced, proposed or adopted for later. It changes no verdict of this day; plan for it.",
    "note",
)
SINGLE = Rule(
    "RLT-IMP-001",
    "SinglePointOfFailure",
    "A function stops if one supplier is cut",
    "Only one supplier can do this work. A second one that is proven to do it would remove the finding.",
    "warning",
)
LINEAGE = {
    "RLT-LIN-001": Rule(
        "RLT-LIN-001",
        "WeightsContradictWords",
        "What a model says of its origin is not what its weights show",
        "The weights were compared. Whom they share is measured; who took them from whom is not. Ask the "
        "supplier, and check the licence of what is shared.",
        "warning",
    ),
    "RLT-LIN-002": Rule(
        "RLT-LIN-002",
        "WordsContradictWords",
        "What a model says of its origin contradicts itself",
        "Two of its own statements exclude each other. Compare the weights with `assess --deep` or `trace`.",
        "note",
    ),
}
ALL_RULES = (*RULES.values(), PENDING, SINGLE, *LINEAGE.values())


@renders("sarif", ASSESSMENT_SCHEMA)
def to_sarif(result: Assessment, /, *, colour: bool = False) -> str:
    """Return the assessment as one SARIF run."""
    del colour
    view = View(result)
    found = list(_results(view))
    run = {
        "tool": {
            "driver": {
                "name": result.tool.name,
                "version": result.tool.version,
                "rules": [_rule(rule) for rule in ALL_RULES],
            }
        },
        "originalUriBaseIds": {"TARGET": {"description": {"text": clean(result.target.name)}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {"executionSuccessful": True, "toolExecutionNotifications": _notes(view, len(found) - _MOST)}
        ],
        "properties": {
            "place": result.place,
            "asOf": result.as_of,
            "knownOn": result.known_on,
            "atlas": result.atlas.version,
            "stopShare": [result.impact.stop_share.low, result.impact.stop_share.high],
        },
        "results": found[:_MOST],
    }
    document = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": f"{rule.short}."},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help, "markdown": f"**{rule.short}.** {rule.help}"},
        "defaultConfiguration": {"level": rule.level},
    }


def _results(view: View) -> Iterator[dict[str, Any]]:
    """Give results, the worst first."""
    for group in view.groups:
        for use, answer in _pairs(view, group):
            for axis, said in answer.axes.items():
                if said.verdict is Verdict.BLOCKED:
                    text = _message(view, _what(view, use), axis, said)
                    yield _result(RULES[axis, said.verdict], [use], text, use.id, ignored=answer.ignored)
    for verdict in (Verdict.UNKNOWN, Verdict.CONDITIONAL):
        for group in view.groups:
            pairs = _pairs(view, group)
            for axis in Axis:
                found = [(use, answer) for use, answer in pairs if _on(answer, axis) is verdict]
                if found:
                    text = _message(view, _whole(group), axis, found[0][1].axes[axis])
                    aside = [answer.ignored for _, answer in found]
                    yield _result(
                        RULES[axis, verdict],
                        [use for use, _ in found],
                        text,
                        group.provider or group.label,
                        group.channel.value,
                        ignored=aside[0] if all(aside) else None,
                    )
    yield from _pending(view)
    yield from _single_points(view)
    yield from _contradictions(view)


def _contradictions(view: View) -> Iterator[dict[str, Any]]:
    for one in view.result.model_files:
        places = (seen.path for use in one.uses if use in view.uses for seen in view.uses[use].evidence)
        place = next((path for path in places if path.startswith(one.path)), one.path)
        for finding in one.findings:
            rule = LINEAGE[finding.id]
            yield {
                "ruleId": rule.id,
                "ruleIndex": ALL_RULES.index(rule),
                "level": rule.level,
                "message": {"text": clean(finding.text)},
                "locations": [_location(place, 0, 0, "")],
                "partialFingerprints": _fingerprint(rule.id, one.path, finding.kind, finding.reference or ""),
                "properties": {"uses": list(one.uses), "basis": finding.basis},
            }


def _pairs(view: View, group: Group) -> list[tuple[Use, UseAnswer]]:
    return [(use, view.answers[use.id]) for use in group.uses if use.id in view.answers]


def _on(answer: UseAnswer, axis: Axis) -> Verdict | None:
    said = answer.axes.get(axis)
    return said.verdict if said else None


def _whole(group: Group) -> str:
    models = f" ({listed(group.models, at_most=4)})" if group.models else ""
    return clean(f"{group.label}, {group.channel.value}{models}")


def _what(view: View, use: Use) -> str:
    provider = view.name(use.provider)
    return clean(
        f"{use.model} at {provider} ({use.channel.value})"
        if use.model
        else f"{provider} ({use.channel.value})"
    )


def _message(view: View, what: str, axis: Axis, said: AxisAnswer) -> str:
    asked = f"as of {view.result.as_of}" + (
        f" from {view.place(view.result.place)}" if view.result.place else ""
    )
    if axis is Axis.ACCESS and said.gates:
        why = "; ".join(
            view.gate_words(gate) + (f" by {gate.rule}" if gate.rule else "") for gate in said.gates
        )
    elif said.verdict is Verdict.UNKNOWN:
        facts = ", ".join(item.fact for item in said.missing)
        why = f"missing: {facts}" if facts else "no record says"
    else:
        why = "; ".join(f"{rule.id}: {rule.summary}" for rule in said.rules if rule.truth == "yes")
    return clean(f"{what}: {axis.value} is {said.verdict.value} {asked}. {why}".rstrip(". ")) + "."


def _pending(view: View) -> Iterator[dict[str, Any]]:
    for item in view.pending:
        uses = [
            use
            for group in view.groups
            for use, answer in _pairs(view, group)
            if any(item in said.pending for said in answer.axes.values())
        ]
        text = f"{item.rule} is {view.pending_words(item)}. {item.summary}".strip()
        yield _result(PENDING, uses, clean(text), item.rule)


def _single_points(view: View) -> Iterator[dict[str, Any]]:
    functions = {item.function.id: item.function for item in view.result.impact.functions}
    for point in shown_points(view.result.impact.single_points):
        for id_ in point.functions:
            function = functions.get(id_)
            path, _, line = (function.where if function else "").rpartition(":")
            if function is None or not line.isdecimal():
                continue
            name = view.name(point.supplier) if point.level == "provider" else view.place(point.supplier)
            level = point.level if point.level != "reach" else POINT_LEVELS["reach"]
            text = f"{function.name} stops if {name} ({level}) is cut alone."
            yield {
                "ruleId": SINGLE.id,
                "ruleIndex": ALL_RULES.index(SINGLE),
                "level": SINGLE.level,
                "message": {"text": clean(text)},
                "locations": [_location(path, int(line), 0, "")],
                "partialFingerprints": _fingerprint(SINGLE.id, id_, point.level, point.supplier),
            }


def _result(
    rule: Rule, uses: list[Use], text: str, *identity: str, ignored: str | None = None
) -> dict[str, Any]:
    places = [_evidence(one) for use in uses for one in use.evidence]
    result: dict[str, Any] = {
        "ruleId": rule.id,
        "ruleIndex": ALL_RULES.index(rule),
        "level": rule.level,
        "message": {"text": text},
        "locations": places[:1],
        "partialFingerprints": _fingerprint(rule.id, *identity),
        "properties": {"uses": [use.id for use in uses], "confidence": max(use.confidence for use in uses)},
    }
    if ignored:
        result["suppressions"] = [{"kind": "external", "justification": clean(ignored)}]
    if places[1:]:
        result["relatedLocations"] = [
            {"id": at, **place} for at, place in enumerate(places[1:_MOST_RELATED], 1)
        ]
    return result


def _fingerprint(*parts: str) -> dict[str, str]:
    return {"reliant/v1": hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]}


def _evidence(one: Evidence) -> dict[str, Any]:
    return _location(one.path, one.line, one.column, one.text)


def _location(path: str, line: int, column: int, text: str) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": urllib.parse.quote(path, safe="/"), "uriBaseId": "TARGET"}
    }
    if line > 0:
        place["region"] = {"startLine": line}
        if column > 0:
            place["region"]["startColumn"] = column
        if text:
            place["region"]["snippet"] = {"text": clean(text)}
    return {"physicalLocation": place}


def _notes(view: View, too_many: int) -> list[dict[str, Any]]:
    notes = [
        {
            "level": "warning" if item.incomplete else "note",
            "message": {"text": f"Not looked at: {clean(item.reason)}"},
            "locations": [_location(item.path, 0, 0, "")],
        }
        for item in view.result.not_looked_at[:_MOST_NOTES]
    ]
    rest = len(view.result.not_looked_at) - _MOST_NOTES
    if rest > 0:
        notes.append({"level": "note", "message": {"text": f"{rest} more paths were not looked at."}})
    if too_many > 0:
        notes.append({"level": "warning", "message": {"text": f"{too_many} more results are left out."}})
    return notes
