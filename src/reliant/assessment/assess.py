"""The pipeline: what was found, joined with what is known, as of a day.

Read `assess` from top to bottom: it is the way through the house. Everything it
calls is a pure function of values; the day, the place and what the operator says
come in as arguments.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reliant import __version__
from reliant.assessment.chains import chain_of, country_of, host_of, with_found
from reliant.assessment.citing import Citations
from reliant.assessment.graph import FOLLOWED, Graph
from reliant.assessment.measures.origin import impact_and_origin
from reliant.assessment.models import models_of
from reliant.core.facts import Fact, Facts, Provenance
from reliant.core.results import (
    Assessment,
    AtlasStamp,
    Party,
    TargetStamp,
    Tool,
    UseAnswer,
)
from reliant.core.use import Channel
from reliant.core.verdict import Answer, Axis, AxisAnswer, Verdict
from reliant.policy.ask import Asker
from reliant.policy.scenario import differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reliant.assessment.model_files import ModelFiles
    from reliant.atlas import Atlas
    from reliant.core.results import Descent, Impact, Model
    from reliant.core.use import Use
    from reliant.core.verdict import VerdictChange
    from reliant.inventory import Inventory
    from reliant.policy import RuleBook


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks, from where, about which day.

    Attributes:
        place: ISO 3166 code of where the operator and its users are; None if not said.
        known_on: Hide what was published later; None hides nothing.
        about: What else the operator says about itself.
        scenario: Name of the what-if that the rules contain, if one is asked.
    """

    as_of: dt.date
    place: str | None = None
    known_on: dt.date | None = None
    about: Facts = field(default_factory=Facts)
    scenario: str | None = None


def assess(
    found: Inventory,
    target: TargetStamp,
    question: Question,
    *,
    atlas: Atlas,
    rules: RuleBook,
    before: RuleBook | None = None,
    files: ModelFiles | None = None,
) -> Assessment:
    """Return what `found` relies on, what is permitted on the day, and what would stop.

    Args:
        found: What the inventory saw in the target.
        target: What was opened.
        rules: The rules of the atlas, with those of the operator and of a scenario.
        before: The same without the scenario, to say what it changes.
        files: The models that lie in the target, if there are any.
    """
    citations = Citations()
    atlas = atlas.known_on(question.known_on)
    edges: Mapping[str, tuple[Descent, ...]] = files.edges() if files else {}
    answers = _answers(found.uses, question, atlas, rules, edges)
    verdicts = tuple(
        UseAnswer(use=use.id, combined=answer.combined, axes=_cited(answer, rules, citations))
        for use, answer in zip(found.uses, answers, strict=True)
    )
    models = models_of(found.uses, atlas, citations, edges)
    chains = {use.id: chain_of(use, atlas) for use in found.uses}
    chains |= {use: with_found(chains[use], more, atlas) for use, more in edges.items() if use in chains}
    graph = Graph(found.functions, chains)
    impact = impact_and_origin(graph, {answer.use: reachable(answer) for answer in verdicts})
    parties = _parties(found.uses, models, atlas)
    return Assessment(
        tool=Tool("reliant", __version__),
        atlas=AtlasStamp(atlas.version, atlas.newest_source),
        target=target,
        place=question.place,
        as_of=question.as_of.isoformat(),
        known_on=question.known_on.isoformat() if question.known_on else None,
        uses=found.uses,
        models=models,
        verdicts=verdicts,
        impact=impact,
        not_looked_at=(*found.not_looked_at, *(files.not_looked_at if files else ())),
        sources=citations.sources,
        parties=parties,
        place_names=_place_names(question.place, parties, models, impact, atlas),
        scenario=question.scenario,
        changes=_changes(found.uses, answers, question, atlas, before, edges) if before else (),
        model_files=files.files if files else (),
    )


def reachable(answer: UseAnswer) -> Verdict:
    """Return the verdict that decides whether a use still runs.

    Blocked on any axis, it stops. Otherwise what counts is access: a duty that nobody
    looked into (is the service filed? is the licence kept?) makes a use doubtful in law,
    and is shown as that, but stops nothing today.
    """
    if answer.combined is Verdict.BLOCKED:
        return Verdict.BLOCKED
    return answer.axes[Axis.ACCESS].verdict


def _answers(
    uses: Iterable[Use],
    question: Question,
    atlas: Atlas,
    rules: RuleBook,
    edges: Mapping[str, tuple[Descent, ...]],
) -> list[Answer]:
    """Decide each use on what is found of it, what the atlas adds and what the operator says."""
    asker = Asker(atlas, rules)
    answers = []
    for use in uses:
        facts = asker.facts_of_use(use, question.place, question.about) | _estate(use, atlas)
        if use.id in edges:
            facts |= asker.facts_of_ancestors(_shown(use, edges[use.id]), facts)
        answers.append(rules.decide(facts, question.as_of, question.known_on))
    return answers


def _shown(use: Use, edges: Iterable[Descent]) -> list[tuple[str, Provenance]]:
    """Return the ancestors whose weights a use's file carries, each with the basis of that."""
    path = use.evidence[0].path
    return [
        (edge.ancestor, Provenance("found", path, f"{edge.basis}: {edge.note}"))
        for edge in edges
        if edge.status in {"confirmed", "reported"} and edge.kind in FOLLOWED
    ]


def _changes(
    uses: Iterable[Use],
    answers: Iterable[Answer],
    question: Question,
    atlas: Atlas,
    before: RuleBook,
    edges: Mapping[str, tuple[Descent, ...]],
) -> tuple[VerdictChange, ...]:
    """Return what the scenario changes, use by use and axis by axis."""
    today = _answers(uses, question, atlas, before, edges)
    return tuple(
        change
        for use, old, new in zip(uses, today, answers, strict=True)
        for change in differences(old, new, use.id)
    )


def _estate(use: Use, atlas: Atlas) -> dict[str, Fact]:
    """Return what the endpoint says beyond the provider: the country it lies in, or that it is a mirror.

    A mirror is somebody else's machine: what closes the provider's own hosts says nothing of it.
    """
    if not use.endpoint:
        return {}
    seen = use.evidence[0]
    origin = Provenance("found", f"{seen.path}:{seen.line}", use.endpoint)
    provider = atlas.providers.get(use.provider) if use.provider else None
    country = country_of(use, provider, atlas)
    found: dict[str, Fact] = {}
    if country is not None and not (provider and provider.hq_country == country):
        found["provider.country"] = Fact(country, origin)
    hit = atlas.host(host_of(use.endpoint))
    if hit is not None and hit.use == "mirror":
        found["channel"] = Fact(Channel.RESELLER.value, origin)
    return found


def _cited(answer: Answer, rules: RuleBook, citations: Citations) -> dict[Axis, AxisAnswer]:
    """Return the axes with the sources of each rule as numbers of this result."""

    def numbers(names: Iterable[str]) -> tuple[str, ...]:
        ids: dict[str, None] = {}
        for name in names:
            rule_id, _, local = name.partition("#")
            ids.update(dict.fromkeys(citations.cite(rules.rules[rule_id].sources, [local])))
        return tuple(ids)

    return {
        axis: msgspec.structs.replace(
            said,
            rules=tuple(msgspec.structs.replace(rule, sources=numbers(rule.sources)) for rule in said.rules),
            pending=tuple(msgspec.structs.replace(one, sources=numbers(one.sources)) for one in said.pending),
        )
        for axis, said in answer.axes.items()
    }


def _parties(uses: Iterable[Use], models: Iterable[Model], atlas: Atlas) -> tuple[Party, ...]:
    """Return everyone the result names and the atlas knows, by id."""
    named = {name for use in uses for name in (use.provider, use.developer) if name}
    named |= {model.developer for model in models if model.developer}
    parties = []
    for name in sorted(named):
        record = atlas.providers.get(name)
        if record is None:
            continue
        owner = record.ultimate_parent
        parties.append(
            Party(
                id=name,
                name=record.name,
                country=record.hq_country,
                owner=owner.name if owner else None,
                owner_country=owner.country if owner else None,
            )
        )
    return tuple(parties)


def _place_names(
    place: str | None, parties: Iterable[Party], models: Iterable[Model], impact: Impact, atlas: Atlas
) -> dict[str, str]:
    codes: set[str | None] = {place, *(share.id for share in (*impact.face_value, *impact.look_through))}
    for party in parties:
        codes |= {party.country, party.owner_country}
    codes |= {model.country for model in models}
    return {code: atlas.country_name(code) for code in sorted(code for code in codes if code)}
