"""From a question in plain terms to facts: what was said, what the atlas adds, what is assumed.

"May `gpt-4o` of OpenAI be used from CN?" names a provider, a model and a place.
Who made the model, whether its weights are open and what it descends from stand
in the atlas. Each fact keeps where it came from, so an answer can show both chains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reliant.atlas.records.model import WEIGHTS_KINDS
from reliant.atlas.records.rule import FactTest
from reliant.core.facts import Fact, Facts, Provenance, Value
from reliant.core.truth import Truth
from reliant.core.use import Channel, Kind, Use
from reliant.errors import UnknownId
from reliant.policy._bodies import BODY, with_bodies
from reliant.policy.conditions import MAYBE_MORE, OneOf
from reliant.policy.lowering import BUILT_ON, built_on_fact
from reliant.policy.vocabulary import VocabularyFact, vocabulary

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.atlas.records.model import Model
    from reliant.atlas.records.provider import Provider
    from reliant.policy.rulebook import RuleBook

ANOTHER = "another"
"""Stands for a developer that no record names."""

_HOSTED = frozenset({"lab", "api", "reseller", "gateway"})


@dataclass(frozen=True)
class Question:
    """What is asked about, apart from who asks.

    Attributes:
        origin: Where these values were read: an option, or `path:line` of a use.
        partner: The partner cloud, where the channel is one.
        runs_locally: True for a model whose weights run on one's own machines.
    """

    provider: str | None = None
    model: str | None = None
    channel: str | None = None
    partner: str | None = None
    developer: str | None = None
    place: str | None = None
    origin: Mapping[str, Provenance] = field(default_factory=dict)

    def where(self, name: str) -> Provenance:
        """Return where the value of `name` came from."""
        return self.origin.get(name, Provenance("given", "the question"))


class Asker:
    """Turns questions into facts with one atlas and one book of rules.

    With `atlas.known_on(day)` it adds no fact that was found out after the day.
    """

    def __init__(self, atlas: Atlas, book: RuleBook) -> None:
        self.atlas = atlas
        self.known: dict[str, VocabularyFact] = vocabulary(atlas)
        self._ancestors = tuple(sorted(_asked_for(book, BUILT_ON)))
        self._bodies = tuple(sorted(_asked_for(book, BODY)))
        self._assumed = {
            name: Fact(fact.assume, Provenance("assumed", "vocabulary", "unless you say otherwise"))
            for name, fact in self.known.items()
            if fact.assume is not None
        }

    def facts(self, question: Question, about_you: Facts | None = None) -> Facts:
        """Return all facts for a question; what is said about you wins over what the atlas adds.

        Raises:
            UnknownId: The provider, the partner or the developer is not in the atlas.
        """
        found: dict[str, Fact] = dict(self._assumed)
        unknown: dict[str, str] = {}
        provider = self._provider(question, found)
        self._channel(question, provider, found)
        if question.place:
            found["user.region"] = Fact(question.place.upper(), question.where("place"))
        self._model(question, provider, found, unknown)
        facts = Facts(found, unknown)
        if about_you is not None:
            facts |= about_you
        return with_bodies(facts, self._bodies)

    def facts_of_use(self, use: Use, place: str | None, about_you: Facts | None = None) -> Facts:
        """Return the facts of something found in a target; each keeps the line that shows it."""
        first = use.evidence[0] if use.evidence else None
        seen = Provenance(
            "found", f"{first.path}:{first.line}" if first else "the target", first.text if first else ""
        )
        given = Provenance("given", "--place")
        channel = None if use.channel is Channel.UNKNOWN else str(use.channel)
        if channel is None and use.kind is Kind.OPEN_WEIGHTS:
            channel = str(Channel.SELF_HOSTED)
        question = Question(
            provider=use.provider,
            model=use.model,
            channel=channel,
            developer=use.developer,
            place=place,
            origin={**dict.fromkeys(("provider", "model", "channel", "developer"), seen), "place": given},
        )
        try:
            return self.facts(question, about_you)
        except UnknownId:
            # That the atlas does not know a provider is no mistake of the user.
            found = dict(self._assumed)
            for name, value in (
                ("provider", use.provider),
                ("channel", channel),
                ("developer", use.developer),
            ):
                if value is not None:
                    found[name] = Fact(value, seen)
            if place:
                found["user.region"] = Fact(place.upper(), given)
            facts = Facts(
                found, {"model.weights": f"no record says whether the weights of {use.model} are open"}
            )
            whole = facts | about_you if about_you is not None else facts
            return with_bodies(whole, self._bodies)

    def _provider(self, question: Question, found: dict[str, Fact]) -> Provider | None:
        if question.provider is None:
            return None
        provider = self.atlas.provider(question.provider)
        if question.channel == "partner" and question.partner:
            serving = self.atlas.provider(_partner(question.partner))
            found["partner"] = Fact(serving.id, question.where("partner"))
            if serving.id != provider.id:
                found["developer"] = Fact(provider.id, question.where("provider"))
            provider = serving
        found["provider"] = Fact(provider.id, question.where("provider"))
        if provider.hq_country:
            found["provider.country"] = Fact(provider.hq_country, _record(provider.id))
        return provider

    def _channel(self, question: Question, provider: Provider | None, found: dict[str, Fact]) -> None:
        if question.channel:
            found["channel"] = Fact(question.channel, question.where("channel"))
        elif provider is not None:
            roles = set(provider.roles)
            if "partner-cloud" in roles:
                channel = "partner"
            elif "local-runtime" in roles or roles == {"framework"}:
                channel = "self-hosted"
            elif "app" in roles and not roles & _HOSTED:
                channel = "app"
            else:
                channel = "direct"
            said = f"the usual way to it ({', '.join(provider.roles)})"
            found["channel"] = Fact(channel, Provenance("atlas", provider.id, said))
        if (
            found.get("channel")
            and found["channel"].value == "partner"
            and provider
            and "partner" not in found
        ):
            found["partner"] = Fact(provider.id, _record(provider.id))

    def _model(
        self, question: Question, provider: Provider | None, found: dict[str, Fact], unknown: dict[str, str]
    ) -> None:
        developer, record = question.developer, None
        if question.model:
            hit = self.atlas.find_model(question.model)
            record = hit.model
            developer = (record.developer if record else None) or developer or hit.developer
            found["model"] = Fact(_names(question.model, record), question.where("model"))
        elif (
            provider
            and "developer" not in found
            and set(provider.roles) <= {"lab", "api", "app"}
            and "lab" in provider.roles
        ):
            # A lab that serves its own models and nobody else's.
            found["developer"] = Fact(
                provider.id, Provenance("atlas", provider.id, "a lab that serves its own models")
            )
        if not developer and "developer" not in found and provider and provider.serves:
            listed = f"its catalogue of {provider.serves_on}" if provider.serves_on else "its record"
            said = f"{listed} lists models of these"
            found["developer"] = Fact(
                OneOf((*provider.serves, ANOTHER)), Provenance("assumed", provider.id, said)
            )
        if developer:
            origin = _record(record.id) if record else question.where("developer")
            found["developer"] = Fact(self._id(developer), origin)
        made_by = found.get("developer")
        if made_by is not None and str(made_by.value) in self.atlas.providers:
            country = self.atlas.providers[str(made_by.value)].hq_country
            if country:
                found["developer.country"] = Fact(country, _record(str(made_by.value)))
        if record is not None:
            self._record_facts(record, found, unknown)
        elif question.model:
            for name in ("model.weights", "model.lineage.licence"):
                unknown[name] = f"{self._no_record(question.model)}: what of {name}?"
            for wanted in self._ancestors:
                self._unrecorded(wanted, question.model, made_by, found, unknown)

    def _record_facts(self, record: Model, found: dict[str, Fact], unknown: dict[str, str]) -> None:
        origin = _record(record.id)
        if record.weights:
            found["model.weights"] = Fact(record.weights, origin)
        if record.weights_origin:
            found["model.weights_origin"] = Fact(record.weights_origin, origin)
        if record.modalities:
            found["model.modality"] = Fact(record.modalities, origin)
        if record.params_b is not None:
            found["model.params_b"] = Fact(record.params_b, origin)
        licences = self._licences(record)
        if licences:
            found["model.lineage.licence"] = Fact(licences, origin)
        for wanted in self._ancestors:
            truth = self.atlas.descends_from_developer(record.id, wanted, WEIGHTS_KINDS)
            name = built_on_fact(wanted)
            if truth is Truth.UNKNOWN:
                unknown[name] = (
                    f"Does {record.id} carry weights of {wanted}? Its parents are not all recorded."
                )
            else:
                found[name] = Fact(truth is Truth.YES, origin)

    def facts_of_ancestors(self, found: Iterable[tuple[str, Provenance]], facts: Facts) -> dict[str, Fact]:
        """Return what follows for a model that was found to carry weights of recorded models.

        A YES only: weights that were not found prove nothing.

        Args:
            found: Ids of records, with what shows it. The first that answers is kept.
            facts: What is known of the model so far; its licences stay.
        """
        answers: dict[str, Fact] = {}
        licences: list[Value] = []
        known = facts.get("model.lineage.licence")
        if known is not None:
            licences += known.value if isinstance(known.value, tuple) else (known.value,)
        origin = known.origin if known is not None else None
        for ancestor, shown in found:
            record = self.atlas.models.get(ancestor)
            if record is None:
                continue
            for wanted in self._ancestors:
                name = built_on_fact(wanted)
                truth = self.atlas.descends_from_developer(record.id, wanted, WEIGHTS_KINDS)
                if truth is Truth.YES and name not in answers:
                    answers[name] = Fact(True, shown)
            licences += self._licences(record)
            origin = origin or shown
        if origin is not None and licences:
            several = tuple(dict.fromkeys((*(one for one in licences if one != MAYBE_MORE), MAYBE_MORE)))
            answers["model.lineage.licence"] = Fact(several, origin)
        return answers

    def _unrecorded(
        self, wanted: str, model: str, made_by: Fact | None, found: dict[str, Fact], unknown: dict[str, str]
    ) -> None:
        """Say of a model without a record only whether the same people made it."""
        if made_by is not None and made_by.value == wanted:
            found[built_on_fact(wanted)] = Fact(True, made_by.origin)
        else:
            unknown[built_on_fact(wanted)] = (
                f"Does {model} carry weights of {wanted}? {self._no_record('it')}."
            )

    def _no_record(self, what: str) -> str:
        """Say that there is no record, and on which day if that is why."""
        if self.atlas.day is not None:
            return f"The atlas has no record of {what} as known on {self.atlas.day}"
        return f"The atlas has no record of {what}"

    def _licences(self, record: Model) -> tuple[Value, ...]:
        """Return the licences of a model and of all whose weights it carries; `?` if some may be missing.

        Who licenses a model anew leaves the licence of the own model it was made from behind: DeepSeek
        gives R1 under MIT, so its licence of V3 binds nobody who runs R1.
        """
        found: dict[Value, None] = {}
        open_end = False
        seen: set[tuple[str, frozenset[str]]] = set()
        ahead: list[tuple[Model, frozenset[str]]] = [(record, frozenset())]
        while ahead:
            one, licensors = ahead.pop(0)
            if (one.id, licensors) in seen:
                continue
            seen.add((one.id, licensors))
            parts = [part for part in (one.licence or "").replace("(", " ").replace(")", " ").split() if part]
            named = [part for part in parts if part not in ("AND", "OR", "WITH")]
            whole = bool(named) and "NOASSERTION" not in named
            if one.developer not in licensors:
                found |= dict.fromkeys(part for part in named if part != "NOASSERTION")
                open_end = open_end or not whole
            open_end = open_end or (one.weights_origin is None and one.weights != "closed")
            below = licensors | {one.developer} if whole else licensors
            for edge in one.descent:
                if edge.kind not in WEIGHTS_KINDS or edge.status == "denied":
                    continue
                parent = self.atlas.models.get(edge.ancestor) if edge.ancestor else None
                if parent is None:
                    open_end = True
                else:
                    ahead.append((parent, below))
        return (*found, *((MAYBE_MORE,) if open_end else ()))

    def _id(self, developer: str) -> str:
        try:
            return self.atlas.provider(developer).id
        except UnknownId:
            return developer


def _asked_for(book: RuleBook, fact: str) -> set[str]:
    """Return every value of a fact that some rule names, such as the developers it asks the descent for."""
    wanted: set[str] = set()
    for when in book.conditions():
        condition = when.get(fact)
        if condition is not None and not isinstance(condition, FactTest):
            wanted |= {str(value) for value in (condition if isinstance(condition, tuple) else (condition,))}
    return wanted


def _record(key: str) -> Provenance:
    return Provenance("atlas", key)


def _partner(name: str) -> str:
    """Return the provider that a short name of a partner cloud means."""
    return {"bedrock": "aws-bedrock", "aws": "aws-bedrock", "vertex": "google-vertex"}.get(name, name)


def _names(written: str, record: Model | None) -> tuple[Value, ...]:
    """Return the names a rule may know a model by: as written, and those of the record."""
    names = [written.rpartition("/")[2].lower()]
    if record is not None:
        names += [
            record.id.partition(".")[2],
            record.name.lower(),
            *(alias.lower() for alias in record.aliases),
        ]
    return tuple(dict.fromkeys(names))


def split_channel(text: str) -> tuple[str, str | None]:
    """Return the channel and the partner of `direct`, `partner:azure` and the like.

    Examples:
        >>> split_channel("partner:azure")
        ('partner', 'azure')
    """
    channel, _, partner = text.partition(":")
    return channel, partner or None


def given(values: Mapping[str, Value | tuple[Value, ...]], place: str) -> Facts:
    """Return facts that somebody gave; `place` is the option or the file."""
    return Facts({name: Fact(value, Provenance("given", place)) for name, value in values.items()})


def unknown_names(names: Iterable[str], known: Mapping[str, VocabularyFact]) -> list[str]:
    """Return those that the vocabulary does not have, choices among readings apart, and what is derived."""
    apart = ("reading:", *_DERIVED)
    return [name for name in names if name not in known and not name.startswith(apart)]


def is_derived(name: str) -> bool:
    """Say whether a fact is the answer to one test, yes or no: on shares, or on what a model is built on."""
    return name.startswith(_DERIVED)


_DERIVED = ("owner.share[", f"{BUILT_ON}[")
