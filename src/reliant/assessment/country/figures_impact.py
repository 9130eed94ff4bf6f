"""What each cut of a country's IMPACT is made of, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.assessment.country.impact import rests_on
from reliant.assessment.country.scenario import by_model, by_use
from reliant.assessment.explain.figures import Row, Told
from reliant.core.truth import Truth

if TYPE_CHECKING:
    from reliant.assessment.country.figures import CountryFigures

_FORMULAS = {
    "touched.low": "sum(touched) / sum(whole)",
    "touched.high": "(sum(touched) + sum(unsure)) / sum(whole)",
    "exempt": "sum(exempt) / sum(whole)",
    "count": "round(sum(touched))",
    "of": "round(sum(whole))",
}
_COLUMN = {Truth.YES: "touched", Truth.UNKNOWN: "unsure"}
_FIXED = 3


class Impacts:
    """Explains the rows of IMPACT: three fixed cuts, then those over tables of use, then scenarios."""

    def __init__(self, desk: CountryFigures) -> None:
        self._desk = desk

    def told(self, at: int) -> Told:
        """Return what the row at this position is made of."""
        one = self._desk.result.impact[at]
        if at == 0:
            rows = self._hosted()
        elif at < _FIXED:
            rows = self._weights(withheld_too=at == _FIXED - 1)
        elif one.scenario.startswith("scenario "):
            rows = self._scenario(one.scenario.removeprefix("scenario "), one.whole)
        else:
            rows = self._used(one.whole, withheld_too="open weights as well" in one.scenario)
        means = (
            f"{one.scenario}: of {one.whole}, what is touched, what may be (unsure) and what is left alone"
        )
        return Told(means, _FORMULAS, tuple(rows))

    def _hosted(self) -> Iterable[Row]:
        words = {"OPEN": "touched", "CONDITIONAL": "touched", "UNKNOWN": "unsure", "BLOCKED": "exempt"}
        for row in self._desk.result.access:
            says = f"{row.verdict}: {'; '.join(row.gates)}" if row.gates else row.verdict
            adds = {"whole": 1.0, words[row.verdict]: 1.0}
            yield Row(f"{row.provider} ({row.channel})", adds, says, ", ".join(row.places[:6]))

    def _weights(self, *, withheld_too: bool) -> Iterable[Row]:
        desk = self._desk
        for made in desk.own:
            kind = rests_on(made, desk.models, desk.sides)
            adds = {"whole": 1.0}
            if not made.recorded:
                adds["unsure"] = 1.0
            elif kind == "closed" or (kind and withheld_too):
                adds["touched"] = 1.0
            elif kind:
                adds["unsure" if kind == "unsaid" else "exempt"] = 1.0
            says = f"begins with {kind} weights of the other country" if kind else ""
            yield desk.row_of(made, adds, says if made.recorded else "no base is recorded")

    def _used(self, whole: str, *, withheld_too: bool) -> Iterable[Row]:
        from reliant.assessment.country.figures import used_rows  # noqa: PLC0415  (it imports this one)

        name, year = _table(whole)
        desk = self._desk
        rows = next(rows for file, rows in desk.question.use if file == name)
        for row in used_rows(rows, desk.sides, year):
            on = row.adds.get("on", 0.0)
            adds = {"whole": row.adds["whole"], "unsure": row.adds.get("unknown", 0.0)}
            closed, opened = row.adds.get("closed_on", 0.0), row.adds.get("open_on", 0.0)
            if withheld_too:
                adds["touched"] = on
            else:
                adds |= {"touched": closed, "exempt": opened}
                adds["unsure"] += on - closed - opened
            yield Row(row.id, {column: part for column, part in adds.items() if part}, row.says, row.at)

    def _scenario(self, name: str, whole: str) -> Iterable[Row]:
        desk, question = self._desk, self._desk.question
        scenario = next(one for one in question.scenarios if one.name == name)
        as_of, known_on = question.as_of, question.known_on
        if whole.startswith("use in "):
            file, _ = _table(whole)
            rows = next(rows for one, rows in question.use if one == file)
            _, asked = by_use(scenario, desk.rules, rows, home=desk.asking, as_of=as_of, known_on=known_on)
            for row, answer in asked:
                column = _COLUMN.get(answer, "exempt" if row.weights == "open" else "")
                adds = {"whole": row.amount} | ({column: row.amount} if column else {})
                yield Row(row.at, adds, f"weights {row.weights or 'not told'}", row.at)
            return
        found = by_model(
            scenario,
            desk.atlas,
            desk.rules,
            home=desk.asking[0],
            on=desk.sides.on,
            as_of=as_of,
            known_on=known_on,
        )
        for model, answer in found:
            column = _COLUMN.get(answer, "exempt" if model.weights == "open" else "")
            adds = {"whole": 1.0} | ({column: 1.0} if column else {})
            yield Row(model.id, adds, f"{model.weights or 'unknown'} weights, out {model.released}", model.id)


def _table(whole: str) -> tuple[str, str]:
    """Return the file and the year of `use in FILE, YEAR`."""
    name, _, year = whole.removeprefix("use in ").rpartition(", ")
    return name, year
