"""One country on another: access, reliance, stance and impact, as of a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reliant import __version__
from reliant.assessment.citing import Citations
from reliant.assessment.country.access import ASSUMED, Asking, access_table, channels, joined
from reliant.assessment.country.blocs import issuers, pair
from reliant.assessment.country.impact import exposures
from reliant.assessment.country.models import Models, from_atlas, from_rows
from reliant.assessment.country.reliance import Sides, reliance
from reliant.assessment.country.scenario import exposure, use_exposure
from reliant.assessment.country.stance import stance
from reliant.assessment.country.use import FEW, as_bases, origins, screen, use_exposures
from reliant.atlas.records.rule import FactTest
from reliant.core.country import Country, Exposure, LagRow, Origins, Reliance, Screen, the
from reliant.core.dates import PartialDate
from reliant.core.results import AtlasStamp, Tool
from reliant.core.verdict import Verdict

if TYPE_CHECKING:
    import datetime as dt

    from reliant.assessment.country.models import ImportedRow
    from reliant.assessment.country.use import UseRow
    from reliant.atlas import Atlas
    from reliant.atlas.records.provider import Provider
    from reliant.policy import RuleBook
    from reliant.policy.scenario import ScenarioFile


@dataclass(frozen=True, slots=True)
class CountryQuestion:
    """What is asked.

    Attributes:
        country: Code of a country or group, for example CN or EU.
        on: The same for the other side.
        files: Name and rows of each imported data set; the atlas alone if there are none.
        lag: Lags that were computed from dated scores.
        counted: Figures that were counted already, over a hub; the files are then not read.
        scenarios: Scenarios of rules, each asked what it would touch.
        tiles: Ask the direct ways from every country as well, for a grid of tiles.
    """

    country: str
    on: str
    as_of: dt.date
    files: tuple[tuple[str, tuple[ImportedRow, ...]], ...] = ()
    lag: tuple[LagRow, ...] = field(default=())
    tiles: bool = False
    counted: Reliance | None = None
    scenarios: tuple[ScenarioFile, ...] = ()
    known_on: dt.date | None = None
    use: tuple[tuple[str, tuple[UseRow, ...]], ...] = ()


def ask(question: CountryQuestion, atlas: Atlas, rules: RuleBook) -> Country:
    """Return the four answers.

    Raises:
        UnknownId: One side is neither a country nor a group of the atlas.
    """
    known_on, as_of = question.known_on, question.as_of
    atlas = atlas.known_on(known_on)
    ours, theirs = pair(question.country, question.on, atlas)
    home, on = ours.codes, theirs.codes
    citations = Citations()
    asking = asking_from(question.country, home, atlas)
    desk = Asking(atlas, rules, as_of, known_on)
    access = joined(row for code in asking for row in access_table(desk, code, on, citations))
    models = models_of(question, atlas)
    sides = Sides(frozenset(home), frozenset(on))
    found = question.counted or reliance(models, sides)
    codes = sorted({*home, *on, *(code for root in found.roots for code in root.countries)})
    named = the(theirs.name)
    used = tuple(
        one for name, rows in question.use for one in origins(rows, sides, data=name, until=as_of.year)
    )
    return Country(
        country=question.country.upper(),
        on=question.on.upper(),
        as_of=as_of.isoformat(),
        known_on=known_on.isoformat() if known_on else None,
        access=access,
        reliance=msgspec.structs.replace(found, remarks=(*found.remarks, *_remarks(question, found, models))),
        stance=stance(atlas, issuers(question.country, atlas), as_of, citations, known_on),
        impact=(
            *exposures(access, models, sides, named, question.counted),
            *(one for name, _ in question.use for one in _latest_use(used, name, named)),
            *_scenarios(question, atlas, rules, asking, on),
        ),
        screens=_screens(question, models, sides),
        used=used,
        sources=citations.sources,
        tool=Tool("reliant", __version__),
        atlas=AtlasStamp(atlas.version, atlas.newest_source),
        lag=question.lag,
        country_codes=home,
        on_codes=on,
        place_names={
            **{code: atlas.country_name(code) for code in codes},
            question.country.upper(): ours.name,
            question.on.upper(): theirs.name,
        },
        ends=_ends(question, atlas),
        begins=_begins(question, atlas),
        assumptions=(ASSUMED,),
        reach=dict(Counter(row.verdict for row in access)),
        reach_elsewhere=reach_elsewhere(desk, on) if question.tiles else {},
    )


def _latest_use(used: Iterable[Origins], name: str, on: str) -> tuple[Exposure, ...]:
    """Return what two rules would cover of the last year of a table of use."""
    years = [one for one in used if one.data == name and one.whole > 0]
    return use_exposures(years[-1], on) if years else ()


def _scenarios(
    question: CountryQuestion,
    atlas: Atlas,
    rules: RuleBook,
    asking: tuple[str, ...],
    on: Iterable[str],
) -> Iterator[Exposure]:
    """Return what each scenario would touch: models of the other side, and use in the tables."""
    as_of, known_on = question.as_of, question.known_on
    for one in question.scenarios:
        yield exposure(one, atlas, rules, home=asking, on=on, as_of=as_of, known_on=known_on)
        for name, rows in question.use:
            covered = use_exposure(one, rules, rows, home=asking, as_of=as_of, data=name, known_on=known_on)
            if covered is not None:
                yield covered


def _screens(question: CountryQuestion, models: Models, sides: Sides) -> tuple[Screen, ...]:
    """Return the screen over what models are built on, and over each table of use."""
    year = f"{question.as_of.year}"
    found = [screen(as_bases(models), sides, of="bases of models", data="; ".join(models.data), least=FEW)]
    for name, rows in question.use:
        found.append(screen((row for row in rows if row.year <= year), sides, of="use", data=name))
    return tuple(one for one in found if one is not None)


def reach_elsewhere(asking: Asking, on: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each country, the verdict on the direct way to each provider: for a grid of tiles.

    Only providers whose own rules go by a list of places are asked: of the others no country is told apart.
    A part of a state that is on no list is not known where its state is let in.
    """
    issuers = {
        rule.issuer
        for rule in asking.rules.rules.values()
        if rule.axis == "access" and rule.effect == "deny" and _by_place(rule.when.get("user.region"))
    }
    wanted = set(on)
    asked = [
        one
        for one in asking.atlas.providers.values()
        if one.hq_country in wanted and one.id in issuers and "direct" in channels(one)
    ]
    if not asked:
        return {}
    part_of = asking.atlas.document("groups")["part_of"]

    def verdict(one: Provider, code: str) -> Verdict:
        found = asking.axis(one, "direct", code).verdict
        if found is Verdict.BLOCKED and code in part_of and verdict(one, part_of[code]) is not found:
            return Verdict.UNKNOWN
        return found

    return {
        code: tuple(sorted(f"{one.id}:{verdict(one, code).value}" for one in asked))
        for code in asking.atlas.countries
    }


def _by_place(test: object) -> bool:
    return isinstance(test, FactTest) and (test.in_ is not None or test.not_in is not None)


def asking_from(country: str, home: tuple[str, ...], atlas: Atlas) -> tuple[str, ...]:
    """Return from where access is asked: the country itself, or each member of a bloc."""
    code = country.upper()
    return (code,) if atlas.is_country(code) else home


def models_of(question: CountryQuestion, atlas: Atlas) -> Models:
    """Return the models that are counted: of the files if there are any, else of the atlas, by the day."""
    if question.counted is not None:
        return Models({}, atlas)
    every = from_rows(question.files, atlas) if question.files else from_atlas(atlas)
    return every.until(question.as_of)


def _remarks(question: CountryQuestion, found: Reliance, models: Models) -> tuple[str, ...]:
    if question.files or question.counted:
        said = [
            "A blank base means made from scratch or not recorded; the data sets do not tell the two apart.",
            "A data set is a sample of the models there are.",
        ]
    else:
        said = [
            "A blank base is one that is not recorded; a model known to be made from scratch begins with "
            "itself.",
            "Counted over the models of the atlas, which were picked for being well known: no sample.",
        ]
    if models.faults:
        said.append(models.faults)
    said += _left_out(models)
    circles = sorted(made.name for made in models.rows.values() if models.circles(made))
    if circles:
        more = f" and {len(circles) - 3} more" if len(circles) > 3 else ""
        said.append(
            f"The recorded bases of {', '.join(circles[:3])}{more} lead back to themselves: "
            "where they begin is not known."
        )
    if found.models == 0:
        said.append("No model of the country has a date by then.")
    elif found.by_downloads is None:
        whose = "these data sets tell" if question.files or question.counted else "the atlas tells"
        said.append(f"Counted by number of models: {whose} no downloads of models of the country.")
    elif found.by_downloads.models < found.by_downloads.of:
        missing = found.by_downloads.of - found.by_downloads.models
        said.append(f"Downloads are not known of {missing} of {found.by_downloads.of} models.")
    return tuple(said)


def _left_out(models: Models) -> Iterator[str]:
    """Return how many models lack what counting needs."""
    nowhere = sum(not made.countries for made in models.rows.values())
    monthless = sum(made.half is None for made in models.rows.values())
    told = {"a country": nowhere, "a date": models.undated, "a month in their date": monthless}
    parts = [f"{count:,} without {what}" for what, count in told.items() if count]
    if parts:
        yield f"Models that are not counted: {', '.join(parts)}."


def _begins(question: CountryQuestion, atlas: Atlas) -> str | None:
    """Return the day of the oldest model of the atlas, if the question is about an earlier one."""
    if question.files or question.counted is not None:
        return None
    days = [PartialDate.parse(model.released) for model in atlas.models.values() if model.released]
    oldest = min(days, default=None)
    return str(oldest) if oldest is not None and oldest.earliest > question.as_of else None


def _ends(question: CountryQuestion, atlas: Atlas) -> str | None:
    """Return the last day the atlas knows of, if the question is about a later one."""
    newest = atlas.newest_source
    return newest if newest and question.as_of.isoformat() > newest else None
