"""What any number of an assessment is made of: the figures of its impact, and the readings beside them.

Impact figures are sums over functions and are taken apart in `explain_number`. The other numbers are
readings: a line, a size, how sure a detector is. Of those it is told what was read, and where.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from reliant.assessment.explain.number import Explanation, explain_number, is_figure
from reliant.assessment.figures import Figure, Row, Told, figure, keys, numbers, resolve, written

if TYPE_CHECKING:
    from reliant.assessment.figures import Address
    from reliant.assessment.simulate.plans import Plans
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment, ModelFile
    from reliant.core.use import Use

Explained: TypeAlias = Explanation | Figure

_FIRST = 40
"""Rows of a reading that are listed."""


def explain(asked: str, result: Assessment, atlas: Atlas, plans: Plans) -> tuple[Explained, ...]:
    """Return what makes a number of an assessment, or a few numbers that are asked for together.

    Args:
        asked: A figure of `NUMBERS`, or the address of a number in the JSON.

    Raises:
        UsageError: No number is called so, or several are.
    """
    if is_figure(asked):
        return (explain_number(asked, result, atlas, plans),)
    data = msgspec.to_builtins(result)
    addresses = dict(numbers(data))
    address = resolve(asked, addresses)
    units = dict.fromkeys(unit_of(one) for one in addresses if one[: len(address)] == address)
    return tuple(at(unit, result, data, atlas, plans) for unit in units)


def unit_of(address: Address) -> Address:
    """Return the address of what is explained together."""
    if address[0] == "impact":
        size = {"stop_share": 2, "unknown": 2, "functions": 3, "origin": 5 if address[-2] == "shares" else 4}
        return address[: size.get(address[1], 3)]
    if address[0] == "uses":
        return address[:4] if address[2] == "evidence" else address[:3]
    if address[0] == "model_files":
        return address[:4] if address[2] in {"weights", "sizes"} else address[:3]
    return address[:2]


def at(unit: Address, result: Assessment, data: Any, atlas: Atlas, plans: Plans) -> Explained:
    """Return what is told of the numbers at one address."""
    name = _figure_name(unit, result, data)
    if name is not None:
        return explain_number(name, result, atlas, plans)
    told = _reading(unit, result, data, plans)
    return figure(unit, told, as_of=result.as_of, sources=result.sources)


def value_of(told: Explained, unit: Address, address: Address) -> float | None:
    """Return the number at an address as its explanation gives it; None if it does not."""
    rest = address[len(unit) :]
    if isinstance(told, Figure):
        return next((one.value for one in told.values if one.name == ".".join(rest)), None)
    if told.value is not None:
        return told.value.high if rest[-1:] == ("high",) else told.value.low
    if rest[-2:-1] == ("bounds",) and told.bounds is not None:
        return told.bounds.high if rest[-1] == "high" else told.bounds.low
    if rest[-1] == "unknown":
        perhaps = math.fsum(part.perhaps for part in told.parts)
        return perhaps / (math.fsum(part.known for part in told.parts) + perhaps)
    return told.index if rest[-1] == "index" else told.effective


def _figure_name(unit: Address, result: Assessment, data: Any) -> str | None:
    """Return the name of an impact figure."""
    if unit[0] != "impact" or unit[1] == "functions":
        return None
    kind = unit[1]
    if len(unit) == 2:
        return kind
    if kind == "single_points":
        point = result.impact.single_points[keys(data["impact"][kind]).index(unit[2])]
        return f"{'reach' if point.level == 'reach' else 'single_point'}:{point.supplier}"
    if kind == "origin":
        rule = result.impact.origin[keys(data["impact"][kind]).index(unit[2])]
        return f"origin:{unit[4]}@{rule.retained:g}" if unit[3] == "shares" else None
    return f"{kind}:{unit[2].strip('[]')}"


def _reading(unit: Address, result: Assessment, data: Any, plans: Plans) -> Told:
    match unit:
        case ("target", "files" | "bytes" as what):
            words = {"files": "files of the target that were read", "bytes": "bytes of these files together"}
            return _read(words[what], getattr(result.target, what), result.target.name)
        case ("impact", "functions", key):
            return _weight(key, result, data, plans)
        case ("impact", "origin", _, "retained"):
            rule = result.impact.origin[keys(data["impact"]["origin"]).index(unit[2])]
            return _read("the rule: the part of a model with bases that its own maker keeps", rule.retained)
        case ("uses", key, "confidence"):
            use: Use = _one(result.uses, data["uses"], key)
            rows = tuple(
                Row(f"{one.path}:{one.line}", {}, f"{one.detector}: {one.text}", f"{one.path}:{one.line}")
                for one in use.evidence[:_FIRST]
            )
            means = "how sure it is, by the rules of the detectors, that the use exists as described"
            return Told(means, {"": f"{use.confidence}"}, rows, rows[0].at)
        case ("uses", key, "evidence", place):
            use = _one(result.uses, data["uses"], key)
            several = next(one for one in data["uses"] if one["id"] == use.id)["evidence"]
            seen = use.evidence[keys(several).index(place)]
            where = f"{seen.path}:{seen.line}:{seen.column}"
            row = Row(where, {}, f"{seen.detector}: {seen.text}", where)
            means = f"where {seen.detector} saw it; 0 if the file has no lines"
            return Told(means, {"line": f"{seen.line}", "column": f"{seen.column}"}, (row,), where)
        case ("model_files", key, *rest):
            return _file(_one(result.model_files, data["model_files"], key), tuple(rest), data, key)
        case _:
            msg = f"nothing is told of {written(unit)}"
            raise LookupError(msg)


def _read(means: str, value: float, where: str = "") -> Told:
    return Told(means, {"": f"{value}"}, (), where)


def _one(several: Sequence[Any], data: Any, key: str) -> Any:
    return several[keys(data).index(key)]


def _weight(key: str, result: Assessment, data: Any, plans: Plans) -> Told:
    """Return where the weight of a function is from: told, or the places in the code."""
    one = result.impact.functions[keys(data["impact"]["functions"]).index(key)].function
    plan = plans.functions.get(one.id)
    if plan is not None and plan.weight is not None:
        means = "weight of the function, as the operator told it"
        where = "reliant.toml"
    else:
        means = "weight of the function: its call sites, as nobody told more"
        where = one.where
    rows = tuple(
        Row(
            use.id, {}, f"{use.role.value} {use.kind.value}", f"{use.evidence[0].path}:{use.evidence[0].line}"
        )
        for use in result.uses
        if one.id in use.functions
    )
    return Told(means, {"function.weight": f"{one.weight}"}, rows[:_FIRST], where)


_OF_FILES = {
    "parameters": "numbers in all its tensors, from their shapes",
    "vocabulary": "tokens of its tokenizer",
    "bytes_read": "bytes that were read of it, for all that is said of it",
}
_OF_WEIGHTS = {
    "agreement": "share of the neurons of the best layer that agree twice",
    "log10_p": "log10 of the chance that strangers agree so much, after correction",
    "detection_limit": "the least cosine between neurons that would have been found",
    "bytes_read": "bytes that were read for this comparison",
}


def _file(one: ModelFile, rest: Address, data: Any, key: str) -> Told:
    """Return where a number about a model file was read."""
    where = ", ".join(one.files) or one.path
    if rest[0] == "weights":
        several = data["model_files"][keys(data["model_files"]).index(key)]["weights"]
        found = one.weights[keys(several).index(rest[1])]
        formulas = {
            name: f"{getattr(found, name)}" for name in _OF_WEIGHTS if getattr(found, name) is not None
        }
        words = "; ".join(f"{name}: {_OF_WEIGHTS[name]}" for name in formulas)
        row = Row(found.reference, {}, found.statement, one.path)
        return Told(f"compared with {found.reference}. {words}", formulas, (row,), where)
    if rest[0] == "sizes":
        return _read(f"{rest[1]}, as its config or header says", one.sizes[rest[1]], where)
    return _read(_OF_FILES[rest[0]], getattr(one, rest[0]), where)


__all__ = ["Explained", "explain", "unit_of", "value_of"]
