"""May this caller, from here, today, through this upstream, reach this model?

The rules are asked once per question and day, not once per request: what callers
differ in is small (tenant, place), so answers fit in a table that is filled when
the gateway loads and when the day changes. A request costs one look-up. A model
nobody has asked for yet is decided when it is first seen, and kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

import msgspec

from reliant.core.facts import Facts
from reliant.core.results import Source
from reliant.core.verdict import Answer, Axis, AxisAnswer, RuleAnswer, Verdict, worst
from reliant.gateway.admit.keys import Caller
from reliant.gateway.admit.operator_rules import OperatorRules
from reliant.gateway.config import Config, Policy, Rule, Upstream
from reliant.policy.verdict import shown

_TABLE_LIMIT = 50_000
_RULES_NAMED = 5
_QUESTIONS = 5
_FACTS = 6
_LONGEST_FACT = 300
_DEFAULT_ON_UNKNOWN = {Axis.ACCESS: "block"}


class Because(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a refusal or a warning rests on, as the caller is told.

    Attributes:
        rests_on: The facts that make the rule fire, for example `user.region is CN (in ...)`:
            with another value of one of them it would not.
        missing: Questions whose answer could change the verdict.
    """

    axis: str
    verdict: str
    rule: str | None = None
    summary: str = ""
    since: str | None = None
    source: str | None = None
    source_url: str | None = None
    rests_on: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question: `action` is `allow`, `warn` or `refuse`.

    Attributes:
        rules: Those that decided it; none where it is refused because no record permits it.
        because: These and the others that say something, the deciding first.
    """

    action: str
    verdict: str
    rules: tuple[str, ...] = ()
    dry_run: tuple[str, ...] = ()
    because: tuple[Because, ...] = ()
    place: str | None = None


class Book(Protocol):
    """The rules; `reliant.policy.RuleBook` is one."""

    def decide(self, facts: Facts, as_of: dt.date, known_on: dt.date | None = None) -> Answer:
        """Return the verdicts."""

    def sources(self, ids: tuple[str, ...]) -> tuple[Source, ...]:
        """Return the sources of these ids."""


class Admission:
    """The table of rulings for one configuration; `advance` empties it when the day changes."""

    def __init__(
        self,
        config: Config,
        *,
        enforced: Book,
        everything: Book | None,
        operator: OperatorRules,
        facts: Callable[[Caller, Upstream, str, str | None, dt.date], Facts],
        today: dt.date,
    ) -> None:
        """Make an empty table.

        Args:
            config: Upstreams, and how verdicts become refusals.
            enforced: The rules without those in dry run.
            everything: All rules, if some are in dry run.
            operator: The operator's own rules.
            facts: What is known of a caller, an upstream, a model and a place on a day.
            today: The day asked about.
        """
        self._policy = config.policy
        self._enforced = enforced
        self._everything = everything
        self._operator = operator
        self._facts = facts
        self._upstreams = {upstream.name: upstream for upstream in config.upstream}
        self._table: dict[tuple[int, str, str, str | None], Ruling] = {}
        self.today = today
        self.compiled = 0

    def advance(self, today: dt.date) -> None:
        """Decide anew from `today` on."""
        if today != self.today:
            self.today = today
            self._table = {}

    def prepare(self, callers: list[Caller], models: list[tuple[str, str]]) -> int:
        """Fill the table for callers with named models at upstreams; return how many rulings it holds."""
        seen: set[tuple[int, str | None]] = set()
        for caller in callers:
            if (caller.profile, caller.country) in seen:
                continue
            seen.add((caller.profile, caller.country))
            for upstream, model in models:
                self.ruling(caller, upstream, model, caller.country)
        return len(self._table)

    def ruling(self, caller: Caller, upstream: str, model: str, place: str | None) -> Ruling:
        """Return what the rules say of `caller` in `place` reaching `model` at `upstream`.

        Args:
            caller: Who asks.
            upstream: Name of the upstream.
            model: As the upstream knows it; empty where none is named.
            place: Country code, or None if not known.
        """
        question = (caller.profile, upstream, model, place)
        found = self._table.get(question)
        if found is None:
            if len(self._table) >= _TABLE_LIMIT:
                self._table.clear()
            found = self._table[question] = self._decide(caller, self._upstreams[upstream], model, place)
            self.compiled += 1
        return found

    def both(self, caller: Caller, upstream: str, model: str, places: tuple[str | None, ...]) -> Ruling:
        """Return the strictest ruling over several places."""
        rulings = [self.ruling(caller, upstream, model, place) for place in places]
        return max(rulings, key=lambda ruling: _STRICTNESS[ruling.action])

    def _decide(self, caller: Caller, upstream: Upstream, model: str, place: str | None) -> Ruling:
        facts = self._facts(caller, upstream, model, place, self.today)
        answer = self._enforced.decide(facts, self.today)
        reasons: list[tuple[str, Because]] = []
        mine = self._operator.decide(facts, model, self.today)
        for rule, step in reversed(mine.firing):
            found = Because(
                axis="operator",
                verdict=Verdict.BLOCKED if step == "refuse" else Verdict.CONDITIONAL,
                rule=rule.id,
                summary=rule.summary,
                since=rule.since.isoformat() if rule.since else None,
                source=rule.source or None,
                rests_on=_given(rule, facts, model) if step == "refuse" else (),
                missing=mine.missing.get(rule.id, ()),
            )
            reasons.append((step, found))
        for axis, on_axis in answer.axes.items():
            step = _step(self._policy, axis, on_axis.verdict)
            if step != "allow":
                reasons += [(step, one) for one in _because(self._enforced, axis, on_axis, upstream.provider)]
        # First what refuses, then what warns: who reads one rule must read one that decided.
        reasons.sort(key=lambda one: (-_STRICTNESS[one[0]], -_WEIGHT.get(Verdict(one[1].verdict), 0)))
        verdict = Verdict.BLOCKED if mine.refuses else answer.combined
        action = reasons[0][0] if reasons else "allow"
        rules = dict.fromkeys(one.rule for step, one in reasons if one.rule and step == action)
        return Ruling(
            action=action,
            verdict=str(worst((verdict,))),
            rules=tuple(rules)[:_RULES_NAMED],
            dry_run=mine.dry_run + self._only_in_dry_run(facts, answer),
            because=tuple(one for _, one in reasons),
            place=place,
        )

    def _only_in_dry_run(self, facts: Facts, enforced: Answer) -> tuple[str, ...]:
        if self._everything is None:
            return ()
        known = {rule.id for axis in enforced.axes.values() for rule in axis.rules}
        full = self._everything.decide(facts, self.today)
        return tuple(
            rule.id
            for axis in full.axes.values()
            for rule in axis.rules
            if rule.truth != "no" and rule.id not in known and rule.id in self._policy.dry_run
        )


_STRICTNESS = {"allow": 0, "warn": 1, "refuse": 2}
_WEIGHT = {Verdict.BLOCKED: 3, Verdict.UNKNOWN: 2, Verdict.CONDITIONAL: 1}


def _step(policy: Policy, axis: Axis, verdict: Verdict) -> str:
    """Return what a verdict on an axis means for a request."""
    if verdict is Verdict.BLOCKED:
        return "refuse"
    if verdict is Verdict.UNKNOWN:
        default = "block" if policy.profile == "strict" else _DEFAULT_ON_UNKNOWN.get(axis, "warn")
        return "refuse" if policy.on_unknown.get(axis.value, default) == "block" else "warn"
    if verdict is Verdict.CONDITIONAL:
        return "refuse" if policy.on_conditional == "block" else "warn"
    return "allow"


def _deciding(answer: AxisAnswer, provider: str) -> list[str]:
    """Return the rules that a verdict rests on, the provider's own first."""
    wanted = "yes" if answer.verdict is Verdict.BLOCKED else "unknown"
    found = [rule.id for rule in answer.rules if rule.truth == wanted and rule.effect != "allow"]
    found += [gate.rule for gate in answer.gates if gate.rule and gate.verdict is answer.verdict]
    found = found or [rule.id for rule in answer.rules if rule.truth != "no" and rule.effect == "require"]
    return sorted(dict.fromkeys(found), key=lambda rule: not rule.startswith(f"{provider}."))


def _rests_on(rule: RuleAnswer) -> tuple[str, ...]:
    """Return the facts that make a rule fire; not who gave them: callers alike share the answer."""
    said: dict[str, None] = {}
    for leaf in rule.because:
        if leaf.value is not None:
            test = leaf.test if leaf.truth == "yes" else f"not {leaf.test}"
            said[_fact(leaf.fact, leaf.value, test)] = None
    return tuple(said)[:_FACTS]


def _given(rule: Rule, facts: Facts, model: str) -> tuple[str, ...]:
    """Return the facts that make a rule of the operator fire."""
    said = []
    for name, wanted in rule.when.items():
        fact = facts.get(name)
        value = model if name == "model" else shown(fact.value) if fact is not None else ""
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        test = " or ".join(map(shown, values[:_FACTS])) + (" ..." if len(values) > _FACTS else "")
        said.append(_fact(name, value, f"is {test}"))
    return tuple(said)[:_FACTS]


def _fact(name: str, value: str, test: str) -> str:
    text = f"{name} is {value}" if test == f"is {value}" else f"{name} is {value} ({test})"
    return text[:_LONGEST_FACT]


def _because(book: Book, axis: Axis, answer: AxisAnswer, provider: str) -> list[Because]:
    missing = tuple(f"{one.fact}: {one.question}" for one in answer.missing[:_QUESTIONS])
    rules = {rule.id: rule for rule in answer.rules}
    found = []
    for number, rule_id in enumerate(_deciding(answer, provider)[:_RULES_NAMED]):
        rule = rules.get(rule_id)
        sources = book.sources(rule.sources) if rule is not None else ()
        source = sources[0] if sources else None
        found.append(
            Because(
                axis=axis.value,
                verdict=answer.verdict,
                rule=rule_id,
                summary=rule.summary if rule is not None else "",
                since=rule.since if rule is not None else None,
                source=", ".join(one for one in (source.title, source.publisher) if one) if source else None,
                source_url=source.url if source else None,
                rests_on=_rests_on(rule) if rule is not None and rule.truth == "yes" else (),
                missing=missing if number == 0 else (),
            )
        )
    if found:
        return found
    summary = " ".join(answer.notes[:1]) or "No record says that this way is open."
    return [Because(axis=axis.value, verdict=answer.verdict, summary=summary, missing=missing)]
