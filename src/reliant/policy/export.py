"""The rules of a day in other policy languages, for those who enforce elsewhere.

Both exports keep the third value. In CEL a missing key is an error, and errors
travel through `&&` and `||` as unknowns do. Rego takes a missing key for
"undefined", which would let a rule fall silent, so each condition is written with
an answer of its own: "yes", "no" or "unknown".

Facts are given as lists, `{"provider": ["openai"], "user.region": ["CN"]}`, with names
of models in lower case. Shares and descent are worked out by reliant and given as
facts under the names that an export lists first.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reliant.core.facts import Value
from reliant.policy.conditions import (
    MAYBE_MORE,
    NO,
    UNKNOWN,
    YES,
    All,
    Compare,
    Is,
    Leaf,
    Node,
    Not,
    Starts,
    is_place,
    leaves,
)
from reliant.policy.conditions import Any as Some
from reliant.policy.snapshot import Entry, Snapshot, Variant

if TYPE_CHECKING:
    from reliant.policy.rulebook import RuleBook

NOT_KNOWN = 'f["?"]'
"""A key that no facts have: in CEL an error, and so UNKNOWN."""

_WIDTH = 110
"""Columns of a line of Rego, as far as commas let it be broken."""

_RELATIONS = {"above": ">", "at_least": ">=", "below": "<"}


def facts_as_lists(values: Mapping[str, Value | tuple[Value, ...]]) -> dict[str, list[Any]]:
    """Return facts in the form that the exports read: each value in a list, numbers as floats."""
    return {
        name: [_number(one) for one in (value if isinstance(value, tuple) else (value,))]
        for name, value in values.items()
    }


def _number(value: Value) -> Value:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def to_cel(book: RuleBook, as_of: dt.date, known_on: dt.date | None = None) -> str:
    """Return one CEL expression a rule and reading over a map `f`, as JSON lines with id and effect.

    An expression that fails for a missing key means UNKNOWN.
    """
    snapshot = book.at(as_of, known_on)
    head = {"as_of": as_of.isoformat(), "language": "cel", "input": "f", "facts": _facts(snapshot)}
    return "\n".join((json.dumps(head), *(json.dumps(one) for one in _cel_rules(snapshot)))) + "\n"


def _facts(snapshot: Snapshot) -> list[str]:
    return sorted({leaf.fact for _, variant in _variants(snapshot) for leaf in leaves(variant.node)})


def _variants(snapshot: Snapshot) -> Iterator[tuple[Entry, Variant]]:
    for entry in snapshot.entries:
        for variant in entry.variants:
            if variant.applies and variant.force != NO:
                yield entry, variant


def _cel_rules(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for entry, variant in _variants(snapshot):
        yield {
            "id": entry.rule.id,
            "reading": variant.reading,
            "axis": entry.rule.axis,
            "effect": variant.effect,
            "by": entry.rule.by,
            "cel": cel_of(entry, variant, snapshot),
        }


def cel_of(entry: Entry, variant: Variant, snapshot: Snapshot) -> str:
    """Return a rule as a CEL expression: in force, its conditions, none of its exceptions."""
    parts = [cel(variant.node)]
    if variant.force == UNKNOWN:
        parts.append(f"({NOT_KNOWN} == [])")
    for one in entry.rule.exceptions:
        if one in snapshot.exempt:
            parts.append(f"!{_cel_exempt(snapshot.exempt[one])}")
    return " && ".join(parts)


def _cel_exempt(variant: Variant) -> str:
    if variant.force == NO:
        return "(false)"
    held = cel(variant.node)
    return f"({held})" if variant.force == YES else f"({held} && ({NOT_KNOWN} == []))"


def cel(node: Node) -> str:
    """Return a condition as a CEL expression over a map `f` of lists."""
    match node:
        case All(parts=parts):
            return f"({' && '.join(cel(part) for part in parts)})" if parts else "true"
        case Some(parts=parts):
            return f"({' || '.join(cel(part) for part in parts)})" if parts else "false"
        case Not(part=part):
            return f"!{cel(part)}"
        case _:
            return _cel_leaf(node)


def _cel_leaf(leaf: Leaf) -> str:
    """Return a leaf, with the doubt outside the macros: not every CEL goes on after an error within one."""
    key = f"f[{_literal(leaf.fact)}]"
    known = f"v != {_literal(MAYBE_MORE)}"
    sure, doubt = _cel_test(leaf)
    holds = f"{known} && {sure}"
    open_ = f"v == {_literal(MAYBE_MORE)}" + (f" || {doubt}" if doubt else "")
    if not isinstance(leaf, Compare) and leaf.every:
        fails = f"{known} && !{sure}" + (f" && !{doubt}" if doubt else "")
        all_hold = f"({key}.size() > 0 && {key}.all(v, {holds}))"
        return f"({all_hold} || (!{key}.exists(v, {fails}) && {NOT_KNOWN} == []))"
    return f"({key}.exists(v, {holds}) || ({key}.exists(v, {open_}) && {NOT_KNOWN} == []))"


def _cel_test(leaf: Leaf) -> tuple[str, str]:
    """Return when a value `v` fits for sure, and when that is not known; the second may be empty."""
    match leaf:
        case Starts(prefixes=prefixes):
            tests = (f"v.startsWith({_literal(one.lower())})" for one in prefixes)
            return f"({' || '.join(tests)})", ""
        case Compare(relation=relation, limit=limit):
            return f"(v {_RELATIONS[relation]} {float(limit)!r})", ""
        case Is():
            inside, doubt = _cel_member(leaf)
            unsure = f"(!{inside} && {doubt})" if doubt else ""
            if not leaf.outside:
                return inside, unsure
            return (f"(!{inside} && !{doubt})" if doubt else f"(!{inside})"), unsure


def _cel_member(leaf: Is) -> tuple[str, str]:
    """Return when `v` is among the values, and when it may be."""
    tests = [f"v in {_set(leaf.values)}"]
    doubts = [f"v in {_set(leaf.maybe)}"] if leaf.maybe else []
    if is_place(leaf.fact):
        wholes = frozenset(value for value in leaf.values if "-" not in str(value))
        if wholes:
            tests.append(_part_of(wholes))
        parts = {str(value).partition("-")[0] for value in leaf.values | leaf.maybe if "-" in str(value)}
        if parts:
            doubts.append(f"v in {_set(frozenset(parts))}")
        if leaf.maybe:
            doubts.append(_part_of(leaf.maybe))
    member = f"({' || '.join(tests)})"
    doubt = f"({' || '.join(doubts)})" if doubts else ""
    if leaf.left_out:
        kept = f"!(v in {_set(leaf.left_out)})"
        return f"({kept} && {member})", (f"({kept} && {doubt})" if doubt else "")
    return member, doubt


def _part_of(countries: frozenset[Any]) -> str:
    """Return the test that a place is a part of one of these countries; CEL proper has no `split`."""
    return f'{_set(countries)}.exists(c, v.startsWith(c + "-"))'


def _set(values: frozenset[Any]) -> str:
    return f"[{', '.join(_literal(_number(value)) for value in sorted(values, key=str))}]"


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        repr(float(value)) if isinstance(value, (int, float)) else json.dumps(str(value), ensure_ascii=False)
    )


def to_rego(book: RuleBook, as_of: dt.date, known_on: dt.date | None = None) -> str:
    """Return a Rego package: `data.reliant.answers[ID]` is "yes", "no" or "unknown" for each rule.

    A rule with several readings has one answer for each, under `ID/READING`.
    """
    snapshot = book.at(as_of, known_on)
    writer = _Rego()
    answers = []
    for entry, variant in _variants(snapshot):
        name = entry.rule.id if variant.reading is None else f"{entry.rule.id}/{variant.reading}"
        tests = [writer.node(variant.node)]
        if variant.force == UNKNOWN:
            tests.append("1")
        for one in entry.rule.exceptions:
            if one in snapshot.exempt and snapshot.exempt[one].force != NO:
                exempt = snapshot.exempt[one]
                inner = writer.node(exempt.node)
                tests.append(f"2 - min([{inner}, {exempt.force}])")
        meta = {"axis": entry.rule.axis, "effect": variant.effect, "by": entry.rule.by}
        answers.append((name, f"min([{', '.join(tests)}])", meta))
    lines = [
        f"# Rules in force on {as_of.isoformat()}, exported from the atlas of reliant.",
        "# input.facts: every fact as a list of values. Answers: yes, no or unknown.",
        "package reliant",
        "",
        "import rego.v1",
        "",
        'word := ["no", "unknown", "yes"]',
        "",
        *writer.lines,
        "",
    ]
    lines += [f"answers[{_literal(name)}] := word[{body}]" for name, body, _ in answers]
    lines.append("")
    lines += [f"meta[{_literal(name)}] := {json.dumps(meta)}" for name, _, meta in answers]
    return "\n".join(_folded(line) for line in lines) + "\n"


def _folded(line: str) -> str:
    """Return a line of Rego in several, broken after commas: one engine reads no more than 1,024 columns."""
    if len(line) <= _WIDTH:
        return line
    folded = [""]
    for part in _members(line):
        if folded[-1] and len(folded[-1]) + len(part) > _WIDTH:
            folded.append("\t")
        folded[-1] += part
    return "\n".join(one.rstrip() for one in folded)


def _members(line: str) -> Iterator[str]:
    """Yield the parts of a line, each up to a comma and a space that stand outside of texts."""
    start, quoted, escaped = 0, False, False
    for at, char in enumerate(line):
        if quoted and char == "\\":
            escaped = not escaped
            continue
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = False
        if not quoted and line.startswith(", ", at):
            yield line[start : at + 2]
            start = at + 2
    yield line[start:]


class _Rego:
    """Writes each leaf once, as a rule that is 0, 1 or 2: no, unknown or yes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[Leaf, str] = {}

    def node(self, node: Node) -> str:
        match node:
            case All(parts=parts):
                return f"min([{', '.join(self.node(part) for part in parts)}])" if parts else "2"
            case Some(parts=parts):
                return f"max([{', '.join(self.node(part) for part in parts)}])" if parts else "0"
            case Not(part=part):
                return f"(2 - {self.node(part)})"
            case _:
                return self._leaf(node)

    def _leaf(self, leaf: Leaf) -> str:
        if leaf in self._names:
            return self._names[leaf]
        name = f"leaf_{len(self._names)}"
        self._names[leaf] = name
        values = f"input.facts[{_literal(leaf.fact)}]"
        every = not isinstance(leaf, Compare) and leaf.every
        fold = "min" if every else "max"
        empty = "1" if every else "0"
        self.lines += [
            f"default {name} := 1",
            f"{name} := {empty} if count({values}) == 0",
            f"{name}_each := [n | some v in {values}; n := {name}_of(v)]",
            f"{name} := {fold}({name}_each) if count({values}) > 0",
            f"{name}_of(v) := 1 if v == {_literal(MAYBE_MORE)}",
            *self._tests(name, leaf),
        ]
        return name

    def _tests(self, name: str, leaf: Leaf) -> Iterator[str]:
        known = f"v != {_literal(MAYBE_MORE)}"
        match leaf:
            case Starts(prefixes=prefixes):
                listed = ", ".join(_literal(one.lower()) for one in prefixes)
                yield f"{name}_hit(v) if {{ some p in [{listed}]; startswith(lower(v), p) }}"
                yield f"{name}_of(v) := 2 if {{ {known}; {name}_hit(v) }}"
                yield f"{name}_of(v) := 0 if {{ {known}; not {name}_hit(v) }}"
            case Compare(relation=relation, limit=limit):
                test = f"v {_RELATIONS[relation]} {float(limit)!r}"
                yield f"{name}_of(v) := 2 if {{ {known}; is_number(v); {test} }}"
                yield f"{name}_of(v) := 0 if {{ {known}; is_number(v); not {test} }}"
                yield f"{name}_of(v) := 1 if {{ {known}; not is_number(v) }}"
            case Is():
                inside, outside = (0, 2) if leaf.outside else (2, 0)
                yield from self._member(name, leaf)
                yield f"{name}_of(v) := {inside} if {{ {known}; {name}_in(v) }}"
                yield f"{name}_of(v) := 1 if {{ {known}; not {name}_in(v); {name}_may(v) }}"
                yield f"{name}_of(v) := {outside} if {{ {known}; not {name}_in(v); not {name}_may(v) }}"

    def _member(self, name: str, leaf: Is) -> Iterator[str]:
        listed, left_out = _set(leaf.values), _set(leaf.left_out)
        kept = f"; not v in {left_out}" if leaf.left_out else ""
        yield f"{name}_in(v) if {{ v in {listed}{kept} }}"
        doubts = set(leaf.maybe)
        if is_place(leaf.fact):
            yield f'{name}_in(v) if {{ contains(v, "-"); split(v, "-")[0] in {listed}{kept} }}'
            doubts |= {
                str(value).partition("-")[0] for value in leaf.values | leaf.maybe if "-" in str(value)
            }
            if leaf.maybe:
                yield f'{name}_may(v) if {{ split(v, "-")[0] in {_set(leaf.maybe)}{kept} }}'
        yield f"{name}_may(v) if {{ v in {_set(frozenset(doubts))}{kept} }}"
