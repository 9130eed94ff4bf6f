"""What makes a number: of an assessment, of a what-if, or of a country; `reliant explain --number`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from reliant.assessment.explain.number import Explanation
from reliant.assessment.explain.number_text import number_text
from reliant.assessment.figure_text import figure_text, names_text
from reliant.assessment.figures import written
from reliant.errors import UsageError

_NAMES = "names"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A number, and the question that it answers.

    Attributes:
        number: Its name, or `names` for all there are; None if none was given.
        of: The path of a target, or the code of a country; None if none was given.
        who: The options that say who asks, as the commands take them.
    """

    number: str | None
    of: str | None
    who: Mapping[str, Any]
    as_of: dt.date
    known_on: dt.date | None
    offline: bool
    style: str

    def of_assessment(self) -> str:
        """Return what makes a figure of a target.

        Raises:
            UsageError: No target is named, or no such figure is known.
        """
        from reliant.assessment.assess_figures import explain
        from reliant.assessment.figures import numbers
        from reliant.cli._run import look

        if self.of is None or self.number is None:
            raise UsageError(
                "a figure of what?", hint=f"Name it: reliant explain PATH --number {self.number}"
            )
        looked = look(self.of, self.who, as_of=self.as_of, known_on=self.known_on, offline=self.offline)
        result = looked.assessment()
        if self.number == _NAMES:
            every = numbers(msgspec.to_builtins(result))
            return self._names({written(address): value for address, value in every})
        return self._explained(explain(self.number, result, looked.atlas, looked.plans))

    def of_simulation(self, cuts: tuple[str, ...]) -> str:
        """Return what makes a figure of a what-if.

        Raises:
            UsageError: The target, the figure or what is cut is not named, or no such figure is known.
        """
        from reliant.assessment.explain.desk import Desk
        from reliant.assessment.simulate.figures import SimulationFigures
        from reliant.cli.simulate import Table

        scenario = self.who.get("scenario")
        if self.of is None or self.number is None or not (cuts or scenario):
            raise UsageError(
                "a figure of which what-if?",
                hint="Write: reliant explain PATH --cut provider:openai --number stop_share "
                "(`--number names` lists all).",
            )
        who = {**self.who, "scenario": None}
        table = Table.of(self.of, who, self.as_of, self.known_on, offline=self.offline)
        played = table.play(scenario, cuts)
        figures = SimulationFigures(
            played.graph,
            played.scenario,
            played.plans,
            played.setting,
            Desk.of(played.today, played.atlas, played.plans),
            played.result,
        )
        if self.number == _NAMES:
            return self._names({written(address): value for address, value in figures.addresses.items()})
        return self._explained(figures.explain(self.number))

    def of_country(self, on: str | None, files: tuple[Path, ...]) -> str:
        """Return what makes a figure of a country.

        Raises:
            UsageError: The country, the other one or the figure is not named.
        """
        from reliant.assessment.country.ask import ask
        from reliant.assessment.country.figures import CountryFigures
        from reliant.atlas import load
        from reliant.cli.country import question_of
        from reliant.policy import RuleBook

        if self.of is None or on is None or self.number is None:
            raise UsageError(
                "a figure of which country, on which?",
                hint="Write: reliant explain CN --on US --number look_through (`--number names` lists all).",
            )
        atlas = load()
        book = RuleBook.from_atlas(atlas)
        scenarios = tuple(one for one in (self.who.get("scenario"),) if one)
        question = question_of(self.of, on, self.as_of, self.known_on, files, scenarios, atlas)
        desk = CountryFigures(question, atlas, book, ask(question, atlas, book))
        if self.number == _NAMES:
            return self._names({written(address): value for address, value in desk.addresses.items()})
        return self._explained(desk.explain(self.number))

    def _names(self, every: dict[str, float]) -> str:
        if self.style == "json":
            return msgspec.json.format(msgspec.json.encode(every), indent=2).decode()
        return names_text(every)

    def _explained(self, several: tuple[Any, ...]) -> str:
        """Return explanations as text, or as JSON: one as itself, several as a list."""
        if self.style == "json":
            told = several[0] if len(several) == 1 else several
            return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
        return "\n".join(
            number_text(one) if isinstance(one, Explanation) else figure_text(one) for one in several
        )


def lists_cuts(scenario: str | None) -> bool:
    """Say whether a scenario is a file of dated cuts."""
    from reliant.assessment.simulate.scenario import is_cut_scenario

    return scenario is not None and Path(scenario).is_file() and is_cut_scenario(Path(scenario))
