"""One country on another: access, reliance, stance and impact, as of a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reliant import __version__
from reliant.assessment.citing import Citations
from reliant.assessment.country_access import access_table, channels, joined, one_row
from reliant.assessment.country_blocs import members, title
from reliant.assessment.country_impact import exposures
from reliant.assessment.country_models import Models, from_atlas, from_rows
from reliant.assessment.country_reliance import Sides, reliance
from reliant.assessment.country_scenario import exposure
from reliant.assessment.country_stance import stance
from reliant.atlas.records.rule import FactTest
from reliant.core.country import Country, LagRow, Reliance
from reliant.core.results import AtlasStamp, Tool

if TYPE_CHECKING:
    import datetime as dt

    from reliant.assessment.country_models import ImportedRow
    from reliant.atlas import Atlas
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


def ask(question: CountryQuestion, atlas: Atlas, rules: RuleBook) -> Country:
    """Return the four answers.

    Raises:
        UnknownId: One side is neither a country nor a group of the atlas.
    """
    home, on = members(question.country, atlas), members(question.on, atlas)
    citations = Citations()
    asking = _asking(question.country, home, atlas)
    access = joined(
        row
        for code in asking
        for row in access_table(atlas, rules, code, on, as_of=question.as_of, citations=citations)
    )
    models = _models(question, atlas).until(question.as_of)
    sides = Sides(frozenset(home), frozenset(on))
    found = question.counted or reliance(models, sides)
    codes = sorted({*home, *on})
    return Country(
        country=question.country.upper(),
        on=question.on.upper(),
        as_of=question.as_of.isoformat(),
        access=access,
        reliance=msgspec.structs.replace(found, remarks=(*found.remarks, *_remarks(question, found.models))),
        stance=stance(atlas, home, question.as_of, citations),
        impact=(
            *exposures(access, models, sides, title(question.on, atlas)),
            *(
                exposure(one, atlas, rules, home=asking[0], on=on, as_of=question.as_of)
                for one in question.scenarios
            ),
        ),
        sources=citations.sources,
        tool=Tool("reliant", __version__),
        atlas=AtlasStamp(atlas.version, atlas.newest_source),
        lag=question.lag,
        country_codes=home,
        on_codes=on,
        place_names={
            **{code: atlas.country_name(code) for code in codes},
            question.country.upper(): title(question.country, atlas),
            question.on.upper(): title(question.on, atlas),
        },
        ends=_ends(question, atlas),
        reach_elsewhere=reach_elsewhere(atlas, rules, on, question.as_of) if question.tiles else {},
    )


def reach_elsewhere(
    atlas: Atlas, rules: RuleBook, on: Iterable[str], as_of: dt.date
) -> dict[str, tuple[str, ...]]:
    """Return, for each country, the verdict on the direct way to each provider: for a grid of tiles.

    Only providers whose own rules go by a list of places are asked: of the others no country is told apart.
    """
    issuers = {
        rule.issuer
        for rule in rules.rules.values()
        if rule.axis == "access" and rule.effect == "deny" and _by_place(rule.when.get("user.region"))
    }
    citations = Citations()
    found: dict[str, tuple[str, ...]] = {}
    asked = [
        one
        for one in atlas.providers.values()
        if one.hq_country in set(on) and one.id in issuers and "direct" in channels(one)
    ]
    if not asked:
        return found
    for code in atlas.countries:
        rows = [one_row(one, "direct", code, as_of=as_of, rules=rules, citations=citations) for one in asked]
        found[code] = tuple(sorted(f"{row.provider}:{row.verdict}" for row in rows))
    return found


def _by_place(test: object) -> bool:
    return isinstance(test, FactTest) and (test.in_ is not None or test.not_in is not None)


def _asking(country: str, home: tuple[str, ...], atlas: Atlas) -> tuple[str, ...]:
    """Return from where access is asked: the country itself, or each member of a bloc."""
    code = country.upper()
    return (code,) if atlas.is_country(code) else home


def _models(question: CountryQuestion, atlas: Atlas) -> Models:
    if question.counted is not None:
        return Models({}, atlas)
    return from_rows(question.files, atlas) if question.files else from_atlas(atlas)


def _remarks(question: CountryQuestion, models: int) -> tuple[str, ...]:
    said = ["A blank base means made from scratch or not recorded; the data sets do not tell the two apart."]
    if question.files or question.counted:
        said.append("A data set is a sample of the models there are.")
    else:
        said.append(
            "Counted over the models of the atlas, which were picked for being well known: no sample."
        )
    if models == 0:
        said.append("No model of the country has a date by then.")
    if question.counted is None:
        said.append("Counted by number of models; downloads are in none of these data sets.")
    return tuple(said)


def _ends(question: CountryQuestion, atlas: Atlas) -> str | None:
    """Return the last day the atlas knows of, if the question is about a later one."""
    newest = atlas.newest_source
    return newest if newest and question.as_of.isoformat() > newest else None
