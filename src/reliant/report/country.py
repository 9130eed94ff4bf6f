"""A country on another as text: the four answers, each with its denominators; and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.core.country import COUNTRY_SCHEMA, by_way, the
from reliant.report._registry import renders
from reliant.report._text import clean, fit, listed, percent, plural, unformula, width, wrap
from reliant.report.country_measures import FEW, lag_lines, measure_lines, screen_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.core.country import Country, Half, Reach, Stance
    from reliant.core.results import Source

COLUMNS = 80
_ROWS = 10
_HALVES = 5
_MOVED = 0.2
_WAY = COLUMNS - 15
_UNDER = " " * 15  # under the name in a row of ways
_COLOURS = {"BLOCKED": "31", "UNKNOWN": "33", "CONDITIONAL": "36", "OPEN": "32"}
_ORDER = ("BLOCKED", "CONDITIONAL", "OPEN", "UNKNOWN")


@renders("terminal", COUNTRY_SCHEMA)
def to_terminal(result: Country, /, *, colour: bool = False) -> str:
    """Return the four answers as lines of at most 80 columns."""
    known = f", known on {result.known_on}" if result.known_on else ""
    lines = [f"{name(result, result.country)} on {the(name(result, result.on))}, as of {result.as_of}{known}"]
    for sentence in headlines(result):
        lines += wrap(clean(sentence), COLUMNS)
    if result.ends:
        lines += wrap(f"The atlas ends at {result.ends}: nothing later is known.", COLUMNS)
    if result.begins:
        lines += wrap(f"The models of the atlas begin at {result.begins}: ask about a later day.", COLUMNS)
    marks = _Marks(result)
    lines += ["", *_access(result, marks, colour=colour), "", *_reliance(result), "", *_stance(result, marks)]
    lines += ["", "IMPACT  what a cut would touch"]
    for one in result.impact:
        lines += wrap(
            f"{clean(one.scenario)}: {percent(one.touched)} of {clean(one.whole)} "
            f"({one.count:,} of {one.of:,}); {clean(one.because)}."
            if one.of
            else f"{clean(one.scenario)}: there are no {clean(one.whole)} to count.",
            COLUMNS,
            indent="    ",
            first="  - ",
        )
    lines += screen_lines(result)
    lines += lag_lines(result)
    lines += marks.listed()
    rest = len(result.sources) - len(marks.cited)
    more = f"{plural(rest, 'more source')} of rows that are not shown; f" if rest else "F"
    lines += wrap(
        f"{more}acts: atlas {result.atlas.version}, newest source {result.atlas.newest_source}. All rows and "
        f"sources, under the same numbers: --format json or html.",
        COLUMNS,
    )
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Marks:
    """Numbers of sources behind a line, a record's main one first; remembers what was cited."""

    def __init__(self, result: Country) -> None:
        self._sources = {source.id: source for source in result.sources}
        self.cited: set[int] = set()

    def of(self, ids: Iterable[str]) -> str:
        """Return up to two marks, and how many more there are."""
        texts: dict[str, int] = {}  # copies of one text count once
        for id_ in ids:
            texts.setdefault(self._sources[id_].origin or id_, int(id_))
        shown = [*texts.values()][:_CITED]
        self.cited.update(shown)
        more = f" +{len(texts) - _CITED}" if len(texts) > _CITED else ""
        return "".join(f" [{one}]" for one in shown) + more

    def listed(self) -> list[str]:
        """Return a line for each source that was cited."""
        lines = ["", "SOURCES  of the lines above"] if self.cited else [""]
        lines += [source_line(number_, self._sources[f"{number_}"]) for number_ in sorted(self.cited)]
        return lines


_CITED, _BY = 2, 22


def source_line(number_: int, source: Source) -> str:
    """Return a source on one line: number, title, publisher, date and kind."""
    by = clean(source.publisher or "")
    when = f", {clean(source.published)}" if source.published else ""
    tail = f"{f', {fit(by, min(width(by), _BY)).rstrip()}' if by else ''}{when} ({source.kind})"
    head = clean(f"  [{number_}] {source.title}")
    return fit(head, min(COLUMNS - width(tail), width(head))).rstrip() + tail


def name(result: Country, code: str) -> str:
    """Return the name of a country or group of the result."""
    return result.place_names.get(code, code)


def ways_counted(result: Country) -> dict[str, int]:
    """Return how many ways have each verdict; those that only some members of a bloc have stand apart."""
    found = dict.fromkeys(_STATES, 0)
    for way in by_way(result.access):
        verdicts = {row.verdict for row in way}
        some = "OPEN IN PART" if verdicts & {"OPEN", "CONDITIONAL"} else "BLOCKED IN PART"
        found[way[0].verdict if len(verdicts) == 1 else some] += 1
    return found


_STATES = {
    "BLOCKED": "{} blocked",
    "BLOCKED IN PART": "{} blocked from some members",
    "CONDITIONAL": "{} open under conditions only",
    "OPEN": "{} open",
    "OPEN IN PART": "{} open from some members, not known or closed from others",
    "UNKNOWN": "of {} no record says whether they are open",
}


def headlines(result: Country) -> list[str]:
    """Return the two sentences that the whole answer comes down to."""
    home, on = the(name(result, result.country)), the(name(result, result.on))
    found = result.reliance
    counted = ways_counted(result)
    ways = sum(counted.values())
    said = [_STATES[word].format(count) for word, count in counted.items() if count]
    sentences = []
    if said:
        if counted["UNKNOWN"] == ways:
            said = [f"{'it' if ways == 1 else 'none'} is recorded as open or closed"]
        sentences.append(
            f"Of {plural(ways, 'way')} from {home} to AI of {on} (a provider and a channel): "
            f"{', '.join(said)}."
        )
    else:
        sentences.append(f"No provider of {on} is recorded.")
    if found.models:
        joint = sum(half.joint for half in found.halves)
        together = f"; {joint} more were made together with it (face value {percent(found.face_value)})"
        sentences.append(
            f"Of {plural(found.models, 'model')} made in {home}, {percent(found.look_through)} "
            f"{'descends' if found.models == 1 else 'descend'} from "
            f"a model made in {on} (look-through){together if joint else ''}. "
            + (
                f"Of {percent(found.unknown)} nobody recorded what they are built on."
                if found.unknown
                else "What each is built on is recorded."
            )
        )
    else:
        sentences.append(f"No model made in {home} with a date by then is known.")
    return sentences


def by_verdict(result: Country) -> list[Reach]:
    """Return the ways, closed ones first."""
    return sorted(result.access, key=lambda row: (_ORDER.index(row.verdict), row.name.casefold()))


@dataclass(frozen=True)
class Turning:
    """How the share of models with a root in the other country moved, in a sentence.

    Attributes:
        floor: The same over all its models, in a sentence.
        since: The half-year since which it is under one half; None if it did not fall from above to below.
    """

    says: str
    floor: str
    since: str | None


def turning(result: Country) -> Turning | None:
    """Return how the share moved from its highest or lowest half-year to the last one, if it did.

    Half-years with fewer than four models with a recorded base say too little and are passed over.
    """
    known = [
        (half, half.share_of_known)
        for half in result.reliance.halves
        if half.base_known >= FEW and half.share_of_known is not None
    ]
    if len(known) < 2:
        return None
    *before, (last, now) = known
    top, most = max(before, key=lambda one: one[1])
    low, least = min(before, key=lambda one: one[1])
    first, then = (top, most) if most - now >= now - least else (low, least)
    if abs(then - now) < _MOVED:
        return None
    since = None
    if then > 0.5 > now:
        over = max(at for at, (_, share) in enumerate(known) if share >= 0.5)
        since = known[over + 1][0].half
    told = "turned round" if since else "fell" if then > now else "grew"
    floor = ""
    if first.floor is not None and last.floor is not None:
        floor = (
            f"Over all its models, with a recorded base or without, the same counts are "
            f"{percent(first.floor)} and {percent(last.floor)}: a floor."
        )
    return Turning(
        f"The dependence {told}: of models with a recorded base, those with a root in "
        f"{the(name(result, result.on))} went from {percent(then)} in {first.half} ({first.root_on} of "
        f"{first.base_known}) to {percent(now)} in {last.half} ({last.root_on} of {last.base_known})"
        f"{f', and are under half since {since}' if since else ''}.",
        floor,
        since,
    )


def _access(result: Country, marks: _Marks, *, colour: bool) -> list[str]:
    lines = [f"ACCESS  ways from {the(name(result, result.country))} to AI of {the(name(result, result.on))}"]
    rows = [row for row in by_verdict(result) if row.verdict != "UNKNOWN"]
    for row in rows[: 2 * _ROWS]:
        word = fit(row.verdict, 12)
        shown = f"\033[{_COLOURS[row.verdict]}m{word}\033[0m" if colour else word
        gates = "; ".join(row.gates)
        if len(_asked_from(result)) > 1:
            gates = f"{_where(result, row)}: {gates}"
        way = f"{clean(row.name)}, {row.channel}"
        lines.append(f"  {shown} {way if len(way) <= _WAY else fit(way, _WAY)}")
        lines += wrap(clean(f"{gates}{marks.of(row.sources)}"), COLUMNS, indent=_UNDER, first=_UNDER)
    unknown = [row for row in result.access if row.verdict == "UNKNOWN"]
    rest = len(rows) - 2 * _ROWS
    if rest > 0:
        lines.append(f"  ... and {plural(rest, 'way')} more")
    if unknown:
        told = listed(sorted({clean(row.name) for row in unknown}), at_most=5)
        lines += wrap(f"UNKNOWN, no record says: {told}.", COLUMNS, indent="    ", first="  ")
    for one in result.assumptions:
        lines += wrap(clean(one), COLUMNS, indent="  ", first="  ")
    return lines


def _asked_from(result: Country) -> set[str]:
    return {code for row in result.access for code in row.places}


def _where(result: Country, row: Reach) -> str:
    """Return from where a row was asked, if a bloc was: all of it, or which members."""
    if set(row.places) == _asked_from(result):
        return "all members"
    return " ".join(row.places)


def where(result: Country, row: Reach) -> str:
    """Return from where a row holds, for a bloc; nothing where one country was asked."""
    return _where(result, row) if len(_asked_from(result)) > 1 else ""


def _reliance(result: Country) -> list[str]:
    found = result.reliance
    lines = [f"RELIANCE  models made in {the(name(result, result.country))}, by half-year"]
    head = ("half", "models", "base known", f"root {result.on}", f"root {result.country}")
    table = [(*head, "other", "?", "of known", "floor"), *map(_half, found.halves[-2 * _HALVES :])]
    lines += _aligned(table) if found.halves else ["  none with a date by then"]
    earlier = len(found.halves) - 2 * _HALVES
    if earlier > 0:
        lines.insert(2, f"  ... {plural(earlier, 'half-year')} before that: --format csv")
    changed = turning(result)
    if changed:
        lines += wrap(clean(f"{changed.says} {changed.floor}"), COLUMNS, indent="  ", first="  ")
    if found.shared_design is not None:
        lines += wrap(
            f"Blueprint taken over, not weights, where recorded: {percent(found.shared_design)}.",
            COLUMNS,
            indent="  ",
            first="  ",
        )
    lines += measure_lines(result)
    if found.by_name:
        placed = listed([f"{clean(one)}: {clean(how)}" for one, how in found.by_name.items()], at_most=3)
        lines += wrap(
            f"Bases that are in no row, placed by name: {placed}.", COLUMNS, indent="  ", first="  "
        )
    lines += wrap("Data: " + "; ".join(map(clean, found.data)) + ".", COLUMNS, indent="  ", first="  ")
    for remark in found.remarks:
        lines += wrap(clean(remark), COLUMNS, indent="  ", first="  ")
    return lines


def _half(half: Half) -> tuple[str, ...]:
    counts = (half.models, half.base_known, half.root_on, half.root_home, half.root_other, half.root_unknown)
    shares = (percent(one) if one is not None else "-" for one in (half.share_of_known, half.floor))
    return (half.half, *(f"{one}" for one in counts), *shares)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, each column as wide as it needs; the first one to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * len(widths) <= COLUMNS else " "
    return ["  " + gap.join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def issuer(result: Country, row: Stance) -> str:
    """Return the code of who made a rule, where not all are the country's own: a member, a bloc it is in."""
    codes = {one.issuer.partition(".")[0].upper() for one in result.stance}
    return "" if codes <= {result.country} else row.issuer.partition(".")[0].upper()


def _stance(result: Country, marks: _Marks) -> list[str]:
    counts = [row for row in result.stance if row.count is not None]
    rules = [row for row in result.stance if row.count is None]
    by_state: dict[str, int] = {}
    for row in rules:
        by_state[row.state] = by_state.get(row.state, 0) + 1
    said = ", ".join(f"{count} {state}" for state, count in by_state.items()) or "none recorded"
    whose = the(name(result, result.country))
    if any(
        row.issuer.partition(".")[0].upper() not in {result.country, *result.country_codes} for row in rules
    ):
        whose += ", and of blocs it is in"
    lines = [f"STANCE  rules of {whose}: {said}"]
    for row in rules[:_ROWS]:
        by = issuer(result, row)
        lines += wrap(
            f"{row.since or 'date not known'}  {f'{by}: ' if by else ''}{clean(row.summary)} "
            f"({row.state}){marks.of(row.sources)}",
            COLUMNS,
            indent="              ",
            first="  ",
        )
    if len(rules) > _ROWS:
        lines.append(f"  ... and {plural(len(rules) - _ROWS, 'rule')} more")
    if counts:
        told = "; ".join(f"{row.since}: {row.state}{marks.of(row.sources)}" for row in counts[-4:])
        lines += wrap(f"Register ({clean(counts[-1].issuer)}): {told}.", COLUMNS, indent="    ", first="  ")
    if rules:
        lines += wrap(clean(TEXTS.format(result.as_of)), COLUMNS, indent="  ", first="  ")
    return lines


TEXTS = (
    "The words are those of the atlas today and may tell of later days; the state, such as in force, is "
    "that of {}. A statement binds nobody."
)
"""What to know when a rule is read as of an earlier day."""


@renders("csv", COUNTRY_SCHEMA)
def to_csv(result: Country, /, *, colour: bool = False) -> str:
    """Return the half-year table as CSV, one line per half-year."""
    del colour
    return halves_csv(result)


def halves_csv(result: Country) -> str:
    """Return the half-years with their counts and shares; shares as fractions."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        (
            "country",
            "on",
            "half",
            "models",
            "base_known",
            "root_on",
            "root_home",
            "root_other",
            "root_unknown",
            "joint",
            "share_of_known",
            "floor",
        )
    )
    for half in result.reliance.halves:
        writer.writerow(
            (
                unformula(result.country),
                unformula(result.on),
                half.half,
                half.models,
                half.base_known,
                half.root_on,
                half.root_home,
                half.root_other,
                half.root_unknown,
                half.joint,
                "" if half.share_of_known is None else f"{half.share_of_known:.4f}",
                "" if half.floor is None else f"{half.floor:.4f}",
            )
        )
    return out.getvalue()
