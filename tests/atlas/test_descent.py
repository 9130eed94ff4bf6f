"""Descent is asked by kind; what nobody recorded is unknown, never no."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas import Atlas
from reliant.atlas.records.common import independent
from reliant.core.truth import Truth
from support.atlas_builder import AtlasBuilder


def edge(
    ancestor: str | None, kind: str = "weights", status: str = "confirmed", **more: Any
) -> dict[str, Any]:
    said = {} if ancestor else {"ancestor_said": "not told"}
    return {"kind": kind, "status": status, "ancestor": ancestor, **said, **more}


def chain() -> AtlasBuilder:
    return (
        AtlasBuilder()
        .provider("lab")
        .provider("other")
        .provider("shop")
        .model("lab.base", weights_origin="own", released="2024-01-01")
        .model("other.tuned", weights_origin="derived", released="2024-06", descent=[edge("lab.base")])
        .model("shop.product", weights_origin="derived", released="2025", descent=[edge("other.tuned")])
        .model("shop.lookalike", weights_origin="own", descent=[edge("lab.base", "architecture")])
        .model("shop.silent", released="2025")
        .model("shop.older", released="2023-05")
        .model("shop.vague", weights_origin="derived", descent=[edge(None)])
        .model("shop.told", weights_origin="derived", descent=[edge("lab.base", status="reported")])
        .model("shop.accused", weights_origin="own", descent=[edge("lab.base", status="disputed")])
    )


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("shop.product", Truth.YES),
        ("shop.lookalike", Truth.NO),
        ("shop.silent", Truth.UNKNOWN),
        ("shop.older", Truth.NO),
        ("shop.vague", Truth.UNKNOWN),
        ("shop.told", Truth.UNKNOWN),
        ("shop.accused", Truth.UNKNOWN),
        ("lab.base", Truth.YES),
    ],
)
def test_weights_of_a_named_lab_are_followed_through_every_step(model: str, answer: Truth) -> None:
    assert chain().build().descends_from_developer(model, "lab") is answer


def test_a_reported_edge_counts_for_who_believes_reports() -> None:
    atlas = chain().build()

    assert atlas.reaches("shop.told", "lab.base", believed=("confirmed", "reported")) is Truth.YES


def test_a_lookalike_is_reached_by_architecture_alone() -> None:
    atlas = chain().build()

    assert atlas.reaches("shop.lookalike", "lab.base", ["architecture"]) is Truth.YES
    assert atlas.reaches("shop.lookalike", "lab.base") is Truth.NO


def test_yi_34b_reaches_llama_by_architecture_and_not_by_weights(atlas: Atlas) -> None:
    """EleutherAI 2024-03 against an agency text of 2024-05: the relation is the blueprint."""
    assert atlas.reaches("yi-34b", "meta.llama", ["architecture"]) is Truth.YES
    assert atlas.reaches("yi-34b", "meta.llama") is Truth.NO


def test_built_on_llama_is_disputed_and_its_four_copies_are_one_source(atlas: Atlas) -> None:
    """Business Day carries Reuters; a machine rewording, a learner edition and a summary copy it."""
    record = atlas.model("yi-34b")
    (claim,) = record.claims
    copies = {
        name: source
        for name, source in record.sources.items()
        if source.origin == "reuters-2024-05-how-reliant"
    }

    assert (claim.says, claim.status) == ("Yi-34B is built on Llama", "disputed")
    assert set(claim.sources) <= set(copies)
    assert claim.contradicted_by[0].sources == ("eleutherai", "relation")
    assert len(copies) == 4
    assert independent(copies) == 1


def test_rakuten_ai_3_descends_from_deepseek(atlas: Atlas) -> None:
    """Found from config.json on 2026-03-17, within hours of the launch."""
    assert atlas.descends_from_developer("rakuten-ai-3.0", "deepseek") is Truth.YES


def test_composer_2_descends_from_moonshot_and_not_from_deepseek_weights(atlas: Atlas) -> None:
    """The id kimi-k2p5-rl-0317-s515-fast was seen in traffic; Cursor confirmed it."""
    assert atlas.descends_from_developer("cursor-composer-2", "moonshot") is Truth.YES
    assert [found.id for found in atlas.ancestors("cursor-composer-2")] == [
        "moonshot.kimi-k2.5",
        "moonshot.kimi-k2",
    ]


def test_pangu_pro_moe_is_neither_convicted_nor_cleared(atlas: Atlas) -> None:
    """HonestAGI 2025-07-04 says 0.927; the rebuttal shows 0.91 for a pair without descent."""
    assert atlas.reaches("pangu-pro-moe", "qwen2.5-14b") is Truth.UNKNOWN


def test_ancestors_come_nearest_first_with_the_weakest_status_of_the_way() -> None:
    builder = chain().model("shop.far", descent=[edge("shop.told")])

    found = builder.build().ancestors("shop.far")

    assert [(one.id, one.steps, one.status) for one in found] == [
        ("shop.told", 1, "confirmed"),
        ("lab.base", 2, "reported"),
    ]


def test_a_circle_of_edges_ends() -> None:
    builder = (
        AtlasBuilder()
        .provider("a")
        .model("a.one", weights_origin="derived", descent=[edge("a.two")])
        .model("a.two", weights_origin="derived", descent=[edge("a.one")])
        .model("a.three")
    )
    atlas = builder.build()

    assert atlas.reaches("a.one", "a.three") is Truth.NO
    assert [found.id for found in atlas.ancestors("a.one")] == ["a.two"]


def test_a_member_of_a_family_is_the_family() -> None:
    builder = (
        AtlasBuilder()
        .provider("lab")
        .provider("shop")
        .model("lab.family", level="family")
        .model("lab.branch", level="family", part_of="lab.family")
        .model("lab.member", part_of="lab.branch", weights_origin="own")
        .model("shop.tuned", weights_origin="derived", descent=[edge("lab.member")])
    )

    assert builder.build().reaches("shop.tuned", "lab.family") is Truth.YES


@given(st.lists(st.sampled_from(["confirmed", "reported", "disputed", "denied"]), min_size=1, max_size=4))
def test_more_edges_never_turn_a_yes_into_anything_else(statuses: list[str]) -> None:
    edges = [edge("lab.base", status=status) for status in statuses]
    builder = AtlasBuilder().provider("lab").provider("shop").model("lab.base", weights_origin="own")
    few = builder.model("shop.x", weights_origin="derived", descent=edges).build()
    more = builder.model("shop.x", weights_origin="derived", descent=[*edges, edge(None)]).build()

    if few.reaches("shop.x", "lab.base") is Truth.YES:
        assert more.reaches("shop.x", "lab.base") is Truth.YES
