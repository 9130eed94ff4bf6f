"""Why an answer is what it is, what would change it, and what to find out first.

What somebody is or where somebody stands is never proposed to be otherwise: a
verdict that rests on such a fact says so and leaves it there. Proposed are answers
to open questions, and choices that an operator makes in its own house.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.core.verdict import Answer, Axis, Missing, Verdict
from reliant.policy import timeline
from reliant.policy.conditions import MAYBE_MORE, NO, UNKNOWN, Compare, Is, Leaf, leaves, undecided
from reliant.policy.snapshot import Snapshot
from reliant.policy.verdict import shown
from reliant.policy.vocabulary import VocabularyFact

if TYPE_CHECKING:
    from reliant.policy.rulebook import RuleBook

MOST_TRIED = 600
"""Answers that are worked out to find what would change one: less than a second."""

LARGEST_SET = 3
"""Facts in one proposal; more would be no explanation."""

_WORST_LAST = (Verdict.OPEN, Verdict.CONDITIONAL, Verdict.UNKNOWN, Verdict.BLOCKED)

_OTHER = "something else"
"""Stands for any value that no rule names."""


class Set(msgspec.Struct, frozen=True):
    """Facts that together would give another verdict.

    Attributes:
        facts: By name, the value as text.
        combined: The verdict then.
        axes: Those that change, with the verdict then.
    """

    facts: dict[str, str]
    combined: Verdict
    axes: dict[Axis, Verdict]


class RestsOn(msgspec.Struct, frozen=True):
    """A known fact on which the verdict rests and which nobody is advised to change."""

    fact: str
    value: str
    origin: str


class Question(msgspec.Struct, frozen=True):
    """A missing fact, with how many verdicts and rules it may decide."""

    fact: str
    question: str
    verdicts: int
    rules: int


class NextChange(msgspec.Struct, frozen=True):
    """The next day on which the answer is another one, with the same facts."""

    on: str
    combined: Verdict
    axes: dict[Axis, Verdict]
    gates: tuple[str, ...]
    rules: tuple[str, ...]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside an answer: the shape of `reliant.explain/1`."""

    schema: str = "reliant.explain/1"
    rests_on: tuple[RestsOn, ...]
    would_change: tuple[Set, ...]
    find_out_first: tuple[Question, ...]
    next_change: NextChange | None


def explain(
    book: RuleBook,
    facts: Facts,
    as_of: dt.date,
    known_on: dt.date | None = None,
    known: Mapping[str, VocabularyFact] | None = None,
) -> Explained:
    """Return what an answer rests on and what would change it."""
    answer = book.decide(facts, as_of, known_on)
    return Explained(
        rests_on=tuple(rests_on(book, facts, as_of, known_on, answer)),
        would_change=tuple(would_change(book, facts, as_of, known_on, known or {})),
        find_out_first=tuple(find_out_first([answer])),
        next_change=next_change(book, facts, as_of, known_on),
    )


def find_out_first(answers: Iterable[Answer]) -> list[Question]:
    """Return the missing facts of many answers, the one that decides most verdicts first."""
    verdicts: dict[str, int] = {}
    rules: dict[str, set[str]] = {}
    questions: dict[str, Missing] = {}
    for answer in answers:
        for axis in answer.axes.values():
            for missing in axis.missing:
                questions.setdefault(missing.fact, missing)
                open_axis = axis.verdict in (Verdict.UNKNOWN, Verdict.CONDITIONAL)
                verdicts[missing.fact] = verdicts.get(missing.fact, 0) + open_axis
                rules.setdefault(missing.fact, set()).update(missing.rules)
    ranked = sorted(questions, key=lambda fact: (-verdicts[fact], -len(rules[fact]), fact))
    return [Question(fact, questions[fact].question, verdicts[fact], len(rules[fact])) for fact in ranked]


def rests_on(
    book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None, answer: Answer
) -> Iterator[RestsOn]:
    """Yield the known facts that make the rules fire which give the combined verdict."""
    seen: set[str] = set()
    for axis in answer.axes.values():
        if axis.verdict is not answer.combined:
            continue
        for rule in axis.rules:
            if rule.truth != "yes" or rule.effect in ("inform", "coverage", "warn"):
                continue
            for leaf in rule.because:
                fact = facts.get(leaf.fact)
                if leaf.truth == "yes" and fact is not None and leaf.fact not in seen:
                    seen.add(leaf.fact)
                    yield RestsOn(leaf.fact, shown(fact.value), str(fact.origin))


def would_change(
    book: RuleBook,
    facts: Facts,
    as_of: dt.date,
    known_on: dt.date | None,
    known: Mapping[str, VocabularyFact],
) -> Iterator[Set]:
    """Yield the smallest sets of open questions and own choices that give another verdict.

    For each verdict that can be reached, the sets of the smallest size; then, where the
    best answers to all questions would give a better one yet, these answers. The search
    tries at most `MOST_TRIED` answers.
    """
    ask = _Ask(book, facts, as_of, known_on)
    choices = _choices(book, facts, as_of, known_on, known)
    reached: set[Verdict] = {ask.before.combined}
    for size in range(1, LARGEST_SET + 1):
        found: list[Set] = []
        for names in itertools.combinations(choices, size):
            for values in itertools.product(*(choices[name] for name in names)):
                if ask.tried >= MOST_TRIED:
                    break
                guess = dict(zip(names, values, strict=True))
                after = ask(guess)
                if after.combined not in reached:
                    found.append(ask.told(guess, after))
        yield from found
        reached |= {one.combined for one in found}
    best = _best(ask, {name: values for name, values in choices.items() if name not in facts})
    if best is not None and best.combined not in reached:
        yield best


class _Ask:
    """Answers one question under guesses, and counts them."""

    def __init__(self, book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None) -> None:
        self._book, self._facts, self._as_of, self._known_on = book, facts, as_of, known_on
        self.tried = 0
        self.before = self({})

    def __call__(self, guess: Mapping[str, Value]) -> Answer:
        self.tried += 1
        origin = Provenance("assumed", "what would change")
        more = {name: Fact(value, origin) for name, value in guess.items()}
        return self._book.decide(self._facts | more, self._as_of, self._known_on)

    def told(self, guess: Mapping[str, Value], after: Answer) -> Set:
        """Return a guess as it is told, with the axes that it changes."""
        changed = {
            axis: one.verdict
            for axis, one in after.axes.items()
            if one.verdict is not self.before.axes[axis].verdict
        }
        return Set({name: shown(guess[name]) for name in sorted(guess)}, after.combined, changed)


def _best(ask: _Ask, choices: Mapping[str, list[Value]]) -> Set | None:
    """Return the answers to all open questions that give the best verdict, without those it does not need."""
    guess: dict[str, Value] = {}
    best = ask.before
    for name, values in choices.items():
        for value in values:
            after = ask({**guess, name: value})
            if _rank(after) < _rank(best):
                guess, best = {**guess, name: value}, after
    for name in list(guess):
        fewer = {one: value for one, value in guess.items() if one != name}
        after = ask(fewer)
        if after.combined is best.combined:
            guess, best = fewer, after
    return ask.told(guess, best) if guess and best.combined is not ask.before.combined else None


def _rank(answer: Answer) -> tuple[int, ...]:
    """Return how far an answer is from OPEN: its verdict, those of the axes, and how much is not known."""
    axes = [_WORST_LAST.index(one.verdict) for one in answer.axes.values()]
    unknown = sum(rule.truth == "unknown" for one in answer.axes.values() for rule in one.rules)
    return (_WORST_LAST.index(answer.combined), sum(axes), unknown)


def _choices(
    book: RuleBook,
    facts: Facts,
    as_of: dt.date,
    known_on: dt.date | None,
    known: Mapping[str, VocabularyFact],
) -> dict[str, list[Value]]:
    """Return, for each fact that may be proposed, the values worth trying."""
    snapshot = book.at(as_of, known_on)
    values = book.values(facts)
    found: dict[str, dict[Value, None]] = {}
    for entry in snapshot.candidates(values):
        if entry.rule.effect not in ("deny", "require", "allow"):
            continue
        for variant in entry.chosen(values):
            if not variant.applies or variant.decide(values) == NO:
                continue
            for leaf in (*undecided(variant.node, values), *leaves(variant.node)):
                if _may_be_proposed(leaf.fact, facts, known):
                    found.setdefault(leaf.fact, {}).update(dict.fromkeys(_worth_trying(leaf, known)))
        if len(entry.chosen(values)) > 1 and entry.choice not in facts:
            found[entry.choice] = dict.fromkeys(str(one.reading) for one in entry.variants)
        for obligation in entry.rule.obligations:
            node = book.obligation(obligation, as_of)
            for leaf in leaves(node) if node else ():
                if _may_be_proposed(leaf.fact, facts, known):
                    found.setdefault(leaf.fact, {}).update(dict.fromkeys(_worth_trying(leaf, known)))
    order = sorted(found, key=lambda fact: (fact in facts, fact))
    now = {name: fact.value for name, fact in facts.items()}
    return {fact: [value for value in found[fact] if value != now.get(fact)] for fact in order}


def _may_be_proposed(fact: str, facts: Facts, known: Mapping[str, VocabularyFact]) -> bool:
    """Say whether a value may be proposed: what is open, or a choice in one's own house."""
    base = fact.partition("[")[0]
    if fact not in facts:
        # A place or a nationality that was not given is asked for, not proposed.
        entry = known.get(base)
        return entry is None or entry.type != "place"
    value = facts[fact].value
    open_end = value == MAYBE_MORE or (isinstance(value, tuple) and MAYBE_MORE in value)
    return base in known and known[base].choice and not open_end


def _worth_trying(leaf: Leaf, known: Mapping[str, VocabularyFact]) -> list[Value]:
    match leaf:
        case Is(values=values):
            named = sorted(values, key=str)
            if all(isinstance(one, bool) for one in named):
                return [True, False]
            closed = known.get(leaf.fact)
            rest = (
                [one for one in closed.values if one not in values] if closed and closed.values else [_OTHER]
            )
            return [*named[:4], *rest[:1]]
        case Compare(limit=limit):
            return [limit - 1, limit + 1]
        case _:
            return []


def next_change(
    book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None = None
) -> NextChange | None:
    """Return the next day on which a verdict or a gate changes, as far as the rules know."""
    before = book.decide(facts, as_of, known_on)
    days: dict[int, list[str]] = {}
    for rule in book.rules.values():
        for force in (rule.force, *(one.force for one in rule.readings)):
            span = timeline.window(force)
            if span is None:
                continue
            for edge in (span.start_earliest, span.start_latest, span.end_earliest, span.end_latest):
                if as_of.toordinal() < edge <= dt.date.max.toordinal():
                    days.setdefault(edge, []).append(rule.id)
    values = book.values(facts)
    for ordinal in sorted(days):
        day = dt.date.fromordinal(ordinal)
        if not _bears(book.at(day, known_on), set(days[ordinal]), values) and not _bears(
            book.at(as_of, known_on), set(days[ordinal]), values
        ):
            continue
        after = book.decide(facts, day, known_on)
        gates = tuple(_gate_changes(before, after))
        axes = {
            axis: one.verdict
            for axis, one in after.axes.items()
            if one.verdict is not before.axes[axis].verdict
        }
        if axes or gates:
            return NextChange(day.isoformat(), after.combined, axes, gates, tuple(sorted(set(days[ordinal]))))
    return None


def _bears(snapshot: Snapshot, ids: set[str], values: Mapping[str, Value | tuple[Value, ...]]) -> bool:
    """Say whether one of these rules may fire: most dates are of rules about something else."""
    return any(
        entry.rule.id in ids and entry.answer(values) >= UNKNOWN for entry in snapshot.candidates(values)
    )


def _gate_changes(before: Answer, after: Answer) -> Iterator[str]:
    old = {gate.by: gate for gate in before.axes[Axis.ACCESS].gates}
    for gate in after.axes[Axis.ACCESS].gates:
        was = old.get(gate.by)
        if was is None or (was.verdict, was.enforcement) != (gate.verdict, gate.enforcement):
            how = f" {gate.enforcement}" if gate.enforcement else ""
            yield f"{gate.by}: {gate.verdict}{how} by {gate.rule}"
