"""Tiny models made with numpy, and writers for the formats they come in."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

Weights = dict[str, np.ndarray]
D, FF, LAYERS, VOCAB = 64, 160, 4, 300


def llama(seed: int, *, d: int = D, ff: int = FF, layers: int = LAYERS, vocab: int = VOCAB) -> Weights:
    """Return a LLaMA-style model of random weights: strangers, if the seeds differ."""
    generator = np.random.default_rng(seed)

    def normal(*size: int) -> np.ndarray:
        return generator.standard_normal(size, np.float32) * np.float32(0.05)

    found = {
        "model.embed_tokens.weight": normal(vocab, d),
        "model.norm.weight": np.ones(d, np.float32),
        "lm_head.weight": normal(vocab, d),
    }
    for at in range(layers):
        stem = f"model.layers.{at}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            found[f"{stem}{norm}.weight"] = 1 + normal(d)
        for part, rows in (("q", d), ("k", d // 2), ("v", d // 2), ("o", d)):
            found[f"{stem}self_attn.{part}_proj.weight"] = normal(rows, d)
        for part in ("gate", "up"):
            found[f"{stem}mlp.{part}_proj.weight"] = normal(ff, d)
        found[f"{stem}mlp.down_proj.weight"] = normal(d, ff)
    return found


def bert(seed: int, *, d: int = D, ff: int = FF, layers: int = LAYERS) -> Weights:
    """Return a BERT-style model."""
    generator = np.random.default_rng(seed)
    found = {"embeddings.word_embeddings.weight": generator.standard_normal((VOCAB, d), np.float32)}
    for at in range(layers):
        stem = f"encoder.layer.{at}."
        for name, size in (
            ("attention.self.query", (d, d)),
            ("attention.self.key", (d, d)),
            ("attention.self.value", (d, d)),
            ("attention.output.dense", (d, d)),
            ("intermediate.dense", (ff, d)),
            ("output.dense", (d, ff)),
        ):
            found[f"{stem}{name}.weight"] = generator.standard_normal(size, np.float32)
    return found


def gpt2(seed: int, *, d: int = D, ff: int = FF, layers: int = LAYERS) -> Weights:
    """Return a GPT-2-style model, whose matrices lie [in, out]."""
    generator = np.random.default_rng(seed)
    found = {"wte.weight": generator.standard_normal((VOCAB, d), np.float32)}
    for at in range(layers):
        found[f"h.{at}.ln_2.weight"] = np.ones(d, np.float32)
        for name, size in (
            ("attn.c_attn", (d, 3 * d)),
            ("attn.c_proj", (d, d)),
            ("mlp.c_fc", (d, ff)),
            ("mlp.c_proj", (ff, d)),
        ):
            found[f"h.{at}.{name}.weight"] = generator.standard_normal(size, np.float32)
    return found


def tuned(w: Weights, seed: int, amount: float = 0.2) -> Weights:
    """Return the weights moved by `amount` of their own size along a few directions, as training does."""
    generator = np.random.default_rng(seed)
    found = {}
    for name, value in w.items():
        if value.ndim != 2:
            found[name] = value
            continue
        change = generator.standard_normal((value.shape[0], 4), np.float32) @ generator.standard_normal(
            (4, value.shape[1]), np.float32
        )
        found[name] = value + change * np.float32(amount * value.std() / change.std())
    return found


def drifted(w: Weights, cosine: float, seed: int) -> Weights:
    """Return the weights mixed with noise until their rows have this cosine with the old ones."""
    generator = np.random.default_rng(seed)
    sine = np.sqrt(1 - cosine**2)
    return {
        name: (cosine * value + sine * generator.standard_normal(value.shape) * value.std()).astype(
            np.float32
        )
        if value.ndim == 2
        else value
        for name, value in w.items()
    }


def rotated(w: Weights, seed: int) -> Weights:
    """Return the same function in a turned residual space, neurons shuffled; norms folded in first."""
    generator = np.random.default_rng(seed)
    d = w["model.norm.weight"].shape[0]
    turn = np.linalg.qr(generator.standard_normal((d, d)))[0].astype(np.float32)
    found = dict(w)
    for at in range(LAYERS):
        stem = f"model.layers.{at}."
        for norm, readers in (
            ("input_layernorm", ("self_attn.q", "self_attn.k", "self_attn.v")),
            ("post_attention_layernorm", ("mlp.gate", "mlp.up")),
        ):
            for reader in readers:
                found[f"{stem}{reader}_proj.weight"] = (
                    found[f"{stem}{reader}_proj.weight"] * found[f"{stem}{norm}.weight"]
                )
            found[f"{stem}{norm}.weight"] = np.ones(d, np.float32)
        order = generator.permutation(found[f"{stem}mlp.gate_proj.weight"].shape[0])
        for part in ("gate", "up"):
            found[f"{stem}mlp.{part}_proj.weight"] = found[f"{stem}mlp.{part}_proj.weight"][order]
        found[f"{stem}mlp.down_proj.weight"] = found[f"{stem}mlp.down_proj.weight"][:, order]
    for name, value in found.items():
        if value.ndim == 2:
            found[name] = (
                turn.T @ value if name.endswith(("o_proj.weight", "down_proj.weight")) else value @ turn
            )
    return found


def layers_of(
    w: Weights, order: list[int], other: Weights | None = None, from_other: tuple[int, ...] = ()
) -> Weights:
    """Return a model whose layer i is layer order[i], of `other` where i is in `from_other`."""
    found = {name: value for name, value in w.items() if ".layers." not in name}
    for at, source in enumerate(order):
        origin = other if other is not None and at in from_other else w
        stem = f"model.layers.{source}."
        found |= {
            f"model.layers.{at}.{name[len(stem) :]}": value
            for name, value in origin.items()
            if name.startswith(stem)
        }
    return found


def tokens(count: int = VOCAB) -> list[str]:
    """Return token texts."""
    return [f"word{at}" for at in range(count)]


def save(
    folder: Path,
    w: Weights,
    *,
    config: dict[str, Any] | None = None,
    vocabulary: list[str] | None = None,
    card: str | None = None,
) -> Path:
    """Write a folder with model.safetensors and its side files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(safetensors(w))
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    if vocabulary is not None:
        table = {token: at for at, token in enumerate(vocabulary)}
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordLevel", "vocab": table}}))
    if card is not None:
        (folder / "README.md").write_text(card)
    return folder


_KINDS = {
    "float32": "F32",
    "float16": "F16",
    "uint16": "BF16",
    "uint32": "U32",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "uint8": "U8",
    "int64": "I64",
}


def safetensors(w: Weights, *, header: dict[str, Any] | None = None) -> bytes:
    """Return a safetensors file; `header` replaces entries of the true one."""
    table: dict[str, Any] = {}
    at = 0
    for name, value in w.items():
        table[name] = {
            "dtype": _KINDS[value.dtype.name],
            "shape": list(value.shape),
            "data_offsets": [at, at + value.nbytes],
        }
        at += value.nbytes
    text = json.dumps({**table, **(header or {})}).encode()
    return (
        struct.pack("<Q", len(text))
        + text
        + b"".join(np.ascontiguousarray(value).tobytes() for value in w.values())
    )


def torch_zip(w: Weights, *, extra: bytes = b"", compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a checkpoint as torch.save writes it; `extra` is put into the pickle before its end."""
    items = b"".join(
        _text(name) + _torch_tensor(at, value) + b"s" for at, (name, value) in enumerate(w.items())
    )
    return _torch_archive(b"\x80\x02}" + items + extra + b".", w, compression)


def torch_script(w: Weights) -> bytes:
    """Return a TorchScript file: a module of modules, whose classes the file itself would define."""
    parts: dict[str, bytes] = {}
    for at, (name, value) in enumerate(w.items()):
        module, _, attribute = name.rpartition(".")
        parts[module] = parts.get(module, b"") + _text(attribute) + _torch_tensor(at, value)
    rates = _text("rates") + b"ctorch.jit._pickle\nbuild_intlist\n(](" + _int(8000) + _int(16000) + b"etR"
    inner = b"".join(
        _text(name) + b"c__torch__.net.___torch_mangle_1\nConv\n)\x81}(" + attributes + b"ub"
        for name, attributes in parts.items()
    )
    return _torch_archive(
        b"\x80\x02c__torch__.net\nNet\n)\x81}(" + rates + inner + b"ub.", w, zipfile.ZIP_STORED
    )


def _torch_tensor(at: int, value: np.ndarray) -> bytes:
    kinds = {"float32": "FloatStorage", "float16": "HalfStorage"}
    strides = [stride // value.itemsize for stride in value.strides]
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + _text("storage")
        + f"ctorch\n{kinds[value.dtype.name]}\n".encode()
        + _text(str(at))
        + _text("cpu")
        + _int(value.size)
        + b"tQ"
        + _int(0)
        + _tuple(value.shape)
        + _tuple(strides)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def _torch_archive(pickled: bytes, w: Weights, compression: int) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for at, value in enumerate(w.values()):
            archive.writestr(f"archive/data/{at}", value.tobytes())
    return found.getvalue()


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def _int(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(values: Any) -> bytes:
    return b"(" + b"".join(_int(int(one)) for one in values) + b"t"


def pickled_canary(path: Path) -> bytes:
    """Return pickle instructions that would create the file `path` if they were ever run."""

    class Canary:
        def __reduce__(self) -> tuple[Any, tuple[str, str]]:
            return (open, (str(path), "w"))

    return pickle.dumps(Canary(), protocol=2)[2:-1]


_GGUF_PARTS = {
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
_GGUF_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def gguf_name(long: str) -> str:
    """Return what GGUF calls a tensor of a LLaMA-style model."""
    parts = long.split(".")
    return _GGUF_NAMES.get(long) or f"blk.{parts[2]}.{_GGUF_PARTS['.'.join(parts[3:-1])]}.weight"


def gguf(
    w: Weights, *, kind: int = 0, metadata: dict[str, Any] | None = None, vocabulary: list[str] | None = None
) -> bytes:
    """Return a GGUF file of F32 tensors (kind 0) or F16 (kind 1), LLaMA names in."""
    keys: dict[str, Any] = {"general.architecture": "llama", **(metadata or {})}
    head = b"".join(_gguf_text(key) + _gguf_value(value) for key, value in keys.items())
    count = len(keys)
    if vocabulary is not None:
        head += (
            _gguf_text("tokenizer.ggml.tokens")
            + struct.pack("<IIQ", 9, 8, len(vocabulary))
            + b"".join(map(_gguf_text, vocabulary))
        )
        count += 1
    listed, data = b"", b""
    for long, value in w.items():
        short = gguf_name(long)
        packed = value.astype(np.float16 if kind == 1 and value.ndim == 2 else np.float32)
        listed += (
            _gguf_text(short)
            + struct.pack("<I", value.ndim)
            + b"".join(struct.pack("<Q", size) for size in reversed(value.shape))
        )
        listed += struct.pack("<IQ", kind if value.ndim == 2 else 0, len(data))
        data += packed.tobytes()
        data += b"\0" * (-len(data) % 32)
    body = b"GGUF" + struct.pack("<IQQ", 3, len(w), count) + head + listed
    return body + b"\0" * (-len(body) % 32) + data


def _gguf_text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _gguf_value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _gguf_text(value)
    return struct.pack("<II", 4, value) if isinstance(value, int) else struct.pack("<If", 6, value)


def varint(value: int) -> bytes:
    """Return a protocol-buffer number."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def field(number: int, data: bytes) -> bytes:
    """Return a protocol-buffer field that has a length."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx_tensor(name: str, value: np.ndarray, *, external: dict[str, str] | None = None) -> bytes:
    """Return an ONNX tensor, its data inside or in another file."""
    kind = {"float32": 1, "int8": 3}[value.dtype.name]
    head = (
        b"".join(varint(1 << 3) + varint(size) for size in value.shape)
        + varint(2 << 3)
        + varint(kind)
        + field(8, name.encode())
    )
    if external is None:
        return head + field(9, np.ascontiguousarray(value).tobytes())
    pairs = b"".join(
        field(13, field(1, key.encode()) + field(2, text.encode())) for key, text in external.items()
    )
    return head + pairs + varint(14 << 3) + varint(1)


def onnx(w: Weights, *, int8: bool = False, external: str | None = None) -> tuple[bytes, bytes]:
    """Return an ONNX graph with anonymous weights, and the external data if a name for it is given."""
    nodes: list[bytes] = []
    tensors: list[bytes] = []
    outside = b""

    def node(op: str, *inputs: str) -> str:
        output = f"y{len(nodes)}"
        nodes.append(
            b"".join(field(1, one.encode()) for one in inputs)
            + field(2, output.encode())
            + field(4, op.encode())
        )
        return output

    def keep(name: str, value: np.ndarray) -> str:
        nonlocal outside
        place = None
        if external is not None:
            place = {"location": external, "offset": str(len(outside)), "length": str(value.nbytes)}
            outside += np.ascontiguousarray(value).tobytes()
        tensors.append(onnx_tensor(name, value, external=place))
        return name

    def product(x: str, value: np.ndarray) -> str:
        name = f"onnx::MatMul_{len(tensors) + 400}"
        value = np.ascontiguousarray(value.T)
        if not int8:
            return node("MatMul", x, keep(name, value))
        scale = np.float32(np.abs(value).max() / 127)
        keep(name + "_q", np.round(value / scale).astype(np.int8))
        keep(name + "_scale", scale.reshape(1))
        return node("MatMul", x, node("DequantizeLinear", name + "_q", name + "_scale"))

    x = node("Gather", keep("embed", w["model.embed_tokens.weight"]), "ids")
    for at in range(LAYERS):
        stem = f"model.layers.{at}."
        y = node("SimplifiedLayerNormalization", x, keep(f"n{at}a", w[stem + "input_layernorm.weight"]))
        q, k, v = (product(y, w[f"{stem}self_attn.{part}_proj.weight"]) for part in "qkv")
        x = node("Add", x, product(node("Attention", q, k, v), w[stem + "self_attn.o_proj.weight"]))
        y = node(
            "SimplifiedLayerNormalization", x, keep(f"n{at}b", w[stem + "post_attention_layernorm.weight"])
        )
        gate = product(y, w[stem + "mlp.gate_proj.weight"])
        up = product(y, w[stem + "mlp.up_proj.weight"])
        x = node("Add", x, product(node("Mul", node("Silu", gate), up), w[stem + "mlp.down_proj.weight"]))
    graph = b"".join(field(1, one) for one in nodes) + b"".join(field(5, one) for one in tensors)
    return varint(1 << 3) + varint(8) + field(2, b"tests") + field(7, graph), outside


def mlx(w: Weights, *, bits: int = 4, group: int = 32) -> Weights:
    """Return the weights packed as MLX packs them."""
    found: Weights = {}
    for name, value in w.items():
        if value.ndim != 2:
            found[name] = value
            continue
        grouped = value.reshape(value.shape[0], -1, group)
        low = grouped.min(-1, keepdims=True)
        step = (grouped.max(-1, keepdims=True) - low) / (2**bits - 1)
        codes = np.round((grouped - low) / step).astype(np.uint32).reshape(value.shape[0], -1, 32 // bits)
        found[name] = (codes << np.arange(0, 32, bits, dtype=np.uint32)).sum(-1).astype(np.uint32)
        stem = name.removesuffix(".weight")
        found[stem + ".scales"], found[stem + ".biases"] = step[..., 0], low[..., 0]
    return found
