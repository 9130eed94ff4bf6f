"""What every number about a country is made of: the models, ways, rules and days behind it.

The same questions are asked again, row by row, that `country` asked in one go, so each number
comes with the rows that it counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.assessment.citing import Citations
from reliant.assessment.country.ask import asking_from, models_of
from reliant.assessment.country.blocs import pair
from reliant.assessment.country.figures_impact import Impacts
from reliant.assessment.country.reliance import Sides, columns_of, ends_of, held, path_to, standing
from reliant.assessment.country.use import as_bases
from reliant.assessment.figures import Figure, Row, Told, figure, keys, numbers, resolve

if TYPE_CHECKING:
    from reliant.assessment.country.ask import CountryQuestion
    from reliant.assessment.country.models import Made
    from reliant.assessment.country.use import UseRow
    from reliant.assessment.figures import Address
    from reliant.atlas import Atlas
    from reliant.core.country import Country
    from reliant.policy import RuleBook

_OPEN_END = "(sum({0}) + sum(blank) + sum({1})) / sum(own)"
_SHARES = {
    "face_value": ("sum(joint) / (sum(own) + sum(joint))", "sum(joint) / (sum(own) + sum(joint))"),
    "look_through": ("sum(reached) / sum(own)", _OPEN_END.format("reached", "unplaced")),
    "root": ("sum(rooted) / sum(own)", _OPEN_END.format("rooted", "maybe_rooted")),
    "home_rooted": ("sum(at_home) / sum(own)", _OPEN_END.format("at_home", "maybe_home")),
    "unknown": ("sum(blank) / sum(own)", ""),
}
_MEANS = {
    "face_value": "share of the country's models that were made together with the other country",
    "look_through": "share of the country's models with an ancestor made in the other one; the upper end "
    "adds those of which no base is recorded (blank) and those that lead somewhere unknown (unplaced)",
    "root": "share of the country's models whose line begins in the other one; the upper end adds blank ones "
    "and those with a line that begins somewhere unknown",
    "home_rooted": "share of the country's models all of whose lines begin at home",
    "unknown": "share of the country's models of which no base is recorded",
}
_WORDS = {
    "blank": "no base is recorded",
    "reached": "an ancestor is of the other country",
    "rooted": "its line begins there",
    "maybe_rooted": "a line of it begins where the maker is not known",
    "unplaced": "it leads to a model whose maker is not known",
    "at_home": "all its lines begin at home",
    "maybe_home": "its lines begin at home or somewhere unknown",
}
_HALF = {
    "models": "sum(own)",
    "base_known": "sum(base_known)",
    "root_on": "sum(on)",
    "root_home": "sum(home)",
    "root_other": "sum(other)",
    "root_unknown": "sum(unknown)",
    "joint": "sum(joint)",
    "share_of_known": "sum(on) / sum(base_known)",
    "floor": "sum(on) / sum(own)",
}


class CountryFigures:
    """Explains the numbers of one answer about a country."""

    def __init__(self, question: CountryQuestion, atlas: Atlas, rules: RuleBook, result: Country) -> None:
        atlas = atlas.known_on(question.known_on)
        ours, theirs = pair(question.country, question.on, atlas)
        home, on = ours.codes, theirs.codes
        self.question, self.atlas, self.rules, self.result = question, atlas, rules, result
        self.asking = asking_from(question.country, home, atlas)
        self.sides = Sides(frozenset(home), frozenset(on))
        self.models = models_of(question, atlas)
        dated = [made for made in self.models.rows.values() if made.half]
        self.own = [made for made in dated if self.sides.own(made)]
        self.joint = [made for made in dated if self.sides.joint(made)]
        self.data = msgspec.to_builtins(result)
        self.addresses = dict(numbers(self.data))
        self._citations = Citations()

    def explain(self, asked: str) -> tuple[Figure, ...]:
        """Return what makes the number, or the numbers, of this name.

        Raises:
            UsageError: No number is called so, or several are.
        """
        address = resolve(asked, self.addresses)
        inside = dict.fromkeys(unit_of(one) for one in self.addresses if one[: len(address)] == address)
        units = (address,) if address in inside else tuple(inside)
        return tuple(self.at(unit, address) for unit in units)

    def at(self, unit: Address, address: Address | None = None) -> Figure:
        """Return what makes the numbers of a unit: of all, or only of the one at `address`."""
        told = self.told(unit)
        if address is not None and address != unit[: len(address)]:
            name = ".".join(address[len(unit) :])
            kept = {
                one: told.formulas[one] for one in told.formulas if one == name or one.startswith(f"{name}.")
            }
            told = msgspec.structs.replace(told, formulas=kept)
        pool = self.result.sources if unit[0] in {"reach", "stance"} else self._citations.sources
        return figure(
            unit, told, as_of=self.result.as_of, sources=pool, remarks=self.result.reliance.remarks[:2]
        )

    def told(self, unit: Address) -> Told:
        """Return what is told of the numbers at one address."""
        if unit[0] == "reliance":
            if self.question.counted is not None:
                return self._counted(unit)
            return self._reliance(unit[1:])
        if unit[0] == "impact":
            return Impacts(self).told(int(unit[1].strip("[]")))
        makers: Mapping[str, Callable[[Address], Told]] = {
            "reach": self._reach,
            "stance": self._stance,
            "lag": self._lag,
            "screens": self._screen,
            "used": self._used,
        }
        return makers[unit[0]](unit[1:])

    def row_of(self, made: Made, adds: Mapping[str, float], says: str = "") -> Row:
        """Return the row of a model, with the record or line that tells of it."""
        record = self.atlas.models.get(made.at)
        sources = self._citations.cite(record.sources) if record is not None else ()
        path = " <- ".join(path_to(self.models, made, self.sides.on)[1:])
        said = [f"made {made.day} in {' and '.join(sorted(made.countries))}", says, path and f"from {path}"]
        return Row(made.name, dict(adds), "; ".join(one for one in said if one), made.at, sources)

    # ACCESS and STANCE

    def _reach(self, _: Address) -> Told:
        rows = tuple(
            Row(
                f"{row.provider} ({row.channel})",
                {row.verdict: 1},
                "; ".join((*row.gates, *(f"to find out: {one}" for one in row.missing[:2]))),
                f"{', '.join(row.places[:6])}",
                row.sources,
            )
            for row in self.result.access
        )
        formulas = {word: f"sum({word})" for word in self.result.reach}
        return Told("ways to a provider (provider and channel) by verdict", formulas, rows)

    def _stance(self, rest: Address) -> Told:
        row = self._at("stance", rest[0], self.result.stance)
        means = f"what the register held: {row.summary}"
        said = {"at-least": "at least so many", None: ""}.get(row.count_is, str(row.count_is))
        rows = (
            Row(
                row.id, {"entries": row.count or 0}, f"{row.since}: {said or row.issuer}", row.id, row.sources
            ),
        )
        return Told(means, {"count": "sum(entries)"}, rows, row.id)

    # RELIANCE

    def _reliance(self, rest: Address) -> Told:
        kind = rest[0]
        if kind in _SHARES:
            return self._shares(kind, [*self.own, *self.joint], lambda _: 1.0)
        if kind == "by_downloads":
            return self._downloads(rest[1])
        if kind == "halves":
            return self._half(rest[1].strip("[]"))
        if kind == "kept":
            return self._kept(rest[1])
        if kind == "shared_design":
            return self._design()
        if kind in {"roots", "root_hhi"}:
            return self._roots(rest)
        if kind == "left_out":
            rows = tuple(
                Row(made.name, {"left_out": 1}, "no country" if not made.countries else "no month", made.at)
                for made in self.models.rows.values()
                if not made.countries or made.half is None
            )
            return Told("rows without a country or a date of at least a month", {"": "sum(left_out)"}, rows)
        formula = {"models": "sum(own)", "base_known": "sum(base_known)"}[kind]
        rows = tuple(
            self.row_of(made, {"own": 1, **({"base_known": 1} if made.recorded else {})}) for made in self.own
        )
        means = "models made in the country by the day" + (
            ", with a recorded base" if kind != "models" else ""
        )
        return Told(means, {"": formula}, rows)

    def _shares(self, kind: str, several: Sequence[Made], weigh: Callable[[Made], float]) -> Told:
        rows = []
        for made in several:
            weight = weigh(made)
            if self.sides.joint(made):
                if kind == "face_value":
                    rows.append(self.row_of(made, {"joint": weight}, "made together"))
                continue
            found = standing(self.models, made, self.sides)
            says = ", ".join(_WORDS[one] for one in found)
            rows.append(self.row_of(made, {"own": weight, **dict.fromkeys(found, weight)}, says))
        low, high = _SHARES[kind]
        formulas = {"low": low, "high": high} if high else {"": low}
        return Told(_MEANS[kind], formulas, tuple(rows))

    def _downloads(self, kind: str) -> Told:
        counted = [made for made in self.own if made.downloads is not None]
        if kind in _SHARES:
            told = self._shares(kind, [*counted, *self.joint], lambda made: made.downloads or 0.0)
            return msgspec.structs.replace(told, means=f"{told.means}; by downloads")
        formula = {"models": "sum(counted)", "of": "sum(own)", "downloads": "sum(downloads)"}[kind]
        rows = tuple(
            self.row_of(
                made,
                {"own": 1}
                | ({"counted": 1, "downloads": made.downloads} if made.downloads is not None else {}),
            )
            for made in self.own
        )
        return Told(
            "models of the country with a number of downloads, and these together", {"": formula}, rows
        )

    def _half(self, half: str) -> Told:
        rows = [
            self.row_of(
                made,
                {"own": 1}
                | (
                    {"base_known": 1} | dict.fromkeys(columns_of(self.models, made, self.sides), 1)
                    if made.recorded
                    else {}
                ),
                "" if made.recorded else _WORDS["blank"],
            )
            for made in self.own
            if made.half == half
        ]
        rows += [self.row_of(made, {"joint": 1}, "made together") for made in self.joint if made.half == half]
        means = (
            f"models of {half} and where their lines begin: in the other country (on), at home, elsewhere "
            "(other) or unknown; a model with two roots counts in two columns"
        )
        return Told(means, _HALF, tuple(rows))

    def _kept(self, key: str) -> Told:
        kept = self._at("reliance.kept", key, self.result.reliance.kept)
        rows = tuple(
            self.row_of(made, {"own": 1, **parts})
            for made, parts in held(self.models, self.own, self.sides, kept.retained)
        )
        formulas = {f"shares.{place}": f"sum({place}) / sum(own)" for place in kept.shares}
        means = (
            f"each model divided along its descent; {kept.retained:.0%} stays with its own maker (the rule)"
        )
        return Told(means, {"retained": f"{kept.retained}", **formulas}, rows)

    def _design(self) -> Told:
        rows = []
        for made in self.own:
            origins = [self.models.origin(name) for name in made.blueprints]
            shared = any(origin.countries & self.sides.on for origin in origins)
            adds = (
                {"own": 1.0}
                | ({"told": 1.0} if made.blueprints else {})
                | ({"shared": 1.0} if shared else {})
            )
            rows.append(self.row_of(made, adds, ", ".join(f"blueprint of {one}" for one in made.blueprints)))
        high = "(sum(shared) + sum(own) - sum(told)) / sum(own)"
        means = (
            "share of the country's models with a blueprint (not weights) of the other one, where recorded"
        )
        return Told(means, {"low": "sum(shared) / sum(own)", "high": high}, tuple(rows))

    def _roots(self, rest: Address) -> Told:
        known = [made for made in self.own if made.recorded]
        if rest[0] == "roots":
            root = self._at("reliance.roots", rest[1], self.result.reliance.roots)
            rows = []
            for made in known:
                ends = ends_of(self.models, made)
                part = sum(1 for one in ends if one.name == root.name) / len(ends)
                if part:
                    rows.append(self.row_of(made, {"models": part}))
            means = f"models that rest on {root.name}; one with several roots counts in parts"
            return Told(means, {"models": "sum(models)"}, tuple(rows))
        rows = [
            Row(
                root.name,
                {"models": root.models},
                f"made in {' and '.join(root.countries) or 'a place not known'}",
            )
            for root in self.result.reliance.roots
        ]
        rows += [self.row_of(made, {"blank": 1}, _WORDS["blank"]) for made in self.own if not made.recorded]
        return Told(
            "concentration over the models at which lines begin: the sum of their squared shares",
            {
                "index": "squares(models)",
                "effective": "1 / squares(models)",
                "unknown": "sum(blank) / (sum(models) + sum(blank))",
            },
            tuple(rows),
        )

    def _counted(self, unit: Address) -> Told:
        """Return what is told of a hub: its models are counted in columns and not listed one by one."""
        value: Any = self.data
        for step in unit:
            value = value[keys(value).index(step)] if isinstance(value, (list, tuple)) else value[step]
        flat = value if isinstance(value, dict) else {"": value}
        rows = tuple(
            Row(f"{name or unit[-1]}", {f"c{at}": float(part)}, "counted over the columns of both files")
            for at, (name, part) in enumerate(flat.items())
            if isinstance(part, (int, float))
        )
        formulas = {
            name: f"sum(c{at})"
            for at, (name, part) in enumerate(flat.items())
            if isinstance(part, (int, float))
        }
        means = _MEANS.get(unit[1], "models of the hub") + "; models of a hub are counted and not listed"
        return Told(means, formulas, rows, "; ".join(self.result.reliance.data))

    # LAG, SCREEN, USE

    def _lag(self, rest: Address) -> Told:
        row = self._at("lag", rest[0], self.result.lag)
        if len(rest) > 1:
            rise = row.rises[keys(self._rises(rest[0])).index(rest[2])]
            formulas = {"score": f"{rise.score}"}
            if rise.on is not None:
                formulas |= {"months": _months(rise.on, rise.day), "reached": f"{rise.reached}"}
            says = f"{rise.model} stood at {rise.score:g} on {rise.day}"
            if rise.first:
                says += f"; {rise.first} had {rise.reached:g} on {rise.on}"
            return Told(f"{says}; whole months between the two days", formulas, (), row.data)
        rows = [
            Row(
                f"{rise.day} {rise.model}",
                {"leads": 1} if rise.months is None else {"months": rise.months},
                "above all that the other had"
                if rise.months is None
                else f"{rise.score:g}; {rise.first} had {rise.reached:g} on {rise.on}",
                row.data,
            )
            for rise in row.rises
        ]
        rows += [Row(name, {"undated": 1}, "no day is known", row.data) for name in row.without_day]
        formulas = {
            "median": "median(months)",
            "least": "least(months)",
            "most": "most(months)",
            "points": "count(months)",
            "leads": "sum(leads)",
            "dated": f"{row.dated}",
            "undated": "sum(undated)",
        }
        means = (
            "months behind: for each day on which the best score of the country rose, the months since the "
            "other one first had it"
        )
        return Told(means, formulas, tuple(rows), row.data)

    def _rises(self, area: str) -> list[Any]:
        return self.data["lag"][keys(self.data["lag"]).index(area)]["rises"]  # type: ignore[no-any-return]

    def _screen(self, rest: Address) -> Told:
        at = int(rest[0].strip("[]"))
        screen = self.result.screens[at]
        year = self._at_in(screen.years, self.data["screens"][at]["years"], rest[2])
        tables = dict(self.question.use)
        counted: Iterable[UseRow] = tables[screen.data] if screen.of == "use" else as_bases(self.models)
        rows = tuple(_screened(counted, self.sides, year.year))
        foreign = [_column(code) for code in year.imports]
        whole = " + ".join(f"sum({one})" for one in foreign) or "0"
        formulas = {f"imports.{code}": f"sum({_column(code)})" for code in year.imports}
        formulas |= {"home": "sum(home)", "exports": "sum(exports)"}
        if year.index is not None:
            squares = " + ".join(f"sum({one}) ** 2" for one in foreign)
            formulas["index"] = f"({squares}) / ({whole}) ** 2"
        if year.foreign_share is not None:
            formulas["foreign_share"] = f"({whole}) / ({whole} + sum(home))"
        if year.to_exports is not None:
            formulas["to_exports"] = f"({whole}) / sum(exports)"
        return Told(f"{screen.of} in {year.year}, by origin", formulas, rows, screen.data)

    def _used(self, rest: Address) -> Told:
        one = self._at("used", rest[0], self.result.used)
        tables = dict(self.question.use)
        rows = tuple(used_rows(tables[one.data], self.sides, one.year))
        formulas = {
            name: f"sum({name})"
            for name in ("whole", "on", "home", "other", "unknown", "closed_on", "open_on")
        }
        return Told(f"use in the country in {one.year}, by who made it", formulas, rows, one.data)

    def _at(self, where: str, key: str, several: Sequence[Any]) -> Any:
        data = self.data
        for step in where.split("."):
            data = data[step]
        return self._at_in(several, data, key)

    @staticmethod
    def _at_in(several: Sequence[Any], data: Any, key: str) -> Any:
        return several[keys(data).index(key)]


def unit_of(address: Address) -> Address:
    """Return the address of what is explained together: a row of a table, or both ends of an interval."""
    head = address[0]
    if head == "reach":
        return address[:1]
    if head == "reliance":
        if address[1] in {"halves", "kept", "roots", "by_downloads"}:
            return address[:3]
        return address[:2]
    if head == "lag":
        return address[:4] if len(address) > 2 and address[2] == "rises" else address[:2]
    return address[:4] if head == "screens" else address[:2]


def used_rows(rows: Iterable[UseRow], sides: Sides, year: str) -> Iterator[Row]:
    """Return the rows of a table of use in one year, by who made what is used."""
    for row in rows:
        if row.year != year or not row.used_in & sides.home:
            continue
        adds = {"whole": row.amount}
        for code in row.origin:
            side = "on" if code in sides.on else "home" if code in sides.home else "other"
            adds[side] = adds.get(side, 0.0) + row.amount / len(row.origin)
        if not row.origin:
            adds["unknown"] = row.amount
        if row.weights and "on" in adds:
            adds[f"{row.weights}_on"] = adds["on"]
        made = " and ".join(sorted(row.origin)) or "a place that is not known"
        yield Row(row.at, adds, f"{row.amount:g} made in {made}, weights {row.weights or 'not told'}", row.at)


def _screened(rows: Iterable[UseRow], sides: Sides, year: str) -> Iterator[Row]:
    for row in rows:
        abroad = not row.used_in & sides.home
        if row.year != year or not row.origin or (row.used_in - sides.home and not abroad):
            continue
        adds: dict[str, float] = {}
        for code in row.origin:
            column = "home" if code in sides.home else _column(code)
            if abroad:
                if code not in sides.home:
                    continue
                column = "exports"
            adds[column] = adds.get(column, 0.0) + row.amount / len(row.origin)
        if adds:
            made = " and ".join(sorted(row.origin))
            yield Row(row.at, adds, f"made in {made}, used in {' and '.join(sorted(row.used_in))}", row.at)


def _column(code: str) -> str:
    """Return the column of a country: a name that a formula can hold."""
    return f"from_{re.sub('[^A-Za-z0-9]', '_', code)}"


def _months(earlier: str, later: str) -> str:
    """Return the months between two days as a formula: a begun month does not count."""
    (year, month, day), (now, then, today) = (map(int, one.split("-")) for one in (earlier, later))
    return f"12 * ({now} - {year}) + {then} - {month} - {int(today < day)}"
