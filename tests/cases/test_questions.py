"""What a lawyer would ask, put to the command line, with the answer that the sources give."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reliant.atlas.load import read_yaml
from reliant.cli.check import check
from reliant.cli.explain import explain

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


_OPEN = (
    "texan-agency-on-qwen-weights",
    "llama-4-where-the-seat-is-not-known",
    "public-service-in-china-where-only-the-filing-is-known",
    "llama-3-at-a-service-with-800-million-users-today",
    "italian-public-body-on-the-deepseek-app",
    "gpt-4-outputs-train-a-rival",
    "fable-5-where-the-nationality-is-not-known",
)


def _given_back(facts: dict[str, str]) -> list[str]:
    """Return what an explanation proposes as options of the command line."""
    options: list[str] = []
    for name, value in facts.items():
        reading = name.removeprefix("reading:")
        options += ["--fact", f"{name}={value}"] if reading == name else ["--reading", f"{reading}={value}"]
    return options


@pytest.mark.parametrize("name", _OPEN)
def test_what_an_explanation_foretells_comes_true(name: str, tmp_path: Path) -> None:
    """Proposals can be given back as options, and give what was told; the next change is on its day."""
    question = QUESTIONS[name]
    asked = shlex.split(question["ask"])
    beside = CliRunner().invoke(explain, [*asked, "--format", "json"], catch_exceptions=False)
    told = json.loads(beside.stdout)
    before = _answer(question, tmp_path)
    proposals = told["would_change"]
    assert proposals or told["rests_on"]
    for one in [*proposals[:4], *proposals[-1:]]:
        again = {**question, "ask": shlex.join([*asked, *_given_back(one["facts"])])}
        after = _answer(again, tmp_path)["combined"]
        assert after == one["combined"] != before["combined"], one["facts"]
    change = told["next_change"]
    if change is not None:
        day = dt.date.fromisoformat(change["on"])
        at = asked.index("--as-of") + 1

        def on(day: dt.date) -> dict[str, Any]:
            return _answer({"ask": shlex.join([*asked[:at], day.isoformat(), *asked[at + 1 :]])}, tmp_path)

        eve, then = on(day - dt.timedelta(days=1)), on(day)
        assert eve["combined"] == before["combined"]
        assert then["combined"] == change["combined"]
        assert {axis: then["axes"][axis]["verdict"] for axis in change["axes"]} == change["axes"]
