"""The atlas as it is asked: by id, by host, by the name somebody wrote for a model.

Nothing is decoded before it is asked for, so that a command that needs one
provider does not pay for a thousand records.
"""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from reliant.atlas import _descent, _find
from reliant.atlas._descent import Ancestor
from reliant.atlas._find import HostHit, ModelHit
from reliant.atlas._known import AsKnown, by_name, hidden
from reliant.atlas._snapshot import FORMAT, Index, Snapshot
from reliant.atlas.records.common import Record
from reliant.atlas.records.model import WEIGHTS_KINDS, Model
from reliant.errors import AtlasError, NotKnownYet, UnknownId

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from reliant.atlas._snapshot import KindPart
    from reliant.atlas.records.event import Event
    from reliant.atlas.records.licence import Licence
    from reliant.atlas.records.observation import Observation
    from reliant.atlas.records.place_list import PlaceList
    from reliant.atlas.records.provider import Provider
    from reliant.atlas.records.register import RegisterCount
    from reliant.atlas.records.rule import Rule
    from reliant.atlas.records.scenario import Scenario
    from reliant.core.truth import Truth

__all__ = ["Ancestor", "Atlas", "HostHit", "ModelHit", "Records"]

_R = TypeVar("_R", bound=Record)


class Records(Mapping[str, _R], Generic[_R]):
    """The records of one kind by id; each is decoded when it is first asked for."""

    def __init__(self, part: KindPart | None) -> None:
        self.kind = part.kind if part else ""
        self._raw: dict[str, msgspec.Raw] = part.records if part else {}
        self._decoded: dict[str, _R] = {}
        self._module = part.module if part else ""

    @functools.cached_property
    def _decoder(self) -> msgspec.msgpack.Decoder[_R]:
        record = importlib.import_module(self._module).KIND.record
        return msgspec.msgpack.Decoder(record)

    def __getitem__(self, key: str) -> _R:
        if key not in self._decoded:
            self._decoded[key] = self._decoder.decode(self._raw[key])
        return self._decoded[key]

    def __contains__(self, key: object) -> bool:
        return key in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def raw(self, key: str) -> bytes:
        """Return the record as it is encoded, for a search that only needs its words."""
        return bytes(self._raw[key])


class _RecordsAsKnown(Records[_R]):
    """The same as known on a day; each record is looked at when it is first asked for."""

    def __init__(self, whole: Records[_R], as_known: AsKnown) -> None:
        super().__init__(None)
        self.kind = whole.kind
        self._whole = whole
        self._as_known = as_known
        self._shown: dict[str, _R | None] = {}

    def _seen(self, key: str) -> _R | None:
        if key not in self._shown:
            self._shown[key] = cast("_R | None", self._as_known(self._whole[key]))
        return self._shown[key]

    def __getitem__(self, key: str) -> _R:
        record = self._seen(key)
        if record is None:
            raise KeyError(key)
        return record

    def __contains__(self, key: object) -> bool:
        return key in self._whole and self._seen(cast("str", key)) is not None

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._whole if key in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def raw(self, key: str) -> bytes:
        return msgspec.msgpack.encode(self[key])


class Atlas:
    """All that is known, as compiled; immutable.

    Attributes:
        version: Digest of the content.
        newest_source: The last publication date among all sources: the atlas ends there.
        day: Of a view as known on a day; None for all that is known now.
    """

    day: dt.date | None = None

    def __init__(self, snapshot: Snapshot) -> None:
        self.version = snapshot.version
        self.newest_source = snapshot.newest_source
        self._snapshot = snapshot
        self._kinds: dict[str, Records[Any]] = {}

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the snapshot") -> Atlas:
        """Open a snapshot; `name` is named in errors.

        Raises:
            AtlasError: It is no snapshot, or of a format this reliant does not read.
        """
        hint = "Make it anew: python -m reliant.atlas.compile"
        try:
            snapshot = msgspec.msgpack.decode(data, type=Snapshot)
        except msgspec.DecodeError as error:
            raise AtlasError(f"{name} is no snapshot of the atlas: {error}", hint=hint) from error
        if snapshot.format != FORMAT:
            raise AtlasError(f"{name} has format {snapshot.format}; this reliant reads {FORMAT}", hint=hint)
        return cls(snapshot)

    def known_on(self, day: dt.date | None) -> Atlas:
        """Return the atlas as it was known on a day, without hindsight; itself if no day is given.

        A source with a date is known from that date; one without from the record's own
        release, else from when it was read. A record is known from its release or its first
        source: before that it is as if it were not there, and `find_model` gives none. An
        edge of descent, a claim, a contradiction and an owner are hidden where all their
        dated sources are later. Hidden descent answers UNKNOWN, never NO. Providers, how
        they are recognised, and lists of places are always there.
        """
        return self if day is None else _AtlasAsKnown(self, day)

    # Records by kind.

    @property
    def folders(self) -> tuple[str, ...]:
        """The kinds there are, by the name of their folder."""
        return tuple(self._snapshot.kinds)

    def records(self, folder: str) -> Records[Any]:
        """Return the records of the kind with this folder; none if there is no such kind."""
        if folder not in self._kinds:
            self._kinds[folder] = Records(self._snapshot.kinds.get(folder))
        return self._kinds[folder]

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Providers, developers, gateways, runtimes, hubs, frameworks and apps."""
        return self.records("providers")

    @property
    def models(self) -> Mapping[str, Model]:
        """Models and families of models."""
        return self.records("models")

    @property
    def events(self) -> Mapping[str, Event]:
        """Cut-offs, restrictions, outages, switches and findings."""
        return self.records("events")

    @property
    def licences(self) -> Mapping[str, Licence]:
        """Licences of models."""
        return self.records("licences")

    @property
    def registers(self) -> Mapping[str, RegisterCount]:
        """Counts of public registers."""
        return self.records("registers")

    @property
    def rules(self) -> Mapping[str, Rule]:
        """What issuers permit, forbid or ask for."""
        return self.records("rules")

    @property
    def lists(self) -> Mapping[str, PlaceList]:
        """Lists of places, as they stood at several times."""
        return self.records("lists")

    @property
    def observations(self) -> Mapping[str, Observation]:
        """Dated reports of what could and could not be reached."""
        return self.records("observations")

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Hypothetical changes of the rules."""
        return self.records("scenarios")

    def document(self, name: str) -> Any:
        """Return a file of the atlas that is no record, such as `vocabulary`, as plain data.

        Raises:
            UnknownId: There is no file of this name.
        """
        if name not in self._snapshot.documents:
            raise UnknownId(name, tuple(self._snapshot.documents))
        return msgspec.msgpack.decode(self._snapshot.documents[name])

    # By name.

    def provider(self, name: str) -> Provider:
        """Return a provider by id, former id, name or alias, or by what LiteLLM or models.dev call it.

        Raises:
            UnknownId: Nobody is called so.
        """
        written = name.strip().casefold()
        key = self._index.providers.get(written) or self._index.prefixes.get(written)
        if key is None:
            raise UnknownId(name, _near(name, self._index.providers))
        return self.providers[key]

    def model(self, name: str) -> Model:
        """Return a model by id, the part of it after the developer, hub id or alias, in any case.

        Raises:
            UnknownId: No record is called so.
        """
        key = self._index.models.get(name.strip().casefold())
        if key is None:
            raise UnknownId(name, _near(name, self._index.models))
        if key not in self.models:
            raise NotKnownYet(key, self.day)
        return self.models[key]

    def find_model(self, written: str) -> ModelHit:
        """Return what is known of a model id as somebody wrote it; never raises."""
        return _find.find_model(written, self._index, self.models)

    def host(self, name: str) -> HostHit | None:
        """Return whose host this is, the most exact entry first; None if nobody's."""
        return _find.find_host(name, self._index)

    def find(self, key: str) -> tuple[Record, ...]:
        """Return the records of any kind with this id, else with this former id or alias.

        Raises:
            UnknownId: No record has it.
        """
        folders = self._index.ids.get(key, ())
        if folders:
            return self._shown((folder, key) for folder in folders)
        if key in self._index.former:
            return self._shown(self._index.former[key])
        folded = key.strip().casefold()
        if folded in self._index.providers:
            return (self.provider(key),)
        if folded in self._index.models:
            return (self.model(key),)
        known = {*self._index.ids, *self._index.former, *self._index.providers, *self._index.models}
        raise UnknownId(key, _near(key, known))

    def _shown(self, places: Iterable[tuple[str, str]]) -> tuple[Record, ...]:
        places = tuple(places)
        found = tuple(self.records(folder)[key] for folder, key in places if key in self.records(folder))
        if not found:
            raise NotKnownYet(places[0][1], self.day)
        return found

    def kind_of(self, record: Record) -> str:
        """Return the kind of a record of this atlas, in the singular."""
        for folder in self._index.ids.get(record.id, ()):
            if self.records(folder).get(record.id) is record:
                return self.records(folder).kind
        return type(record).__name__.lower()

    # Descent.

    def ancestors(self, model_id: str, kinds: Iterable[str] = WEIGHTS_KINDS) -> tuple[Ancestor, ...]:
        """Return all that `model_id` descends from along edges of these kinds, nearest first."""
        return _descent.ancestors(self.models, self.model(model_id).id, frozenset(kinds))

    def reaches(
        self,
        model_id: str,
        ancestor: str,
        kinds: Iterable[str] = WEIGHTS_KINDS,
        *,
        believed: Iterable[str] = ("confirmed",),
    ) -> Truth:
        """Say whether `model_id` descends from `ancestor` along edges of these kinds.

        `ancestor` is a model, or a family: then any member counts. Unrecorded
        parents make it UNKNOWN, and so does an edge whose status is not `believed`.

        Raises:
            UnknownId: One of the two is no model of the atlas.
        """
        here, there = self.model(model_id).id, self.model(ancestor).id
        return _descent.reaches(
            self.models,
            here,
            there,
            kinds=frozenset(kinds),
            believed=frozenset(believed),
            whole=self._whole.models,
        )

    def descends_from_developer(
        self,
        model_id: str,
        developer: str,
        kinds: Iterable[str] = WEIGHTS_KINDS,
        *,
        believed: Iterable[str] = ("confirmed",),
    ) -> Truth:
        """Say the same of any model that `developer` made, the model itself included.

        Raises:
            UnknownId: The model or the developer is not in the atlas.
        """
        here, maker = self.model(model_id).id, self.provider(developer).id
        return _descent.reaches_developer(
            self.models,
            here,
            maker,
            kinds=frozenset(kinds),
            believed=frozenset(believed),
            whole=self._whole.models,
        )

    def hides_descent(self, model_id: str, kinds: Iterable[str] = WEIGHTS_KINDS) -> bool:
        """Say whether more was found above `model_id` after the day of this view."""
        if self._whole is self:
            return False
        followed = frozenset(kinds)
        above = [one.id for one in self.ancestors(model_id, followed) if one.status != "denied" and one.id]
        return any(
            key in self._whole.models
            and (
                key not in self.models
                or hidden(self._whole.models[key].descent, self.models[key].descent, followed)
            )
            for key in (self.model(model_id).id, *above)
        )

    def hides_owner(self, provider: str) -> bool:
        """Say whether the owner of a provider became known only after the day of this view."""
        return self.providers[provider].ultimate_parent != self._whole.providers[provider].ultimate_parent

    @property
    def _whole(self) -> Atlas:
        """The atlas that this is a view of; itself if it hides nothing."""
        return self

    # Places.

    def is_country(self, code: str) -> bool:
        """Say whether `code` is a country or territory of ISO 3166-1."""
        return code in self._countries

    def country_name(self, code: str, language: str = "en") -> str:
        """Return the name of a country in en, zh or ja; the code itself if it has none."""
        names = self._countries.get(code, {})
        return names.get(language) or names.get("en") or code

    @property
    def countries(self) -> tuple[str, ...]:
        """All country codes, in order."""
        return tuple(sorted(self._countries))

    @functools.cached_property
    def _countries(self) -> dict[str, dict[str, str]]:
        return msgspec.msgpack.decode(self._snapshot.countries, type=dict[str, dict[str, str]])

    @functools.cached_property
    def _index(self) -> Index:
        return msgspec.msgpack.decode(self._snapshot.index, type=Index)


class _AtlasAsKnown(Atlas):
    """What an atlas said on a day; shares all that it has read."""

    def __init__(self, whole: Atlas, day: dt.date) -> None:
        super().__init__(whole._snapshot)
        self.day = day
        self._behind = whole._whole
        self._as_known = AsKnown(day, self._licence)

    def records(self, folder: str) -> Records[Any]:
        if folder not in self._kinds:
            self._kinds[folder] = _RecordsAsKnown(self._behind.records(folder), self._as_known)
        return self._kinds[folder]

    def known_on(self, day: dt.date | None) -> Atlas:
        return self if day in (None, self.day) else self._behind.known_on(day)

    @property
    def _whole(self) -> Atlas:
        return self._behind

    @functools.cached_property
    def _licences(self) -> dict[str, Licence]:
        return by_name(self._behind.licences)

    def _licence(self, name: str) -> Licence | None:
        return self._licences.get(name)

    @functools.cached_property
    def _countries(self) -> dict[str, dict[str, str]]:
        return self._behind._countries

    @functools.cached_property
    def _index(self) -> Index:
        return self._behind._index


def _near(wanted: str, known: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        difflib.get_close_matches(wanted.casefold(), cast("list[str]", list(known)), n=3, cutoff=0.7)
    )
