"""Bars: shares side by side with their unknown part, and one bar that is cut into states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reliant.core.results import Interval
from reliant.report._text import percent, wrap
from reliant.report.html.svg import UNKNOWN, drawing, element, label, text_width


@dataclass(frozen=True)
class Bar:
    """One bar: what is known is filled, what may be added to it is hatched.

    Attributes:
        share: Of the axis.
        said: What stands at its end; the share if it is empty.
    """

    name: str
    share: Interval
    class_: str
    said: str = ""


@dataclass(frozen=True)
class Row:
    """A name with its bars under each other."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Piece:
    """One piece of a whole; `mark` says its state where a colour cannot."""

    name: str
    weight: float
    class_: str
    mark: str = ""


_WIDTHS = {"wide": 1080.0, "narrow": 360.0}


_BOLD = 0.6
"""Em of a letter in bold, on the safe side."""

_BROAD = 0.7
"""The same for a name in a narrow column, where a date or capitals may stand."""

_TOLD = 5.0
"""Em of a cut name that still tells something."""

_PERCENT = tuple((part / 100, f"{part} %") for part in (0, 25, 50, 75, 100))


def paired_bars(
    rows: Sequence[Row],
    *,
    id_: str,
    title: str,
    description: str,
    size: str = "wide",
    ticks: Sequence[tuple[float, str]] = _PERCENT,
    above: bool = False,
) -> Markup:
    """Return one block of bars per row, on one axis.

    Args:
        ticks: Where the axis is marked, as a share of its length, and with what.
        above: Names are sentences: each stands on a line above its bars.
    """
    width, font = _WIDTHS[size], 13 if size == "wide" else 12
    stacked = size == "narrow"
    above = above or stacked
    left = 8.0 if above else 250.0
    longest = max((text_width(_said(one), font) for row in rows for one in row.bars), default=0.0)
    right = width - max(92.0 if stacked else 130.0, longest + 12)
    span, bar, y = right - left, 16.0, 22.0
    shapes: list[str] = []
    for row in rows:
        if above:
            for line in wrap(row.name, int((width - 16) / font / _BOLD)):
                shapes.append(label(left, y + 6, line, room=width, size=font, class_="strong"))
                y += 16
            y -= 2
        else:
            room = 150 if any(one.name for one in row.bars) else left - 34
            lines = wrap(row.name, int(room / font / _BROAD))
            if len(lines) > 2:
                lines = [lines[0], " ".join(lines[1:])]
            for at, line in enumerate(lines):
                shapes.append(label(0, y + 13 + 15 * at, line, room=room, size=font, class_="strong"))
        for one in row.bars:
            if not one.name:
                pass
            elif above:
                shapes.append(label(left, y + 13, one.name, room=width - 16, size=font, class_="soft"))
                y += 18
            else:
                shapes.append(
                    label(left - 10, y + 13, one.name, room=92, size=font, class_="soft", anchor="end")
                )
            known, most = one.share.low * span, one.share.high * span
            shapes.append(element("rect", x=left, y=y, width=span, height=bar, class_="track"))
            if known > 0:
                shapes.append(element("rect", x=left, y=y, width=known, height=bar, class_=one.class_))
            if most > known:
                shapes.append(
                    element("rect", x=left + known, y=y, width=most - known, height=bar, class_=UNKNOWN)
                )
            shapes.append(label(right + 8, y + 13, _said(one), room=width - right, size=font))
            y += bar + 6
        y += 16
    grid: list[str] = []
    for part, said in ticks:
        x = left + span * part
        anchor = "start" if part == 0 else "end" if part == 1 else "middle"
        grid.append(element("line", x1=x, x2=x, y1=16.0, y2=y - 8, class_="grid"))
        shapes.append(element("text", said, x=x, y=y + 8, font_size=11, class_="soft", text_anchor=anchor))
    return drawing(
        *grid, *shapes, width=width, height=y + 16, id_=id_, title=title, description=description, size=size
    )


def _said(one: Bar) -> str:
    return one.said or percent(one.share)


def stacked_bar(
    pieces: Sequence[Piece], *, id_: str, title: str, description: str, size: str = "wide"
) -> Markup:
    """Return one bar cut into pieces by weight; a piece too small for its name is named in the table."""
    width, font = _WIDTHS[size], 13 if size == "wide" else 11
    whole = sum(piece.weight for piece in pieces) or 1.0
    tall, x = 46.0, 0.0
    shapes: list[str] = []
    for piece in pieces:
        wide = piece.weight / whole * width
        shapes.append(
            element(
                "rect",
                element("title", f"{piece.name}: {percent(piece.weight / whole)}"),
                x=x,
                y=0.0,
                width=max(wide - 2, 1),
                height=tall,
                class_=piece.class_,
            )
        )
        share = f"{piece.mark} {percent(piece.weight / whole)}".strip()
        if wide > text_width(share, font) + 10:
            shapes.append(label(x + 1, tall + 18, share, room=wide - 4, size=font, class_="strong"))
        if wide > min(text_width(piece.name, font), _TOLD * font) + 14:
            shapes.append(label(x + 1, tall + 35, piece.name, room=wide - 14, size=font, class_="soft"))
        x += wide
    return drawing(
        *shapes, width=width, height=tall + 42, id_=id_, title=title, description=description, size=size
    )
