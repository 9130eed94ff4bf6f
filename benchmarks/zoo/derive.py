"""Ways to derive a model from another, and to hide that it was: all on dicts of arrays, LLaMA names."""

from __future__ import annotations

import re

import numpy as np

Weights = dict[str, np.ndarray]
_FFN = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")


def depth(w: Weights) -> int:
    """Return the number of layers."""
    return 1 + max(int(match[1]) for name in w if (match := re.match(r"model\.layers\.(\d+)\.", name)))


def _linear(name: str) -> bool:
    return name.endswith("_proj.weight")


def pick_layers(
    w: Weights, order: list[int], other: Weights | None = None, from_other: tuple[int, ...] = ()
) -> Weights:
    """Return a model whose layer i is layer order[i], of `other` where i is in `from_other`."""
    found = {name: value for name, value in w.items() if not name.startswith("model.layers.")}
    for at, source in enumerate(order):
        origin = other if other is not None and at in from_other else w
        prefix = f"model.layers.{source}."
        found |= {
            f"model.layers.{at}.{name[len(prefix) :]}": value
            for name, value in origin.items()
            if name.startswith(prefix)
        }
    return found


def rounded(w: Weights, bits: int, group: int = 32) -> Weights:
    """Return the weights rounded to nearest in groups."""
    found = dict(w)
    for name, value in w.items():
        if _linear(name):
            grouped = value.reshape(value.shape[0], -1, group)
            step = np.abs(grouped).max(-1, keepdims=True) / (2 ** (bits - 1) - 1) + 1e-12
            found[name] = (np.round(grouped / step) * step).reshape(value.shape).astype(np.float32)
    return found


def bf16(w: Weights) -> Weights:
    """Return the weights cut to bfloat16."""
    return {
        name: (value.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) for name, value in w.items()
    }


def magnitude_pruned(w: Weights, part: float) -> Weights:
    """Return the weights with the smallest `part` of every matrix at zero."""
    found = dict(w)
    for name, value in w.items():
        if _linear(name):
            found[name] = np.where(np.abs(value) < np.quantile(np.abs(value), part), 0, value).astype(
                np.float32
            )
    return found


def width_pruned(w: Weights, d: int, ff: int, heads: int, kv: int) -> Weights:
    """Return the model with the residual space cut to `d` dimensions and the FFNs to `ff` neurons."""
    keep = np.sort(np.argsort(-np.linalg.norm(w["model.embed_tokens.weight"], axis=0))[:d])
    found = {}
    for name, value in w.items():
        if value.ndim == 1 or name.endswith(("embed_tokens.weight", "lm_head.weight")):
            found[name] = value[..., keep]
        elif name.endswith(("o_proj.weight", "down_proj.weight")):
            found[name] = value[keep]
        else:
            found[name] = value[:, keep]
    for at in range(depth(w)):
        stem = f"model.layers.{at}.mlp."
        size = np.linalg.norm(found[stem + "gate_proj.weight"], axis=1) * np.linalg.norm(
            found[stem + "down_proj.weight"], axis=0
        )
        best = np.sort(np.argsort(-size)[:ff])
        found[stem + "gate_proj.weight"] = found[stem + "gate_proj.weight"][best]
        found[stem + "up_proj.weight"] = found[stem + "up_proj.weight"][best]
        found[stem + "down_proj.weight"] = found[stem + "down_proj.weight"][:, best]
    return found


def upcycled(w: Weights, experts: int, seed: int) -> Weights:
    """Return a mixture of experts whose first expert is the dense FFN and whose others are noisy copies."""
    generator = np.random.default_rng(seed)
    found = {name: value for name, value in w.items() if ".mlp." not in name}
    for at in range(depth(w)):
        stem = f"model.layers.{at}.mlp."
        found[stem + "gate.weight"] = generator.standard_normal(
            (experts, w["model.norm.weight"].shape[0])
        ).astype(np.float32)
        for expert in range(experts):
            for part in ("gate_proj", "up_proj", "down_proj"):
                value = w[f"{stem}{part}.weight"]
                noise = generator.standard_normal(value.shape).astype(np.float32) * value.std() * 0.3 * expert
                found[f"{stem}experts.{expert}.{part}.weight"] = value + noise
    return found


def merged(a: Weights, b: Weights, part_a: float) -> Weights:
    """Return part_a * a + (1 - part_a) * b."""
    return {name: (part_a * a[name] + (1 - part_a) * b[name]).astype(np.float32) for name in a}


def slerped(a: Weights, b: Weights, t: float) -> Weights:
    """Return the spherical interpolation, matrix by matrix."""
    found = {}
    for name, one in a.items():
        x, y = one.ravel(), b[name].ravel()
        angle = np.arccos(np.clip(x @ y / (np.linalg.norm(x) * np.linalg.norm(y) + 1e-12), -1, 1))
        if angle < 1e-4:
            found[name] = ((1 - t) * one + t * b[name]).astype(np.float32)
        else:
            mixed = (np.sin((1 - t) * angle) * x + np.sin(t * angle) * y) / np.sin(angle)
            found[name] = mixed.reshape(one.shape).astype(np.float32)
    return found


def reinitialised(w: Weights, layers: tuple[int, ...], seed: int) -> Weights:
    """Return the model with these layers drawn anew at their own scale."""
    generator = np.random.default_rng(seed)
    found = dict(w)
    for name, value in w.items():
        if _linear(name) and any(name.startswith(f"model.layers.{at}.") for at in layers):
            found[name] = (generator.standard_normal(value.shape) * value.std()).astype(np.float32)
    return found


def lora_pair(w: Weights, tuned: Weights, rank: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return name -> (A, B) of the best low-rank change from `w` to `tuned`, for q, v and gate."""
    found = {}
    for name in w:
        if re.search(r"(q_proj|v_proj|gate_proj)\.weight$", name):
            left, size, right = np.linalg.svd(tuned[name] - w[name], full_matrices=False)
            root = np.sqrt(size[:rank])
            found[name] = (
                (root[:, None] * right[:rank]).astype(np.float32),
                (left[:, :rank] * root).astype(np.float32),
            )
    return found


def with_lora(w: Weights, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Weights:
    """Return the model with a low-rank change merged in."""
    return {
        name: (value + pairs[name][1] @ pairs[name][0]).astype(np.float32) if name in pairs else value
        for name, value in w.items()
    }


def permuted(w: Weights, seed: int) -> Weights:
    """Return the same function with residual dimensions and hidden neurons shuffled."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(w["model.norm.weight"].shape[0])
    found = _on_residual(w, lambda rows: rows[..., order], lambda columns: columns[order])
    for at in range(depth(w)):
        stem = f"model.layers.{at}.mlp."
        neurons = generator.permutation(found[stem + "gate_proj.weight"].shape[0])
        found[stem + "gate_proj.weight"] = found[stem + "gate_proj.weight"][neurons]
        found[stem + "up_proj.weight"] = found[stem + "up_proj.weight"][neurons]
        found[stem + "down_proj.weight"] = found[stem + "down_proj.weight"][:, neurons]
    return found


def scaled(w: Weights, seed: int) -> Weights:
    """Return the same function with scale moved between norms and matrices, and between up and down."""
    generator = np.random.default_rng(seed)
    found = dict(w)
    for at in range(depth(w)):
        stem = f"model.layers.{at}."
        for norm, readers in (
            ("input_layernorm", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")),
            ("post_attention_layernorm", ("mlp.gate_proj", "mlp.up_proj")),
        ):
            amount = np.exp(generator.uniform(-1, 1, w["model.norm.weight"].shape)).astype(np.float32)
            found[f"{stem}{norm}.weight"] = found[f"{stem}{norm}.weight"] * amount
            for reader in readers:
                found[f"{stem}{reader}.weight"] = found[f"{stem}{reader}.weight"] / amount
        amount = np.exp(generator.uniform(-1, 1, found[stem + "mlp.up_proj.weight"].shape[0])).astype(
            np.float32
        )
        found[stem + "mlp.up_proj.weight"] = found[stem + "mlp.up_proj.weight"] * amount[:, None]
        found[stem + "mlp.down_proj.weight"] = found[stem + "mlp.down_proj.weight"] / amount
    return found


def rotated(w: Weights, seed: int) -> Weights:
    """Return the same function after a rotation of the residual space; norms are folded in first."""
    folded = dict(w)
    for at in range(depth(w)):
        stem = f"model.layers.{at}."
        for norm, readers in (
            ("input_layernorm", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")),
            ("post_attention_layernorm", ("mlp.gate_proj", "mlp.up_proj")),
        ):
            gain = folded[f"{stem}{norm}.weight"]
            folded[f"{stem}{norm}.weight"] = np.ones_like(gain)
            for reader in readers:
                folded[f"{stem}{reader}.weight"] = folded[f"{stem}{reader}.weight"] * gain
    folded["lm_head.weight"] = folded["lm_head.weight"] * folded["model.norm.weight"]
    folded["model.norm.weight"] = np.ones_like(folded["model.norm.weight"])
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.standard_normal((len(folded["model.norm.weight"]),) * 2))[0].astype(
        np.float32
    )
    found = _on_residual(
        folded, lambda rows: rows @ turn if rows.ndim == 2 else rows, lambda columns: turn.T @ columns
    )
    return {name: np.ascontiguousarray(value) for name, value in found.items()}


def _on_residual(w: Weights, rows, columns) -> Weights:
    """Return the weights with a change of basis on everything that reads or writes the residual space."""
    return {
        name: columns(value) if name.endswith(("o_proj.weight", "down_proj.weight")) else rows(value)
        for name, value in w.items()
    }


def renamed(w: Weights) -> Weights:
    """Return the tensors under names that say nothing, in an order that says nothing."""
    words = {
        "model.embed_tokens": "tbl.in",
        "lm_head": "tbl.out",
        "model.norm": "fin",
        "input_layernorm": "s0",
        "post_attention_layernorm": "s1",
        "self_attn.q_proj": "x3",
        "self_attn.k_proj": "x1",
        "self_attn.v_proj": "x4",
        "self_attn.o_proj": "x2",
        "mlp.gate_proj": "y2",
        "mlp.up_proj": "y1",
        "mlp.down_proj": "y3",
    }
    found = {}
    for name, value in w.items():
        match = re.match(r"model\.layers\.(\d+)\.(.+)\.weight$", name)
        new = f"unit.{match[1]}.{words[match[2]]}" if match else words[name.removesuffix(".weight")]
        found[new] = value
    return found


def drawn_tables(w: Weights, vocab: int, seed: int) -> Weights:
    """Return the model with embeddings and head for another vocabulary, drawn anew."""
    generator = np.random.default_rng(seed)
    found = dict(w)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        found[name] = (generator.standard_normal((vocab, w[name].shape[1])) * w[name].std()).astype(
            np.float32
        )
    return found
