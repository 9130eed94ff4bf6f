"""A figure as plain text: its value, the formula with the sums put in, and the rows behind it."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.assessment.figures import Figure, Row, Value

_WIDTH = 100
_ROWS = 40
"""Rows that are shown; the JSON has all."""

_SOURCES = 3
_SHARE = re.compile(r"\)?\s*/\s*\(?sum|^squares")


def figure_text(told: Figure) -> str:
    """Return a figure for a person at a terminal."""
    lines = [f"{told.number}, as of {told.as_of}"]
    lines += textwrap.wrap(f"{_upper(told.means)}.", _WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
    lines += [line for value in told.values for line in _value(value, told)]
    if told.at:
        lines += textwrap.wrap(f"read in {told.at}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    used = {name for value in told.values for name in _columns(value.formula)}
    counted = [row for row in told.rows if used & row.adds.keys() or not used]
    if counted:
        lines += ["", f"{len(counted)} row{'s' if len(counted) > 1 else ''}"]
    # Rows that add to more columns say more: they come first.
    counted.sort(key=lambda row: (-len(used & row.adds.keys()), row.id))
    for row in counted[:_ROWS]:
        lines += _row(row, used)
    if len(counted) > _ROWS:
        lines.append(f"  and {len(counted) - _ROWS} more; --format json has all")
    for remark in told.remarks:
        lines += ["", *textwrap.wrap(remark, _WIDTH)]
    shown = {one for row in counted[:_ROWS] for one in row.sources}
    if shown:
        lines += ["", "Sources"]
        for source in told.sources:
            if source.id in shown:
                said = ", ".join(one for one in (source.publisher, source.title, source.published) if one)
                lines.append(f"  [{source.id}] {said}" + (f"  {source.url}" if source.url else ""))
    return "\n".join(lines) + "\n"


def names_text(addresses: dict[str, float]) -> str:
    """Return every number with its name, one a line."""
    return "".join(f"{name}  {_plain(value)}\n" for name, value in addresses.items())


def _value(value: Value, told: Figure) -> Iterator[str]:
    share = f" = {100 * value.value:.1f} %" if _SHARE.search(value.formula) and 0 <= value.value <= 1 else ""
    name = f"{value.name} " if value.name else ""
    columns = _columns(value.formula)
    if not columns:
        yield f"  {name}= {_plain(value.value)}"
        return
    yield f"  {name}= {value.formula} = {_plain(value.value)}{share}"
    if "sum(" in value.formula:
        said = "sums: " + ", ".join(f"{one} {_plain(told.columns.get(one, 0.0))}" for one in columns)
    else:
        said = f"over {sum(columns[0] in row.adds for row in told.rows)} rows of {columns[0]}"
    yield from textwrap.wrap(said, _WIDTH, initial_indent="      ", subsequent_indent="      ")


def _columns(formula: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"(?:sum|count|median|least|most|squares)\((\w+)\)", formula)))


def _row(row: Row, used: set[str]) -> Iterator[str]:
    adds = ", ".join(
        name if part == 1 else f"{name} {_plain(part)}" for name, part in row.adds.items() if name in used
    )
    shown = "".join(f" [{number}]" for number in row.sources[:_SOURCES])
    more = f" and {len(row.sources) - _SOURCES} more" if len(row.sources) > _SOURCES else ""
    where = f" ({row.at})" if row.at and row.at != row.id else ""
    said = f"{row.id}{where}" + (f": {row.says}" if row.says else "") + (f"  -> {adds}" if adds else "")
    yield from textwrap.wrap(f"{said}{shown}{more}", _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.6g}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
