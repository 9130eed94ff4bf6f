"""What is asked of vendor knowledge."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from reliant.inventory import Vendors
from reliant.inventory._stems import stems_of
from reliant.inventory.idforms import holds_model, looks_like_id
from reliant.inventory.scopes import scope_of


def test_the_host_decides_the_estate(vendors: Vendors) -> None:
    mainland = vendors.host_in("https://dashscope.aliyuncs.com/compatible-mode/v1")
    abroad = vendors.host_in("https://dashscope-intl.aliyuncs.com/compatible-mode/v1")

    assert mainland is not None
    assert abroad is not None
    assert mainland[1].provider == abroad[1].provider == "alibaba"
    assert (mainland[1].estate, abroad[1].estate) == ("mainland", "international")


def test_a_host_that_only_ends_like_a_vendors_is_nobodys(vendors: Vendors) -> None:
    assert vendors.host("api.openai.com.evil.example") is None
    assert vendors.host("notapi.openai.com") is None


def test_a_port_alone_is_a_weak_hint_unless_one_runtime_picked_it(vendors: Vendors) -> None:
    odd = vendors.host_in("http://localhost:11434/v1")
    found = vendors.host_in("http://localhost:8000/v1")

    assert odd is not None
    assert not odd[1].weak
    assert found is not None
    assert found[1].weak
    assert vendors.host_in("http://localhost:9/v1") is None


def test_a_providers_name_with_a_usual_ending_is_its_environment_name(vendors: Vendors) -> None:
    entry = vendors.env("ZHIPU_MODEL")

    assert entry is not None
    assert entry.provider == "zhipu"
    assert (
        vendors.env("GOOGLE_CLOUD_STORAGE_BUCKET") is None or vendors.env("GOOGLE_CLOUD_STORAGE_BUCKET").weak
    )
    assert vendors.env("CLOUDFLARE_ZONE_TOKEN") is None


def test_the_organisation_of_a_hub_id_says_whose_model_it_is(vendors: Vendors) -> None:
    assert vendors.developer("Qwen/Qwen2.5-7B-Instruct") == "alibaba"
    assert vendors.developer("meta-llama/Llama-3.1-8B") == "meta"
    assert vendors.developer("no-such-org/nothing") is None


def test_tests_come_before_manifests_and_manifests_before_documents() -> None:
    assert scope_of("tests/data/requirements.txt").value == "tests"
    assert scope_of("docs/requirements.txt").value == "docs"
    assert scope_of("requirements.txt").value == "manifest"
    assert scope_of("README.md").value == "docs"
    assert scope_of("app/tools/run.py").value == "code"
    assert scope_of("tools/run.py").value == "tooling"


@given(
    st.sampled_from(["acme-[0-9]+", "(x|y)z-", "(?i)Zed(one|two)?", "[abc]pha", "(ft:)?acme(-pro)?"]),
    st.data(),
)
def test_every_match_of_a_pattern_begins_with_one_of_its_stems(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(pattern), fullmatch=True))

    assert any(text.lower().startswith(stem) for stem in stems_of(pattern))


@given(st.text(max_size=60))
def test_asking_about_any_text_is_safe(text: str) -> None:
    assert isinstance(holds_model(text), bool)
    assert isinstance(looks_like_id(text), bool)
    assert scope_of(text)
