"""`reliant simulate`: cut names, and see what stops."""

from __future__ import annotations

import datetime as dt
import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliant.cli._options import (
    as_of_option,
    colour,
    emit,
    known_on_option,
    offline_option,
    output_option,
)
from reliant.errors import UnknownId, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.assessment.graph import Cut, Graph
    from reliant.assessment.simulate.plans import Plans
    from reliant.assessment.simulate.play import Scenario, Setting
    from reliant.atlas import Atlas
    from reliant.core.results import Assessment
    from reliant.core.simulation import Simulation


@click.command()
@click.argument("path")
@click.option(
    "--cut",
    "cuts",
    multiple=True,
    metavar="LEVEL:ID",
    help="Take this away, for example provider:openai or jurisdiction:US; also "
    "model, owner, developer, hub, licence, use. Repeatable.",
)
@click.option("--scenario", metavar="FILE", help="A scenario of dated cuts, or a scenario of rules.")
@click.option("--against", metavar="FILE|LEVEL:ID", help="Show a second scenario beside the first.")
@click.option("--on", "on", metavar="DATE", help="The day of the cuts.")
@click.option(
    "--place", help="Where you operate, an ISO 3166 code: what is closed there today is down already."
)
@as_of_option
@known_on_option
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights, days and replacements of functions; by default PATH/reliant.toml.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(("terminal", "json", "html")),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
@output_option
@offline_option
def simulate(
    path: str,
    cuts: tuple[str, ...],
    scenario: str | None,
    against: str | None,
    on: str | None,
    place: str | None,
    as_of: dt.date,
    known_on: dt.date | None,
    config: Path | None,
    style: str,
    output: Path | None,
    offline: bool,
) -> None:
    """Cut a provider, a model, a jurisdiction, and see what stops.

    PATH is what `reliant assess` takes. Nothing in it is run, and nothing is really
    cut. Open weights on own machines survive the cut of a country; hosted models do not.
    """
    from reliant import report

    if not cuts and scenario is None:
        raise UsageError("nothing is cut", hint="Name what to take away: --cut provider:openai")
    table = Table.of(path, {"place": place, "config": config}, as_of, known_on, offline=offline)
    result = table.play(scenario, cuts, on).result
    if against is None:
        emit(report.render(result, style, colour=colour()), output)
        return
    from reliant.assessment.simulate.play import compare

    other = table.play(None, (against,), on) if _is_cut(against) else table.play(against, (), on)
    emit(report.render(compare(result, other.result), style, colour=colour()), output)


@dataclass(frozen=True)
class Played:
    """One what-if with what it was played on."""

    today: Assessment
    atlas: Atlas
    plans: Plans
    graph: Graph
    scenario: Scenario
    setting: Setting
    result: Simulation


@dataclass(frozen=True)
class Table:
    """What scenarios are played on: a target as it stands on a day, and what its operator tells."""

    path: str
    who: Mapping[str, Any]
    as_of: dt.date
    known_on: dt.date | None
    offline: bool

    @classmethod
    def of(
        cls, path: str, who: Mapping[str, Any], as_of: dt.date, known_on: dt.date | None, *, offline: bool
    ) -> Table:
        """Return the table; its configuration is the one that is named, or else that of the folder."""
        from reliant.cli._run import own_config

        return cls(path, {**who, "config": who.get("config") or own_config(path)}, as_of, known_on, offline)

    @functools.cached_property
    def plans(self) -> Plans:
        """What the operator told of functions."""
        from reliant.assessment.simulate.plans import Plans, read_plans

        config = self.who["config"]
        return read_plans(config) if config else Plans()

    def assessed(self, rules: str | None = None) -> tuple[Assessment, Atlas]:
        """Return the target as it was found, or under a scenario of rules."""
        from reliant.cli._run import look

        who = {**self.who, "scenario": rules}
        looked = look(self.path, who, as_of=self.as_of, known_on=self.known_on, offline=self.offline)
        return looked.as_found(), looked.atlas

    @functools.cached_property
    def today(self) -> tuple[Assessment, Atlas]:
        """The target as it was found; what the operator tells of functions comes with the estate."""
        return self.assessed()

    def play(self, name: str | None, cuts: tuple[str, ...], on: str | None = None) -> Played:
        """Return the what-if of a scenario, of cuts, or of both."""
        _ = self.plans  # a mistake in what was told is said before anything is scanned
        today, atlas = self.today
        scenario = _scenario(name, cuts, on, atlas, self.assessed, today)
        return _play(today, scenario, self.plans, atlas)


def _is_cut(text: str) -> bool:
    return ":" in text and not Path(text).exists()


def _scenario(
    name: str | None,
    cuts: tuple[str, ...],
    on: str | None,
    atlas: Atlas,
    assessed: Callable[[str], tuple[Assessment, Atlas]],
    today: Assessment,
) -> Scenario:
    from reliant.assessment.graph import Cut
    from reliant.assessment.simulate.play import Scenario, Stage
    from reliant.assessment.simulate.scenario import is_cut_scenario, read_scenario
    from reliant.core.dates import PartialDate

    def known(cut: Cut) -> tuple[Cut, ...]:
        return _known(cut, atlas, today)

    made = tuple(one for text in cuts for one in known(Cut.parse(text)))
    try:
        day = PartialDate.parse(on).latest if on else None
    except ValueError as error:
        raise UsageError(str(error)) from error
    if name is None:
        return Scenario(" + ".join(cuts), (Stage(made, day),))
    file = Path(name)
    if file.is_file() and is_cut_scenario(file):
        told = read_scenario(file, known)
        extra = (Stage(made, day),) if made else ()
        return Scenario(told.name, (*told.stages, *extra), told.summary, told.sources)
    return _of_rules(name, made, assessed, today)


def _of_rules(
    name: str,
    made: tuple[Cut, ...],
    assessed: Callable[[str], tuple[Assessment, Atlas]],
    today: Assessment,
) -> Scenario:
    """Return the cuts that a scenario of rules makes: the uses it blocks that were not blocked before."""
    from reliant.assessment.graph import Cut
    from reliant.assessment.simulate.play import Scenario, Stage
    from reliant.core.verdict import Verdict

    if today.place is None:
        raise UsageError(
            "a scenario of rules is asked from a place", hint="Say where you operate: --place CN"
        )
    then, _ = assessed(name)
    before = {answer.use: answer.combined for answer in today.verdicts}
    closed = tuple(
        Cut("use", answer.use)
        for answer in then.verdicts
        if answer.combined is Verdict.BLOCKED and before.get(answer.use) is not Verdict.BLOCKED
    )
    return Scenario(name, (Stage((*closed, *made), None, f"rules of {name}"),))


def _known(cut: Cut, atlas: Atlas, today: Assessment) -> tuple[Cut, ...]:
    """Return the cut under the ids of the atlas; of a bloc, one for each of its members.

    Raises:
        UnknownId: Nobody is called so, here or in the atlas: such a cut would stop nothing and say nothing.
    """
    from reliant.assessment.country.blocs import members
    from reliant.assessment.graph import Cut

    match cut.level:
        case "provider" | "developer" | "hub":
            return (Cut(cut.level, atlas.provider(cut.id).id),)
        case "model":
            hit = atlas.find_model(cut.id)
            if hit.model is None:
                _among(cut.id, {use.model for use in today.uses if use.model}, set(atlas.models))
            return (Cut("model", hit.model.id if hit.model else cut.id),)
        case "jurisdiction":
            code = cut.id.upper()
            codes = (code,) if atlas.is_country(code) else members(code, atlas)
            return tuple(Cut("jurisdiction", one) for one in codes)
        case "licence":
            return (Cut("licence", _licence(cut.id, atlas)),)
        case "owner":
            try:
                record = atlas.provider(cut.id)
            except UnknownId:
                if any(map(atlas.hides_owner, atlas.providers)):
                    return (cut,)  # one that became known only after the day may be meant
                owners = {one.ultimate_parent.name for one in atlas.providers.values() if one.ultimate_parent}
                return (Cut("owner", _among(cut.id, owners)),)
            owner = record.ultimate_parent.name if record.ultimate_parent else record.id
            return (Cut("owner", owner),)
        case _:
            return (Cut(cut.level, _among(cut.id, {use.id for use in today.uses})),)


def _among(name: str, *known: set[str]) -> str:
    """Return a name as it is known, in any letter case.

    Raises:
        UnknownId: It is not known.
    """
    every = {one.casefold(): one for names in known for one in names}
    if name.casefold() in every:
        return every[name.casefold()]
    within = sorted(one for one in every if name.casefold() in one)
    near = within or difflib.get_close_matches(name.casefold(), list(every), n=3, cutoff=0.5)
    raise UnknownId(name, tuple(every[one] for one in near[:3]))


def _licence(name: str, atlas: Atlas) -> str:
    """Return a licence as the records of models write it."""
    written = {record.licence for record in atlas.models.values() if record.licence}
    wanted = name.removeprefix("LicenseRef-")
    record = atlas.licences.get(wanted)
    for form in (name, f"LicenseRef-{wanted}", record.spdx if record else None):
        if form in written:
            return str(form)
    known = (one.removeprefix("LicenseRef-") for one in written)
    raise UnknownId(name, tuple(sorted(known, key=lambda one: (wanted[:3] not in one, one))[:3]))


def _play(today: Assessment, scenario: Scenario, plans: Plans, atlas: Atlas) -> Played:
    from reliant.assessment.simulate.estate import estate_of, knows, names_of
    from reliant.assessment.simulate.play import Setting
    from reliant.assessment.simulate.play import simulate as play

    estate = estate_of(today, atlas, plans)
    cuts = [cut for stage in scenario.stages for cut in stage.cuts]
    names = {party.id: party.name for party in today.parties} | today.place_names
    names |= names_of(estate.graph, cuts, atlas) | _blocs(scenario, atlas)
    setting = Setting(
        tool=today.tool,
        atlas=today.atlas,
        target=today.target,
        as_of=dt.date.fromisoformat(today.as_of),
        place=today.place,
        already=estate.already,
        places=estate.places,
        know=knows(atlas),
        names=dict(sorted(names.items())),
        sources=today.sources,
        assumptions=estate.remarks,
    )
    result = play(estate.graph, scenario, plans, setting)
    return Played(today, atlas, plans, estate.graph, scenario, setting, result)


def _blocs(scenario: Scenario, atlas: Atlas) -> dict[str, str]:
    """Return the names of blocs that a scenario is named after; what is cut are their members."""
    from reliant.assessment.country.blocs import title

    words = [word.partition(":") for word in scenario.name.split(" + ")]
    codes = {code.upper() for level, _, code in words if level == "jurisdiction"}
    return {code: title(code, atlas) for code in codes if not atlas.is_country(code)}
