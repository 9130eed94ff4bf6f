"""Drawings of a country page: the timeline of dependence, and a grid of tiles with ISO codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reliant.report._text import percent
from reliant.report.html.svg import UNKNOWN, drawing, element, label

if TYPE_CHECKING:
    from markupsafe import Markup

    from reliant.core.country import Half

COLUMNS = (("root_on", "s2"), ("root_other", "s7"), ("root_unknown", UNKNOWN), ("root_home", "s1"))
"""The parts of a bar from below, and their fill."""

TILES = {
    "all blocked": "s-blocked",
    "some blocked": "s6",
    "none blocked, some unknown": UNKNOWN,
    "all open": "s-open",
}
"""What a tile says, and its fill."""
_WIDTHS = {"wide": 1080.0, "narrow": 360.0}


def timeline(halves: Sequence[Half], *, id_: str, title: str, description: str, size: str = "wide") -> Markup:
    """Return two panels over half-years: shares as lines, counts of known roots as bars.

    The upper line is the share among models with a recorded base, the lower one the
    same count over all models: the truth lies between, and both are drawn.
    """
    width, font = _WIDTHS[size], 13 if size == "wide" else 10
    left, right = (54.0, width - 8) if size == "wide" else (36.0, width - 4)
    step = (right - left) / max(len(halves), 1)
    shares_top, shares_height, gap, counts_height = 16.0, 190.0, 44.0, 150.0
    bars_top = shares_top + shares_height + gap
    shapes: list[str] = []
    for part in (0, 25, 50, 75, 100):
        y = shares_top + shares_height * (1 - part / 100)
        shapes.append(element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        shapes.append(
            element(
                "text", f"{part} %", x=left - 6, y=y + 4, font_size=font - 1, class_="soft", text_anchor="end"
            )
        )
    middles = [left + step * (at + 0.5) for at in range(len(halves))]
    for values, class_, dash in (
        ([half.share_of_known for half in halves], "s2", None),
        ([half.floor for half in halves], "s7", "5 4"),
    ):
        points = [
            (x, shares_top + shares_height * (1 - value))
            for x, value in zip(middles, values, strict=True)
            if value is not None
        ]
        shapes += _line(points, class_, dash)
    if size == "wide":
        for x, half in zip(middles, halves, strict=True):
            if half.share_of_known is not None:
                y = shares_top + shares_height * (1 - half.share_of_known)
                said = percent(half.share_of_known)
                above = y - 9 if y > shares_top + 14 else y + 20
                shapes.append(
                    element("text", said, x=x, y=above, font_size=font, class_="halo", text_anchor="middle")
                )
    most = max((sum(getattr(half, name) for name, _ in COLUMNS) for half in halves), default=1) or 1
    for x, half in zip(middles, halves, strict=True):
        base = bars_top + counts_height
        for name, class_ in COLUMNS:
            count = getattr(half, name)
            tall = counts_height * count / most
            if count:
                base -= tall
                shapes.append(
                    element(
                        "rect",
                        element("title", f"{half.half}: {name.replace('_', ' ')} {count}"),
                        x=x - step * 0.36,
                        y=base,
                        width=step * 0.72,
                        height=max(tall - 1, 1),
                        class_=class_,
                    )
                )
        total = f"{half.base_known}/{half.models}"
        if size == "wide":
            shapes.append(
                element(
                    "text", total, x=x, y=base - 5, font_size=font - 1, class_="soft", text_anchor="middle"
                )
            )
        if size == "wide" or half.half.endswith("H1"):
            shown = half.half if size == "wide" else half.half[2:4]
            shapes.append(
                element(
                    "text",
                    shown,
                    x=x,
                    y=bars_top + counts_height + font + 5,
                    font_size=font,
                    text_anchor="middle",
                )
            )
    shapes.append(
        element(
            "line",
            x1=left,
            x2=right,
            y1=bars_top + counts_height,
            y2=bars_top + counts_height,
            class_="grid",
        )
    )
    return drawing(
        *shapes,
        width=width,
        height=bars_top + counts_height + 30,
        id_=id_,
        title=title,
        description=description,
        size=size,
    )


def _line(points: Sequence[tuple[float, float]], class_: str, dash: str | None) -> list[str]:
    if not points:
        return []
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    # The fill class of the series colours markers; the line itself is drawn in the ink of edges.
    shapes: list[str] = [element("path", d=path, class_="edge", stroke_dasharray=dash)]
    shapes += [element("circle", cx=x, cy=y, r=4.5, class_=class_) for x, y in points]
    return shapes


def state(verdicts: Sequence[str]) -> str:
    """Return what several ways come to, as a word of `TILES`."""
    words = [one.rpartition(":")[2] for one in verdicts]
    blocked = words.count("BLOCKED")
    if blocked:
        return "all blocked" if blocked == len(words) else "some blocked"
    return "none blocked, some unknown" if "UNKNOWN" in words else "all open"


def blocked_of(verdicts: Sequence[str]) -> str:
    """Return how many of the ways are blocked, as `2/3`."""
    return f"{sum(one.endswith(':BLOCKED') for one in verdicts)}/{len(verdicts)}"


def tiles(
    places: Mapping[str, Sequence[str]],
    *,
    marked: Sequence[str],
    id_: str,
    title: str,
    description: str,
    size: str = "wide",
) -> Markup:
    """Return one tile for each country, in the order of their codes: no border is drawn, none disputed.

    Args:
        places: By ISO code, `provider:VERDICT` for each direct way.
        marked: Codes that get a frame.
    """
    width = _WIDTHS[size]
    across = 25 if size == "wide" else 10
    side = width / across
    shapes: list[str] = []
    for at, (code, verdicts) in enumerate(sorted(places.items())):
        x, y = (at % across) * side, (at // across) * side
        word = state(verdicts)
        told = ", ".join(one.replace(":", " ") for one in verdicts)
        shapes.append(
            element(
                "g",
                element("title", f"{code}: {told}"),
                element(
                    "rect",
                    x=x + 1.5,
                    y=y + 1.5,
                    width=side - 3,
                    height=side - 3,
                    rx=3,
                    class_=TILES[word],
                    stroke="currentColor" if code in marked else None,
                    stroke_width=3 if code in marked else None,
                ),
                label(
                    x + side / 2,
                    y + side / 2 + 1,
                    code,
                    room=side,
                    size=13 if size == "wide" else 12,
                    class_="halo strong",
                    anchor="middle",
                ),
                label(
                    x + side / 2,
                    y + side / 2 + 14,
                    blocked_of(verdicts),
                    room=side,
                    size=11,
                    class_="halo",
                    anchor="middle",
                ),
            )
        )
    rows = -(-len(places) // across)
    return drawing(
        *shapes, width=width, height=rows * side, id_=id_, title=title, description=description, size=size
    )
