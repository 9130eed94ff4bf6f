"""A flow figure: bands from left to right, as thick as the weight that goes that way.

Threads are the input: one path through all columns, with its weight. What shares a
stop is one node; what shares two neighbouring stops and a class is one band. A column
keeps its largest nodes and gathers the rest into one that says how many they are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reliant.report._text import clean, percent
from reliant.report.html.svg import drawing, element, label, ribbon, text_width

_NODE = 10.0
_GAP = 10.0
_HEAD = 26.0
_REST = "\0rest"


@dataclass(frozen=True)
class Stop:
    """Where a thread passes: `key` makes it one node, `class_` fills it."""

    key: str
    name: str
    class_: str = "node"


@dataclass(frozen=True)
class Thread:
    """One path through all columns; `class_` fills its bands."""

    stops: tuple[Stop, ...]
    weight: float
    class_: str


@dataclass(frozen=True)
class _Look:
    width: float
    font: float
    row: float
    least: float


_LOOKS = {"wide": _Look(1080, 13, 44, 240), "narrow": _Look(360, 11, 40, 240)}


@dataclass
class _Node:
    stop: Stop
    weight: float = 0.0
    top: float = 0.0
    x: float = 0.0
    out: float = 0.0
    into: float = 0.0


def flow(
    threads: Sequence[Thread],
    columns: Sequence[str],
    *,
    id_: str,
    title: str,
    description: str,
    size: str = "wide",
    at_most: int = 12,
) -> Markup:
    """Return the drawing of these threads.

    Args:
        columns: Heading of each column; every thread has as many stops.
        size: `wide` (1,080 units) or `narrow` (360 units).
        at_most: How many nodes a column shows before the smallest are gathered.
    """
    look = _LOOKS[size]
    threads = [thread for thread in _gathered(threads, len(columns), at_most) if thread.weight > 0]
    total = math.fsum(thread.weight for thread in threads) or 1.0
    nodes = _nodes(threads, len(columns))
    most = max((len(column) for column in nodes), default=1)
    inner = max(look.least, most * look.row) - _GAP * most
    scale = inner / total
    height = _place(nodes, look, scale)
    shapes: list[str] = [
        label(
            node_x,
            14,
            name,
            room=look.width / len(columns) - 8,
            size=look.font,
            class_="head",
            anchor="end" if last else None,
        )
        for node_x, name, last in _heads(columns, look)
    ]
    shapes += _bands(threads, nodes, scale)
    shapes += _marks(nodes, look, scale, total)
    return drawing(
        *shapes, width=look.width, height=height, id_=id_, title=title, description=description, size=size
    )


def _heads(columns: Sequence[str], look: _Look) -> list[tuple[float, str, bool]]:
    return [
        (_x(at, len(columns), look) + (_NODE if at == len(columns) - 1 else 0), name, at == len(columns) - 1)
        for at, name in enumerate(columns)
    ]


def _x(column: int, columns: int, look: _Look) -> float:
    return column * (look.width - _NODE) / max(columns - 1, 1)


def _gathered(threads: Sequence[Thread], columns: int, at_most: int) -> list[Thread]:
    """Join the smallest nodes of a crowded column into one."""
    swaps: list[Mapping[str, Stop]] = []
    for at in range(columns):
        weights: dict[str, float] = defaultdict(float)
        for thread in threads:
            weights[thread.stops[at].key] += thread.weight
        ranked = sorted(weights, key=lambda key: (-weights[key], key))
        rest = ranked[at_most - 1 :] if len(ranked) > at_most else []
        stop = Stop(_REST, f"{len(rest)} others", "node")
        swaps.append(dict.fromkeys(rest, stop))
    return [
        Thread(
            tuple(swap.get(stop.key, stop) for swap, stop in zip(swaps, thread.stops, strict=True)),
            thread.weight,
            thread.class_,
        )
        for thread in threads
    ]


def _nodes(threads: Sequence[Thread], columns: int) -> list[dict[str, _Node]]:
    """Return the nodes of each column, ordered so that bands cross little."""
    found: list[dict[str, _Node]] = []
    for at in range(columns):
        column: dict[str, _Node] = {}
        pull: dict[str, float] = defaultdict(float)
        before = {key: place for place, key in enumerate(found[-1])} if found else {}
        for thread in threads:
            node = column.setdefault(thread.stops[at].key, _Node(thread.stops[at]))
            node.weight += thread.weight
            if at:
                pull[node.stop.key] += thread.weight * before[thread.stops[at - 1].key]
        if at:
            order = sorted(column, key=lambda key: (key == _REST, pull[key] / column[key].weight, key))
        else:
            order = sorted(column, key=lambda key: (key == _REST, -column[key].weight))
        found.append({key: column[key] for key in order})
    return found


def _place(nodes: list[dict[str, _Node]], look: _Look, scale: float) -> float:
    """Set x and top of every node; return the height that all of them take."""
    bottom = 0.0
    for at, column in enumerate(nodes):
        top = _HEAD
        for node in column.values():
            node.x = _x(at, len(nodes), look)
            node.top = top
            # A thin node keeps room for its label, so that labels never overlap.
            top += max(node.weight * scale, look.font + 4) + _GAP
        bottom = max(bottom, top)
    return bottom + 4


def _bands(threads: Sequence[Thread], nodes: list[dict[str, _Node]], scale: float) -> list[str]:
    bands: list[str] = []
    for at in range(len(nodes) - 1):
        joined: dict[tuple[str, str, str], float] = defaultdict(float)
        for thread in threads:
            joined[thread.stops[at].key, thread.stops[at + 1].key, thread.class_] += thread.weight
        places = [{key: place for place, key in enumerate(column)} for column in nodes[at : at + 2]]
        for (left, right, class_), weight in sorted(
            joined.items(), key=lambda item: (places[0][item[0][0]], places[1][item[0][1]], item[0][2])
        ):
            source, target = nodes[at][left], nodes[at + 1][right]
            bands.append(
                ribbon(
                    source.x + _NODE,
                    source.top + source.out,
                    target.x,
                    target.top + target.into,
                    weight * scale,
                    class_=f"band {class_}",
                    title=f"{source.stop.name} to {target.stop.name}: weight {weight:g}",
                )
            )
            source.out += weight * scale
            target.into += weight * scale
    return bands


def _marks(nodes: list[dict[str, _Node]], look: _Look, scale: float, total: float) -> list[str]:
    marks: list[str] = []
    rooms = _rooms(nodes, look, total)
    for at, column in enumerate(nodes):
        last = at == len(nodes) - 1
        for node in column.values():
            tall = max(node.weight * scale, 1.5)
            said = _said(node, total)
            marks.append(
                element(
                    "rect",
                    element(
                        "title", f"{clean(node.stop.name)}: weight {node.weight:g}, {_share(node, total)}"
                    ),
                    x=node.x,
                    y=node.top,
                    width=_NODE,
                    height=tall,
                    class_=node.stop.class_,
                )
            )
            x = node.x - 6 if last else node.x + _NODE + 6
            y = (
                node.top + min(tall / 2 + look.font / 3, tall)
                if tall > look.font
                else node.top + look.font - 2
            )
            marks.append(
                label(
                    x, y, said, room=rooms[at], size=look.font, class_="halo", anchor="end" if last else None
                )
            )
    return marks


def _share(node: _Node, total: float) -> str:
    return percent(node.weight / total)


def _said(node: _Node, total: float) -> str:
    return f"{node.stop.name}, {_share(node, total)}"


def _rooms(nodes: list[dict[str, _Node]], look: _Look, total: float) -> list[float]:
    """Return how long the labels of each column may be.

    The labels of the last two columns stand face to face in one gap: the last takes what it
    needs, up to half of it, and the one before it the rest.
    """
    gap = (look.width - _NODE) / max(len(nodes) - 1, 1)
    rooms = [gap - _NODE - 12] * len(nodes)
    if len(nodes) > 1:
        needs = [
            max((text_width(_said(node, total), look.font) for node in column.values()), default=0.0)
            for column in nodes[-2:]
        ]
        free = gap - _NODE - 22
        rooms[-1] = min(needs[1] + 2, max(free / 2, free - needs[0] - 2))
        rooms[-2] = free - rooms[-1]
    return rooms
