"""Whole models against each other: every derivation is found, by the path that can see it."""

from __future__ import annotations

import numpy as np
import pytest

from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.results import RELATED
from reliant.lineage.trace import compare, prepare, trace
from support import tiny_models as tiny

CONFIG = {
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
}
BASE = tiny.llama(1)
OTHER = tiny.llama(2)


@pytest.fixture
def model(tmp_path):
    """Return a function that writes weights to a folder and prepares them."""
    count = iter(range(100))

    def make(w, *, config=CONFIG, vocabulary=None, card=None, name=None):
        folder = tmp_path / (name or f"m{next(count)}")
        tiny.save(
            folder,
            w,
            config=config,
            vocabulary=tiny.tokens() if vocabulary is None else vocabulary,
            card=card,
        )
        return load(folder)

    return make


def load(path, budget=None):
    return prepare(open_model(local_place(str(path), Meter(budget))))


def test_a_copy_is_exact_whatever_its_tensors_are_called(model) -> None:
    renamed = {name.replace("post_attention_layernorm", "ln2"): value for name, value in BASE.items()}
    for w in (BASE, renamed):
        found = compare(model(w), model(BASE))
        assert found.verdict == "exact"
        assert found.bits_equal


def test_a_tuned_model_is_derived_and_all_layers_are_found(model) -> None:
    found = compare(model(tiny.tuned(BASE, 3)), model(BASE))
    assert (found.verdict, found.path) == ("derived", "I")
    assert found.layer_map == (0, 1, 2, 3)
    assert found.log10_p < -8
    assert found.second_opinion == 0.001


def test_rounding_leaves_a_near_copy_and_tuning_does_not(model) -> None:
    rounded = {
        name: value if value.ndim == 1 else np.round(value * 200) / np.float32(200)
        for name, value in BASE.items()
    }
    assert compare(model(rounded), model(BASE)).verdict == "near_copy"
    assert compare(model(tiny.tuned(BASE, 3, 0.02)), model(BASE)).verdict == "derived"


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_strangers_with_one_blueprint_and_tokenizer_share_nothing_that_is_detected(model, seed: int) -> None:
    found = compare(model(tiny.llama(seed)), model(BASE))
    assert found.verdict == "none_detected"
    assert found.path is None
    assert set(found.paths_tried) == {"I", "E", "P", "A"}
    assert 0 < found.detection_limit < 0.6


def test_dropped_repeated_and_spliced_layers_show_in_the_map(model) -> None:
    base, other = model(BASE), model(OTHER)
    assert compare(model(tiny.layers_of(BASE, [0, 2, 3])), base).layer_map == (0, 2, 3)
    raised = compare(model(tiny.layers_of(BASE, [0, 1, 2, 1, 2, 3])), base)
    assert raised.layer_map == (0, 1, 2, 1, 2, 3)
    assert any("more than once" in hint for hint in raised.hints)
    spliced = model(tiny.layers_of(BASE, [0, 1, 2, 3], OTHER, (1, 2)))
    assert compare(spliced, base).layer_map == (0, None, None, 3)
    assert compare(spliced, other).layer_map == (None, 1, 2, None)


def test_a_merge_shows_the_share_of_each_parent(model) -> None:
    merged = {name: 0.6 * BASE[name] + 0.4 * OTHER[name] for name in BASE}
    result = trace(model(merged), [model(BASE), model(OTHER)])
    shares = [next(iter(one.levels.weights.shares.values())) for one in result.results]
    assert shares == pytest.approx([0.6, 0.4], abs=0.05)


def test_a_turned_and_shuffled_model_is_found_by_shared_tokens(model) -> None:
    found = compare(model(tiny.rotated(BASE, 4)), model(BASE))
    assert (found.verdict, found.path) == ("derived", "E")
    assert found.layer_map == (0, 1, 2, 3)


def test_a_turned_model_with_a_new_tokenizer_is_found_by_its_neurons(model) -> None:
    hidden = tiny.rotated(BASE, 5)
    fresh = tiny.llama(77, vocab=210)
    tables = {name: fresh[name] for name in ("model.embed_tokens.weight", "lm_head.weight")}
    found = compare(model({**hidden, **tables}, vocabulary=[f"piece{at}" for at in range(210)]), model(BASE))
    assert (found.verdict, found.path) == ("derived", "P")


def test_a_model_whose_feed_forward_was_replaced_is_found_by_its_attention(model) -> None:
    other = {name: value for name, value in tiny.llama(9).items() if ".mlp." in name}
    tables = {name: tiny.llama(9)[name] for name in ("model.embed_tokens.weight", "lm_head.weight")}
    found = compare(model({**BASE, **other, **tables}), model(BASE))
    assert (found.verdict, found.path) == ("derived", "A")


def test_shared_embeddings_without_a_common_layer_are_said_as_such(model) -> None:
    fresh = tiny.llama(10)
    tables = {name: BASE[name] for name in ("model.embed_tokens.weight", "lm_head.weight")}
    result = trace(model({**fresh, **tables}), [model(BASE)])
    assert result.results[0].levels.weights.verdict == "same_space"
    assert "no common layer" in result.results[0].statement


def test_experts_copied_from_a_dense_model_are_found(model) -> None:
    w = {name: value for name, value in BASE.items() if ".mlp." not in name}
    for name, value in BASE.items():
        if ".mlp." in name:
            for expert in range(3):
                noise = np.random.default_rng(expert).standard_normal(value.shape).astype(np.float32)
                w[name.replace(".mlp.", f".mlp.experts.{expert}.")] = value + noise * np.float32(
                    0.02 * expert
                )
    found = compare(model(w), model(BASE))
    assert found.layer_map == (0, 1, 2, 3)
    assert any("upcycled" in hint for hint in found.hints)


@pytest.mark.parametrize("make", [tiny.bert, tiny.gpt2])
def test_models_without_a_gate_are_matched_by_what_goes_in_and_what_comes_out(model, make) -> None:
    base = make(1)
    assert compare(model(tiny.tuned(base, 2), config={}), model(base, config={})).layer_map == (0, 1, 2, 3)
    assert compare(model(make(3), config={}), model(base, config={})).verdict == "none_detected"


def test_fused_gate_and_up_are_taken_apart(model) -> None:
    w = {name: value for name, value in BASE.items() if "gate_proj" not in name and "up_proj" not in name}
    for at in range(tiny.LAYERS):
        stem = f"model.layers.{at}.mlp."
        w[stem + "gate_up_proj.weight"] = np.concatenate(
            [BASE[stem + "gate_proj.weight"], BASE[stem + "up_proj.weight"]]
        )
    assert compare(model(w), model(BASE)).layer_map == (0, 1, 2, 3)


def test_names_that_say_nothing_do_not_hide_a_model(model) -> None:
    words = {
        "gate_proj": "m2",
        "up_proj": "m1",
        "down_proj": "m3",
        "post_attention_layernorm": "s1",
        "input_layernorm": "s0",
        "q_proj": "a",
        "k_proj": "b",
        "v_proj": "c",
        "o_proj": "e",
    }
    w = {}
    for name, value in BASE.items():
        parts = name.split(".")
        new = {"model.embed_tokens.weight": "t1", "lm_head.weight": "t2", "model.norm.weight": "f"}.get(name)
        w[new or f"u.{parts[2]}.{words[parts[-2]]}"] = value
    found = compare(model(w, config={}), model(BASE))
    assert found.verdict in RELATED
    assert found.layer_map == (0, 1, 2, 3)


def test_the_same_weights_are_found_across_all_formats(model, tmp_path) -> None:
    base = model(BASE)
    (tmp_path / "a.gguf").write_bytes(tiny.gguf(BASE, kind=1, vocabulary=tiny.tokens()))
    (tmp_path / "b.bin").write_bytes(tiny.torch_zip(BASE))
    np.savez(tmp_path / "c.npz", **BASE)
    (tmp_path / "d.onnx").write_bytes(tiny.onnx(BASE)[0])
    (tmp_path / "e.onnx").write_bytes(tiny.onnx(BASE, int8=True)[0])
    tiny.save(tmp_path / "f", tiny.mlx(BASE), config={"quantization": {"group_size": 32, "bits": 4}})
    for name in ("a.gguf", "b.bin", "c.npz", "d.onnx", "e.onnx", "f"):
        found = compare(load(tmp_path / name), base)
        assert found.verdict in {"exact", "near_copy", "derived"}, name
        assert found.layer_map == (0, 1, 2, 3), name
        assert compare(load(tmp_path / name), model(OTHER)).verdict == "none_detected", name


def test_rows_that_are_not_finite_or_zero_are_set_aside_and_counted(model) -> None:
    spoilt = {name: value.copy() for name, value in BASE.items()}
    spoilt["model.layers.0.mlp.gate_proj.weight"][:20] = np.nan
    spoilt["model.layers.1.mlp.up_proj.weight"][:20] = np.inf
    spoilt["model.layers.2.mlp.gate_proj.weight"][:] = 0
    result = trace(model(spoilt), [model(BASE)])
    assert result.results[0].levels.weights.layer_map == (0, 1, None, 3)
    assert any("not finite" in note for note in result.notes)


@pytest.mark.parametrize("value", [1e9, 3e38, -3e38])
@pytest.mark.parametrize("part", ["mlp.gate_proj", "mlp.down_proj", "input_layernorm", "self_attn.q_proj"])
def test_values_too_large_for_any_model_spoil_their_rows_and_nothing_else(
    model, part: str, value: float
) -> None:
    for child in (tiny.tuned(BASE, 2), tiny.rotated(tiny.tuned(BASE, 2), 3)):
        spoilt = {name: one.copy() for name, one in child.items()}
        for layer in range(2):
            spoilt[f"model.layers.{layer}.{part}.weight"][3] = value
        found = compare(model(spoilt), model(BASE))
        assert np.isfinite([found.agreement, found.log10_p, found.cosine]).all()
        assert found.verdict == "derived"


def test_a_model_of_zeros_is_not_testable(model) -> None:
    found = compare(model({name: np.zeros_like(value) for name, value in BASE.items()}), model(BASE))
    assert found.verdict == "not_testable"


def test_models_without_neurons_can_only_be_equal(model) -> None:
    w = {
        f"conv{at}": np.random.default_rng(at).standard_normal((16, 8, 3)).astype(np.float32)
        for at in range(4)
    }
    turned = {f"c{at}": np.ascontiguousarray(value.transpose(1, 0, 2)) for at, value in enumerate(w.values())}
    assert compare(model(w, config={}), model(w, config={})).verdict == "exact"
    assert compare(model(turned, config={}), model(w, config={})).verdict == "near_copy"
    assert compare(model(BASE), model(w, config={})).verdict == "not_testable"


def test_a_small_budget_reads_less_and_still_finds(tmp_path) -> None:
    w = tiny.llama(1, d=256, ff=1024, vocab=2000)
    tiny.save(tmp_path / "a", tiny.tuned(w, 2))
    tiny.save(tmp_path / "b", w)
    found = compare(load(tmp_path / "a", 700_000), load(tmp_path / "b", 700_000))
    assert found.verdict == "derived"
    assert found.bytes_read <= 700_000


def test_what_the_levels_say_is_kept_apart(model) -> None:
    card = "---\nbase_model: somebody/else\n---\nTrained from scratch on 2T tokens."
    result = trace(
        model(tiny.tuned(BASE, 3), card=card), [model(BASE, name="base"), model(OTHER, name="else")]
    )
    first, second = result.results
    assert first.levels.config.verdict == second.levels.config.verdict == "same"
    assert first.levels.tokenizer.verdict == second.levels.tokenizer.verdict == "same"
    assert first.levels.weights.verdict == "derived"
    assert second.levels.weights.verdict == "none_detected"
    assert {(one.kind, one.reference == first.reference) for one in result.contradictions} == {
        ("says_from_scratch", True),
        ("names_another", True),
        ("names_without_weights", False),
    }


def test_the_words_claim_no_more_than_was_measured(model) -> None:
    result = trace(model(tiny.tuned(BASE, 3)), [model(BASE), model(OTHER)])
    text = " ".join(one.statement for one in result.results).lower()
    assert "shares weights" in text
    assert "detected at detection limit c >=" in text
    assert "copied" not in text
    assert "independent" not in text


def adapter(tmp_path, base: str, width: int = tiny.D):
    generator = np.random.default_rng(0)
    w = {}
    for at in range(tiny.LAYERS):
        stem = f"base_model.model.model.layers.{at}.mlp.gate_proj.lora_"
        w[stem + "A.weight"] = generator.standard_normal((4, width), np.float32) * np.float32(0.05)
        w[stem + "B.weight"] = generator.standard_normal((tiny.FF, 4), np.float32) * np.float32(0.05)
    folder = tiny.save(tmp_path / "adapter", w)
    (folder / "adapter_config.json").write_text(
        f'{{"base_model_name_or_path": "{base}", "r": 4, "lora_alpha": 8}}'
    )
    return load(folder)


def test_an_adapter_is_merged_into_the_base_it_names_and_tested_so(model, tmp_path) -> None:
    result = trace(adapter(tmp_path, "org/base"), [model(BASE, name="base"), model(OTHER)])
    assert [one.levels.weights.verdict for one in result.results] == ["derived", "none_detected"]
    assert any("merged into" in note for note in result.notes)


def test_an_adapter_whose_shapes_do_not_fit_refutes_its_base(model, tmp_path) -> None:
    result = trace(adapter(tmp_path, "org/base", width=96), [model(BASE, name="base")])
    assert result.results[0].levels.weights.verdict == "not_testable"
    assert [one.kind for one in result.contradictions] == ["adapter_does_not_fit"]
