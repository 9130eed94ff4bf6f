"""What each cut of a country's IMPACT is made of, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reliant.assessment.country.impact import in_counts, rests_on, touched_by_closing
from reliant.assessment.country.scenario import by_model, by_use
from reliant.assessment.figures import Row, Told
from reliant.core.country import by_way
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
        for way in by_way(self._desk.result.access):
            says = "; or ".join(
                f"{row.verdict}: {'; '.join(row.gates)}" if row.gates else row.verdict for row in way
            )
            places = ", ".join([code for row in way for code in row.places][:6])
            adds = {"whole": 1.0, touched_by_closing(way): 1.0}
            yield Row(f"{way[0].provider} ({way[0].channel})", adds, says, places)

    def _weights(self, *, withheld_too: bool) -> Iterable[Row]:
        desk = self._desk
        if desk.question.counted is not None:
            reached, unsure = in_counts(desk.question.counted)
            rest = desk.question.counted.models - reached - unsure
            column = "touched" if withheld_too else "unsure"
            says = "counted over the columns of both files"
            yield Row("descend from models made there", {"whole": reached, column: reached}, says)
            yield Row("may descend from them", {"whole": unsure, "unsure": unsure}, says)
            yield Row("do not", {"whole": rest}, says)
            return
        for made in desk.own:
            kind = rests_on(made, desk.models, desk.sides)
            adds = {"whole": 1.0}
            if not made.recorded or kind == "unplaced":
                adds["unsure"] = 1.0
            elif kind == "closed" or (kind and withheld_too):
                adds["touched"] = 1.0
            elif kind:
                adds["unsure" if kind == "unsaid" else "exempt"] = 1.0
            says = _SAYS.get(kind or "", "")
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
            home=desk.asking,
            on=desk.sides.on,
            as_of=as_of,
            known_on=known_on,
        )
        for model, answer in found:
            column = _COLUMN.get(answer, "exempt" if model.weights == "open" else "")
            adds = {"whole": 1.0} | ({column: 1.0} if column else {})
            yield Row(model.id, adds, f"{model.weights or 'unknown'} weights, out {model.released}", model.id)


_SAYS = {
    "closed": "descends from closed weights of the other country",
    "open": "descends from open weights of the other country",
    "unsaid": "descends from weights of the other country; whether all are open is not known",
    "unplaced": "a base leads somewhere that is not known",
}


def _table(whole: str) -> tuple[str, str]:
    """Return the file and the year of `use in FILE, YEAR`."""
    name, _, year = whole.removeprefix("use in ").rpartition(", ")
    return name, year
