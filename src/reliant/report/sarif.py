"""SARIF 2.1.0: one result per use and axis that is not open, at the line that shows it.

For code-scanning views. A result's fingerprint is made of the rule and the use, not
of the line, so that moving code neither closes nor opens an alert.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.verdict import Axis, AxisAnswer, Verdict
from reliant.report._registry import renders
from reliant.report._text import clean
from reliant.report._view import View, only_mentioned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.core.results import Assessment, UseAnswer
    from reliant.core.use import Evidence, Use

_LEVELS = {Verdict.BLOCKED: "error", Verdict.UNKNOWN: "warning", Verdict.CONDITIONAL: "note"}
# What code-scanning services take per upload; beyond it the run says how many are left out.
_MOST = 25_000
_MOST_NOTES = 1_000


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
_ALL_RULES = (*RULES.values(), PENDING, SINGLE)


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
                "rules": [_rule(rule) for rule in _ALL_RULES],
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
    pairs = [
        (use, view.answers[use.id])
        for use in view.result.uses
        if use.id in view.answers and not only_mentioned(use)
    ]
    for verdict in _LEVELS:
        for use, answer in pairs:
            for axis, said in answer.axes.items():
                if said.verdict is verdict:
                    yield _result(
                        RULES[axis, verdict], use, _message(view, use, axis, said), ignored=answer.ignored
                    )
    for use, answer in pairs:
        yield from _pending(view, use, answer)
    yield from _single_points(view)


def _what(view: View, use: Use) -> str:
    provider = view.name(use.provider)
    return clean(
        f"{use.model} at {provider} ({use.channel.value})"
        if use.model
        else f"{provider} ({use.channel.value})"
    )


def _message(view: View, use: Use, axis: Axis, said: AxisAnswer) -> str:
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
    return (
        clean(f"{_what(view, use)}: {axis.value} is {said.verdict.value} {asked}. {why}".rstrip(". ")) + "."
    )


def _pending(view: View, use: Use, answer: UseAnswer) -> Iterator[dict[str, Any]]:
    for item in dict.fromkeys(item for said in answer.axes.values() for item in said.pending):
        text = f"{_what(view, use)}: {item.rule} is {view.pending_words(item)}. {item.summary}".strip()
        yield _result(PENDING, use, clean(text), item.rule)


def _single_points(view: View) -> Iterator[dict[str, Any]]:
    functions = {item.function.id: item.function for item in view.result.impact.functions}
    for point in view.result.impact.single_points:
        for id_ in point.functions:
            function = functions.get(id_)
            path, _, line = (function.where if function else "").rpartition(":")
            if function is None or not line.isdecimal():
                continue
            name = view.place(point.supplier) if point.level == "jurisdiction" else view.name(point.supplier)
            text = f"{function.name} stops if {name} ({point.level}) is cut alone."
            yield {
                "ruleId": SINGLE.id,
                "ruleIndex": _ALL_RULES.index(SINGLE),
                "level": SINGLE.level,
                "message": {"text": clean(text)},
                "locations": [_location(path, int(line), 0, "")],
                "partialFingerprints": _fingerprint(SINGLE.id, id_, point.level, point.supplier),
            }


def _result(rule: Rule, use: Use, text: str, *more: str, ignored: str | None = None) -> dict[str, Any]:
    places = [_evidence(one) for one in use.evidence]
    result: dict[str, Any] = {
        "ruleId": rule.id,
        "ruleIndex": _ALL_RULES.index(rule),
        "level": rule.level,
        "message": {"text": text},
        "locations": places[:1],
        "partialFingerprints": _fingerprint(rule.id, use.id, *more),
        "properties": {"use": use.id, "confidence": use.confidence, "role": use.role, "scope": use.scope},
    }
    if ignored:
        result["suppressions"] = [{"kind": "external", "justification": clean(ignored)}]
    if places[1:]:
        result["relatedLocations"] = [{"id": at, **place} for at, place in enumerate(places[1:10], 1)]
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
