"""Refuses a configuration that names what nobody knows: a provider, a rule, a fact, a country.

A rule about a fact that is never given, or for a provider that is never called so,
would stand there and never fire. Whoever wrote it believes that it does.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

from reliant.atlas.query import Atlas
from reliant.errors import ConfigError, UnknownId
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.config import Config, Scalar
from reliant.policy.ask import unknown_names
from reliant.policy.conditions import is_place

Line = Callable[[str, int, str], int]


def check_names(config: Config, knowledge: Knowledge, path: Path, line: Line) -> None:
    """Look every name up.

    Args:
        config: The configuration.
        knowledge: Where names are looked up.
        path: The file, for messages.
        line: The line of a table, its number (below 0: it has none) and its key.

    Raises:
        ConfigError: A name is not known; the message says on which line, the hint what is near.
    """
    _Names(config, knowledge, path, line).check()


class _Names:
    def __init__(self, config: Config, knowledge: Knowledge, path: Path, line: Line) -> None:
        self._config = config
        self._atlas: Atlas = knowledge.atlas
        self._vocabulary = knowledge.vocabulary
        self._path = path
        self._line = line

    def check(self) -> None:
        config = self._config
        self._country(("place", -1, "country"), config.place.country)
        for at, upstream in enumerate(config.upstream):
            for field in ("provider", "partner", "developer"):
                self._provider(("upstream", at, field), getattr(upstream, field))
            self._value(("upstream", at, "channel"), "channel", upstream.channel)
        for at, tenant in enumerate(config.tenant):
            for field in ("country", "owner_country", "nationality"):
                self._country(("tenant", at, field), getattr(tenant, field))
            if tenant.sector is not None:
                self._value(("tenant", at, "sector"), "sector", tenant.sector)
            self._facts(("tenant", at, "facts"), tenant.facts, none=True)
        for at, key in enumerate(config.key):
            self._country(("key", at, "country"), key.country)
        for at, route in enumerate(config.route):
            for name in route.independent_of:
                self._ancestor(("route", at, "independent_of"), name)
        for at, rule in enumerate(config.rule):
            self._facts(
                ("rule", at, "when"), {k: v for k, v in rule.when.items() if k != "model"}, none=False
            )
        own = {rule.id for rule in config.rule}
        for rule_id in config.policy.dry_run:
            if rule_id not in self._atlas.rules and rule_id not in own:
                near = difflib.get_close_matches(rule_id, [*self._atlas.rules, *own], n=1)
                hint = f"Did you mean {near[0]!r}?" if near else "reliant atlas list shows all."
                raise self._wrong(("policy", -1, "dry_run"), f"no rule has the id {rule_id!r}", hint)

    def _wrong(self, at: tuple[str, int, str], problem: str, hint: str) -> ConfigError:
        return ConfigError(self._path, self._line(*at), problem, hint=hint)

    def _country(self, at: tuple[str, int, str], code: str | None) -> None:
        if code is not None and not self._atlas.is_country(code):
            raise self._wrong(at, f"{code!r} is not a country code", "Write ISO 3166-1, for example CN.")

    def _provider(self, at: tuple[str, int, str], name: str | None) -> None:
        if name is None:
            return
        try:
            self._atlas.provider(name)
        except UnknownId as error:
            raise self._wrong(at, str(error), error.hint or "reliant atlas list shows all.") from None

    def _ancestor(self, at: tuple[str, int, str], name: str) -> None:
        if self._atlas.is_country(name):
            return
        near: list[str] = []
        for look in (self._atlas.provider, self._atlas.model):
            try:
                look(name)
            except UnknownId as error:
                near += error.near
            else:
                return
        hint = (
            f"Did you mean {near[0]!r}?" if near else "Name a country, a developer or a model of the atlas."
        )
        raise self._wrong(at, f"no country, developer or model is called {name!r}", hint)

    def _facts(
        self,
        at: tuple[str, int, str],
        facts: dict[str, Scalar | tuple[Scalar, ...]],
        *,
        none: bool,
    ) -> None:
        """Check names and values; `none` says that a place may be said to be none."""
        for name in unknown_names(facts, self._vocabulary):
            near = difflib.get_close_matches(name, list(self._vocabulary), n=1, cutoff=0.6)
            hint = f"Did you mean {near[0]!r}?" if near else "docs/policy lists the facts that rules ask for."
            raise self._wrong(at, f"there is no fact {name!r}", hint)
        for name, value in facts.items():
            for one in value if isinstance(value, tuple) else (value,):
                if not (none and one == "none"):
                    self._value(at, name, one)

    def _value(self, at: tuple[str, int, str], name: str, value: Scalar) -> None:
        known = self._vocabulary.get(name)
        if name == "server.region":
            regions = {one.region for one in self._config.upstream if one.region is not None}
            if value not in regions:
                hint = f"Known: {', '.join(sorted(regions)) or 'none'}."
                raise self._wrong(at, f"no upstream has the region {value!r}", hint)
        elif is_place(name):
            if not isinstance(value, str) or not self._atlas.is_country(value.partition("-")[0]):
                raise self._wrong(
                    at, f"{name}: {value!r} is not a country code", "Write two capital letters."
                )
        elif known is None:
            return
        elif known.type == "yes-no" and not isinstance(value, bool):
            raise self._wrong(at, f"{name}: {value!r} is neither true nor false", "Write true or false.")
        elif known.type == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self._wrong(at, f"{name}: {value!r} is no number", "Write it without quotes.")
        elif known.values and value not in known.values:
            hint = _choices(value, known.values)
            raise self._wrong(at, f"{name}: {value!r} is not known", hint)
        elif name in {"provider", "partner", "developer"}:
            self._canonical(at, name, str(value))

    def _canonical(self, at: tuple[str, int, str], name: str, value: str) -> None:
        self._provider(at, value)
        found = self._atlas.provider(value).id
        if found != value:
            raise self._wrong(at, f"{name}: rules know {value!r} as {found!r}", f"Write {found!r}.")


def _choices(value: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(value), list(known), n=1, cutoff=0.75)
    return f"Did you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(known)}."
