"""Hypothesis strategies and small estates for impact tests."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from reliant.assessment.graph import Chain, Graph
from reliant.assessment.simulate.play import Setting
from reliant.core.need import AllOf, AnyOf, Function, Need, OneOf, Supplier
from reliant.core.results import AtlasStamp, TargetStamp, Tool

USES = tuple("abcdef")
PROVIDERS = ("openai", "azure-openai", "zhipu", "mistral")
COUNTRIES = ("US", "CN", "FR")


def setting(**more: object) -> Setting:
    """Return what a simulation is stamped with."""
    return Setting(
        tool=Tool("reliant", "0"),
        atlas=AtlasStamp("test", "2026-11"),
        target=TargetStamp("estate", "directory"),
        as_of=dt.date(2024, 7, 10),
        **more,  # type: ignore[arg-type]
    )


def _with_default(of: tuple[Need, ...]) -> OneOf:
    """A choice whose first part is the one that is set."""
    return OneOf(of, default=True)


def needs(uses: tuple[str, ...] = USES, *, known: bool = False) -> st.SearchStrategy[Need]:
    """Trees of AND, OR and choices without empty nodes; with `known`, each choice has a default."""
    kinds = (AllOf, AnyOf, _with_default) if known else (AllOf, AnyOf, _with_default, OneOf)
    return st.recursive(
        st.sampled_from(uses).map(Supplier),
        lambda below: st.builds(
            lambda kind, parts: kind(tuple(parts)),
            st.sampled_from(kinds),
            st.lists(below, min_size=1, max_size=3),
        ),
        max_leaves=6,
    )


@st.composite
def graphs(draw: st.DrawFn, *, known: bool = False) -> Graph:
    """Graphs of a few functions; with `known`, no link of a chain and no default is missing."""
    chains = {}
    for use in USES:
        gap = st.none() if not known else st.nothing()
        chains[use] = Chain(
            use,
            provider=draw(st.sampled_from(PROVIDERS) | gap),
            jurisdiction=draw(st.sampled_from(COUNTRIES) | gap),
            owner_jurisdiction=draw(st.sampled_from(COUNTRIES) | st.none()),
            weights=draw(st.sampled_from(("open", "closed"))),
            developer="someone",
            developer_jurisdiction=draw(st.sampled_from(COUNTRIES) | gap),
            self_hosted=draw(st.booleans()),
            descent_known=known or draw(st.booleans()),
        )
    several = draw(st.lists(st.tuples(st.integers(1, 9), needs(known=known)), min_size=1, max_size=5))
    functions = tuple(Function(f"f{at}", f"f{at}", weight, need) for at, (weight, need) in enumerate(several))
    return Graph(functions, chains)


@st.composite
def hosted_graphs(draw: st.DrawFn) -> Graph:
    """Graphs in which everything is served by somebody known and needs have parts: pairs are common."""
    chains = {
        use: Chain(
            use, provider=draw(st.sampled_from(PROVIDERS)), jurisdiction=draw(st.sampled_from(COUNTRIES))
        )
        for use in USES
    }
    leaf = st.sampled_from(USES).map(Supplier)

    def made(below: st.SearchStrategy[Need]) -> st.SearchStrategy[Need]:
        parts = st.lists(below, min_size=2, max_size=3).map(tuple)
        return st.builds(lambda kind, of: kind(of), st.sampled_from((AnyOf, AnyOf, AllOf)), parts)

    several = draw(st.lists(made(leaf | made(leaf)), min_size=2, max_size=6))
    return Graph(
        tuple(Function(f"f{at}", f"f{at}", at % 3 + 1, need) for at, need in enumerate(several)), chains
    )
