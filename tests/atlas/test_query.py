"""The atlas answers by id, alias, host and model id as written, in any case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas import Atlas
from reliant.errors import UnknownId
from support.atlas_builder import AtlasBuilder


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("azure", "azure-openai"),
        ("bytedance", "bytedance"),
        ("volcengine", "volcengine"),
        ("Volcano Engine", "volcengine"),
        ("火山方舟", "volcengine"),
        ("sensenova", "sensenova"),
        ("商汤", "sensetime"),
        ("智谱", "zhipu"),
        (" Z.ai ", "zhipu"),
        ("anysphere", "cursor"),
        ("together_ai", "together"),
        ("vertex_ai", "google-vertex"),
        ("moonshotai-cn", "moonshot"),
    ],
)
def test_a_provider_is_found_by_any_of_its_names(atlas: Atlas, written: str, wanted: str) -> None:
    assert atlas.provider(written).id == wanted


def test_an_unknown_id_names_what_is_near(atlas: Atlas) -> None:
    with pytest.raises(UnknownId, match="no record has the id 'openia'") as caught:
        atlas.provider("openia")

    assert "openai" in caught.value.near
    assert caught.value.hint == f"Did you mean {caught.value.near[0]!r}?"


@given(st.text(max_size=400))
def test_no_text_is_too_odd_to_be_asked_about(atlas: Atlas, text: str) -> None:
    hit = atlas.find_model(text)

    assert hit.model is None or hit.developer == hit.model.developer
    assert atlas.host(text) is None or atlas.host(text) == atlas.host(text.upper())


@pytest.mark.parametrize(
    ("host", "provider", "country"),
    [
        ("api.openai.com", "openai", None),
        ("API.OpenAI.com.", "openai", None),
        ("dashscope.aliyuncs.com", "alibaba", "CN"),
        ("dashscope-intl.aliyuncs.com", "alibaba", "SG"),
        ("mycompany.openai.azure.com", "azure-openai", "US"),
        ("mycompany.openai.azure.cn", "azure-openai", "CN"),
        ("api.moonshot.cn", "moonshot", "CN"),
        ("api.moonshot.ai", "moonshot", "SG"),
        ("open.bigmodel.cn", "zhipu", "CN"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "aws-bedrock", None),
        ("europe-west4-aiplatform.googleapis.com", "google-vertex", None),
    ],
)
def test_the_host_decides_who_serves_and_under_which_law(
    atlas: Atlas, host: str, provider: str, country: str | None
) -> None:
    hit = atlas.host(host)

    assert hit is not None
    assert (hit.provider, hit.country) == (provider, country)


@pytest.mark.parametrize("host", ["example.org", "openai.com.evil.example", "azure.com", "", "amazonaws.com"])
def test_a_host_that_is_nobodys_is_nobodys(atlas: Atlas, host: str) -> None:
    assert atlas.host(host) is None


@pytest.mark.parametrize(
    ("written", "model", "how"),
    [
        ("gpt-4o-mini", "openai.gpt-4o-mini", "name"),
        ("openai/gpt-4o-mini", "openai.gpt-4o-mini", "name"),
        ("azure/gpt-4o", "openai.gpt-4o", "name"),
        ("gpt-4o-2024-08-06", "openai.gpt-4o", "pattern"),
        ("01-ai/Yi-34B", "01ai.yi-34b", "name"),
        ("yi-34b", "01ai.yi-34b", "name"),
        ("Qwen/Qwen2.5-7B-Instruct", "alibaba.qwen2.5-7b", "pattern"),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku", "pattern"),
        ("anthropic/claude-3.5-sonnet:free", "anthropic.claude-3.5-sonnet", "name"),
        ("llama3:8b", "meta.llama-3-8b", "pattern"),
    ],
)
def test_a_model_is_found_as_people_write_it(atlas: Atlas, written: str, model: str, how: str) -> None:
    hit = atlas.find_model(written)

    assert hit.model is not None
    assert (hit.model.id, hit.how) == (model, how)
    assert hit.developer == hit.model.developer


@pytest.mark.parametrize(
    ("written", "developer", "how"),
    [
        ("Qwen/A-New-One-9B", "alibaba", "hub-organisation"),
        ("claude-99", "anthropic", "developer-pattern"),
        ("my-own-thing", None, "none"),
        ("", None, "none"),
        ("x" * 10_000, None, "none"),
    ],
)
def test_without_a_record_the_developer_may_still_be_known(
    atlas: Atlas, written: str, developer: str | None, how: str
) -> None:
    hit = atlas.find_model(written)

    assert (hit.model, hit.developer, hit.how) == (None, developer, how)


@pytest.mark.parametrize(
    ("written", "developer", "base"),
    [
        ("jonatasgrosman/wav2vec2-large-xlsr-53-japanese", None, "meta"),
        ("somebody/Qwen2.5-99B-Uncensored", None, "alibaba"),
        ("models/gemini-99-pro", "google", None),
        ("openrouter/gpt-99", "openai", None),
    ],
)
def test_what_somebody_made_of_a_model_is_not_taken_for_the_makers_own(
    atlas: Atlas, written: str, developer: str | None, base: str | None
) -> None:
    hit = atlas.find_model(written)

    assert (hit.developer, hit.base_developer) == (developer, base)


def test_the_server_is_told_apart_from_the_developer(atlas: Atlas) -> None:
    hit = atlas.find_model("groq/llama-3.3-70b-versatile")

    assert (hit.developer, hit.server) == ("meta", "groq")


def test_an_id_wins_over_an_alias() -> None:
    atlas = AtlasBuilder().provider("acme", aliases=["zed"]).provider("zed").build()

    assert atlas.provider("zed").id == "zed"


def test_records_of_any_kind_are_found_by_id_or_alias(atlas: Atlas) -> None:
    assert [atlas.kind_of(record) for record in atlas.find("yi-34b")] == ["model"]
    assert [atlas.kind_of(record) for record in atlas.find("fable5")] == ["event"]
    assert {atlas.kind_of(record) for record in atlas.find("deepseek")} >= {"provider", "licence"}
    with pytest.raises(UnknownId):
        atlas.find("no such thing at all")


def test_an_id_that_was_split_leads_to_all_that_came_of_it(atlas: Atlas) -> None:
    assert [record.id for record in atlas.find("grok-southeast-asia")] == [
        "grok-indonesia",
        "grok-malaysia",
        "grok-philippines",
    ]


def test_the_worldwide_switch_off_was_wider_than_the_order(atlas: Atlas) -> None:
    """2026-06-12: foreign nationals were named, everybody was cut; over on 2026-07-01."""
    event = atlas.events["fable5"]

    assert (event.date, event.end, event.notice_days) == ("2026-06-12", "2026-07-01", 0)
    assert event.scope_ordered is not None
    assert event.scope_ordered.startswith("access by any foreign national")
    assert event.scope_cut is not None
    assert event.scope_cut.startswith("all customers worldwide")
    assert atlas.events["mythos5"].end is None
