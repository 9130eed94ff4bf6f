"""A printed number taken apart: a formula over columns, and the rows that fill the columns.

Every number of an answer has an address in its JSON, `reliance.halves[2024H1].root_on`. What is
told of it is a figure: the formula it comes from, and for each row (a model, a way to a provider,
a rule) what it adds to which column, where that stands and on which sources. The value is worked
out anew from formula and rows, so a figure that does not add up can be seen.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from reliant.core.results import Source
from reliant.errors import UsageError

SCHEMA = "reliant.figure/1"

Address: TypeAlias = tuple[str, ...]
"""The steps to a number: names of fields, and in place of a position the key of the row if it has one."""


class Row(msgspec.Struct, frozen=True):
    """One thing that counts, or could.

    Attributes:
        adds: What it adds to each column; a column that is not named gets nothing.
        says: Why, in words.
        at: File and line, or record.
        sources: Numbers of the sources of the figure.
    """

    id: str
    adds: dict[str, float] = {}
    says: str = ""
    at: str = ""
    sources: tuple[str, ...] = ()


class Value(msgspec.Struct, frozen=True):
    """One number.

    Attributes:
        formula: Over the columns: `sum(a) / sum(b)`. A share of nothing is 0.
        value: What the formula gives.
    """

    name: str
    formula: str
    value: float


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One or a few numbers of an answer that share their rows.

    Attributes:
        number: Its address in the JSON of the answer.
        columns: The sum of each column.
        at: Where it is read, if it is no sum: file and line, or record.
    """

    schema: str = SCHEMA
    number: str
    means: str
    as_of: str
    values: tuple[Value, ...]
    columns: dict[str, float] = {}
    rows: tuple[Row, ...] = ()
    at: str = ""
    sources: tuple[Source, ...] = ()
    remarks: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """What a maker tells of a number: the formula of each value, and the rows."""

    means: str
    formulas: dict[str, str]
    rows: tuple[Row, ...] = ()
    at: str = ""


def figure(
    address: Address, told: Told, *, as_of: str, sources: tuple[Source, ...], remarks: tuple[str, ...] = ()
) -> Figure:
    """Return the figure with its values worked out; only sources that its rows name are kept."""
    columns: dict[str, list[float]] = {}
    for row in told.rows:
        for column, part in row.adds.items():
            columns.setdefault(column, []).append(part)
    named = {one for row in told.rows for one in row.sources}
    return Figure(
        number=written(address),
        means=told.means,
        as_of=as_of,
        values=tuple(
            Value(name, formula, worked_out(formula, columns)) for name, formula in told.formulas.items()
        ),
        columns={name: math.fsum(parts) for name, parts in columns.items()},
        rows=told.rows,
        at=told.at,
        sources=tuple(one for one in sources if one.id in named),
        remarks=remarks,
    )


_OPERATORS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda part, whole: part / whole if whole else 0.0,
    ast.Pow: operator.pow,
}


def _squares(parts: list[float]) -> float:
    whole = math.fsum(parts)
    return min(1.0, math.fsum((part / whole) ** 2 for part in parts)) if whole else 0.0


_FUNCTIONS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "sum": math.fsum,
    "count": lambda parts: float(len(parts)),
    "median": lambda parts: float(statistics.median(parts)) if parts else 0.0,
    "least": lambda parts: min(parts, default=0.0),
    "most": lambda parts: max(parts, default=0.0),
    "squares": _squares,
}
"""Of a column; `squares` is the sum of the squared shares."""


def worked_out(formula: str, columns: Mapping[str, list[float]]) -> float:
    """Return what a formula gives over columns; one that no row adds to is empty.

    Examples:
        >>> worked_out("sum(a) / (sum(a) + sum(b))", {"a": [1.0, 2.0], "b": [1.0]})
        0.75
    """
    return _value(ast.parse(formula, mode="eval").body, columns)


def _value(node: ast.expr, columns: Mapping[str, list[float]]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return -_value(part, columns)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, columns), _value(right, columns))
        case ast.Call(func=ast.Name(id="round"), args=[part]):
            return float(round(_value(part, columns)))
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=column)]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](columns.get(column, []))
        case _:
            msg = f"{ast.unparse(node)!r} is no part of a formula"
            raise ValueError(msg)


_KEYS = ("id", "half", "year", "area", "day", "name", "supplier", "retained", "use", "path", "provider")


def numbers(data: Any) -> Iterator[tuple[Address, float]]:
    """Return every number of an answer as it is in its JSON, with its address.

    Args:
        data: As `msgspec.to_builtins` gives it.
    """
    yield from _numbers(data, ())


def _numbers(data: Any, address: Address) -> Iterator[tuple[Address, float]]:
    if isinstance(data, bool):
        return
    if isinstance(data, (int, float)):
        yield address, float(data)
    elif isinstance(data, dict):
        for name, part in data.items():
            yield from _numbers(part, (*address, str(name)))
    elif isinstance(data, (list, tuple)):
        for key, part in zip(keys(data), data, strict=True):
            yield from _numbers(part, (*address, key))


def keys(several: Any) -> list[str]:
    """Return what tells the rows of a list apart: a field that is different in each, else the position."""
    for field in _KEYS:
        found = [_key(one, field) for one in several]
        if all(found) and len(set(found)) == len(found):
            return [f"[{one}]" for one in found]
    return [f"[{at}]" for at in range(len(several))]


def _key(one: Any, field: str) -> str:
    if not isinstance(one, dict):
        return ""
    if field == "supplier" and "level" in one:
        return f"{one['level']}:{one[field]}" if field in one else ""
    if field == "id" and isinstance(one.get("function"), dict):
        return str(one["function"].get(field, ""))
    return str(one[field]) if field in one else ""


def written(address: Address) -> str:
    """Return an address as text.

    Examples:
        >>> written(("reliance", "halves", "[2024H1]", "root_on"))
        'reliance.halves[2024H1].root_on'
    """
    return ".".join(address).replace(".[", "[")


def resolve(asked: str, addresses: Mapping[Address, float]) -> Address:
    """Return the address that is meant: written out, or by enough of its words to be the only one.

    Numbers are grouped: `lag[coding]` means all numbers of that row, `look_through` both its ends.

    Raises:
        UsageError: None is called so; or several are, which are then named.
    """
    wanted = _words(asked)
    groups = {address[:size]: None for address in addresses for size in range(1, len(address) + 1)}
    words = {address: _words(written(address)) for address in groups}
    for address, called in words.items():
        if called == wanted:
            return address
    fits = [address for address, called in words.items() if wanted and _within(wanted, called)]
    fewest = min((len(words[address]) for address in fits), default=0)
    best = [address for address in fits if len(words[address]) == fewest]
    if len(best) == 1:
        return best[0]
    common = {address: len(set(wanted) & set(called)) for address, called in words.items()}
    near = best or sorted(filter(common.get, groups), key=lambda one: (-common[one], len(words[one])))
    names = ", ".join(written(one) for one in near[:6])
    problem = f"{len(best)} numbers are called" if best else "no number is called"
    raise UsageError(
        f"{problem} {asked!r}",
        hint=f"Is it one of: {names}?" if names else "List them with: --number names",
    )


def _words(text: str) -> list[str]:
    return [one for one in re.split(r"[:\[\]]+|\.(?!\d)", text.strip().casefold().replace("-", "_")) if one]


def _within(wanted: list[str], words: list[str]) -> bool:
    """Say whether the words come in this order, and the last of them last."""
    rest = iter(words)
    return wanted[-1] == words[-1] and all(one in rest for one in wanted)
