"""What a scenario of rules would touch: models of the other country, asked one by one from home.

A model is touched if a rule of the scenario that forbids fires for it. So a rule on
closed weights leaves open ones alone because the rule says so, not because this code
does; and before the first day of the rule nothing is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from reliant.assessment.measures.exposure import interval
from reliant.core.country import Exposure
from reliant.core.dates import PartialDate
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.core.truth import Truth
from reliant.policy.scenario import overlaid

if TYPE_CHECKING:
    import datetime as dt

    from reliant.assessment.country.use import UseRow
    from reliant.atlas import Atlas
    from reliant.atlas.records.model import Model
    from reliant.policy import RuleBook
    from reliant.policy.scenario import ScenarioFile

_OPEN = "open"


def exposure(
    scenario: ScenarioFile,
    atlas: Atlas,
    rules: RuleBook,
    *,
    home: Sequence[str],
    on: Iterable[str],
    as_of: dt.date,
    known_on: dt.date | None = None,
) -> Exposure:
    """Return how many models of `on` that were out by the day the scenario would close to `home`.

    To a bloc it closes what it closes to one of its members.

    Raises:
        UnknownId: The scenario changes a rule that there is not.
    """
    asked = list(by_model(scenario, atlas, rules, home=home, on=on, as_of=as_of, known_on=known_on))
    closed = sum(answer is Truth.YES for _, answer in asked)
    unsure = sum(answer is Truth.UNKNOWN for _, answer in asked)
    exempt = sum(answer is Truth.NO and model.weights == _OPEN for model, answer in asked)
    return Exposure(
        scenario=f"scenario {scenario.name}",
        touched=interval(closed, unsure, len(asked)),
        exempt=interval(exempt, 0, len(asked)).low,
        whole="models of the other country in the atlas",
        because=f"{exempt} have open weights and are left alone; of {unsure or 'none'} a fact is missing",
        count=closed,
        of=len(asked),
    )


def by_model(
    scenario: ScenarioFile,
    atlas: Atlas,
    rules: RuleBook,
    *,
    home: Sequence[str],
    on: Iterable[str],
    as_of: dt.date,
    known_on: dt.date | None = None,
) -> Iterator[tuple[Model, Truth]]:
    """Return the models of `on` that were out by the day, and whether the scenario closes each."""
    book = overlaid(rules, scenario)
    wanted = set(on)
    for model in atlas.models.values():
        if model.level == "model" and _made_in(model, atlas) in wanted and _out(model, as_of):
            told = (_closes(book, _facts(model, code, atlas), as_of, known_on) for code in home)
            yield model, max(told, key=lambda one: one.value)


def by_use(
    scenario: ScenarioFile,
    rules: RuleBook,
    rows: Iterable[UseRow],
    *,
    home: Sequence[str],
    as_of: dt.date,
    known_on: dt.date | None = None,
) -> tuple[str | None, list[tuple[UseRow, Truth]]]:
    """Return the last year of a table of use by the day, and whether the scenario covers each of its rows."""
    book = overlaid(rules, scenario)
    here = [row for row in rows if row.used_in & set(home) and int(row.year) <= as_of.year]
    year = max((row.year for row in here), default=None)
    return year, [
        (row, _closes(book, _facts_of_use(row, min(row.used_in & set(home))), as_of, known_on))
        for row in here
        if row.year == year
    ]


def use_exposure(
    scenario: ScenarioFile,
    rules: RuleBook,
    rows: Iterable[UseRow],
    *,
    home: Sequence[str],
    as_of: dt.date,
    data: str,
    known_on: dt.date | None = None,
) -> Exposure | None:
    """Return B7, how much of the use in a table the scenario covers; None if the table has none by the day.

    The rules of the scenario are asked row by row, so their scope and their dates decide.
    """
    year, asked = by_use(scenario, rules, rows, home=home, as_of=as_of, known_on=known_on)
    whole = sum(row.amount for row, _ in asked)
    if year is None or whole <= 0:
        return None
    covered = {Truth.YES: 0.0, Truth.UNKNOWN: 0.0, Truth.NO: 0.0}
    opened = 0.0
    for row, answer in asked:
        covered[answer] += row.amount
        if answer is Truth.NO and row.weights == _OPEN:
            opened += row.amount
    return Exposure(
        scenario=f"scenario {scenario.name}",
        touched=interval(covered[Truth.YES], covered[Truth.UNKNOWN], whole),
        exempt=interval(opened, 0, whole).low,
        whole=f"use in {data}, {year}",
        because=f"{opened:g} is of open weights and left alone; "
        f"of {covered[Truth.UNKNOWN]:g} a fact is missing",
        count=round(covered[Truth.YES]),
        of=round(whole),
    )


def _closes(book: RuleBook, facts: Facts, as_of: dt.date, known_on: dt.date | None) -> Truth:
    """Say whether a rule of the scenario that forbids fires."""
    truths = {
        rule.truth
        for answer in book.decide(facts, as_of, known_on).axes.values()
        for rule in answer.rules
        if rule.origin.startswith("scenario:") and rule.effect == "deny"
    }
    return Truth.YES if "yes" in truths else Truth.UNKNOWN if "unknown" in truths else Truth.NO


def _facts_of_use(row: UseRow, home: str) -> Facts:
    """Return what a row of a table of use tells: made where, with which weights, used from home."""

    def told(value: Value | tuple[Value, ...]) -> Fact:
        return Fact(value, Provenance("given", "--data"))

    known: dict[str, Fact] = {
        "act": Fact("use", Provenance("assumed", "the question is about use")),
        "user.region": told(home),
    }
    origin = sorted(row.origin)
    if origin:
        known["developer.country"] = told(origin[0] if len(origin) == 1 else tuple(origin))
    if row.weights is not None:
        known["model.weights"] = told(row.weights)
        known["channel"] = told("self-hosted" if row.weights == _OPEN else "direct")
        if row.weights != _OPEN and len(origin) == 1:
            known["provider.country"] = told(origin[0])
    return Facts(known)


def _made_in(model: Model, atlas: Atlas) -> str | None:
    maker = atlas.providers.get(model.developer)
    return maker.hq_country if maker else None


def _out(model: Model, as_of: dt.date) -> bool:
    return model.released is not None and PartialDate.parse(model.released).latest <= as_of


def _facts(model: Model, home: str, atlas: Atlas) -> Facts:
    """Return what is asked: use of this model from home, as its maker offers it."""

    def recorded(value: Value) -> Fact:
        return Fact(value, Provenance("atlas", model.id))

    known: dict[str, Fact] = {
        "act": Fact("use", Provenance("assumed", "the question is about use")),
        "user.region": Fact(home, Provenance("given", "COUNTRY")),
        "model": recorded(model.id),
        "developer": recorded(model.developer),
    }
    country = _made_in(model, atlas)
    if country is not None:
        known["developer.country"] = recorded(country)
    if model.weights is not None:
        known["model.weights"] = recorded(model.weights)
    if model.licence is not None:
        known["licence"] = recorded(model.licence)
    if model.weights == _OPEN:
        known["channel"] = recorded("self-hosted")
    else:
        known["provider"] = recorded(model.developer)
        known["channel"] = recorded("direct")
        if country is not None:
            known["provider.country"] = recorded(country)
    return Facts(known)
