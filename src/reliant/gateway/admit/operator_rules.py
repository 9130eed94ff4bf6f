"""The operator's own rules, from the configuration: same three-valued conditions as the atlas's.

A rule whose facts are not all known does not fire silently: it warns, and says
which fact is missing. Only the operator can make such a rule refuse, by giving
the fact.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from reliant.core.facts import Facts
from reliant.gateway.admit.globs import GlobSet
from reliant.gateway.config import Rule
from reliant.policy.conditions import NO, UNKNOWN, YES, All, Decide, Is, compiled


@dataclass(frozen=True, slots=True)
class Fired:
    """Which rules bear on a question: each with `refuse` or `warn`, and those in dry run."""

    firing: tuple[tuple[Rule, str], ...]
    dry_run: tuple[str, ...]
    missing: dict[str, tuple[str, ...]]

    @property
    def refuses(self) -> bool:
        """Whether one of them refuses."""
        return any(step == "refuse" for _, step in self.firing)


_NOTHING = Fired((), (), {})


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    decide: Decide
    models: GlobSet | None
    facts: tuple[str, ...]


class OperatorRules:
    """The rules, compiled once, and looked up by provider where they name one."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._by_provider: dict[object, list[_Compiled]] = {}
        self._general: list[_Compiled] = []
        for rule in rules:
            made = _compile(rule)
            providers = rule.when.get("provider")
            if providers is None:
                self._general.append(made)
                continue
            for provider in providers if isinstance(providers, tuple) else (providers,):
                self._by_provider.setdefault(provider, []).append(made)

    def decide(self, facts: Facts, model: str, today: dt.date) -> Fired:
        """Return what fires on `today`; `model` is the name as written."""
        values = {name: fact.value for name, fact in facts.items()}
        candidates = [*self._general, *self._by_provider.get(values.get("provider"), ())]
        firing: list[tuple[Rule, str]] = []
        dry: list[str] = []
        missing: dict[str, tuple[str, ...]] = {}
        for one in candidates:
            rule = one.rule
            if (rule.since and today < rule.since) or (rule.until and today >= rule.until):
                continue
            answer = one.decide(values)
            if one.models is not None:
                answer = min(answer, UNKNOWN if not model else YES if model in one.models else NO)
            if answer == NO:
                continue
            if rule.dry_run:
                dry.append(rule.id)
                continue
            if answer == UNKNOWN:
                missing[rule.id] = tuple(f"{name}: not given" for name in one.facts if name not in values)
            firing.append((rule, "refuse" if answer == YES and rule.effect == "deny" else "warn"))
        return Fired(tuple(firing), tuple(dry), missing) if firing or dry else _NOTHING


def _compile(rule: Rule) -> _Compiled:
    leaves = []
    models = None
    for fact, wanted in rule.when.items():
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        if fact == "model":
            models = GlobSet(str(value) for value in values)
        else:
            leaves.append(Is(fact, frozenset(values)))
    names = tuple(name for name in rule.when if name != "model")
    return _Compiled(rule, compiled(All(tuple(leaves))), models, names)
