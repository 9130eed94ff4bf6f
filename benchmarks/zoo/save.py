"""Writers for the formats models come in; small, seeded models only."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

Weights = dict[str, np.ndarray]


def config(style: str, w: Weights, vocab: int, *, model_type: str | None = None) -> dict[str, object]:
    """Return a config.json as the hub has it."""
    if style == "gpt2":
        d = w["wte.weight"].shape[1]
        layers = sum(name.endswith("ln_1.weight") for name in w)
        return {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "n_embd": d,
            "n_layer": layers,
            "n_head": 6,
            "vocab_size": vocab,
            "layer_norm_epsilon": 1e-5,
        }
    table = next(value for name, value in w.items() if value.ndim == 2 and value.shape[0] == vocab)
    inner = max(
        (value.shape[0] for name, value in w.items() if "gate_proj" in name or name.endswith("y2")),
        default=512,
    )
    layers = len({name.split(".")[2] for name in w if name.startswith("model.layers.")}) or len(
        {n.split(".")[1] for n in w if n.startswith("unit.")}
    )
    return {
        "architectures": ["LlamaForCausalLM" if model_type is None else "CustomForCausalLM"],
        "model_type": model_type or "llama",
        "hidden_size": int(table.shape[1]),
        "intermediate_size": int(inner),
        "num_hidden_layers": layers,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "vocab_size": vocab,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }


def side_files(
    folder: Path, style: str, w: Weights, tokens: list[str], *, model_type: str | None = None
) -> None:
    """Write config.json and tokenizer.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(
        json.dumps(config(style, w, len(tokens), model_type=model_type), indent=1)
    )
    vocabulary = {token: at for at, token in enumerate(tokens)}
    empty = ("truncation", "padding", "normalizer", "post_processor", "decoder")
    tokenizer = {
        "version": "1.0",
        **dict.fromkeys(empty),
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"})
    )


def safetensors(path: Path, w: Weights, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file; arrays of uint16 are taken as bfloat16 bits."""
    kinds = {
        "float32": "F32",
        "float16": "F16",
        "uint16": "BF16",
        "uint32": "U32",
        "int8": "I8",
        "int64": "I64",
    }
    header: dict[str, object] = {"__metadata__": metadata or {"format": "pt"}}
    at = 0
    for name in sorted(w):
        header[name] = {
            "dtype": kinds[w[name].dtype.name],
            "shape": list(w[name].shape),
            "data_offsets": [at, at + w[name].nbytes],
        }
        at += w[name].nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(w):
            file.write(np.ascontiguousarray(w[name]).tobytes())


def npz_int8(path: Path, w: Weights) -> None:
    """Write an NPZ with matrices as 8-bit integers and one scale per row."""
    found = {}
    for name, value in w.items():
        if value.ndim == 2:
            scale = np.abs(value).max(axis=1, keepdims=True) / 127 + 1e-12
            found[name], found[name + "_scale"] = (
                np.round(value / scale).astype(np.int8),
                scale.astype(np.float32),
            )
        else:
            found[name] = value
    np.savez(path, **found)


def mlx(path: Path, w: Weights, bits: int = 4, group: int = 64) -> None:
    """Write an MLX-quantised safetensors file."""
    found = {}
    for name, value in w.items():
        if value.ndim != 2 or value.shape[1] % group:
            found[name] = value
            continue
        grouped = value.reshape(value.shape[0], -1, group)
        low, high = grouped.min(-1, keepdims=True), grouped.max(-1, keepdims=True)
        step = (high - low) / (2**bits - 1) + 1e-12
        codes = (
            np.clip(np.round((grouped - low) / step), 0, 2**bits - 1)
            .astype(np.uint32)
            .reshape(value.shape[0], -1, 32 // bits)
        )
        found[name] = (codes << np.arange(0, 32, bits, dtype=np.uint32)).sum(-1).astype(np.uint32)
        found[name.removesuffix(".weight") + ".scales"] = step[..., 0].astype(np.float32)
        found[name.removesuffix(".weight") + ".biases"] = low[..., 0].astype(np.float32)
    safetensors(path, found, {"format": "mlx"})


_GGUF_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf(path: Path, w: Weights, tokens: list[str], kind: str, name: str) -> None:
    """Write a GGUF as llama.cpp's converter does, q and k interleaved; LLaMA names in."""
    import gguf as package  # noqa: PLC0415

    writer = package.GGUFWriter(str(path), "llama")
    layers = len({one.split(".")[2] for one in w if one.startswith("model.layers.")})
    writer.add_name(name)
    writer.add_embedding_length(int(w["model.norm.weight"].shape[0]))
    writer.add_block_count(layers)
    writer.add_feed_forward_length(int(w["model.layers.0.mlp.gate_proj.weight"].shape[0]))
    writer.add_head_count(6)
    writer.add_head_count_kv(2)
    writer.add_context_length(128)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    type_ = package.GGMLQuantizationType[kind]
    for long, value in w.items():
        parts = long.split(".")
        if long.startswith("model.layers."):
            short = f"blk.{parts[2]}.{_GGUF_NAMES['.'.join(parts[3:-1])]}.weight"
        else:
            short = {
                "model.embed_tokens.weight": "token_embd.weight",
                "model.norm.weight": "output_norm.weight",
                "lm_head.weight": "output.weight",
            }[long]
        if "attn_q" in short or "attn_k" in short:
            heads = 6 if "attn_q" in short else 2
            split = value.reshape(heads, 2, -1, value.shape[1])
            value = split.swapaxes(1, 2).reshape(value.shape)  # noqa: PLW2901
        if value.ndim == 1 or kind == "F32":
            writer.add_tensor(short, np.ascontiguousarray(value, np.float32))
        elif kind == "F16":
            writer.add_tensor(short, value.astype(np.float16))
        else:
            writer.add_tensor(
                short,
                package.quants.quantize(np.ascontiguousarray(value, np.float32), type_),
                raw_dtype=type_,
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _onnx_tensor(name: str, value: np.ndarray) -> bytes:
    kind = {"float32": 1, "int8": 3}[value.dtype.name]
    dims = b"".join(_varint(1 << 3) + _varint(size) for size in value.shape)
    return (
        dims
        + _varint(2 << 3)
        + _varint(kind)
        + _field(8, name.encode())
        + _field(9, np.ascontiguousarray(value).tobytes())
    )


def _onnx_node(op: str, inputs: list[str], output: str) -> bytes:
    return (
        b"".join(_field(1, one.encode()) for one in inputs)
        + _field(2, output.encode())
        + _field(4, op.encode())
    )


def onnx(path: Path, w: Weights, *, int8: bool = False) -> None:
    """Write the matrix products of a LLaMA-style model as an ONNX graph with anonymous weights.

    Steps without weights (rotation of positions, the softmax) are left out: descent is read
    from weights and their order alone.
    """
    nodes, tensors = [], []
    count = 0

    def weight(value: np.ndarray) -> str:
        nonlocal count
        count += 1
        name = f"onnx::MatMul_{count * 7 + 400}"
        if not int8:
            tensors.append(_onnx_tensor(name, value))
            return name
        scale = np.float32(np.abs(value).max() / 127)
        tensors.append(_onnx_tensor(name + "_q", np.round(value / scale).astype(np.int8)))
        tensors.append(_onnx_tensor(name + "_scale", scale.reshape(1)))
        nodes.append(_onnx_node("DequantizeLinear", [name + "_q", name + "_scale"], name))
        return name

    def product(x: str, value: np.ndarray) -> str:
        nodes.append(_onnx_node("MatMul", [x, weight(np.ascontiguousarray(value.T))], f"y{len(nodes)}"))
        return f"y{len(nodes) - 1}"

    def step(op: str, *inputs: str) -> str:
        nodes.append(_onnx_node(op, list(inputs), f"y{len(nodes)}"))
        return f"y{len(nodes) - 1}"

    def norm(x: str, name: str) -> str:
        tensors.append(_onnx_tensor(name, w[name]))
        return step("SimplifiedLayerNormalization", x, name)

    tensors.append(_onnx_tensor("embed", w["model.embed_tokens.weight"]))
    x = step("Gather", "embed", "input_ids")
    layers = len({one.split(".")[2] for one in w if one.startswith("model.layers.")})
    for at in range(layers):
        stem = f"model.layers.{at}."
        y = norm(x, stem + "input_layernorm.weight")
        q, k, v = (product(y, w[f"{stem}self_attn.{part}_proj.weight"]) for part in "qkv")
        x = step("Add", x, product(step("Attention", q, k, v), w[stem + "self_attn.o_proj.weight"]))
        y = norm(x, stem + "post_attention_layernorm.weight")
        gate = product(y, w[stem + "mlp.gate_proj.weight"])
        up = product(y, w[stem + "mlp.up_proj.weight"])
        x = step("Add", x, product(step("Mul", step("Silu", gate), up), w[stem + "mlp.down_proj.weight"]))
    product(norm(x, "model.norm.weight"), w["lm_head.weight"])
    graph = b"".join(_field(1, one) for one in nodes) + b"".join(_field(5, one) for one in tensors)
    path.write_bytes(_varint(1 << 3) + _varint(8) + _field(2, b"zoo") + _field(7, graph))
