"""A hub of arrays says what the small graph of objects says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.assessment.country.models import Made, Models
from reliant.assessment.country.reliance import Sides
from reliant.assessment.country.reliance import reliance as by_rows
from reliant.assessment.graph import DESCENT_KINDS
from reliant.assessment.hub import parquet as hub_parquet
from reliant.assessment.hub.parquet import read_parquet, write_reach
from reliant.assessment.hub.reach import Hub, reach, reliance, roots
from reliant.assessment.measures import lookthrough
from reliant.core.dates import PartialDate
from reliant.errors import ConfigError

if TYPE_CHECKING:
    from reliant.atlas import Atlas

CN_US = Sides(frozenset({"CN"}), frozenset({"US"}))
PLACES = ("CN", "US")

ORIGINS = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=12)


@st.composite
def hubs(draw: st.DrawFn) -> Hub:
    """Small hubs, circles and doubled edges included."""
    origin = draw(ORIGINS)
    ends = st.integers(0, len(origin) - 1)
    edges = draw(st.lists(st.tuples(ends, ends, st.integers(0, len(DESCENT_KINDS) - 1)), max_size=20))
    return Hub(
        places=PLACES,
        origin=np.array(origin, dtype=np.int16),
        child=np.array([edge[0] for edge in edges], dtype=np.int32),
        parent=np.array([edge[1] for edge in edges], dtype=np.int32),
        kind=np.array([edge[2] for edge in edges], dtype=np.uint8),
    )


def small(hub: Hub, followed: tuple[str, ...]) -> lookthrough.Lineage:
    """Return the same hub as objects."""
    parents: dict[str, list[str]] = {}
    for child, parent, kind in zip(hub.child, hub.parent, hub.kind, strict=True):
        if DESCENT_KINDS[kind] in followed:
            parents.setdefault(str(child), []).append(str(parent))
    origin = {str(at): PLACES[one] if one >= 0 else None for at, one in enumerate(hub.origin)}
    return lookthrough.Lineage(origin, parents)


@given(hubs(), st.sampled_from([("weights",), ("weights", "merge"), DESCENT_KINDS]))
def test_reach_over_arrays_is_reach_over_objects(hub: Hub, followed: tuple[str, ...]) -> None:
    lineage = small(hub, followed)
    touched = reach(hub, ["US"], followed)

    for at in range(len(hub)):
        assert bool(touched[at]) == lookthrough.reaches(lineage, str(at), "US")


@given(hubs())
def test_roots_over_arrays_are_roots_over_objects_where_descent_ends(hub: Hub) -> None:
    lineage = small(hub, DESCENT_KINDS)
    mask = roots(hub, CN_US, DESCENT_KINDS)
    bit = {"US": 1, "CN": 2, None: 8}

    for at in range(len(hub)):
        above = lookthrough.ancestors(lineage, str(at))
        ends = {one for one in (*above, str(at)) if not lineage.parents.get(one)}
        assert mask[at] == sum({bit[lineage.origin[one]] for one in ends})


@st.composite
def trees(draw: st.DrawFn) -> Hub:
    """Small hubs in which no line leads back to itself; some models have downloads."""
    origin = draw(st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=1, max_size=10))
    pairs = [(child, parent) for child in range(len(origin)) for parent in range(child)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=16, unique=True)) if pairs else []
    counts = st.one_of(st.just(np.nan), st.integers(0, 9))
    downloads = draw(st.lists(counts, min_size=len(origin), max_size=len(origin)))
    return Hub(
        places=(*PLACES, "FR"),
        origin=np.array(origin, dtype=np.int16),
        child=np.array([edge[0] for edge in edges], dtype=np.int32),
        parent=np.array([edge[1] for edge in edges], dtype=np.int32),
        kind=np.zeros(len(edges), dtype=np.uint8),
        downloads=np.array(downloads, dtype=np.float64),
    )


@given(trees())
def test_a_hub_and_a_table_of_the_same_models_say_the_same_and_are_as_unsure(atlas: Atlas, hub: Hub) -> None:
    told_downloads = hub.downloads
    assert told_downloads is not None
    above: dict[int, list[str]] = {}
    for child, parent in zip(hub.child, hub.parent, strict=True):
        above.setdefault(int(child), []).append(f"m{parent}")
    rows = {
        f"m{at}": Made(
            name=f"m{at}",
            countries=frozenset((hub.places[place],)) if place >= 0 else frozenset(),
            day=PartialDate.parse("2024-01-01"),
            parents=tuple(above.get(at, ())),
            recorded=at in above,
            downloads=None if np.isnan(told_downloads[at]) else float(told_downloads[at]),
        )
        for at, place in enumerate(hub.origin)
    }
    told, counted = by_rows(Models(rows, atlas), CN_US), reliance(hub, CN_US)

    assert (told.models, told.base_known) == (counted.models, counted.base_known)
    if told.models == 0:
        return
    weighed = [(told, counted)]
    if told.by_downloads is not None:
        assert counted.by_downloads is not None
        weighed.append((told.by_downloads, counted.by_downloads))
    for one, other in weighed:
        assert one.models == other.models
        assert one.unknown == pytest.approx(other.unknown)
        for name in ("look_through", "root", "home_rooted"):
            shares = getattr(one, name), getattr(other, name)
            assert shares[0].low == pytest.approx(shares[1].low), name
            assert shares[0].high == pytest.approx(shares[1].high), name


def _write(folder: Path) -> tuple[Path, Path]:
    models, edges = folder / "models.parquet", folder / "edges.parquet"
    pl.DataFrame(
        {
            "id": ["llama2-7b", "zh-alpaca", "qwen-7b", "merge-x", "scratch"],
            "origin": ["US", "CN", "CN", "CN", "CN"],
            "downloads": [100, 60, 80, 20, 40],
            "made": ["2023-07-18", "2023-08-01", "2023-08-03", "2024-02-01", None],
        },
        schema_overrides={"downloads": pl.Float64},
    ).write_parquet(models)
    pl.DataFrame(
        {
            "child": ["zh-alpaca", "merge-x", "merge-x", "x-gguf", "qwen-7b"],
            "parent": ["llama2-7b", "zh-alpaca", "qwen-7b", "merge-x", "llama2-7b"],
            "kind": ["weights", "merge", "merge", "quantised", "architecture"],
        }
    ).write_parquet(edges)
    return models, edges


def test_a_hub_of_parquet_gives_the_figures_of_a_country(tmp_path: Path) -> None:
    hub = read_parquet(*_write(tmp_path))

    found = reliance(hub, CN_US)
    weighed = found.by_downloads

    assert len(hub) == 6
    assert (found.models, found.base_known) == (4, 2)
    assert (found.look_through.low, found.look_through.high, found.unknown) == (0.5, 1.0, 0.5)
    assert weighed is not None
    assert (weighed.models, weighed.downloads) == (4, 200)
    assert weighed.look_through.low == pytest.approx(80 / 200)
    assert found.home_rooted is not None
    assert (found.home_rooted.low, weighed.root.low) == (0.0, pytest.approx(80 / 200))
    assert [(half.half, half.models, half.root_on, half.root_home) for half in found.halves] == [
        ("2023H2", 2, 1, 0),
        ("2024H1", 1, 1, 1),
    ]


def test_a_day_leaves_out_what_was_made_later(tmp_path: Path) -> None:
    hub = read_parquet(*_write(tmp_path), until=dt.date(2023, 12, 31))

    assert hub.ids is not None
    assert set(hub.ids) == {"llama2-7b", "zh-alpaca", "qwen-7b", "scratch"}


def test_a_blueprint_is_followed_only_if_asked_for(tmp_path: Path) -> None:
    hub = read_parquet(*_write(tmp_path))
    assert hub.ids is not None
    qwen = list(hub.ids).index("qwen-7b")

    assert not reach(hub, ["US"])[qwen]
    assert reach(hub, ["US"], ("architecture",))[qwen]


def test_what_is_reached_is_written_as_parquet(tmp_path: Path) -> None:
    hub = read_parquet(*_write(tmp_path))
    write_reach(hub, reach(hub, ["US"]), tmp_path / "out.parquet")

    rows = pl.read_parquet(tmp_path / "out.parquet")
    assert set(rows.filter(pl.col("reached"))["id"]) == {"zh-alpaca", "merge-x", "x-gguf"}


def test_files_that_are_no_hub_are_refused(tmp_path: Path) -> None:
    models, edges = _write(tmp_path)
    (tmp_path / "no.parquet").write_bytes(b"nothing")
    pl.DataFrame({"child": ["a"], "parent": ["b"], "kind": ["marriage"]}).write_parquet(
        tmp_path / "k.parquet"
    )

    for pair in ((tmp_path / "no.parquet", edges), (edges, edges), (models, tmp_path / "k.parquet")):
        with pytest.raises(ConfigError):
            read_parquet(*pair)


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("downloads", ["1", "1.2M"], r"row 2: '1\.2M' is no number of downloads"),
        ("downloads", [1.0, -3.0], r"row 2: -3\.0 is no number of downloads"),
        ("downloads", [float("nan"), 1.0], r"row 1: nan is no number of downloads"),
        ("made", ["2024-05-31", "2024-13-01"], r"row 2: '2024-13-01' is no date"),
        ("made", [20240531, 20240601], r"its column made holds no dates"),
        ("id", ["a", None], r"row 2 has no id"),
    ],
)
def test_what_cannot_be_read_of_a_hub_is_named_and_not_counted_as_nothing(
    tmp_path: Path, column: str, values: list[object], says: str
) -> None:
    table = {"id": ["a", "b"], "origin": ["US", "CN"], column: values}
    pl.DataFrame(table, strict=False).write_parquet(tmp_path / "m.parquet")
    pl.DataFrame({"child": ["b"], "parent": ["a"], "kind": ["weights"]}).write_parquet(tmp_path / "e.parquet")

    with pytest.raises(ConfigError, match=says) as told:
        read_parquet(tmp_path / "m.parquet", tmp_path / "e.parquet")
    assert "m.parquet" in str(told.value)
    assert told.value.hint


def test_an_edge_without_a_parent_says_nothing_and_one_without_a_child_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"id": ["a", "b"], "origin": ["US", None]}).write_parquet(tmp_path / "m.parquet")
    edges = tmp_path / "e.parquet"
    kinds = ["weights", "weights"]
    pl.DataFrame({"child": ["b", "a"], "parent": ["a", None], "kind": kinds}).write_parquet(edges)
    assert len(read_parquet(tmp_path / "m.parquet", edges).child) == 1

    pl.DataFrame({"child": ["b", None], "parent": ["a", "a"], "kind": kinds}).write_parquet(edges)
    with pytest.raises(ConfigError, match="an edge without a child"):
        read_parquet(tmp_path / "m.parquet", edges)


IDS = st.sampled_from(["a", "b", "c", "d", "e", "a longer name than fits into a word"])
DATES = st.sampled_from([None, dt.date(2022, 3, 1), dt.date(2023, 8, 1), dt.date(2024, 2, 1)])
ROWS = st.lists(
    st.tuples(IDS, st.sampled_from([None, "US", "CN", "FR"]), st.none() | st.integers(0, 9), DATES),
    min_size=1,
    max_size=8,
)
LINKS = st.lists(st.tuples(IDS, IDS, st.sampled_from(DESCENT_KINDS)), max_size=8)


@given(ROWS, LINKS, st.sampled_from([None, dt.date(2023, 12, 31)]), st.integers(1, 4))
def test_a_hub_read_in_stretches_is_what_its_rows_say(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str | None, int | None, dt.date | None]],
    links: list[tuple[str, str, str]],
    until: dt.date | None,
    size: int,
) -> None:
    folder = tmp_path_factory.mktemp("hub")
    columns = {"id": pl.String, "origin": pl.String, "downloads": pl.Int64, "made": pl.Date}
    pl.DataFrame(rows, schema=columns, orient="row").write_parquet(folder / "m.parquet")
    ends = {"child": pl.String, "parent": pl.String, "kind": pl.String}
    pl.DataFrame(links, schema=ends, orient="row").write_parquet(folder / "e.parquet")
    later = {row[0] for row in rows if until and row[3] and row[3] > until}
    wanted: dict[str, tuple[str | None, int | None, dt.date | None]] = {}
    for name, origin, downloads, made in rows:
        if name not in later:
            wanted.setdefault(name, (origin, downloads, made))
    edges = [link for link in links if not {link[0], link[1]} & later]

    hub = read_parquet(folder / "m.parquet", folder / "e.parquet", until, rows=size)

    assert hub.ids is not None
    assert hub.downloads is not None
    assert hub.half is not None
    names = list(hub.ids)
    assert names[: len(wanted)] == list(wanted)
    assert set(names[len(wanted) :]) == {end for link in edges for end in link[:2]} - set(wanted)
    for at, name in enumerate(names):
        origin, downloads, made = wanted.get(name, (None, None, None))
        assert (hub.places[hub.origin[at]] if hub.origin[at] >= 0 else None) == origin
        assert (None if np.isnan(hub.downloads[at]) else hub.downloads[at]) == downloads
        assert hub.half[at] == (made.year * 2 + (made.month > 6) if made else -1)
    told = zip(hub.child.tolist(), hub.parent.tolist(), hub.kind.tolist(), strict=True)
    assert [(names[a], names[b], DESCENT_KINDS[kind]) for a, b, kind in told] == edges
    assert read_parquet(folder / "m.parquet", folder / "e.parquet", until, names=False).ids is None


def test_ids_that_share_a_hash_are_read_again_under_another_one(tmp_path: Path) -> None:
    class Clashing(hub_parquet.Reader):
        def hashes(self, ids: Any) -> Any:
            first, second = super().hashes(ids)
            return (first & 1 if self.seed == 0 else first), second

    models, edges = _write(tmp_path)

    assert len(read_parquet(models, edges, reader=Clashing)) == 6
    with pytest.raises(hub_parquet.Collision):
        Clashing(models, edges, None, 0, 100).hub(names=True)


def test_downloads_that_are_not_told_are_not_counted_as_none(tmp_path: Path) -> None:
    models, edges = _write(tmp_path)
    known = pl.read_parquet(models)
    known.with_columns(
        downloads=pl.when(pl.col("id") == "qwen-7b").then(None).otherwise("downloads")
    ).write_parquet(models)

    weighed = reliance(read_parquet(models, edges), CN_US).by_downloads

    assert weighed is not None
    assert (weighed.models, weighed.of, weighed.downloads) == (3, 4, 120)


def test_what_a_hub_does_not_tell_is_said(tmp_path: Path) -> None:
    models, edges = _write(tmp_path)
    several = pl.read_parquet(models)
    pl.concat([several, several.head(1)]).write_parquet(models)

    remarks = reliance(read_parquet(models, edges), CN_US).remarks

    assert "Models without a date, counted on every day and in no half-year: 1." in remarks
    assert "Rows that repeat an id, of which the first is read: 1." in remarks
