"""Compares imported rows with the records of the atlas, and tells where they differ.

Neither side is taken to be right: a person reads both and settles it. A difference
that a record already names under `conflicts` is known, and told apart.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from reliant.atlas.importers import ModelRow, Place, ProviderRow, Row
from reliant.atlas.records.model import WEIGHTS_KINDS, Model
from reliant.core.dates import PartialDate

if TYPE_CHECKING:
    from reliant.atlas.query import Atlas
    from reliant.atlas.records.provider import Provider

_SIZE_TOLERANCE = 0.15
"""Model names round their size: a "7B" has 6.7 to 7.9 billion parameters."""

_NO_LICENCE = {"", "other", "unknown", "noassertion", "none"}

_LICENCE_WORDS = {
    "llama2": "llama-2",
    "llama3": "llama-3",
    "llama3.1": "llama-3.1",
    "llama3.2": "llama-3.2",
    "llama3.3": "llama-3.3",
    "llama4": "llama-4",
}
"""Hub tags of licences whose name in SPDX form differs by more than case."""


class Difference(msgspec.Struct, frozen=True):
    """One field on which a row and a record differ.

    Attributes:
        ours: What the record says.
        theirs: What the row says.
        at: The row.
        known: The record names it under `conflicts` already.
    """

    record: str
    field: str
    ours: str
    theirs: str
    at: Place
    known: bool


class Comparison(msgspec.Struct, frozen=True):
    """What came of comparing: how many rows, how many of them are about a record, and the differences."""

    rows: int
    matched: int
    differences: tuple[Difference, ...]


def compare(atlas: Atlas, rows: Iterable[Row]) -> Comparison:
    """Return where `rows` and the atlas differ; each difference once per row."""
    names = _Names(atlas)
    total = matched = 0
    found: list[Difference] = []
    for row in rows:
        total += 1
        if isinstance(row, ModelRow):
            model = names.model(row)
            if model is not None:
                matched += 1
                found.extend(_model_differences(names, row, model))
        else:
            provider = names.provider(row)
            if provider is not None:
                matched += 1
                found.extend(_provider_differences(atlas, row, provider))
    return Comparison(total, matched, tuple(found))


class _Names:
    """Finds the record that a row is about; only a name that leads to one record counts."""

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas

    def model(self, row: ModelRow) -> Model | None:
        """Return the record by hub id, by Epoch's name, by models.dev's id or by its own name."""
        key: str | None = None
        if row.at.data_set == "epoch":
            key = self._by_epoch.get(row.name.casefold())
        elif row.at.data_set == "models.dev":
            key = self._by_models_dev.get(f"{row.served_by}/{row.name}".casefold())
        elif row.at.data_set in {"leaderboard", "atom", "own"}:
            key = self._by_hub.get((row.hub_id or "").casefold())
            if key is None and row.at.data_set == "own":
                hit = self.atlas.find_model(row.name)
                key = hit.model.id if hit.model is not None and hit.how == "name" else None
        return self.atlas.models[key] if key else None

    def provider(self, row: ProviderRow) -> Provider | None:
        """Return the record by the id that the data set uses, or by the hub organisation."""
        by_set = {"models.dev": self._providers_of_models_dev, "atom": self._by_organisation}
        key = by_set.get(row.at.data_set, self._by_id).get(row.id.casefold())
        return self.atlas.providers[key] if key else None

    def ancestor(self, written: str) -> Model | None:
        """Return the model that a base is the name of."""
        key = self._by_epoch.get(written.casefold()) or self._by_hub.get(written.casefold())
        if key is None:
            hit = self.atlas.find_model(written.replace(" ", "-"))
            return hit.model
        return self.atlas.models[key]

    @functools.cached_property
    def _by_epoch(self) -> dict[str, str]:
        return {m.epoch.name.casefold(): m.id for m in self.atlas.models.values() if m.epoch is not None}

    @functools.cached_property
    def _by_hub(self) -> dict[str, str]:
        return {hub.casefold(): m.id for m in self.atlas.models.values() for hub in m.hf_ids}

    @functools.cached_property
    def _by_models_dev(self) -> dict[str, str]:
        return {m.models_dev_id.casefold(): m.id for m in self.atlas.models.values() if m.models_dev_id}

    @functools.cached_property
    def _providers_of_models_dev(self) -> dict[str, str]:
        found = {}
        for provider in self.atlas.providers.values():
            for name in provider.models_dev_ids:
                found[name.casefold()] = provider.id
            for estate in provider.estates:
                for name in estate.models_dev_ids:
                    found[name.casefold()] = provider.id
        return found

    @functools.cached_property
    def _by_organisation(self) -> dict[str, str]:
        return {org.casefold(): p.id for p in self.atlas.providers.values() for org in p.hf_orgs}

    @functools.cached_property
    def _by_id(self) -> dict[str, str]:
        return {
            name.casefold(): p.id
            for p in self.atlas.providers.values()
            for name in (*p.models_dev_ids, *p.litellm_providers, *p.aliases, *p.former_ids, p.id)
        }


def _model_differences(names: _Names, row: ModelRow, model: Model) -> Iterator[Difference]:
    if row.released and model.released and not _same_day(row.released, model.released):
        yield _difference(model, "released", model.released, row.released, row)
    if row.weights and model.weights and row.weights != model.weights:
        yield _difference(model, "weights", model.weights, row.accessibility or row.weights, row)
    if row.params_b and model.params_b:
        wider = max(row.params_b, model.params_b) * _SIZE_TOLERANCE
        if abs(row.params_b - model.params_b) > wider:
            yield _difference(model, "params_b", f"{model.params_b:g}", f"{row.params_b:g}", row)
    if row.architecture and model.hf_architecture and row.architecture != model.hf_architecture:
        yield _difference(model, "hf_architecture", model.hf_architecture, row.architecture, row)
    if row.licence and model.licence and not _same_licence(row.licence, model.licence):
        yield _difference(model, "licence", model.licence, row.licence, row)
    yield from _base_differences(names, row, model)


def _base_differences(names: _Names, row: ModelRow, model: Model) -> Iterator[Difference]:
    edges = [edge for edge in model.descent if edge.kind in WEIGHTS_KINDS and edge.status != "denied"]
    # A table that names only the root of a chain contradicts nothing.
    ours = {found.id for found in names.atlas.ancestors(model.id) if found.status != "denied"}
    for written in row.base_models:
        base = names.ancestor(written)
        if base is None or base.id == model.id or base.id in ours or base.part_of in ours:
            continue
        if edges:
            said = ", ".join(edge.ancestor or edge.ancestor_said or "" for edge in edges)
        elif model.weights_origin == "own" and base.developer != model.developer:
            said = "none: no other developer's weights"
        else:
            continue  # The record says nothing about its base: nothing to contradict.
        yield _difference(model, "descent", said, written, row)


def _provider_differences(atlas: Atlas, row: ProviderRow, provider: Provider) -> Iterator[Difference]:
    for host in row.hosts:
        hit = atlas.host(host)
        if hit is None or hit.provider != provider.id:
            ours = hit.provider if hit else ", ".join(provider.api_hosts) or "none"
            yield _difference(provider, "api_hosts", ours, host, row)
    known = {*provider.env_vars, *provider.env_vars_weak}
    for name in row.env_vars:
        if name not in known:
            yield _difference(provider, "env_vars", ", ".join(sorted(known)) or "none", name, row)
    region = provider.hub_regions.get(row.id)
    if row.region and region and region != row.region:
        yield _difference(provider, "hub_regions", region, row.region, row)
    for pattern in row.host_patterns:
        try:
            compiled = re.compile(pattern)
        except re.error:
            continue
        hosts = [*provider.api_hosts, *(host for estate in provider.estates for host in estate.hosts)]
        plain = [host.replace("*", "x") for host in hosts]
        if plain and not any(compiled.search(f"https://{host}/") for host in plain):
            yield _difference(provider, "api_hosts", ", ".join(hosts), pattern, row)


def _difference(record: Model | Provider, field: str, ours: str, theirs: str, row: Row) -> Difference:
    known = any(
        conflict.field == field and conflict.value.casefold() == theirs.casefold()
        for conflict in record.conflicts
    )
    if field == "descent" and isinstance(record, Model):
        against = [c.says for edge in record.descent for c in edge.contradicted_by]
        known = known or any(theirs.casefold() in said.casefold() for said in against)
    return Difference(record.id, field, ours, theirs, row.at, known)


def _same_day(theirs: str, ours: str) -> bool:
    """Say whether the two dates can be one: a month and a day in it can."""
    try:
        there, here = PartialDate.parse(theirs), PartialDate.parse(ours)
    except ValueError:
        return True  # Not a date: nothing to compare.
    return there.earliest <= here.latest and here.earliest <= there.latest


def _same_licence(theirs: str, ours: str) -> bool:
    written = theirs.casefold().strip()
    if written in _NO_LICENCE or ours.casefold() in _NO_LICENCE:
        return True
    wanted = _LICENCE_WORDS.get(written, written)
    parts = [part.removeprefix("licenseref-") for part in re.split(r"\s+(?:and|or)\s+", ours.casefold())]
    return any(_bare(wanted) in _bare(part) or _bare(part) in _bare(wanted) for part in parts)


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)
