"""A trace as tree, JSON and page: made by hand, so that every part shows."""

from __future__ import annotations

import json

import pytest

from reliant.core.use import NotLookedAt
from reliant.lineage.behaviour import Behaviour, EndpointTrace
from reliant.lineage.blueprint import ConfigLevel
from reliant.lineage.declared import Claim, DeclaredLevel
from reliant.lineage.results import Contradiction, Facts, Levels, Trace, TraceResult, statement
from reliant.lineage.vocabulary import TokenizerLevel
from reliant.lineage.weights import LayerMatch, Weights
from reliant.report.trace import render_endpoint, render_trace, render_trace_json
from reliant.report.trace_html import render_trace_html

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


def test_the_tree(snapshot) -> None:
    assert render_trace(TRACE) == snapshot


def test_the_json(snapshot) -> None:
    assert render_trace_json(TRACE) == snapshot
    assert json.loads(render_trace_json(TRACE))["schema"] == "reliant.trace/1"


def test_the_page(snapshot) -> None:
    page = render_trace_html(TRACE)
    assert page == snapshot
    assert "org/<other>" not in page


def test_colour_only_paints(snapshot) -> None:
    import re

    assert re.sub(r"\x1b\[\d+m", "", render_trace(TRACE, colour=True)) == render_trace(TRACE)


@pytest.mark.parametrize(
    "verdict", ["exact", "near_copy", "derived", "partial", "same_space", "none_detected", "not_testable"]
)
def test_no_verdict_says_more_than_was_measured(verdict: str) -> None:
    words = statement(
        "a", "b", Weights(verdict=verdict, why="it has no neurons", detection_limit=0.2)
    ).lower()
    assert not any(word in words for word in ("copied", "stolen", "independent", "descends", "trained on"))


def test_an_endpoint(snapshot) -> None:
    one = Behaviour(
        "https://m/v1#big",
        "consistent",
        0.91,
        0.24,
        0.93,
        1e-9,
        "same",
        200,
        0.01,
        "It chooses as the reference does.",
    )
    assert (
        render_endpoint(EndpointTrace(endpoint="https://r/v1#big", results=(one,), calls=888, tokens=12_000))
        == snapshot
    )
