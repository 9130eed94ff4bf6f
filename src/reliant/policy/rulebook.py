"""The rules as one immutable set that can be asked.

`RuleBook.at` compiles the rules that are in force on a day, or may be, into an
indexed snapshot: to each rule leads one of its conditions of the form "this fact is
one of these values", so a question looks at a few rules and not at all of them.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from reliant.atlas.citing import cited
from reliant.atlas.records.licence import Licence
from reliant.atlas.records.observation import Observation
from reliant.atlas.records.place_list import PlaceList
from reliant.atlas.records.rule import FactTest, Force, Obligation, Rule, RuleEffect, When
from reliant.core.facts import Facts
from reliant.core.results import Source
from reliant.core.verdict import Answer, Axis
from reliant.policy import timeline
from reliant.policy.conditions import ALWAYS, NO, YES, All, Decide, Node, Values, compiled
from reliant.policy.licences import licence_rules
from reliant.policy.lowering import Lowering, share_fact
from reliant.policy.scenario import ScenarioFile, overlaid
from reliant.policy.snapshot import Coming, Entry, Snapshot, Variant
from reliant.policy.verdict import decide
from reliant.policy.vocabulary import vocabulary

SNAPSHOTS = 64
"""Days kept compiled; a gateway needs one, a replay of history a few."""

READING = "reading:"
"""A fact of this name and the id of a rule is the operator's choice among its readings."""


class RuleSource(Protocol):
    """What a rule book is made from; the atlas is one."""

    @property
    def rules(self) -> Mapping[str, Rule]:
        """Rules by id."""

    @property
    def lists(self) -> Mapping[str, PlaceList]:
        """Place lists by id."""


class RuleBook:
    """All rules, with the lists they name; immutable."""

    def __init__(
        self,
        rules: Iterable[Rule],
        lists: Mapping[str, PlaceList] | None = None,
        *,
        origins: Mapping[str, str] | None = None,
        questions: Mapping[str, str] | None = None,
        observations: Iterable[Observation] = (),
        assumed: Facts | None = None,
    ) -> None:
        self.rules = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        self.lists = dict(lists or {})
        self.origins = dict(origins or {})
        self.questions = dict(questions or {})
        self.observations = tuple(observations)
        self.assumed = assumed or Facts()
        self.at = functools.lru_cache(maxsize=SNAPSHOTS)(self._at)
        self.newest = functools.cache(self._newest)

    @classmethod
    def from_atlas(cls, atlas: RuleSource) -> RuleBook:
        """Return the rules of an atlas that hold, those of its licences, and its lists and questions."""
        questions = {name: fact.question for name, fact in vocabulary(atlas).items()}
        observations: Mapping[str, Observation] = getattr(atlas, "observations", {})
        licences: Mapping[str, Licence] = getattr(atlas, "licences", {})
        written = [rule for rule in atlas.rules.values() if rule.replaced_by is None]
        return cls(
            [*written, *licence_rules(licences.values(), written)],
            atlas.lists,
            questions=questions,
            observations=observations.values(),
        )

    def with_rules(self, rules: Iterable[Rule], origin: str, *, assumed: Facts | None = None) -> RuleBook:
        """Return a book that has these rules as well, or in place of those of the same id."""
        added = {rule.id: rule for rule in rules}
        return RuleBook(
            {**self.rules, **added}.values(),
            self.lists,
            origins={**self.origins, **dict.fromkeys(added, origin)},
            questions=self.questions,
            observations=self.observations,
            assumed=self.assumed | assumed if assumed else self.assumed,
        )

    def overlaid(self, scenario: ScenarioFile) -> RuleBook:
        """Return the book as it would be under a scenario.

        Raises:
            UnknownId: The scenario names a rule that is not in the book.
        """
        return overlaid(self, scenario)

    def origin(self, rule_id: str) -> str:
        """Return `atlas`, `operator:FILE` or `scenario:NAME`."""
        return self.origins.get(rule_id, "atlas")

    def _at(self, day: dt.date, known_on: dt.date | None = None) -> Snapshot:
        """Return the rules that may be in force on `day`, as far as known by `known_on`."""
        lower = Lowering(self.lists, day, known_on)
        public = [
            rule
            for rule in self.rules.values()
            if known_on is None or self.origin(rule.id) != "atlas" or timeline.known_by(rule, known_on)
        ]
        exempt = {
            rule.id: self._variants(rule, lower, day, known_on, {})[0]
            for rule in public
            if rule.effect == "exempt" and rule.force is not None
        }
        entries = []
        for position, rule in enumerate(public):
            variants = self._variants(rule, lower, day, known_on, exempt)
            if any(one.force != NO and one.applies for one in variants):
                entries.append(Entry(rule, self.origin(rule.id), position, variants, f"{READING}{rule.id}"))
        steps = ((rule, timeline.coming(rule, day, known_on)) for rule in public)
        pending = [
            Coming(rule, step, compiled(lower.body(rule.when, rule.any_of, rule.unless, every=False)))
            for rule, step in steps
            if step is not None
        ]
        return Snapshot(entries, day, exempt=exempt, coming=pending)

    def _variants(
        self,
        rule: Rule,
        lower: Lowering,
        day: dt.date,
        known_on: dt.date | None,
        exempt: Mapping[str, Variant],
    ) -> tuple[Variant, ...]:
        defeats = [exempt[one].decide for one in rule.exceptions if one in exempt]

        def make(
            reading: str | None, effect: RuleEffect, node: Node, force: Force | None, *, applies: bool
        ) -> Variant:
            span = timeline.window(timeline.as_known(rule, force, known_on))
            in_force = NO if span is None else span.covers(day.toordinal())
            decide = _guarded(compiled(node), in_force, defeats)
            return Variant(reading, effect, node, in_force, span.since if span else None, applies, decide)

        every = rule.effect in ("allow", "coverage")
        base = lower.body(rule.when, rule.any_of, rule.unless, every=every)
        if not rule.readings:
            return (make(None, rule.effect, base, rule.force, applies=True),)
        variants = []
        for one in rule.readings:
            more = lower.body(one.when, one.any_of, (), every=every)
            node = base if more == ALWAYS else All((*_flat(base), *_flat(more)))
            force = one.force or rule.force
            variants.append(make(one.id, one.effect or rule.effect, node, force, applies=one.applies))
        return tuple(variants)

    def firing(
        self, facts: Facts, as_of: dt.date, known_on: dt.date | None = None
    ) -> tuple[list[Entry], list[Entry]]:
        """Return the rules that fire on `as_of`, and those of which that is not known."""
        return self.at(as_of, known_on).fire(self.values(facts))

    def values(self, facts: Facts) -> Values:
        """Return the values of the facts, what a scenario assumes included."""
        return (facts | self.assumed if self.assumed else facts).plain

    def decide(self, facts: Facts, as_of: dt.date, known_on: dt.date | None = None) -> Answer:
        """Return the verdict on each axis, with what it rests on and what is missing."""
        return decide(self, facts, as_of, known_on)

    def _newest(self, axis: Axis) -> dt.date | None:
        """Return the day of the newest source on an axis, beyond which the atlas knows nothing."""
        dates = [timeline.newest(rule) for rule in self.rules.values() if rule.axis == axis.value]
        return max((day for day in dates if day is not None), default=None)

    def sources(self, ids: Iterable[str]) -> tuple[Source, ...]:
        """Return the sources of these ids, `RULE#NAME` as answers give them, each once."""
        found = []
        for one in dict.fromkeys(ids):
            rule_id, _, name = one.partition("#")
            rule = self.rules.get(rule_id)
            if rule is not None and name in rule.sources:
                found.append(cited(rule.sources[name], one))
        return tuple(found)

    def share_tests(self) -> dict[str, FactTest]:
        """Return every test on shares that some rule makes, by the name of its fact."""
        found: dict[str, FactTest] = {}
        for when in self.conditions():
            for test in when.values():
                if isinstance(test, FactTest) and test.share_above is not None:
                    found[share_fact(test)] = test
        return found

    def conditions(self) -> Iterator[When]:
        """Yield every set of conditions of every rule, those of readings and obligations included."""
        for rule in self.rules.values():
            yield from (rule.when, *rule.any_of, *rule.unless)
            for reading in rule.readings:
                yield from (reading.when, *reading.any_of)
            for obligation in rule.obligations:
                yield obligation.met_when

    def obligation(self, obligation: Obligation, day: dt.date) -> Node | None:
        """Return the condition under which an obligation is met, or None if nobody can tell."""
        if not obligation.met_when:
            return None
        return Lowering(self.lists, day).when(obligation.met_when, every=False)


def _flat(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, All) else (node,)


def _guarded(when: Decide, force: int, defeats: list[Decide]) -> Decide:
    """Return the answer of a rule: in force, and its conditions, and none of its exceptions."""
    if not defeats and force == YES:
        return when

    def decide(values: Values) -> int:
        answer = min(force, when(values))
        if answer == NO or not defeats:
            return answer
        return min(answer, YES - max(defeat(values) for defeat in defeats))

    return decide
