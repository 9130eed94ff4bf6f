"""Where in a model the parts lie that carry its descent: FFN neurons, their norm, attention, embeddings.

Names differ between families, so a table of the usual ones comes first. Renaming tensors is
the cheapest disguise, so where no name is known, shape decides (`anatomy_shapes`), and an
ONNX graph is followed step by step (`anatomy_onnx`). A part whose role stays open is tried
in each role, and the statistic pays for every try.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reliant.lineage.formats.header import Tensor
    from reliant.lineage.opened import Opened


class Rows(msgspec.Struct, frozen=True):
    """Vectors of the residual space inside one tensor.

    Attributes:
        tensor: Its name.
        axis: The axis the vectors are counted along: 0 if they lie as stored rows.
        count: How many there are.
        start: Index of the first, for tensors that hold several matrices fused.
        lead: Index on a leading axis, such as the expert; None for a plain matrix.
        step: From one vector to the next, for interleaved ones.
    """

    tensor: str
    axis: int
    count: int
    start: int = 0
    lead: int | None = None
    step: int = 1


class Ffn(msgspec.Struct, frozen=True):
    """One feed-forward block: neurons by gate, up and down; `up` is None when there is no gate apart."""

    gate: Rows
    up: Rows | None
    down: Rows | None


class Layer(msgspec.Struct, frozen=True):
    """One layer; a mixture of experts has several FFN blocks, a dense layer one."""

    label: str
    ffns: tuple[Ffn, ...]
    norm: str | None = None
    q: Rows | None = None
    k: Rows | None = None
    v: Rows | None = None
    o: Rows | None = None
    attention_norm: str | None = None


class Anatomy(msgspec.Struct, frozen=True):
    """The parts of a model.

    Attributes:
        d: Width of the residual space.
        ff: Neurons in the first FFN block.
        layers: In order; stacks (encoder, decoder) follow one another.
        embedding: One vector per token id.
        head: The same for the output, if it is a tensor of its own.
        norm_plus_one: Gains are stored less one.
        guessed: Roles were taken from shapes, so gate and up may be exchanged and norms unknown.
        norm_choices: With `guessed`: per layer, the vectors that may be the norm of the FFN.
    """

    d: int
    ff: int
    layers: tuple[Layer, ...]
    embedding: Rows | None
    head: Rows | None
    norm_plus_one: bool = False
    guessed: bool = False
    norm_choices: tuple[tuple[str, ...], ...] = ()


_LAYER = re.compile(
    r"^(?P<stack>.*?)(?:^|\.)(?:layers?|h|blocks?|blk|resblocks)\.(?P<index>\d{1,4})\.(?P<rest>.+)$"
)
_EXPERT = re.compile(r"(?:^|\.)experts\.(?P<expert>\d{1,4})\.(?P<rest>.+)$")

_FF = r"(?:mlp|feed_forward|ffn|block_sparse_moe)"
# What the rest of a name, less a final ".weight", ends with: alternatives are whole words. First match wins.
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gate_up", ("gate_up_proj", "w12", "ffn_gate_up", "ffn_gate_up_exps")),
    ("gate", ("gate_proj", "wi_0", "ffn_gate", _FF + r"\.w1", r"^w1")),
    ("up", ("up_proj", "wi_1", "ffn_up", _FF + r"\.w3", r"^w3")),
    ("down", ("down_proj", "ffn_down", _FF + r"\.w2", r"^w2")),
    ("gate_exps", ("ffn_gate_exps",)),
    ("up_exps", ("ffn_up_exps",)),
    ("down_exps", ("ffn_down_exps",)),
    ("fc1_in_out", (r"mlp\.c_fc",)),
    ("fc2_in_out", (r"mlp\.c_proj",)),
    ("fc1", ("fc1", "lin1", "dense_h_to_4h", "wi", "c_fc", "fc_in", "linear1", r"intermediate\.dense")),
    ("fc1", (r"^mlp\.0",)),
    ("fc2", (r"^mlp\.2",)),
    ("fc2", ("fc2", "lin2", "dense_4h_to_h", "fc_out", "linear2", r"^output\.dense", r"mlp\.output\.dense")),
    ("fc2", (r"DenseReluDense\.wo",)),
    ("norm_pre", ("pre_feedforward_layernorm", r"^layer\.2\.layer_norm")),
    ("norm", ("post_attention_layernorm", "ffn_norm", "ln_2", "ln2", "norm2", "layer_norm2", "mlp_norm")),
    ("norm", ("final_layer_norm", "layernorm_after", "mlp_ln", r"^layer\.1\.layer_norm")),
    (
        "attention_norm",
        ("input_layernorm", "attention_norm", "attn_norm", "ln_1", "ln1", "norm1", "layer_norm1"),
    ),
    ("attention_norm", ("self_attn_layer_norm", "layernorm_before", "attn_ln", r"^layer\.0\.layer_norm")),
    ("q", (r"SelfAttention\.q", r"^attn\.query")),
    ("q", ("q_proj", "wq", "attn_q", r"attention\.self\.query", r"attention\.query", "q_lin")),
    ("k", (r"SelfAttention\.k", r"^attn\.key")),
    ("k", ("k_proj", "wk", "attn_k", r"attention\.self\.key", r"attention\.key", "k_lin")),
    ("v", (r"SelfAttention\.v", r"^attn\.value")),
    ("v", ("v_proj", "wv", "attn_v", r"attention\.self\.value", r"attention\.value", "v_lin")),
    ("o", ("o_proj", "wo", "attn_output", r"attention\.output\.dense", r"attention\.dense")),
    ("o", (r"SelfAttention\.o", r"^attn\.out")),
    ("o", (r"self_attn\.out_proj", "out_lin", r"attn\.proj")),
    ("qkv", ("qkv_proj", "attn_qkv", "query_key_value", "wqkv", "Wqkv", "in_proj_weight", r"attn\.qkv")),
    ("qkv_in_out", (r"attn\.c_attn",)),
    ("o_in_out", (r"attn\.c_proj",)),
)
_ROLES = tuple(
    (
        role,
        re.compile("|".join(word + "$" if word.startswith("^") else rf"(?:^|\.){word}$" for word in words)),
    )
    for role, words in _WORDS
)
# Cross-attention reads another stack's space.
_NO_ROLE = re.compile(
    r"encoder_attn|crossattention|cross_attn|EncDecAttention|bias|inv_freq|rotary|relative_attention|lora_"
    r"|[._][qk]_norm|router|gate_inp"
)
_EMBEDDINGS = re.compile(
    r"(?:^|\.)(?:embed_tokens|wte|tok_embeddings|word_embeddings|embed_in|token_embd|shared|token_embedding)(?:\.weight)?$"
)
_HEADS = re.compile(r"(?:^|\.)(?:lm_head|embed_out|output|output_layer)(?:\.weight)?$")
_PLUS_ONE = ("gemma", "qwen3_next")


def anatomy_of(opened: Opened) -> Anatomy | None:
    """Return the parts of a model, or None if none of the ways finds FFN neurons."""
    from reliant.lineage.anatomy_onnx import anatomy_from_graph  # noqa: PLC0415 - they build on this module
    from reliant.lineage.anatomy_shapes import anatomy_from_shapes  # noqa: PLC0415

    found = _from_names(opened)
    if found is None and opened.nodes:
        found = anatomy_from_graph(opened)
    return found or anatomy_from_shapes(opened)


def width_of(opened: Opened) -> int | None:
    """Return the width of the residual space, from the embedding or from the config."""
    for name in ("hidden_size", "n_embd", "d_model", "dim"):
        value = opened.config.get(name)
        if type(value) is int and value > 0:
            return value
    architecture = opened.metadata.get("general.architecture")
    value = opened.metadata.get(f"{architecture}.embedding_length")
    if type(value) is int and value > 0:
        return value
    embedding = next((tensor for tensor in opened.tensors.values() if _EMBEDDINGS.search(tensor.name)), None)
    return plain_shape(opened, embedding)[-1] if embedding is not None and len(embedding.shape) == 2 else None


def plain_shape(opened: Opened, tensor: Tensor) -> tuple[int, ...]:
    """Return the shape of the values: an MLX tensor packs several in one 32-bit word."""
    bits = packed_bits(opened, tensor)
    if bits is None:
        return tensor.shape
    return (*tensor.shape[:-1], tensor.shape[-1] * 32 // bits)


def packed_bits(opened: Opened, tensor: Tensor) -> int | None:
    """Return the bits per value of an MLX-quantised tensor; None for any other."""
    stem = tensor.name.removesuffix(".weight")
    if tensor.dtype != "U32" or len(tensor.shape) < 2 or f"{stem}.scales" not in opened.tensors:
        return None
    scheme = opened.config.get("quantization") or opened.config.get("quantization_config") or {}
    own = scheme.get(stem) if isinstance(scheme, dict) else None
    bits = (own if isinstance(own, dict) else scheme).get("bits") if isinstance(scheme, dict) else None
    if bits not in {2, 3, 4, 5, 6, 8}:
        group = scheme.get("group_size", 64) if isinstance(scheme, dict) else 64
        groups = opened.tensors[f"{stem}.scales"].shape[-1]
        guess = tensor.shape[-1] * 32 // max(1, groups * group) if type(group) is int else 0
        bits = guess if guess in {2, 4, 8} else 4
    return int(bits)


class _Found:
    """The tensors of one layer by role, while they are gathered."""

    def __init__(self) -> None:
        self.roles: dict[str, Tensor] = {}
        self.experts: dict[int, dict[str, Tensor]] = {}


def _from_names(opened: Opened) -> Anatomy | None:
    stacks: dict[str, dict[int, _Found]] = {}
    for tensor in opened.tensors.values():
        match = _LAYER.match(tensor.name)
        if match is None:
            continue
        role, expert = _role(match["rest"])
        if role is None:
            continue
        found = stacks.setdefault(match["stack"], {}).setdefault(int(match["index"]), _Found())
        if expert is None:
            found.roles.setdefault(role, tensor)
        else:
            found.experts.setdefault(expert, {}).setdefault(role, tensor)
    d = width_of(opened)
    built: list[tuple[str, list[Layer]]] = []
    for stack, by_index in stacks.items():
        width = d or _width_of_stack(by_index.values())
        if width is None:
            continue
        layers = []
        several = len(stacks) > 1
        for index in sorted(by_index):
            label = f"{stack}.{index}" if several and stack else str(index)
            layer = _layer(opened, by_index[index], width, label)
            if layer is not None:
                layers.append(layer)
        if layers:
            d = d or width
            built.append((stack, layers))
    if not built or d is None:
        return None
    built.sort(key=lambda one: (-len(one[1]), one[0]))
    layers = [layer for _, stack_layers in built for layer in stack_layers]
    embedding, head = _embeddings(opened, d)
    kind = str(opened.config.get("model_type", ""))
    return Anatomy(
        d=d,
        ff=layers[0].ffns[0].gate.count,
        layers=tuple(layers),
        embedding=embedding,
        head=head,
        norm_plus_one=opened.format != "gguf" and kind.startswith(_PLUS_ONE),
    )


def _role(rest: str) -> tuple[str | None, int | None]:
    expert = None
    match = _EXPERT.search(rest)
    if match is not None:
        expert, rest = int(match["expert"]), match["rest"]
    rest = rest.removesuffix(".weight")
    if rest.endswith((".scales", ".biases", ".SCB")):
        return None, None
    if _NO_ROLE.search(rest):
        return None, None
    for role, pattern in _ROLES:
        if pattern.search(rest):
            return role, expert
    return None, None


def _width_of_stack(layers: Iterable[_Found]) -> int | None:
    for found in layers:
        for role in ("norm", "norm_pre", "attention_norm"):
            if role in found.roles and len(found.roles[role].shape) == 1:
                return found.roles[role].shape[0]
        for role in ("gate", "fc1", "up"):
            if role in found.roles and len(found.roles[role].shape) == 2:
                return min(found.roles[role].shape)
    return None


def _layer(opened: Opened, found: _Found, d: int, label: str) -> Layer | None:
    roles = found.roles
    ffns: list[Ffn] = []
    if found.experts:
        for expert in sorted(found.experts):
            ffns.extend(_ffns(opened, found.experts[expert], d))
    ffns.extend(_ffns(opened, roles, d))
    if not ffns:
        return None
    norm = roles.get("norm_pre") or roles.get("norm")
    return Layer(
        label=label,
        ffns=tuple(ffns),
        norm=norm.name if norm is not None and norm.shape == (d,) else None,
        attention_norm=_plain_norm(roles.get("attention_norm"), d),
        **_attention(opened, roles, d),
    )


def _ffns(opened: Opened, roles: dict[str, Tensor], d: int) -> list[Ffn]:
    """Return the FFN blocks that these tensors make: one, or one per expert where experts are stacked."""

    def rows(role: str, *, in_out: bool = False) -> Rows | None:
        return matrix(opened, roles.get(role), d, in_out=in_out)

    if "gate_up" in roles:
        return _fused(opened, roles, d)
    if "gate_exps" in roles and "up_exps" in roles:
        shape = plain_shape(opened, roles["gate_exps"])
        if len(shape) == 3 and shape[2] == d:
            return [
                Ffn(
                    Rows(roles["gate_exps"].name, 0, shape[1], lead=one),
                    Rows(roles["up_exps"].name, 0, shape[1], lead=one),
                    None,
                )
                for one in range(min(shape[0], 512))
            ]
    gate, up = rows("gate"), rows("up")
    if gate is not None and up is not None and gate.count == up.count:
        return [Ffn(gate, up, _across(opened, roles.get("down"), d, gate.count))]
    first = rows("fc1") or rows("fc1_in_out", in_out=True) or up
    if first is None:
        return []
    second = roles.get("fc2") or roles.get("down")
    down = _across(opened, second, d, first.count) if second is not None else None
    if down is None and "fc2_in_out" in roles:
        shape = roles["fc2_in_out"].shape
        down = Rows(roles["fc2_in_out"].name, 0, first.count) if shape == (first.count, d) else None
    if down is None and first.count % 2 == 0 and second is not None:
        half = _across(opened, second, d, first.count // 2)  # dense_h_to_4h that holds gate and up
        if half is not None:
            count = first.count // 2
            gate = Rows(first.tensor, first.axis, count, start=0)
            return [Ffn(gate, Rows(first.tensor, first.axis, count, start=count), half)]
    return [Ffn(first, None, down)] if down is not None else []


def _fused(opened: Opened, roles: dict[str, Tensor], d: int) -> list[Ffn]:
    tensor = roles["gate_up"]
    shape = plain_shape(opened, tensor)
    if len(shape) == 2:
        both = matrix(opened, tensor, d)
        if both is None or both.count % 2:
            return []
        half = both.count // 2
        down = _across(opened, roles.get("down"), d, half)
        return [Ffn(Rows(tensor.name, both.axis, half), Rows(tensor.name, both.axis, half, start=half), down)]
    if len(shape) == 3 and d in shape[1:]:
        axis = 0 if shape[2] == d else 1
        half = shape[1 + axis] // 2
        return [
            Ffn(
                Rows(tensor.name, axis, half, lead=one),
                Rows(tensor.name, axis, half, start=half, lead=one),
                None,
            )
            for one in range(min(shape[0], 512))
        ]
    return []


def matrix(opened: Opened, tensor: Tensor | None, d: int, *, in_out: bool = False) -> Rows | None:
    """Return the vectors of width `d` in a matrix, whichever way it lies."""
    if tensor is None:
        return None
    shape = plain_shape(opened, tensor)
    if len(shape) != 2:
        return None
    if in_out and shape[0] == d:
        return Rows(tensor.name, 1, shape[1])
    if shape[1] == d:
        return Rows(tensor.name, 0, shape[0])
    return Rows(tensor.name, 1, shape[1]) if shape[0] == d else None


def _across(opened: Opened, tensor: Tensor | None, d: int, count: int) -> Rows | None:
    """Return the output vectors of a matrix from `count` neurons to width `d`."""
    if tensor is None:
        return None
    shape = plain_shape(opened, tensor)
    if shape == (d, count):
        return Rows(tensor.name, 1, count)
    return Rows(tensor.name, 0, count) if shape == (count, d) else None


def _attention(opened: Opened, roles: dict[str, Tensor], d: int) -> dict[str, Rows | None]:
    found: dict[str, Rows | None] = {role: matrix(opened, roles.get(role), d) for role in "qkv"}
    output = roles.get("o") or roles.get("o_in_out")
    if output is not None:
        shape = plain_shape(opened, output)
        if len(shape) == 2 and d in shape:
            axis = 0 if "o_in_out" in roles and "o" not in roles else 1
            axis = axis if shape[1 - axis] == d else 1 - axis
            found["o"] = Rows(output.name, axis, shape[axis])
    fused = roles.get("qkv") or roles.get("qkv_in_out")
    if fused is not None and found["q"] is None:
        both = matrix(opened, fused, d, in_out="qkv" not in roles)
        if both is not None and both.count == 3 * d:
            for at, role in enumerate("qkv"):
                found[role] = Rows(both.tensor, both.axis, d, start=at * d)
        elif both is not None and both.count > d:
            side = (both.count - d) // 2
            found["q"] = Rows(both.tensor, both.axis, d)
            found["k"] = Rows(both.tensor, both.axis, side, start=d)
            found["v"] = Rows(both.tensor, both.axis, side, start=d + side)
    return found


def _plain_norm(tensor: Tensor | None, d: int) -> str | None:
    return tensor.name if tensor is not None and tensor.shape == (d,) else None


def _embeddings(opened: Opened, d: int) -> tuple[Rows | None, Rows | None]:
    embedding = head = None
    for tensor in opened.tensors.values():
        shape = plain_shape(opened, tensor)
        if len(shape) != 2 or shape[1] != d:
            continue
        if embedding is None and _EMBEDDINGS.search(tensor.name):
            embedding = Rows(tensor.name, 0, shape[0])
        elif head is None and _HEADS.search(tensor.name):
            head = Rows(tensor.name, 0, shape[0])
    return embedding, head
