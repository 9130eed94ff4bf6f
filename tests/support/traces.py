"""A trace made by hand, so that every part of its page and its tree shows."""

from __future__ import annotations

from reliant.core.use import NotLookedAt
from reliant.lineage.blueprint import ConfigLevel
from reliant.lineage.declared import Claim, DeclaredLevel
from reliant.lineage.results import Contradiction, Facts, Levels, Trace, TraceResult, statement
from reliant.lineage.vocabulary import TokenizerLevel
from reliant.lineage.weights import LayerMatch, Weights

FOUND = Weights(
    verdict="derived",
    path="I",
    agreement=0.93,
    log10_p=-79.65,
    cosine=0.41,
    layer_map=(0, None, 2, 2),
    layers=(
        LayerMatch(0, 0, 0, 60, 1.0, 0.93, -79.65, 0.41, 1),
        LayerMatch(1, 0, None, 1, 0.8, 0.01, 0.0, 0.1, 1),
        LayerMatch(2, 0, 2, 50, 1.0, 0.78, -60.1, 0.4, 2),
        LayerMatch(3, 0, 2, 51, 1.0, 0.79, -61.1, 0.4, 50),
    ),
    detection_limit=0.16,
    rows_read=512,
    bytes_read=12_700_000,
    reference_bytes_read=2_000_000_000,
    ranges=268,
    tests=16,
    same_index=1.0,
    second_opinion=0.001,
    paths_tried=("I",),
    hints=("layers 2 of the reference are there more than once: up-scaled, so the later one",),
    shares={"org/base": 0.6},
)
NONE = Weights(verdict="none_detected", paths_tried=("I", "E"), detection_limit=0.11, layer_map=(None,) * 4)
DECLARED = DeclaredLevel(
    (Claim("base", "org/<other>", "README.md base_model"),), names_reference=False, says_from_scratch=True
)


def result(reference: str, found: Weights) -> TraceResult:
    levels = Levels(
        DECLARED,
        ConfigLevel("same", "LlamaForCausalLM", "LlamaForCausalLM", ("width",), {}, "Equal sizes."),
        TokenizerLevel("extended", 300, 0.94, 1.0, None, "All tokens of the reference and 20 more."),
        found,
    )
    return TraceResult(reference, levels, statement("org/suspect", reference, found))


TRACE = Trace(
    suspect="org/suspect",
    results=(result("org/base", FOUND), result("org/stranger", NONE)),
    contradictions=(Contradiction("names_another", "org/base", "It names another."),),
    not_looked_at=(
        NotLookedAt("model-00002.safetensors", "the index names this shard, and it is not there"),
    ),
    facts=Facts("safetensors", ("model.safetensors",), 39, 7_000_000_000, "LlamaForCausalLM", 4, 4096, 11008),
)
