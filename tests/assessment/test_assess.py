"""The pipeline on tiny atlases and hand-made inventories: what is found joins what is known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from reliant.assessment.assess import Question, assess
from reliant.core.need import AllOf, AnyOf, Function, Supplier
from reliant.core.results import Assessment, TargetStamp
from reliant.core.use import Channel, Evidence, Kind, NotLookedAt, Role, Scope, Use
from reliant.core.verdict import Axis, Verdict
from reliant.inventory import Inventory
from reliant.policy import RuleBook
from support.atlas_builder import AtlasBuilder


def use(key: str, provider: str | None, model: str | None = None, **other: Any) -> Use:
    fields: dict[str, Any] = {
        "sdk": None,
        "developer": None,
        "kind": Kind.HOSTED_API,
        "channel": Channel.DIRECT,
        "role": Role.DEFAULT,
        "scope": Scope.CODE,
        "confidence": 0.9,
        "functions": ("chat",),
        "evidence": (Evidence(f"src/{key}.py", 3, 1, f"call {key}", "test"),),
        **other,
    }
    return Use(id=key, provider=provider, model=model, **fields)


def rule(atlas: AtlasBuilder, key: str, effect: str, since: str | None, **fields: Any) -> AtlasBuilder:
    filled = {
        "axis": "access",
        "issuer": key.partition(".")[0],
        "kind": "terms",
        "title": key,
        "summary": f"{key} says so.",
        "effect": effect,
        "by": "provider",
        **({"force": {"from": since}} if since else {}),
        **fields,
    }
    return atlas.record("rules", key, **filled)


@pytest.fixture
def small() -> AtlasBuilder:
    """Acme (US) blocks CN from a day on and is offered before; Local (CN) is offered in CN."""
    atlas = AtlasBuilder().provider("acme").provider("local", hq_country="CN")
    atlas.document("vocabulary", {"facts": {}})
    offered = {"provider": "acme", "user.region": "CN"}
    rule(atlas, "acme.offer", "allow", "2020-01-01", kind="offer", when=offered)
    rule(atlas, "acme.block", "deny", "2024-07-09", kind="block", enforcement="enforced", when=offered)
    rule(
        atlas,
        "local.offer",
        "allow",
        "2020-01-01",
        kind="offer",
        when={"provider": "local", "user.region": "CN"},
    )
    return atlas


def judge(builder: AtlasBuilder, found: Inventory, day: str, place: str | None = "CN") -> Assessment:
    atlas = builder.build()
    question = Question(dt.date.fromisoformat(day), place)
    stamp = TargetStamp("here", "directory")
    return assess(found, stamp, question, atlas=atlas, rules=RuleBook.from_atlas(atlas))


def inventory(*uses: Use, functions: tuple[Function, ...] = ()) -> Inventory:
    return Inventory(uses, functions, (NotLookedAt(".git", "version history"),))


def test_a_function_stops_on_the_day_its_only_provider_blocks_the_place(small: AtlasBuilder) -> None:
    found = inventory(use("a", "acme"), functions=(Function("chat", "chat", 1.0, Supplier("a")),))

    before, after = judge(small, found, "2024-07-08"), judge(small, found, "2024-07-09")

    assert [before.impact.functions[0].state, after.impact.functions[0].state] == ["works", "stops"]
    assert after.impact.stop_share.low == 1.0
    assert after.verdicts[0].axes[Axis.ACCESS].verdict is Verdict.BLOCKED


def test_an_alternative_that_stays_open_keeps_the_function_running(small: AtlasBuilder) -> None:
    either = Function("chat", "chat", 1.0, AnyOf((Supplier("a"), Supplier("b"))))
    both = Function("search", "search", 3.0, AllOf((Supplier("a"), Supplier("b"))))
    found = inventory(use("a", "acme"), use("b", "local"), functions=(either, both))

    result = judge(small, found, "2024-07-10")

    assert {one.function.id: one.state for one in result.impact.functions} == {
        "chat": "works",
        "search": "stops",
    }
    assert result.impact.stop_share.low == 0.75


def test_a_use_whose_provider_is_not_known_is_unknown_and_never_open(small: AtlasBuilder) -> None:
    found = inventory(use("a", None), functions=(Function("chat", "chat", 1.0, Supplier("a")),))

    result = judge(small, found, "2024-07-10")

    assert result.verdicts[0].combined is Verdict.UNKNOWN
    assert result.impact.functions[0].state == "unknown"
    assert (result.impact.stop_share.low, result.impact.stop_share.high) == (0.0, 1.0)


def test_a_fact_nobody_gave_is_named(small: AtlasBuilder) -> None:
    result = judge(small, inventory(use("a", "acme")), "2024-07-10", place=None)

    access = result.verdicts[0].axes[Axis.ACCESS]
    assert access.verdict is Verdict.UNKNOWN
    assert "user.region" in {missing.fact for missing in access.missing}


def test_every_cited_source_is_listed_once_and_found_by_its_number(small: AtlasBuilder) -> None:
    result = judge(small, inventory(use("a", "acme"), use("b", "local")), "2024-07-10")

    cited = {
        number
        for answer in result.verdicts
        for axis in answer.axes.values()
        for fired in axis.rules
        for number in fired.sources
    }
    assert cited
    assert cited <= {source.id for source in result.sources}
    assert len({(source.title, source.url) for source in result.sources}) == len(result.sources)


def test_a_model_is_listed_with_its_ancestors_and_what_is_disputed(small: AtlasBuilder) -> None:
    small.model("acme.base", weights="open", weights_origin="own")
    small.model(
        "local.child",
        weights="open",
        weights_origin="own",
        hf_ids=["local/child"],
        descent=[
            {"kind": "architecture", "status": "confirmed", "ancestor": "acme.base", "sources": ["page"]}
        ],
        claims=[{"says": "It is built on base.", "status": "disputed", "sources": ["page"]}],
    )
    found = inventory(use("a", "local", "local/child", kind=Kind.OPEN_WEIGHTS, channel=Channel.SELF_HOSTED))

    result = judge(small, found, "2024-07-10")

    child, base = result.models
    assert (child.id, child.relied_on, base.id, base.relied_on) == ("local.child", True, "acme.base", False)
    assert [(edge.ancestor, edge.kind) for edge in child.descent] == [("acme.base", "architecture")]
    assert child.claims[0].status == "disputed"


def test_weights_on_ones_own_machine_count_where_their_developer_is(small: AtlasBuilder) -> None:
    small.model("local.child", weights="open", weights_origin="own", hf_ids=["local/child"])
    found = inventory(
        use("a", "acme", "local/child", kind=Kind.OPEN_WEIGHTS, channel=Channel.SELF_HOSTED),
        functions=(Function("chat", "chat", 1.0, Supplier("a")),),
    )

    result = judge(small, found, "2024-07-10")

    assert [(share.id, share.share.low) for share in result.impact.face_value] == [("CN", 1.0)]


def test_a_mirror_is_not_closed_by_what_closes_the_providers_own_hosts(small: AtlasBuilder) -> None:
    small.provider("hub", roles=["hub"], mirror_hosts=["mirror.test"])
    closed = {"provider": "hub", "channel": "direct", "user.region": "CN"}
    rule(
        small, "xx.block", "deny", "2023-01-01", kind="block", by="state", enforcement="enforced", when=closed
    )
    found = inventory(use("own", "hub"), use("mirror", "hub", endpoint="mirror.test"))

    own, mirror = judge(small, found, "2024-07-10").verdicts

    assert (own.combined, mirror.combined) == (Verdict.BLOCKED, Verdict.UNKNOWN)
