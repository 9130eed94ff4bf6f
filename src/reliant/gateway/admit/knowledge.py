"""What the atlas gives the gateway: the rules, and facts of providers and models."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from reliant.atlas.query import Atlas
from reliant.core.facts import Fact, Facts, Provenance
from reliant.core.truth import Truth
from reliant.errors import UnknownId
from reliant.gateway.admit.admission import Admission
from reliant.gateway.admit.keys import Caller
from reliant.gateway.admit.operator_rules import OperatorRules
from reliant.gateway.config import Config, Upstream
from reliant.policy.ask import Asker, Question
from reliant.policy.conditions import is_place
from reliant.policy.ownership import Ownership
from reliant.policy.rulebook import RuleBook


class Knowledge:
    """The atlas as the gateway asks it.

    Attributes:
        vocabulary: The facts that rules may ask for.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self._book = RuleBook.from_atlas(atlas)
        self._asker = Asker(atlas, self._book)
        self.vocabulary = self._asker.known

    def admission(self, config: Config, today: dt.date) -> Admission:
        """Return an empty table of rulings under `config`."""
        book = self._book
        dry = frozenset(config.policy.dry_run)
        enforced = book
        if dry:
            kept = [rule for rule in book.rules.values() if rule.id not in dry]
            enforced = RuleBook(kept, book.lists, questions=book.questions, observations=book.observations)
        return Admission(
            config,
            enforced=enforced,
            everything=book if dry else None,
            operator=OperatorRules(config.rule),
            facts=self.facts,
            today=today,
        )

    def facts(
        self, caller: Caller, upstream: Upstream, model: str, place: str | None, today: dt.date
    ) -> Facts:
        """Return what is known of `caller` in `place` asking `upstream` for `model`."""
        here = Provenance("given", f"upstream {upstream.name}")
        question = Question(
            provider=upstream.provider,
            model=model or None,
            channel=upstream.channel,
            partner=upstream.partner,
            developer=upstream.developer or self._maker(upstream.provider, model),
            place=place,
            origin={
                **dict.fromkeys(("provider", "channel", "partner", "developer"), here),
                "place": Provenance("given", f"key {caller.name}"),
            },
        )
        return self._asker.facts(question, self._about(caller, upstream, place, today))

    def _maker(self, provider: str, model: str) -> str | None:
        """Return who made a model nobody has recorded: a lab that serves only its own made it."""
        hit = self.atlas.find_model(model) if model else None
        if hit is not None and (hit.model is not None or hit.developer is not None):
            return None
        record = self.atlas.providers.get(provider)
        roles = set(record.roles) if record is not None else set()
        return provider if "lab" in roles and roles <= {"lab", "api", "app"} else None

    def _about(self, caller: Caller, upstream: Upstream, place: str | None, today: dt.date) -> Facts:
        tenant = caller.tenant
        known: dict[str, Fact] = {}
        if upstream.region is not None:
            known["server.region"] = Fact(upstream.region, Provenance("given", f"upstream {upstream.name}"))
        if tenant is None:
            if place is not None:
                known["company.country"] = Fact(place, Provenance("given", f"key {caller.name}"))
            return Facts(known)
        told = Provenance("given", f"tenant {tenant.name}")
        pairs: dict[str, str | None] = {
            "company.country": tenant.country,
            "user.nationality": tenant.nationality,
            "sector": tenant.sector,
        }
        for name, value in (*pairs.items(), *tenant.facts.items()):
            if value is not None:
                known[name] = Fact(() if value == "none" and is_place(name) else value, told)
        facts = Facts(known)
        if tenant.owner_country is not None:
            owners = Ownership.sole(tenant.owner_country, tenant.name)
            facts = owners.facts(self._book, today, f"tenant {tenant.name}") | facts
        return facts

    def provider_id(self, name: str) -> str:
        """Return the id of a provider by any of its names; the name itself if there is none."""
        try:
            return self.atlas.provider(name).id
        except UnknownId:
            return name

    def provider_country(self, name: str) -> str | None:
        """Return where a provider or developer is at home."""
        try:
            return self.atlas.provider(name).hq_country
        except UnknownId:
            return None

    def descends(self, model: str, of: Iterable[str]) -> tuple[Truth, str]:
        """Say whether a model comes from, or was made by, one of these models, developers or countries.

        Returns:
            The answer, and for which of them; for a model the atlas does not know, UNKNOWN.
        """
        wanted = list(of)
        hit = self.atlas.find_model(model)
        if hit.model is None:
            return self._by_developer_only(hit.developer, wanted)
        found = Truth.NO
        which = ""
        for one in wanted:
            answer = self._one(hit.model.id, one)
            if answer is Truth.YES:
                return answer, one
            if answer is Truth.UNKNOWN:
                found, which = answer, one
        return found, which

    def _by_developer_only(self, developer: str | None, wanted: list[str]) -> tuple[Truth, str]:
        for one in wanted:
            if developer is not None and one in {developer, self.provider_country(developer)}:
                return Truth.YES, one
        return Truth.UNKNOWN, wanted[0] if wanted else ""

    def _one(self, model_id: str, ancestor: str) -> Truth:
        if self.atlas.is_country(ancestor):
            return self._from_country(model_id, ancestor)
        try:
            maker = self.atlas.provider(ancestor).id
        except UnknownId:
            maker = None
        if maker is not None:
            return self.atlas.descends_from_developer(model_id, maker)
        try:
            if self.atlas.model(ancestor).id == model_id:
                return Truth.YES
            return self.atlas.reaches(model_id, ancestor)
        except UnknownId:
            return Truth.UNKNOWN

    def _from_country(self, model_id: str, country: str) -> Truth:
        """Say whether the model or an ancestor by weights was made in `country`."""
        answer = Truth.NO
        makers = [self.atlas.models[model_id].developer]
        makers += [one.developer or "" for one in self.atlas.ancestors(model_id) if one.status != "denied"]
        for maker in makers:
            home = self.provider_country(maker)
            if home == country:
                return Truth.YES
            if home is None:
                answer = Truth.UNKNOWN
        start = self.atlas.models[model_id]
        if start.weights_origin is None and not start.descent:
            return Truth.UNKNOWN
        return answer
