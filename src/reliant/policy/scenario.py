"""What if: a book of rules with a scenario laid over it.

Nothing of the book changes. Rules that a scenario adds, enacts or repeals carry
`scenario:NAME` as their origin wherever they appear.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas.load import read_record
from reliant.atlas.records.rule import Force, Rule, Step
from reliant.atlas.records.scenario import Enact, Scenario, ScenarioBody
from reliant.core.facts import Fact, Facts, Provenance
from reliant.core.verdict import AxisAnswer, Gate, Gatekeeper, VerdictChange
from reliant.errors import UnknownId

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.verdict import Answer
    from reliant.policy.rulebook import RuleBook


class ScenarioFile(ScenarioBody, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A scenario of one's own; it needs no sources, because it claims nothing."""

    name: str
    summary: str = ""


def read_scenario(path: Path) -> ScenarioFile:
    """Read a scenario file.

    Raises:
        RecordError: It cannot be read as one.
    """
    return read_record(path, ScenarioFile)


def find_scenario(name: str, atlas: Atlas) -> ScenarioFile:
    """Return the scenario of this id in the atlas, or the file of this name.

    Raises:
        UnknownId: It is neither.
        RecordError: The file cannot be read as one.
    """
    if name in atlas.scenarios:
        return from_record(atlas.scenarios[name])
    path = Path(name)
    if path.is_file():
        return read_scenario(path)
    raise UnknownId(name, tuple(sorted(atlas.scenarios)))


def from_record(record: Scenario) -> ScenarioFile:
    """Return a scenario of the atlas in the form of a file."""
    change = record.change
    return ScenarioFile(
        name=record.id,
        summary=record.summary,
        add=change.add,
        enact=change.enact,
        repeal=change.repeal,
        set_facts=change.set_facts,
    )


def overlaid(book: RuleBook, scenario: ScenarioFile) -> RuleBook:
    """Return the book as it would be under the scenario.

    Raises:
        UnknownId: It enacts or repeals a rule that the book does not have.
    """
    changed: list[Rule] = list(scenario.add)
    for rule_id, enact in scenario.enact.items():
        changed.append(_enacted(_rule(book, rule_id), enact))
    for rule_id, day in scenario.repeal.items():
        rule = _rule(book, rule_id)
        force = None if day is None or rule.force is None else msgspec.structs.replace(rule.force, to=day)
        readings = tuple(msgspec.structs.replace(one, force=None) for one in rule.readings)
        changed.append(msgspec.structs.replace(rule, force=force, readings=readings))
    origin = f"scenario:{scenario.name}"
    assumed = Facts(
        {name: Fact(value, Provenance("assumed", origin)) for name, value in scenario.set_facts.items()}
    )
    return book.with_rules(changed, origin, assumed=assumed)


def _rule(book: RuleBook, rule_id: str) -> Rule:
    if rule_id not in book.rules:
        raise UnknownId(rule_id, tuple(one for one in book.rules if rule_id.rpartition(".")[2] in one)[:3])
    return book.rules[rule_id]


def _enacted(rule: Rule, enact: Enact) -> Rule:
    """Return the rule in force from a day, under one reading if the scenario picks one."""
    readings = tuple(
        msgspec.structs.replace(one, force=None, applies=True)
        for one in rule.readings
        if enact.reading in (None, one.id)
    )
    steps = (*rule.timeline, Step(status="in-force", on=enact.from_, note="assumed"))
    return msgspec.structs.replace(
        rule,
        force=Force(from_=enact.from_, to=enact.to),
        readings=readings,
        timeline=steps,
        not_enforced=False,
    )


def differences(before: Answer, after: Answer, use: str = "") -> tuple[VerdictChange, ...]:
    """Return what a scenario changes in an answer, axis by axis."""
    changes = []
    for axis, old in before.axes.items():
        new = after.axes[axis]
        gates = tuple(_gates(old, new))
        if new.verdict is not old.verdict or gates:
            because = tuple(
                rule.id for rule in new.rules if rule.origin.startswith("scenario:") and rule.truth != "no"
            )
            changes.append(VerdictChange(use, axis, old.verdict, new.verdict, because, gates))
    return tuple(changes)


def _gates(old: AxisAnswer, new: AxisAnswer) -> Iterator[str]:
    """Yield what changes at each gate."""
    before, after = ({gate.by: _state(gate) for gate in answer.gates} for answer in (old, new))
    for by in Gatekeeper:
        was, now = before.get(by, "no gate"), after.get(by, "no gate")
        if was != now:
            yield f"{by}: {was} -> {now}"


def _state(gate: Gate) -> str:
    return f"{gate.verdict} {gate.enforcement}" if gate.enforcement else str(gate.verdict)
