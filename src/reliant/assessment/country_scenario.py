"""What a scenario of rules would touch: models of the other country, asked one by one from home.

A model is touched if a rule of the scenario that forbids fires for it. So a rule on
closed weights leaves open ones alone because the rule says so, not because this code
does; and before the first day of the rule nothing is touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.assessment.measures import interval
from reliant.core.country import Exposure
from reliant.core.dates import PartialDate
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.policy.scenario import overlaid

if TYPE_CHECKING:
    import datetime as dt

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
    home: str,
    on: Iterable[str],
    as_of: dt.date,
) -> Exposure:
    """Return how many models of `on` that were out by the day the scenario would close to `home`.

    Raises:
        UnknownId: The scenario changes a rule that there is not.
    """
    book = overlaid(rules, scenario)
    wanted = set(on)
    models = [
        model
        for model in atlas.models.values()
        if model.level == "model" and _made_in(model, atlas) in wanted and _out(model, as_of)
    ]
    closed = unsure = exempt = 0
    for model in models:
        truths = {
            rule.truth
            for answer in book.decide(_facts(model, home, atlas), as_of).axes.values()
            for rule in answer.rules
            if rule.origin.startswith("scenario:") and rule.effect == "deny"
        }
        if "yes" in truths:
            closed += 1
        elif "unknown" in truths:
            unsure += 1
        elif model.weights == _OPEN:
            exempt += 1
    return Exposure(
        scenario=f"scenario {scenario.name}",
        touched=interval(closed, unsure, len(models)),
        exempt=interval(exempt, 0, len(models)).low,
        whole="models of the other country in the atlas",
        because=f"{exempt} have open weights and are left alone; of {unsure} a fact is missing",
        count=closed,
        of=len(models),
    )


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
