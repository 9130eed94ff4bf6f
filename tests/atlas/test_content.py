"""What the atlas of this checkout holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import yaml

from reliant.atlas import Atlas
from reliant.atlas.records import kinds
from reliant.atlas.records.common import Record
from reliant.atlas.schemas import written
from reliant.atlas.search import search
from reliant.core.dates import PartialDate


def records(atlas: Atlas, folder: str) -> list[Record]:
    return list(atlas.records(folder).values())


def facts(shared: Path, name: str) -> list[dict[str, object]]:
    data = yaml.load((shared / "facts" / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert isinstance(data, list)
    return data


def left_out(root: Path) -> set[str]:
    """Ids in the first column of the tables of the page."""
    text = (root / "docs" / "atlas" / "left-out.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def test_every_slug_of_the_answer_key_is_a_provider(atlas: Atlas, shared: Path) -> None:
    text = (shared / "inventory" / "truth.json").read_text(encoding="utf-8")
    slugs = set(re.findall(r'"provider": "([^"]+)"', text))
    for names in re.findall(r'"(?:required|allowed)_providers": \[([^\]]*)\]', text):
        slugs |= set(re.findall(r'"([^"]+)"', names))

    assert len(slugs) > 30
    assert {slug for slug in slugs if slug not in atlas.providers} == set()


def test_every_model_of_the_answer_key_has_a_developer_or_none(atlas: Atlas, shared: Path) -> None:
    text = (shared / "inventory" / "truth.json").read_text(encoding="utf-8")
    models = set(re.findall(r'"model": "([^"]+)"', text))
    known = [atlas.find_model(model) for model in models]

    assert sum((hit.developer or hit.base_developer) is not None for hit in known) / len(known) > 0.8


@pytest.mark.parametrize("name", ["providers", "models", "events"])
def test_every_checked_fact_is_a_record_or_named_as_left_out(
    atlas: Atlas, shared: Path, root: Path, name: str
) -> None:
    held = atlas.records(name)
    short = {key.partition(".")[2] for key in held} if name == "models" else set(held)
    short |= {old for record in held.values() for old in getattr(record, "former_ids", ())}

    missing = {str(fact["id"]) for fact in facts(shared, name)} - short

    assert missing <= left_out(root)


def test_every_rule_and_access_fact_has_gone_somewhere_or_is_named_as_left_out(
    atlas: Atlas, shared: Path, root: Path
) -> None:
    held = {key for folder in atlas.folders for key in atlas.records(folder)}
    former = {
        old
        for folder in atlas.folders
        for record in records(atlas, folder)
        for old in getattr(record, "former_ids", ())
    }
    counts = {key.replace("cn-genai-filing.", "cn-filing-").replace("on-device", "ondevice") for key in held}

    missing = {str(fact["id"]) for name in ("rules", "access") for fact in facts(shared, name)}

    assert missing - held - former - counts - left_out(root) == set()


def test_the_wording_of_every_quote_of_the_facts_is_kept(atlas: Atlas, shared: Path) -> None:
    quotes = {source.quote for key in atlas.events for source in atlas.events[key].sources.values()}

    for fact in facts(shared, "events"):
        for source in fact["source"]:  # type: ignore[attr-defined]
            if "quote" in source:
                assert source["quote"].strip() in quotes


def test_every_descent_edge_of_the_facts_is_kept_with_its_status(atlas: Atlas, shared: Path) -> None:
    """One that was only reported may have been confirmed since, by words of its makers."""
    ours: Counter[tuple[str, str, str]] = Counter()
    for model in atlas.models.values():
        name = model.id.partition(".")[2]
        for edge in model.descent:
            ours[name, edge.kind, edge.status] += 1
            own_words = any(model.sources[key].kind == "primary" for key in edge.sources)
            if edge.status == "confirmed" and own_words:
                ours[name, edge.kind, "reported"] += 1
    theirs = Counter(
        (str(fact["id"]), edge["kind"], edge["status"])
        for fact in facts(shared, "models")
        for edge in fact.get("lineage", [])  # type: ignore[attr-defined]
    )

    assert theirs - ours == Counter()


def test_conflicting_release_dates_are_kept_on_purpose(atlas: Atlas) -> None:
    conflicts = [c for m in atlas.models.values() for c in m.conflicts if c.field == "released"]

    assert len(conflicts) >= 37
    assert atlas.model("code-llama-34b").released == "2023-08-24"
    assert atlas.model("code-llama-34b").conflicts[0].value == "2023-08-14"


def test_evidence_that_lost_is_kept(atlas: Atlas) -> None:
    """Epoch says Llama 2; the configuration says MistralForCausalLM."""
    (edge,) = atlas.model("openchat-3.5").descent

    assert edge.ancestor == "mistral.mistral-7b"
    assert edge.contradicted_by[0].says == "Epoch base model: Llama 2-7B"


def test_every_record_says_where_it_comes_from(atlas: Atlas) -> None:
    for folder in atlas.folders:
        if folder == "sources":
            continue
        for record in records(atlas, folder):
            assert record.sources, record.id
            assert record.reviewed.by


def test_what_is_from_memory_is_marked_as_such(atlas: Atlas) -> None:
    for folder in ("providers", "models"):
        for record in records(atlas, folder):
            general = any(source.kind == "general" for source in record.sources.values())
            edges = any(edge.from_memory for edge in getattr(record, "descent", ()))
            assert general == bool(record.from_memory or edges), record.id


def test_register_counts_keep_how_they_were_counted(atlas: Atlas) -> None:
    """302 at the end of 2024 less 238 new in 2024 leaves 64, against "over 40" in January 2024."""
    counts = {
        count.as_of: (count.count, count.count_is) for count in atlas.registers.values() if count.cumulative
    }

    assert counts["2023-08-31"] == (8, "exact")
    assert counts["2024-01-28"][1] == "at-least"
    assert counts["2024-12-31"] == (302, "exact")
    assert counts["2025-12-31"] == (748, "derived")
    dated = sorted(counts, key=PartialDate.parse)
    assert [counts[day][0] for day in dated] == sorted(counts[day][0] for day in dated)


def test_llama_licences_say_whom_they_leave_out(atlas: Atlas) -> None:
    llama4 = {term.term: term for term in atlas.licences["llama-4"].limitations}
    users = [term.users_million for term in atlas.licences["llama-3.1"].conditions if term.users_million]

    assert llama4["place-excluded"].places == ("EU",)
    assert users == [700]
    assert "no-training-of-other-models" in {term.term for term in atlas.licences["llama-3"].limitations}
    assert "no-training-of-other-models" not in {
        term.term for term in atlas.licences["llama-3.1"].limitations
    }


def test_hunyuan_does_not_apply_in_three_places(atlas: Atlas) -> None:
    terms = {term.term: term for term in atlas.licences["tencent-hunyuan-community"].limitations}

    assert terms["place-excluded"].places == ("EU", "GB", "KR")
    assert "no-training-of-other-models" in terms


@pytest.mark.parametrize("name", sorted(kinds()))
def test_the_schemas_for_editors_are_those_of_the_records(root: Path, name: str) -> None:
    """If this fails: python -m reliant.atlas.schemas."""
    kind = kinds()[name]
    path = root / "atlas" / "schema" / f"{kind.name}.json"

    assert path.read_text(encoding="utf-8") == written(kind)
    assert json.loads(written(kind))["title"] == kind.name


def test_the_folder_says_how_a_record_is_added(root: Path) -> None:
    text = (root / "atlas" / "README.md").read_text(encoding="utf-8")

    assert {name for name in kinds() if f"`{name}/`" not in text} == set()


def test_all_regular_expressions_are_fast_on_long_ids(atlas: Atlas) -> None:
    for written_id in ("a" * 300, "gpt-" * 75, "1." * 150, "-" * 300):
        assert msgspec.to_builtins(atlas.find_model(written_id)) is not None


@pytest.mark.parametrize(
    ("word", "provider"),
    [
        ("文心一言", "baidu"), ("千帆", "baidu"), ("通义千问", "alibaba"), ("百炼", "alibaba"),
        ("混元", "tencent"), ("元宝", "tencent"), ("豆包", "bytedance"), ("火山引擎", "volcengine"),
        ("盘古", "huawei"),
        ("讯飞星火", "iflytek"), ("日日新", "sensenova"), ("商汤", "sensetime"), ("智谱", "zhipu"),
        ("月之暗面", "moonshot"), ("海螺", "minimax"), ("百川", "baichuan"), ("零一万物", "01ai"),
        ("深度求索", "deepseek"), ("阶跃星辰", "stepfun"), ("硅基流动", "siliconflow"),
        ("魔搭", "modelscope"),
        ("ГигаЧат", "sber"), ("Яндекс", "yandex"), ("네이버", "naver"), ("하이퍼클로바X", "naver"),
    ],
)  # fmt: skip
def test_a_vendor_is_found_by_its_name_at_home(atlas: Atlas, word: str, provider: str) -> None:
    assert search(atlas, [word], "provider")[0].id == provider


def test_kimi_is_found_as_the_model_and_as_the_vendor(atlas: Atlas) -> None:
    assert search(atlas, ["Kimi"], "model")[0].id.startswith("moonshot.kimi")
    assert search(atlas, ["Kimi"], "provider")[0].id == "moonshot"
