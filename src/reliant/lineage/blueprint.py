"""The config level: the architecture and its sizes. It says "same blueprint" and no more.

Many models trained apart have equal sizes by design, so equality here is never evidence of
common weights; and a changed `model_type` is never evidence against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from reliant.lineage.anatomy import Anatomy
    from reliant.lineage.opened import Opened

# Our word -> what config.json calls it, then what GGUF calls it after the architecture's name.
_FIELDS: dict[str, tuple[tuple[str, ...], str]] = {
    "width": (("hidden_size", "n_embd", "d_model", "dim"), "embedding_length"),
    "layers": (("num_hidden_layers", "n_layer", "num_layers", "n_layers"), "block_count"),
    "inner_width": (("intermediate_size", "n_inner", "ffn_dim", "d_ff"), "feed_forward_length"),
    "heads": (("num_attention_heads", "n_head", "num_heads"), "attention.head_count"),
    "kv_heads": (("num_key_value_heads", "n_head_kv"), "attention.head_count_kv"),
    "vocabulary": (("vocab_size",), "vocab_size"),
    "rope_theta": (("rope_theta",), "rope.freq_base"),
    "norm_epsilon": (
        ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"),
        "attention.layer_norm_rms_epsilon",
    ),
    "experts": (("num_local_experts", "n_routed_experts", "num_experts"), "expert_count"),
}


class Blueprint(msgspec.Struct, frozen=True):
    """Architecture and sizes; a size that is not known is not in `sizes`."""

    architecture: str | None
    sizes: dict[str, float]


class ConfigLevel(msgspec.Struct, frozen=True):
    """How two blueprints compare.

    Attributes:
        verdict: same, similar, different or unknown.
        equal: Sizes that are equal.
        different: Sizes that are not, as [ours, theirs].
    """

    verdict: str
    architecture: str | None
    reference_architecture: str | None
    equal: tuple[str, ...] = ()
    different: dict[str, tuple[float, float]] = {}
    text: str = ""


def blueprint_of(opened: Opened, anatomy: Anatomy | None = None) -> Blueprint:
    """Return the blueprint from config.json or GGUF metadata; tensor shapes fill what they leave out."""
    sizes: dict[str, float] = {}
    listed = opened.config.get("architectures")
    architecture = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], str) else None
    architecture = architecture or _text(opened.config.get("model_type"))
    gguf = _text(opened.metadata.get("general.architecture"))
    nested = opened.config.get("text_config")
    tables = [opened.config, nested] if isinstance(nested, dict) else [opened.config]
    for field, (names, key) in _FIELDS.items():
        values = [table.get(name) for table in tables for name in names]
        if gguf is not None:
            values.append(opened.metadata.get(f"{gguf}.{key}"))
        for value in values:
            if isinstance(value, int | float) and not isinstance(value, bool):
                sizes[field] = float(f"{value:.6g}")
                break
    if anatomy is not None:
        sizes.setdefault("width", anatomy.d)
        sizes.setdefault("layers", len(anatomy.layers))
        sizes.setdefault("inner_width", anatomy.ff)
        if anatomy.embedding is not None:
            sizes.setdefault("vocabulary", anatomy.embedding.count)
    return Blueprint((architecture or gguf or "")[:100] or None, sizes)


def compare_blueprints(ours: Blueprint, theirs: Blueprint) -> ConfigLevel:
    """Return how two blueprints compare."""
    both = [field for field in _FIELDS if field in ours.sizes and field in theirs.sizes]
    equal = tuple(field for field in both if ours.sizes[field] == theirs.sizes[field])
    different = {field: (ours.sizes[field], theirs.sizes[field]) for field in both if field not in equal}
    names = (ours.architecture, theirs.architecture)
    if len(both) < 3:
        return ConfigLevel("unknown", *names, equal, different, "Too little is said to compare.")
    if not different:
        text = "Equal sizes. Models trained apart often share a blueprint: no evidence of common weights."
        return ConfigLevel("same", *names, equal, different, text)
    if len(equal) * 2 >= len(both):
        return ConfigLevel("similar", *names, equal, different, "Most sizes are equal.")
    return ConfigLevel("different", *names, equal, different, "Most sizes differ.")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
