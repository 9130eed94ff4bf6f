"""Two small networks as functions of a dict of tensors named as on the hub, and their training."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

Weights = dict[str, np.ndarray]


class Shape(NamedTuple):
    """Sizes of a network; `style` is llama or gpt2."""

    style: str = "llama"
    d: int = 192
    layers: int = 6
    ff: int = 512
    heads: int = 6
    kv: int = 2
    vocab: int = 1003


def fresh(shape: Shape, seed: int) -> Weights:
    """Return the weights of an untrained network."""
    generator = np.random.default_rng(seed)

    def normal(*size: int) -> np.ndarray:
        return (generator.standard_normal(size) * 0.04).astype(np.float32)

    d, ff = shape.d, shape.ff
    if shape.style == "gpt2":
        found = {"wte.weight": normal(shape.vocab, d), "wpe.weight": normal(128, d)}
        for at in range(shape.layers):
            name = f"h.{at}."
            for norm in ("ln_1", "ln_2"):
                found[name + norm + ".weight"] = np.ones(d, np.float32)
                found[name + norm + ".bias"] = np.zeros(d, np.float32)
            for part, size in (
                ("attn.c_attn", (d, 3 * d)),
                ("attn.c_proj", (d, d)),
                ("mlp.c_fc", (d, ff)),
                ("mlp.c_proj", (ff, d)),
            ):
                found[name + part + ".weight"] = normal(*size)
                found[name + part + ".bias"] = np.zeros(size[1], np.float32)
        found["ln_f.weight"], found["ln_f.bias"] = np.ones(d, np.float32), np.zeros(d, np.float32)
        return found
    side = d // shape.heads * shape.kv
    found = {"model.embed_tokens.weight": normal(shape.vocab, d)}
    for at in range(shape.layers):
        name = f"model.layers.{at}."
        found[name + "input_layernorm.weight"] = np.ones(d, np.float32)
        for part, rows in (("q", d), ("k", side), ("v", side), ("o", d)):
            found[f"{name}self_attn.{part}_proj.weight"] = normal(rows, d)
        found[name + "post_attention_layernorm.weight"] = np.ones(d, np.float32)
        found[name + "mlp.gate_proj.weight"] = normal(ff, d)
        found[name + "mlp.up_proj.weight"] = normal(ff, d)
        found[name + "mlp.down_proj.weight"] = normal(d, ff)
    found["model.norm.weight"] = np.ones(d, np.float32)
    found["lm_head.weight"] = normal(shape.vocab, d)
    return found


def _rms(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain


def _rope(x: torch.Tensor) -> torch.Tensor:
    length, half = x.shape[-2], x.shape[-1] // 2
    angle = torch.arange(length)[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    cos, sin = angle.cos(), angle.sin()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def logits(shape: Shape, w: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    """Return next-token scores."""
    return _gpt2(shape, w, ids) if shape.style == "gpt2" else _llama(shape, w, ids)


def _llama(shape: Shape, w: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    x = w["model.embed_tokens.weight"][ids]
    batch, length, _ = x.shape
    size = w["model.layers.0.self_attn.q_proj.weight"].shape[0] // shape.heads
    at = 0
    while f"model.layers.{at}.mlp.gate_proj.weight" in w:
        name = f"model.layers.{at}."
        y = _rms(x, w[name + "input_layernorm.weight"])
        q, k, v = (
            F.linear(y, w[f"{name}self_attn.{part}_proj.weight"])
            .view(batch, length, -1, size)
            .transpose(1, 2)
            for part in "qkv"
        )
        k, v = (one.repeat_interleave(shape.heads // shape.kv, 1) for one in (_rope(k), v))
        y = F.scaled_dot_product_attention(_rope(q), k, v, is_causal=True)
        x = x + F.linear(y.transpose(1, 2).reshape(batch, length, -1), w[name + "self_attn.o_proj.weight"])
        y = _rms(x, w[name + "post_attention_layernorm.weight"])
        y = F.silu(F.linear(y, w[name + "mlp.gate_proj.weight"])) * F.linear(
            y, w[name + "mlp.up_proj.weight"]
        )
        x = x + F.linear(y, w[name + "mlp.down_proj.weight"])
        at += 1
    return F.linear(_rms(x, w["model.norm.weight"]), w["lm_head.weight"])


def _gpt2(shape: Shape, w: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    d = shape.d
    x = w["wte.weight"][ids] + w["wpe.weight"][: ids.shape[1]]
    batch, length, _ = x.shape
    for at in range(shape.layers):
        name = f"h.{at}."
        y = F.layer_norm(x, (d,), w[name + "ln_1.weight"], w[name + "ln_1.bias"])
        q, k, v = (y @ w[name + "attn.c_attn.weight"] + w[name + "attn.c_attn.bias"]).split(d, -1)
        q, k, v = (one.view(batch, length, shape.heads, -1).transpose(1, 2) for one in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, d)
        x = x + y @ w[name + "attn.c_proj.weight"] + w[name + "attn.c_proj.bias"]
        y = F.layer_norm(x, (d,), w[name + "ln_2.weight"], w[name + "ln_2.bias"])
        y = F.gelu(y @ w[name + "mlp.c_fc.weight"] + w[name + "mlp.c_fc.bias"])
        x = x + y @ w[name + "mlp.c_proj.weight"] + w[name + "mlp.c_proj.bias"]
    return F.layer_norm(x, (d,), w["ln_f.weight"], w["ln_f.bias"]) @ w["wte.weight"].T


class Training(NamedTuple):
    """How to train: `only` limits it to names containing one of these."""

    steps: int
    lr: float = 2e-3
    decay: float = 0.05
    seed: int = 0
    only: tuple[str, ...] = ()
    batch: int = 8
    length: int = 48


def train(
    shape: Shape,
    weights: Weights,
    ids: np.ndarray,
    how: Training,
    *,
    teacher: Weights | None = None,
    stop=None,
) -> Weights:
    """Return the weights after training on `ids`, or on a teacher's answers; `stop` may end it."""
    torch.manual_seed(how.seed)
    generator = np.random.default_rng(how.seed + 17)
    tensors = {name: torch.tensor(value) for name, value in weights.items()}
    learned = [
        one.requires_grad_()
        for name, one in tensors.items()
        if not how.only or any(part in name for part in how.only)
    ]
    optimiser = torch.optim.AdamW(learned, lr=how.lr, weight_decay=how.decay, betas=(0.9, 0.95))
    guide = None if teacher is None else {name: torch.tensor(value) for name, value in teacher.items()}
    data = torch.tensor(ids)
    for step in range(how.steps):
        rate = (
            how.lr
            * min(1.0, (step + 1) / 10)
            * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / how.steps)))
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        starts = generator.integers(0, len(ids) - how.length - 1, how.batch)
        block = torch.stack([data[start : start + how.length + 1] for start in starts])
        scores = logits(shape, tensors, block[:, :-1])
        if guide is None:
            loss = F.cross_entropy(scores.flatten(0, 1), block[:, 1:].flatten())
        else:
            with torch.no_grad():
                wanted = logits(shape, guide, block[:, :-1]).softmax(-1)
            loss = -(wanted * scores.log_softmax(-1)).sum(-1).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        if (
            stop is not None
            and step % 20 == 19
            and stop(step, {n: t.detach().numpy() for n, t in tensors.items()})
        ):
            break
    return {name: one.detach().numpy().copy() for name, one in tensors.items()}


def loss_of(shape: Shape, weights: Weights, ids: np.ndarray) -> float:
    """Return the loss on a fixed sample: a disguise that preserves the function leaves it as it was."""
    with torch.no_grad():
        block = torch.tensor(ids[: 16 * 49].reshape(16, 49))
        scores = logits(shape, {name: torch.tensor(value) for name, value in weights.items()}, block[:, :-1])
        return float(F.cross_entropy(scores.flatten(0, 1), block[:, 1:].flatten()))
