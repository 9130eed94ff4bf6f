"""What the models of a country rest on, by half-year: counts, shares, and what is blank.

The share among models with a recorded base is selected on being a derivative, so it
always stands beside the floor (the same count over all models) and the blank share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reliant.assessment.country.models import Made, Models, Origin, origins_by_name
from reliant.assessment.measures.exposure import concentration, interval
from reliant.assessment.measures.lookthrough import UNKNOWN, Lineage, shares
from reliant.core.country import Derived, Half, Kept, Reliance, Root, Weighed
from reliant.core.results import Interval


@dataclass(frozen=True, slots=True)
class Sides:
    """The two countries or groups, as codes."""

    home: frozenset[str]
    on: frozenset[str]

    def joint(self, made: Made) -> bool:
        """Say whether both made it together."""
        return bool(made.countries & self.home and made.countries & self.on)

    def own(self, made: Made) -> bool:
        """Say whether the country made it without the other."""
        return bool(made.countries & self.home) and not made.countries & self.on


RETAINED = (0.0, 0.5)
"""The rules of the share form that are shown: all passed on to the bases, and half of it."""


def reliance(models: Models, sides: Sides) -> Reliance:
    """Return the figures over all models that have a country and a date of at least a month."""
    own = [made for made in models.rows.values() if made.half and sides.own(made)]
    joint = [made for made in models.rows.values() if made.half and sides.joint(made)]
    known = [made for made in own if made.recorded]
    design = [made for made in own if made.blueprints]
    shared = sum(_touches(map(models.origin, made.blueprints), sides.on) for made in design)
    whole = len(own)
    found = _figures(models, own, joint, sides, lambda _: 1.0)
    return Reliance(
        halves=halves(models, own, joint, sides),
        face_value=found.face_value,
        look_through=found.look_through,
        root=found.root,
        home_rooted=found.home_rooted,
        unknown=found.unknown,
        kept=tuple(_kept(models, own, sides, retained) for retained in RETAINED) if own else (),
        by_downloads=_by_downloads(models, own, joint, sides),
        shared_design=interval(shared, whole - len(design), whole) if design else None,
        models=whole,
        base_known=len(known),
        data=models.data,
        by_name=dict(origins_by_name(models)),
        roots=(found_roots := _roots(models, known)),
        root_hhi=concentration([root.models for root in found_roots], whole - len(known)),
        derived=tuple(_derived(models, made, sides) for made in sorted(known, key=_latest) if made.parents),
        left_out=sum(not made.countries or made.half is None for made in models.rows.values()),
    )


class _Figures(NamedTuple):
    face_value: Interval
    look_through: Interval
    root: Interval
    home_rooted: Interval
    unknown: float


def _figures(
    models: Models, own: Sequence[Made], joint: Iterable[Made], sides: Sides, weigh: Callable[[Made], float]
) -> _Figures:
    """Return B2 to B4 with each model weighed; what is not known widens an interval."""
    whole = 0.0
    found: dict[str, float] = defaultdict(float)
    for made in own:
        weight = weigh(made)
        whole += weight
        for column in standing(models, made, sides):
            found[column] += weight
    together = sum(weigh(made) for made in joint)
    return _Figures(
        interval(together, 0, whole + together),
        interval(found["reached"], found["blank"] + found["unplaced"], whole),
        interval(found["rooted"], found["blank"] + found["maybe_rooted"], whole),
        interval(found["at_home"], found["blank"] + found["maybe_home"], whole),
        interval(found["blank"], 0, whole).low,
    )


def standing(models: Models, made: Made, sides: Sides) -> tuple[str, ...]:
    """Return what a model of the country counts as.

    `blank` if no base is recorded; else any of `reached` (an ancestor of the other country),
    `rooted` (its line begins there), `maybe_rooted` (it may), `unplaced` (it leads somewhere
    unknown, and not there), `at_home` (all its lines begin at home) and `maybe_home` (that may be).
    """
    if not made.recorded:
        return ("blank",)
    if models.circles(made):
        return ("maybe_rooted", "unplaced", "maybe_home")
    roots = models.roots(made)
    foreign = any(root.countries - sides.home for root in roots)
    unsure = any(not root.countries for root in roots)
    answers = {
        "reached": _touches(models.ancestors(made), sides.on),
        "rooted": (rooted := _touches(roots, sides.on)),
        "maybe_rooted": unsure and not rooted,
        "unplaced": _unplaced(models, made, sides),
        "at_home": not foreign and not unsure,
        "maybe_home": not foreign and unsure,
    }
    return tuple(name for name, answer in answers.items() if answer)


def _by_downloads(models: Models, own: Sequence[Made], joint: Sequence[Made], sides: Sides) -> Weighed | None:
    """Return the figures by downloads; None if no model of the country has any."""
    counted = [made for made in own if made.downloads is not None]
    if not any(made.downloads for made in counted):
        return None
    found = _figures(models, counted, joint, sides, lambda made: made.downloads or 0.0)
    return Weighed(
        models=len(counted),
        of=len(own),
        downloads=sum(made.downloads or 0.0 for made in counted),
        **found._asdict(),
    )


def _kept(models: Models, own: Sequence[Made], sides: Sides, retained: float) -> Kept:
    """Return the share form: a model keeps `retained` for its maker and passes on the rest."""
    found = dict.fromkeys(("on", "home", "both", "other", "unknown"), 0.0)
    for _, parts in held(models, own, sides, retained):
        for place, share in parts.items():
            found[place] += share / len(own)
    return Kept(retained, {place: round(share, 9) for place, share in found.items()})


def held(
    models: Models, own: Sequence[Made], sides: Sides, retained: float
) -> Iterator[tuple[Made, Mapping[str, float]]]:
    """Return for each model how much of it each side holds, under a rule of the share form."""
    lineage = _lineage(models, own, sides)
    for made in own:
        if made.recorded:
            yield made, shares(lineage, made.name, retained)
        else:
            yield made, {"home": retained, UNKNOWN: 1.0 - retained}


def _lineage(models: Models, own: Iterable[Made], sides: Sides) -> Lineage:
    """Return the models of the country and all they descend from, each at one of the sides."""
    origin: dict[str, str | None] = {}
    parents: dict[str, tuple[str, ...]] = {}
    todo = [(made.name, made) for made in own]
    while todo:
        name, made = todo.pop()
        if name in origin:
            continue
        origin[name] = _side(made.countries, sides)
        above = []
        for said in made.parents:
            row = models.row(said)
            above.append(row.name if row else said)
            if row is not None:
                todo.append((row.name, row))
            else:
                origin[said] = _side(models.origin(said).countries, sides)
        parents[name] = tuple(above)
    return Lineage(origin, parents)


def _side(countries: frozenset[str], sides: Sides) -> str | None:
    """Return the one side that made a model."""
    on, home = bool(countries & sides.on), bool(countries & sides.home)
    if on or home:
        return "both" if on and home else "on" if on else "home"
    return "other" if countries else None


def _latest(made: Made) -> tuple[str, str]:
    return str(made.day), made.name


def _roots(models: Models, known: Iterable[Made]) -> tuple[Root, ...]:
    """Return where lines begin, with how many models rest on each; more than one root shares a model."""
    weight: dict[str, float] = defaultdict(float)
    origins: dict[str, Origin] = {}
    for made in known:
        ends = ends_of(models, made)
        for root in ends:
            weight[root.name] += 1 / len(ends)
            origins[root.name] = root
    ranked = sorted(weight, key=lambda name: (-weight[name], name))
    return tuple(
        Root(name, tuple(sorted(origins[name].countries)), round(weight[name], 6), origins[name].weights)
        for name in ranked
    )


def ends_of(models: Models, made: Made) -> tuple[Origin, ...]:
    """Return where the lines of a model begin: with itself if it has no parent."""
    return models.roots(made) or (Origin(made.name, made.countries, "itself", made.weights),)


def _derived(models: Models, made: Made, sides: Sides) -> Derived:
    ends = models.roots(made)
    return Derived(
        name=made.name,
        made=str(made.day),
        parents=made.parents,
        roots=tuple(root.name for root in ends),
        root_countries=tuple(sorted({code for root in ends for code in root.countries})),
        at=made.at,
        path=path_to(models, made, sides.on),
    )


def path_to(models: Models, made: Made, wanted: frozenset[str]) -> tuple[str, ...]:
    """Return one way down to a root: to one in the wanted countries, if there is one."""
    path = [made.name]
    row: Made | None = made
    while row is not None:
        onward = [name for name in row.parents if name not in path]
        if not onward:
            break
        step = next((name for name in onward if _leads(models, name, wanted)), onward[0])
        path.append(step)
        row = models.row(step)
    return tuple(path)


def _leads(models: Models, name: str, wanted: frozenset[str]) -> bool:
    row = models.row(name)
    ends = models.roots(row) if row is not None and row.parents else (models.origin(name),)
    return _touches(ends, wanted)


def halves(models: Models, own: Iterable[Made], joint: Iterable[Made], sides: Sides) -> tuple[Half, ...]:
    """Return one row for each half-year in which the country made a model."""
    by_half: dict[str, list[Made]] = defaultdict(list)
    for made in own:
        by_half[made.half or ""].append(made)
    together: dict[str, int] = defaultdict(int)
    for made in joint:
        together[made.half or ""] += 1
    return tuple(_half(half, by_half[half], together[half], models, sides) for half in sorted(by_half))


def _half(half: str, several: list[Made], joint: int, models: Models, sides: Sides) -> Half:
    counts = {"on": 0, "home": 0, "other": 0, "unknown": 0}
    known = [made for made in several if made.recorded]
    for made in known:
        for column in columns_of(models, made, sides):
            counts[column] += 1
    return Half(
        half=half,
        models=len(several),
        base_known=len(known),
        root_on=counts["on"],
        root_home=counts["home"],
        root_other=counts["other"],
        root_unknown=counts["unknown"],
        share_of_known=counts["on"] / len(known) if known else None,
        floor=counts["on"] / len(several) if several else None,
        joint=joint,
    )


def columns_of(models: Models, made: Made, sides: Sides) -> frozenset[str]:
    """Return the columns of the half-year table that a model with a recorded base counts in."""
    if models.circles(made):
        return frozenset(("unknown",))
    roots = models.roots(made)
    places = [_column(root, sides) for root in roots] if roots else [("home",)]
    return frozenset(name for place in places for name in place)


def _column(root: Origin, sides: Sides) -> tuple[str, ...]:
    """Return the columns a root counts in: both, if both countries made it."""
    if not root.countries:
        return ("unknown",)
    found = []
    if root.countries & sides.on:
        found.append("on")
    if root.countries & sides.home:
        found.append("home")
    return tuple(found) or ("other",)


def _touches(origins: Iterable[Origin], wanted: frozenset[str]) -> bool:
    return any(origin.countries & wanted for origin in origins)


def _unplaced(models: Models, made: Made, sides: Sides) -> bool:
    """Say whether a recorded base leads somewhere unknown, and nowhere to the other country."""
    origins = models.ancestors(made)
    return any(not origin.countries for origin in origins) and not _touches(origins, sides.on)
