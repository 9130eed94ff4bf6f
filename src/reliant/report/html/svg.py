"""Inline SVG, made as text: elements, labels of a known width, and the shared look.

Colours and patterns are classes of the page's style sheet, so a drawing follows the
reader's light or dark scheme. Nothing is told by colour alone: every shape has a
label or a pattern too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from markupsafe import Markup, escape

from reliant.report._text import clean

Number: TypeAlias = int | float

SERIES = ("s1", "s2", "s3", "s4", "s5", "s6", "s7")
"""Fill classes that can be told apart by most colour-blind readers (Okabe and Ito's set)."""

UNKNOWN = "s-unknown"
"""Fill class of whatever is not known: hatched, never a plain colour."""

# Advance of a sans-serif letter in em, on the safe side; wide scripts fill a square, pictures more.
_EM_NARROW, _EM_MEAN, _EM_CAPITAL, _EM_WIDE, _EM_PICTURE = 0.38, 0.62, 0.72, 1.05, 1.5
_THIN = frozenset("fijlrt.,:;|!'()[] ")
_BROAD = {"m": 0.98, "w": 0.82, "M": 0.87, "W": 0.99, "@": 1.0, "%": 0.95} | dict.fromkeys("<>=+#~^&", 0.84)
_PICTURES = 0x1F000
_BOLD = 1.12
_BOLD_CLASSES = frozenset({"strong", "status"})


def element(tag: str, /, *children: str, **attributes: Number | str | None) -> Markup:
    """Return one element; text is escaped unless it is Markup already.

    Args:
        attributes: `stroke_width` becomes `stroke-width`, `class_` becomes `class`;
            None leaves the attribute out, and numbers keep at most one decimal.

    Examples:
        >>> str(element("text", "a < b", x=1.25, class_="label"))
        '<text x="1.2" class="label">a &lt; b</text>'
    """
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup(f"<{tag}{said}/>")  # noqa: S704  (every part is escaped)
    body = "".join(str(child if isinstance(child, Markup) else escape(clean(child))) for child in children)
    return Markup(f"<{tag}{said}>{body}</{tag}>")  # noqa: S704


def _value(value: Number | str) -> str:
    if isinstance(value, str):
        return str(escape(clean(value)))
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def drawing(
    *shapes: str, width: Number, height: Number, id_: str, title: str, description: str, size: str = "wide"
) -> Markup:
    """Return an `<svg>` with its title and description, as wide as the page allows.

    Args:
        id_: Unique in the page; prefixes the ids of title and description.
        size: `wide` or `narrow`: which of two drawings of one figure this is. The style
            sheet shows the narrow one on phones.
    """
    return element(
        "svg",
        element("title", title, id=f"{id_}-{size}-title"),
        element("desc", description, id=f"{id_}-{size}-desc"),
        *shapes,
        class_=f"drawing {size}",
        viewBox=f"0 0 {_value(float(width))} {_value(float(height))}",
        role="img",
        aria_labelledby=f"{id_}-{size}-title",
        aria_describedby=f"{id_}-{size}-desc",
        style=f"max-width:{_value(float(width))}px",
    )


def text_width(text: str, size: Number) -> float:
    """Return about how wide `text` is in a sans-serif font of `size`."""
    em = 0.0
    for char in text:
        if char in _THIN:
            em += _EM_NARROW
        elif char.isascii():
            em += _BROAD.get(char) or (_EM_CAPITAL if char.isupper() else _EM_MEAN)
        else:
            em += _EM_PICTURE if ord(char) >= _PICTURES else _EM_WIDE
    return em * size


def shorten(text: str, room: Number, size: Number) -> str:
    """Return `text` cut with an ellipsis to about `room`, and harmless on one line."""
    text = clean(text)
    if text_width(text, size) <= room:
        return text
    kept = text
    while kept and text_width(kept + "…", size) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def label(
    x: Number,
    y: Number,
    text: str,
    *,
    room: Number,
    size: Number = 13,
    class_: str = "",
    anchor: str | None = None,
) -> Markup:
    """Return a text that keeps to `room`; what was cut is in its tooltip."""
    bold = not _BOLD_CLASSES.isdisjoint(class_.split())
    shown = shorten(text, room / _BOLD if bold else room, size)
    children: Sequence[str] = (shown,) if shown == clean(text) else (element("title", clean(text)), shown)
    return element(
        "text", *children, x=float(x), y=float(y), font_size=size, class_=class_ or None, text_anchor=anchor
    )


def ribbon(
    x0: float, top0: float, x1: float, top1: float, thick: float, *, class_: str, title: str
) -> Markup:
    """Return a band of constant thickness that flows from (x0, top0) to (x1, top1)."""
    middle = (x0 + x1) / 2
    x0_, x1_, m = _value(x0), _value(x1), _value(middle)
    a0, b0 = _value(top0), _value(top0 + thick)
    a1, b1 = _value(top1), _value(top1 + thick)
    path = f"M{x0_} {a0}C{m} {a0} {m} {a1} {x1_} {a1}L{x1_} {b1}C{m} {b1} {m} {b0} {x0_} {b0}Z"
    return element("path", element("title", title), d=path, class_=class_)
