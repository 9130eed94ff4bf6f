"""The page of a trace: per reference the four levels, the layer map, and what was read to make it.

Registered by its schema word alone: what makes a trace needs numpy, and what shows one does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from reliant.report._registry import renders
from reliant.report._text import clean, listed, number, plural, size
from reliant.report.html.figures import Column, Figure, Table
from reliant.report.html.svg import UNKNOWN, drawing, element, label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.lineage.results import Trace, TraceResult
    from reliant.lineage.weights import LayerMatch, Weights

TRACE = "reliant.trace/1"
_SHARES = ("exact", "near_copy", "derived", "partial", "same_space")
_PATHS = {
    "I": "I: coordinates as they are",
    "E": "E: turned by common tokens",
    "P": "P: turned by recognised neurons",
    "A": "A: attention heads",
    "T": "T: matrices of one shape",
    "S0": "S0: embeddings at equal coordinates",
    "bytes": "equal values",
}
_WIDTHS = {"wide": 1080.0, "narrow": 360.0}
_LARGEST = 22.0


@dataclass(frozen=True)
class Section:
    """One reference: its sentence, its levels, its figure and its measures.

    Attributes:
        name: What it is called on the page; `reference` is where it lies.
    """

    id: str
    name: str
    reference: str
    statement: str
    badge: Markup
    levels: Table
    measures: Table
    layers: Figure | None
    hints: tuple[str, ...]
    shares: tuple[tuple[str, float], ...]


@renders("html", TRACE)
def to_html(result: Trace, /, *, colour: bool = False) -> str:
    """Return the trace as one HTML file."""
    from reliant import __version__  # noqa: PLC0415  (the package's own number, and nothing else of it)
    from reliant.report.html.base import page  # noqa: PLC0415  (loads the template engine)

    del colour
    names = short_names([result.suspect, *(one.reference for one in result.results)])
    sections = [_section(one, at, names) for at, one in enumerate(result.results, 1)]
    found = [one for one in result.results if one.levels.weights.verdict in _SHARES]
    return page(
        "trace.html.j2",
        result=result,
        sections=sections,
        name=names[result.suspect],
        headline=_headline(result, found, names),
        facts=_facts(result),
        summary=_summary(result, sections) if len(sections) > 1 else None,
        counts=_counts(result, found),
        generator=f"reliant {__version__}",
    )


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Return what each model is called on the page: of a path on disk, two parts or as many as tell it apart.

    Examples:
        >>> short_names(["/home/me/lab/model", "org/name"])
        {'/home/me/lab/model': 'lab/model', 'org/name': 'org/name'}
        >>> short_names(["/one/lab/model", "/two/lab/model"])
        {'/one/lab/model': 'one/lab/model', '/two/lab/model': 'two/lab/model'}
    """
    names = {}
    for model in models:
        # A hub id has one slash; what has more, and is no address, is a path.
        is_path = model.startswith(("/", "./", "../", "~")) or ("://" not in model and model.count("/") > 1)
        parts = [part for part in model.split("/") if part] if is_path else []
        tails = ("/".join(parts[-kept:]) for kept in range(max(1, min(2, len(parts))), len(parts) + 1))
        names[model] = next(
            (
                tail
                for tail in tails
                if not any(f"/{other}".endswith(f"/{tail}") for other in models if other != model)
            ),
            model,
        )
    return names


def _headline(result: Trace, found: Sequence[TraceResult], names: dict[str, str]) -> str:
    name = clean(names[result.suspect])
    if found:
        return (
            f"{name} shares weights with {listed((clean(names[one.reference]) for one in found), at_most=3)}."
        )
    limits = [
        one.levels.weights.detection_limit
        for one in result.results
        if one.levels.weights.detection_limit is not None
    ]
    open_ = [one for one in result.results if one.levels.weights.verdict == "not_testable"]
    if open_ and len(open_) == len(result.results):
        return f"The weights of {name} could not be tested."
    limit = f" at detection limit c ≥ {max(limits):g}" if limits else ""
    return f"No shared weights of {name} detected{limit}."


def _counts(result: Trace, found: Sequence[TraceResult]) -> list[tuple[str, str]]:
    read = max((one.levels.weights.bytes_read for one in result.results), default=0)
    rows = max((one.levels.weights.rows_read for one in result.results), default=0)
    return [
        (
            str(len(result.results)),
            "reference compared" if len(result.results) == 1 else "references compared",
        ),
        (str(len(found)), "with shared weights"),
        (size(read), "read of the suspect"),
        *[(f"{rows:,}", "rows of neurons and tokens")] * bool(rows),
    ]


def _facts(result: Trace) -> str:
    facts = result.facts
    parts = [facts.format or "no weight file"]
    if facts.parameters:
        parts.append(f"{facts.parameters / 1e6:,.1f} M parameters")
    if facts.layers:
        parts.append(f"{facts.layers} layers, width {facts.width:,}, {facts.inner_width:,} neurons a layer")
    if facts.architecture:
        parts.append(facts.architecture)
    return clean(", ".join(parts))


def _badge(found: Weights) -> Markup:
    kind = "shares" if found.verdict in _SHARES else "unknown" if found.verdict == "not_testable" else "none"
    return Markup('<span class="v v-{}">{}</span>').format(kind, found.verdict.replace("_", " "))


def _summary(result: Trace, sections: Sequence[Section]) -> Table:
    rows = tuple(
        (
            Markup('<a href="#{}">{}</a>').format(section.id, clean(section.name)),
            section.badge,
            f"{one.levels.weights.agreement:.1%}",
            _power(one.levels.weights.log10_p),
            one.levels.weights.path or "none",
            size(one.levels.weights.reference_bytes_read)
            if one.levels.weights.reference_bytes_read
            else "index",
        )
        for one, section in zip(result.results, sections, strict=True)
    )
    return Table(
        "All references, in the order they were named or ranked",
        (
            Column("Reference"),
            Column("Weights"),
            Column("Best layer", numeric=True),
            Column("p", numeric=True),
            Column("Path"),
            Column("Read of it", numeric=True),
        ),
        rows,
        file_name="references.csv",
    )


def _power(log10_p: float) -> str:
    return f"{10**log10_p:.2g}" if log10_p > -2 else f"1e{log10_p:.0f}"


def _section(one: TraceResult, at: int, names: dict[str, str]) -> Section:
    found = one.levels.weights
    statement = one.statement
    for model, name in names.items():
        if name != model:
            statement = statement.replace(model, name)
    return Section(
        id=f"reference-{at}",
        name=names[one.reference],
        reference=one.reference,
        statement=statement,
        badge=_badge(found),
        levels=_levels(one, statement),
        measures=_measures(found),
        layers=_layers(found, at),
        hints=found.hints,
        shares=tuple(found.shares.items()),
    )


def _levels(one: TraceResult, statement: str) -> Table:
    levels = one.levels
    claims = "; ".join(f"{claim.kind}: {claim.value} ({claim.place})" for claim in levels.declared.claims)
    named = "names this reference" if levels.declared.names_reference else "does not name this reference"
    if levels.declared.says_from_scratch:
        named += "; says it was trained from scratch"
    different = ", ".join(
        f"{name.replace('_', ' ')} {number(ours)} and {number(theirs)}"
        for name, (ours, theirs) in levels.config.different.items()
    )
    shared = levels.tokenizer.shared
    common = f" {shared:,} tokens in common." if shared else ""
    jaccard = "" if levels.tokenizer.jaccard is None else f" Jaccard {levels.tokenizer.jaccard:.3f}."
    return Table(
        "Four kinds of evidence, side by side and never blended. Only the last decides.",
        (Column("Level"), Column("Verdict"), Column("What it says")),
        (
            ("Declared", named, claims or "It says nothing of its origin."),
            ("Config", levels.config.verdict, f"{levels.config.text} {different}".strip() or "Not compared."),
            (
                "Tokenizer",
                levels.tokenizer.verdict,
                f"{levels.tokenizer.text}{common}{jaccard}".strip() or "Not compared.",
            ),
            ("Weights", _badge(levels.weights), statement),
        ),
        file_name="levels.csv",
    )


def _best(found: Weights) -> list[tuple[str, str, str]]:
    """Return what was best, in the words of its path."""
    if found.path == "bytes":
        return [("Equal", f"{found.agreement:.1%} of values", "in tensors that the reference has too")]
    tested = f"p {_power(found.log10_p)} after {plural(found.tests, 'test')}, mean cosine {found.cosine:.3f}"
    if "T" in found.paths_tried:
        return [("Best matrix", f"{found.agreement:.1%} of rows agree twice", tested)] * bool(found.tests)
    runner_up = plural(max((match.runner_up for match in found.layers), default=0), "hit")
    return [
        ("Best layer", f"{found.agreement:.1%} of neurons agree twice", tested),
        ("Nearest runner-up", runner_up, "in another layer of the reference"),
    ]


def _measures(found: Weights) -> Table:
    limit = "not measured" if found.detection_limit is None else f"cosine {found.detection_limit:g}"
    tried = ", ".join(found.paths_tried) or "none"
    rows = [
        ("Path", _PATHS.get(found.path or "", "none found a relation"), f"tried: {tried}"),
        *_best(found),
        ("Detection limit", limit, "the least likeness of neurons that these rows would have shown"),
        (
            "Read of the suspect",
            size(found.bytes_read),
            f"{found.rows_read:,} rows in {plural(found.ranges, 'range')}"
            if found.rows_read
            else plural(found.ranges, "range"),
        ),
        ("Read of the reference", size(found.reference_bytes_read), ""),
    ]
    if found.second_opinion is not None:
        rows.append(
            (
                "Exact permutation test",
                f"p {found.second_opinion:.3f}",
                "a second opinion; 0.001 is its least",
            )
        )
    if found.embedding_cosine is not None:
        rows.append(
            ("Embeddings", f"cosine {found.embedding_cosine:.3f}", "at equal coordinates, mean of tokens")
        )
    if found.why:
        rows.append(("Why not", found.why, ""))
    return Table(
        "How it was measured",
        (Column("What"), Column("Figure"), Column("Note")),
        tuple(rows),
        file_name="measures.csv",
        compact=True,
    )


def _layers(found: Weights, at: int) -> Figure | None:
    """Return the layer map, or None if no layer was looked at."""
    best = best_by_layer(found)
    if not best:
        return None
    matched = sum(target is not None for target in found.layer_map)
    says = (
        f"Across: the {plural(len(found.layer_map), 'layer')} of the suspect. Down: those of the reference. "
        f"{matched} found; the fuller a cell, the more neurons agree."
    )
    rows = tuple(
        (
            str(layer),
            "not found" if match.reference is None else str(match.reference),
            str(match.hits),
            f"{match.chance:g}",
            f"{match.share:.1%}",
            _power(match.log10_p),
            f"{match.cosine:.3f}",
            str(match.runner_up),
        )
        for layer, match in sorted(best.items())
    )
    names = ("Layer", "Found in", "Hits", "By chance", "Share", "p", "Cosine", "Runner-up")
    return Figure.drawn(
        f"layers-{at}",
        "Layer map",
        says,
        lambda width: _map(found, best, f"layers-{at}", says, width),
        table=Table(
            "Layers looked at: the best match of each, and the hits of the next best",
            tuple(Column(name, numeric=place > 1) for place, name in enumerate(names)),
            rows,
            file_name="layers.csv",
        ),
        legend=(
            ("s1", "found, by its share of neurons"),
            (UNKNOWN, "looked at, not found"),
            ("track", "not looked at"),
        ),
    )


def best_by_layer(found: Weights) -> dict[int, LayerMatch]:
    """Return the best match of each layer looked at, over its experts."""
    best: dict[int, LayerMatch] = {}
    for match in found.layers:
        if match.layer not in best or match.share > best[match.layer].share:
            best[match.layer] = match
    return best


def _map(found: Weights, best: dict[int, LayerMatch], id_: str, says: str, width: str) -> Markup:
    across = len(found.layer_map)
    down = max((one for one in found.layer_map if one is not None), default=-1) + 1
    left, top, font = 34.0, 20.0, 11.0
    cell = min(_LARGEST, (_WIDTHS[width] - left) / max(across, 1))
    gap = min(2.0, cell / 6)
    every = max(1, round(26 / cell))
    shapes: list[str] = []
    for row in range(down):
        y = top + row * cell
        shapes.append(
            element("line", x1=left, x2=left + across * cell, y1=y + cell / 2, y2=y + cell / 2, class_="grid")
        )
        if row % every == 0:
            shapes.append(
                element(
                    "text",
                    str(row),
                    x=left - 8,
                    y=y + cell / 2 + 4,
                    font_size=font,
                    text_anchor="end",
                    class_="soft",
                )
            )
    below = top + down * cell + (6 if down else 0)
    for layer, target in enumerate(found.layer_map):
        x = left + layer * cell
        if layer % every == 0:
            shapes.append(
                element(
                    "text",
                    str(layer),
                    x=x + cell / 2,
                    y=top - 7,
                    font_size=font,
                    text_anchor="middle",
                    class_="soft",
                )
            )
        if target is None:
            word = "not found" if layer in best else "not looked at"
            shapes.append(
                element(
                    "rect",
                    element("title", f"layer {layer}: {word}"),
                    x=x,
                    y=below,
                    width=cell - gap,
                    height=min(cell, 10.0),
                    class_=UNKNOWN if layer in best else "track",
                )
            )
            continue
        share = best[layer].share if layer in best else 0.0
        tall = max(2.0, (cell - gap) * share)
        y = top + target * cell
        shapes.append(element("rect", x=x, y=y, width=cell - gap, height=cell - gap, class_="track"))
        shapes.append(
            element(
                "rect",
                element("title", f"layer {layer} is layer {target}: {share:.0%} agree"),
                x=x,
                y=y + cell - gap - tall,
                width=cell - gap,
                height=tall,
                class_="s1",
            )
        )
    height = below + (16 if None in found.layer_map else 4)
    shapes.append(label(0, 11, "ref.", room=left, size=font, class_="soft"))
    return drawing(
        *shapes,
        width=max(left + across * cell, 120.0),
        height=height,
        id_=id_,
        title="Layer map",
        description=says,
        size=width,
    )
