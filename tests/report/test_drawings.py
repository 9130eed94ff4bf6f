"""What a drawing shows is what its table says: marks, bars, bands and tiles are measured and compared."""

import itertools
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from reliant.cli.main import cli
from reliant.core.country import Half
from reliant.core.results import Interval
from reliant.report.country_charts import timeline
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import UNKNOWN
from support import drawings
from support.pages import page

EPOCH = ("epoch_all_ai_models_2025-03.csv", "epoch_notable_ai_models_2026-01.csv")


@pytest.fixture(scope="module")
def country():
    return drawings.figures(page("country"))


@pytest.fixture(scope="module")
def with_tables(shared):
    """China on the United States, from the tables of Epoch AI: the article's own question."""
    words = ["country", "CN", "--on", "US", "--as-of", "2026-01", "--format", "html"]
    for name in EPOCH:
        words += ["--data", str(shared / "data" / name)]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    return done.stdout, drawings.figures(done.stdout)


@pytest.fixture(scope="module")
def shop():
    return drawings.figures(page("shop"))


@pytest.fixture(scope="module")
def simulation():
    return drawings.figures(page("simulation"))


def within(low, high, value, by):
    return low - by <= value <= high + by


def share(text):
    """Return the least and the most that a share in words may mean."""
    if text == "under 1 %":
        return 0.0, 0.01
    if text == "over 99 %":
        return 0.99, 1.0
    number = float(text.removesuffix(" %")) / 100
    return number - 0.005, number + 0.005


# The timeline: shares by half-year above, models by root below


def check_timeline(figure):
    rows = {row["half"]: row for row in figure.rows}
    for drawing in (*figure.wide, *figure.narrow):
        zero, full = drawings.scale(drawing)
        seen = {}
        for class_, part, whole in (
            ("line-share", "root US", "base known"),
            ("line-floor", "root US", "models"),
        ):
            marks = {shape.title[:6]: shape for shape in drawings.tag(drawing, "circle", class_)}
            for half, mark in marks.items():
                row = rows[half]
                exact = int(row[part]) / int(row[whole])
                assert abs((zero - mark["cy"]) / (zero - full) - exact) < 0.002, (half, class_)
                assert f"({row[part]} of {row[whole]})" in mark.title
                if class_ == "line-share":
                    assert ("hollow" in mark.classes) == (int(row["base known"]) < 4)
            line = drawings.tag(drawing, "path", "edge", class_)
            assert len(re.findall(r"[ML]", line[0].at["d"])) == len(marks)
            seen[class_] = marks
        shown = sorted(seen["line-floor"])
        assert shown == sorted(rows)[-len(shown) :]
        assert sorted(seen["line-share"]) == [half for half in shown if int(rows[half]["base known"])]

        middles = {half: mark["cx"] for half, mark in seen["line-floor"].items()}
        assert sorted(middles, key=middles.get) == shown
        check_bars(drawing, rows, shown, middles)


def check_bars(drawing, rows, shown, middles):
    """Check the half-year chart: each piece as tall as its count, on one scale, stacked without a gap."""
    columns = {"on": "root US", "home": "root CN", "other": "root other", "unknown": "root not known"}
    pieces = [shape for shape in drawings.tag(drawing, "rect") if ": root " in shape.title]
    found = {}
    for shape in pieces:
        half, _, told = shape.title.partition(": root ")
        side, _, count = told.partition(" ")
        assert rows[half][columns[side]] == count
        assert abs(shape["x"] + shape["width"] / 2 - middles[half]) < 0.2
        found.setdefault(half, []).append((shape["y"], shape["height"] + 1, int(count)))
    unit = max((count, tall / count) for stack in found.values() for _, tall, count in stack)[1]
    for half in shown:
        counts = [int(rows[half][column]) for column in columns.values()]
        stack = sorted(found.get(half, ()), reverse=True)
        assert sum(count for _, _, count in stack) == sum(counts)
        for top, tall, count in stack:
            assert abs(tall - max(unit * count, 2)) < 0.3
            assert tall > 0
            assert top > 0
        for (lower, _, _), (upper, tall, _) in itertools.pairwise(stack):
            assert abs(upper + tall - lower) < 1.3


def test_the_timeline_of_the_atlas_shows_the_numbers_of_its_table(country):
    check_timeline(country["fig-time"])


def test_the_timeline_of_the_published_tables_shows_the_numbers_of_its_table(with_tables):
    check_timeline(with_tables[1]["fig-time"])


def test_the_turn_between_2023_and_2025_is_named_from_the_data_and_marked(with_tables):
    markup, figures = with_tables
    figure = figures["fig-time"]
    rows = {row["half"]: row for row in figure.rows}
    told = re.search(
        r"went from (\d+) % in (\w+) \((\d+) of (\d+)\) to (\d+) % in (\w+) \((\d+) of (\d+)\), "
        r"and are under half since (\w+)\.",
        figure.says,
    )
    assert told is not None, figure.says
    assert "The dependence turned round" in figure.says
    for share_, half, part, whole in (told.groups()[:4], told.groups()[4:8]):
        assert (rows[half]["root US"], rows[half]["base known"]) == (part, whole)
        assert share_ == f"{100 * int(part) / int(whole):.0f}"
    first, last, since = told[2], told[6], told[9]
    assert first[:4] == "2023"
    assert last[:4] == "2025"
    known = {
        half: int(row["root US"]) / int(row["base known"])
        for half, row in rows.items()
        if int(row["base known"]) >= 4
    }
    assert all(value < 0.5 for half, value in known.items() if half >= since)
    assert [value for half, value in known.items() if half < since][-1] >= 0.5
    assert markup.index("The dependence turned round") < markup.index('id="access"')
    for drawing in (*figure.wide, *figure.narrow):
        mark = next(
            shape for shape in drawings.tag(drawing, "text") if since in shape.text and "under" in shape.text
        )
        line = next(
            shape for shape in drawings.tag(drawing, "line", "edge") if abs(shape["x1"] - shape["x2"]) < 0.1
        )
        circle = next(c for c in drawings.tag(drawing, "circle", "line-share") if c.title.startswith(since))
        assert abs(line["x1"] - circle["cx"]) < 0.1
        assert mark.text == f"under half since {since}"


# Bars


def check_shares(figure, low, high):
    for drawing in (*figure.wide, *figure.narrow):
        tracks = drawings.tag(drawing, "rect", "track")
        assert len(tracks) == len(figure.rows)
        for track, row in zip(tracks, figure.rows, strict=True):
            pieces = [
                shape
                for shape in drawings.tag(drawing, "rect")
                if shape is not track and abs(shape["y"] - track["y"]) < 0.1 and shape["x"] < 9e3
            ]
            filled = sum(piece["width"] for piece in pieces if UNKNOWN not in piece.classes)
            whole = sum(piece["width"] for piece in pieces)
            assert within(*share(row[low]), filled / track["width"], 0.002), row
            assert within(*share(row[high]), whole / track["width"], 0.002), row


def test_the_bars_of_a_country_are_as_long_as_its_shares(country):
    check_shares(country["fig-shares"], "at least", "at most")


def test_the_pieces_of_the_bar_of_functions_are_as_wide_as_their_weights(shop, simulation):
    for figure in (shop["stops"], simulation["fig-stops"]):
        names = figure.rows[0].keys()
        name, weight, state = names
        whole = sum(float(row[weight]) for row in figure.rows)
        fills = {"stops": "s-blocked", "unknown": UNKNOWN, "works": "s-open"}
        for drawing, width in ((figure.wide[0], 1080), (figure.narrow[0], 360)):
            pieces = [shape for shape in drawings.tag(drawing, "rect") if shape.title]
            assert len(pieces) == len(figure.rows)
            for row in figure.rows:
                piece = next(one for one in pieces if one.title.startswith(f"{row[name]}: "))
                assert abs(piece["width"] + 2 - width * float(row[weight]) / whole) < 0.2
                assert fills[row[state]] in piece.classes


# The flow from functions to providers, owners and countries


def check_flow(drawing, rows, columns, weight):
    """Check nodes, and bands at both their ends, against rows with a weight and a name for each column."""
    found, flows = drawings.nodes(drawing), drawings.bands(drawing)
    whole = sum(float(row[weight]) for row in rows)
    places = sorted({node.x for node in found})
    assert len(places) == len(columns)
    unit = max((node.weight, node.tall / node.weight) for node in found)[1]
    for at, column in enumerate(columns):
        here = [node for node in found if node.column == at]
        totals = {}
        for row in rows:
            totals[row[column]] = totals.get(row[column], 0.0) + float(row[weight])
        named = {node.name: node for node in here}
        rest = {name: total for name, total in totals.items() if name not in named}
        gathered = [node for node in here if node.name == f"{len(rest)} others"]
        assert len(gathered) == bool(rest), (column, rest)
        for node in here:
            expected = sum(rest.values()) if node in gathered else totals[node.name]
            assert node.weight == pytest.approx(expected, rel=1e-3, abs=0.006), (column, node.name)
            assert abs(node.tall - max(unit * expected, 1.5)) < 0.3 + 0.01 * unit
        assert sum(node.weight for node in here) == pytest.approx(whole, rel=2e-3)
    check_bands(found, flows, len(columns))
    return found, flows


def check_bands(found, flows, columns):
    """Check that what flows in and out of each node is as thick as the node."""
    for node in found:
        out = [b for b in flows if abs(b.x0 - node.x - 10) < 0.2 and _beside(node, b.top0, b.thick)]
        into = [b for b in flows if abs(b.x1 - node.x) < 0.2 and _beside(node, b.top1, b.thick)]
        for side, exists in ((out, node.column < columns - 1), (into, node.column > 0)):
            assert bool(side) == exists
            if exists and node.tall > 1.5:
                assert sum(band.thick for band in side) == pytest.approx(
                    node.tall, abs=0.15 + 0.11 * len(side)
                ), node.name


def _beside(node, top, thick):
    return node.top - 0.3 <= top and top + thick <= node.top + max(node.tall, 1.5) + 0.6


def test_the_flow_of_the_shop_shows_the_weights_of_its_table(shop):
    figure = shop["flow"]
    found, flows = check_flow(
        figure.wide[0], figure.rows, ("Function", "Served by", "Owner", "Country"), "Weight"
    )
    check_flow(figure.narrow[0], figure.rows, ("Function", "Served by"), "Weight")
    check_flow(figure.narrow[1], figure.rows, ("Served by", "Country"), "Weight")
    states = {row["Function"]: row["State"] for row in shop["stops"].rows}
    fills = {"stops": "s-blocked", "unknown": UNKNOWN, "works": "s-open"}
    for node in found:
        if node.column == 0:
            assert node.classes == {fills[states[node.name]]}
    assert flows


def test_the_flow_of_a_what_if_shows_the_weights_of_its_table(simulation):
    figure = simulation["fig-flow"]
    columns = ("function", "provider", "owner", "country", "state")
    found, _ = check_flow(figure.wide[0], figure.rows, columns, "weight")
    check_flow(figure.narrow[0], figure.rows, columns[:2], "weight")
    check_flow(figure.narrow[1], figure.rows, columns[3:], "weight")
    assert {node.name for node in found if node.column == 4} == set(figure.column("state"))


def test_what_is_not_known_of_a_supplier_is_hatched_all_the_way():
    figure = drawings.figures(page("assessment-crowd"))["flow"]
    columns = ("Function", "Served by", "Owner", "Country")
    found, flows = check_flow(figure.wide[0], figure.rows, columns, "Weight")
    lost = next(node for node in found if node.column == 3 and node.name == "not known")

    assert lost.classes == {UNKNOWN}
    last = [band for band in flows if abs(band.x1 - lost.x) < 0.2]
    hatched = [band for band in last if UNKNOWN in band.classes]
    assert hatched
    assert hatched == [band for band in last if _beside(lost, band.top1, band.thick)]


WORDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "not known"])


@st.composite
def threads(draw):
    columns = draw(st.integers(2, 5))
    count = draw(st.integers(1, 25))
    made = []
    for _ in range(count):
        names = draw(st.lists(WORDS, min_size=columns, max_size=columns))
        stops = tuple(Stop(name, name, UNKNOWN if name == "not known" else "node") for name in names)
        class_ = UNKNOWN if names[-1] == "not known" else draw(st.sampled_from(["s1", "s2"]))
        made.append(Thread(stops, draw(st.integers(1, 400)) / 4, class_))
    return made, columns


@given(threads(), st.integers(2, 9), st.sampled_from(["wide", "narrow"]))
def test_what_flows_into_a_node_flows_out_of_it_and_none_is_lost(drawn, at_most, size):
    made, columns = drawn
    heads = [str(at) for at in range(columns)]
    drawing = drawings.shapes(
        str(flow(made, heads, id_="x", title="t", description="d", size=size, at_most=at_most))
    )
    rows = [
        {**{str(at): stop.name for at, stop in enumerate(one.stops)}, "weight": str(one.weight)}
        for one in made
    ]
    found, flows = check_flow(drawing, rows, heads, "weight")

    whole = sum(one.weight for one in made)
    for at in range(columns):
        tops = sorted((node.top, node.top + node.tall) for node in found if node.column == at)
        assert all(below[0] >= above[1] for above, below in itertools.pairwise(tops))
    unknown = sum(one.weight for one in made if one.class_ == UNKNOWN)
    hatched = sum(band.thick for band in flows if UNKNOWN in band.classes)
    unit = sum(band.thick for band in flows) / whole
    assert hatched == pytest.approx(unknown * unit, abs=0.12 * len(flows) + 0.1)
    for node in found:
        if node.name == "not known":
            assert node.classes == {UNKNOWN}


# The grid of tiles


def test_every_tile_has_the_state_and_the_count_of_its_line_in_the_table(country):
    figure = country["fig-grid"]
    providers = [name for name in figure.rows[0] if name not in {"countries", "codes"}]
    rows = {row["codes"]: [row[name] for name in providers] for row in figure.rows}
    fills = {"all blocked": "s-blocked", "some blocked": "s6", "some unknown": UNKNOWN, "all open": "s-open"}

    def state(verdicts):
        if "BLOCKED" in verdicts:
            return "all blocked" if set(verdicts) == {"BLOCKED"} else "some blocked"
        return "some unknown" if "UNKNOWN" in verdicts else "all open"

    for drawing in (*figure.wide, *figure.narrow):
        groups = [shape for shape in drawing if shape.tag == "g"]
        tiles = drawings.tag(drawing, "rect")
        texts = [shape.text for shape in drawings.tag(drawing, "text")]
        assert [group.title[:2] for group in groups] == sorted(rows)
        assert len(tiles) == len(groups)
        for at, (group, tile) in enumerate(zip(groups, tiles, strict=True)):
            verdicts = rows[group.title[:2]]
            assert tile.classes == {fills[state(verdicts)]}
            assert texts[2 * at] == group.title[:2]
            assert texts[2 * at + 1] == f"{verdicts.count('BLOCKED')}/{len(verdicts)}"
    counts = {word: list(map(state, rows.values())).count(word) for word in fills}
    assert f"{counts['all blocked']} all blocked" in figure.says


def test_a_share_at_the_end_of_a_bar_is_never_cut():
    for size in ("wide", "narrow"):
        drawn = paired_bars(
            [Row("a cut", (Bar("", Interval(0.002, 0.89), "s2"),))],
            id_="x",
            title="t",
            description="d",
            size=size,
        )

        assert ">under 1 to 89 %<" in drawn


def test_a_piece_is_named_whole_or_not_at_all():
    drawn = stacked_bar(
        [Piece("Blocked in part", 10, "s2"), Piece("Unknown", 90, "s1")],
        id_="x",
        title="t",
        description="d",
        size="narrow",
    )

    assert "…" not in drawn
    assert ">Unknown<" in drawn


def test_counts_above_bars_stand_on_two_lines_where_they_would_run_together():
    many = [Half(f"{2020 + at // 2}H{1 + at % 2}", 136, 28, 28, 0, 0, 1.0, 0.2) for at in range(10)]
    told = {"on": "X", "turned": None, "id_": "x", "title": "t", "description": "d"}

    assert ">28/136<" in timeline(many, **told)
    assert ">28/136<" not in timeline(many, **told, size="narrow")
    assert ">28/<" in timeline(many, **told, size="narrow")
