"""Models of a country as rows: from the atlas, or from data sets that were imported.

A row says who made a model, when, and on which other models it is based. A blank base
means made from scratch or not recorded; only the atlas tells the two apart. Parents
are names; where a name is that of no row, its origin is looked for by name, and every
such case is kept so that it can be printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from reliant.assessment.country.blocs import CountryNames
from reliant.assessment.graph import FOLLOWED
from reliant.core.dates import PartialDate

if TYPE_CHECKING:
    import datetime as dt

    from reliant.atlas import Atlas

_SIZE = re.compile(r"\(.*?\)|\b\d[\w.]*\b|\b(?:base|large|small|mini|instruct|chat|fin)\b", re.IGNORECASE)


class ImportedRow(Protocol):
    """What is read of a row of a data set."""

    @property
    def name(self) -> str:
        """As written."""

    @property
    def countries(self) -> tuple[str, ...]:
        """As written."""

    @property
    def released(self) -> str | None:
        """A date, a month or a year."""

    @property
    def base_models(self) -> tuple[str, ...]:
        """Names."""

    @property
    def weights(self) -> str | None:
        """Open or closed."""

    @property
    def domains(self) -> tuple[str, ...]:
        """What it works on."""


@dataclass(frozen=True, slots=True)
class Made:
    """One model.

    Attributes:
        countries: Codes of all its makers; empty if not known.
        day: None if it has no date.
        parents: Names of its bases along followed descent.
        recorded: Its base is known: parents are given, or it is known to have none.
        blueprints: Names of models whose architecture it took over.
        at: Where the row stands.
        downloads: None if no data set counts them.
    """

    name: str
    countries: frozenset[str]
    day: PartialDate | None = None
    parents: tuple[str, ...] = ()
    recorded: bool = False
    weights: str | None = None
    domains: tuple[str, ...] = ()
    blueprints: tuple[str, ...] = ()
    at: str = ""
    downloads: float | None = None

    @property
    def half(self) -> str | None:
        """The half-year, as 2024H1; None without a date of at least a month."""
        if self.day is None or self.day.month is None:
            return None
        return f"{self.day.year}H{1 if self.day.month <= 6 else 2}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model was made; `how` says how that is known: row, atlas, name or none."""

    name: str
    countries: frozenset[str]
    how: str
    weights: str | None = None


@dataclass
class Models:
    """Rows by name, and the origins of names that are in no row.

    Attributes:
        data: The data sets with the number of rows of each.
        faults: What of the rows cannot be counted, in a sentence; empty if nothing.
        undated: Rows that were left out for want of a date.
    """

    rows: dict[str, Made]
    atlas: Atlas
    data: tuple[str, ...] = ()
    by_name: dict[str, Origin] = field(default_factory=dict)
    faults: str = ""
    undated: int = 0

    def __post_init__(self) -> None:
        self._folded = {name.casefold(): name for name in self.rows}
        self._families: dict[str, set[frozenset[str]]] = {}
        for made in self.rows.values():
            if made.countries:
                self._families.setdefault(family(made.name), set()).add(made.countries)

    def until(self, day: dt.date) -> Models:
        """Return only the models that were there by the end of `day`."""
        kept = {
            name: made for name, made in self.rows.items() if made.day is not None and made.day.latest <= day
        }
        undated = sum(made.day is None for made in self.rows.values())
        return Models(kept, self.atlas, self.data, faults=self.faults, undated=undated)

    def row(self, name: str) -> Made | None:
        """Return the row of a name, in any letter case."""
        return self.rows.get(name) or self.rows.get(self._folded.get(name.casefold(), name))

    def origin(self, name: str) -> Origin:
        """Return where a name was made: by its row, the atlas, or rows of the same family that agree."""
        made = self.row(name)
        if made is not None:
            return Origin(made.name, made.countries, "row", made.weights)
        if name not in self.by_name:
            self.by_name[name] = self._guess(name)
        return self.by_name[name]

    def _guess(self, name: str) -> Origin:
        hit = self.atlas.find_model(name)
        weights = hit.model.weights if hit.model else None
        if hit.developer and hit.developer in self.atlas.providers:
            country = self.atlas.providers[hit.developer].hq_country
            if country is not None:
                return Origin(name, frozenset((country,)), f"atlas: made by {hit.developer}", weights)
        alike = self._families.get(family(name), set())
        if len(alike) == 1:
            (countries,) = alike
            return Origin(name, countries, "rows of the same family", weights)
        return Origin(name, frozenset(), "not known", weights)

    def roots(self, made: Made) -> tuple[Origin, ...]:
        """Return where the lines of a model begin; nothing if no parent is recorded."""
        found: dict[str, Origin] = {}
        self._climb(made, {made.name}, found, only_ends=True)
        return tuple(found.values())

    def circles(self, made: Made) -> bool:
        """Say whether the recorded bases of a model lead back to itself and nowhere else."""
        return bool(made.parents) and not self.roots(made)

    def ancestors(self, made: Made) -> tuple[Origin, ...]:
        """Return every known ancestor of a model."""
        found: dict[str, Origin] = {}
        self._climb(made, {made.name}, found, only_ends=False)
        return tuple(found.values())

    def _climb(self, made: Made, seen: set[str], found: dict[str, Origin], *, only_ends: bool) -> None:
        for name in made.parents:
            parent = self.row(name)
            if parent is not None and parent.name in seen:
                continue
            if parent is None or not parent.parents or not only_ends:
                origin = self.origin(name)
                found[origin.name] = origin
            if parent is not None:
                seen.add(parent.name)
                self._climb(parent, seen, found, only_ends=only_ends)


def family(name: str) -> str:
    """Return a name without sizes and versions.

    Examples:
        >>> family("Stable Diffusion 1.2") == family("Stable Diffusion (LDM-KL-8-G)")
        True
    """
    return " ".join(_SIZE.sub(" ", name).replace("-", " ").split()).casefold()


def from_rows(files: Iterable[tuple[str, Sequence[ImportedRow]]], atlas: Atlas) -> Models:
    """Return the models of imported data sets, by name: where two know a value, the newer data set wins.

    Args:
        files: Name and rows of each data set.
        atlas: To read names of countries, and to place parents that are in no row.
    """
    names = CountryNames(atlas)
    files = list(files)
    held = [(title, [_made(row, names, title) for row in rows]) for title, rows in files]
    held.sort(key=lambda one: max((made.day for made in one[1] if made.day), default=PartialDate(1)))
    rows: dict[str, Made] = {}
    for _, several in held:
        for made in several:
            if not made.name:
                continue
            rows[made.name] = _joined(rows[made.name], made) if made.name in rows else made
    data = tuple(f"{title}: {len(several)} rows" for title, several in held)
    faults = _faults([row for _, several in files for row in several], names), _twice(files)
    return Models(rows, atlas, data, faults=" ".join(filter(None, faults)))


def _faults(rows: list[ImportedRow], names: CountryNames) -> str:
    """Return what is wrong with rows, with examples: what is not said is not counted in silence."""
    found: dict[str, list[str]] = {}

    def note(fault: str, row: ImportedRow, said: str = "") -> None:
        at = getattr(row, "at", None)
        shown = " in ".join(one for one in (said[:40], str(at) if at is not None else "") if one)
        found.setdefault(fault, []).append(shown)

    for row in rows:
        if not row.name:
            note("without a name", row)
        if row.countries and not any(map(names.code, row.countries)):
            note("of a country that is not known", row, row.countries[0])
        if row.released and not _readable(row.released):
            note("with a date that is none", row, row.released)
    said = []
    for fault, several in found.items():
        shown = ", ".join(list(dict.fromkeys(filter(None, several)))[:3])
        said.append(f"{len(several)} {fault}" + (f" ({shown})" if shown else ""))
    return f"Rows that are not counted: {'; '.join(said)}. Correct them and ask again." if said else ""


def _twice(files: Iterable[tuple[str, Sequence[ImportedRow]]]) -> str:
    """Return which names stand more than once in one file, and are read as one model."""
    told = []
    for _, rows in files:
        first: dict[str, ImportedRow] = {}
        for row in rows:
            if row.name and first.setdefault(row.name, row) is not row:
                places = [str(at) for one in (first[row.name], row) if (at := getattr(one, "at", None))]
                told.append(f"{row.name[:40]}" + (f" ({' and '.join(places)})" if places else ""))
    if not told:
        return ""
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"Rows of one name are read as one model, the later one first: {', '.join(told[:3])}{more}."


def _readable(day: str) -> bool:
    try:
        PartialDate.parse(day)
    except ValueError:
        return False
    return True


def _made(row: ImportedRow, names: CountryNames, title: str) -> Made:
    codes = frozenset(code for code in map(names.code, row.countries) if code)
    try:
        day = PartialDate.parse(row.released) if row.released else None
    except ValueError:
        day = None
    place = getattr(row, "at", None)
    return Made(
        name=row.name,
        countries=codes,
        day=day,
        parents=row.base_models,
        recorded=bool(row.base_models),
        weights=row.weights,
        domains=row.domains,
        at=str(place) if place is not None else title,
        downloads=_count(getattr(row, "downloads", None)),
    )


def _count(told: float | None) -> float | None:
    """Return a number of downloads; a negative one is none."""
    return told if told is not None and told >= 0 else None


def _joined(older: Made, newer: Made) -> Made:
    return replace(
        newer,
        countries=newer.countries or older.countries,
        day=newer.day or older.day,
        parents=newer.parents or older.parents,
        recorded=newer.recorded or older.recorded,
        weights=newer.weights or older.weights,
        domains=newer.domains or older.domains,
        downloads=older.downloads if newer.downloads is None else newer.downloads,
    )


def from_atlas(atlas: Atlas, followed: Iterable[str] = FOLLOWED) -> Models:
    """Return the models of the atlas with their descent along the followed kinds.

    A disputed or denied edge is no parent here; the model then counts as one whose base
    is not recorded, unless it is known to be made from scratch.
    """
    kinds = frozenset(followed)
    rows: dict[str, Made] = {}
    for record in atlas.models.values():
        if record.level == "family":
            continue
        maker = atlas.providers.get(record.developer)
        sure = [edge for edge in record.descent if edge.status in {"confirmed", "reported"}]
        parents = tuple(_named(edge) for edge in sure if edge.kind in kinds)
        rows[record.id] = Made(
            name=record.id,
            countries=frozenset((maker.hq_country,)) if maker and maker.hq_country else frozenset(),
            day=PartialDate.parse(record.released) if record.released else None,
            parents=parents,
            recorded=bool(parents) or record.weights_origin is not None,
            weights=record.weights,
            domains=record.modalities,
            blueprints=tuple(_named(edge) for edge in sure if edge.kind == "architecture"),
            at=record.id,
        )
    return Models(rows, atlas, (f"atlas {atlas.version}: {len(rows)} models",))


def _named(edge: object) -> str:
    return getattr(edge, "ancestor", None) or getattr(edge, "ancestor_said", None) or "not named"


def origins_by_name(models: Models) -> Mapping[str, str]:
    """Return the parents that are in no row, and how each was placed."""
    return {
        name: f"{', '.join(sorted(origin.countries)) or 'unknown'} ({origin.how})"
        for name, origin in sorted(models.by_name.items())
    }
