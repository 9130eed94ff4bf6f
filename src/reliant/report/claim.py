"""A tested claim as text: one line for each reading, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.country import CLAIM_SCHEMA
from reliant.report._registry import renders
from reliant.report._text import clean, fit, percent, width, wrap
from reliant.report.country import COLUMNS, source_line

if TYPE_CHECKING:
    from reliant.core.country import ClaimResult, Reading


@renders("terminal", CLAIM_SCHEMA)
def to_terminal(result: ClaimResult, /, *, colour: bool = False) -> str:
    """Return a tested claim: one line for each reading."""
    del colour
    said = f", {result.said_on}" if result.said_on else ""
    lines = wrap(f"Claim: {clean(result.claim)} ({clean(result.said_by)}{said})", COLUMNS)
    lines += [*wrap(f"Result: {comes_to(result)}", COLUMNS), ""]
    for one in result.readings:
        share, count = _figures(one)
        holds = {True: "bears it out", False: "does not", None: "cannot say"}[one.holds]
        lead = f"  {share:>10}  {count:>12}  {fit(holds, 13)} "
        lines += wrap(clean(one.name), COLUMNS, indent=" " * width(lead), first=lead)
        if one.note:
            lines += wrap(clean(one.note), COLUMNS, indent="      ", first="      ")
    for remark in result.remarks:
        lines += wrap(clean(remark), COLUMNS, indent="    ", first="  - ")
    lines += ["", *wrap("Data: " + ("; ".join(map(clean, result.data)) or "none"), COLUMNS)]
    if result.sources:
        lines += ["Said in:", *(source_line(int(source.id), source) for source in result.sources)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def comes_to(result: ClaimResult) -> str:
    """Return the result, with how much of the claim it stands for if not all could be told."""
    told = sum(one.holds is not None for one in result.readings)
    if result.verdict == "not testable" or told == len(result.readings):
        return result.verdict
    return f"{result.verdict}, by the {told} of {len(result.readings)} readings that can be told"


def _figures(one: Reading) -> tuple[str, str]:
    """Return the share and the count; of a plain count only that."""
    if one.share is None:
        return "no data", "-"
    return ("-", f"{one.part:,}") if one.is_count else (percent(one.share), f"{one.part:,} of {one.whole:,}")
