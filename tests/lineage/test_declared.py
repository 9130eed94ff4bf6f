"""What a model says of itself, and what is made of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.lineage.blueprint import blueprint_of, compare_blueprints
from reliant.lineage.declared import _from_card, _from_recipe, compare_declared, declared_by
from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.vocabulary import Vocabulary, compare_tokenizers, shared_ids, vocabulary_of
from support import tiny_models as tiny

W = {"model.norm.weight": tiny.llama(1)["model.norm.weight"]}


def opened(tmp_path, card=None, config=None):
    return open_model(local_place(str(tiny.save(tmp_path / "m", W, card=card, config=config)), Meter()))


@pytest.mark.parametrize(
    ("card", "kind", "value"),
    [
        ("---\nbase_model: org/parent\n---\n", "base", "org/parent"),
        ("---\nbase_model:\n- org/parent\n- org/second\ntags:\n- other/thing\n---\n", "base", "org/second"),
        ("---\nbase_model: [org/a, org/b]\n---\n", "base", "org/b"),
        (
            "This model was trained from scratch on our data.",
            "scratch",
            "This model was trained from scratch on our data.",
        ),
        ("本模型从零训练。", "scratch", "本模型从零训练。"),
    ],
)
def test_a_card_is_read_for_claims(tmp_path, card: str, kind: str, value: str) -> None:
    claims = declared_by(opened(tmp_path, card))
    assert any(claim.kind == kind and claim.value == value for claim in claims)
    assert all("other/thing" not in claim.value for claim in claims)


def test_metadata_of_a_gguf_are_claims(tmp_path) -> None:
    keys = {
        "general.name": "Mine",
        "general.base_model.0.repo_url": "https://host/org/parent",
        "general.finetune": "chat",
    }
    (tmp_path / "m.gguf").write_bytes(
        tiny.gguf({"lm_head.weight": tiny.llama(1)["lm_head.weight"]}, metadata=keys)
    )
    claims = declared_by(open_model(local_place(str(tmp_path / "m.gguf"), Meter())))
    assert {(claim.kind, claim.value) for claim in claims} == {
        ("self", "Mine"),
        ("base", "chat"),
        ("base", "https://host/org/parent"),
    }


def test_a_merge_recipe_names_its_parents() -> None:
    found: list = []
    _from_recipe(
        found,
        b"slices:\n- sources:\n  - model: org/a\n    layers: [0, 2]\n  - model: org/b\nbase_model: org/a\n",
        "mergekit_config.yml",
    )
    assert {claim.value for claim in found} == {"org/a", "org/b"}


def test_a_reference_is_recognised_by_the_last_part_of_its_name(tmp_path) -> None:
    claims = declared_by(opened(tmp_path, "---\nbase_model: meta/Tiny-Llama_2\n---\n"))
    assert compare_declared(claims, "/models/tiny-llama-2", ()).names_reference
    assert compare_declared(claims, "/models/tiny-llama-2.gguf", ()).names_reference
    assert not compare_declared(claims, "/models/tiny-llama-3", ()).names_reference


@given(st.binary(max_size=600))
def test_no_card_breaks_the_reader(data: bytes) -> None:
    found: list = []
    _from_card(found, b"---\n" + data)
    _from_recipe(found, data, "recipe")
    assert all(len(claim.value) <= 300 for claim in found)


def test_equal_sizes_are_the_same_blueprint_and_say_no_more(tmp_path) -> None:
    config = {"hidden_size": 64, "num_hidden_layers": 4, "vocab_size": 300, "model_type": "llama"}
    level = compare_blueprints(
        blueprint_of(opened(tmp_path / "a", config=config)),
        blueprint_of(opened(tmp_path / "b", config=config)),
    )
    assert level.verdict == "same"
    assert "no evidence" in level.text
    changed = {**config, "hidden_size": 128, "num_hidden_layers": 8}
    level = compare_blueprints(
        blueprint_of(opened(tmp_path / "c", config=changed)),
        blueprint_of(opened(tmp_path / "d", config=config)),
    )
    assert level.verdict == "different"
    assert level.different["width"] == (128.0, 64.0)


def test_tokens_are_compared_by_text_and_not_by_id(tmp_path) -> None:
    ours = Vocabulary({" the": 5, "a": 0, "b": 1}, (), "x")
    theirs = Vocabulary({" the": 0, "a": 1, "c": 2}, (), "y")
    assert compare_tokenizers(ours, theirs).shared == 2
    assert compare_tokenizers(ours, theirs).same_ids == 0.0
    assert shared_ids(ours, theirs, (10, 10)) == [(0, 1), (5, 0)]
    assert shared_ids(ours, theirs, (3, 10)) == [(0, 1)]


@pytest.mark.parametrize(("more", "verdict"), [(0, "same"), (5, "extended"), (-5, "contained")])
def test_a_grown_vocabulary_is_told_from_an_equal_one(tmp_path, more: int, verdict: str) -> None:
    sides = []
    for name, count in (("a", 300 + more), ("b", 300)):
        model = tiny.save(tmp_path / name, W, vocabulary=tiny.tokens(count))
        sides.append(vocabulary_of(open_model(local_place(str(model), Meter()))))
    assert compare_tokenizers(*sides).verdict == verdict


def test_marks_for_a_space_are_one_and_the_same(tmp_path) -> None:
    folder = tiny.save(tmp_path / "m", W)
    table = {
        "model": {"type": "BPE", "vocab": {"Ġthe": 0, "x": 1}, "merges": ["Ġ t", ["h", "e"]]},
        "added_tokens": [{"id": 2, "content": "<s>"}],
    }
    (folder / "tokenizer.json").write_text(json.dumps(table))
    found = vocabulary_of(open_model(local_place(str(folder), Meter())))
    assert found is not None
    assert found.ids == {" the": 0, "x": 1, "<s>": 2}
    assert found.merges == ("Ġ t", "h e")
