"""A trace as tree, JSON and page: made by hand, so that every part shows."""

from __future__ import annotations

import json

import pytest

from reliant.lineage.behaviour import Behaviour, EndpointTrace
from reliant.lineage.results import statement
from reliant.lineage.weights import Weights
from reliant.report.html.trace import to_html
from reliant.report.trace import render_endpoint, render_trace, render_trace_json
from support.traces import TRACE


def test_the_tree(snapshot) -> None:
    assert render_trace(TRACE) == snapshot


def test_the_json(snapshot) -> None:
    assert render_trace_json(TRACE) == snapshot
    assert json.loads(render_trace_json(TRACE))["schema"] == "reliant.trace/1"


def test_the_page(snapshot) -> None:
    page = to_html(TRACE)
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
