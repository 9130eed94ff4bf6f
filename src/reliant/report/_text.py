"""Text of a known width: numbers as words, lines cut and wrapped for a terminal.

Chinese and Japanese characters take two columns, and a combining mark takes none,
so width is never `len`. Text found in a target may hold control codes; printed as
they are they would move the cursor or recolour the screen, so they are made visible.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from reliant.core.results import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable


def width(text: str) -> int:
    """Return how many columns `text` takes.

    Examples:
        >>> width("通义千问"), width("Qwen")
        (8, 4)
    """
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clean(text: str) -> str:
    """Return `text` on one line, with control and bidirectional codes replaced by U+FFFD.

    Examples:
        >>> clean("gpt-4" + chr(27) + "[2J" + chr(10) + "o")
        'gpt-4\ufffd[2J o'
    """
    spaced = text.replace("\r\n", " ").translate({0x0A: " ", 0x0D: " ", 0x09: " "})
    return "".join("\ufffd" if unicodedata.category(char) in {"Cc", "Cf", "Cs"} else char for char in spaced)


def fit(text: str, columns: int) -> str:
    """Return `text` padded to exactly `columns`, or cut with an ellipsis."""
    missing = columns - width(text)
    if missing >= 0:
        return text + " " * missing
    kept, used = "", 0
    for char in text:
        if used + _columns(char) > columns - 1:
            break
        kept += char
        used += _columns(char)
    return kept + "…" + " " * (columns - 1 - used)


def wrap(text: str, columns: int, *, indent: str = "", first: str | None = None) -> list[str]:
    """Return `text` as lines of at most `columns`, broken at spaces.

    A word wider than a line is broken inside: Chinese has no spaces.

    Args:
        text: One paragraph.
        columns: At most so wide, indent included.
        indent: Before every line but the first.
        first: Before the first line; `indent` if None.
    """
    lead = indent if first is None else first
    lines: list[str] = []
    line, empty = lead, True
    for word in text.split():
        rest = word
        if not empty and width(line) + 1 + width(rest) > columns:
            lines.append(line)
            line, empty = indent, True
        while width(line) + width(rest) > columns:
            room = columns - width(line)
            head = _head(rest, room)
            lines.append(line + head)
            line, rest = indent, rest[len(head) :]
        line = line + rest if empty else f"{line} {rest}"
        empty = False
    return [*lines, line] if not empty or not lines else lines


def _head(text: str, columns: int) -> str:
    used = 0
    for position, char in enumerate(text):
        used += _columns(char)
        if used > columns:
            return text[: max(position, 1)]
    return text


def percent(share: float | Interval) -> str:
    """Return a share in words: never 0 % for something, never 100 % for less than all.

    Examples:
        >>> percent(0.002), percent(0.6), percent(Interval(0.55, 0.7)), percent(1.0)
        ('under 1 %', '60 %', '55 to 70 %', '100 %')
    """
    if isinstance(share, Interval):
        low, high = percent(share.low), percent(share.high)
        return low if low == high else f"{low.removesuffix(' %')} to {high}"
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{share * 100:.0f} %"


def number(value: float) -> str:
    """Return a weight or count without a needless `.0`.

    Examples:
        >>> number(5.0), number(2.25)
        ('5', '2.25')
    """
    return f"{value:g}"


def listed(names: Iterable[str], *, at_most: int) -> str:
    """Return the first names, and how many more there are.

    Examples:
        >>> listed(["a", "b", "c"], at_most=2)
        'a, b and 1 more'
    """
    every = list(names)
    shown = ", ".join(every[:at_most])
    rest = len(every) - at_most
    return f"{shown} and {rest} more" if rest > 0 else shown


def plural(count: int, word: str) -> str:
    """Return the count with its noun.

    Examples:
        >>> plural(1, "file"), plural(1200, "file")
        ('1 file', '1,200 files')
    """
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def size(count: int) -> str:
    """Return bytes for people, in powers of 1000.

    Examples:
        >>> size(812), size(61_200), size(54_300_000)
        ('812 B', '61 kB', '54 MB')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.0f} GB"


def unformula(cell: str) -> str:
    """Return a CSV cell that no spreadsheet runs as a formula.

    Examples:
        >>> unformula("=1+1"), unformula("gpt-4o")
        ("'=1+1", 'gpt-4o')
    """
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
