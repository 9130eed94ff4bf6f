"""A figure: one drawing for wide and one for narrow screens, and the table under it.

Who cannot see a drawing, or wants to check it, reads the table; it holds every number
that the drawing shows and can be saved as CSV without a server.
"""

from __future__ import annotations

import csv
import io
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace

from markupsafe import Markup

from reliant.report._text import clean, unformula


@dataclass(frozen=True)
class Column:
    """A column of a table; `numeric` aligns it right."""

    name: str
    numeric: bool = False

    @property
    def title(self) -> str:
        """The name as a heading: its first letter is a capital."""
        return self.name[:1].upper() + self.name[1:]


@dataclass(frozen=True)
class Table:
    """Rows of text under named columns; the first column names the row.

    Attributes:
        rows: A cell that is Markup (a badge, a link) is shown as it is.
        plain: The same rows for CSV, where they differ from what is shown.
        compact: Only as wide as its text.
        at_most: Rows beyond these are counted, and are not in the page.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    plain: tuple[tuple[str, ...], ...] = ()
    file_name: str = "table.csv"
    compact: bool = False
    at_most: int = 300

    def without(self, absent: str) -> Table:
        """Return the table without the columns in which every cell is `absent`."""
        kept = [at for at in range(len(self.columns)) if any(row[at] != absent for row in self.rows)]
        if not self.rows or len(kept) == len(self.columns):
            return self

        def cut(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
            return tuple(tuple(row[at] for at in kept) for row in rows)

        columns = tuple(self.columns[at] for at in kept)
        return replace(self, columns=columns, rows=cut(self.rows), plain=cut(self.plain))

    @property
    def shown(self) -> tuple[tuple[str, ...], ...]:
        """The rows that the page holds."""
        return self.rows[: self.at_most]

    @property
    def left_out(self) -> int:
        """How many rows it does not hold."""
        return len(self.rows) - len(self.shown)

    @property
    def csv(self) -> str:
        """The rows that are shown, as CSV."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([column.name for column in self.columns])
        for row in (self.plain or self.rows)[: self.at_most]:
            writer.writerow(
                [unformula(clean(cell.striptags() if isinstance(cell, Markup) else cell)) for cell in row]
            )
        return out.getvalue()

    @property
    def csv_link(self) -> str:
        """The CSV as a `data:` address, so that it can be saved from a page on disk."""
        return "data:text/csv;charset=utf-8," + urllib.parse.quote(self.csv, safe="")


@dataclass(frozen=True)
class Figure:
    """A drawing in two widths and its table.

    Attributes:
        id: Unique in the page.
        says: What to see in it, in one sentence: the caption.
        legend: Pairs of a fill class, or of `line ...` for a line, and what it stands for.
        note: Below the drawing: what the numbers are from.
    """

    id: str
    title: str
    says: str
    wide: Markup
    narrow: Markup
    table: Table
    legend: tuple[tuple[str, str], ...] = ()
    note: str = ""

    @classmethod
    def drawn(
        cls,
        id_: str,
        title: str,
        says: str,
        draw: Callable[[str], Markup],
        *,
        table: Table,
        legend: tuple[tuple[str, str], ...] = (),
        note: str = "",
    ) -> Figure:
        """Return the figure that `draw` makes for the sizes `wide` and `narrow`."""
        return cls(id_, title, says, draw("wide"), draw("narrow"), table, legend, note)
