"""Marks findings that the operator has looked at and set aside until a day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from reliant.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.core.results import Assessment, UseAnswer
    from reliant.policy.operator import Operator


def with_ignored(result: Assessment, operator: Operator, as_of: dt.date) -> Assessment:
    """Return `result` with each answer marked whose every closing rule is set aside.

    An ignore that has run out marks nothing; a remark says which.
    """
    if not operator.ignores:
        return result
    names = {use.id: [use.id, use.provider or ""] for use in result.uses}
    verdicts = tuple(
        msgspec.structs.replace(answer, ignored=_reason(answer, names[answer.use], operator, as_of))
        for answer in result.verdicts
    )
    ended = tuple(
        f"The ignore of {one.rule or one.use or 'everything'} ended on {one.until}: {one.reason}"
        for one in operator.ignores
        if as_of >= one.until
    )
    return msgspec.structs.replace(result, verdicts=verdicts, remarks=(*result.remarks, *ended))


def _reason(answer: UseAnswer, names: list[str], operator: Operator, as_of: dt.date) -> str | None:
    closing = list(_closing(answer))
    found = [operator.ignored(rule, names, as_of) for rule in closing]
    set_aside = [one for one in found if one is not None]
    if not closing or len(set_aside) < len(closing):
        return None
    return "; ".join(dict.fromkeys(f"{one.reason} (until {one.until})" for one in set_aside))


def _closing(answer: UseAnswer) -> Iterator[str]:
    """Yield the rules that keep the use from being OPEN; an empty name where no rule says anything."""
    for axis in answer.axes.values():
        if axis.verdict is Verdict.OPEN:
            continue
        rules = [rule.id for rule in axis.rules if rule.effect in {"deny", "require"} and rule.truth != "no"]
        yield from rules or [""]
