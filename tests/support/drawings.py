"""What the figures of a page show, read back from it: the drawings as shapes, the tables as their CSV."""

from __future__ import annotations

import csv
import html
import io
import re
import urllib.parse
from dataclasses import dataclass
from xml.etree import ElementTree

import html5lib

_FIGURE = re.compile(r'<figure id="([^"]+)">(.*?)</figure>', re.DOTALL)
_SVG = re.compile(r'<svg class="drawing (wide|narrow)".*?</svg>', re.DOTALL)
_CSV = re.compile(r'<a class="csv" download="([^"]+)" href="data:text/csv;charset=utf-8,([^"]*)"')


@dataclass(frozen=True)
class Shape:
    """One element of a drawing; numbers are in the drawing's own units."""

    tag: str
    at: dict[str, str]
    text: str
    title: str

    def __getitem__(self, name: str) -> float:
        return float(self.at[name])

    @property
    def classes(self) -> set[str]:
        return set(self.at.get("class", "").split())


@dataclass(frozen=True)
class Drawn:
    """One figure of a page."""

    id: str
    says: str
    wide: tuple[list[Shape], ...]
    narrow: tuple[list[Shape], ...]
    rows: list[dict[str, str]]

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.rows]


def figures(page: str) -> dict[str, Drawn]:
    """Return the figures of a page by their ids."""
    found = {}
    for id_, body in _FIGURE.findall(page):
        drawings: dict[str, list[list[Shape]]] = {"wide": [], "narrow": []}
        for match in _SVG.finditer(body):
            drawings[match[1]].append(shapes(match[0]))
        says = re.search(r"<figcaption>(.*?)</figcaption>", body, re.DOTALL)
        found[id_] = Drawn(
            id_,
            html.unescape(re.sub(r"<[^>]+>", "", says[1])) if says else "",
            tuple(drawings["wide"]),
            tuple(drawings["narrow"]),
            tables(body)[-1][1],
        )
    return found


def tables(body: str) -> list[tuple[str, list[dict[str, str]]]]:
    """Return the CSV files that a part of a page offers: name and rows."""
    return [
        (name, list(csv.DictReader(io.StringIO(urllib.parse.unquote(data), newline=""))))
        for name, data in _CSV.findall(body)
    ]


def shapes(svg: str) -> list[Shape]:
    """Return every shape of a drawing, those within groups too; a text is without its tooltip."""
    found = []
    for node in ElementTree.fromstring(svg).iter():
        title = node.find("title")
        told = "".join(node.itertext())
        title_text = "" if title is None else (title.text or "")
        found.append(Shape(node.tag, dict(node.attrib), told.removeprefix(title_text), title_text))
    return found


def tag(drawing: list[Shape], name: str, *classes: str) -> list[Shape]:
    """Return the shapes of one tag that have all of the classes."""
    return [shape for shape in drawing if shape.tag == name and set(classes) <= shape.classes]


def scale(drawing: list[Shape]) -> tuple[float, float]:
    """Return where 0 % and 100 % of a drawing with an axis of shares stand, from top to bottom."""
    marks = {
        shape.text: shape["y"] - 4 for shape in tag(drawing, "text", "soft") if shape.text.endswith(" %")
    }
    return marks["0 %"], marks["100 %"]


@dataclass(frozen=True)
class Band:
    """A band of a flow, read from its path."""

    x0: float
    top0: float
    x1: float
    top1: float
    thick: float
    classes: set[str]
    title: str


_PATH = re.compile(
    r"M([\d.-]+) ([\d.-]+)C[\d.-]+ [\d.-]+ [\d.-]+ [\d.-]+ ([\d.-]+) ([\d.-]+)L[\d.-]+ ([\d.-]+)C"
    r"[\d.-]+ [\d.-]+ [\d.-]+ [\d.-]+ [\d.-]+ ([\d.-]+)Z"
)


def bands(drawing: list[Shape]) -> list[Band]:
    """Return the bands of a flow; each is as thick where it ends as where it begins."""
    found = []
    for shape in tag(drawing, "path", "band"):
        match = _PATH.fullmatch(shape.at["d"])
        assert match, shape.at["d"]
        x0, top0, x1, top1, low1, low0 = map(float, match.groups())
        assert abs((low1 - top1) - (low0 - top0)) < 0.21, shape.title
        found.append(Band(x0, top0, x1, top1, low0 - top0, shape.classes, shape.title))
    return found


@dataclass(frozen=True)
class Node:
    """A node of a flow: its column from the left, its name and weight as told, and how tall it is."""

    column: int
    name: str
    weight: float
    x: float
    top: float
    tall: float
    classes: set[str]


def nodes(drawing: list[Shape]) -> list[Node]:
    """Return the nodes of a flow."""
    bars = [shape for shape in tag(drawing, "rect") if ": weight " in shape.title]
    places = sorted({shape["x"] for shape in bars})
    found = []
    for shape in bars:
        name, _, told = shape.title.rpartition(": weight ")
        found.append(
            Node(
                places.index(shape["x"]),
                name,
                float(told.partition(",")[0]),
                shape["x"],
                shape["y"],
                shape["height"],
                shape.classes,
            )
        )
    return found


def valid(page: str) -> None:
    """Raise where the page is no valid HTML: tags left open or closed twice, stray marks, wrong nesting."""
    html5lib.HTMLParser(strict=True).parse(page)
