"""An assessment as every format reads it: grouped, numbered, put into sentences.

A source has the same number in every format, so that "[2]" on a terminal is "[2]"
on the page: its id where the ids are numbers, else its place in the order in which a
reader meets them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.core.need import suppliers
from reliant.core.use import Channel, Kind, Role, Scope
from reliant.core.verdict import Axis, AxisAnswer, Verdict
from reliant.report._text import listed, percent, plural

if TYPE_CHECKING:
    from reliant.core.results import (
        Assessment,
        Descent,
        FunctionImpact,
        Model,
        Party,
        Share,
        Source,
        UseAnswer,
    )
    from reliant.core.use import Use
    from reliant.core.verdict import Gate, Missing, Pending, RuleAnswer

_SHOWN_USES = 400
WORST_FIRST = (Verdict.BLOCKED, Verdict.UNKNOWN, Verdict.CONDITIONAL, Verdict.OPEN)
_MENTIONED = frozenset({Scope.DOCS, Scope.TESTS, Scope.EXAMPLES})
_NO_ANSWER = AxisAnswer(Verdict.UNKNOWN)

# How an edge of descent reads: "Yi-34B <words> Llama 2".
DESCENT_WORDS = {
    "weights": "built on the weights of",
    "merge": "merged from",
    "adapter": "an adapter for",
    "quantised": "a quantised copy of",
    "distilled_outputs": "trained on outputs of",
    "tokenizer": "same tokenizer as",
    "architecture": "same architecture as",
    "data": "trained on the data of",
    "api": "calls",
}


def descent_words(edge: Descent) -> str:
    """Return how an edge reads; what was measured has no direction, so it names no parent."""
    return "shares weights with" if edge.basis == "measured" else DESCENT_WORDS.get(edge.kind, edge.kind)


def only_mentioned(use: Use) -> bool:
    """Say whether the use is only listed, or shown only in docs, tests or examples."""
    return use.role is Role.LISTED or use.scope in _MENTIONED


@dataclass(frozen=True)
class Group:
    """Uses of one provider through one channel with one combined verdict."""

    verdict: Verdict
    provider: str | None
    label: str
    channel: Channel
    uses: tuple[Use, ...]
    answers: tuple[UseAnswer, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The model ids as written, each once."""
        return tuple(dict.fromkeys(use.model for use in self.uses if use.model))

    def axis(self, axis: Axis) -> tuple[AxisAnswer, ...]:
        """Return the answers of all uses on one axis."""
        return tuple(answer.axes.get(axis, _NO_ANSWER) for answer in self.answers)

    def worst_on(self, axis: Axis) -> Verdict:
        """Return the worst verdict of any use on one axis."""
        return min(
            (answer.verdict for answer in self.axis(axis)), key=WORST_FIRST.index, default=Verdict.UNKNOWN
        )

    def deciding(self, axis: Axis) -> tuple[RuleAnswer, ...]:
        """Return the rules that make the worst verdict of an axis what it is, each once."""
        wanted = {
            Verdict.BLOCKED: (("deny", "yes"),),
            Verdict.UNKNOWN: (("deny", "unknown"),),
            Verdict.CONDITIONAL: (("require", "yes"), ("require", "unknown"), ("warn", "yes")),
            Verdict.OPEN: (("allow", "yes"), ("coverage", "yes")),
        }[self.worst_on(axis)]
        rules = (rule for answer in self.axis(axis) for rule in answer.rules)
        return tuple({rule.id: rule for rule in rules if (rule.effect, rule.truth) in wanted}.values())

    def needs(self, axis: Axis) -> tuple[str, ...]:
        """Return the names of the facts that would decide an axis, each once."""
        return tuple(dict.fromkeys(item.fact for answer in self.axis(axis) for item in answer.missing))

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that any use passes, each once."""
        return tuple(dict.fromkeys(gate for answer in self.axis(Axis.ACCESS) for gate in answer.gates))


class View:
    """Read access to one assessment, with the questions that several formats ask."""

    def __init__(self, result: Assessment) -> None:
        self.result = result
        self.uses: dict[str, Use] = {use.id: use for use in result.uses}
        self.answers: dict[str, UseAnswer] = {answer.use: answer for answer in result.verdicts}
        self.models: dict[str, Model] = {model.id: model for model in result.models}
        self._parties: dict[str, Party] = {party.id: party for party in result.parties}
        self._sources: dict[str, Source] = {source.id: source for source in result.sources}

    def party(self, id_: str | None) -> Party | None:
        """Return the party with this id, if the result names it."""
        return self._parties.get(id_) if id_ else None

    def name(self, id_: str | None, absent: str = "provider not known") -> str:
        """Return the name of a provider or developer, or its id where the result has no name."""
        party = self.party(id_)
        return party.name if party else id_ or absent

    def place(self, code: str | None, absent: str = "not known") -> str:
        """Return `China (CN)`, or the code alone where the result has no name for it."""
        if not code:
            return absent
        name = self.result.place_names.get(code)
        return f"{name} ({code})" if name else code

    def combined(self, use: Use) -> Verdict:
        """Return the verdict on a use; UNKNOWN where nobody asked."""
        answer = self.answers.get(use.id)
        return answer.combined if answer else Verdict.UNKNOWN

    def supplier(self, id_: str) -> str:
        """Return the name of a supplier that is no use, such as `provider:groq`."""
        level, colon, name = id_.partition(":")
        if not colon:
            return id_
        return self.name(name) if level in {"provider", "developer"} else name

    def behind(self, use_id: str) -> Party | None:
        """Return who is bought from: the provider, or the developer of weights on own machines."""
        use = self.uses.get(use_id)
        if use is None:
            level, _, named = use_id.partition(":")
            return self.party(named) if level == "provider" else None
        return self.party(use.developer if use.channel is Channel.SELF_HOSTED else use.provider)

    def whys(self, use_ids: Iterable[str], at_most: int | None = None) -> str:
        """Say how the uses stand that decide a function: what stands alike at one provider is told once.

        Args:
            use_ids: The uses, or suppliers that are no use, in the order to be told.
            at_most: So many providers, and so many models of each; then how many more there are.
        """
        told: dict[tuple[str, str], list[str]] = {}
        for use_id in use_ids:
            model, who, how = self._why(use_id)
            told.setdefault((who, how), []).extend([model] if model else [])
        said = []
        for (who, how), models in told.items():
            names = listed(dict.fromkeys(models), at_most=at_most or len(models))
            said.append(f"{' at '.join(part for part in (names, who) if part)}: {how}")
        rest = len(said) - (at_most or len(said))
        return "; ".join(said[:at_most]) + (f"; and {plural(rest, 'provider')} more" if rest > 0 else "")

    def _why(self, use_id: str) -> tuple[str | None, str, str]:
        """Return model, provider, and how access to it stands, with whatever else forbids it."""
        use, answer = self.uses.get(use_id), self.answers.get(use_id)
        if use is None:
            return None, self.supplier(use_id), "told in reliant.toml, and not found in the files"
        absent = "own machines" if use.channel is Channel.SELF_HOSTED else "a provider not known"
        who = self.name(use.provider, absent)
        if answer is None:
            return use.model, who, "nobody asked"
        access = answer.axes.get(Axis.ACCESS, _NO_ANSWER).verdict
        others = [
            axis.value
            for axis, said in answer.axes.items()
            if axis is not Axis.ACCESS and said.verdict is Verdict.BLOCKED
        ]
        forbidden = f", {' and '.join(others)} BLOCKED" if others else ""
        return use.model, who, f"access {access.value}{forbidden}"

    def sources_why(self, use_id: str) -> tuple[str, ...]:
        """Return the ids of the sources that the access of a use rests on, those of closed gates first."""
        answer = self.answers.get(use_id)
        gates = answer.axes.get(Axis.ACCESS, _NO_ANSWER).gates if answer else ()
        worst_first = sorted(gates, key=lambda gate: WORST_FIRST.index(gate.verdict))
        return tuple(id_ for gate in worst_first for id_ in self.sources_of(gate.rule))

    @functools.cached_property
    def groups(self) -> tuple[Group, ...]:
        """What the product relies on, worst verdict first, then by the number of uses."""
        return self._grouped(use for use in self.result.uses if not only_mentioned(use))

    @property
    def relied_on(self) -> tuple[Model, ...]:
        """The models that the target itself relies on; the others are their ancestors."""
        return tuple(model for model in self.result.models if model.relied_on)

    @functools.cached_property
    def shown_uses(self) -> tuple[Use, ...]:
        """The uses that a page lists: what is relied on before what is only mentioned, worst first."""
        ranked = sorted(
            self.result.uses, key=lambda use: (only_mentioned(use), WORST_FIRST.index(self.combined(use)))
        )
        chosen = {use.id for use in ranked[:_SHOWN_USES]}
        return tuple(use for use in self.result.uses if use.id in chosen)

    @property
    def set_aside(self) -> tuple[UseAnswer, ...]:
        """The answers that the operator set aside; they keep their verdict."""
        return tuple(answer for answer in self.result.verdicts if answer.ignored)

    @functools.cached_property
    def mentioned(self) -> tuple[Use, ...]:
        """Uses that are only listed, or shown only in docs, tests or examples."""
        return tuple(use for use in self.result.uses if only_mentioned(use))

    def _grouped(self, uses: Iterable[Use]) -> tuple[Group, ...]:
        sorted_in: dict[tuple[Verdict, str | None, str, Channel], list[Use]] = {}
        for use in uses:
            key = (self.combined(use), use.provider, self._label(use), use.channel)
            sorted_in.setdefault(key, []).append(use)
        groups = [
            Group(
                verdict=verdict,
                provider=provider,
                label=label,
                channel=channel,
                uses=tuple(members),
                answers=tuple(self.answers[use.id] for use in members if use.id in self.answers),
            )
            for (verdict, provider, label, channel), members in sorted_in.items()
        ]
        return tuple(sorted(groups, key=lambda g: (WORST_FIRST.index(g.verdict), -len(g.uses), g.label)))

    def _label(self, use: Use) -> str:
        if use.provider:
            return self.name(use.provider)
        if use.kind is Kind.OPEN_WEIGHTS or use.channel is Channel.SELF_HOSTED:
            return f"Open weights of {self.name(use.developer, 'a developer not known')}"
        return f"Provider not known (through {use.sdk})" if use.sdk else "Provider not known"

    # Sources

    @functools.cached_property
    def sources(self) -> tuple[Source, ...]:
        """All sources, in the order of their numbers."""
        if all(id_.isdecimal() for id_ in self._sources):
            return tuple(sorted(self._sources.values(), key=lambda source: int(source.id)))
        ordered = [id_ for id_ in dict.fromkeys(self._cited()) if id_ in self._sources]
        ordered += [id_ for id_ in self._sources if id_ not in set(ordered)]
        return tuple(self._sources[id_] for id_ in ordered)

    @functools.cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each source."""
        if all(id_.isdecimal() for id_ in self._sources):
            return {id_: int(id_) for id_ in self._sources}
        return {source.id: number for number, source in enumerate(self.sources, 1)}

    def cite(self, ids: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of these sources, ascending, each once."""
        return tuple(sorted({self.numbers[id_] for id_ in ids if id_ in self.numbers}))

    def best(self, ids: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of these sources in their given order, copies of one text once.

        A record names its main source first, so whoever shows only some takes the first.
        """
        texts: dict[str, int] = {}
        for source in (self._sources[id_] for id_ in ids if id_ in self._sources):
            texts.setdefault(source.origin or source.id, self.numbers[source.id])
        return tuple(dict.fromkeys(texts.values()))

    def same_text_as(self, source: Source) -> int | None:
        """Return the number of the first source with the same text, if this one is a copy."""
        if source.origin is None:
            return None
        first = next(other for other in self.sources if other.origin == source.origin)
        return None if first.id == source.id else self.numbers[first.id]

    @property
    def texts(self) -> int:
        """How many independent texts the sources are: copies of one count once."""
        return len({source.origin or source.id for source in self.sources})

    def _cited(self) -> Iterator[str]:
        for group in self.groups:
            for gate in group.gates:
                yield from self.sources_of(gate.rule)
        for pending in self.pending:
            yield from pending.sources
        for model in self.result.models:
            for edge in model.descent:
                yield from edge.sources
            for claim in model.claims:
                yield from (*claim.sources, *claim.against)
        for axis in self._relied_on():
            for rule in axis.rules:
                yield from rule.sources

    # Rules

    @functools.cached_property
    def rules(self) -> dict[str, RuleAnswer]:
        """Every rule that was asked, by id; where uses differ, the firing answer."""
        found: dict[str, RuleAnswer] = {}
        for answer in self.result.verdicts:
            for axis in answer.axes.values():
                for rule in axis.rules:
                    if rule.id not in found or rule.truth == "yes":
                        found[rule.id] = rule
        return found

    def sources_of(self, rule: str | None) -> tuple[str, ...]:
        """Return the sources of a rule; none if it is not among those asked."""
        known = self.rules.get(rule) if rule else None
        return known.sources if known else ()

    def _relied_on(self) -> Iterator[AxisAnswer]:
        for group in self.groups:
            for answer in group.answers:
                yield from answer.axes.values()

    @functools.cached_property
    def pending(self) -> tuple[Pending, ...]:
        """Rules announced, proposed or adopted for later that bear on what is relied on."""
        return tuple(dict.fromkeys(item for axis in self._relied_on() for item in axis.pending))

    @functools.cached_property
    def missing(self) -> tuple[Missing, ...]:
        """Facts nobody gave that would decide a verdict; each once, with all its rules."""
        asked: dict[str, Missing] = {}
        for axis in self._relied_on():
            for item in axis.missing:
                before = asked.get(item.fact)
                rules = tuple(dict.fromkeys((*(before.rules if before else ()), *item.rules)))
                asked[item.fact] = type(item)(item.fact, item.question, rules)
        return tuple(asked.values())

    # Sentences

    @property
    def question(self) -> str:
        """Say what was asked: which target, from where, as of when."""
        result = self.result
        where = f" from {self.place(result.place)}" if result.place else ", no place given"
        known = f", with what was published by {result.known_on}" if result.known_on else ""
        return f"{result.target.name}{where}, as of {result.as_of}{known}"

    @property
    def stop_sentence(self) -> str:
        """The first headline: what part of the weighted functions stops."""
        impact = self.result.impact
        if not impact.functions:
            return "No function that uses AI was found, so there is nothing to stop."
        share = impact.stop_share
        rest = share.high - share.low
        if share.low <= 0 and rest > 1e-9:
            return f"No AI function is known to stop; for {percent(rest)} of their weight it is not known."
        tail = f"; for another {percent(rest)} it is not known" if rest > 1e-9 else ""
        return f"{percent(share.low)} of weighted AI functions stop{tail}."

    @functools.cached_property
    def foreign(self) -> tuple[Share, Share] | None:
        """Face value and look-through of the place elsewhere that is relied on most, if any."""
        face = {share.id: share for share in self.result.impact.face_value}
        deep = {share.id: share for share in self.result.impact.look_through}
        abroad = [id_ for id_ in {**deep, **face} if id_ != self.result.place and id_ in deep and id_ in face]
        if not abroad:
            return None
        most = max(abroad, key=lambda id_: (deep[id_].share.low, face[id_].share.low, id_))
        return face[most], deep[most]

    def only_through_others(self, country: str) -> float:
        """Return the weight of functions that touch a country and buy nothing from it directly, as a share.

        This is what a plain inventory does not show. Look-through minus face value (`hidden` in the
        JSON) is more: face value divides a function among its suppliers, look-through counts it whole.
        """
        functions = [item.function for item in self.result.impact.functions]
        whole = sum(function.weight for function in functions) or 1.0
        direct = sum(
            function.weight
            for function in functions
            if any(
                party.country == country
                for party in map(self.behind, suppliers(function.need))
                if party is not None
            )
        )
        deep = {share.id: share.share.low for share in self.result.impact.look_through}
        return max(0.0, deep.get(country, 0.0) - direct / whole)

    @property
    def reliance_sentence(self) -> str:
        """The second headline: face value beside look-through."""
        if not self.result.impact.functions:
            return ""
        if self.foreign is None:
            return "No part of it is known to be bought from, or to descend from, another country."
        face, deep = self.foreign
        behind = self.only_through_others(face.id)
        tail = f", {percent(behind)} of it only through others" if behind > 1e-9 else ""
        return (
            f"Most relied on abroad: {self.place(face.id)}, face value {percent(face.share)}, "
            f"look-through {percent(deep.share)}{tail}."
        )

    @property
    def scenario_sentence(self) -> str:
        """What the what-if changes, by provider; empty if none was asked."""
        if self.result.scenario is None:
            return ""
        head = f"What if {self.result.scenario}:"
        if not self.result.changes:
            return f"{head} no verdict and no gate changes."
        providers = {use.id: use.provider for use in self.result.uses}
        steps: dict[str, set[str]] = {}
        for change in self.result.changes:
            same = change.before is change.after
            step = "another gate" if same else f"{change.before.value} -> {change.after.value}"
            steps.setdefault(f"{change.axis.value} {step}", set()).add(self.name(providers[change.use]))
        said = "; ".join(f"{step}: {', '.join(sorted(names))}" for step, names in sorted(steps.items()))
        return f"{head} {said}."

    def by_state(self, state: str) -> tuple[FunctionImpact, ...]:
        """Return the functions in one state, heaviest first."""
        chosen = [item for item in self.result.impact.functions if item.state == state]
        return tuple(sorted(chosen, key=lambda item: (-item.function.weight, item.function.id)))

    @staticmethod
    def gate_words(gate: Gate) -> str:
        """Say what a gate does: `provider: blocked (enforced) since 2024-07-09`."""
        how = f" ({gate.enforcement.value})" if gate.enforcement else ""
        since = f" since {gate.since}" if gate.since else ""
        words = {
            Verdict.BLOCKED: "blocked",
            Verdict.UNKNOWN: "not known",
            Verdict.CONDITIONAL: "on conditions",
            Verdict.OPEN: "open",
        }
        if gate.verdict is Verdict.UNKNOWN and gate.rule is None:
            return f"{gate.by.value}: no record says"
        return f"{gate.by.value}: {words[gate.verdict]}{how}{since}"

    @staticmethod
    def pending_words(item: Pending) -> str:
        """Say where a rule stands: `announced 2024-06-24, from 2024-07-09`."""
        on = f" {item.on}" if item.on else ""
        start = f", from {item.from_}" if item.from_ else ""
        return f"{item.status}{on}{start}"
