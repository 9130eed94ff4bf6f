"""One screen of text: verdicts, the two headline sentences, sources, what was not looked at.

At most 40 lines of 80 columns. What does not fit is counted, never dropped in
silence, and the last line always says what was not looked at.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reliant.core.results import ASSESSMENT_SCHEMA
from reliant.core.verdict import Axis, Verdict
from reliant.report._model_files import words_of
from reliant.report._points import shown_points
from reliant.report._registry import renders
from reliant.report._text import clean, fit, listed, number, percent, plural, width, wrap
from reliant.report._view import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.core.results import Assessment
    from reliant.report._view import Group

COLUMNS = 80
LINES = 40
_VERDICT = 13
_SOURCES_AT_LEAST = 6
_CITED = 2
_COLOURS = {Verdict.BLOCKED: "31", Verdict.UNKNOWN: "33", Verdict.CONDITIONAL: "36", Verdict.OPEN: "32"}


@renders("terminal", ASSESSMENT_SCHEMA)
def to_terminal(result: Assessment, /, *, colour: bool = False) -> str:
    """Return the assessment as one screen of text."""
    screen = _Screen(View(result), colour=colour)
    return "\n".join(screen.lines()) + "\n"


def _line(head: str, names: list[str]) -> list[str]:
    """Return one line with as many names as fit and the count of the rest; none without names."""
    for shown in range(min(len(names), COLUMNS // 3), 0, -1):
        line = head + listed(names, at_most=shown)
        if width(line) <= COLUMNS:
            return [line]
    return [fit(head + listed(names, at_most=1), COLUMNS)] if names else []


class _Screen:
    def __init__(self, view: View, *, colour: bool) -> None:
        self.view = view
        self.colour = colour
        self.cited: set[int] = set()

    def lines(self) -> list[str]:
        """Return all lines; the sources come last so that only cited ones are listed."""
        view, result = self.view, self.view.result
        lines = [self._paint(line, "1") for line in wrap(clean(view.question), COLUMNS)]
        lines += [
            line
            for sentence in filter(None, (view.stop_sentence, view.reliance_sentence, view.scenario_sentence))
            for line in wrap(clean(sentence), COLUMNS)
        ]
        functions, questions = [*self._functions(), *self._model_files()], self._open_questions()
        footer = [
            *wrap(
                f"Facts: atlas {result.atlas.version}, newest source {result.atlas.newest_source}.", COLUMNS
            ),
            *self._not_looked_at(),
        ]
        taken = len(lines) + len(functions) + len(questions) + len(footer)
        groups = self._groups(LINES - taken - _SOURCES_AT_LEAST)
        sources = self._sources(LINES - taken - len(groups))
        return [*lines, *groups, *functions, *questions, *sources, *footer]

    def _groups(self, room: int) -> list[str]:
        """Return the verdict lines that fit into `room` lines, and the count of the rest.

        Where there is too little room the reasons go first, the best verdict's first; what
        is blocked keeps its reasons.
        """
        if not self.view.result.uses:
            return ["", "No use of AI was found."]
        blocks = [self._group(group) for group in self.view.groups]
        room -= 2 + bool(self.view.mentioned) + bool(self.view.set_aside)
        for group, block in zip(reversed(self.view.groups), reversed(blocks), strict=True):
            if group.verdict is not Verdict.BLOCKED and sum(map(len, blocks)) > room:
                del block[1:]
        shown = 0
        lines = [""]
        for block in blocks:
            if shown and len(lines) + len(block) > room:
                break
            lines += [line for line, _ in block]
            self.cited.update(number for _, numbers in block for number in numbers)
            shown += 1
        return lines + self._rest(shown)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def _marks(self, source_ids: Iterable[str], cited: set[int]) -> str:
        """Return the two best sources of a statement as marks, and how many more there are."""
        numbers = self.view.best(source_ids)
        cited.update(numbers[:_CITED])
        more = f" +{len(numbers) - _CITED}" if len(numbers) > _CITED else ""
        return "".join(f" [{one}]" for one in numbers[:_CITED]) + more

    def _group(self, group: Group) -> list[tuple[str, set[int]]]:
        """Return the lines of one group, each with the numbers of the sources it cites."""
        word = self._paint(fit(group.verdict.value, _VERDICT), _COLOURS[group.verdict])
        title = clean(f"{group.label}, {group.channel.value}")
        models = listed(map(clean, group.models), at_most=3) or plural(len(group.uses), "use")
        access = group.worst_on(Axis.ACCESS)
        tail = ""
        if group.verdict is Verdict.UNKNOWN and access is not Verdict.UNKNOWN:
            tail = f"; access {'open' if access is Verdict.OPEN else 'on conditions'}"
        rest = COLUMNS - _VERDICT - width(tail)
        line = f"{title}: {models}"
        head = word + (line if width(line) <= rest else fit(line, rest).rstrip()) + tail
        cited: set[int] = set()
        told = [
            self.view.gate_words(gate) + self._marks(self.view.sources_of(gate.rule), cited)
            for gate in group.gates
            if group.verdict is not Verdict.BLOCKED or gate.verdict is Verdict.BLOCKED
        ]
        told += [
            self._axis(group, axis, cited)
            for axis in Axis
            if group.worst_on(axis) is group.verdict
            and group.verdict is not Verdict.OPEN
            and not (axis is Axis.ACCESS and group.gates)
        ]
        about = wrap(clean("; ".join(told)), COLUMNS, indent=" " * _VERDICT) if told else []
        if len(about) > 3:
            about = [*about[:2], fit(f"{about[2]} {about[3].lstrip()}", COLUMNS)]
        return [(head, set()), *((line, cited) for line in about)]

    def _axis(self, group: Group, axis: Axis, cited: set[int]) -> str:
        """Say why an axis is what it is: the rules that decide it, or the facts it waits for."""
        verdict = group.worst_on(axis)
        if verdict is Verdict.UNKNOWN:
            needs = listed(group.needs(axis), at_most=2)
            return f"{axis.value}: needs {needs}" if needs else f"{axis.value}: no record says"
        rules = [
            f"{rule.id}{f' since {rule.since}' if rule.since else ''}{self._marks(rule.sources, cited)}"
            for rule in group.deciding(axis)
        ]
        word = "blocked" if verdict is Verdict.BLOCKED else "on conditions"
        return f"{axis.value}: {word} by {listed(rules, at_most=2)}" if rules else f"{axis.value}: {word}"

    def _rest(self, shown: int) -> list[str]:
        more = self.view.groups[shown:]
        lines = []
        if more:
            counts = Counter(group.verdict.value for group in more)
            said = ", ".join(f"{count} {word}" for word, count in counts.items())
            lines.append(f"{' ' * _VERDICT}and {plural(len(more), 'more line')}: {said}")
        if self.view.mentioned:
            count = plural(len(self.view.mentioned), "use")
            lines.append(f"{' ' * _VERDICT}{count} more only in docs, tests, examples or lists")
        if self.view.set_aside:
            count = plural(len(self.view.set_aside), "finding")
            lines.append(f"{' ' * _VERDICT}{count} set aside by the configuration, verdicts unchanged")
        return lines

    def _functions(self) -> list[str]:
        lines: list[str] = []
        for state, word in (("stops", "Stops"), ("unknown", "Not known"), ("works", "Works")):
            names = [
                f"{clean(item.function.name)} ({number(item.function.weight)})"
                for item in self.view.by_state(state)
            ]
            lines += _line(f"  {word}: ", names)
        points = [
            f"{clean(self._supplier(point.level, point.supplier))} {percent(point.stop_share)}"
            + (" (with what is owned or made there)" if point.level == "reach" else "")
            for point in shown_points(self.view.result.impact.single_points)
        ]
        lines += _line("  Stops if cut alone: ", points)
        return ["", *lines] if lines else []

    def _model_files(self) -> list[str]:
        words = words_of(self.view.result)
        findings = [finding for one in words for finding in one.file.findings]
        lines = [
            line
            for found in findings[:2]
            for line in wrap(clean(f"! {found.text}"), COLUMNS, indent="    ")[:2]
        ]
        rest = len(findings) - 2
        lines += [f"! {plural(rest, 'more contradiction')}"] if rest > 0 else []
        compared = [one for one in words if one.file.weights]
        for one in compared[:2] or words[:2]:
            said = one.weights if one.file.weights else f"{one.about}; {one.declared}"
            lines.append(fit(f"  {clean(one.file.path)}: {said}", COLUMNS).rstrip())
        more = len(words) - 2
        if more > 0:
            lines.append(f"  and {plural(more, 'more model file')}")
        return ["", *lines] if lines else []

    def _supplier(self, level: str, id_: str) -> str:
        return self.view.place(id_) if level != "provider" else self.view.name(id_)

    def _open_questions(self) -> list[str]:
        lines: list[str] = []
        for item in self.view.pending[:1]:
            marks = self._marks(item.sources, self.cited)
            rest = len(self.view.pending) - 1
            more = f"; and {rest} more" if rest else ""
            text = f"Pending: {item.rule}, {self.view.pending_words(item)}{marks}{more}"
            lines += wrap(clean(text), COLUMNS, indent="  ")[:2]
        if self.view.missing:
            first, *others = self.view.missing
            more = f"; and {plural(len(others), 'more fact')}" if others else ""
            lines += wrap(clean(f"Missing: {first.question} ({first.fact}){more}"), COLUMNS, indent="  ")[:2]
        return lines

    def _sources(self, room: int) -> list[str]:
        numbered = {self.view.numbers[source.id]: source for source in self.view.sources}
        shown = [(number_, numbered[number_]) for number_ in sorted(self.cited)]
        if not shown:
            return []
        fitting = len(shown) if len(shown) + 1 <= room else max(room - 2, 1)
        lines = [""]
        for number_, source in shown[:fitting]:
            about = ", ".join(part for part in (source.publisher, source.published) if part)
            same = self.view.same_text_as(source)
            tail = f" ({source.kind}{f', same text as [{same}]' if same else ''})"
            tail = clean(f", {about}{tail}" if about else tail)
            head = clean(f"[{number_}] {source.title}")
            room_for_title = max(COLUMNS - width(tail), 24)
            line = fit(head, min(room_for_title, width(head))) + tail
            lines.append(fit(line, COLUMNS).rstrip())
        if len(shown) > fitting:
            lines.append(f"and {plural(len(shown) - fitting, 'more source')}")
        return lines

    def _not_looked_at(self) -> list[str]:
        skipped = self.view.result.not_looked_at
        if not skipped:
            return ["Not looked at: nothing was skipped."]
        reasons = Counter(clean(item.reason) for item in skipped)
        said = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
        more = f" and {plural(len(reasons) - 3, 'more reason')}" if len(reasons) > 3 else ""
        return wrap(
            f"Not looked at: {plural(len(skipped), 'path')}: {said}{more}.", COLUMNS, indent="  ", first=""
        )[:3]
