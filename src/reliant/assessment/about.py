"""What the rules are asked about a use: facts found in the target, and facts of the atlas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.assessment.chains import country_of
from reliant.core.facts import Fact, Facts, Provenance
from reliant.core.use import Channel, Kind

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.facts import Value
    from reliant.core.use import Evidence, Use


def facts_about(use: Use, atlas: Atlas) -> Facts:
    """Return the facts of one use; what neither the target nor the atlas says is left out."""
    seen = use.evidence[0]
    known: dict[str, Fact] = {}

    def found(name: str, value: Value | None, at: Evidence = seen) -> None:
        if value is not None:
            known[name] = Fact(value, Provenance("found", f"{at.path}:{at.line}", at.text[:120]))

    def recorded(name: str, value: Value | tuple[Value, ...] | None, record: str) -> None:
        if value is not None and value != ():
            known[name] = Fact(value, Provenance("atlas", record))

    found("provider", use.provider)
    if use.channel is not Channel.UNKNOWN:
        found("channel", use.channel.value)
    provider = atlas.providers.get(use.provider) if use.provider else None
    if provider is not None:
        recorded("provider.country", country_of(use, provider, atlas), provider.id)
        if use.channel is Channel.PARTNER:
            recorded("partner", provider.id, provider.id)
    if use.region is not None:
        found("deployment.region", use.region)
    hit = atlas.find_model(use.model) if use.model else None
    if hit is not None and hit.model is not None:
        model = hit.model
        recorded("model", model.id, model.id)
        recorded("model.weights", model.weights, model.id)
        recorded("licence", model.licence, model.id)
    elif use.model is not None:
        found("model", use.model)
    if "model.weights" not in known and use.kind is Kind.OPEN_WEIGHTS:
        found("model.weights", "open")
    developer = use.developer or (hit.developer if hit else None)
    if developer is not None:
        recorded("developer", developer, developer)
        maker = atlas.providers.get(developer)
        if maker is not None:
            recorded("developer.country", maker.hq_country, developer)
    return Facts(known)
