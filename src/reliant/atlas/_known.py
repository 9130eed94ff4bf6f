"""What of a record was known on a day: nothing that was found out later.

The rule, for every source of a record: one with a date is known from that date (a
month from its last day). One without a date is known from the record's own release,
because somebody who uses a model can read what comes with it; a copy of a dated text
is never older than that text; and where nothing was released, it is known from the
day on which it was read.

A record is known from its release, which is public by itself, or from its first
source. An edge, a claim or a contradiction with dated sources is known from the first
of these; its undated sources count only where it has no other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from reliant.atlas.records.model import WEIGHTS_KINDS, Claim, Contradiction, Edge, Model
from reliant.atlas.records.place_list import PlaceList
from reliant.atlas.records.provider import Provider
from reliant.core.dates import PartialDate

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.atlas.records.common import Record, Source
    from reliant.atlas.records.licence import Licence

_Told = TypeVar("_Told", Edge, Claim)


class AsKnown:
    """Shows records as they were known on a day.

    Args:
        licence: Gives the record of a licence by its SPDX id or id; None if there is none.
    """

    def __init__(self, day: dt.date, licence: Callable[[str], Licence | None] = lambda _: None) -> None:
        self.day = day
        self._licence = licence

    def __call__(self, record: Record) -> Record | None:
        """Return what was known of the record; None if it was not known at all."""
        match record:
            case Model():
                return self.model(record)
            case Provider():
                return self.provider(record)
            case PlaceList():
                # A name for places; which copy of it holds on a day the rules find out themselves.
                return record
            case _:
                return record if self._is_known(record) else None

    def model(self, model: Model) -> Model | None:
        """Return the model without what was found out later; None if it was not known."""
        if not self._is_known(model):
            return None
        descent = tuple(self._told(model, model.descent))
        hides_weights = hidden(model.descent, descent, WEIGHTS_KINDS)
        return msgspec.structs.replace(
            model,
            descent=descent,
            claims=tuple(self._told(model, model.claims)),
            conflicts=tuple(one for one in model.conflicts if self._tells(model, one.sources)),
            sources={name: one for name, one in model.sources.items() if self._is_public(model, name)},
            # That no other weights went in, or that all that did are named, was not known either.
            weights_origin=None if hides_weights else model.weights_origin,
            declared_base=None if hides_weights else model.declared_base,
            models_dev_base_id=None if hides_weights else model.models_dev_base_id,
            epoch=model.epoch if self._tells(model, ["epoch"] if "epoch" in model.sources else []) else None,
            licence=model.licence if self._is_published(model.licence) else None,
        )

    def provider(self, provider: Provider) -> Provider:
        """Return the provider; owner and catalogue only if known. That it exists is no finding of ours."""
        if provider.serves_on and PartialDate.parse(provider.serves_on).latest > self.day:
            provider = msgspec.structs.replace(provider, serves=(), serves_on=None)
        owner = provider.ultimate_parent
        if owner is None:
            return provider
        since = PartialDate.parse(owner.since).latest if owner.since else None
        known = since <= self.day if since else self._is_known(provider)
        return provider if known else msgspec.structs.replace(provider, ultimate_parent=None)

    def _is_known(self, record: Record) -> bool:
        released = _released(record)
        if released is not None and released <= self.day:
            return True
        return any(self._is_public(record, name) for name in record.sources)

    def _is_public(self, record: Record, name: str) -> bool:
        """Say whether a source could be read by the day."""
        source = record.sources[name]
        if source.published:
            return PartialDate.parse(source.published).latest <= self.day
        if source.origin and (dates := _dates(record.sources.values(), source.origin)):
            return min(dates) <= self.day
        released = _released(record)
        if released is not None:
            return released <= self.day
        return PartialDate.parse(source.retrieved or record.reviewed.on).latest <= self.day

    def _tells(self, record: Record, names: Iterable[str]) -> bool:
        """Say whether what these sources carry was known: the dated ones decide if there are any."""
        here = [name for name in names if name in record.sources]
        dated = [name for name in here if record.sources[name].published]
        if here:
            return any(self._is_public(record, name) for name in dated or here)
        released = _released(record)
        looked = PartialDate.parse(record.reviewed.on).latest
        return (released or looked) <= self.day

    def _told(self, record: Record, every: Iterable[_Told]) -> Iterator[_Told]:
        for one in every:
            if self._tells(record, one.sources):
                yield msgspec.structs.replace(
                    one,
                    sources=self._public_names(record, one.sources),
                    contradicted_by=tuple(self._against(record, one.contradicted_by)),
                )

    def _against(self, record: Record, every: Iterable[Contradiction]) -> Iterator[Contradiction]:
        for one in every:
            if self._tells(record, one.sources):
                yield msgspec.structs.replace(one, sources=self._public_names(record, one.sources))

    def _public_names(self, record: Record, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in record.sources and self._is_public(record, name))

    def _is_published(self, licence: str | None) -> bool:
        """Say whether the licences of an expression existed by the day; one without a date did."""
        words = (licence or "").replace("(", " ").replace(")", " ").split()
        found = (self._licence(word.removeprefix("LicenseRef-")) for word in words)
        dates = [_released(one) for one in found if one is not None]
        return all(day <= self.day for day in dates if day is not None)


def hidden(whole: Iterable[Edge], shown: Iterable[Edge], kinds: frozenset[str]) -> bool:
    """Say whether an edge of one of these kinds is missing among those that are shown."""
    return sum(edge.kind in kinds for edge in whole) > sum(edge.kind in kinds for edge in shown)


def by_name(licences: Mapping[str, Licence]) -> dict[str, Licence]:
    """Return the licences by id, and by SPDX id where they have one."""
    return {name: one for one in licences.values() for name in (one.id, one.spdx) if name}


def _released(record: Any) -> dt.date | None:
    text = getattr(record, "released", None)
    return PartialDate.parse(text).latest if text else None


def _dates(sources: Iterable[Source], origin: str) -> list[dt.date]:
    return [
        PartialDate.parse(one.published).latest for one in sources if one.origin == origin and one.published
    ]
