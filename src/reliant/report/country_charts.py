"""Drawings of a country page: the timeline of dependence, and a grid of tiles with ISO codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.report._text import percent
from reliant.report.country_measures import FEW
from reliant.report.html.svg import UNKNOWN, drawing, element, label, text_width

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
_ON_TILE = {"s-blocked": "on on-cross", UNKNOWN: "on-hatch"}
"""How letters stand out on a pattern; on a plain fill they are dark."""
_WIDTHS = {"wide": 1080.0, "narrow": 360.0}


@dataclass(frozen=True)
class _Panel:
    """Where the half-years stand: the middle of each, and what of the drawing the two panels take."""

    halves: Sequence[Half]
    wide: bool

    @property
    def width(self) -> float:
        return _WIDTHS["wide" if self.wide else "narrow"]

    @property
    def font(self) -> int:
        return 13 if self.wide else 11

    @property
    def small(self) -> int:
        return 12 if self.wide else 9

    @property
    def left(self) -> float:
        return 54.0 if self.wide else 36.0

    @property
    def right(self) -> float:
        return self.width - 8

    @property
    def step(self) -> float:
        return (self.right - self.left) / max(len(self.halves), 1)

    def middle(self, at: int) -> float:
        return self.left + self.step * (at + 0.5)

    def text(self, said: str, x: float, y: float, *, class_: str = "soft", anchor: str = "middle") -> Markup:
        return element("text", said, x=x, y=y, font_size=self.small, class_=class_, text_anchor=anchor)


_SHARES_TOP, _SHARES, _BETWEEN, _COUNTS = 52.0, 190.0, 62.0, 150.0
_BARS_TOP = _SHARES_TOP + _SHARES + _BETWEEN


def timeline(
    halves: Sequence[Half],
    *,
    on: str,
    turned: str | None,
    id_: str,
    title: str,
    description: str,
    size: str = "wide",
) -> Markup:
    """Return two panels over half-years: shares as lines, counts of known roots as bars.

    The upper line is the share among models with a recorded base, the lower one the same
    count over all models, which is a floor. Neither is the true share, so both are drawn.

    Args:
        on: Name of the country whose roots the shares are of.
        turned: The half-year since which the share is under one half; it is marked.
    """
    panel = _Panel(halves, size == "wide")
    heads = (
        (f"Share of its models with a root in {on}", _SHARES_TOP - 36),
        ("Its models by where their lines begin", _BARS_TOP - 24),
    )
    shapes = [label(0, y, said, room=panel.width, size=panel.font, class_="strong") for said, y in heads]
    shapes += _grid(panel)
    if turned is not None:
        shapes += _turn(panel, turned)
    shapes += _line(panel, [half.floor for half in halves], "line-floor", few=False)
    shapes += _line(panel, [half.share_of_known for half in halves], "line-share", few=True)
    shapes += _bars(panel)
    return drawing(
        *shapes,
        width=panel.width,
        height=_BARS_TOP + _COUNTS + (30 if panel.wide else 38),
        id_=id_,
        title=title,
        description=description,
        size=size,
    )


def _at(share: float) -> float:
    return _SHARES_TOP + _SHARES * (1 - share)


def _grid(panel: _Panel) -> list[Markup]:
    shapes = []
    for part in (0, 25, 50, 75, 100):
        y = _at(part / 100)
        shapes.append(element("line", x1=panel.left, x2=panel.right, y1=y, y2=y, class_="grid"))
        shapes.append(panel.text(f"{part} %", panel.left - 6, y + 4, anchor="end"))
    return shapes


def _turn(panel: _Panel, turned: str) -> list[Markup]:
    """Mark the half-year since which the share is under one half."""
    at = next((at for at, half in enumerate(panel.halves) if half.half == turned), None)
    if at is None:
        return []
    x, last = panel.middle(at), at > len(panel.halves) * 0.6
    return [
        element(
            "line",
            x1=x,
            x2=x,
            y1=_SHARES_TOP - 8,
            y2=_BARS_TOP + _COUNTS,
            class_="edge",
            stroke_dasharray="2 4",
        ),
        panel.text(
            f"under half since {turned}",
            x - 6 if last else x + 6,
            _SHARES_TOP - 10 if last else _SHARES_TOP + 16,
            class_="halo",
            anchor="end" if last else "start",
        ),
    ]


def _line(panel: _Panel, values: Sequence[float | None], class_: str, *, few: bool) -> list[Markup]:
    """Return a line through the known values with a mark at each; with `few`, also their labels."""
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    if not known:
        return []
    path = "M" + "L".join(f"{panel.middle(at):.1f} {_at(value):.1f}" for at, value in known)
    shapes = [element("path", d=path, class_=f"edge {class_}")]
    for place, (at, value) in enumerate(known):
        half = panel.halves[at]
        thin = few and half.base_known < FEW
        whole = half.base_known if few else half.models
        shapes.append(
            element(
                "circle",
                element("title", f"{half.half}: {percent(value)} ({half.root_on} of {whole})"),
                cx=panel.middle(at),
                cy=_at(value),
                r=4.5 if panel.wide else 3.5,
                class_=f"{class_} hollow" if thin else class_,
            )
        )
        if few:
            beside = [
                other for _, other in (*known[max(place - 1, 0) : place], *known[place + 1 : place + 2])
            ]
            below = len(beside) == 2 and min(beside) > value > 0.3
            y = _at(value) + (19 if below else -9)
            shapes.append(panel.text(percent(value), panel.middle(at), y, class_="halo"))
    return shapes


def _bars(panel: _Panel) -> list[Markup]:
    most = max((sum(getattr(half, name) for name, _ in COLUMNS) for half in panel.halves), default=1) or 1
    floor = _BARS_TOP + _COUNTS
    shapes = [element("line", x1=panel.left, x2=panel.right, y1=floor, y2=floor, class_="grid")]
    for at, half in enumerate(panel.halves):
        x, base = panel.middle(at), floor
        for name, class_ in COLUMNS:
            count = getattr(half, name)
            tall = _COUNTS * count / most
            if count:
                base -= tall
                shapes.append(
                    element(
                        "rect",
                        element("title", f"{half.half}: {name.replace('_', ' ')} {count}"),
                        x=x - panel.step * 0.36,
                        y=base,
                        width=panel.step * 0.72,
                        height=max(tall - 1, 1),
                        class_=class_,
                    )
                )
        shapes += _over_bar(panel, half, x, base - 5)
        if panel.wide:
            shapes.append(panel.text(half.half, x, floor + 18, class_=""))
            continue
        shapes.append(panel.text(half.half[4:], x, floor + 13))
        years = [place for place, one in enumerate(panel.halves) if one.half[:4] == half.half[:4]]
        if at == years[0]:
            middle = (panel.middle(years[0]) + panel.middle(years[-1])) / 2
            shapes.append(panel.text(half.half[:4], middle, floor + 27, class_=""))
    return shapes


def _over_bar(panel: _Panel, half: Half, x: float, y: float) -> list[Markup]:
    """Return known and all models above a bar: on one line, or on two where there is too little room."""
    known, whole = f"{half.base_known}/", f"{half.models}"
    if text_width(known + whole, panel.small) < panel.step - 2:
        return [panel.text(known + whole, x, y, class_="halo soft")]
    return [
        panel.text(known, x, y - panel.small, class_="halo soft"),
        panel.text(whole, x, y, class_="halo soft"),
    ]


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
                    class_=f"{_ON_TILE.get(TILES[word], 'on')} strong",
                    anchor="middle",
                ),
                label(
                    x + side / 2,
                    y + side / 2 + 14,
                    blocked_of(verdicts),
                    room=side,
                    size=11,
                    class_=_ON_TILE.get(TILES[word], "on"),
                    anchor="middle",
                ),
            )
        )
    rows = -(-len(places) // across)
    return drawing(
        *shapes, width=width, height=rows * side, id_=id_, title=title, description=description, size=size
    )
