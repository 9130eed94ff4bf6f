"""Other families than LLaMA: their tensors are found under the names their makers gave them.

Names and orientations are those of the published checkpoints: Whisper (both the maker's and the
hub's), ViT (the hub's and timm's), CLIP, T5 with and without gates. The values are random.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.place import local_place
from reliant.lineage.trace import compare, prepare
from support import tiny_models as tiny

D, FF = 64, 160
WHISPER = {"d_model": D, "model_type": "whisper", "encoder_attention_heads": 4}


def built(names: dict[str, tuple[int, ...]], seed: int) -> tiny.Weights:
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal(shape).astype(np.float32)
        if len(shape) > 1
        else np.ones(shape, np.float32)
        for name, shape in sorted(names.items())
    }


def _attention(stem: str, parts: dict[str, str]) -> dict[str, tuple[int, ...]]:
    return {f"{stem}.{part}.weight": (D, D) for part in parts.values()}


_HF = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}


def whisper_hub(layers: int = 3) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"model.decoder.embed_tokens.weight": (200, D)}
    for stack in ("encoder", "decoder"):
        for at in range(layers):
            stem = f"model.{stack}.layers.{at}"
            found |= _attention(f"{stem}.self_attn", _HF)
            found |= {f"{stem}.fc1.weight": (FF, D), f"{stem}.fc2.weight": (D, FF)}
            found |= {f"{stem}.{norm}.weight": (D,) for norm in ("self_attn_layer_norm", "final_layer_norm")}
            if stack == "decoder":
                found |= _attention(f"{stem}.encoder_attn", _HF)
                found[f"{stem}.encoder_attn_layer_norm.weight"] = (D,)
    return found


def whisper_maker(layers: int = 3) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"decoder.token_embedding.weight": (200, D)}
    parts = {"q": "query", "k": "key", "v": "value", "o": "out"}
    for stack in ("encoder", "decoder"):
        for at in range(layers):
            stem = f"{stack}.blocks.{at}"
            found |= _attention(f"{stem}.attn", parts)
            found |= {f"{stem}.mlp.0.weight": (FF, D), f"{stem}.mlp.2.weight": (D, FF)}
            found |= {f"{stem}.{norm}.weight": (D,) for norm in ("attn_ln", "mlp_ln")}
            if stack == "decoder":
                found |= _attention(f"{stem}.cross_attn", parts)
                found[f"{stem}.cross_attn_ln.weight"] = (D,)
    return found


def vit_hub(layers: int = 4) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "vit.embeddings.cls_token": (1, 1, D),
        "vit.embeddings.patch_embeddings.projection.weight": (D, 3, 16, 16),
        "classifier.weight": (10, D),
    }
    for at in range(layers):
        stem = f"vit.encoder.layer.{at}"
        found |= _attention(f"{stem}.attention.attention", {"q": "query", "k": "key", "v": "value"})
        found |= {
            f"{stem}.attention.output.dense.weight": (D, D),
            f"{stem}.intermediate.dense.weight": (FF, D),
            f"{stem}.output.dense.weight": (D, FF),
            f"{stem}.layernorm_before.weight": (D,),
            f"{stem}.layernorm_after.weight": (D,),
        }
    return found


def vit_timm(layers: int = 4) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"cls_token": (1, 1, D), "patch_embed.proj.weight": (D, 3, 16, 16)}
    for at in range(layers):
        stem = f"blocks.{at}"
        found |= {
            f"{stem}.attn.qkv.weight": (3 * D, D),
            f"{stem}.attn.proj.weight": (D, D),
            f"{stem}.mlp.fc1.weight": (FF, D),
            f"{stem}.mlp.fc2.weight": (D, FF),
            f"{stem}.norm1.weight": (D,),
            f"{stem}.norm2.weight": (D,),
        }
    return found


def clip_vision(layers: int = 4) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for at in range(layers):
        stem = f"vision_model.encoder.layers.{at}"
        found |= _attention(f"{stem}.self_attn", _HF)
        found |= {
            f"{stem}.mlp.fc1.weight": (FF, D),
            f"{stem}.mlp.fc2.weight": (D, FF),
            f"{stem}.layer_norm1.weight": (D,),
            f"{stem}.layer_norm2.weight": (D,),
        }
    return found


def t5(layers: int = 3, *, gated: bool = False) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"shared.weight": (200, D)}
    parts = {"q": "q", "k": "k", "v": "v", "o": "o"}
    for stack, last in (("encoder", 1), ("decoder", 2)):
        for at in range(layers):
            stem = f"{stack}.block.{at}.layer"
            found |= _attention(f"{stem}.0.SelfAttention", parts)
            if last == 2:
                found |= _attention(f"{stem}.1.EncDecAttention", parts)
            for name in ("wi_0", "wi_1") if gated else ("wi",):
                found[f"{stem}.{last}.DenseReluDense.{name}.weight"] = (FF, D)
            found[f"{stem}.{last}.DenseReluDense.wo.weight"] = (D, FF)
            found |= {f"{stem}.{part}.layer_norm.weight": (D,) for part in range(last + 1)}
    return found


FAMILIES = {
    "whisper-hub": (whisper_hub(), WHISPER, 6, "final_layer_norm"),
    "whisper-maker": (whisper_maker(), None, 6, "mlp_ln"),
    "vit-hub": (vit_hub(), {"hidden_size": D, "model_type": "vit"}, 4, "layernorm_after"),
    "vit-timm": (vit_timm(), None, 4, "norm2"),
    "clip-vision": (clip_vision(), None, 4, "layer_norm2"),
    "t5": (t5(), {"d_model": D, "model_type": "t5"}, 6, "layer_norm"),
    "t5-gated": (t5(gated=True), {"d_model": D, "model_type": "t5"}, 6, "layer_norm"),
}


def opened(folder):
    return prepare(open_model(local_place(str(folder), Meter())))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_of_the_family_is_found_with_its_own_attention_and_norm(tmp_path, family: str) -> None:
    names, config, layers, norm = FAMILIES[family]
    anatomy = opened(tiny.save(tmp_path / "m", built(names, 1), config=config)).anatomy
    assert anatomy is not None
    assert not anatomy.guessed
    assert (anatomy.d, anatomy.ff, len(anatomy.layers)) == (D, FF, layers)
    for layer in anatomy.layers:
        assert layer.norm is not None
        assert norm in layer.norm
        parts = (layer.q, layer.k, layer.v, layer.o)
        assert all(part is not None and part.count == D for part in parts)
        assert not any(
            word in part.tensor for part in parts for word in ("encoder_attn", "cross_attn", "EncDec")
        )
    if family.startswith("t5"):
        assert "decoder.block.2.layer.2.layer_norm.weight" in {layer.norm for layer in anatomy.layers}
        assert (anatomy.layers[0].ffns[0].up is not None) == (family == "t5-gated")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tuned_member_is_found_in_every_layer_and_a_stranger_in_none(tmp_path, family: str) -> None:
    names, config, layers, _ = FAMILIES[family]
    base = built(names, 1)
    reference = opened(tiny.save(tmp_path / "base", base, config=config))
    found = compare(opened(tiny.save(tmp_path / "tuned", tiny.tuned(base, 3), config=config)), reference)
    assert found.verdict == "derived"
    assert found.layer_map == tuple(range(layers))
    other = compare(opened(tiny.save(tmp_path / "other", built(names, 2), config=config)), reference)
    assert other.verdict == "none_detected"


def test_the_two_names_of_one_whisper_are_one_model(tmp_path) -> None:
    hub = built(whisper_hub(), 1)
    words = (
        ("model.", ""),
        (".layers.", ".blocks."),
        ("embed_tokens", "token_embedding"),
        ("encoder_attn_layer_norm", "cross_attn_ln"),
        ("self_attn_layer_norm", "attn_ln"),
        ("final_layer_norm", "mlp_ln"),
        ("encoder_attn", "cross_attn"),
        ("self_attn", "attn"),
        ("q_proj", "query"),
        ("k_proj", "key"),
        ("v_proj", "value"),
        ("out_proj", "out"),
        ("fc1", "mlp.0"),
        ("fc2", "mlp.2"),
    )
    maker = {}
    for name, value in hub.items():
        maker[functools.reduce(lambda text, pair: text.replace(*pair), words, name)] = value
    assert set(maker) == set(whisper_maker())
    found = compare(
        opened(tiny.save(tmp_path / "a", maker)), opened(tiny.save(tmp_path / "b", hub, config=WHISPER))
    )
    assert found.verdict == "exact"
