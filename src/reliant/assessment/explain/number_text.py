"""The explanation of a figure as plain text: what counts first, each line with its place and sources."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.assessment.explain.number import Explanation, Part, Step, UsePath
    from reliant.core.results import Source

_WIDTH = 100
_PARTS = 40
"""Functions that are shown; the JSON has all."""

_SOURCES = 3
"""Sources that a line shows."""


_SHOWN = 0.0005
"""A difference below this is not seen in three places."""


def number_text(told: Explanation) -> str:
    """Return an explanation for a person at a terminal."""
    place = f" from {told.place}" if told.place else ""
    lines = [f"{told.number}: {_value(told)}, as of {told.as_of}{place}"]
    lines += textwrap.wrap(f"The {told.means}.", _WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
    for held in told.shares:
        lines.append(f"  {held.id:24} {_percent(held.share):>6}   squared {held.squared:.3f}")
    counted = [part for part in told.parts if part.known > 0 or part.perhaps > 0]
    aside = [part for part in told.parts if part not in counted]
    for part in counted[:_PARTS]:
        lines += ["", *_part(part)]
    if len(counted) > _PARTS:
        lines += ["", f"And {len(counted) - _PARTS} functions more; the JSON has all."]
    if aside:
        # Why a function is left out is asked where nothing counts; else its name is enough.
        lines += ["", f"Does not count: {len(aside)} of {len(told.parts)} functions"]
        for part in aside[:_PARTS] if not counted else ():
            lines += ["", *_part(part)]
        if counted:
            names = ", ".join(part.function for part in aside[:_PARTS])
            lines += textwrap.wrap(names, _WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
    for remark in told.remarks:
        lines += ["", *textwrap.wrap(remark, _WIDTH)]
    if told.sources:
        lines += ["", "Sources"]
        for source in told.sources:
            lines.append(_source(source))
    return "\n".join(lines) + "\n"


def _value(told: Explanation) -> str:
    if told.value is None:
        if told.index is None:
            return "not known"
        said = f"{told.index:.3f}, as many as {told.effective:.1f} equal ones"
        if told.bounds is not None and told.bounds.high - told.bounds.low >= _SHOWN:
            low, high = told.bounds.low, told.bounds.high
            said += f" ({low:.3f} to {high:.3f}, whoever the part is bought from that is not known)"
        return said
    low, high = told.value.low, told.value.high
    share = _percent(low) if high - low < 0.0005 else f"{_percent(low)} to {_percent(high)}"
    return f"{share} of the weight of {len(told.parts)} functions"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _part(part: Part) -> Iterator[str]:
    gives = [f"{_percent(part.known)}"] if part.known > 0 or part.perhaps == 0 else []
    gives += [f"perhaps {_percent(part.perhaps)}"] if part.perhaps > 0 else []
    weight = f"{part.weight:g}"
    yield f"{' and '.join(gives)}  {part.function} (weight {weight})  {part.where}".rstrip()
    for use in part.uses:
        yield from _use(use)


def _use(use: UsePath) -> Iterator[str]:
    yield f"  {use.counts}: {use.label}, {_percent(use.share)} of the function  {', '.join(use.places[:3])}"
    for step in use.steps:
        yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    shown = "".join(f" [{number}]" for number in step.sources[:_SOURCES])
    more = f" and {len(step.sources) - _SOURCES} more" if len(step.sources) > _SOURCES else ""
    text = f"{step.says}{shown}{more}"
    yield from textwrap.wrap(text, _WIDTH, initial_indent="    - ", subsequent_indent="      ")


def _source(source: Source) -> str:
    said = ", ".join(one for one in (source.publisher, source.title, source.published) if one)
    return f"  [{source.id}] {said}" + (f"  {source.url}" if source.url else "")


__all__ = ["number_text"]
