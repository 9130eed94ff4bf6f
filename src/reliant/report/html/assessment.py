"""The page of one assessment: what is relied on, whether it is reachable, what stops, why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.verdict import Axis, Verdict
from reliant.report._model_files import words_of
from reliant.report._registry import renders
from reliant.report._text import listed
from reliant.report._view import View
from reliant.report.html.assessment_dependence import (
    flow_figure,
    hhi_table,
    origin_table,
    points_table,
    reliance_figure,
)
from reliant.report.html.assessment_descent import descent_figure
from reliant.report.html.assessment_functions import functions_table, stop_figure

if TYPE_CHECKING:
    from reliant.core.results import Assessment
    from reliant.core.use import Use
    from reliant.core.verdict import Gate, RuleAnswer
    from reliant.report._view import Group

_OFTEN = 3
_LETTERS = 8


@renders("html", ASSESSMENT_SCHEMA)
def to_html(result: Assessment, /, *, colour: bool = False) -> str:
    """Return the assessment as one HTML file."""
    from reliant.report.html.base import page  # noqa: PLC0415  (loads the template engine)

    del colour
    view = View(result)
    rules = _rules(view)
    groups = [_group(view, group) for group in view.groups]
    common = _common(groups)
    figures = {
        "stops": stop_figure(view),
        "flow": flow_figure(view),
        "reliance": reliance_figure(view),
        "descent": descent_figure(view),
    }
    return page(
        "assessment.html.j2",
        view=view,
        result=result,
        groups=groups,
        common=common,
        letters={one.axis: one.mark for one in common},
        asked=sorted(view.missing, key=lambda item: (-len(item.rules), item.fact)),
        rules=rules,
        shown_rules={row.rule.id for row in rules},
        figures=figures,
        functions=functions_table(view),
        points=points_table(view),
        hhi=hhi_table(view),
        origin=origin_table(view),
        model_files=words_of(result),
        undescended=[model for model in view.relied_on if not model.descent and not model.descent_known],
        rootless=[model for model in view.relied_on if not model.descent and model.descent_known],
        numbered=[(view.numbers[source.id], source) for source in view.sources],
        copies={source.id: view.same_text_as(source) for source in view.sources},
        generator=f"{result.tool.name} {result.tool.version}",
    )


# Verdicts


@dataclass(frozen=True)
class AxisRow:
    """One axis of a group in words, with the numbers of its sources; `full` leaves nothing out."""

    name: str
    verdict: Verdict
    words: str
    cites: tuple[int, ...]
    full: str = ""


@dataclass(frozen=True)
class GroupRow:
    """One line of the verdict table."""

    group: Group
    gates: tuple[tuple[Gate, str, tuple[int, ...]], ...]
    axes: tuple[AxisRow, ...]


@dataclass(frozen=True)
class Common:
    """What an axis says of most lines, told once below the table under a letter."""

    mark: str
    axis: AxisRow
    lines: int


def _common(rows: list[GroupRow]) -> tuple[Common, ...]:
    """Return what at least three lines share on an axis, for the axes that are told in words."""
    counts = Counter(
        axis for row in rows for axis in row.axes if axis.words and axis.name != Axis.ACCESS.value
    )
    often = sorted(
        ((axis, count) for axis, count in counts.items() if count >= _OFTEN),
        key=lambda pair: (list(Axis).index(Axis(pair[0].name)), -pair[1], pair[0].words),
    )
    return tuple(Common(chr(ord("a") + at), axis, count) for at, (axis, count) in enumerate(often[:_LETTERS]))


def _group(view: View, group: Group) -> GroupRow:
    gates = tuple(
        (gate, view.gate_words(gate), view.best(view.sources_of(gate.rule))) for gate in group.gates
    )
    return GroupRow(group, gates, tuple(_axis(view, group, axis) for axis in Axis))


def _axis(view: View, group: Group, axis: Axis) -> AxisRow:
    verdict = group.worst_on(axis)
    rules = group.deciding(axis)
    needs = group.needs(axis)
    if verdict is Verdict.UNKNOWN:
        if not needs:
            return AxisRow(axis.value, verdict, "no record says", (), "no record says")
        return AxisRow(
            axis.value, verdict, f"needs {listed(needs, at_most=1)}", (), f"needs {', '.join(needs)}"
        )
    if not rules or verdict is Verdict.OPEN:
        return AxisRow(axis.value, verdict, "", ())
    said = [f"{rule.id}{f' since {rule.since}' if rule.since else ''}" for rule in rules]
    cites = view.best(id_ for rule in rules for id_ in rule.sources)
    return AxisRow(axis.value, verdict, listed(said, at_most=2), cites, ", ".join(said))


@dataclass(frozen=True)
class RuleRow:
    """One rule that fires, or may, with what it bears on."""

    rule: RuleAnswer
    axis: Axis
    cites: tuple[int, ...]
    uses: tuple[Use, ...]

    @property
    def open_facts(self) -> tuple[str, ...]:
        """The facts that leave it open, each once."""
        return tuple(dict.fromkeys(leaf.fact for leaf in self.rule.because if leaf.truth == "unknown"))


def _rules(view: View) -> list[RuleRow]:
    """Return the rules that are decided yes or not decided; those that do not apply are left out."""
    found: dict[tuple[Axis, str], tuple[RuleAnswer, list[Use]]] = {}
    for group in view.groups:
        for answer in group.answers:
            for axis, said in answer.axes.items():
                for rule in said.rules:
                    if rule.truth != "no":
                        found.setdefault((axis, rule.id), (rule, []))[1].append(view.uses[answer.use])
    effects = ("deny", "require", "warn", "allow", "coverage")
    return sorted(
        (
            RuleRow(rule, axis, view.best(rule.sources), tuple(uses))
            for (axis, _), (rule, uses) in found.items()
        ),
        key=lambda row: (
            row.rule.truth != "yes",
            (*effects, row.rule.effect).index(row.rule.effect),
            row.rule.id,
        ),
    )
