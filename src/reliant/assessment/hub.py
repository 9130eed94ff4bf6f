"""Descent at the size of a whole hub: two arrays of edges instead of objects.

A hub of five million models and 3.4 million edges fits in some hundred megabytes as
integers, and descent there is never deep, so rounds that each go one generation down
answer in a fraction of a second. The same call serves a thousand models.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reliant.assessment.country_reliance import Sides
from reliant.assessment.graph import DESCENT_KINDS, FOLLOWED
from reliant.core.country import Half, Reliance, Weighed
from reliant.core.results import Interval
from reliant.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]
    Weights = npt.NDArray[np.float64]

_MODELS = ("id", "origin")
_EDGES = ("child", "parent", "kind")
_MOST_ROUNDS = 10_000
_ON, _HOME, _OTHER, _UNKNOWN = 1, 2, 4, 8


def _numpy() -> Any:
    try:
        import numpy as np  # noqa: PLC0415  (the extra `country`)
    except ImportError:
        raise MissingExtra("Descent at the size of a hub", "country") from None
    return np


def _polars() -> Any:
    try:
        import polars as pl  # noqa: PLC0415  (the extra `country`)
    except ImportError:
        raise MissingExtra("Reading and writing Parquet", "country") from None
    return pl


@dataclass(frozen=True)
class Hub:
    """Models and edges as arrays.

    Attributes:
        places: Codes of countries; `origin` points into it.
        origin: Of each model, int16; -1 if not known.
        child: Of each edge, the index of the model that descends.
        parent: Of each edge, the index of the model it descends from.
        kind: Of each edge, the index of its kind in `DESCENT_KINDS`, uint8.
        downloads: Of each model; None if nobody counted.
        half: Of each model, year times 2 plus 0 or 1, int16; -1 without a date; None without any.
        ids: Names of the models; None if only numbers are needed.
    """

    places: tuple[str, ...]
    origin: npt.NDArray[np.int16]
    child: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    downloads: npt.NDArray[np.float64] | None = None
    half: npt.NDArray[np.int16] | None = None
    ids: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.origin)

    def made_in(self, codes: Iterable[str]) -> Flags:
        """Return which models were made in one of these countries."""
        np = _numpy()
        wanted = [at for at, place in enumerate(self.places) if place in set(codes)]
        found: Flags = np.isin(self.origin, wanted)
        return found

    def edges(
        self, followed: Iterable[str] = FOLLOWED
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return child and parent of the edges of these kinds."""
        np = _numpy()
        wanted = [DESCENT_KINDS.index(kind) for kind in followed]
        kept = np.isin(self.kind, wanted)
        return (self.child, self.parent) if kept.all() else (self.child[kept], self.parent[kept])


def reach(hub: Hub, codes: Iterable[str], followed: Iterable[str] = FOLLOWED) -> Flags:
    """Return which models have an ancestor that was made in one of these countries."""
    np = _numpy()
    child, parent = hub.edges(followed)
    touched: Flags = np.zeros(len(hub), dtype=bool)
    counts = hub.made_in(codes)
    for _ in range(_MOST_ROUNDS):
        hit = counts[parent]
        if not hit.any():
            break
        below = child[hit]
        touched[below] = True
        counts[below] = True
        # An edge that was used is used up; later rounds look only at the others.
        left = ~hit
        child, parent = child[left], parent[left]
    return touched


def roots(hub: Hub, sides: Sides, followed: Iterable[str] = FOLLOWED) -> npt.NDArray[np.uint8]:
    """Return, for each model, where its lines begin: 1 the other country, 2 home, 4 elsewhere, 8 unknown.

    The bits of several roots are joined; a model without parents begins its own line.
    """
    np = _numpy()
    child, parent = hub.edges(followed)
    own = np.full(len(hub), _OTHER, dtype=np.uint8)
    own[hub.origin < 0] = _UNKNOWN
    own[hub.made_in(sides.home)] = _HOME
    own[hub.made_in(sides.on)] = _ON
    derived = np.zeros(len(hub), dtype=bool)
    derived[child] = True
    mask = np.where(derived, 0, own).astype(np.uint8)
    for _ in range(_MOST_ROUNDS):
        told = mask[parent]
        new = (told & ~mask[child]) != 0
        if not new.any():
            break
        np.bitwise_or.at(mask, child[new], told[new])
    return mask  # type: ignore[no-any-return]


def reliance(hub: Hub, sides: Sides, followed: Iterable[str] = FOLLOWED) -> Reliance:
    """Return what the models of a country rest on, counted, and weighed by downloads if they are known."""
    np = _numpy()
    kinds = tuple(followed)
    own = hub.made_in(sides.home)
    child, _ = hub.edges(kinds)
    derived = np.zeros(len(hub), dtype=bool)
    derived[child] = True
    reached, mask = reach(hub, sides.on, kinds), roots(hub, sides, kinds)

    def share(chosen: Flags, weight: Weights | None) -> float:
        if weight is None:
            return int((own & chosen).sum()) / (int(own.sum()) or 1)
        return float(weight[own & chosen].sum()) / (float(weight[own].sum()) or 1.0)

    def figures(weight: Weights | None) -> dict[str, Any]:
        blank = share(~derived, weight)
        low = {
            "look_through": share(reached, weight),
            "root": share(derived & ((mask & _ON) > 0), weight),
            "home_rooted": share(derived & (mask == _HOME), weight),
        }
        found = {name: Interval(value, min(1.0, value + blank)) for name, value in low.items()}
        return {**found, "face_value": Interval(0.0, 0.0), "unknown": blank}

    models = int(own.sum())
    weighed = None
    if hub.downloads is not None:
        total = float(hub.downloads[own].sum())
        weighed = Weighed(models=models, of=models, downloads=total, **figures(hub.downloads))
    return Reliance(
        halves=_halves(hub, own, derived, mask) if hub.half is not None else (),
        models=models,
        base_known=int((own & derived).sum()),
        data=(f"hub of {len(hub):,} models and {len(hub.child):,} edges",),
        remarks=("A model of a hub has one origin, so none is made by both countries.",),
        by_downloads=weighed,
        **figures(None),
    )


def _halves(hub: Hub, own: Flags, derived: Flags, mask: npt.NDArray[np.uint8]) -> tuple[Half, ...]:
    np = _numpy()
    if hub.half is None:
        return ()
    rows = []
    dated = own & (hub.half >= 0)
    first = int(np.min(hub.half[dated])) if dated.any() else 0
    span = int(np.max(hub.half[dated])) - first + 1 if dated.any() else 0

    def count(flags: Flags) -> list[int]:
        found: list[int] = np.bincount(hub.half[flags] - first, minlength=span).tolist()  # type: ignore[index]
        return found

    models, known = count(dated), count(dated & derived)
    column = {bit: count(dated & derived & ((mask & bit) > 0)) for bit in (_ON, _HOME, _OTHER, _UNKNOWN)}
    for at in range(span):
        if not models[at]:
            continue
        year, second = divmod(first + at, 2)
        on = column[_ON][at]
        rows.append(
            Half(
                half=f"{year}H{second + 1}",
                models=models[at],
                base_known=known[at],
                root_on=on,
                root_home=column[_HOME][at],
                root_other=column[_OTHER][at],
                root_unknown=column[_UNKNOWN][at],
                share_of_known=on / known[at] if known[at] else None,
                floor=on / models[at],
            )
        )
    return tuple(rows)


def read_parquet(models: Path, edges: Path, until: dt.date | None = None) -> Hub:
    """Read a hub from two Parquet files.

    `models` has the columns id, origin (ISO code or null) and, if known, downloads and
    made (a date); `edges` has child, parent (ids) and kind. An edge to an id that is no
    model adds a model of unknown origin.

    Args:
        until: Leave out models that were made later; those without a date stay.

    Raises:
        ConfigError: A file is not Parquet, or lacks a column.
    """
    np, pl = _numpy(), _polars()
    rows, links = _table(models, _MODELS), _table(edges, _EDGES)
    if "made" in rows.columns:
        if rows["made"].dtype == pl.String:
            rows = rows.with_columns(pl.col("made").str.to_date(strict=False))
        if until is not None:
            later = rows.filter(pl.col("made") > until).select("id")
            rows = rows.join(later, on="id", how="anti")
            links = links.join(later, left_on="child", right_on="id", how="anti")
            links = links.join(later, left_on="parent", right_on="id", how="anti")
    listed = rows.select("id").unique(maintain_order=True)
    named = pl.concat([links.select(id="child"), links.select(id="parent")]).unique(maintain_order=True)
    every = pl.concat([listed, named.join(listed, on="id", how="anti")]).with_row_index("at")
    full = every.join(rows.unique("id", keep="first"), on="id", how="left", maintain_order="left")
    places = tuple(sorted(full["origin"].drop_nulls().unique().to_list()))
    place = pl.DataFrame(
        {"origin": list(places), "place": range(len(places))}, schema_overrides={"place": pl.Int16}
    )
    origin = full.join(place, on="origin", how="left", maintain_order="left")["place"].fill_null(-1)
    kinds = pl.DataFrame(
        {"kind": list(DESCENT_KINDS), "number": range(len(DESCENT_KINDS))},
        schema_overrides={"number": pl.UInt8},
    )
    joined = (
        links.join(every, left_on="child", right_on="id", how="inner")
        .rename({"at": "below"})
        .join(every, left_on="parent", right_on="id", how="inner")
        .join(kinds, on="kind", how="left")
    )
    unknown = joined.filter(pl.col("number").is_null())
    if len(unknown):
        raise ConfigError(
            edges,
            0,
            f"has an edge of the kind {unknown['kind'][0]!r}",
            hint=f"Kinds: {', '.join(DESCENT_KINDS)}.",
        )
    half = None
    if "made" in full.columns:
        made = full["made"]
        half = (
            (made.dt.year() * 2 + (made.dt.month() > 6).cast(pl.Int32))
            .fill_null(-1)
            .to_numpy()
            .astype(np.int16)
        )
    downloads = (
        full["downloads"].fill_null(0).to_numpy().astype(float) if "downloads" in full.columns else None
    )
    return Hub(
        places=places,
        origin=origin.to_numpy().astype(np.int16),
        child=joined["below"].to_numpy().astype(np.int32),
        parent=joined["at"].to_numpy().astype(np.int32),
        kind=joined["number"].to_numpy().astype(np.uint8),
        downloads=downloads,
        half=half,
        ids=full["id"],
    )


def is_edges(path: Path) -> bool:
    """Say whether a Parquet file is one of edges: it has a column `child`.

    Raises:
        ConfigError: It is not Parquet.
    """
    pl = _polars()
    try:
        return "child" in pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(path, 0, f"cannot be read as Parquet: {error}") from error


def _table(path: Path, needed: tuple[str, ...]) -> Any:
    pl = _polars()
    try:
        found = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(path, 0, f"cannot be read as Parquet: {error}") from error
    missing = [name for name in needed if name not in found.columns]
    if missing:
        raise ConfigError(path, 0, f"has no column {missing[0]!r}")
    return found


def write_reach(hub: Hub, touched: Flags, path: Path) -> None:
    """Write which models were reached as Parquet: id, or the index if the hub has no ids, and reached."""
    pl = _polars()
    names = hub.ids if hub.ids is not None else range(len(hub))
    pl.DataFrame({"id": names, "reached": touched}).write_parquet(path)
