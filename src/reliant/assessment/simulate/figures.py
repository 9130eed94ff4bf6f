"""What every number of a what-if is made of: a formula, and the functions, uses or lines that fill it.

A share is a sum over functions, and each function's row says why it counts, where that
stands and on which sources. What is told of a number does not come from the same code
as the number: single points and pairs are found anew as minimal cut sets of each need,
and earlier steps by playing the scenario up to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.assessment.figures import Figure, Row, Told, figure, keys, numbers, resolve, written
from reliant.assessment.measures.cuts import availability, minimal_cut_sets
from reliant.assessment.measures.points import SINGLE_POINTS
from reliant.assessment.simulate.actions import TOLD
from reliant.assessment.simulate.chances import ALWAYS, considered
from reliant.assessment.simulate.play import Scenario, Setting, simulate, standing
from reliant.assessment.simulate.state import DOWN, UP

if TYPE_CHECKING:
    from reliant.assessment.explain.desk import Desk
    from reliant.assessment.figures import Address
    from reliant.assessment.graph import Chain, Graph
    from reliant.assessment.simulate.plans import Plan, Plans
    from reliant.core.need import Function
    from reliant.core.simulation import Action, FunctionRow, Simulation

_TOLD_IN = "reliant.toml"
_FIRST = 40


@dataclass(frozen=True)
class SimulationFigures:
    """The numbers of one what-if, each with its address in the JSON.

    Attributes:
        desk: Cites what the chain behind a use rests on.
    """

    graph: Graph
    scenario: Scenario
    plans: Plans
    setting: Setting
    desk: Desk
    result: Simulation

    @cached_property
    def data(self) -> Any:
        """The answer as it is in its JSON."""
        return msgspec.to_builtins(self.result)

    @cached_property
    def addresses(self) -> dict[Address, float]:
        """Every number with its address."""
        return dict(numbers(self.data))

    def explain(self, asked: str) -> tuple[Figure, ...]:
        """Return what makes a number, or a few that are asked for together.

        Raises:
            UsageError: No number is called so, or several are.
        """
        address = resolve(asked, self.addresses)
        units = dict.fromkeys(unit_of(one) for one in self.addresses if one[: len(address)] == address)
        return tuple(self.at(unit) for unit in units)

    def at(self, unit: Address) -> Figure:
        """Return what is told of the numbers at one address."""
        told = self._told(unit)
        sources = tuple(msgspec.structs.replace(text, id=id_) for text, id_ in self.desk.cited.items())
        return figure(unit, told, as_of=self.result.as_of, sources=sources, remarks=self.result.assumptions)

    def _told(self, unit: Address) -> Told:
        match unit:
            case ("target", "files" | "bytes" as what):
                return _read(f"{what} of the target that were read", getattr(self.result.target, what))
            case ("stop_share" | "unreplaced" as what,):
                return self._share(what, self.result, len(self.scenario.stages))
            case ("already",):
                return self._share("stop_share", self._up_to(0), 0, "before anything is cut")
            case ("scenario", "steps", step, what):
                at = keys(self.data["scenario"]["steps"]).index(step) + 1
                return self._share(what, self._up_to(at), at, f"after the cuts of step {at}")
            case ("functions", key, what):
                return self._of_function(self._one(self.result.functions, "functions", key), what)
            case ("loss",):
                lost = [(row, row.loss) for row in self.result.functions if row.loss is not None]
                rows = tuple(Row(row.id, {"loss": loss}, row.why, _TOLD_IN) for row, loss in lost)
                means = "what all functions with a told cost lose in the days without them"
                return Told(means, {"": "sum(loss)"}, rows)
            case ("single_points", key, "stop_share"):
                point = self._one(self.result.single_points, "single_points", key)
                means = f"share of weight of the functions that stop once {point.supplier} alone is gone"
                return self._cut(frozenset((point.supplier,)), point.level, means)
            case ("pairs", key, "stop_share"):
                pair = self._one(self.result.pairs, "pairs", key)
                means = (
                    f"share of weight of the functions that stop once {' and '.join(pair.suppliers)} are "
                    "both gone, and stay if either is there"
                )
                return self._cut(frozenset(pair.suppliers), pair.level, means)
            case ("actions", key, what):
                action = self._one(self.result.actions, "actions", key)
                return self._saved(action) if what == "saves" else self._effort(action)
            case ("expected",):
                return Told(
                    "share of weight expected to work on an ordinary day, providers failing on their own",
                    {"": "sum(works) / sum(whole)"},
                    tuple(self._ordinary({"works": {}})),
                )
            case ("importance", key, what):
                one = self._one(self.result.importance, "importance", key)
                if what == "up":
                    return _read(f"the chance that {one.provider} is there, as told", one.up, _TOLD_IN)
                return Told(
                    f"what is expected to work with {one.provider} there, less that with it gone",
                    {"": "(sum(there) - sum(gone)) / sum(whole)"},
                    tuple(self._ordinary({"there": {one.provider: 1.0}, "gone": {one.provider: 0.0}})),
                )
            case _:
                msg = f"nothing is told of {written(unit)}"
                raise LookupError(msg)

    def _one(self, several: Iterable[Any], field: str, key: str) -> Any:
        return tuple(several)[keys(self.data[field]).index(key)]

    def _up_to(self, steps: int) -> Simulation:
        """Return the what-if with the first steps of the scenario alone."""
        part = Scenario(self.scenario.name, self.scenario.in_order[:steps])
        return simulate(self.graph, part, self.plans, self.setting)

    def _share(self, what: str, played: Simulation, steps: int, when: str = "") -> Told:
        """Return the rows of L(S) or U(S) after some steps."""
        cuts = tuple(cut for stage in self.scenario.in_order[:steps] for cut in stage.cuts)
        stands = standing(self.plans, cuts, self.graph, self.setting)
        rows = []
        for row in played.functions:
            adds = {"whole": row.weight}
            other = stands.get(row.id, DOWN) if what == "unreplaced" else DOWN
            if row.stops is not False and other != UP:
                adds["stops" if row.stops and other == DOWN else "perhaps"] = row.weight
            rows.append(self._row(row, adds))
        words = {
            "stop_share": "share of weight of the functions that stop",
            "unreplaced": "share of weight of the functions that stop and have no proven replacement",
        }
        share = {"low": "sum(stops) / sum(whole)", "high": "(sum(stops) + sum(perhaps)) / sum(whole)"}
        return Told(" ".join((words[what], when)).strip(), share, tuple(rows))

    def _row(self, row: FunctionRow, adds: Mapping[str, float]) -> Row:
        """Return a function with why it counts, where the use that decides stands, and its sources."""
        use = next((one.removeprefix("use:") for one in row.path if one.startswith("use:")), None)
        if use is None:
            return Row(row.id, dict(adds), row.why)
        steps = self.desk.chain(self.graph.chain(use))
        sources = dict.fromkeys(number for step in steps for number in step.sources)
        says = f"{row.why} ({' > '.join(row.path[1:])})"
        return Row(row.id, dict(adds), says, next(iter(self.desk.places(use)), ""), tuple(sources))

    def _of_function(self, row: FunctionRow, what: str) -> Told:
        plan = self.plans.of(row.id)
        if what == "weight":
            return self._weight(row, plan)
        if what == "survive_days":
            return _survives(plan)
        if what == "recover_days":
            return _read("days until it works again, as told", row.recover_days or 0.0, _TOLD_IN)
        days = {"recover": plan.recover_days or 0.0, "survive": row.survive_days or 0.0}
        above = not row.survives_for_ever and days["recover"] > days["survive"]
        gap = "sum(recover) - sum(survive)" if above else "0"
        rows = [Row(f"{name}_days", {name: told}, at=_TOLD_IN) for name, told in days.items()]
        if what == "gap_days":
            means = "days without the function: days to recover less days to survive, never below 0"
            return Told(means, {"": gap}, tuple(rows))
        rows.append(Row("cost_per_day", {"cost": plan.cost_per_day or 0.0}, at=_TOLD_IN))
        means = "what the days without the function cost"
        return Told(means, {"": f"({gap}) * sum(cost)"}, tuple(rows))

    def _weight(self, row: FunctionRow, plan: Plan) -> Told:
        if plan.weight is not None:
            return _read("weight of the function, as the operator told it", row.weight, _TOLD_IN)
        function = next(one for one in self.graph.functions if one.id == row.id)
        rows = tuple(
            Row(use.id, {}, f"{use.role.value} {use.kind.value}", self.desk.places(use.id)[0])
            for use in self.desk.uses.values()
            if use.id in self.graph.needs[function.need]
        )
        means = "weight of the function: its call sites, as nobody told more"
        return Told(means, {"": f"{row.weight}"}, rows[:_FIRST], function.where)

    def _cut(self, gone: frozenset[str], level: str, means: str) -> Told:
        """Return the functions of which these names are a minimal cut set."""
        of = dict(SINGLE_POINTS)[level]

        def called(use: str) -> tuple[str, ...]:
            names = of(self.graph.chain(use))
            return (names,) if isinstance(names, str) else names or ()

        def looked_for(use: str) -> str | None:
            return next((name for name in called(use) if name in gone), None)

        rows = []
        for function in self.graph.functions:
            adds = {"whole": function.weight}
            if gone in minimal_cut_sets(function.need, len(gone), looked_for):
                adds["stops"] = function.weight
            rows.append(self._needed(function, adds, called, gone))
        return Told(means, {"": "sum(stops) / sum(whole)"}, tuple(rows))

    def _needed(
        self,
        function: Function,
        adds: dict[str, float],
        called: Callable[[str], tuple[str, ...]],
        gone: frozenset[str],
    ) -> Row:
        """Return a function with the uses that the names stand behind."""
        hit = [use for use in sorted(self.graph.needs[function.need]) if gone.intersection(called(use))]
        says = [f"{self.desk.label(use)} is of {', '.join(called(use))}" for use in hit]
        steps = [step for use in hit for step in self.desk.chain(self.graph.chain(use))]
        sources = tuple(dict.fromkeys(number for step in steps for number in step.sources))
        return Row(function.id, adds, "; ".join(says), function.where, sources)

    def _saved(self, action: Action) -> Told:
        rows = []
        for row in self.result.functions:
            adds = {"whole": row.weight}
            if row.id in action.ids:
                adds["saved"] = row.weight
            rows.append(self._row(row, adds))
        means = "share of weight that is unreplaced without this action and not with it"
        return Told(means, {"": "sum(saved) / sum(whole)"}, tuple(rows))

    def _effort(self, action: Action) -> Told:
        """Return the engineer-days that were told, or the places to change, each of which counts as one."""
        formula = {"": "sum(days)"}
        if action.kind == "add-fallback" and action.unit == TOLD:
            named = dict.fromkeys(_supplier(self.graph.chain(use)) for use in action.uses)
            rows = [Row(name, {"days": self.plans.effort[name]}, at=_TOLD_IN) for name in named]
        elif action.kind == "add-fallback":
            rows = [
                Row(
                    use, {"days": float(max(1, self.setting.places.get(use, 1)))}, at=self.desk.places(use)[0]
                )
                for use in action.uses
            ]
        elif action.kind == "prove" and action.unit == TOLD:
            return _read("engineer-days until it is shown, as told", action.effort, _TOLD_IN)
        elif action.kind == "prove":
            lacks = action.text.rpartition("(still to show: ")[2].rstrip(")")
            rows = [Row(one, {"days": 1.0}, "still to show") for one in lacks.split(", ")]
        else:
            rows = [Row(action.text, {"days": 1.0}, "one thing to do")]
        return Told(f"{action.unit}", formula, tuple(rows))

    def _ordinary(self, told: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
        """Return for each function what it adds to each column, under the chances of that column."""
        up = self.plans.availability
        for function, need in considered(self.graph, up):
            adds = {"whole": function.weight}
            for column, changed in told.items():
                adds[column] = function.weight * availability(need, {**up, ALWAYS: 1.0, **changed})
            yield Row(function.id, adds, at=function.where)


def _read(means: str, value: float, where: str = "") -> Told:
    return Told(means, {"": f"{value}"}, (), where)


def _survives(plan: Plan) -> Told:
    if plan.survive_days is not None:
        return _read("days that work goes on without it, as told", plan.survive_days, _TOLD_IN)
    told = {"demand": plan.demand_per_day, "stock": plan.stock, "capacity": plan.capacity_per_day}
    rows = tuple(Row(name, {name: part or 0.0}, at=_TOLD_IN) for name, part in told.items())
    means = "days that demand is met without it: the stock over what is asked for beyond the capacity"
    return Told(means, {"": "sum(stock) / (sum(demand) - sum(capacity))"}, rows)


def _supplier(chain: Chain) -> str:
    return f"provider:{chain.provider}" if chain.provider else f"use:{chain.use}"


def unit_of(address: Address) -> Address:
    """Return the address of what is explained together: both ends of an interval, else one number."""
    return address[:-1] if address[-1] in {"low", "high"} else address


def value_of(told: Figure, unit: Address, address: Address) -> float | None:
    """Return the number at an address as its explanation gives it; None if it does not."""
    name = ".".join(address[len(unit) :])
    return next((one.value for one in told.values if one.name == name), None)


__all__ = ["SimulationFigures", "unit_of", "value_of"]
