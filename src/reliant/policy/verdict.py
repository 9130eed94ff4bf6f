"""From the rules that fire to the answer on four axes.

The order is BLOCKED > UNKNOWN > CONDITIONAL > OPEN, and silence is never
permission: access is OPEN only where a record says that it is offered, the other
axes only where a record says that they were searched. What a rule asks for makes
an axis CONDITIONAL until it is known to be met. Where a text has several readings
that lead to different answers, the answer is UNKNOWN and names them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from reliant.atlas.records.rule import Rule
from reliant.core.dates import PartialDate
from reliant.core.facts import Facts, Value
from reliant.core.verdict import (
    Answer,
    Axis,
    AxisAnswer,
    Enforcement,
    Gate,
    Gatekeeper,
    Missing,
    Pending,
    RuleAnswer,
    Verdict,
    worst,
)
from reliant.core.verdict import Leaf as LeafAnswer
from reliant.policy.conditions import (
    MAYBE_MORE,
    NO,
    UNKNOWN,
    YES,
    Is,
    Leaf,
    Node,
    compiled,
    deciding,
    is_place,
    leaves,
    says,
    undecided,
)
from reliant.policy.snapshot import Entry, Snapshot, Variant

if TYPE_CHECKING:
    from reliant.policy.rulebook import RuleBook


STALE_AFTER_DAYS = {Axis.ACCESS: 180, Axis.LAW: 365, Axis.LICENCE: 730, Axis.REGISTER: 180}
"""After so many days without a review a record is called stale; providers change lists faster than
parliaments change laws, and a published licence text does not change at all."""

_TRUTH = {NO: "no", UNKNOWN: "unknown", YES: "yes"}
_LISTED = {"deny": 0, "require": 1, "warn": 2, "allow": 3, "coverage": 4, "inform": 5, "exempt": 6}


_MOST_KEPT = 20_000


class Said(NamedTuple):
    """What one rule contributes: a verdict, or None if it changes nothing; whether it permits."""

    verdict: Verdict | None
    permits: bool = False


def decide(book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None) -> Answer:
    """Return the answer of the book to these facts on a day."""
    known = facts | book.assumed if book.assumed else facts
    asked = _Question(book, known, as_of, known_on)
    axes = {axis: asked.axis(axis) for axis in Axis}
    return Answer(worst(answer.verdict for answer in axes.values()), axes)


class _Trace(NamedTuple):
    """What a rule comes to on some values: of all questions that agree on the facts it asks for.

    Attributes:
        leaves: The tests that made the answer what it is.
        open: Of each reading that is not decided: whether its force is in doubt, and the tests left open.
        met: Its obligations in words, each with whether it is met.
    """

    chosen: tuple[Variant, ...]
    said: frozenset[Said]
    leaves: tuple[Leaf, ...]
    open: tuple[tuple[bool, tuple[Leaf, ...]], ...]
    met: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]


def _exactly(value: object) -> object:
    """Return what tells a value from every other, of another class and the same text too."""
    kind = value.__class__
    if kind is str or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(_exactly(one) for one in value)
    return (kind, getattr(value, "options", value))


class _Question:
    """One question, with what has been found for it so far."""

    def __init__(self, book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None) -> None:
        self.book = book
        self.facts = facts
        self.values = facts.plain
        self.as_of = as_of
        self.known_on = known_on
        self.snapshot: Snapshot = book.at(as_of, known_on)
        fired, open_ = self.snapshot.fire(self.values)
        answers = [(entry, YES) for entry in fired] + [(entry, UNKNOWN) for entry in open_]
        answers.sort(key=lambda pair: (_LISTED[pair[0].rule.effect], -pair[1], pair[0].position))
        self.answers = answers
        self._traces: dict[int, _Trace] = {}
        self._leaves: dict[Leaf, LeafAnswer] = {}

    def axis(self, axis: Axis) -> AxisAnswer:
        """Return the answer on one axis."""
        here = [(entry, truth) for entry, truth in self.answers if entry.rule.axis == axis.value]
        said = {entry.rule.id: self._said(entry) for entry, _ in here}
        permitted = any(one.permits for one in said.values())
        notes: list[str] = []
        gates: tuple[Gate, ...] = ()
        if axis is Axis.ACCESS:
            gates = self._gates(here, said)
            verdict = worst(gate.verdict for gate in gates)
            if verdict is Verdict.UNKNOWN and not permitted:
                notes.append("No record says that it is offered here on this day.")
        else:
            verdict = _sum(said.values())
            if not permitted:
                notes.append(f"No record says that the {axis.value} axis was searched for this case.")
        # What could not change the verdict any more is not worth a question.
        open_entries = [
            entry
            for entry, truth in here
            if entry.rule.effect in ("deny", "require", *(() if permitted else ("allow", "coverage")))
            and (said[entry.rule.id].verdict is Verdict.UNKNOWN or truth == UNKNOWN)
        ]
        missing, doubts = self._missing(open_entries)
        notes += doubts
        notes += self._remarks(axis, [entry for entry, truth in here if truth == YES])
        return AxisAnswer(
            verdict=verdict,
            rules=tuple(self._rule(entry, truth) for entry, truth in here),
            pending=tuple(self._pending(axis)),
            missing=missing,
            gates=gates,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _said(self, entry: Entry) -> Said:
        """Return what a rule contributes; UNKNOWN if its readings disagree."""
        each = self._each_said(entry)
        return next(iter(each)) if len(each) == 1 else Said(Verdict.UNKNOWN)

    def _each_said(self, entry: Entry) -> frozenset[Said]:
        """Return what the readings of a rule contribute: several if they disagree."""
        return self._trace(entry).said

    def _trace(self, entry: Entry) -> _Trace:
        """Return what a rule comes to here; another question may have worked it out."""
        trace = self._traces.get(entry.position)
        if trace is None:
            kept = self.snapshot.kept
            names = kept.get(entry.position)
            if names is None:
                names = kept[entry.position] = self._asks(entry)
            key = (entry.position, *[_exactly(self.values.get(name)) for name in names])
            trace = kept.get(key)
            if trace is None:
                if len(kept) > _MOST_KEPT:
                    kept.clear()  # a gateway asks without end
                trace = kept[key] = self._traced(entry)
            self._traces[entry.position] = trace
        return trace

    def _asks(self, entry: Entry) -> tuple[str, ...]:
        """Return the facts on which all that is said of a rule depends."""
        nodes: list[Node] = [variant.node for variant in entry.variants]
        nodes += [
            self.snapshot.exempt[one].node for one in entry.rule.exceptions if one in self.snapshot.exempt
        ]
        for one in entry.rule.obligations:
            node = self.book.obligation(one, self.as_of)
            if node is not None:
                nodes.append(node)
        return tuple(dict.fromkeys((entry.choice, *(leaf.fact for node in nodes for leaf in leaves(node)))))

    def _traced(self, entry: Entry) -> _Trace:
        rule = entry.rule
        chosen = entry.chosen(self.values)
        exempt = [self.snapshot.exempt[one].node for one in rule.exceptions if one in self.snapshot.exempt]
        shown_ = [
            *(leaf for one in chosen if one.applies for leaf in deciding(one.node, self.values)),
            *(leaf for node in exempt for leaf in deciding(node, self.values)),
        ]
        undecided_ = tuple(
            (
                one.force == UNKNOWN,
                tuple(leaf for node in (one.node, *exempt) for leaf in undecided(node, self.values)),
            )
            for one in chosen
            if one.applies and one.decide(self.values) == UNKNOWN
        )
        return _Trace(
            chosen,
            frozenset(self._variant_said(entry, one) for one in chosen),
            tuple(dict.fromkeys(shown_)),
            undecided_,
            tuple(self._obligations(rule)),
            tuple(f"{rule.id}#{name}" for name in rule.sources),
        )

    def _variant_said(self, entry: Entry, variant: Variant) -> Said:
        rule = entry.rule
        answer = variant.decide(self.values) if variant.applies else NO
        if answer == NO:
            return Said(None)
        if rule.confidence == "uncertain" and entry.origin == "atlas":
            # Nobody read a page that says so: it may forbid, and it permits nothing.
            answer = UNKNOWN
        match variant.effect:
            case "deny":
                return Said(Verdict.BLOCKED if answer == YES else Verdict.UNKNOWN)
            case "require":
                return Said(self._required(rule, answer))
            case "allow" if answer == YES:
                return Said(self._required(rule, answer) if rule.obligations else Verdict.OPEN, permits=True)
            case "coverage" if answer == YES:
                return Said(Verdict.OPEN, permits=True)
            case _:
                return Said(None)

    def _required(self, rule: Rule, answer: int) -> Verdict:
        """Return the verdict of a rule that asks for something."""
        states = [state for _, state in self._obligations(rule)]
        if not states:
            return Verdict.CONDITIONAL
        if NO in states:
            return Verdict.BLOCKED if answer == YES else Verdict.UNKNOWN
        return Verdict.OPEN if all(state == YES for state in states) else Verdict.CONDITIONAL

    def _obligations(self, rule: Rule) -> Iterator[tuple[str, int]]:
        for one in rule.obligations:
            node = self.book.obligation(one, self.as_of)
            state = UNKNOWN if node is None else compiled(node)(self.values)
            yield (f"{one.id}: {one.says}" if one.says else one.id), state

    def _gates(self, here: list[tuple[Entry, int]], said: dict[str, Said]) -> tuple[Gate, ...]:
        gates = []
        permitted = any(one.permits for one in said.values())
        for by in Gatekeeper:
            mine = [entry for entry, _ in here if entry.rule.by == by.value]
            verdicts = [said[entry.rule.id].verdict for entry in mine]
            closing = [one for one in verdicts if one is not None]
            if not closing:
                continue
            verdict = worst(closing)
            gates.append(self._gate(by, verdict, mine, said))
        if not permitted:
            by = Gatekeeper.PARTNER if self.values.get("channel") == "partner" else Gatekeeper.PROVIDER
            held = next((gate for gate in gates if gate.by is by), None)
            if held is None or held.verdict not in (Verdict.BLOCKED, Verdict.UNKNOWN):
                gates = [gate for gate in gates if gate.by is not by]
                gates.append(Gate(by, Verdict.UNKNOWN, None, None, None))
        return tuple(sorted(gates, key=lambda gate: list(Gatekeeper).index(gate.by)))

    def _gate(self, by: Gatekeeper, verdict: Verdict, mine: list[Entry], said: dict[str, Said]) -> Gate:
        """Return the gate with the rule that decides it: enforced before terms, then the oldest."""
        deciding_ones = [entry for entry in mine if said[entry.rule.id].verdict is verdict]

        def rank(entry: Entry) -> tuple[bool, str, str]:
            since = entry.variants[0].since
            return (entry.rule.enforcement != "enforced", since or "9999", entry.rule.id)

        entry = min(deciding_ones, key=rank)
        rule = entry.rule
        enforcement = (
            Enforcement(rule.enforcement) if rule.enforcement and verdict is Verdict.BLOCKED else None
        )
        since = entry.variants[0].since if verdict is not Verdict.UNKNOWN else None
        return Gate(by, verdict, enforcement, since, rule.id)

    def _rule(self, entry: Entry, truth: int) -> RuleAnswer:
        rule = entry.rule
        trace = self._trace(entry)
        chosen = trace.chosen
        because = dict.fromkeys(self._leaf(leaf) for leaf in trace.leaves)
        if len(trace.said) > 1:
            test = "is one of " + ", ".join(str(one.reading) for one in chosen)
            because[LeafAnswer(entry.choice, test, "unknown", None, None)] = None
        state = {YES: "met", NO: "not met", UNKNOWN: "not known"}
        return RuleAnswer(
            id=rule.id,
            truth=_TRUTH[truth],
            because=tuple(because),
            sources=trace.sources,
            effect=chosen[0].effect if len(chosen) == 1 else rule.effect,
            summary=rule.summary,
            since=chosen[0].since,
            obligations=tuple(f"{text} ({state[met]})" for text, met in trace.met),
            origin=entry.origin,
        )

    def _leaf(self, leaf: Leaf) -> LeafAnswer:
        if leaf in self._leaves:
            return self._leaves[leaf]
        fact = self.facts.get(leaf.fact)
        answer = LeafAnswer(
            fact=leaf.fact,
            test=says(leaf),
            truth=_TRUTH[compiled(leaf)(self.values)],
            value=None if fact is None else shown(fact.value),
            origin=str(fact.origin) if fact else self.facts.unknown.get(leaf.fact),
        )
        self._leaves[leaf] = answer
        return answer

    def _missing(self, entries: list[Entry]) -> tuple[tuple[Missing, ...], list[str]]:
        """Return the facts that would decide these rules, and doubts that no fact can remove."""
        asks: dict[str, list[str]] = {}
        doubts: list[str] = []
        for entry in entries:
            rule = entry.rule
            trace = self._trace(entry)
            if len(trace.said) > 1:
                asks.setdefault(entry.choice, []).append(rule.id)
            for in_doubt, open_leaves in trace.open:
                if in_doubt:
                    doubts.append(f"{rule.id}: {_force_doubt(rule, self.as_of)}")
                for leaf in open_leaves:
                    if self._known_exactly(leaf):
                        value = shown(self.values[leaf.fact])
                        doubts.append(f"{rule.id}: whether {leaf.fact} {value} {says(leaf)} is not known.")
                    elif rule.id not in asks.setdefault(self._asked(leaf.fact), []):
                        asks[self._asked(leaf.fact)].append(rule.id)
        missing = (Missing(fact, self._question(fact, rules), tuple(rules)) for fact, rules in asks.items())
        return tuple(sorted(missing, key=lambda one: (-len(one.rules), one.fact))), doubts

    def _known_exactly(self, leaf: Leaf) -> bool:
        """Say whether the fact is fully known, so that only the list it is held against is in doubt."""
        value = self.values.get(leaf.fact)
        if value is None or value == MAYBE_MORE or (isinstance(value, tuple) and MAYBE_MORE in value):
            return False
        if isinstance(leaf, Is) and is_place(leaf.fact):
            many = value if isinstance(value, tuple) else (value,)
            return any(one in leaf.maybe for one in many)
        return True

    def _age(self, entry: Entry) -> int:
        """Return how many days before the day of the question a rule was last read."""
        key = ("age", entry.position)
        if key not in self.snapshot.kept:
            seen = PartialDate.parse(entry.rule.reviewed.on).latest
            self.snapshot.kept[key] = (self.as_of - seen).days
        age: int = self.snapshot.kept[key]
        return age

    def _asked(self, fact: str) -> str:
        """Return the fact to ask a person for: the model itself rather than a property of it."""
        return "model" if fact.startswith("model.") and "model" not in self.values else fact

    def _question(self, fact: str, rules: list[str]) -> str:
        if fact.startswith("reading:"):
            rule = self.book.rules[rules[0]]
            return _readings(rule, [one.id for one in rule.readings])
        if fact in self.facts.unknown:
            return self.facts.unknown[fact]
        return self.book.questions.get(fact.partition("[")[0], f"What is {fact}?")

    def _pending(self, axis: Axis) -> Iterator[Pending]:
        for one in self.snapshot.coming:
            rule = one.rule
            if rule.axis == axis.value and one.decide(self.values) != NO:
                yield Pending(
                    rule=rule.id,
                    status=one.step.status,
                    on=one.step.on,
                    from_=rule.force.from_ if rule.force else None,
                    summary=rule.summary,
                    sources=tuple(f"{rule.id}#{name}" for name in rule.sources),
                )

    def _remarks(self, axis: Axis, fired: list[Entry]) -> Iterator[str]:
        for entry in fired:
            rule = entry.rule
            if rule.scope_ordered and rule.scope_cut:
                yield f"{rule.id}: ordered was {rule.scope_ordered}; cut was {rule.scope_cut}."
            if rule.confidence == "uncertain" and entry.origin == "atlas":
                yield f"{rule.id}: not confirmed by any page that was read."
            if rule.not_enforced:
                yield f"{rule.id}: on the books, not enforced."
            age = self._age(entry)
            if entry.origin == "atlas" and age > STALE_AFTER_DAYS[axis]:
                yield f"{rule.id}: stale, last reviewed {rule.reviewed.on}, {age} days before."
        end = self.book.newest(axis)
        if end is not None and self.as_of > end:
            yield f"The atlas ends here: its newest source on the {axis.value} axis is from {end}."


def _sum(said: Iterable[Said]) -> Verdict:
    """Return the worst of what the rules of an axis say; UNKNOWN if nothing permits."""
    each = list(said)
    verdicts = [one.verdict for one in each if one.verdict is not None]
    if not any(one.permits for one in each):
        verdicts.append(Verdict.UNKNOWN)
    return worst(verdicts)


def _readings(rule: Rule, ids: Iterable[str | None]) -> str:
    wanted = set(ids)
    texts = "; or ".join(f"{one.id}: {one.says}" for one in rule.readings if one.id in wanted)
    return f"Which reading of {rule.id} do you follow? {texts}"


def _force_doubt(rule: Rule, as_of: dt.date) -> str:
    force = rule.force
    if force is None or force.from_ is None:
        return f"whether it was in force on {as_of} is not known."
    if force.last_known and as_of > PartialDate.parse(force.last_known).latest:
        return f"it was last known to hold on {force.last_known}; whether it did on {as_of} was not found."
    how = {
        "first_known": "first known on",
        "placeholder": "given without support as",
        "not_later_than": "known on",
        "not_earlier_than": "not before",
    }.get(force.from_precision, "dated")
    return f"whether it was in force on {as_of} is not known; its start is {how} {force.from_}."


def shown(value: Value | tuple[Value, ...]) -> str:
    """Return a value as text."""
    if isinstance(value, tuple):
        return ", ".join("and maybe more" if one == MAYBE_MORE else shown(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
