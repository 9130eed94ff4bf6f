"""The descent figure: under each model, what it is related to, how, and how sure that is.

The words of a relation are the point. "Same architecture as" is not "built on the
weights of", and a relation keeps its status: a full line is confirmed, a dashed one
reported, a dotted one disputed, and a crossed one denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reliant.report._text import wrap
from reliant.report.html.svg import drawing, element, label, text_width


@dataclass(frozen=True)
class Relation:
    """One edge in words.

    Attributes:
        words: For example `same architecture as`.
        ancestor: Name of the other model.
        status: confirmed, reported, disputed or denied.
        counts: Look-through figures follow this kind of descent; None for what is no descent at all.
        cites: Source numbers, as `[5] [6]`.
        depth: 0 for an edge of the model itself, 1 for one of its ancestor, and so on.
    """

    words: str
    ancestor: str
    status: str
    counts: bool | None
    cites: str = ""
    note: str = ""
    depth: int = 0


@dataclass(frozen=True)
class Tree:
    """A model and its relations, an ancestor's own ones behind the edge that leads to it."""

    model: str
    about: str
    relations: tuple[Relation, ...]


_STEP = 26.0


def descent_tree(
    trees: Sequence[Tree], *, id_: str, title: str, description: str, size: str = "wide"
) -> Markup:
    """Return the trees under each other."""
    narrow = size == "narrow"
    width, font = (360.0, 12.0) if narrow else (1080.0, 14.0)
    shapes: list[str] = []
    y = 18.0
    for tree in trees:
        beside = 0.0 if narrow else min(text_width(tree.about, font) + 24, width / 2)
        shapes.append(label(0, y, tree.model, room=width - beside, size=font + 2, class_="strong"))
        if narrow:
            y += 18
            shapes.append(label(0, y, tree.about, room=width, size=font, class_="soft"))
        else:
            x = min(text_width(tree.model, font + 2) * 1.12, width - beside) + 18
            shapes.append(label(x, y, tree.about, room=width - x, size=font, class_="soft"))
        # Where the line to the ancestors of each depth begins: below the name it belongs to.
        below = {0: y + 8}
        y += 6
        for relation in tree.relations:
            spine = below.get(relation.depth, below[0])
            y = _relation(shapes, relation, y, spine, width=width, font=font, narrow=narrow)
            below[relation.depth + 1] = y + 4
        y += 34
    return drawing(
        *shapes, width=width, height=max(y - 20, 20), id_=id_, title=title, description=description, size=size
    )


def _relation(
    shapes: list[str], relation: Relation, y: float, spine: float, *, width: float, font: float, narrow: bool
) -> float:
    """Draw one edge with its words below `y`; return where it ends."""
    y += _STEP
    x = 8 + relation.depth * 22.0
    arm = x + (18 if narrow else 44)
    status = f"edge {relation.status}"
    shapes.append(element("path", d=f"M{x:.0f} {spine:.0f}V{y - 5:.0f}H{arm:.0f}", class_=status))
    if relation.status == "denied":
        middle = (x + arm) / 2
        cross = f"M{middle - 4:.0f} {y - 9:.0f}l8 8m0 -8l-8 8"
        shapes.append(element("path", d=cross, class_="cross"))
    text = arm + 8
    said = f"{relation.words} {relation.ancestor}"
    state = " ".join(part for part in (relation.status, relation.cites) if part)
    if relation.counts is False:
        state += ", not counted as descent"
    if narrow:
        for line in wrap(said, int((width - text) / font / 0.52)):
            shapes.append(label(text, y, line, room=width - text, size=font))
            y += 16
        for at, line in enumerate(wrap(state, int((width - text) / font / 0.66))):
            y += 16 * (at > 0)
            shapes.append(
                label(text, y, line, room=width - text, size=font, class_=f"status {relation.status}")
            )
    else:
        room = 480.0 - text
        shapes.append(label(500, y, state, room=width - 500, size=font, class_=f"status {relation.status}"))
        for at, line in enumerate(wrap(said, int(room / font / 0.58))[:3]):
            y += 17 * (at > 0)
            shapes.append(label(text, y, line, room=room, size=font))
    if relation.note:
        for line in wrap(relation.note, int((width - text) / font / 0.5)):
            y += 17
            shapes.append(label(text, y, line, room=width - text + 4, size=font - 1, class_="soft"))
    return y
