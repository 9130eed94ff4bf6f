"""The page of one assessment: what is relied on, whether it is reachable, what stops, why."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from reliant.core.need import Need, Supplier
from reliant.core.results import ASSESSMENT_SCHEMA, Interval
from reliant.core.use import Channel
from reliant.core.verdict import Axis, Verdict
from reliant.report._model_files import words_of
from reliant.report._registry import renders
from reliant.report._text import listed, number, percent
from reliant.report._view import View, descent_words
from reliant.report.html.bars import Bar, Piece, Row, paired_bars, stacked_bar
from reliant.report.html.descent import Relation, Tree, descent_tree
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.flow import Stop, Thread, flow
from reliant.report.html.svg import SERIES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.core.results import Assessment, Descent, Model, ModelClaim
    from reliant.core.use import Use
    from reliant.core.verdict import Gate, RuleAnswer
    from reliant.report._view import Group

_STATES = {"stops": ("s-blocked", "✕"), "unknown": ("s-unknown", "?"), "works": ("s-open", "✓")}
_DRAWN_TREES = 25
_OFTEN = 3
_THIN = 0.004
_LETTERS = 8
_NOT_KNOWN = "not known"


@renders("html", ASSESSMENT_SCHEMA)
def to_html(result: Assessment, /, *, colour: bool = False) -> str:
    """Return the assessment as one HTML file."""
    from reliant.report.html.base import page  # noqa: PLC0415  (loads the template engine)

    del colour
    view = View(result)
    rules = _rules(view)
    groups = [_group(view, group) for group in view.groups]
    common = _common(groups)
    figures = {
        "stops": stop_figure(view),
        "flow": flow_figure(view),
        "reliance": reliance_figure(view),
        "descent": descent_figure(view),
    }
    return page(
        "assessment.html.j2",
        view=view,
        result=result,
        groups=groups,
        common=common,
        letters={one.axis: one.mark for one in common},
        rules=rules,
        shown_rules={row.rule.id for row in rules},
        figures=figures,
        functions=_functions_table(view),
        points=_points_table(view),
        hhi=_hhi_table(view),
        model_files=words_of(result),
        undescended=[model for model in view.relied_on if not model.descent and not model.descent_known],
        rootless=[model for model in view.relied_on if not model.descent and model.descent_known],
        numbered=[(view.numbers[source.id], source) for source in view.sources],
        copies={source.id: view.same_text_as(source) for source in view.sources},
        generator=f"{result.tool.name} {result.tool.version}",
    )


# Verdicts


@dataclass(frozen=True)
class AxisRow:
    """One axis of a group in words, with the numbers of its sources; `full` leaves nothing out."""

    name: str
    verdict: Verdict
    words: str
    cites: tuple[int, ...]
    full: str = ""


@dataclass(frozen=True)
class GroupRow:
    """One line of the verdict table."""

    group: Group
    gates: tuple[tuple[Gate, str, tuple[int, ...]], ...]
    axes: tuple[AxisRow, ...]


@dataclass(frozen=True)
class Common:
    """What an axis says of most lines, told once below the table under a letter."""

    mark: str
    axis: AxisRow
    lines: int


def _common(rows: list[GroupRow]) -> tuple[Common, ...]:
    """Return what at least three lines share on an axis, for the axes that are told in words."""
    counts = Counter(
        axis for row in rows for axis in row.axes if axis.words and axis.name != Axis.ACCESS.value
    )
    often = sorted(
        ((axis, count) for axis, count in counts.items() if count >= _OFTEN),
        key=lambda pair: (list(Axis).index(Axis(pair[0].name)), -pair[1], pair[0].words),
    )
    return tuple(Common(chr(ord("a") + at), axis, count) for at, (axis, count) in enumerate(often[:_LETTERS]))


def _group(view: View, group: Group) -> GroupRow:
    gates = tuple(
        (gate, view.gate_words(gate), view.best(view.sources_of(gate.rule))) for gate in group.gates
    )
    return GroupRow(group, gates, tuple(_axis(view, group, axis) for axis in Axis))


def _axis(view: View, group: Group, axis: Axis) -> AxisRow:
    verdict = group.worst_on(axis)
    rules = group.deciding(axis)
    needs = group.needs(axis)
    if verdict is Verdict.UNKNOWN:
        if not needs:
            return AxisRow(axis.value, verdict, "no record says", (), "no record says")
        return AxisRow(
            axis.value, verdict, f"needs {listed(needs, at_most=1)}", (), f"needs {', '.join(needs)}"
        )
    if not rules or verdict is Verdict.OPEN:
        return AxisRow(axis.value, verdict, "", ())
    said = [f"{rule.id}{f' since {rule.since}' if rule.since else ''}" for rule in rules]
    cites = view.best(id_ for rule in rules for id_ in rule.sources)
    return AxisRow(axis.value, verdict, listed(said, at_most=2), cites, ", ".join(said))


@dataclass(frozen=True)
class RuleRow:
    """One rule that fires, or may, with what it bears on."""

    rule: RuleAnswer
    axis: Axis
    cites: tuple[int, ...]
    uses: tuple[Use, ...]

    @property
    def open_facts(self) -> tuple[str, ...]:
        """The facts that leave it open, each once."""
        return tuple(dict.fromkeys(leaf.fact for leaf in self.rule.because if leaf.truth == "unknown"))


def _rules(view: View) -> list[RuleRow]:
    """Return the rules that are decided yes or not decided; those that do not apply are left out."""
    found: dict[tuple[Axis, str], tuple[RuleAnswer, list[Use]]] = {}
    for group in view.groups:
        for answer in group.answers:
            for axis, said in answer.axes.items():
                for rule in said.rules:
                    if rule.truth != "no":
                        found.setdefault((axis, rule.id), (rule, []))[1].append(view.uses[answer.use])
    effects = ("deny", "require", "warn", "allow", "coverage")
    return sorted(
        (
            RuleRow(rule, axis, view.best(rule.sources), tuple(uses))
            for (axis, _), (rule, uses) in found.items()
        ),
        key=lambda row: (
            row.rule.truth != "yes",
            (*effects, row.rule.effect).index(row.rule.effect),
            row.rule.id,
        ),
    )


# Functions


def _functions_table(view: View) -> Table:
    from reliant.report.html.base import badge  # noqa: PLC0415

    whole = sum(item.function.weight for item in view.result.impact.functions) or 1.0
    rows, plain = [], []
    for state in _STATES:
        for item in view.by_state(state):
            why = "; ".join(view.why(id_) for id_ in item.because)
            told = (
                item.function.name,
                f"{number(item.function.weight)}, {percent(item.function.weight / whole)}",
                state,
                why,
                item.function.where,
            )
            plain.append(told)
            rows.append((told[0], told[1], badge(state), told[3], told[4]))
    return Table(
        "What happens to each function under the verdicts of the day",
        (
            Column("Function"),
            Column("Weight, share", numeric=True),
            Column("State"),
            Column("Why"),
            Column("Named in"),
        ),
        tuple(rows),
        tuple(plain),
        "functions.csv",
    )


def _weight(view: View, state: str) -> float:
    return sum(item.function.weight for item in view.by_state(state))


def _pieces(view: View, state: str) -> list[Piece]:
    """Return the pieces of the bar in one state; those too thin to be seen are one."""
    items = view.by_state(state)
    thin = _THIN * sum(item.function.weight for item in view.result.impact.functions)
    wide = [item for item in items if item.function.weight >= thin]
    pieces = [Piece(item.function.name, item.function.weight, *_STATES[state]) for item in wide]
    rest = sum(item.function.weight for item in items[len(wide) :])
    return [*pieces, Piece(f"{len(items) - len(wide)} others", rest, *_STATES[state])] if rest else pieces


def _states_table(view: View) -> Table:
    """Return the numbers of the bar; why each function is in its state is told further down."""
    return Table(
        "Functions by state",
        (Column("Function"), Column("Weight", numeric=True), Column("State")),
        tuple(
            (item.function.name, number(item.function.weight), state)
            for state in _STATES
            for item in view.by_state(state)
        ),
        file_name="states.csv",
        compact=True,
    )


def stop_figure(view: View) -> Figure | None:
    """Return the bar of all functions by state, or None if there are none."""
    pieces = [piece for state in _STATES for piece in _pieces(view, state)]
    if not pieces:
        return None
    whole = sum(piece.weight for piece in pieces)
    title = "What stops, what is not known, what works"
    return Figure.drawn(
        "stops",
        title,
        "Each piece is one function, as wide as its weight.",
        lambda size: stacked_bar(pieces, id_="stops", title=title, description=view.stop_sentence, size=size),
        table=_states_table(view),
        legend=tuple(
            (class_, f"{mark} {state} {percent(_weight(view, state) / whole)}")
            for state, (class_, mark) in _STATES.items()
        ),
    )


# Flow


def use_shares(need: Need) -> dict[str, float]:
    """Return the part of a function that each use carries: every part of an AND or OR counts the same."""
    if isinstance(need, Supplier):
        return {need.id: 1.0}
    parts = [shares for shares in map(use_shares, need.of) if shares]
    found: dict[str, float] = defaultdict(float)
    for shares in parts:
        for use_id, share in shares.items():
            found[use_id] += share / len(parts)
    return dict(found)


@dataclass(frozen=True)
class _Way:
    """Where a part of a function's weight goes."""

    function: str
    name: str
    state: str
    served: str
    owner: str
    country: str | None
    weight: float


def _ways(view: View) -> list[_Way]:
    ways = []
    for item in view.result.impact.functions:
        for use_id, share in use_shares(item.function.need).items():
            use = view.uses.get(use_id)
            level, _, named = use_id.partition(":")
            id_ = use.provider if use else named if level == "provider" else None
            served = view.name(id_, _NOT_KNOWN)
            if use and use.channel is Channel.SELF_HOSTED:
                id_ = use.developer
                served = f"Own machines, {f'weights of {view.name(id_)}' if id_ else 'developer not known'}"
            party = view.party(id_)
            owner = (party.owner or party.name) if party else _NOT_KNOWN
            ways.append(
                _Way(
                    item.function.id,
                    item.function.name,
                    item.state,
                    served,
                    owner,
                    party.country if party else None,
                    item.function.weight * share,
                )
            )
    return ways


def flow_figure(view: View) -> Figure | None:
    """Return the flow from functions to providers, owners and countries, or None if there are none."""
    ways = _ways(view)
    if not ways:
        return None
    weights: dict[str | None, float] = defaultdict(float)
    for way in ways:
        weights[way.country] += way.weight
    ranked = sorted((code for code in weights if code), key=lambda code: (-weights[code], code))
    fills: dict[str | None, str] = {code: SERIES[min(at, len(SERIES) - 1)] for at, code in enumerate(ranked)}
    fills[None] = UNKNOWN

    def stops(way: _Way) -> dict[str, Stop]:
        return {
            "Function": Stop(way.function, way.name, _STATES[way.state][0]),
            "Served by": Stop(way.served, way.served),
            "Owner": Stop(way.owner, way.owner),
            "Country": Stop(way.country or "", view.place(way.country), fills[way.country]),
        }

    title = "From functions to providers, owners and countries"
    says = (
        "A band is as thick as the weight that goes that way. "
        "Where a function has several suppliers, each counts the same."
    )

    def panel(id_: str, *heads: str, size: str) -> Markup:
        threads = [
            Thread(tuple(stops(way)[head] for head in heads), way.weight, fills[way.country]) for way in ways
        ]
        return flow(threads, heads, id_=id_, title=title, description=says, size=size)

    def draw(size: str) -> Markup:
        if size == "wide":
            return panel("flow", "Function", "Served by", "Owner", "Country", size=size)
        # A phone has room for two columns: the same flow in two steps.
        return panel("flow-1", "Function", "Served by", size=size) + panel(
            "flow-2", "Served by", "Country", size=size
        )

    rows = [
        (way.name, way.served, way.owner, view.place(way.country), number(round(way.weight, 3)))
        for way in ways
    ]
    names = ("Function", "Served by", "Owner", "Country")
    table = Table(
        title, (*map(Column, names), Column("Weight", numeric=True)), tuple(rows), file_name="flow.csv"
    )
    return Figure.drawn("flow", title, says, draw, table=table)


# Reliance


def reliance_figure(view: View) -> Figure | None:
    """Return face value beside look-through per country, or None if neither is known."""
    impact = view.result.impact
    face = {share.id: share.share for share in impact.face_value}
    deep = {share.id: share.share for share in impact.look_through}
    none = Interval(0.0, impact.unknown)
    codes = sorted(
        {*face, *deep}, key=lambda code: (-deep.get(code, none).low, -face.get(code, none).low, code)
    )
    if not codes:
        return None
    rows = tuple(
        Row(
            view.place(code),
            (
                Bar("face value", face.get(code, none), "s-face"),
                Bar("look-through", deep.get(code, none), "s-deep"),
            ),
        )
        for code in codes
    )
    followed = ", ".join(impact.followed) or "no kind of descent"
    title = "Face value beside look-through"
    says = (
        "Face value: bought from directly. Look-through: any ancestor along descent by "
        f"{followed}. Hatched: not known, so the true share lies within it."
    )
    table = Table(
        title,
        (
            Column("Country"),
            *(Column(name, numeric=True) for name in ("Face value", "Look-through", "Hidden")),
        ),
        tuple(
            (
                view.place(code),
                percent(face.get(code, none)),
                percent(deep.get(code, none)),
                percent(max(0.0, deep.get(code, none).low - face.get(code, none).low)),
            )
            for code in codes
        ),
        file_name="reliance.csv",
        compact=True,
    )
    return Figure.drawn(
        "reliance",
        title,
        says,
        lambda size: paired_bars(rows, id_="reliance", title=title, description=says, size=size),
        table=table,
        legend=(("s-face", "face value"), ("s-deep", "look-through"), (UNKNOWN, _NOT_KNOWN)),
    )


def _points_table(view: View) -> Table:
    names = {item.function.id: item.function.name for item in view.result.impact.functions}
    return Table(
        "Suppliers whose loss alone stops functions",
        (Column("Supplier"), Column("Level"), Column("Stops", numeric=True), Column("Functions")),
        tuple(
            (
                view.place(point.supplier) if point.level == "jurisdiction" else view.name(point.supplier),
                point.level,
                percent(point.stop_share),
                ", ".join(names.get(id_, id_) for id_ in point.functions),
            )
            for point in sorted(
                view.result.impact.single_points, key=lambda p: (-p.stop_share, p.level, p.supplier)
            )
        ),
        file_name="single-points.csv",
        compact=True,
    )


def _hhi_table(view: View) -> Table:
    return Table(
        "Concentration (Herfindahl-Hirschman index)",
        (
            Column("By"),
            Column("Index", numeric=True),
            Column("As many equal suppliers", numeric=True),
            Column("Share not known", numeric=True),
        ),
        tuple(
            (
                level,
                _NOT_KNOWN if one.index is None else f"{one.index:.2f}",
                _NOT_KNOWN if one.effective is None else f"{one.effective:.1f}",
                percent(one.unknown),
            )
            for level, one in view.result.impact.hhi.items()
        ),
        file_name="concentration.csv",
        compact=True,
    )


# Descent


def _relations(view: View, model: Model, seen: frozenset[str], depth: int) -> list[Relation]:
    found: list[Relation] = []
    for edge in model.descent:
        found.append(_relation(view, edge, depth))
        further = view.models.get(edge.ancestor)
        if further and further.id not in seen and depth < 4:
            found += _relations(view, further, seen | {further.id}, depth + 1)
    return found + [_claim(view, claim, depth) for claim in model.claims]


def _marks(view: View, ids: Iterable[str]) -> str:
    return " ".join(f"[{one}]" for one in view.best(ids))


def _claim(view: View, claim: ModelClaim, depth: int) -> Relation:
    """Return what is said of a model as a line of its tree; a saying is no descent."""
    against = f" against {_marks(view, claim.against)}" if claim.against else ""
    return Relation(
        words="it is said:",
        ancestor=claim.says,
        status=claim.status,
        counts=None,
        cites=_marks(view, claim.sources) + against,
        note=claim.note or "",
        depth=depth,
    )


def _relation(view: View, edge: Descent, depth: int) -> Relation:
    ancestor = view.models.get(edge.ancestor)
    return Relation(
        words=descent_words(edge),
        ancestor=(ancestor.name if ancestor else None) or edge.ancestor,
        status=edge.status,
        counts=edge.kind in view.result.impact.followed and edge.status != "denied",
        cites=_marks(view, edge.sources),
        note=edge.note or "",
        depth=depth,
    )


def model_words(view: View, model: Model) -> str:
    """Say whose model it is: developer, country, weights, licence."""
    parts = [
        view.name(model.developer, "developer not known"),
        view.place(model.country, "country not known"),
    ]
    parts.append(f"{model.weights} weights" if model.weights else "weights: not known")
    if model.licence:
        parts.append(model.licence)
    return ", ".join(parts)


def descent_figure(view: View) -> Figure | None:
    """Return the relations of every model that has any, or None."""
    models = [model for model in view.result.models if model.descent or model.claims]
    roots = [model for model in models if model.relied_on]
    if not roots:
        return None
    trees = [
        Tree(
            model.name or model.id,
            model_words(view, model),
            tuple(_relations(view, model, frozenset({model.id}), 0)),
        )
        for model in roots[:_DRAWN_TREES]
    ]
    rest = len(roots) - len(trees)
    title = "What the models descend from"
    says = (
        "Only descent by "
        f"{', '.join(view.result.impact.followed) or 'no kind'} counts in look-through figures. A shared "
        "architecture or tokenizer is a shared design, not descent."
    )
    if rest:
        says += f" {rest} more models are only in the table."
    rows = tuple(
        (
            model.name or model.id,
            descent_words(edge),
            edge.ancestor,
            edge.status,
            edge.basis,
            _marks(view, edge.sources),
        )
        for model in models
        for edge in model.descent
    ) + tuple(
        (
            model.name or model.id,
            "it is said",
            claim.says,
            claim.status,
            "declared",
            _marks(view, claim.sources)
            + (f" against {_marks(view, claim.against)}" if claim.against else ""),
        )
        for model in models
        for claim in model.claims
    )
    names = ("Model", "Relation", "Ancestor", "Status", "Basis", "Sources")
    return Figure.drawn(
        "descent",
        title,
        says,
        lambda size: descent_tree(trees, id_="descent", title=title, description=says, size=size),
        table=Table(title, tuple(map(Column, names)), rows, file_name="descent.csv"),
    )
