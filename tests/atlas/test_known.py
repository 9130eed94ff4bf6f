"""What was found out later is hidden, and what that hides is unknown, never no."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas import Atlas
from reliant.atlas.search import search
from reliant.core.truth import Truth
from reliant.errors import NotKnownYet
from support.atlas_builder import AtlasBuilder

YI = "01ai.yi-34b"


def on(atlas: Atlas, day: str) -> Atlas:
    return atlas.known_on(dt.date.fromisoformat(day))


def page(published: str | None = None, **more: Any) -> dict[str, Any]:
    dated = {"published": published} if published else {}
    return {"title": "A page", "kind": "press", **dated, **more}


def edge(ancestor: str, *sources: str, **more: Any) -> dict[str, Any]:
    return {"kind": "weights", "status": "confirmed", "ancestor": ancestor, "sources": list(sources), **more}


def found_later() -> AtlasBuilder:
    """A model of 2023 whose parent was named in 2024, and who disputes that in 2025."""
    return (
        AtlasBuilder()
        .provider("lab")
        .provider("shop", ultimate_parent={"name": "Holding", "country": "SG", "since": "2024-05-01"})
        .model("lab.base", released="2023-01-10", weights_origin="own")
        .model(
            "shop.one",
            released="2023-06-01",
            weights_origin="derived",
            licence="LicenseRef-late",
            descent=[
                edge("lab.base", "finding", contradicted_by=[{"says": "It is not.", "sources": ["denial"]}])
            ],
            claims=[{"says": "It is ours.", "status": "reported", "sources": ["copy", "wire"]}],
            sources={
                "card": page(),
                "finding": page("2024-02"),
                "denial": page("2025-01-05"),
                "wire": page("2024-08-01", origin="wire"),
                "copy": page(origin="wire"),
            },
        )
        .record("licences", "late", name="Late licence", released="2024-03-01")
    )


# On real records.


def test_on_the_day_of_its_release_nothing_of_the_dispute_over_yi_34b_was_known(atlas: Atlas) -> None:
    """Same layout seen 2023-11-04, denial 2024-01, reply by EleutherAI 2024-03, agency text 2024-05-09."""
    yi = on(atlas, "2023-11-02").models[YI]
    assert (yi.weights, yi.descent, yi.claims, yi.weights_origin) == ("open", (), (), None)
    assert set(yi.sources) == {"memory"}


@pytest.mark.parametrize(
    ("day", "carried_by", "contradicted", "claimed"),
    [
        ("2023-11-03", None, False, False),
        ("2023-11-04", ("llama-cpp",), False, False),
        ("2024-01-31", ("relation", "llama-cpp"), False, False),
        ("2024-03-31", ("eleutherai", "relation", "llama-cpp"), False, False),
        ("2024-05-08", ("eleutherai", "relation", "llama-cpp"), False, False),
        ("2024-05-09", ("eleutherai", "relation", "llama-cpp"), True, True),
        ("2025-03-21", ("leaderboard", "eleutherai", "relation", "llama-cpp"), True, True),
    ],
)
def test_each_step_of_the_dispute_is_known_from_its_own_source(
    atlas: Atlas, day: str, carried_by: tuple[str, ...] | None, contradicted: bool, claimed: bool
) -> None:
    yi = on(atlas, day).models[YI]
    by_kind = {edge.kind: edge for edge in yi.descent}
    assert (by_kind["architecture"].sources if by_kind else None) == carried_by
    assert any(edge.contradicted_by for edge in yi.descent) is contradicted
    assert bool(yi.claims) is claimed


def test_whether_yi_34b_carries_weights_of_llama_2_was_unknown_before_its_makers_spoke_of_it(
    atlas: Atlas,
) -> None:
    """01.AI denied it in January 2024; EleutherAI, which compared the two, agreed in March."""
    answers = [
        on(atlas, day).reaches(YI, "meta.llama-2") for day in ("2023-11-02", "2024-01-30", "2024-01-31")
    ]
    assert answers == [Truth.UNKNOWN, Truth.UNKNOWN, Truth.NO]


def test_before_its_release_a_model_has_no_record_and_its_name_still_tells_its_maker(atlas: Atlas) -> None:
    hit = on(atlas, "2023-11-01").find_model("01-ai/Yi-34B")
    assert (hit.model, hit.developer, hit.how) == (None, "01ai", "hub-organisation")
    with pytest.raises(NotKnownYet, match=r"nothing was known of '01ai.yi-34b' on 2023-11-01"):
        on(atlas, "2023-11-01").find(YI)


def test_xai_belongs_to_spacex_from_2026_02_02_only(atlas: Atlas) -> None:
    owners = [on(atlas, day).provider("xai").ultimate_parent for day in ("2026-02-01", "2026-02-02")]
    assert [owner and owner.country for owner in owners] == [None, "US"]


def test_a_search_as_known_on_a_day_finds_no_words_of_later_sources(atlas: Atlas) -> None:
    days = ("2024-05-08", "2024-05-09")
    found = [{hit.id for hit in search(on(atlas, day), ["Josh", "Yeh"], "model")} for day in days]
    assert (YI in found[0], YI in found[1]) == (False, True)


def test_without_a_day_nothing_is_hidden_and_nothing_is_copied(atlas: Atlas) -> None:
    assert atlas.known_on(None) is atlas
    view = on(atlas, "2024-01-01")
    assert view.known_on(dt.date(2024, 1, 1)) is view
    assert view.known_on(dt.date(2025, 1, 1)).day == dt.date(2025, 1, 1)


@pytest.mark.parametrize("day", ["2023-12-01", "2024-07-01", "2026-01-15"])
def test_of_every_real_model_a_view_says_the_same_or_unknown(atlas: Atlas, day: str) -> None:
    view = on(atlas, day)
    assert 0 < len(view.models) < len(atlas.models)
    for key in view.models:
        for maker in ("meta", "alibaba", "deepseek"):
            now, then = (one.descends_from_developer(key, maker) for one in (atlas, view))
            assert then in (now, Truth.UNKNOWN), (key, maker)


# By rule.


def test_an_edge_a_claim_and_a_contradiction_are_known_from_their_first_dated_source() -> None:
    atlas = found_later().build()
    seen = {}
    for day in ("2023-06-01", "2024-02-28", "2024-02-29", "2024-08-01", "2025-01-05"):
        one = on(atlas, day).models["shop.one"]
        against = sum(len(edge.contradicted_by) for edge in one.descent)
        seen[day] = (len(one.descent), against, len(one.claims))
    assert seen == {
        "2023-06-01": (0, 0, 0),
        "2024-02-28": (0, 0, 0),
        "2024-02-29": (1, 0, 0),
        "2024-08-01": (1, 0, 1),
        "2025-01-05": (1, 1, 1),
    }


def test_hidden_descent_is_unknown_also_for_who_asks_with_a_recorded_origin() -> None:
    atlas = found_later().build()
    then = on(atlas, "2024-01-01")
    assert atlas.descends_from_developer("shop.one", "lab") is Truth.YES
    assert then.descends_from_developer("shop.one", "lab") is Truth.UNKNOWN
    assert then.models["shop.one"].weights_origin is None
    assert then.hides_descent("shop.one")
    assert not atlas.hides_descent("shop.one")


def test_an_undated_copy_is_no_older_than_the_text_it_copies() -> None:
    atlas = found_later().build()
    sources = [set(on(atlas, day).models["shop.one"].sources) for day in ("2024-07-31", "2024-08-01")]
    assert sources[1] - sources[0] == {"wire", "copy"}


def test_a_licence_is_known_from_its_publication_and_an_owner_from_the_day_it_became_one() -> None:
    atlas = found_later().build()
    licences = [on(atlas, day).models["shop.one"].licence for day in ("2024-02-29", "2024-03-01")]
    owners = [on(atlas, day).provider("shop").ultimate_parent for day in ("2024-04-30", "2024-05-01")]
    assert licences == [None, "LicenseRef-late"]
    assert [on(atlas, day).hides_owner("shop") for day in ("2024-04-30", "2024-05-01")] == [True, False]
    assert [owner and owner.name for owner in owners] == [None, "Holding"]


def test_without_a_release_an_undated_source_counts_from_the_day_it_was_read() -> None:
    builder = AtlasBuilder().provider("lab")
    atlas = builder.model("lab.quiet", sources={"page": page(retrieved="2025-03-01")}).build()
    assert [("lab.quiet" in on(atlas, day).models) for day in ("2025-02-28", "2025-03-01")] == [False, True]


# The law.

_LABS = ("a", "b", "c")
_DAYS = ("2023-01-01", "2024-01-01", "2025-01-01", None)


@st.composite
def worlds(draw: st.DrawFn) -> Atlas:
    """A handful of models of three labs, with edges of all kinds of standing, dated at random."""
    builder = AtlasBuilder()
    for lab in _LABS:
        builder.provider(lab)
    size = draw(st.integers(2, 6))
    keys = [f"{draw(st.sampled_from(_LABS))}.m{number}" for number in range(size)]
    for number, key in enumerate(keys):
        dates = {f"s{one}": draw(st.sampled_from(_DAYS)) for one in range(3)}
        others = [one for one in keys if one != key]
        edges = [
            edge(
                draw(st.sampled_from(others)),
                *draw(st.lists(st.sampled_from(sorted(dates)), unique=True, max_size=2)),
                status=draw(st.sampled_from(("confirmed", "reported", "disputed", "denied"))),
                kind=draw(st.sampled_from(("weights", "merge", "architecture"))),
            )
            for _ in range(draw(st.integers(0, 3)))
        ]
        family = draw(st.sampled_from((None, *keys[:number])))
        released = draw(st.sampled_from((None, "2022-05-01", "2023-05-01", "2024-05-01")))
        origin = draw(st.sampled_from((None, "own", "derived")))
        builder.model(
            key,
            descent=edges,
            sources={name: page(day, retrieved="2025-06-01") for name, day in dates.items()},
            **({"part_of": family} if family else {}),
            **({"released": released} if released else {}),
            **({"weights_origin": origin} if origin else {}),
        )
    return builder.build()


@given(world=worlds(), day=st.dates(dt.date(2022, 1, 1), dt.date(2025, 12, 31)), trusting=st.booleans())
def test_hiding_sources_never_decides_a_question_of_descent(
    world: Atlas, day: dt.date, trusting: bool
) -> None:
    """So it never turns UNKNOWN into NO, nor YES into NO."""
    believed = ("confirmed", "reported") if trusting else ("confirmed",)
    then = world.known_on(day)
    for key in then.models:
        for lab in _LABS:
            full = world.descends_from_developer(key, lab, believed=believed)
            assert then.descends_from_developer(key, lab, believed=believed) in (full, Truth.UNKNOWN)
        for other in then.models:
            full = world.reaches(key, other, believed=believed)
            assert then.reaches(key, other, believed=believed) in (full, Truth.UNKNOWN)
