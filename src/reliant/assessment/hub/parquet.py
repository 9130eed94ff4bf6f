"""A hub from two Parquet files, read stretch by stretch so that no table is ever held whole.

Ids are long texts, and edges name them twice. What is kept of an id is its hash in 64 bits and
where its row stands; a second hash tells two ids apart that share the first, and then all is
read again under another seed. So memory goes with the number of models, not with their names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reliant.assessment.graph import DESCENT_KINDS
from reliant.assessment.hub.reach import Hub, numpy_or_missing
from reliant.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]
    Numbers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

_MODELS = ("id", "origin")
_EDGES = ("child", "parent", "kind")
ROWS: Final = 1 << 19
"""Rows that are held as text at a time: some 30 MB of ids."""

_SEEDS: Final = 8
_DAY: Final = "a day as 2024-05-31"


class Collision(Exception):
    """Two ids have one hash under this seed."""


def read_parquet(
    models: Path,
    edges: Path,
    until: dt.date | None = None,
    *,
    names: bool = True,
    rows: int = ROWS,
    reader: type[Reader] | None = None,
) -> Hub:
    """Read a hub from two Parquet files.

    `models` has the columns id, origin (ISO code or null) and, if known, downloads and
    made (a date); `edges` has child, parent (ids) and kind. An edge to an id that is no
    model adds a model of unknown origin, an edge without a parent says nothing, and of an
    id that comes twice the first row counts.

    Args:
        until: Leave out models that were made later; those without a date stay.
        names: Keep the ids, which takes most of the memory.
        rows: Rows that are held as text at a time.
        reader: What reads them, if it is to hash otherwise.

    Raises:
        ConfigError: A file is not Parquet, or lacks a column.
    """
    for seed in range(_SEEDS):
        try:
            return (reader or Reader)(models, edges, until, seed, rows).hub(names=names)
        except Collision:
            continue
    raise ConfigError(models, 0, "its ids cannot be told apart")


class Reader:
    """One reading of both files under one seed."""

    def __init__(self, models: Path, edges: Path, until: dt.date | None, seed: int, rows: int) -> None:
        self._np, self._pl = numpy_or_missing(), _polars()
        self._models, self._edges, self._until, self.seed, self._size = models, edges, until, seed, rows
        self._columns = _columns(models, _MODELS)
        _columns(edges, _EDGES)

    def hub(self, *, names: bool) -> Hub:
        """Return the hub.

        Raises:
            Collision: Two ids have one hash.
        """
        np = self._np
        places, first, second, origin, half, downloads, later = self._rows()
        order = np.argsort(first, kind="stable")  # of equal ids the first row comes first
        first, second = first[order], second[order]
        new = np.ones(len(first), dtype=bool)
        new[1:] = first[1:] != first[:-1]
        if (second[1:][~new[1:]] != second[:-1][~new[1:]]).any():
            raise Collision
        group = np.cumsum(new) - 1
        gone = np.zeros(int(new.sum()), dtype=bool)
        gone[group[later[order]]] = True
        row_of, known, check = order[new], first[new], second[new]
        del first, second, order, new, group, later

        child, parent, kind, extra = self._links(known, check)
        del check
        # An edge's end is the place of its id among the known ones, and behind them those of no row.
        kept = np.ones(len(child), dtype=bool)
        for end in (child, parent):
            inside = end < len(known)
            kept[inside] &= ~gone[end[inside]]
        child, parent, kind = child[kept], parent[kept], kind[kept]
        del kept

        # Models stand in the order of the file; those that only edges name come after them.
        keep = np.zeros(len(origin), dtype=bool)
        keep[row_of[~gone]] = True
        place = np.cumsum(keep, dtype=np.int32) - 1
        at = np.full(len(known) + len(extra), -1, dtype=np.int32)
        at[: len(known)] = place[row_of]
        used = np.zeros(len(extra), dtype=bool)
        for end in (child, parent):
            used[end[end >= len(known)] - len(known)] = True
        at[len(known) :][used] = int(keep.sum()) + np.arange(int(used.sum()), dtype=np.int32)
        blank = int(used.sum())
        return Hub(
            places=places,
            origin=np.concatenate((origin[keep], np.full(blank, -1, dtype=np.int16))),
            child=at[child],
            parent=at[parent],
            kind=kind,
            downloads=None
            if downloads is None
            else np.concatenate((downloads[keep], np.full(blank, np.nan))),
            half=None if half is None else np.concatenate((half[keep], np.full(blank, -1, dtype=np.int16))),
            ids=self._names(keep, extra[used]) if names else None,
            twice=len(origin) - len(known),
        )

    def _rows(self) -> tuple[Any, ...]:
        """Return the columns of the models as numbers, row by row as they stand in the file."""
        np, pl = self._np, self._pl
        size = _length(self._models)
        wanted = [name for name in (*_MODELS, "downloads", "made") if name in self._columns]
        first, second = np.empty(size, np.uint64), np.empty(size, np.uint64)
        origin, later = np.full(size, -1, np.int16), np.zeros(size, dtype=bool)
        half = np.full(size, -1, np.int16) if "made" in wanted else None
        downloads = np.empty(size) if "downloads" in wanted else None
        codes: dict[str, int] = {}
        for start, rows in _stretches(self._models, wanted, self._size):
            here = slice(start, start + len(rows))
            first[here], second[here] = self.hashes(rows["id"])
            for code in rows["origin"].unique().drop_nulls().to_list():
                codes.setdefault(str(code), len(codes))
            origin[here] = _numbered(rows["origin"], codes, -1, pl.Int16)
            if rows["id"].null_count():
                at = start + int(rows["id"].is_null().arg_max()) + 1
                raise ConfigError(self._models, 0, f"row {at:,} has no id", hint="Give each model an id.")
            if downloads is not None:
                counted = rows["downloads"].cast(pl.Float64, strict=False)
                wrong = (
                    (counted.is_null() & rows["downloads"].is_not_null())
                    | ~counted.is_finite()
                    | (counted < 0)
                )
                self._refuse(
                    wrong, rows["downloads"], start, "is no number of downloads", "a number from 0 up"
                )
                downloads[here] = counted.fill_null(float("nan")).to_numpy()
            if half is not None:
                made = rows["made"]
                if made.dtype == pl.String:
                    made = made.str.to_date("%Y-%m-%d", strict=False)
                elif not made.dtype.is_temporal():
                    raise ConfigError(self._models, 0, "its column made holds no dates", hint=_DAY)
                self._refuse(
                    made.is_null() & rows["made"].is_not_null(), rows["made"], start, "is no date", _DAY
                )
                second_half = (made.dt.month() > 6).cast(pl.Int32)
                half[here] = (made.dt.year() * 2 + second_half).fill_null(-1).to_numpy()
                if self._until is not None:
                    later[here] = (made > self._until).fill_null(value=False).to_numpy()
        # Places are in the order of the alphabet, whatever the file's.
        places = tuple(sorted(codes))
        moved = np.full(len(codes) + 1, -1, dtype=np.int16)
        for at, place in enumerate(places):
            moved[codes[place]] = at
        return places, first, second, moved[origin], half, downloads, later

    def _links(self, known: Hashes, check: Hashes) -> tuple[Any, ...]:
        """Return the ends and kinds of the edges, and the hashes of ids that are no row."""
        np, pl = self._np, self._pl
        numbers = {kind: at for at, kind in enumerate(DESCENT_KINDS)}
        children: list[Numbers] = []
        parents: list[Numbers] = []
        kinds = []
        # Hashes of ids that no row has; they are few, and get places behind all others.
        stray: list[Hashes] = []
        for _, every in _stretches(self._edges, list(_EDGES), self._size):
            if every["child"].null_count():
                raise ConfigError(self._edges, 0, "has an edge without a child", hint="Name the model.")
            rows = every.filter(pl.col("parent").is_not_null())
            kind = _numbered(rows["kind"], numbers, 255, pl.UInt8)
            if (kind == 255).any():
                named = rows["kind"][int(np.argmax(kind == 255))]
                raise ConfigError(
                    self._edges,
                    0,
                    f"has an edge of the kind {named!r}",
                    hint=f"Kinds: {', '.join(DESCENT_KINDS)}.",
                )
            kinds.append(kind)
            for column, found in (("child", children), ("parent", parents)):
                one, two = self.hashes(rows[column])
                order = np.argsort(one)  # in order, a search finds what the last one has in the cache
                at = np.empty(len(one), dtype=np.int64)
                at[order] = np.searchsorted(known, one[order])
                at[at == len(known)] = 0
                hit = known[at] == one if len(known) else np.zeros(len(one), dtype=bool)
                if (check[at[hit]] != two[hit]).any():
                    raise Collision
                place = np.where(hit, at, -1).astype(np.int64)
                stray.append(one[~hit])
                found.append(place)
        extra = np.unique(np.concatenate(stray)) if stray else np.empty(0, np.uint64)
        ends = iter(stray)
        for child, parent in zip(children, parents, strict=True):
            for place in (child, parent):
                place[place < 0] = len(known) + np.searchsorted(extra, next(ends))
        none = np.empty(0, np.int64)
        return (
            np.concatenate(children or [none]),
            np.concatenate(parents or [none]),
            np.concatenate(kinds or [np.empty(0, np.uint8)]),
            extra,
        )

    def _refuse(self, wrong: Any, told: Any, start: int, problem: str, wanted: str) -> None:
        """Refuse the first row that is wrong: what cannot be read is not counted as nothing."""
        if wrong.fill_null(value=False).any():
            at = int(wrong.fill_null(value=False).arg_max())
            raise ConfigError(
                self._models,
                0,
                f"row {start + at + 1:,}: {told[at]!r} {problem}",
                hint=f"Write {wanted}, or null if it is not known.",
            )

    def hashes(self, ids: Any) -> tuple[Hashes, Hashes]:
        """Return two hashes of each id."""
        texts = ids.cast(self._pl.String)
        return texts.hash(self.seed).to_numpy(), texts.hash(self.seed + 1_000_003).to_numpy()

    def _names(self, keep: Flags, extra: Hashes) -> Sequence[str]:
        """Return the ids in the order of the hub."""
        pl, np = self._pl, self._np
        parts = [
            rows["id"].cast(pl.String).filter(pl.Series(keep[start : start + len(rows)]))
            for start, rows in _stretches(self._models, ["id"], self._size)
        ]
        if len(extra):
            told: list[str | None] = [None] * len(extra)
            for _, rows in _stretches(self._edges, ["child", "parent"], self._size):
                for column in ("child", "parent"):
                    texts = rows[column].drop_nulls().cast(pl.String).unique()
                    first, _ = self.hashes(texts)
                    at = np.searchsorted(extra, first)
                    at[at == len(extra)] = 0
                    for number in np.flatnonzero(extra[at] == first).tolist():
                        told[int(at[number])] = texts[number]
            parts.append(pl.Series("id", told, dtype=pl.String))
        return pl.concat(parts) if parts else pl.Series("id", [], dtype=pl.String)  # type: ignore[no-any-return]


def _numbered(texts: Any, numbers: dict[str, int], missing: int, kind: Any) -> Any:
    if not numbers:
        return missing
    return texts.cast(_polars().String).replace_strict(
        list(numbers), list(numbers.values()), default=missing, return_dtype=kind
    ).fill_null(missing).to_numpy()  # fmt: skip


def _stretches(path: Path, columns: list[str], size: int) -> Iterator[tuple[int, Any]]:
    """Yield the rows of some columns, a stretch at a time, with the number of the first row."""
    pl = _polars()
    for start in range(0, _length(path), size):
        try:
            yield start, pl.scan_parquet(path).select(columns).slice(start, size).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ConfigError(path, 0, f"cannot be read as Parquet: {error}") from error


def _length(path: Path) -> int:
    pl = _polars()
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(path, 0, f"cannot be read as Parquet: {error}") from error


def _columns(path: Path, needed: tuple[str, ...]) -> list[str]:
    found = _schema(path)
    missing = [name for name in needed if name not in found]
    if missing:
        raise ConfigError(path, 0, f"has no column {missing[0]!r}")
    return found


def _schema(path: Path) -> list[str]:
    pl = _polars()
    try:
        return list(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(path, 0, f"cannot be read as Parquet: {error}") from error


def _polars() -> Any:
    try:
        import polars as pl  # noqa: PLC0415  (the extra `country`)
    except ImportError:
        raise MissingExtra("Reading and writing Parquet", "country") from None
    return pl


def is_edges(path: Path) -> bool:
    """Say whether a Parquet file is one of edges: it has a column `child`.

    Raises:
        ConfigError: It is not Parquet.
    """
    return "child" in _schema(path)


def write_reach(hub: Hub, touched: Flags, path: Path) -> None:
    """Write which models were reached as Parquet: id, or the index if the hub has no ids, and reached."""
    pl = _polars()
    names = hub.ids if hub.ids is not None else range(len(hub))
    pl.DataFrame({"id": names, "reached": touched}).write_parquet(path)
