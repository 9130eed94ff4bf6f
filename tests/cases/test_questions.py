"""What a lawyer would ask, put to the command line, with the answer that the sources give."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reliant.atlas.load import read_yaml
from reliant.cli.check import check

QUESTIONS = {one["id"]: one for one in read_yaml(Path(__file__).with_name("questions.yaml"))}

_AXES = ("access", "law", "licence", "register")


def _answer(question: dict[str, Any], folder: Path) -> dict[str, Any]:
    arguments = [*shlex.split(question["ask"]), "--format", "json"]
    if "owners" in question:
        owners = folder / "owners.json"
        owners.write_text(json.dumps({"company": "acme", "companies": question["owners"]}))
        arguments += ["--owners", str(owners)]
    result = CliRunner().invoke(check, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def _gate(gate: dict[str, Any]) -> str:
    parts = (gate["verdict"], gate.get("enforcement"), gate.get("since"), gate.get("rule"))
    return " ".join(str(part) for part in parts if part)


def _told(answer: dict[str, Any], expect: dict[str, Any]) -> dict[str, Any]:
    """Return what the answer says of all that is expected."""
    axes = answer["axes"]
    told: dict[str, Any] = {axis: axes[axis]["verdict"] for axis in _AXES if axis in expect}
    if "gates" in expect:
        gates = {gate["by"]: _gate(gate) for gate in axes["access"]["gates"]}
        told["gates"] = {by: gates.get(by) for by in expect["gates"]}
    if "rules" in expect:
        truths = {rule["id"]: rule["truth"] for axis in axes.values() for rule in axis["rules"]}
        told["rules"] = {rule: truths.get(rule, "no") for rule in expect["rules"]}
    for name, key in (("missing", "fact"), ("pending", "rule")):
        if name in expect:
            found = {one[key] for axis in axes.values() for one in axis[name]}
            told[name] = [one for one in expect[name] if one in found]
    if "changes" in expect:
        told["changes"] = {one["axis"]: one["because"] for one in answer["changes"]}
    return told


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_that_of_the_sources(name: str, tmp_path: Path) -> None:
    question = QUESTIONS[name]
    assert question["source"]
    assert question["why"]
    expect = question["expect"]
    assert _told(_answer(question, tmp_path), expect) == expect, question["why"]


def test_every_scenario_of_the_atlas_is_asked_about(root: Path) -> None:
    asked = " ".join(question["ask"] for question in QUESTIONS.values())
    scenarios = [path.stem for path in (root / "atlas" / "scenarios").glob("*.yaml")]
    assert [name for name in scenarios if name not in asked] == []
